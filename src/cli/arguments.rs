//! Long options with one dash or a slash, as the Windows debuggers write them, made into those with two dashes.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use clap::{Command, CommandFactory};

use super::Cli;

/// Gives the long options among `args` (the program's name first) their second dash, and before a command the debuggers'
/// options their hyphen.
///
/// Values are left alone, and so is everything after `--`. What is no option of ours is taken for
/// a long one misspelt, so that the error can name the nearest.
#[must_use]
pub fn normalise(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut args = args.into_iter();
    let mut options = Options::default();
    options.collect(&Cli::command());
    let mut normal: Vec<OsString> = args.next().into_iter().collect();
    let mut value_follows = false;
    let mut options_ended = false;
    let mut command_given = false;
    for arg in args {
        if options_ended || std::mem::take(&mut value_follows) {
            normal.push(arg);
            continue;
        }
        // Behind a command it may be a path.
        let arg = if command_given { arg } else { with_dash(arg) };
        command_given |= !arg.as_encoded_bytes().starts_with(b"-");
        let arg = with_second_dash(arg, &options);
        options_ended = arg == "--";
        value_follows = options.wants_value(&arg);
        normal.push(arg);
    }
    normal
}

/// The option with its hyphen, if it is one of the debuggers' and has a slash instead, as they allow.
fn with_dash(arg: OsString) -> OsString {
    let name = arg.to_str().and_then(|text| text.strip_prefix('/'));
    match name.filter(|name| DEBUGGERS.contains(name)) {
        Some(name) => format!("-{name}").into(),
        None => arg,
    }
}

fn with_second_dash(arg: OsString, options: &Options) -> OsString {
    let Some(name) = arg.to_str().and_then(|text| text.strip_prefix('-')) else {
        return arg;
    };
    let mut letters = name.chars();
    let (Some(first), Some(_)) = (letters.next(), letters.next()) else {
        return arg;
    };
    let glued = options.0.get(&format!("-{first}"));
    let short = match glued {
        // A value right after its option: `-knet:...`.
        Some(true) => true,
        // Several short options in one: `-hV`.
        Some(false) => name
            .chars()
            .all(|letter| options.0.contains_key(&format!("-{letter}"))),
        None => !first.is_alphabetic(),
    };
    if short {
        return arg;
    }
    let mut long = OsString::from("-");
    long.push(arg);
    long
}

/// The options that the Windows debuggers have too.
const DEBUGGERS: &[&str] = &[
    "k", "server", "remote", "premote", "QR", "clines", "noio", "noshell",
];

/// Every option by its spelling, and whether it takes a value.
#[derive(Debug, Default)]
pub(super) struct Options(pub BTreeMap<String, bool>);

impl Options {
    pub fn collect(&mut self, command: &Command) {
        for flag in ["-h", "--help", "-V", "--version"] {
            self.0.insert(flag.to_owned(), false);
        }
        for option in command
            .get_arguments()
            .filter(|argument| !argument.is_positional())
        {
            let takes_value = option.get_action().takes_values();
            let long = option.get_long().map(|long| format!("--{long}"));
            let short = option.get_short().map(|short| format!("-{short}"));
            self.0.extend(
                long.into_iter()
                    .chain(short)
                    .map(|name| (name, takes_value)),
            );
        }
        for subcommand in command.get_subcommands() {
            self.collect(subcommand);
        }
    }

    /// Whether the next argument is the value of this one.
    fn wants_value(&self, arg: &OsStr) -> bool {
        arg.to_str()
            .and_then(|name| self.0.get(name))
            .copied()
            .unwrap_or(false)
    }
}
