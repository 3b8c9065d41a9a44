//! What can be typed to a debug target: one table that dispatch, help and completion read.
//!
//! The words and their meaning are those of KD ("Debugger commands" of Microsoft's debugger documentation). Commands
//! that begin with a dot are in the table of [`crate::command`] too, since they are told from text by their dot.

/// One command of a debugger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    /// Its name.
    pub name: &'static str,
    /// What may stand behind the name.
    pub arguments: &'static str,
    /// What it does, in one line.
    pub help: &'static str,
    /// What it is about.
    pub group: Group,
    /// Whether the target has to be stopped for it.
    pub stopped: bool,
    /// When it changes the target, so that one asks before it goes to several.
    pub changes: Changes,
}

/// When a command changes its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changes {
    /// Never: it only looks.
    Never,
    /// If it is told to set something, with `=`.
    Setting,
    /// Always: it lets the target run, or writes to it, or changes what stops it.
    Always,
}

/// What a command is about: the order of the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "what the commands are about")]
pub enum Group {
    Running,
    Breakpoints,
    Registers,
    Memory,
    Code,
    Machine,
}

impl Group {
    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Running => "Running and stopping",
            Self::Breakpoints => "Breakpoints",
            Self::Registers => "Registers and processors",
            Self::Memory => "Memory",
            Self::Code => "Code, modules, stacks, expressions",
            Self::Machine => "The machine and the session",
        }
    }

    /// All groups in their order.
    pub const ALL: [Self; 6] = [
        Self::Running,
        Self::Breakpoints,
        Self::Registers,
        Self::Memory,
        Self::Code,
        Self::Machine,
    ];
}

/// A command for which the target has to be stopped.
const fn stopped(
    group: Group,
    name: &'static str,
    arguments: &'static str,
    help: &'static str,
) -> Command {
    let stopped = true;
    Command {
        name,
        arguments,
        help,
        group,
        stopped,
        changes: Changes::Never,
    }
}

/// A command that needs nothing of the target.
const fn always(
    group: Group,
    name: &'static str,
    arguments: &'static str,
    help: &'static str,
) -> Command {
    Command {
        stopped: false,
        ..stopped(group, name, arguments, help)
    }
}

impl Command {
    const fn changes(self) -> Self {
        let changes = Changes::Always;
        Self { changes, ..self }
    }

    const fn sets(self) -> Self {
        let changes = Changes::Setting;
        Self { changes, ..self }
    }
}

use Group::{Breakpoints, Code, Machine, Memory, Registers, Running};

/// The prompt of a target that waits for an answer to what it asks: the next line is that answer, not a command.
pub const ANSWER_PROMPT: &str = "answer>";

/// Every command, in the order of the help.
#[rustfmt::skip]
pub const TABLE: &[Command] = &[
    stopped(Running, "g", "[= START] [ADDRESS...]", "go on, up to the addresses if there are any").changes(),
    stopped(Running, "gh", "[= START] [ADDRESS...]", "go on; the exception counts as handled").changes(),
    stopped(Running, "gn", "[= START] [ADDRESS...]", "go on; the exception counts as not handled").changes(),
    stopped(Running, "gu", "", "go on up to the caller").changes(),
    stopped(Running, "p", "[COUNT]", "step, over calls").changes(),
    stopped(Running, "pa", "ADDRESS", "step over calls up to an address").changes(),
    stopped(Running, "pc", "[COUNT]", "step over calls up to the next call").changes(),
    stopped(Running, "pt", "[COUNT]", "step over calls up to the next return").changes(),
    stopped(Running, "t", "[COUNT]", "step, into calls").changes(),
    stopped(Running, "ta", "ADDRESS", "step into calls up to an address").changes(),
    stopped(Running, "tc", "[COUNT]", "step into calls up to the next call").changes(),
    stopped(Running, "tt", "[COUNT]", "step into calls up to the next return").changes(),
    stopped(Breakpoints, "bp", "[ADDRESS [PASSES]] [\"COMMANDS\"]", "stop where ADDRESS is executed").changes(),
    stopped(Breakpoints, "ba", "e|r|w|i SIZE ADDRESS [PASSES] [\"COMMANDS\"]", "stop on access, by the processor").changes(),
    always(Breakpoints, "bl", "[NUMBER...]", "list the breakpoints"),
    stopped(Breakpoints, "bc", "NUMBER...|*", "remove breakpoints").changes(),
    stopped(Breakpoints, "bd", "NUMBER...|*", "disable breakpoints").changes(),
    stopped(Breakpoints, "be", "NUMBER...|*", "enable breakpoints").changes(),
    stopped(Registers, "r", "[REGISTER[=VALUE],...]", "show or set registers; a number in front is a processor").sets(),
    stopped(Registers, "~", "[NUMBERs]", "list the processors, or look at another").sets(),
    stopped(Registers, "rdmsr", "NUMBER", "read a model-specific register"),
    stopped(Registers, "wrmsr", "NUMBER VALUE", "write a model-specific register").changes(),
    stopped(Registers, "ib", "PORT", "read a byte of an I/O port; iw a word, id a double word"),
    stopped(Registers, "iw", "PORT", "read a word of an I/O port"),
    stopped(Registers, "id", "PORT", "read a double word of an I/O port"),
    stopped(Registers, "ob", "PORT VALUE", "write a byte to an I/O port; ow a word, od a double word").changes(),
    stopped(Registers, "ow", "PORT VALUE", "write a word to an I/O port").changes(),
    stopped(Registers, "od", "PORT VALUE", "write a double word to an I/O port").changes(),
    stopped(Memory, "db", "[RANGE]", "show bytes and text; RANGE is START END or START Lcount"),
    stopped(Memory, "dw", "[RANGE]", "show words"),
    stopped(Memory, "dd", "[RANGE]", "show double words"),
    stopped(Memory, "dq", "[RANGE]", "show quad words"),
    stopped(Memory, "dp", "[RANGE]", "show pointers"),
    stopped(Memory, "dc", "[RANGE]", "show double words and text"),
    stopped(Memory, "da", "[RANGE]", "show text"),
    stopped(Memory, "du", "[RANGE]", "show wide text"),
    stopped(Memory, "dps", "[RANGE]", "show pointers with the names they point to"),
    stopped(Memory, "eb", "ADDRESS VALUE...", "write bytes").changes(),
    stopped(Memory, "ew", "ADDRESS VALUE...", "write words").changes(),
    stopped(Memory, "ed", "ADDRESS VALUE...", "write double words").changes(),
    stopped(Memory, "eq", "ADDRESS VALUE...", "write quad words").changes(),
    stopped(Memory, "ea", "ADDRESS \"TEXT\"", "write text").changes(),
    stopped(Memory, "eu", "ADDRESS \"TEXT\"", "write wide text").changes(),
    stopped(Memory, "f", "RANGE VALUE...", "fill memory with a pattern").changes(),
    stopped(Memory, "s", "[-b|w|d|q|a|u] RANGE VALUE...", "search memory"),
    stopped(Memory, "c", "RANGE ADDRESS", "compare memory"),
    stopped(Memory, "m", "RANGE ADDRESS", "copy memory").changes(),
    stopped(Memory, "!db", "[RANGE]", "show bytes of physical memory; !dw !dd !dq !dp !dc likewise"),
    stopped(Memory, "!dw", "[RANGE]", "show words of physical memory"),
    stopped(Memory, "!dd", "[RANGE]", "show double words of physical memory"),
    stopped(Memory, "!dq", "[RANGE]", "show quad words of physical memory"),
    stopped(Memory, "!dp", "[RANGE]", "show pointers of physical memory"),
    stopped(Memory, "!dc", "[RANGE]", "show double words and text of physical memory"),
    stopped(Memory, "!eb", "ADDRESS VALUE...", "write bytes of physical memory; !ed double words").changes(),
    stopped(Memory, "!ed", "ADDRESS VALUE...", "write double words of physical memory").changes(),
    stopped(Memory, "!pte", "ADDRESS", "show how a virtual address is translated"),
    stopped(Memory, "!vtop", "DIRECTORY ADDRESS", "translate an address of another address space"),
    stopped(Code, "u", "[RANGE]", "disassemble"),
    stopped(Code, "ub", "[RANGE]", "disassemble backwards"),
    stopped(Code, "uf", "[ADDRESS]", "disassemble a whole function"),
    stopped(Code, "k", "[COUNT]", "show the stack: kb with arguments, kn with numbers"),
    stopped(Code, "kb", "[COUNT]", "show the stack with the first arguments"),
    stopped(Code, "kn", "[COUNT]", "show the stack with frame numbers"),
    stopped(Code, "kv", "[COUNT]", "show the stack with the first arguments"),
    always(Code, "lm", "[vm PATTERN | a ADDRESS]", "list the modules"),
    stopped(Code, "ln", "ADDRESS", "show the names around an address"),
    stopped(Code, "x", "MODULE!PATTERN", "show the names that match"),
    always(Code, "?", "EXPRESSION", "compute: registers, names, poi(); hexadecimal unless 0n"),
    always(Code, "n", "[8|10|16]", "show or set the base of numbers"),
    always(Machine, "vertarget", "", "show what runs on the target"),
    always(Machine, "version", "", "show what runs on the target, and the link"),
    stopped(Machine, "!dbgprint", "", "show the kernel's buffer of debug prints"),
    stopped(Machine, "!analyze", "[-v]", "sum up the bug check: name, meaning of the parameters, stack"),
    always(Machine, "sx", "", "show which events stop the target"),
    always(Machine, "sxe", "ld|ud", "stop when a module is loaded or unloaded; sxd not to stop").changes(),
    always(Machine, "sxd", "ld|ud", "do not stop when a module is loaded or unloaded").changes(),
];

/// Whether a line may have a debugger read or write files of the host. A line can hold several commands: what only
/// mentions one of them counts, too.
pub fn touches_files(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    [".readmem", ".writemem"]
        .iter()
        .any(|name| line.contains(name))
}

/// The first command of a line and what stands behind the `;` that ends it, both without blanks around. A `;` in quotes
/// ends nothing.
pub fn first_command(line: &str) -> (&str, &str) {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let ends = |byte: u8| {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b';' => return !is_quoted,
            _ => {}
        }
        false
    };
    let end = line.bytes().position(ends).unwrap_or(line.len());
    let (command, behind) = line.split_at(end);
    (
        command.trim(),
        behind.trim_start_matches([' ', '\t', ';']).trim_end(),
    )
}

/// The command of that name, in any case of letters.
pub fn find(name: &str) -> Option<&'static Command> {
    TABLE
        .iter()
        .find(|command| command.name.eq_ignore_ascii_case(name))
}

/// How alike two names are at least that may be taken for each other, from 0 to 1.
const LIKENESS_MIN: f64 = 0.8;

/// The name that was meant by one that there is not, if there is one like it; dots in front do not count.
pub fn nearest<'n>(typed: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let plain = |name: &str| name.trim_start_matches('.').to_ascii_lowercase();
    let typed = plain(typed);
    let likeness = |name| (strsim::jaro_winkler(&plain(name), &typed), name);
    names
        .into_iter()
        .map(likeness)
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

/// The command that a line begins with: `r`, `2r rax=1`, `?1+1`, `lmvm nt`.
fn begins(line: &str) -> Option<&'static Command> {
    // A number in front is a processor.
    let line = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = line.strip_prefix('!').unwrap_or(line);
    let letters = rest
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(rest.len());
    let name = line.get(..line.len() - rest.len() + letters)?;
    match name {
        "" => find(line.get(..1)?),
        // Its options stand right behind it.
        _ if name.starts_with("lm") => find("lm"),
        _ => find(name),
    }
}

/// Whether a line, which may hold several commands with `;` between them, changes its target or lets it run. So does
/// what is not known, and so may an empty line, which does again what was done before.
pub fn changes(line: &str) -> bool {
    let changes = |part: &str| match begins(part).map(|command| command.changes) {
        Some(Changes::Never) => false,
        Some(Changes::Setting) => part.contains('='),
        Some(Changes::Always) | None => true,
    };
    let mut parts = line
        .split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .peekable();
    parts.peek().is_none() || parts.any(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_looks_is_told_from_what_changes_a_target() {
        for line in [
            "r",
            "r rax",
            "2r",
            "k",
            "0k 5",
            "~",
            "~1s",
            "db rsp L10",
            "lmvm nt",
            "lm",
            "? 1+1",
            "?poi(rsp)",
            "!analyze -v",
            "bl",
            "r; k;",
            "vertarget",
            "R",
        ] {
            assert!(!changes(line), "{line}");
        }
        for line in [
            "g",
            "p 3",
            "r rax=1",
            "2r@rax=0",
            "bp nt!NtClose \"k;g\"",
            "ed rsp 1",
            "!ed 1000 1",
            "sxe ld",
            "k; g",
            "",
            " ",
            ";",
            "nonsense",
            ".reboot",
            "G",
            "!",
            "\u{e4}",
            "~2 r rax=1",
        ] {
            assert!(changes(line), "{line}");
        }
    }

    #[test]
    fn only_what_is_like_a_name_is_taken_for_it() {
        let names = || TABLE.iter().map(|command| command.name).chain([".break"]);
        for (typed, meant) in [
            ("break", Some(".break")),
            ("vertaget", Some("vertarget")),
            (".brake", Some(".break")),
            ("q", None),
            ("yes", None),
            ("frobnicate", None),
        ] {
            assert_eq!(nearest(typed, names()), meant, "{typed}");
        }
    }

    #[test]
    fn a_command_ends_at_a_semicolon_outside_of_quotes() {
        assert_eq!(first_command("a ; b;c "), ("a", "b;c"));
        assert_eq!(first_command(r#"bp "x;y";; g"#), (r#"bp "x;y""#, "g"));
        assert_eq!(first_command(" a"), ("a", ""));
    }

    #[test]
    fn every_command_has_help_and_a_name_of_its_own() {
        for (at, command) in TABLE.iter().enumerate() {
            assert!(
                !command.help.is_empty() && command.help.len() < 90,
                "{}",
                command.name
            );
            assert_eq!(
                find(command.name),
                TABLE.get(at),
                "{} is there twice",
                command.name
            );
        }
    }

    #[test]
    fn groups_stand_together_in_the_order_of_the_help() {
        assert!(TABLE.is_sorted_by_key(|command| command.group));
    }
}
