//! The lines typed before: kept in a file, one a line, brought back by prefix or by any part.
//!
//! Lines that begin with a blank, and answers to a prompt for a password, are not kept; the caller leaves those out.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Lines kept: a few weeks of one person's typing.
pub const LINES_MAX: usize = 1_000;
/// Longest line kept, bytes.
pub const LINE_BYTES_MAX: usize = 4_096;

/// The lines typed before, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    lines: VecDeque<String>,
    /// The line shown, if one was brought back, and what was typed before that.
    recalled: Option<(usize, String)>,
}

impl History {
    /// A history of these lines, oldest first.
    pub fn new(lines: impl IntoIterator<Item = String>) -> Self {
        let mut history = Self::default();
        for line in lines {
            history.add(&line);
        }
        history
    }

    /// Keeps a line. Returns false for what is not kept: blanks first, the same as the line before, too long.
    pub fn add(&mut self, line: &str) -> bool {
        self.recalled = None;
        let kept = !line.is_empty()
            && !line.starts_with(' ')
            && line.len() <= LINE_BYTES_MAX
            && !line.contains(char::is_control)
            && self.lines.back().is_none_or(|last| last != line);
        if kept {
            if self.lines.len() >= LINES_MAX {
                self.lines.pop_front();
            }
            self.lines.push_back(line.to_owned());
        }
        kept
    }

    /// The newest line older than the one shown that begins with what was typed; `typed` is what the editor holds.
    pub fn older(&mut self, typed: &str) -> Option<&str> {
        let (from, prefix) = match self.recalled.take() {
            Some((at, prefix)) if self.lines.get(at).is_some_and(|line| line == typed) => {
                (at, prefix)
            }
            _ => (self.lines.len(), typed.to_owned()),
        };
        let found = self
            .lines
            .iter()
            .take(from)
            .rposition(|line| line.starts_with(&prefix) && line != typed);
        let place = found.unwrap_or(from);
        self.recalled = (place < self.lines.len()).then_some((place, prefix));
        found.and_then(|at| self.lines.get(at)).map(String::as_str)
    }

    /// The line after the one shown that begins with what was typed, in the end what was typed itself.
    pub fn newer(&mut self) -> Option<String> {
        let (at, prefix) = self.recalled.take()?;
        let newer = self
            .lines
            .iter()
            .enumerate()
            .skip(at + 1)
            .find(|(_, line)| line.starts_with(&prefix));
        match newer {
            Some((place, line)) => {
                let line = line.clone();
                self.recalled = Some((place, prefix));
                Some(line)
            }
            None => Some(prefix),
        }
    }

    /// The newest line that contains `part`, `skip` matches further back.
    pub fn containing(&self, part: &str, skip: usize) -> Option<&str> {
        self.lines
            .iter()
            .rev()
            .filter(|line| line.contains(part))
            .nth(skip)
            .map(String::as_str)
    }

    /// The lines, oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }
}

/// The file of a history.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
}

impl Store {
    /// The history in that file; a file that is not there yet is an empty one. Its directory is made.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn open(path: &Path) -> io::Result<(Self, History)> {
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        let store = Self {
            path: path.to_owned(),
        };
        let mut lines = VecDeque::new();
        let mut all = 0;
        match File::open(path) {
            Ok(file) => {
                for line in BufReader::new(file).split(b'\n') {
                    all += 1;
                    lines.push_back(String::from_utf8_lossy(&line?).into_owned());
                    if lines.len() > LINES_MAX {
                        lines.pop_front();
                    }
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let history = History::new(lines);
        if all > 2 * LINES_MAX {
            store.write_again(&history)?;
        }
        Ok((store, history))
    }

    /// Appends a line.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn append(&self, line: &str) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.path)?;
        // One write, so that two consoles do not mix their lines.
        file.write_all(format!("{line}\n").as_bytes())
    }

    fn write_again(&self, history: &History) -> io::Result<()> {
        let new = self.path.with_extension("new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        let text: String = history.lines().flat_map(|line| [line, "\n"]).collect();
        file.write_all(text.as_bytes())?;
        std::fs::rename(new, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(lines: &[&str]) -> History {
        History::new(lines.iter().map(|line| (*line).to_owned()))
    }

    #[test]
    fn lines_come_back_by_what_they_begin_with() {
        let mut history = history(&["reboot", "dmesg", "read x", "uptime"]);
        assert_eq!(history.older("re"), Some("read x"));
        assert_eq!(history.older("read x"), Some("reboot"));
        assert_eq!(history.older("reboot"), None);
        assert_eq!(history.newer().as_deref(), Some("read x"));
        assert_eq!(history.newer().as_deref(), Some("re"));
        assert_eq!(history.newer(), None);
    }

    #[test]
    fn a_line_changed_after_it_came_back_is_a_new_beginning() {
        let mut history = history(&["alpha", "beta"]);
        assert_eq!(history.older(""), Some("beta"));
        assert_eq!(history.older("al"), Some("alpha"));
    }

    #[test]
    fn repeated_blank_and_long_lines_are_not_kept() {
        let mut history = History::default();
        assert!(history.add("a"));
        assert!(!history.add("a"));
        assert!(!history.add(" secret"));
        assert!(!history.add(""));
        assert!(!history.add(&"x".repeat(LINE_BYTES_MAX + 1)));
        assert!((0..2 * LINES_MAX).all(|n| history.add(&n.to_string())));
        assert_eq!(history.lines().count(), LINES_MAX);
    }

    #[test]
    fn any_part_finds_a_line_and_the_ones_before_it() {
        let history = history(&["set baud 9600", "break", "set baud 115200"]);
        assert_eq!(history.containing("baud", 0), Some("set baud 115200"));
        assert_eq!(history.containing("baud", 1), Some("set baud 9600"));
        assert_eq!(history.containing("baud", 2), None);
    }

    #[test]
    fn the_file_keeps_lines_and_does_not_grow_for_ever() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state/history");
        let (store, empty) = Store::open(&path).unwrap();
        assert_eq!(empty, History::default());
        store.append("one").unwrap();
        store.append("two").unwrap();
        assert_eq!(Store::open(&path).unwrap().1, history(&["one", "two"]));
        (0..3 * LINES_MAX)
            .try_for_each(|n| store.append(&n.to_string()))
            .unwrap();
        let (_, last) = Store::open(&path).unwrap();
        assert_eq!(last.lines().count(), LINES_MAX);
        assert_eq!(
            std::fs::read_to_string(&path).unwrap().lines().count(),
            LINES_MAX
        );
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}
