//! What somebody may do.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::people::PersonId;
use crate::proto::session::Granted;

/// How much somebody may do, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Permission {
    /// Watch and chat.
    Observer,
    /// Steer targets as well, and open and end servers.
    Operator,
    /// Everything: the person at the host itself.
    Owner,
}

impl Permission {
    /// The word of the headless contract.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Observer => "observer",
            Self::Operator => "operator",
            Self::Owner => "owner",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What operators may do to the host's machine, beyond steering its targets: nothing unless its configuration says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Read and write files, use devices and sockets.
    pub files: bool,
    /// Run programs, or forbid that for all.
    pub programs: bool,
    /// Open servers that let anybody in.
    pub open: bool,
}

/// Who is behind a command, and what they may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// Who it is, whatever they are called; nobody for whoever sits at the host itself.
    pub person: Option<PersonId>,
    /// The name everybody sees. Names change hands: it tells who did something and decides nothing.
    pub name: String,
    /// What they may do.
    pub permission: Permission,
}

impl Author {
    /// The person at the host itself.
    #[must_use]
    pub fn owner(name: impl Into<String>) -> Self {
        Self {
            person: None,
            name: name.into(),
            permission: Permission::Owner,
        }
    }
}

impl From<Granted> for Permission {
    fn from(granted: Granted) -> Self {
        match granted {
            Granted::Observer => Self::Observer,
            Granted::Operator => Self::Operator,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_permission_includes_those_before_it() {
        assert!(Permission::Observer < Permission::Operator);
        assert!(Permission::Operator < Permission::Owner);
    }
}
