//! What is typed in the chat as the command that says it, and the names and words it can be completed with.

/// Commands that can be typed in the chat, and whether something stands behind them.
const COMMANDS: [(&str, &str, bool); 4] = [
    ("/me", ".me", true),
    ("/msg", ".msg", true),
    ("/names", ".names", false),
    ("/who", ".who", false),
];

/// The line that says what was typed.
///
/// # Errors
/// There is no such command; tells which there are.
pub fn command(typed: &str) -> Result<String, String> {
    let Some(rest) = typed.strip_prefix('/') else {
        return Ok(format!(".echo {typed}"));
    };
    if rest.starts_with('/') {
        return Ok(format!(".echo {rest}"));
    }
    let (word, argument) = typed.split_once(char::is_whitespace).unwrap_or((typed, ""));
    let found = COMMANDS.iter().find(|(name, ..)| *name == word);
    let Some((name, dot, with_argument)) = found else {
        return Err(format!(
            "{word} is no command of the chat; there are /me, /msg, /who and /names, and //TEXT says /TEXT"
        ));
    };
    match (argument.trim(), with_argument) {
        ("", true) => Err(format!("{name} needs something behind it")),
        ("", false) => Ok((*dot).to_owned()),
        (argument, _) => Ok(format!("{dot} {argument}")),
    }
}

/// The words one could have meant, and where in the line the word begins, in bytes. `line` ends at the cursor.
pub fn candidates<'a>(
    line: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> (usize, Vec<String>) {
    let start = line.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let word = line.get(start..).unwrap_or_default();
    if start == 0 && word.starts_with('/') {
        let commands = COMMANDS.iter().map(|(name, ..)| (*name).to_owned());
        return (
            start,
            commands.filter(|name| name.starts_with(word)).collect(),
        );
    }
    let start = start + usize::from(word.starts_with('@'));
    let part = word.trim_start_matches('@').to_lowercase();
    let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    names.retain(|name| name.to_lowercase().starts_with(&part));
    names.sort();
    (start, names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_becomes_the_command_that_says_it() {
        let said = |typed: &str| command(typed).unwrap();
        assert_eq!(said("who has t002?"), ".echo who has t002?");
        assert_eq!(said(".help"), ".echo .help");
        assert_eq!(said("//etc/hosts"), ".echo /etc/hosts");
        assert_eq!(said("/me waves"), ".me waves");
        assert_eq!(said("/msg bob  psst"), ".msg bob  psst");
        assert_eq!(said("/who"), ".who");
        assert!(command("/me").unwrap_err().contains("behind it"));
        assert!(command("/quit").unwrap_err().contains("/names"));
    }

    #[test]
    fn names_are_completed_whatever_their_letter_case() {
        let names = ["bob", "Alice", "alan"];
        assert_eq!(
            candidates("al", names),
            (0, vec!["Alice".into(), "alan".into()])
        );
        assert_eq!(candidates("hi @AL", names).0, 4);
        assert_eq!(candidates("/msg b", names), (5, vec!["bob".into()]));
        assert_eq!(candidates("/w", names), (0, vec!["/who".into()]));
        assert_eq!(candidates("zoe", names).1, Vec::<String>::new());
    }
}
