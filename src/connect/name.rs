//! Names of targets and groups: what can be typed after `@` and fits a column of the rack.

use unicode_width::UnicodeWidthChar;

/// Longest name, in terminal columns: a name is a column of the rack and part of a file name.
pub const NAME_COLUMNS_MAX: usize = 32;

/// Why a name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// Nothing there.
    #[error("a name has at least one character")]
    Empty,
    /// More than [`NAME_COLUMNS_MAX`].
    #[error("{columns} columns wide; a name has at most {NAME_COLUMNS_MAX}")]
    TooWide {
        /// Terminal columns it takes.
        columns: usize,
    },
    /// `@` addresses targets, `.` starts a command.
    #[error("a name does not start with `{0}`, which starts {what} on the command line", what = if *.0 == '@' { "an address" } else { "a command" })]
    Start(char),
    /// A character that is not a letter, a digit or one of `._-:`.
    #[error("`{0}` is not allowed: a name has letters, digits and `._-:`")]
    Character(char),
    /// `all` stands for every target.
    #[error("`all` stands for every target")]
    Reserved,
}

/// Says whether `name` can be the name of a target or of a group: letters, digits and `._-:`, at most
/// [`NAME_COLUMNS_MAX`] columns, not starting with `.` (nor `@`), and not `all`.
///
/// # Errors
/// The first [`NameFault`] found.
pub fn check_name(name: &str) -> Result<(), NameFault> {
    match name.chars().next() {
        None => return Err(NameFault::Empty),
        Some(first @ ('@' | '.')) => return Err(NameFault::Start(first)),
        Some(_) => {}
    }
    if let Some(refused) = name.chars().find(|c| !is_name_character(*c)) {
        return Err(NameFault::Character(refused));
    }
    let columns = name.chars().map(columns).sum();
    if columns > NAME_COLUMNS_MAX {
        return Err(NameFault::TooWide { columns });
    }
    if name.eq_ignore_ascii_case("all") {
        return Err(NameFault::Reserved);
    }
    Ok(())
}

/// Makes a legal name of `stem` and `suffix`, which hold anything: other characters become `-`, and the stem is cut so
/// that the suffix, which tells neighbours apart, stays whole.
pub(super) fn legal_name(stem: &str, suffix: &str) -> String {
    let stem: String = stem
        .chars()
        .map(|c| if is_name_character(c) { c } else { '-' })
        .collect();
    let stem = stem.trim_start_matches('.');
    let room = NAME_COLUMNS_MAX.saturating_sub(suffix.chars().map(columns).sum());
    let mut name = String::new();
    let mut used = 0;
    for c in stem.chars() {
        used += columns(c);
        if used > room {
            break;
        }
        name.push(c);
    }
    name.push_str(suffix);
    if check_name(&name).is_err() {
        return "target".to_owned();
    }
    name
}

/// Letters that take no column of their own (vowel signs) could hide in a name or fill it without end: refused.
fn is_name_character(c: char) -> bool {
    matches!(c, '.' | '_' | '-' | ':') || (c.is_alphanumeric() && columns(c) > 0)
}

fn columns(c: char) -> usize {
    c.width().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_letters_digits_and_four_marks_are_legal() {
        for name in [
            "web01",
            "rack-a",
            "lab1:7001",
            "_x",
            "Straße",
            "標的",
            "a.b",
            &"n".repeat(32),
        ] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn a_refused_name_comes_with_its_reason() {
        let reason = |name: &str| check_name(name).unwrap_err().to_string();
        assert_eq!(reason(""), "a name has at least one character");
        assert_eq!(
            reason("@web"),
            "a name does not start with `@`, which starts an address on the command line"
        );
        assert_eq!(
            reason(".web"),
            "a name does not start with `.`, which starts a command on the command line"
        );
        assert_eq!(
            reason("a b"),
            "` ` is not allowed: a name has letters, digits and `._-:`"
        );
        assert_eq!(
            reason(&"n".repeat(33)),
            "33 columns wide; a name has at most 32"
        );
        assert_eq!(
            reason(&"標".repeat(17)),
            "34 columns wide; a name has at most 32"
        );
        assert_eq!(reason("ALL"), "`all` stands for every target");
        assert!(matches!(
            check_name("a\u{0301}"),
            Err(NameFault::Character(_))
        ));
    }

    #[test]
    fn a_long_stem_gives_way_to_its_suffix() {
        assert_eq!(
            legal_name("console.rack-17.lab.example.com", ":7001"),
            "console.rack-17.lab.example:7001"
        );
        assert_eq!(legal_name(".hidden file", ""), "hidden-file");
        assert_eq!(legal_name("...", ""), "target");
        assert_eq!(legal_name("all", ""), "target");
    }
}
