//! What `.help` tells: every command, those with a dot and those of debuggers, or one of them.

use super::entry::Right;
use super::quitting;
use super::table::{self, TABLE};
use crate::target::debugger::{self, Group};

/// Columns of a usage that the help is put in line behind; what is longer gets a line of its own.
const USAGE_COLUMNS_MAX: usize = 30;

/// What stops a debug target, and is no command of debuggers alone.
const STOPPING: [(&str, &str); 2] = [
    (
        ".break",
        "stop the target when what was asked before is done; ends a command that takes long",
    ),
    ("Ctrl+C", "stop the target at once, and drop what waits"),
];

/// The help for one command, or the list of all.
pub(super) fn about(wanted: &str) -> Result<String, String> {
    if wanted.is_empty() {
        return Ok(all());
    }
    if let Some((word, help)) = quitting::HELP.iter().find(|(word, _)| *word == wanted) {
        return Ok(format!("{word}\n{help}"));
    }
    // A debugger's commands have no dot; those with one are found without it too.
    if let Some(command) = debugger::find(wanted) {
        let needs = if command.stopped {
            "; the target has to be stopped"
        } else {
            ""
        };
        let usage = usage(command.name, command.arguments);
        return Ok(format!("{usage}\n{}{needs}", command.help));
    }
    let dotted = table::find(&format!(".{}", wanted.trim_start_matches('.')));
    dotted.map(|command| {
        let usage = usage(command.name, command.arguments);
        format!("{usage}\n{}; {}", command.help, command.right.whose())
    })
}

fn all() -> String {
    let mut lines = vec![
        "TEXT sends a line to the target in front; @NAME, @GROUP, @all, @web* before it choose others"
            .to_owned(),
        String::new(),
    ];
    let rights = [Right::Steer, Right::Files, Right::Programs];
    lines.extend(rights.map(|right| format!("{} {}", right.mark(), right.whose())));
    lines.push("  for everybody; what an argument opens or runs may need more".to_owned());
    lines.push(String::new());
    let dotted = TABLE.iter().map(|command| {
        let usage = usage(command.name, command.arguments);
        (format!("{} {usage}", command.right.mark()), command.help)
    });
    list(&mut lines, dotted.collect());
    lines.push(String::new());
    lines.push("To a debug target, without a dot, for operators:".to_owned());
    lines.push(String::new());
    let words = quitting::HELP.iter();
    list(
        &mut lines,
        words
            .map(|(word, help)| ((*word).to_owned(), *help))
            .collect(),
    );
    for group in Group::ALL {
        lines.push(String::new());
        lines.push(group.title().to_owned());
        let commands = debugger::TABLE
            .iter()
            .filter(|command| command.group == group)
            .map(|command| (usage(command.name, command.arguments), command.help));
        let stopping = STOPPING.iter().filter(|_| group == Group::Running);
        let stopping = stopping.map(|(name, help)| ((*name).to_owned(), *help));
        list(&mut lines, stopping.chain(commands).collect());
    }
    lines.join("\n")
}

/// Usages with their help beside them, in line.
fn list(lines: &mut Vec<String>, rows: Vec<(String, &str)>) {
    let width = rows
        .iter()
        .map(|(usage, _)| usage.len())
        .filter(|columns| *columns <= USAGE_COLUMNS_MAX)
        .max()
        .unwrap_or(0);
    for (usage, help) in rows {
        if usage.len() > width {
            lines.push(usage);
            lines.push(format!("{:width$}  {help}", ""));
        } else {
            lines.push(format!("{usage:width$}  {help}"));
        }
    }
}

fn usage(name: &str, arguments: &str) -> String {
    format!("{name} {arguments}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_listed_and_debuggers_commands_stand_in_their_groups() {
        let text = about("").unwrap();
        for command in TABLE {
            let usage = usage(command.name, command.arguments);
            let marked = format!("\n{} {usage}", command.right.mark());
            assert!(text.contains(&marked), "{marked}");
        }
        let mut rest = text.as_str();
        for group in Group::ALL {
            rest = rest.split_once(group.title()).expect("its heading").1;
            let of = |command: &&debugger::Command| command.group == group;
            for command in debugger::TABLE.iter().filter(of) {
                assert!(rest.contains(command.help), "{}", command.name);
            }
        }
        assert!(text.lines().all(|line| line.len() < 120), "{text}");
    }

    #[test]
    fn one_command_is_explained_with_its_dot_or_without() {
        let bp = about("bp").unwrap();
        assert!(
            bp.starts_with("bp [ADDRESS") && bp.ends_with("has to be stopped"),
            "{bp}"
        );
        assert!(about("release").unwrap().ends_with("for operators"));
        assert!(about(".shell").unwrap().contains("\"programs\""));
        assert_eq!(about(".bugcheck"), about("bugcheck"));
        assert!(about("!analyze").unwrap().contains("bug check"));
        assert!(about("lm").unwrap().contains("modules"));
        assert!(about("q").unwrap().contains("at a client it ends nothing"));
        assert!(about("nonsense").is_err());
    }
}
