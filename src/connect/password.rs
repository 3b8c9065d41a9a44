//! The password of a debugging server.

use std::fmt;

/// Longest password. Bytes; far above what people type, and small beside the frame that carries its proof.
pub const PASSWORD_BYTES_MAX: usize = 128;

/// What a client has to know to be let in, or `none`, the spelled-out way to go without. Case counts.
///
/// Its `Debug` hides it; the `Display` of a whole string does not.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// A password of `text`; `none` means that there is none.
    ///
    /// # Errors
    /// The reason in words, if `text` is empty, longer than [`PASSWORD_BYTES_MAX`], or has a blank, a comma or a control
    /// character in it, which could not be typed in a connection string.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("a password has at least one character; `password=none` goes without");
        }
        if text.len() > PASSWORD_BYTES_MAX {
            return Err("longer than 128 bytes, the limit of a password");
        }
        if text
            .chars()
            .any(|c| c == ',' || c.is_whitespace() || !super::grammar::is_legible(c))
        {
            return Err("a password has no blanks, commas or control characters");
        }
        Ok(Self(text.to_owned()))
    }

    /// The password itself, to prove or check; `None` if the server is open by choice.
    #[must_use]
    pub fn reveal(&self) -> Option<&str> {
        (self.0 != OPEN).then_some(self.0.as_str())
    }

    /// As it stands in a connection string.
    pub(super) fn written(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.reveal().is_some() {
            "Password(*)"
        } else {
            "Password(none)"
        })
    }
}

const OPEN: &str = "none";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_is_no_password_and_case_counts() {
        assert_eq!(Password::new("none").unwrap().reveal(), None);
        assert_eq!(Password::new("None").unwrap().reveal(), Some("None"));
    }

    #[test]
    fn a_password_does_not_show_in_debug_output() {
        assert_eq!(
            format!("{:?}", Password::new("Lab12").unwrap()),
            "Password(*)"
        );
        assert_eq!(
            format!("{:?}", Password::new("none").unwrap()),
            "Password(none)"
        );
    }

    #[test]
    fn what_could_not_be_typed_is_refused() {
        for text in [
            "",
            "a b",
            "a,b",
            "a\u{7}",
            &"x".repeat(PASSWORD_BYTES_MAX + 1),
        ] {
            assert!(Password::new(text).is_err(), "{text:?}");
        }
    }
}
