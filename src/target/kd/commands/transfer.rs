//! Memory to and from files of the host: `.writemem` and `.readmem`.
//!
//! A file appears under its name when it is complete: it is written beside it before.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::super::debugger::Debugger;
use super::super::fault::Fault;
use super::super::progress;
use super::arguments;
use super::memory::{unreadable, unwritable};
use crate::code::expression::RANGE_BYTES_MAX;
use crate::code::memory::Memory as _;

/// What is moved at once over a quick link, bytes: between two pieces progress is told and it can be interrupted.
const PIECE_BYTES: u64 = 64 << 10;
/// The same over a slow one: a piece takes less than a second at 115,200 baud.
const SLOW_PIECE_BYTES: u64 = 4 << 10;

/// `.writemem`: memory into a file.
pub async fn to_file(debugger: &mut Debugger<'_>, rest: &str) -> Result<String, Fault> {
    let (path, rest) = file_name(rest)?;
    let (range, rest) = arguments::whole_range(debugger, rest, 1).await?;
    arguments::end(rest)?;
    let bytes = range.bytes();
    let failed = |error: io::Error| cannot("write", &path, &error);
    let mut partial = Partial::create(path.clone()).map_err(failed)?;
    let mut progress = debugger.progress(format!(".writemem {}", path.display()), bytes);
    let began = Instant::now();
    let mut done = 0;
    while done < bytes {
        let count = (bytes - done).min(piece_bytes(debugger));
        let from = range.start.wrapping_add(done);
        let read = debugger
            .look(|view| {
                let mut piece = vec![0; usize::try_from(count).unwrap_or_default()];
                view.known.memory.read(from, &mut piece).map(|()| piece)
            })
            .await;
        let piece = read.map_err(|fault| match unreadable(debugger, fault) {
            Fault::Words(words) => {
                Fault::Words(format!("{words}; {} is not written", path.display()))
            }
            fault => fault,
        })?;
        partial.write(piece).await.map_err(failed)?;
        done += count;
        progress.advance(done);
        debugger.check_interrupt()?;
    }
    partial.keep().await.map_err(failed)?;
    let elapsed = began.elapsed();
    Ok(format!(
        "Wrote {bytes:#x} bytes to {}, {}",
        path.display(),
        progress::rate(bytes, elapsed)
    ))
}

/// `.readmem`: a file into memory; all of it unless the range says how much.
pub async fn from_file(debugger: &mut Debugger<'_>, rest: &str) -> Result<String, Fault> {
    let (path, rest) = file_name(rest)?;
    let failed = |error: io::Error| cannot("read", &path, &error);
    let opened = path.clone();
    let (mut file, length) = apart(move || {
        let file = File::open(&opened)?;
        let about = file.metadata()?;
        if about.is_file() {
            Ok((file, about.len()))
        } else {
            Err(io::Error::other("it is no file"))
        }
    })
    .await
    .map_err(failed)?;
    let (range, rest) = arguments::range(debugger, rest, 1, length).await?;
    arguments::end(rest)?;
    let bytes = range.bytes();
    if bytes == 0 || length < bytes {
        return Err(Fault::Words(format!(
            "{} has {length:#x} bytes, not {bytes:#x}; nothing was written",
            path.display()
        )));
    }
    if !range.given && bytes > RANGE_BYTES_MAX {
        return Err(Fault::Words(format!(
            "{} has {length:#x} bytes; L? says that so many are meant",
            path.display()
        )));
    }
    let mut progress = debugger.progress(format!(".readmem {}", path.display()), bytes);
    let began = Instant::now();
    let mut done = 0;
    while done < bytes {
        let count = (bytes - done).min(piece_bytes(debugger));
        let (back, piece) = apart(move || {
            let mut piece = vec![0; usize::try_from(count).unwrap_or_default()];
            file.read_exact(&mut piece)?;
            Ok((file, piece))
        })
        .await
        .map_err(failed)?;
        file = back;
        let at = range.start.wrapping_add(done);
        let written = debugger.write_virtual(at, &piece).await;
        written.map_err(|fault| unwritable(debugger, fault))?;
        done += count;
        progress.advance(done);
        debugger.check_interrupt()?;
    }
    let elapsed = began.elapsed();
    Ok(format!(
        "Read {bytes:#x} bytes from {}, {}",
        path.display(),
        progress::rate(bytes, elapsed)
    ))
}

fn piece_bytes(debugger: &Debugger<'_>) -> u64 {
    if debugger.link.is_slow() {
        SLOW_PIECE_BYTES
    } else {
        PIECE_BYTES
    }
}

/// The file named first, and what is behind it.
fn file_name(rest: &str) -> Result<(PathBuf, &str), Fault> {
    match arguments::word(rest) {
        ("", _) | (_, "") => Err("a file and a range are wanted: FILE START Lcount".into()),
        (name, rest) => Ok((PathBuf::from(name), rest)),
    }
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Fault {
    Fault::Words(format!("cannot {what} {}: {error}", path.display()))
}

/// Runs what waits for a disk where nobody else waits for it.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(io::Error::other(error)),
    }
}

/// A file being written, under a name of its own; removed unless it is kept.
#[derive(Debug)]
struct Partial {
    path: PathBuf,
    under: PathBuf,
    file: Option<File>,
}

impl Partial {
    fn create(path: PathBuf) -> io::Result<Self> {
        if path.is_dir() {
            return Err(io::Error::other("it is a directory"));
        }
        let Some(name) = path.file_name() else {
            return Err(io::Error::other("it is no file's name"));
        };
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{:08x}.part", fastrand::u32(..)));
        let under = path.with_file_name(hidden);
        let file = File::create_new(&under)?;
        Ok(Self {
            path,
            under,
            file: Some(file),
        })
    }

    async fn write(&mut self, piece: Vec<u8>) -> io::Result<()> {
        let Some(mut file) = self.file.take() else {
            return Err(io::Error::other("an earlier write failed"));
        };
        self.file = Some(
            apart(move || {
                file.write_all(&piece)?;
                Ok(file)
            })
            .await?,
        );
        Ok(())
    }

    /// It is complete: gives it its name.
    async fn keep(mut self) -> io::Result<()> {
        self.file = None;
        let (under, path) = (self.under.clone(), self.path.clone());
        apart(move || fs::rename(under, path)).await?;
        self.under.clear();
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.under.as_os_str().is_empty() {
            // Gone already, or not ours to remove: nobody can do better.
            fs::remove_file(&self.under).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_appears_only_when_it_is_complete() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.bin");
        fs::write(&path, b"old").unwrap();
        let mut partial = Partial::create(path.clone()).unwrap();
        partial.write(b"new and ".to_vec()).await.unwrap();
        partial.write(b"longer".to_vec()).await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        partial.keep().await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new and longer");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_file_that_is_given_up_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.bin");
        let mut partial = Partial::create(path.clone()).unwrap();
        partial.write(vec![1; 100]).await.unwrap();
        drop(partial);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        assert!(Partial::create(directory.path().to_owned()).is_err());
    }

    #[test]
    fn a_file_is_named_before_the_range() {
        let (path, rest) = file_name("\"my dump.bin\" nt L100").unwrap();
        assert_eq!((path, rest), (PathBuf::from("my dump.bin"), "nt L100"));
        assert!(file_name("a.bin").is_err());
        assert!(file_name("").is_err());
    }
}
