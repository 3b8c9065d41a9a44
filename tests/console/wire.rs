//! What kdeck may write to a terminal, byte by byte. Anything else would have come from a target.

/// Private modes that the console switches: mouse, cursor, alternate screen, bracketed paste, synchronised output.
const MODES: [&str; 7] = ["1000", "1002", "1006", "25", "1049", "2004", "2026"];

/// One thing written to a terminal.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Character(char),
    /// `CSI parameters final`.
    Control(&'a str, char),
}

/// Fails unless everything is text or one of the sequences that the console itself uses.
pub fn check(bytes: &[u8]) {
    each(bytes, |_| {});
}

/// How many sequences set a colour. Going back to the terminal's own is none.
pub fn colours(bytes: &[u8]) -> usize {
    let mut count = 0;
    each(bytes, |piece| {
        if let Piece::Control(parameters, 'm') = piece {
            let sets = |word: &str| {
                let number: u32 = word.parse().unwrap_or(0);
                matches!(number, 30..=38 | 40..=48 | 58 | 90..=97 | 100..=107)
            };
            count += usize::from(parameters.split([';', ':']).any(sets));
        }
    });
    count
}

fn each<'a>(bytes: &'a [u8], mut take: impl FnMut(Piece<'a>)) {
    let text = std::str::from_utf8(bytes).unwrap_or_else(|error| {
        let at = error.valid_up_to();
        panic!("no UTF-8 was written: {}", around(bytes, at));
    });
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let at = text.len() - rest.len();
        rest = &rest[character.len_utf8()..];
        let piece = if character == '\x1b' {
            let (piece, after) = control(rest)
                .unwrap_or_else(|| panic!("a sequence got through: {}", around(bytes, at)));
            rest = after;
            piece
        } else {
            assert!(
                is_harmless(character),
                "{character:?} got through: {}",
                around(bytes, at)
            );
            Piece::Character(character)
        };
        take(piece);
    }
}

/// What follows an escape character.
fn control(text: &str) -> Option<(Piece<'_>, &str)> {
    let text = text.strip_prefix('[')?;
    let end = text.find(|c: char| !matches!(c, '0'..='?'))?;
    let (parameters, after) = text.split_at(end);
    let last = after.chars().next()?;
    let numbers = |text: &str| text.chars().all(|c| matches!(c, '0'..='9' | ';' | ':'));
    let known = match last {
        'H' | 'm' => numbers(parameters),
        'J' => matches!(parameters, "" | "2"),
        'h' | 'l' => parameters
            .strip_prefix('?')
            .is_some_and(|mode| MODES.contains(&mode)),
        _ => false,
    };
    known.then(|| (Piece::Control(parameters, last), &after[1..]))
}

/// Neither a control character (C0, C1) nor one that turns text around, hides, or ends a line (UAX #9, UAX #14).
fn is_harmless(character: char) -> bool {
    !character.is_control()
        && !matches!(
            character,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
        )
}

fn around(bytes: &[u8], at: usize) -> String {
    let part = &bytes[at.saturating_sub(80)..bytes.len().min(at + 80)];
    part.escape_ascii().to_string()
}

#[test]
fn what_a_target_could_send_is_noticed() {
    for bytes in [
        &b"\x1b]0;title\x07"[..],
        b"\x1bPq\x1b\\",
        b"\x1b_x\x1b\\",
        b"\x1b^x\x1b\\",
        b"\x1bXx\x1b\\",
        b"\x1bc",
        b"\x1b(0",
        b"\x1b[c",
        b"\x1b[?6h",
        b"\x1b[2;5r",
        b"\x1b[3J",
        b"\x1b[",
        b"\x07",
        b"\x0e",
        b"\0",
        b"\x9b2J",
        "\u{9b}2J".as_bytes(),
        "\u{202e}".as_bytes(),
    ] {
        let result = std::panic::catch_unwind(|| check(bytes));
        assert!(result.is_err(), "{} passed", bytes.escape_ascii());
    }
    check("\x1b[?2026h\x1b[1;2H\x1b[38;5;1mtext é\x1b[?2026l".as_bytes());
    assert_eq!(colours(b"\x1b[1;31ma\x1b[39mb\x1b[0m\x1b[48;2;1;2;3m"), 2);
}
