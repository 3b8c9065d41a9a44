//! What somebody at a device may be called.

/// Longest name. Characters; room beside it in a line of 80 columns.
pub const NAME_CHARS_MAX: usize = 24;
/// Names that stand for the program.
const RESERVED: [&str; 3] = ["host", "system", "kdeck"];

/// Whether somebody may be called `name`: letters and digits of any script, and `._-`.
///
/// # Errors
/// Why not: a sentence for them.
pub fn check(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("A name is needed: /register <name>".to_owned());
    }
    let legal = |c: char| c.is_alphanumeric() || "._-".contains(c);
    if let Some(bad) = name.chars().find(|c| !legal(*c)) {
        return Err(format!(
            "A name has letters, digits and ._- in it, not {bad:?}."
        ));
    }
    if name.chars().count() > NAME_CHARS_MAX {
        return Err(format!("A name has at most {NAME_CHARS_MAX} characters."));
    }
    if RESERVED.iter().any(|word| same(word, name)) {
        return Err(format!("The name {name} is not to be had."));
    }
    Ok(())
}

/// Whether two names are the same, letter case aside.
#[must_use]
pub fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_script_are_good_and_those_of_the_program_are_not() {
        for good in [
            "alice",
            "a",
            "J\u{fc}rgen_2",
            "\u{5f20}.\u{4e09}",
            &"x".repeat(24),
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "a b",
            "a>",
            "HOST",
            "System",
            "kdeck",
            "\x1b[2J",
            &"x".repeat(25),
        ] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
    }
}
