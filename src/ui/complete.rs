//! What the word at the cursor of the command line can become.

use crate::command::{Command, Completes, TABLE};
use crate::rack::Rack;
use crate::target::debugger;

/// The words one could have meant, and where in the line the word begins, in bytes. `line` ends at the cursor;
/// `debugger` says whether it is for a debug target.
pub fn candidates(
    line: &str,
    rack: &Rack,
    themes: &[&str],
    debugger: bool,
) -> (usize, Vec<String>) {
    let word_start = line.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let word = line.get(word_start..).unwrap_or_default();
    if let Some(address) = word.strip_prefix('@').filter(|_| word_start == 0) {
        let start = address.rfind(',').map_or(0, |comma| comma + 1) + 1;
        let part = word.get(start..).unwrap_or_default();
        let mut names = vec!["all".to_owned()];
        names.extend(rack.groups().into_iter().map(str::to_owned));
        names.extend(rack.targets().iter().map(|target| target.name.clone()));
        return (start, matching(part, names));
    }
    let text = match line.split_once(char::is_whitespace) {
        Some((address, rest)) if address.starts_with('@') => rest.trim_start(),
        _ => line,
    };
    if word.starts_with('.') && text == word {
        return (word_start, matching(word, commands()));
    }
    // Nothing begun is nothing to complete: Enter would let the target run.
    if debugger && text == word && !word.is_empty() {
        return (word_start, matching(word, debugger_commands().collect()));
    }
    let command = text.split_whitespace().next().and_then(named);
    let words = match command.map(|command| command.completes) {
        Some(Completes::Targets) => rack
            .targets()
            .iter()
            .map(|target| target.name.clone())
            .collect(),
        Some(Completes::Commands) => commands().into_iter().chain(debugger_commands()).collect(),
        Some(Completes::Themes) => themes.iter().map(|name| (*name).to_owned()).collect(),
        Some(Completes::OnOff) => vec!["on".to_owned(), "off".to_owned()],
        Some(Completes::Nothing) | None => Vec::new(),
    };
    (word_start, matching(word, words))
}

fn named(name: &str) -> Option<&'static Command> {
    TABLE
        .iter()
        .find(|command| command.name == name || command.aliases.contains(&name))
}

fn commands() -> Vec<String> {
    TABLE
        .iter()
        .map(|command| command.name.to_owned())
        .collect()
}

fn debugger_commands() -> impl Iterator<Item = String> {
    debugger::TABLE
        .iter()
        .map(|command| command.name.to_owned())
}

fn matching(part: &str, mut words: Vec<String>) -> Vec<String> {
    words.retain(|word| word.starts_with(part));
    words.dedup();
    words
}
