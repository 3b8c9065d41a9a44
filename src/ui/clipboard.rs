//! Text on its way to the clipboard of the terminal that shows the screen: OSC 52, wrapped for multiplexers.
//!
//! Only ever written, never asked for. Sequence: xterm "Operating System Commands", 52; the wrappers of tmux and GNU
//! screen pass a device control string through.

use std::fmt::Write as _;

/// Longest text handed over, bytes: terminals drop longer sequences, most at 100,000 bytes of base64.
pub const COPY_BYTES_MAX: usize = 74_000;

/// GNU screen cuts strings that are longer than this. Bytes.
const SCREEN_STRING_BYTES: usize = 250;

/// The sequence that puts `text`, as much of it as is allowed, into the clipboard.
pub fn sequence(text: &str, tmux: bool, screen: bool) -> String {
    let text = super::fit::clip(text, COPY_BYTES_MAX);
    let osc = format!("\x1b]52;c;{}\x07", base64(text.as_bytes()));
    if tmux {
        return format!("\x1bPtmux;{}\x1b\\", osc.replace('\x1b', "\x1b\x1b"));
    }
    if !screen {
        return osc;
    }
    let mut wrapped = String::new();
    let mut rest = osc.as_str();
    while !rest.is_empty() {
        // The sequence is ASCII.
        let (head, tail) = rest.split_at(rest.len().min(SCREEN_STRING_BYTES));
        write!(wrapped, "\x1bP{head}\x1b\\").ok();
        rest = tail;
    }
    wrapped
}

/// Base64 without line breaks (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group
            .iter()
            .chain([&0; 2])
            .take(3)
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        for place in 0..4 {
            let letter = (bits >> (18 - 6 * place)) as usize & 63;
            text.push(if place <= group.len() {
                LETTERS.get(letter).copied().map_or('=', char::from)
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_as_in_the_standard() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn multiplexers_get_their_wrapping() {
        assert_eq!(sequence("f", false, false), "\x1b]52;c;Zg==\x07");
        assert_eq!(
            sequence("f", true, false),
            "\x1bPtmux;\x1b\x1b]52;c;Zg==\x07\x1b\\"
        );
        let long = sequence(&"x".repeat(600), false, true);
        assert!(
            long.split("\x1b\\")
                .all(|part| part.len() <= SCREEN_STRING_BYTES + 2)
        );
        assert_eq!(long.matches("\x1bP").count(), 4);
    }

    #[test]
    fn a_text_that_is_too_long_is_cut_between_characters() {
        let text = "é".repeat(COPY_BYTES_MAX);
        assert!(sequence(&text, false, false).len() <= 100_000);
    }
}
