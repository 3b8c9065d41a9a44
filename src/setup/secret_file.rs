//! Files with keys in them: for their owner alone, and never written over by mistake.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Writes `text` to the file `path`, which nobody else can read from its first byte on.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if there is one already; `replace` takes its place instead, or leaves it as it was
/// if writing fails.
pub fn write(path: &Path, text: &str, replace: bool) -> io::Result<()> {
    if !replace {
        let written = create(path)?.write_all(text.as_bytes());
        return written.inspect_err(|_| {
            // Half a file of keys is of no use; that it cannot be removed either is no news.
            fs::remove_file(path).ok();
        });
    }
    let beside = beside(path);
    let replaced = create(&beside)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&beside, path));
    replaced.inspect_err(|error| {
        if error.kind() != io::ErrorKind::AlreadyExists {
            fs::remove_file(&beside).ok();
        }
    })
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(OWNER_ONLY)
        .open(path)
}

/// A name in the same directory, so that it can be renamed.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

/// Read and written by its owner.
const OWNER_ONLY: u32 = 0o600;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_its_owners_and_is_replaced_only_if_that_was_asked_for() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("kdeck.toml");
        write(&path, "one", false).unwrap();
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        let refused = write(&path, "two", false).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write(&path, "two", true).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(mode(), 0o600);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_directory_is_not_replaced() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("taken");
        fs::create_dir(&path).unwrap();
        write(&path, "one", true).unwrap_err();
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }
}
