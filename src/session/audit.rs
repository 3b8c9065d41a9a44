//! The audit log: who came, from where, was refused and why, and what everybody did.
//!
//! One line for each, appended to a file that only its owner can read. It is written by a thread of its own: who acts
//! never waits for a disk, and what could not be kept is counted in the log itself. What is in it is made harmless and
//! holds no secrets; leaving those out is for the callers.

mod gate;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use self::gate::Gate;
use crate::transcript::Time;

/// Its name in the state directory.
pub const FILE_NAME: &str = crate::config::AUDIT_FILE;
/// Records that wait for the disk. What is more is counted, and not kept.
const WAITING: usize = 4096;
/// A file that has reached this is put aside, bytes.
const FILE_BYTES_MAX: u64 = 8 << 20;
/// Files put aside that are kept: `audit.log.1` is the newest.
const OLD_FILES: u32 = 4;
/// Characters of the longest value; what is longer is cut.
const VALUE_CHARS_MAX: usize = 1000;

/// Somewhere to record what happens. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Audit {
    records: SyncSender<Work>,
    missed: Arc<AtomicU64>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When.
    pub time: Time,
    /// What happened, in a word.
    pub what: &'static str,
    /// All about it, in order.
    pub fields: Vec<(&'static str, String)>,
}

#[derive(Debug)]
enum Work {
    Write(Record),
    /// What was recorded before is to be written; then this is dropped.
    Finish(#[expect(dead_code, reason = "its end is what is waited for")] SyncSender<()>),
}

impl Audit {
    /// Opens the log in `directory`, which is there. What goes wrong later is told to `complain`, once until it goes well
    /// again.
    ///
    /// # Errors
    /// In words, with the file: it cannot be opened, or the system has no thread.
    pub fn open(
        directory: &Path,
        complain: impl Fn(String) + Send + 'static,
    ) -> Result<Self, String> {
        let path = directory.join(FILE_NAME);
        let failed = |error: io::Error| {
            format!(
                "the audit log {} cannot be written: {error}; nobody is let in without it",
                path.display()
            )
        };
        let mut book = Book::open(&path, FILE_BYTES_MAX).map_err(failed)?;
        let (records, work) = sync_channel(WAITING);
        let missed: Arc<AtomicU64> = Arc::default();
        let counted = missed.clone();
        std::thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || write(&mut book, &work, &counted, &complain))
            .map_err(failed)?;
        Ok(Self { records, missed })
    }

    /// Records something. Never waits.
    pub fn record(&self, what: &'static str, fields: &[(&'static str, &str)]) {
        let own = |(name, value): &(&'static str, &str)| (*name, (*value).to_owned());
        let record = Record {
            time: Time::now(),
            what,
            fields: fields.iter().map(own).collect(),
        };
        match self.records.try_send(Work::Write(record)) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            Err(TrySendError::Full(_)) => {
                self.missed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Waits until what was recorded is written, at most so long. Blocks.
    pub fn finish(&self, within: Duration) {
        let (done, written) = sync_channel(0);
        let deadline = Instant::now() + within;
        let mut work = Work::Finish(done);
        while Instant::now() < deadline {
            match self.records.try_send(work) {
                Ok(()) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    // Either its end or the end of our patience.
                    written.recv_timeout(left).ok();
                    return;
                }
                Err(TrySendError::Full(back)) => {
                    work = back;
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(TrySendError::Disconnected(_)) => return,
            }
        }
    }
}

/// The thread.
fn write(book: &mut Book, work: &Receiver<Work>, missed: &AtomicU64, complain: &dyn Fn(String)) {
    let mut gate = Gate::default();
    let mut failing = false;
    while let Ok(work) = work.recv() {
        let (records, time) = match work {
            Work::Write(record) => {
                let time = record.time;
                (gate.pass(Instant::now(), record), time)
            }
            // Dropped at the end of this turn, which tells.
            Work::Finish(_) => (Vec::new(), Time::now()),
        };
        match keep(book, time, &records, missed) {
            Ok(()) => failing = false,
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    let path = book.path.display();
                    complain(format!("the audit log {path} cannot be written: {error}"));
                }
            }
        }
    }
}

/// Writes what was missed before, and these. What is not written is missed, and counted with what was.
fn keep(book: &mut Book, time: Time, records: &[Record], missed: &AtomicU64) -> io::Result<()> {
    let lost = missed.swap(0, Ordering::Relaxed);
    if lost > 0 {
        let told = Record {
            time,
            what: "missed",
            fields: vec![("records", lost.to_string())],
        };
        book.append(&told.line()).inspect_err(|_| {
            missed.fetch_add(lost + count(records), Ordering::Relaxed);
        })?;
    }
    for (written, record) in records.iter().enumerate() {
        book.append(&record.line()).inspect_err(|_| {
            let rest = records.get(written..).unwrap_or_default();
            missed.fetch_add(count(rest), Ordering::Relaxed);
        })?;
    }
    Ok(())
}

fn count(records: &[Record]) -> u64 {
    u64::try_from(records.len()).unwrap_or(u64::MAX)
}

impl Record {
    /// `2026-11-21T09:14:02.123456Z joined person="alice" from="tcp 10.0.0.18:51733"`
    fn line(&self) -> String {
        let mut line = format!("{:.6} {}", self.time.timestamp(), self.what);
        for (name, value) in &self.fields {
            line.push_str(&format!(" {name}=\""));
            // What a terminal would obey is written out, not left out: it is evidence.
            for c in value.chars().take(VALUE_CHARS_MAX) {
                match c {
                    '\'' => line.push(c),
                    _ => line.extend(c.escape_debug()),
                }
            }
            line.push('"');
        }
        line.push('\n');
        line
    }
}

/// The file, and those put aside.
#[derive(Debug)]
struct Book {
    path: PathBuf,
    file: File,
    bytes: u64,
    bytes_max: u64,
}

impl Book {
    fn open(path: &Path, bytes_max: u64) -> io::Result<Self> {
        let file = open(path)?;
        Ok(Self {
            bytes: file.metadata()?.len(),
            path: path.to_owned(),
            file,
            bytes_max,
        })
    }

    fn append(&mut self, line: &str) -> io::Result<()> {
        if self.bytes >= self.bytes_max {
            self.turn()?;
        }
        // In one piece: another process of the same owner appends to the same file.
        self.file.write_all(line.as_bytes())?;
        self.bytes += line.len() as u64;
        Ok(())
    }

    /// Puts the file aside and begins a new one.
    fn turn(&mut self) -> io::Result<()> {
        // Another process may have done so already.
        let length = fs::metadata(&self.path).map_or(0, |file| file.len());
        if length >= self.bytes_max {
            for number in (1..OLD_FILES).rev() {
                // There may be fewer.
                fs::rename(self.old(number), self.old(number + 1)).ok();
            }
            fs::rename(&self.path, self.old(1))?;
        }
        self.file = open(&self.path)?;
        self.bytes = self.file.metadata()?.len();
        Ok(())
    }

    fn old(&self, number: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

/// Opens for appending, for its owner alone even if it was there with other rights.
fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(OWNER_ONLY)
        .open(path)?;
    if file.metadata()?.permissions().mode() & 0o777 != OWNER_ONLY {
        file.set_permissions(fs::Permissions::from_mode(OWNER_ONLY))?;
    }
    Ok(file)
}

/// Read and written by its owner.
const OWNER_ONLY: u32 = 0o600;

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn audit(directory: &Path) -> Audit {
        Audit::open(directory, |problem| panic!("{problem}")).unwrap()
    }

    #[test]
    fn what_happens_is_a_line_each_that_only_the_owner_reads() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(FILE_NAME);
        fs::write(&path, "earlier\n").unwrap();
        let audit = audit(home.path());
        audit.record(
            "joined",
            &[("person", "alice"), ("from", "tcp 10.0.0.18:5")],
        );
        audit.record(
            "command",
            &[("text", "a \"b\"\x1b[2J\r\nleft person=\"eve\"")],
        );
        audit.finish(PATIENCE);
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(
            lines[1].ends_with(" joined person=\"alice\" from=\"tcp 10.0.0.18:5\""),
            "{text}"
        );
        assert!(
            lines[2].ends_with(r#"text="a \"b\"\u{1b}[2J\r\nleft person=\"eve\"""#),
            "{text}"
        );
        assert!(!text.contains('\x1b'));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn old_files_are_kept_up_to_a_number() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(FILE_NAME);
        let mut book = Book::open(&path, 10).unwrap();
        for number in 0..20 {
            book.append(&format!("line {number:05}\n")).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "line 00019\n");
        assert_eq!(fs::read_to_string(book.old(1)).unwrap(), "line 00018\n");
        let files = fs::read_dir(home.path()).unwrap().count();
        assert_eq!(files, 1 + OLD_FILES as usize);
    }

    #[test]
    fn what_could_not_be_written_is_counted_to_the_last_record() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("state");
        fs::create_dir(&folder).unwrap();
        // Every line begins a new file, which needs the folder.
        let mut book = Book::open(&folder.join(FILE_NAME), 1).unwrap();
        let missed = AtomicU64::new(7);
        let complaints = std::cell::Cell::new(0);
        let mut write = |names: &[&str]| {
            let (records, work) = sync_channel(WAITING);
            for name in names {
                let record = Record {
                    time: Time(0),
                    what: "joined",
                    fields: vec![("person", (*name).to_owned())],
                };
                records.send(Work::Write(record)).unwrap();
            }
            drop(records);
            let complain = |_| complaints.set(complaints.get() + 1);
            super::write(&mut book, &work, &missed, &complain);
            missed.load(Ordering::Relaxed)
        };
        assert_eq!(write(&["anna"]), 0);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(write(&["ben", "carl", "dora"]), 3);
        assert_eq!(write(&["emil"]), 4);
        assert_eq!(complaints.get(), 2);
        fs::create_dir(&folder).unwrap();
        assert_eq!(write(&["fred"]), 0);
        let kept = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        assert!(kept("audit.log.1").ends_with(" missed records=\"4\"\n"));
        assert!(kept("audit.log").ends_with(" joined person=\"fred\"\n"));
    }

    #[test]
    fn a_log_that_cannot_be_opened_is_an_error_with_its_path() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(FILE_NAME)).unwrap();
        let error = Audit::open(home.path(), |_| {}).unwrap_err();
        assert!(error.contains("audit.log"), "{error}");
    }
}
