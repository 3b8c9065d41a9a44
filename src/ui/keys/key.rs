//! One key as a person writes it: `ctrl+p`, `f1`, `alt+x`, `shift+tab`, `space`, `?`.
//!
//! Two presses a terminal cannot tell apart are one [`Key`]. Which ones those are follows from what terminals without a
//! keyboard protocol send: control characters (ECMA-48), with ESC before them for Alt (xterm, "Alt and Meta Keys").

use std::fmt;
use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key with its modifiers, in the one form that all ways to press it share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    modifiers: KeyModifiers,
}

/// Why a key name was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No key is written like this.
    #[error(
        "`{name}` is not a key; write it like `ctrl+p`, `alt+x`, `f5`, `pageup`, `shift+tab`, `space` or `?`"
    )]
    Unknown {
        /// What was written.
        name: String,
    },
    /// Terminals send something else for it, so it would never be seen.
    #[error("`{name}` cannot be told from `{instead}` by a terminal; write `{instead}`")]
    Same {
        /// What was written.
        name: String,
        /// The key that is seen instead.
        instead: String,
    },
    /// Terminals send the start of another key for it.
    #[error("`{name}` is how a terminal starts to send other keys; choose another")]
    Prefix {
        /// What was written.
        name: String,
    },
}

/// Names of keys that are not characters. The first name of a key is the one it is printed with.
const NAMED: &[(&str, KeyCode)] = &[
    ("enter", KeyCode::Enter),
    ("return", KeyCode::Enter),
    ("tab", KeyCode::Tab),
    ("esc", KeyCode::Esc),
    ("escape", KeyCode::Esc),
    ("backspace", KeyCode::Backspace),
    ("space", KeyCode::Char(' ')),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pgup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
    ("pgdn", KeyCode::PageDown),
    ("insert", KeyCode::Insert),
    ("delete", KeyCode::Delete),
    ("del", KeyCode::Delete),
    ("plus", KeyCode::Char('+')),
];

/// Highest function key: terminals have sequences up to F20, F13 to F20 being shifted ones.
const FUNCTION_KEY_MAX: u8 = 20;

impl Key {
    /// The key a terminal's event is about. Whether it was pressed or let go is not looked at.
    #[must_use]
    pub fn new(code: KeyCode, modifiers: KeyModifiers) -> Self {
        let mut modifiers =
            modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
        let code = match code {
            KeyCode::BackTab => {
                modifiers |= KeyModifiers::SHIFT;
                KeyCode::Tab
            }
            KeyCode::Null => {
                modifiers |= KeyModifiers::CONTROL;
                KeyCode::Char(' ')
            }
            KeyCode::Char(c) if modifiers.contains(KeyModifiers::CONTROL) => {
                modifiers -= KeyModifiers::SHIFT;
                KeyCode::Char(control_character(c))
            }
            KeyCode::Char(c) => {
                let shifted = modifiers.contains(KeyModifiers::SHIFT) && c.is_ascii_lowercase();
                modifiers -= KeyModifiers::SHIFT;
                KeyCode::Char(if shifted { c.to_ascii_uppercase() } else { c })
            }
            other => other,
        };
        Self { code, modifiers }
    }

    /// The character it types, if it is one that is text in an input line.
    #[must_use]
    pub fn typed(self) -> Option<char> {
        match self.code {
            KeyCode::Char(c) if self.modifiers.is_empty() => Some(c),
            _ => None,
        }
    }

    /// Whether it is a function key, which serial terminals and some window managers keep from us.
    #[must_use]
    pub fn is_function_key(self) -> bool {
        matches!(self.code, KeyCode::F(_))
    }

    /// Whether it needs the Alt key, which not every terminal sends.
    #[must_use]
    pub fn needs_alt(self) -> bool {
        self.modifiers.contains(KeyModifiers::ALT)
    }

    /// The code, as the terminal library names it.
    #[must_use]
    pub fn code(self) -> KeyCode {
        self.code
    }

    /// The modifiers, as the terminal library names them.
    #[must_use]
    pub fn modifiers(self) -> KeyModifiers {
        self.modifiers
    }

    /// A shorter spelling for places where columns are few: `^P`, `F1`, `PgUp`, `M-x`.
    #[must_use]
    pub fn short(self) -> String {
        let mut text = String::new();
        if self.modifiers.contains(KeyModifiers::ALT) {
            text.push_str("M-");
        }
        if self.modifiers.contains(KeyModifiers::SHIFT) {
            text.push_str("S-");
        }
        let control = self.modifiers.contains(KeyModifiers::CONTROL);
        match self.code {
            KeyCode::Char(c) if control && c != ' ' => {
                text.push('^');
                text.push(c.to_ascii_uppercase());
            }
            code => {
                if control {
                    text.push_str("C-");
                }
                match code {
                    KeyCode::PageUp => text.push_str("PgUp"),
                    KeyCode::PageDown => text.push_str("PgDn"),
                    KeyCode::Delete => text.push_str("Del"),
                    KeyCode::Insert => text.push_str("Ins"),
                    KeyCode::Char(c) if c != ' ' => text.push(c),
                    code => {
                        let name = code_name(code);
                        let mut characters = name.chars();
                        text.extend(characters.next().map(|c| c.to_ascii_uppercase()));
                        text.extend(characters);
                    }
                }
            }
        }
        text
    }
}

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Self {
        Self::new(event.code, event.modifiers)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (modifier, name) in [
            (KeyModifiers::CONTROL, "ctrl+"),
            (KeyModifiers::ALT, "alt+"),
            (KeyModifiers::SHIFT, "shift+"),
        ] {
            if self.modifiers.contains(modifier) {
                f.write_str(name)?;
            }
        }
        f.write_str(&code_name(self.code))
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let unknown = || KeyError::Unknown {
            name: name.to_owned(),
        };
        let mut modifiers = KeyModifiers::NONE;
        let mut rest = name;
        while let Some((first, after)) = rest
            .split_once('+')
            .filter(|(first, after)| !first.is_empty() && !after.is_empty())
        {
            let modifier = match first.to_ascii_lowercase().as_str() {
                "ctrl" | "control" => KeyModifiers::CONTROL,
                "alt" | "meta" => KeyModifiers::ALT,
                "shift" => KeyModifiers::SHIFT,
                _ => return Err(unknown()),
            };
            if modifiers.contains(modifier) {
                return Err(unknown());
            }
            modifiers |= modifier;
            rest = after;
        }
        let code = parse_code(rest).ok_or_else(unknown)?;
        refuse_unsendable(name, code, modifiers)?;
        let key = Self::new(code, modifiers);
        if modifiers == KeyModifiers::ALT | KeyModifiers::SHIFT && key.code == KeyCode::Char('O') {
            return Err(KeyError::Prefix {
                name: name.to_owned(),
            });
        }
        Ok(key)
    }
}

/// What a terminal's control character is called, out of the several ways to type it.
///
/// The terminal library reports the characters 0x1c to 0x1f as Ctrl with the digits 4 to 7.
fn control_character(c: char) -> char {
    match c {
        '4' => '\\',
        '5' => ']',
        '6' => '^',
        '7' | '/' => '_',
        '2' | '@' => ' ',
        c => c.to_ascii_lowercase(),
    }
}

fn parse_code(name: &str) -> Option<KeyCode> {
    let mut characters = name.chars();
    let first = characters.next()?;
    if characters.next().is_none() {
        return (!first.is_control() && first != ' ').then_some(KeyCode::Char(first));
    }
    let lower = name.to_ascii_lowercase();
    if let Some((_, code)) = NAMED.iter().find(|(named, _)| *named == lower) {
        return Some(*code);
    }
    let number = lower.strip_prefix('f')?;
    if number.starts_with(['0', '+']) {
        return None;
    }
    let number: u8 = number.parse().ok()?;
    (1..=FUNCTION_KEY_MAX)
        .contains(&number)
        .then_some(KeyCode::F(number))
}

fn refuse_unsendable(name: &str, code: KeyCode, modifiers: KeyModifiers) -> Result<(), KeyError> {
    let KeyCode::Char(c) = code else {
        return Ok(());
    };
    let alt = if modifiers.contains(KeyModifiers::ALT) {
        "alt+"
    } else {
        ""
    };
    let same = |instead: &str| {
        Err(KeyError::Same {
            name: name.to_owned(),
            instead: format!("{alt}{instead}"),
        })
    };
    if modifiers.contains(KeyModifiers::CONTROL) {
        match c.to_ascii_lowercase() {
            _ if modifiers.contains(KeyModifiers::SHIFT) => {
                same(&format!("ctrl+{}", c.to_ascii_lowercase()))
            }
            'i' => same("tab"),
            'm' => same("enter"),
            '[' | '3' => same("esc"),
            '8' | '?' => same("backspace"),
            c if c.is_ascii_lowercase() || " \\]^_@/24567".contains(c) => Ok(()),
            c => same(&c.to_string()),
        }
    } else if !alt.is_empty() && matches!(c, '[' | 'O') {
        Err(KeyError::Prefix {
            name: name.to_owned(),
        })
    } else if modifiers.contains(KeyModifiers::SHIFT) && !c.is_ascii_alphabetic() {
        same(&code_name(code))
    } else {
        Ok(())
    }
}

fn code_name(code: KeyCode) -> String {
    if let Some((name, _)) = NAMED.iter().find(|(_, named)| *named == code) {
        return (*name).to_owned();
    }
    match code {
        KeyCode::Char(c) => c.to_string(),
        KeyCode::F(number) => format!("f{number}"),
        other => format!("{other:?}").to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(name: &str) -> Key {
        name.parse().unwrap()
    }

    #[test]
    fn presses_a_terminal_cannot_tell_apart_are_one_key() {
        assert_eq!(
            Key::new(KeyCode::Char('5'), KeyModifiers::CONTROL),
            key("ctrl+]")
        );
        assert_eq!(
            Key::new(
                KeyCode::Char('P'),
                KeyModifiers::CONTROL | KeyModifiers::SHIFT
            ),
            key("ctrl+p")
        );
        assert_eq!(Key::new(KeyCode::Char('G'), KeyModifiers::SHIFT), key("G"));
        assert_eq!(Key::new(KeyCode::Char('?'), KeyModifiers::SHIFT), key("?"));
        assert_eq!(
            Key::new(KeyCode::BackTab, KeyModifiers::NONE),
            key("shift+tab")
        );
        assert_eq!(key("shift+g"), key("G"));
        assert_eq!(key("Ctrl+P"), key("ctrl+p"));
    }

    #[test]
    fn keys_print_as_they_are_written() {
        for name in [
            "ctrl+p",
            "f1",
            "alt+x",
            "pageup",
            "space",
            "?",
            "ctrl+]",
            "shift+tab",
            "plus",
            "ctrl+alt+r",
            "alt+X",
        ] {
            assert_eq!(key(name).to_string(), name);
        }
        assert_eq!(key("+").to_string(), "plus");
        assert_eq!(
            key("ctrl+space"),
            Key::new(KeyCode::Null, KeyModifiers::NONE)
        );
    }

    #[test]
    fn short_names_fit_a_footer() {
        let shorts: Vec<_> = [
            "ctrl+p",
            "f1",
            "tab",
            "pageup",
            "?",
            "alt+x",
            "shift+tab",
            "ctrl+space",
            "G",
        ]
        .map(|k| key(k).short())
        .to_vec();
        assert_eq!(
            shorts,
            [
                "^P", "F1", "Tab", "PgUp", "?", "M-x", "S-Tab", "C-Space", "G"
            ]
        );
    }

    #[test]
    fn keys_no_terminal_sends_are_refused_with_the_one_it_sends() {
        let instead = |name: &str| match name.parse::<Key>() {
            Err(KeyError::Same { instead, .. }) => instead,
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(instead("ctrl+i"), "tab");
        assert_eq!(instead("ctrl+m"), "enter");
        assert_eq!(instead("ctrl+["), "esc");
        assert_eq!(instead("ctrl+alt+m"), "alt+enter");
        assert_eq!(instead("ctrl+shift+x"), "ctrl+x");
        assert_eq!(instead("ctrl+1"), "1");
        assert_eq!(instead("shift+7"), "7");
        assert!(matches!(
            "alt+[".parse::<Key>(),
            Err(KeyError::Prefix { .. })
        ));
        for name in [
            "",
            "ctrl+",
            "ctrl+ctrl+p",
            "f0",
            "f21",
            "f+1",
            "hyper+x",
            "pgupp",
            " ",
            "\u{1b}",
        ] {
            assert!(
                matches!(name.parse::<Key>(), Err(KeyError::Unknown { .. })),
                "{name:?}"
            );
        }
    }

    fn codes() -> impl Strategy<Value = KeyCode> {
        prop_oneof![
            proptest::char::range(' ', '~').prop_map(KeyCode::Char),
            any::<char>()
                .prop_filter("printable", |c| !c.is_control())
                .prop_map(KeyCode::Char),
            (1..=FUNCTION_KEY_MAX).prop_map(KeyCode::F),
            proptest::sample::select(NAMED).prop_map(|(_, code)| code),
            Just(KeyCode::BackTab),
            Just(KeyCode::Null),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_printed_key_that_is_accepted_reads_back_as_itself(code in codes(), bits in 0u8..8) {
            let key = Key::new(code, KeyModifiers::from_bits_truncate(bits));
            if let Ok(read) = key.to_string().parse::<Key>() {
                prop_assert_eq!(read, key);
            } else {
                prop_assert!(!key.modifiers().is_empty(), "{} is refused", key);
            }
        }

        #[test]
        fn any_text_is_a_key_or_an_error(text in "\\PC{0,12}") {
            if let Ok(key) = text.parse::<Key>() {
                prop_assert_eq!(key.to_string().parse::<Key>(), Ok(key));
            }
        }
    }
}
