//! What servers are known to show: `known_servers`, a text file of lines `NAME SHA256:…`, which people may edit.
//!
//! Lines that mean nothing here, such as comments, stay as they are.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::super::Fingerprint;
use crate::setup::secret_file;

/// The file. It is read each time it is asked: another process may have written it.
#[derive(Debug)]
pub struct KnownServers {
    file: PathBuf,
    /// One of us writes at a time.
    writing: Mutex<()>,
}

impl KnownServers {
    /// Those in `file`, which need not exist.
    pub fn at(file: PathBuf) -> Self {
        Self {
            file,
            writing: Mutex::new(()),
        }
    }

    /// What `server` showed when it was trusted; the last line counts.
    pub fn find(&self, server: &str) -> Result<Option<Fingerprint>, String> {
        let text = self.read()?;
        let mut pins = text.lines().rev().filter_map(pin);
        Ok(pins
            .find(|(name, _)| *name == server)
            .map(|(_, fingerprint)| fingerprint))
    }

    /// Sets what `server` shows.
    pub fn pin(&self, server: &str, fingerprint: &Fingerprint) -> Result<(), String> {
        let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.read()?;
        let mut text = String::with_capacity(before.len() + server.len() + 80);
        for line in before.lines() {
            if pin(line).is_none_or(|(name, _)| name != server) {
                text.push_str(line);
                text.push('\n');
            }
        }
        let server = server.replace(|c: char| c.is_control(), "");
        text.push_str(&format!("{server} {fingerprint}\n"));
        secret_file::write(&self.file, &text, true)
            .map_err(|error| format!("cannot write {}: {error}", shown(&self.file)))
    }

    fn read(&self) -> Result<String, String> {
        match fs::read(&self.file) {
            Ok(bytes) => String::from_utf8(bytes)
                .map_err(|_| format!("{} is no text; remove it", shown(&self.file))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(format!("cannot read {}: {error}", shown(&self.file))),
        }
    }
}

fn pin(line: &str) -> Option<(&str, Fingerprint)> {
    let line = line.trim();
    let (name, fingerprint) = line.rsplit_once(char::is_whitespace)?;
    let comment = line.starts_with('#');
    Some((name.trim(), fingerprint.parse().ok()?)).filter(|_| !comment)
}

fn shown(file: &Path) -> std::path::Display<'_> {
    file.display()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_pin_is_found_again_and_replaced() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("known_servers");
        let known = KnownServers::at(file.clone());
        let (one, two) = (Fingerprint::of(b"1"), Fingerprint::of(b"2"));
        assert_eq!(known.find("lab01:5443"), Ok(None));
        known.pin("lab01:5443", &one).unwrap();
        known.pin("com /dev/ttyS1 channel 7", &two).unwrap();
        assert_eq!(known.find("lab01:5443"), Ok(Some(one)));
        assert_eq!(known.find("com /dev/ttyS1 channel 7"), Ok(Some(two)));
        known.pin("lab01:5443", &two).unwrap();
        assert_eq!(known.find("lab01:5443"), Ok(Some(two)));
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn lines_of_people_stay() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("known_servers");
        let one = Fingerprint::of(b"1");
        fs::write(&file, format!("# the lab\nlab01:1 {one}\n\nwhat is this\n")).unwrap();
        let known = KnownServers::at(file.clone());
        known.pin("lab02:1", &one).unwrap();
        assert_eq!(
            fs::read_to_string(&file).unwrap(),
            format!("# the lab\nlab01:1 {one}\n\nwhat is this\nlab02:1 {one}\n")
        );
    }

    #[test]
    fn a_commented_pin_does_not_count() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("known_servers");
        fs::write(&file, format!("# lab01:1 {}\n", Fingerprint::of(b"1"))).unwrap();
        assert_eq!(KnownServers::at(file).find("# lab01:1"), Ok(None));
    }
}
