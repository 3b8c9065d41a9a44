//! Whether a target asks for a password: what is typed then is neither shown nor recorded.

use super::safe;

/// What prompts for secrets say, in lower case.
const WORDS: [&str; 3] = ["password", "passphrase", "passcode"];

/// Whether `prompt`, a line that has not ended, asks for a secret.
pub fn asks(prompt: &[u8]) -> bool {
    let text = safe::plain(prompt).to_lowercase();
    text.trim_end().ends_with(':') && WORDS.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_for_secrets_are_known() {
        for prompt in [
            "Password: ",
            "root's password:",
            "Enter passphrase for key '/id':",
            "\x1b[1mPASSWORD:\x1b[0m ",
        ] {
            assert!(asks(prompt.as_bytes()), "{prompt}");
        }
        for prompt in [
            "login: ",
            "# ",
            "the password was changed",
            "passwords are 8 characters long. ",
        ] {
            assert!(!asks(prompt.as_bytes()), "{prompt}");
        }
    }
}
