//! Somebody was not let in: who, and why, for an audit log.

use std::fmt;

use crate::proto::session::frame::FrameError;
use crate::proto::session::hello::HelloError;

use super::wire::WireError;
use super::{Caller, Greeted, No};

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// The password is neither of the server's.
    WrongPassword,
    /// A kdeck of another major version.
    Version,
    /// Another program.
    Foreign,
    /// Another account of this machine, at a pipe or a way back that is for its own alone.
    Account,
    /// The time was up.
    TooSlow,
    /// Too many strangers, or too many wrong passwords.
    TooMany,
    /// What came cannot be understood.
    Malformed,
    /// They hung up, or the connection broke.
    Gone,
}

impl RefusalKind {
    /// A word for it that programs can look for.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::WrongPassword => "wrong-password",
            Self::Version => "version",
            Self::Foreign => "foreign",
            Self::Account => "foreign-account",
            Self::TooSlow => "too-slow",
            Self::TooMany => "too-many",
            Self::Malformed => "malformed",
            Self::Gone => "gone",
        }
    }
}

/// Who was refused, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What went wrong.
    pub kind: RefusalKind,
    /// Where they came from.
    pub caller: Caller,
    /// What they said of themselves, which is not proved.
    pub client: Option<Box<Greeted>>,
    /// What went wrong, in words. Nothing in it would be obeyed by a terminal.
    pub text: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.client {
            Some(client) => write!(
                f,
                "{} ({}) refused: {}",
                self.caller, client.person, self.text
            ),
            None => write!(f, "{} refused: {}", self.caller, self.text),
        }
    }
}

impl From<HelloError> for No {
    fn from(error: HelloError) -> Self {
        let kind = match &error {
            HelloError::Foreign(_) => RefusalKind::Foreign,
            HelloError::Version { .. } => RefusalKind::Version,
            HelloError::SameSide(_) | HelloError::Malformed(_) => RefusalKind::Malformed,
        };
        Self {
            kind,
            text: error.to_string(),
            told: None,
        }
    }
}

impl From<FrameError> for No {
    fn from(error: FrameError) -> Self {
        Self {
            kind: RefusalKind::Malformed,
            text: error.to_string(),
            told: None,
        }
    }
}

impl From<WireError> for No {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Hello(error) => error.into(),
            WireError::Frame(error) => error.into(),
            WireError::Gone(text) => Self {
                kind: RefusalKind::Gone,
                text,
                told: None,
            },
        }
    }
}
