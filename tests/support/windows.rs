//! Simulated Windows machines beside kdeck: `kdeck sim kdnet` and `kdeck sim kdcom`.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use tempfile::TempDir;

use super::background::Background;
use super::home::Home;
use super::ports::free_ports;

/// Running machines, ended when dropped, and the connection strings that kdeck debugs them with.
#[derive(Debug)]
pub struct Windows {
    pub targets: Vec<String>,
    pub sim: Background,
    _places: TempDir,
}

/// How a machine is reached over a byte stream.
#[derive(Debug, Clone, Copy)]
pub enum Line {
    Tcp,
    Unix,
    Pty,
}

impl Windows {
    /// One machine on KDNET, with these arguments; without [`CHATTY`] it prints nothing by itself.
    pub fn net(arguments: &[&str]) -> Self {
        Self::nets(1, arguments)
    }

    /// So many machines on KDNET.
    pub fn nets(count: u16, arguments: &[&str]) -> Self {
        let (port, count) = (free_ports(count).to_string(), count.to_string());
        let mut all = vec!["kdnet", "--port", &port, "--count", &count];
        all.extend(["--offer-every", "0.1"]);
        all.extend(arguments);
        Self::start(&all, tempfile::tempdir().expect("a directory"))
    }

    /// One machine that calls this port with this key.
    pub fn at(port: &str, key: &str, arguments: &[&str]) -> Self {
        let mut all = vec![
            "kdnet",
            "--port",
            port,
            "--key",
            key,
            "--offer-every",
            "0.1",
        ];
        all.extend(arguments);
        Self::start(&all, tempfile::tempdir().expect("a directory"))
    }

    /// One machine that listens on this TCP port.
    pub fn listening(port: &str, arguments: &[&str]) -> Self {
        let mut all = vec!["kdcom", "--port", port];
        all.extend(arguments);
        Self::start(&all, tempfile::tempdir().expect("a directory"))
    }

    /// One machine on a byte stream.
    pub fn line(line: Line, arguments: &[&str]) -> Self {
        let places = tempfile::tempdir().expect("a directory");
        let folder = places.path().to_str().expect("UTF-8").to_owned();
        let mut all = vec!["kdcom"];
        match line {
            Line::Tcp => all.extend(["--port", "0"]),
            Line::Unix => all.extend(["--unix", &folder]),
            Line::Pty => all.extend(["--pty", &folder]),
        }
        all.extend(arguments);
        Self::start(&all, places)
    }

    fn start(arguments: &[&str], places: TempDir) -> Self {
        let count = arguments.iter().skip_while(|word| **word != "--count");
        let count = count.skip(1).find_map(|word| word.parse().ok());
        let mut all = vec!["sim"];
        all.extend(arguments);
        if !arguments.contains(&"--rate") {
            all.extend(["--rate", "0"]);
        }
        let home = Home::new();
        let mut command = home.kdeck();
        command.args(all).stdout(Stdio::piped());
        let mut sim = Background::start(&mut command);
        let output = BufReader::new(sim.0.stdout.take().expect("a pipe"));
        let target = |line: std::io::Result<String>| {
            let line = line.expect("text");
            line.split('\t').next().unwrap_or_default().to_owned()
        };
        let targets: Vec<String> = output
            .lines()
            .take(count.unwrap_or(1))
            .map(target)
            .collect();
        assert_eq!(targets.len(), count.unwrap_or(1), "{arguments:?}");
        Self {
            targets,
            sim,
            _places: places,
        }
    }

    /// The port that a machine calls.
    pub fn port(&self, target: usize) -> u16 {
        self.value(target, "port").parse().expect("a number")
    }

    /// The value of an option of a machine's connection string.
    pub fn value(&self, target: usize, option: &str) -> &str {
        let mut options = self.targets[target].split([',', ':']);
        let found = options.find_map(|part| part.strip_prefix(option)?.strip_prefix('='));
        found.unwrap_or_else(|| panic!("{option} in {}", self.targets[target]))
    }
}

/// Arguments of a machine that prints twenty lines a second, each with the next number.
pub const CHATTY: [&str; 2] = ["--rate", "20"];
