//! `kdeck sim`, running.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use super::background::Background;
use super::home::Home;

/// A running `kdeck sim`, and the connection strings that it printed.
pub fn simulate(arguments: &[&str], count: usize) -> (Background, Vec<String>) {
    let home = Home::new();
    let mut command = home.kdeck();
    command.arg("sim").args(arguments).stdout(Stdio::piped());
    let mut sim = Background::start(&mut command);
    let output = BufReader::new(sim.0.stdout.take().expect("a pipe"));
    let lines: Vec<String> = output
        .lines()
        .take(count)
        .map(|line| {
            line.expect("text")
                .split('\t')
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    assert_eq!(lines.len(), count);
    (sim, lines)
}

/// The value of an option of a connection string.
pub fn value<'a>(target: &'a str, option: &str) -> &'a str {
    let mut options = target.split([',', ':']);
    let found = options.find_map(|part| part.strip_prefix(option)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("{option} in {target}"))
}
