//! The manual page and the completion scripts, made from the command line's own description.

use std::io::{self, Write};

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use super::Cli;
use super::surroundings::{FILES, VARIABLES};

/// The manual page, in roff: one page for the program and all its commands.
#[must_use]
pub fn man() -> Vec<u8> {
    let mut page = Vec::new();
    render(&mut page).expect("a Vec takes every byte");
    page
}

/// Writes the completion script for `shell` to `out`.
///
/// # Errors
/// Those of `out`.
pub fn completions(shell: Shell, out: &mut dyn Write) -> io::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), NAME, &mut script);
    out.write_all(&script)
}

fn render(page: &mut Vec<u8>) -> io::Result<()> {
    let mut command = Cli::command();
    command.build();
    let man = Man::new(command.clone()).manual("kdeck manual");
    man.render_title(page)?;
    man.render_name_section(page)?;
    // All options in one line, as it would be made by itself, are no help.
    writeln!(page, ".SH SYNOPSIS\n\\fB{NAME}\\fR [OPTIONS] [COMMAND]")?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    writeln!(page, ".SH COMMANDS")?;
    for subcommand in command.get_subcommands() {
        render_subcommand(subcommand, NAME, page)?;
    }
    writeln!(page, ".SH ENVIRONMENT")?;
    render_terms(VARIABLES, page)?;
    writeln!(
        page,
        ".SH FILES\n{}",
        roff("`kdeck paths` prints them all with their directories.")
    )?;
    render_terms(FILES, page)?;
    writeln!(page, ".SH NOTES\n{}", roff(super::NOTES))?;
    writeln!(page, ".SH EXAMPLES\n.nf")?;
    for line in super::EXAMPLES.lines() {
        writeln!(page, "{}", roff(line))?;
    }
    writeln!(page, ".fi")?;
    man.render_version_section(page)
}

/// Words, each with what it means below it.
fn render_terms(terms: &[(&str, &str)], page: &mut Vec<u8>) -> io::Result<()> {
    terms.iter().try_for_each(|(term, meaning)| {
        writeln!(page, ".TP\n\\fB{}\\fR\n{}", roff(term), roff(meaning))
    })
}

/// A line of text in which roff finds nothing to do.
fn roff(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-");
    if line.starts_with(['.', '\'']) {
        format!("\\&{line}")
    } else {
        line
    }
}

/// One command and those below it, each a subsection: its own page's sections, a level down.
fn render_subcommand(command: &Command, parent: &str, page: &mut Vec<u8>) -> io::Result<()> {
    let name = format!("{parent} {}", command.get_name());
    if command.has_subcommands() {
        return command
            .get_subcommands()
            .try_for_each(|subcommand| render_subcommand(subcommand, &name, page));
    }
    let shared = command
        .get_arguments()
        .any(|argument| argument.get_help_heading().is_some());
    let own = command
        .clone()
        .mut_args(|argument| match argument.get_help_heading() {
            Some(_) => argument.hide(true),
            None => argument,
        });
    let man = Man::new(own);
    let mut sections = Vec::new();
    man.render_description_section(&mut sections)?;
    man.render_options_section(&mut sections)?;
    writeln!(page, ".SS {name}")?;
    for line in String::from_utf8_lossy(&sections).lines() {
        // The headings of a page of its own would be out of place here.
        writeln!(
            page,
            "{}",
            if line.starts_with(".SH ") {
                ".PP"
            } else {
                line
            }
        )?;
    }
    if shared {
        writeln!(
            page,
            ".PP\nThe options of the console, above, can be given here too."
        )?;
    }
    Ok(())
}

const NAME: &str = "kdeck";
