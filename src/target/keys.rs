//! Keys as they are written at the command line: text with escapes, and back.

use std::fmt::Write as _;

/// The bytes that `text` stands for: `\r \n \t \e \\ \xNN` are understood.
///
/// # Errors
/// What is wrong with an escape, in words.
pub fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        match rest.next() {
            Some('r') => bytes.push(b'\r'),
            Some('n') => bytes.push(b'\n'),
            Some('t') => bytes.push(b'\t'),
            Some('e') => bytes.push(0x1b),
            Some('\\') => bytes.push(b'\\'),
            Some('x') => {
                let digits: String = rest.by_ref().take(2).collect();
                let byte = (digits.len() == 2)
                    .then(|| u8::from_str_radix(&digits, 16).ok())
                    .flatten();
                bytes.push(byte.ok_or_else(|| {
                    format!("\\x{digits}: two hexadecimal digits belong behind \\x")
                })?);
            }
            Some(other) => {
                return Err(format!(
                    "\\{other} means nothing; \\r \\n \\t \\e \\\\ \\xNN do"
                ));
            }
            None => return Err("a \\ stands at the end; a real one is written \\\\".to_owned()),
        }
    }
    Ok(bytes)
}

/// The text that stands for these bytes.
#[must_use]
pub fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\r' => text.push_str("\\r"),
                '\n' => text.push_str("\\n"),
                '\t' => text.push_str("\\t"),
                '\x1b' => text.push_str("\\e"),
                '\\' => text.push_str("\\\\"),
                c if c.is_control() => {
                    escape_bytes(c.encode_utf8(&mut [0; 4]).as_bytes(), &mut text)
                }
                c => text.push(c),
            }
        }
        escape_bytes(chunk.invalid(), &mut text);
    }
    text
}

fn escape_bytes(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        // Memory does not fail.
        write!(text, "\\x{byte:02x}").ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_are_unescaped() {
        assert_eq!(unescape(r"a\r\x03\\\eü").unwrap(), b"a\r\x03\\\x1b\xc3\xbc");
        for wrong in [r"\q", r"\x4", r"\xzz", "\\"] {
            assert!(unescape(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_escaped_is_harmless_and_stands_for_the_same_keys(bytes: Vec<u8>) {
            let text = escape(&bytes);
            prop_assert!(!text.chars().any(char::is_control));
            prop_assert_eq!(unescape(&text), Ok(bytes));
        }
    }
}
