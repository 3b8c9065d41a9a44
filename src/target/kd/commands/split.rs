//! A typed line as commands: `;` between them, quotes around texts, comments, and what a command begins with.

use crate::target::debugger;

/// One command of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Typed<'a> {
    /// The processor it is for, if one was named: `2k`, `1r rip`.
    pub processor: Option<u16>,
    /// Its name.
    pub name: &'a str,
    /// The number behind the name of a breakpoint command: `bp3 ADDRESS`.
    pub number: Option<usize>,
    /// What stands behind it, without blanks around.
    pub rest: &'a str,
}

/// The commands of a line, in order, without comments and blanks around them.
pub fn commands(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start_matches([' ', '\t', ';']);
            if rest.is_empty() || (rest.starts_with('*') && !rest.starts_with("*=")) {
                return None;
            }
            let is_comment = rest.starts_with("$$");
            let (command, more) = debugger::first_command(rest);
            rest = more;
            if !is_comment {
                return Some(command);
            }
        }
    })
}

impl<'a> Typed<'a> {
    /// Takes a command apart.
    pub fn new(command: &'a str) -> Self {
        let (processor, command) = processor(command);
        let end = match command.as_bytes().first() {
            Some(b'?' | b'~') => 1,
            Some(b'.' | b'!') => 1 + letters(command.get(1..).unwrap_or_default()),
            _ => letters(command),
        };
        // `bp3` is breakpoint 3; everything else has no digits in its name.
        let (name, mut rest) = command.split_at(end);
        let mut number = None;
        if let "bp" | "ba" | "bu" = name {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (written, more) = rest.split_at(digits);
            if more.is_empty() || more.starts_with([' ', '\t']) {
                number = written.parse().ok();
                rest = more;
            }
        }
        Self {
            processor,
            name,
            number,
            rest: rest.trim(),
        }
    }
}

fn letters(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_alphabetic).count()
}

/// A processor's number in front of a command that can be for one.
fn processor(command: &str) -> (Option<u16>, &str) {
    let digits = command.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = command.split_at(digits);
    let is_for_one = rest.starts_with(['k', 'r', 'd', 'u']);
    match number.parse() {
        Ok(number) if is_for_one => (Some(number), rest),
        _ => (None, command),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_at_semicolons_outside_of_quotes() {
        let all = |line| commands(line).collect::<Vec<_>>();
        assert_eq!(
            all(r#" r ; bp nt!A "k; .echo \";\"; g";;g "#),
            ["r", r#"bp nt!A "k; .echo \";\"; g""#, "g"]
        );
        assert_eq!(all("k; $$ why; r; * the rest; g"), ["k", "r"]);
        assert_eq!(all(""), Vec::<&str>::new());
    }

    #[test]
    fn a_command_has_a_name_and_a_rest() {
        let typed = |text| {
            let Typed {
                processor,
                name,
                number,
                rest,
            } = Typed::new(text);
            (processor, name, number, rest)
        };
        assert_eq!(typed("r rip"), (None, "r", None, "rip"));
        assert_eq!(typed("?1+1"), (None, "?", None, "1+1"));
        assert_eq!(typed("~1s"), (None, "~", None, "1s"));
        assert_eq!(typed("2kn 5"), (Some(2), "kn", None, "5"));
        assert_eq!(typed("bp3 nt!A"), (None, "bp", Some(3), "nt!A"));
        assert_eq!(typed("bp nt!A"), (None, "bp", None, "nt!A"));
        assert_eq!(typed("!pte 0"), (None, "!pte", None, "0"));
        assert_eq!(typed(".formats 5"), (None, ".formats", None, "5"));
        assert_eq!(typed("lmvm nt"), (None, "lmvm", None, "nt"));
        assert_eq!(typed("g"), (None, "g", None, ""));
        assert_eq!(typed(""), (None, "", None, ""));
        assert_eq!(typed("ü"), (None, "", None, "ü"));
    }
}
