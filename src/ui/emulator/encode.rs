//! Keys and pastes as the bytes xterm sends for them.
//!
//! Source: the xterm control sequence list, "PC-style function keys"; control characters as on a VT220.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// The bytes of a key, or `None` for one that sends nothing (releases, modifiers alone, media keys). `app_cursor`: the
/// target asked for application cursor keys, see [`super::Emulator::application_cursor`].
pub fn encode_key(key: KeyEvent, app_cursor: bool) -> Option<Vec<u8>> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let plain = match key.code {
        KeyCode::Char(character) => character_key(character, control),
        KeyCode::Enter => b"\r".to_vec(),
        KeyCode::Tab => b"\t".to_vec(),
        KeyCode::Esc => b"\x1b".to_vec(),
        KeyCode::Backspace if control => b"\x08".to_vec(),
        KeyCode::Backspace => b"\x7f".to_vec(),
        KeyCode::Null => b"\0".to_vec(),
        code => return function_key(code, key.modifiers, app_cursor),
    };
    Some(if alt {
        [b"\x1b".as_slice(), &plain].concat()
    } else {
        plain
    })
}

/// A paste as data: line ends become returns, as if typed; other control characters are left out, so that nothing in it
/// ends the brackets or acts as a key. `bracketed`: see [`super::Emulator::bracketed_paste`].
pub fn encode_paste(text: &str, bracketed: bool) -> Vec<u8> {
    let lines = text.replace("\r\n", "\r").replace('\n', "\r");
    let data: String = lines
        .chars()
        .filter(|character| matches!(character, '\r' | '\t') || !character.is_control())
        .collect();
    let (start, end) = if bracketed {
        ("\x1b[200~", "\x1b[201~")
    } else {
        ("", "")
    };
    [start, &data, end].concat().into_bytes()
}

fn character_key(character: char, control: bool) -> Vec<u8> {
    let byte = match character {
        _ if !control => None,
        ' ' | '2' => Some(0),
        '@'..='_' | 'a'..='z' => u8::try_from(character).ok().map(|byte| byte & 0x1f),
        '3'..='7' => u8::try_from(character).ok().map(|byte| byte - b'3' + 0x1b),
        '/' => Some(0x1f),
        '8' | '?' => Some(0x7f),
        _ => None,
    };
    byte.map_or_else(
        || character.encode_utf8(&mut [0; 4]).as_bytes().to_vec(),
        |byte| vec![byte],
    )
}

/// Keys that send a sequence. Held modifiers are a second parameter, which forces the CSI form.
fn function_key(code: KeyCode, modifiers: KeyModifiers, app_cursor: bool) -> Option<Vec<u8>> {
    enum Form {
        /// `ESC [ x`, or `ESC O x` where the target asked for it.
        Cursor(char),
        /// `ESC O x`.
        Shifted(char),
        /// `ESC [ n ~`.
        Numbered(u8),
    }
    let form = match code {
        KeyCode::Up => Form::Cursor('A'),
        KeyCode::Down => Form::Cursor('B'),
        KeyCode::Right => Form::Cursor('C'),
        KeyCode::Left => Form::Cursor('D'),
        KeyCode::KeypadBegin => Form::Cursor('E'),
        KeyCode::End => Form::Cursor('F'),
        KeyCode::Home => Form::Cursor('H'),
        KeyCode::Insert => Form::Numbered(2),
        KeyCode::Delete => Form::Numbered(3),
        KeyCode::PageUp => Form::Numbered(5),
        KeyCode::PageDown => Form::Numbered(6),
        KeyCode::F(1) => Form::Shifted('P'),
        KeyCode::F(2) => Form::Shifted('Q'),
        KeyCode::F(3) => Form::Shifted('R'),
        KeyCode::F(4) => Form::Shifted('S'),
        KeyCode::F(5) => Form::Numbered(15),
        KeyCode::F(number @ 6..=10) => Form::Numbered(number + 11),
        KeyCode::F(number @ 11..=14) => Form::Numbered(number + 12),
        KeyCode::F(number @ 15..=16) => Form::Numbered(number + 13),
        KeyCode::F(number @ 17..=20) => Form::Numbered(number + 14),
        KeyCode::BackTab => return Some(b"\x1b[Z".to_vec()),
        _ => return None,
    };
    let held = [
        (KeyModifiers::SHIFT, 1),
        (KeyModifiers::ALT, 2),
        (KeyModifiers::CONTROL, 4),
    ];
    let held: u8 = held
        .into_iter()
        .filter(|(modifier, _)| modifiers.contains(*modifier))
        .map(|(_, bit)| bit)
        .sum();
    let sequence = match form {
        Form::Cursor(letter) | Form::Shifted(letter) if held > 0 => {
            format!("\x1b[1;{}{letter}", held + 1)
        }
        Form::Cursor(letter) if !app_cursor => format!("\x1b[{letter}"),
        Form::Cursor(letter) | Form::Shifted(letter) => format!("\x1bO{letter}"),
        Form::Numbered(number) if held > 0 => format!("\x1b[{number};{}~", held + 1),
        Form::Numbered(number) => format!("\x1b[{number}~"),
    };
    Some(sequence.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(code: KeyCode, modifiers: KeyModifiers) -> Vec<u8> {
        encode_key(KeyEvent::new(code, modifiers), false).unwrap_or_default()
    }

    #[test]
    fn keys_send_what_xterm_sends() {
        const NONE: KeyModifiers = KeyModifiers::NONE;
        const SHIFT: KeyModifiers = KeyModifiers::SHIFT;
        const ALT: KeyModifiers = KeyModifiers::ALT;
        const CONTROL: KeyModifiers = KeyModifiers::CONTROL;
        let cases: &[(KeyCode, KeyModifiers, &[u8])] = &[
            (KeyCode::Char('a'), NONE, b"a"),
            (KeyCode::Char('A'), SHIFT, b"A"),
            (KeyCode::Char('é'), NONE, "é".as_bytes()),
            (KeyCode::Char('c'), CONTROL, b"\x03"),
            (KeyCode::Char('C'), CONTROL.union(SHIFT), b"\x03"),
            (KeyCode::Char('['), CONTROL, b"\x1b"),
            (KeyCode::Char(' '), CONTROL, b"\0"),
            (KeyCode::Char('4'), CONTROL, b"\x1c"),
            (KeyCode::Char('7'), CONTROL, b"\x1f"),
            (KeyCode::Char('?'), CONTROL, b"\x7f"),
            (KeyCode::Char('1'), CONTROL, b"1"),
            (KeyCode::Char('x'), ALT, b"\x1bx"),
            (KeyCode::Char('x'), ALT.union(CONTROL), b"\x1b\x18"),
            (KeyCode::Enter, NONE, b"\r"),
            (KeyCode::Enter, ALT, b"\x1b\r"),
            (KeyCode::Backspace, NONE, b"\x7f"),
            (KeyCode::Backspace, ALT, b"\x1b\x7f"),
            (KeyCode::Tab, NONE, b"\t"),
            (KeyCode::BackTab, SHIFT, b"\x1b[Z"),
            (KeyCode::Esc, NONE, b"\x1b"),
            (KeyCode::Up, NONE, b"\x1b[A"),
            (KeyCode::Left, CONTROL, b"\x1b[1;5D"),
            (KeyCode::Home, NONE, b"\x1b[H"),
            (KeyCode::End, SHIFT.union(ALT), b"\x1b[1;4F"),
            (KeyCode::Delete, NONE, b"\x1b[3~"),
            (KeyCode::PageUp, CONTROL, b"\x1b[5;5~"),
            (KeyCode::F(1), NONE, b"\x1bOP"),
            (KeyCode::F(4), SHIFT, b"\x1b[1;2S"),
            (KeyCode::F(5), NONE, b"\x1b[15~"),
            (KeyCode::F(6), NONE, b"\x1b[17~"),
            (KeyCode::F(10), NONE, b"\x1b[21~"),
            (KeyCode::F(11), NONE, b"\x1b[23~"),
            (KeyCode::F(12), ALT, b"\x1b[24;3~"),
            (KeyCode::F(15), NONE, b"\x1b[28~"),
            (KeyCode::F(20), NONE, b"\x1b[34~"),
            (KeyCode::F(35), NONE, b""),
            (KeyCode::CapsLock, NONE, b""),
        ];
        for (code, modifiers, expected) in cases {
            assert_eq!(keys(*code, *modifiers), *expected, "{code:?} {modifiers:?}");
        }
    }

    #[test]
    fn cursor_keys_follow_the_mode_the_target_asked_for() {
        let encode = |code| encode_key(KeyEvent::from(code), true);
        assert_eq!(encode(KeyCode::Up), Some(b"\x1bOA".to_vec()));
        assert_eq!(encode(KeyCode::End), Some(b"\x1bOF".to_vec()));
        assert_eq!(encode(KeyCode::Delete), Some(b"\x1b[3~".to_vec()));
    }

    #[test]
    fn a_key_let_go_sends_nothing() {
        let release = KeyEvent::new_with_kind(
            KeyCode::Char('a'),
            KeyModifiers::NONE,
            KeyEventKind::Release,
        );
        assert_eq!(encode_key(release, false), None);
    }

    #[test]
    fn a_paste_is_data_and_cannot_end_its_own_brackets() {
        assert_eq!(encode_paste("a\r\nb\nc\td", false), b"a\rb\rc\td");
        assert_eq!(
            encode_paste("x\x1b[201~rm\x03\u{9b}", true),
            b"\x1b[200~x[201~rm\x1b[201~"
        );
    }
}
