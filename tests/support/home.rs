//! A directory for one run of kdeck: configuration, state and sockets of its own, nothing of the person's who tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;

/// The program under test.
pub const KDECK: &str = env!("CARGO_BIN_EXE_kdeck");

/// The name under which the tests type.
pub const TYPIST: &str = "tester";

/// The places of one kdeck, or of several that share them; removed with everything in it when the last is dropped.
#[derive(Debug, Clone)]
pub struct Home(Arc<TempDir>);

impl Home {
    pub fn new() -> Self {
        Self(Arc::new(
            tempfile::tempdir().expect("a temporary directory"),
        ))
    }

    /// The directory in which kdeck is started: `kdeck.toml` is looked for here.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes the configuration that kdeck finds by itself.
    pub fn configure(&self, toml: &str) -> PathBuf {
        let file = self.path().join("kdeck.toml");
        fs::write(&file, toml).expect("a file in the temporary directory");
        file
    }

    /// Where the logs are unless the configuration says otherwise.
    pub fn logs(&self) -> PathBuf {
        self.path().join("state/logs")
    }

    /// The log files of a target, oldest first.
    pub fn log_files(&self, target: &str) -> Vec<PathBuf> {
        log_files(&self.logs(), target)
    }

    /// What is in the log files of a target.
    pub fn log(&self, target: &str) -> String {
        let read = |path: &PathBuf| fs::read(path).expect("a log file");
        let bytes: Vec<u8> = self.log_files(target).iter().flat_map(read).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What every kdeck of this home is started with.
    pub fn variables(&self) -> Vec<(&'static str, PathBuf)> {
        let path = |name: &str| self.path().join(name);
        vec![
            ("KDECK_STATE_DIR", path("state")),
            ("KDECK_CONFIG_DIR", path("config")),
            ("KDECK_RUNTIME_DIR", path("run")),
            ("KDECK_NAME", TYPIST.into()),
            ("TZ", "UTC".into()),
            ("LANG", "C.UTF-8".into()),
        ]
    }

    /// kdeck, ready to be given arguments.
    pub fn kdeck(&self) -> Command {
        self.prepared(Command::new(KDECK))
    }

    /// The same, started by another program with these arguments, which becomes kdeck.
    pub fn kdeck_by(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).arg(KDECK);
        self.prepared(command)
    }

    fn prepared(&self, mut command: Command) -> Command {
        command.current_dir(self.path()).envs(self.variables());
        for variable in FOREIGN {
            command.env_remove(variable);
        }
        command
    }
}

/// The log files of a target in a directory, oldest first.
pub fn log_files(directory: &Path, target: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let start = format!("{target}-");
    let is_of_target = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.strip_prefix(&start)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a directory entry").path())
        .filter(is_of_target)
        .collect();
    let written = |path: &PathBuf| fs::metadata(path).and_then(|file| file.modified()).ok();
    files.sort_by_key(written);
    files
}

/// Variables that change what kdeck does and belong to the person who tests.
pub const FOREIGN: [&str; 9] = [
    "NO_COLOR",
    "KDECK_LOG",
    "COLORTERM",
    "COLUMNS",
    "LINES",
    "LC_ALL",
    "LC_CTYPE",
    "TMUX",
    "STY",
];
