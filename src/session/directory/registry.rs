//! What the processes of one account tell each other of their servers: a file each, in the runtime directory.
//!
//! A file is locked as long as its process lives, so that one of a process that was killed is known by its lock.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::config::Places;
use crate::transcript::safe;

/// Longest file that is read, bytes. One has at most a line for each server.
const FILE_BYTES_MAX: u64 = 16 << 10;
/// Files that are looked at. Each is a process of the same account.
const FILES_MAX: usize = 256;
/// Read and written by its owner.
const OWNER_ONLY: u32 = 0o600;
/// Entered by its owner.
const OWNER_ENTERS: u32 = 0o700;
/// How often a file is opened that is another one each time: its process is telling something new just now.
const OPENED_MAX: usize = 3;

/// What this process tells, until it is dropped.
#[derive(Debug)]
pub(super) struct Published {
    path: PathBuf,
    /// Keeps its lock.
    _file: File,
}

impl Published {
    /// Tells these strings, in place of what `own` told before.
    pub(super) fn write(places: &Places, strings: &[String]) -> io::Result<Self> {
        places.make_runtime_dir().map_err(io::Error::other)?;
        let folder = places.registry_dir();
        DirBuilder::new()
            .recursive(true)
            .mode(OWNER_ENTERS)
            .create(&folder)?;
        let path = folder.join(std::process::id().to_string());
        let beside = path.with_extension("new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(OWNER_ONLY)
            .open(&beside)?;
        file.lock()?;
        let mut text = strings.join("\n");
        text.push('\n');
        file.write_all(text.as_bytes())?;
        let _alone = alone(&folder)?;
        fs::rename(&beside, &path)?;
        Ok(Self { path, _file: file })
    }

    /// Another one of this process has taken its place.
    pub(super) fn replaced(mut self) {
        self.path = PathBuf::new();
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        // It is gone, or told in another file.
        fs::remove_file(&self.path).ok();
    }
}

/// What all processes of this account tell, those that ended left out and cleared away.
pub(super) fn read(places: &Places) -> Vec<String> {
    let told = living(places).into_iter();
    told.flat_map(|(_, strings)| strings).collect()
}

/// The same by process.
pub(super) fn living(places: &Places) -> Vec<(u32, Vec<String>)> {
    let files = fs::read_dir(places.registry_dir())
        .into_iter()
        .flatten()
        .flatten();
    let mut paths: Vec<(u32, PathBuf)> = files
        .filter_map(|file| Some((file.file_name().to_str()?.parse().ok()?, file.path())))
        .take(FILES_MAX)
        .collect();
    paths.sort();
    let strings = |text: String| {
        let lines = text.lines().filter(|line| !line.is_empty());
        lines
            .map(|line| safe::plain(line.as_bytes()).into_owned())
            .collect()
    };
    let told = paths
        .into_iter()
        .filter_map(|(process, path)| Some((process, strings(read_living(&path)?))));
    told.collect()
}

/// The text of a process that lives.
fn read_living(path: &Path) -> Option<String> {
    for _ in 0..OPENED_MAX {
        let file = File::open(path).ok()?;
        if file.try_lock_shared().is_err() {
            let mut text = String::new();
            file.take(FILE_BYTES_MAX).read_to_string(&mut text).ok()?;
            return Some(text);
        }
        // Nobody holds it any more. Somebody else may clear it away as well.
        if clear(path, &file).unwrap_or(true) {
            return None;
        }
    }
    None
}

/// Takes away what is at `path`, if it still is this file: a living process puts another one in its place, and lets the
/// old one go.
fn clear(path: &Path, file: &File) -> io::Result<bool> {
    let _alone = path.parent().map(alone).transpose()?;
    let (at_path, opened) = (fs::symlink_metadata(path)?, file.metadata()?);
    if (at_path.dev(), at_path.ino()) != (opened.dev(), opened.ino()) {
        return Ok(false);
    }
    fs::remove_file(path)?;
    Ok(true)
}

/// Held while a file of the folder is replaced or cleared away, by one at a time.
fn alone(folder: &Path) -> io::Result<File> {
    let held = File::open(folder)?;
    held.lock()?;
    Ok(held)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::tests::places;
    use super::*;

    #[test]
    fn what_is_told_is_found_until_it_is_withdrawn() {
        let home = tempfile::tempdir().unwrap();
        let places = places(home.path());
        assert!(read(&places).is_empty());
        let first = Published::write(&places, &["tcp:Port=1".to_owned()]).unwrap();
        let both = ["tcp:Port=1".to_owned(), "npipe:Pipe=a".to_owned()];
        let second = Published::write(&places, &both).unwrap();
        first.replaced();
        assert_eq!(read(&places), both);
        let mode = fs::metadata(&second.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(second);
        assert!(read(&places).is_empty());
        assert_eq!(fs::read_dir(places.registry_dir()).unwrap().count(), 0);
    }

    #[test]
    fn who_has_opened_what_was_replaced_meanwhile_takes_nothing_away() {
        let home = tempfile::tempdir().unwrap();
        let places = places(home.path());
        let first = Published::write(&places, &["tcp:Port=1".to_owned()]).unwrap();
        let path = first.path.clone();
        let opened = File::open(&path).unwrap();
        let second = Published::write(&places, &["tcp:Port=2".to_owned()]).unwrap();
        first.replaced();
        opened.try_lock_shared().unwrap();
        assert!(!clear(&path, &opened).unwrap());
        assert_eq!(read(&places), ["tcp:Port=2"]);
        drop(second);
    }

    #[test]
    fn what_a_process_left_behind_that_was_killed_is_cleared_away() {
        let home = tempfile::tempdir().unwrap();
        let places = places(home.path());
        fs::create_dir_all(places.registry_dir()).unwrap();
        let stale = places.registry_dir().join("4711");
        fs::write(&stale, "tcp:Port=1\n").unwrap();
        fs::write(places.registry_dir().join("readme"), "tcp:Port=2\n").unwrap();
        assert!(read(&places).is_empty());
        assert!(!stale.exists());
    }
}
