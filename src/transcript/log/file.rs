//! One target's log files: naming, rotation, and writes that may fail in the middle.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::civil::Date;

use super::Settings;
use super::format::Cut;

/// The current file of one target: `NAME-2026-11-21.log`, put aside as `NAME-2026-11-21.1.log` and so on by size.
#[derive(Debug)]
pub struct LogFile {
    directory: PathBuf,
    name: String,
    date: Date,
    file: Option<File>,
    size: u64,
    /// What could not be written yet, each piece with the date of its file if that is a new one.
    behind: VecDeque<Piece>,
}

#[derive(Debug)]
struct Piece {
    date: Option<Date>,
    bytes: Vec<u8>,
}

impl LogFile {
    /// A file that is opened with the first write.
    pub fn new(directory: &Path, name: &str) -> Self {
        let behind = VecDeque::new();
        Self {
            directory: directory.into(),
            name: name.into(),
            date: Date::ZERO,
            file: None,
            size: 0,
            behind,
        }
    }

    /// Goes on in another folder, also with what could not be written yet.
    pub fn move_to(&mut self, directory: &Path) {
        self.directory = directory.into();
        self.file = None;
        self.size = 0;
    }

    /// Whether an earlier write has not been finished. Nothing else may be written before [`LogFile::catch_up`].
    pub fn is_behind(&self) -> bool {
        !self.behind.is_empty()
    }

    /// Appends `text`, going on to another file where `cuts` asks for it or the size does.
    ///
    /// # Errors
    /// What failed, where and why, in words. What was not written is kept for [`LogFile::catch_up`].
    pub fn write(&mut self, text: &[u8], cuts: &[Cut], settings: &Settings) -> Result<(), String> {
        let mut date = self.date;
        let mut done = 0;
        for cut in cuts {
            let full = self.size + (cut.at - done) as u64 >= settings.rotate_bytes && self.size > 0;
            if cut.date != date || full {
                let (before, _) = text.split_at(cut.at);
                self.send(None, before.get(done..).unwrap_or_default(), settings);
                self.send(Some(cut.date), &[], settings);
                date = cut.date;
                done = cut.at;
            }
        }
        self.send(None, text.get(done..).unwrap_or_default(), settings);
        self.catch_up(settings)
    }

    /// Writes what an earlier write left.
    ///
    /// # Errors
    /// As [`LogFile::write`].
    pub fn catch_up(&mut self, settings: &Settings) -> Result<(), String> {
        while let Some(mut piece) = self.behind.pop_front() {
            if let Err(error) = self.try_piece(&mut piece, settings) {
                self.file = None;
                self.behind.push_front(piece);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Writes at once if nothing is waiting, else queues.
    fn send(&mut self, date: Option<Date>, bytes: &[u8], settings: &Settings) {
        if bytes.is_empty() && date.is_none() {
            return;
        }
        if self.behind.is_empty()
            && date.is_none()
            && let Some(file) = &mut self.file
        {
            let written = write_some(file, bytes).0;
            self.size += written as u64;
            if written < bytes.len() {
                let rest = bytes.get(written..).unwrap_or_default().to_vec();
                self.behind.push_back(Piece {
                    date: None,
                    bytes: rest,
                });
            }
            return;
        }
        self.behind.push_back(Piece {
            date,
            bytes: bytes.to_vec(),
        });
        if date.is_some() {
            // A failure is met again, and told, by the caller's catch_up.
            self.catch_up(settings).ok();
        }
    }

    fn try_piece(&mut self, piece: &mut Piece, settings: &Settings) -> Result<(), String> {
        if let Some(date) = piece.date {
            self.begin_file(date, settings)?;
            piece.date = None;
        }
        if self.file.is_none() {
            self.open()?;
        }
        let path = self.path();
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let (written, result) = write_some(file, &piece.bytes);
        self.size += written as u64;
        piece.bytes.drain(..written);
        result.map_err(|error| failure("write", &path, &error))
    }

    /// Goes on to the file of `date`, or puts the current one aside if it is that already.
    fn begin_file(&mut self, date: Date, settings: &Settings) -> Result<(), String> {
        if date == self.date && self.size > 0 {
            self.put_aside(settings)?;
        }
        self.date = date;
        self.open()
    }

    fn open(&mut self) -> Result<(), String> {
        let path = self.path();
        DirBuilder::new()
            .recursive(true)
            .mode(OWNER_ENTERS)
            .create(&self.directory)
            .map_err(|error| failure("make the folder", &self.directory, &error))?;
        let open = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(OWNER_ONLY)
            .open(&path);
        let file = open.map_err(|error| failure("open", &path, &error))?;
        self.size = file.metadata().map(|data| data.len()).unwrap_or(0);
        self.file = Some(file);
        Ok(())
    }

    /// Renames the current file to the next free number and removes the oldest ones.
    fn put_aside(&mut self, settings: &Settings) -> Result<(), String> {
        self.file = None;
        let path = self.path();
        let mut numbers = self.numbers();
        let next = numbers.last().copied().unwrap_or(0) + 1;
        fs::rename(&path, self.numbered(next)).map_err(|error| failure("rename", &path, &error))?;
        self.size = 0;
        numbers.push(next);
        let surplus = numbers.len().saturating_sub(settings.rotate_count as usize);
        for number in numbers.into_iter().take(surplus) {
            // One that is gone already, or held by somebody, is no reason to stop.
            fs::remove_file(self.numbered(number)).ok();
        }
        Ok(())
    }

    /// Numbers of the files of this day that were put aside, ascending.
    fn numbers(&self) -> Vec<u32> {
        let stem = format!("{}-{}.", file_name(&self.name), self.date);
        let entries = fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten();
        let mut numbers: Vec<u32> = entries
            .filter_map(|entry| {
                entry
                    .file_name()
                    .to_str()?
                    .strip_prefix(&stem)?
                    .strip_suffix(".log")?
                    .parse()
                    .ok()
            })
            .collect();
        numbers.sort_unstable();
        numbers
    }

    fn path(&self) -> PathBuf {
        self.directory
            .join(format!("{}-{}.log", file_name(&self.name), self.date))
    }

    fn numbered(&self, number: u32) -> PathBuf {
        self.directory.join(format!(
            "{}-{}.{number}.log",
            file_name(&self.name),
            self.date
        ))
    }
}

/// Folders that are made are for their owner: what targets print has keys and passwords in it.
const OWNER_ENTERS: u32 = 0o700;
/// So are files that are made. One that is there keeps the rights somebody gave it.
const OWNER_ONLY: u32 = 0o600;

/// A target's name as part of a file's name: whatever could leave the folder is replaced.
fn file_name(name: &str) -> String {
    name.replace(['/', '\0'], "_")
}

/// Writes as much as goes; how much that was, and what stopped it.
fn write_some(file: &mut File, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match file.write(rest) {
            Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}

fn failure(doing: &str, path: &Path, error: &io::Error) -> String {
    format!("cannot {doing} {}: {error}", path.display())
}
