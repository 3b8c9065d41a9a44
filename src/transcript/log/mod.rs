//! The log writer: a reader of every transcript that keeps each in plain-text files.
//!
//! One thread writes for all targets. It wakes at most a few times a second, or when a transcript runs far ahead, and
//! writes in large pieces. When the disk is full or fails it says so, keeps its place and tries again: the histories
//! go on, and what they still hold when writing works again is written then.

pub mod file;
pub mod format;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use self::file::LogFile;
use self::format::{Lines, Stamp};
use super::{Pulse, Reader, Transcript, Watch};

/// How long output is gathered before it is written. Well under the second in which it has to be in the file.
const GATHER: Duration = Duration::from_millis(250);
/// Pause before a failed write is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Text formatted for one write, bytes: the transcript is locked for as long as that takes, some tens of microseconds.
const SLICE_BYTES: usize = 256 << 10;

/// What is written where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Folder of the files; made when missing.
    pub directory: PathBuf,
    /// Lines with time stamps and notices, or the bytes as they came.
    pub raw: bool,
    /// What stands in front of each line.
    pub stamp: Stamp,
    /// Size at which a file is put aside, bytes.
    pub rotate_bytes: u64,
    /// Files of one target and day that are kept beside the current one.
    pub rotate_count: u32,
}

/// The state of a target's log file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Health {
    /// Nothing is written.
    #[default]
    Off,
    /// All is written, or will be within a second.
    Writing,
    /// Writing fails and is tried again.
    Failing {
        /// What the system said, and where.
        reason: String,
    },
    /// Writing works again, but entries had left the history before they could be written.
    Gap {
        /// How many.
        missed: u64,
    },
}

/// A transcript that is to be logged.
pub struct Source {
    /// The target's name, which names its files.
    pub name: String,
    /// What is read.
    pub transcript: Arc<Transcript>,
    /// Told when the log's health changes.
    pub report: Box<dyn Fn(Health) + Send>,
}

/// The way to the log thread. Dropping it without [`LogWriter::stop`] leaves the thread to write what it knows.
#[derive(Debug)]
pub struct LogWriter {
    orders: Sender<Order>,
    bell: Arc<Bell>,
    thread: Option<JoinHandle<()>>,
}

enum Order {
    Add(Source),
    Remove(String),
    Change(Settings),
    Stop,
}

/// What wakes the log thread: the rack's pulse, a transcript that runs ahead, an order.
#[derive(Debug)]
struct Bell {
    watch: Arc<Watch>,
    urgent: Arc<Notify>,
}

impl LogWriter {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(settings: Settings, pulse: &Pulse) -> std::io::Result<Self> {
        let (orders, inbox) = mpsc::channel();
        let bell = Arc::new(Bell {
            watch: pulse.watch(),
            urgent: Arc::default(),
        });
        let mut work = Work {
            settings,
            logs: Vec::new(),
            buffer: Vec::new(),
            bell: bell.clone(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let thread = std::thread::Builder::new()
            .name("log".into())
            .spawn(move || runtime.block_on(work.run(&inbox)))?;
        Ok(Self {
            orders,
            bell,
            thread: Some(thread),
        })
    }

    /// Begins to log a transcript, from its oldest entry on.
    pub fn add(&self, source: Source) {
        source.transcript.lag().follow(self.bell.urgent.clone());
        self.order(Order::Add(source));
    }

    /// Writes what is there of that target and closes its file.
    pub fn remove(&self, name: &str) {
        self.order(Order::Remove(name.to_owned()));
    }

    /// Changes what is written where, from now on.
    pub fn change(&self, settings: Settings) {
        self.order(Order::Change(settings));
    }

    /// Writes all there is and ends the thread; gives up after `patience` when the disk hangs.
    pub fn stop(mut self, patience: Duration) {
        self.order(Order::Stop);
        let Some(thread) = self.thread.take() else {
            return;
        };
        let (done, ended) = mpsc::channel();
        std::thread::spawn(move || {
            thread.join().ok();
            done.send(()).ok();
        });
        ended.recv_timeout(patience).ok();
    }

    fn order(&self, order: Order) {
        // The thread ends only when it is told to, so there is nobody to tell of a failure.
        self.orders.send(order).ok();
        self.bell.watch.wake();
        self.bell.urgent.notify_one();
    }
}

struct Work {
    settings: Settings,
    logs: Vec<Log>,
    buffer: Vec<u8>,
    bell: Arc<Bell>,
}

struct Log {
    source: Source,
    reader: Reader,
    version: Option<u64>,
    lines: Lines,
    file: LogFile,
    health: Health,
    /// Entries that left the history before they were written.
    missed: u64,
    retry: Option<Instant>,
}

impl Work {
    async fn run(&mut self, inbox: &mpsc::Receiver<Order>) {
        loop {
            let stop = self.take_orders(inbox);
            self.bell.watch.arm();
            let unfinished = self.write_all();
            if stop {
                return;
            }
            let urgent = self.bell.urgent.clone();
            if unfinished {
                tokio::time::timeout(GATHER, urgent.notified()).await.ok();
            } else {
                self.bell.watch.rung().await;
                // Gather, unless somebody is in a hurry.
                tokio::time::timeout(GATHER, urgent.notified()).await.ok();
            }
        }
    }

    /// Carries out what was ordered; true when the end is.
    fn take_orders(&mut self, inbox: &mpsc::Receiver<Order>) -> bool {
        loop {
            match inbox.try_recv() {
                Ok(Order::Add(source)) => self.logs.push(Log::new(source, &self.settings)),
                Ok(Order::Remove(name)) => {
                    for log in self.logs.extract_if(.., |log| log.source.name == name) {
                        finish(log, &self.settings, &mut self.buffer);
                    }
                }
                Ok(Order::Change(settings)) => {
                    for log in &mut self.logs {
                        log.write(&self.settings, &mut self.buffer);
                        log.lines = Lines::new(settings.raw, settings.stamp.clone());
                        log.file = LogFile::new(&settings.directory, &log.source.name);
                    }
                    self.settings = settings;
                }
                Ok(Order::Stop) => {
                    for log in self.logs.drain(..) {
                        finish(log, &self.settings, &mut self.buffer);
                    }
                    return true;
                }
                Err(mpsc::TryRecvError::Empty) => return false,
                Err(mpsc::TryRecvError::Disconnected) => return true,
            }
        }
    }

    /// Writes until every log has all there is, in turns. True if some of it has to be looked at again soon: it failed,
    /// or it ends with an open line and entries behind it.
    fn write_all(&mut self) -> bool {
        loop {
            let (mut more, mut again) = (false, false);
            for log in &mut self.logs {
                match log.write(&self.settings, &mut self.buffer) {
                    Progress::Done => {}
                    Progress::More => more = true,
                    Progress::Again => again = true,
                }
            }
            if !more {
                return again;
            }
        }
    }
}

fn finish(mut log: Log, settings: &Settings, buffer: &mut Vec<u8>) {
    log.version = None;
    log.retry = None;
    log.source.transcript.end_line();
    while matches!(log.write(settings, buffer), Progress::More) {}
    log.source.transcript.lag().unfollow();
    (log.source.report)(Health::Off);
}

/// How a turn of writing went.
#[derive(Debug, PartialEq, Eq)]
enum Progress {
    Done,
    More,
    Again,
}

impl Log {
    fn new(source: Source, settings: &Settings) -> Self {
        let file = LogFile::new(&settings.directory, &source.name);
        let lines = Lines::new(settings.raw, settings.stamp.clone());
        let (reader, health) = (Reader::default(), Health::Off);
        Self {
            source,
            reader,
            version: None,
            lines,
            file,
            health,
            missed: 0,
            retry: None,
        }
    }

    /// Writes one slice of what is new.
    fn write(&mut self, settings: &Settings, buffer: &mut Vec<u8>) -> Progress {
        if self.retry.is_some_and(|at| Instant::now() < at) {
            return Progress::Again;
        }
        if self.file.is_behind() {
            let result = self.file.catch_up(settings);
            if !self.judge(result) {
                return Progress::Again;
            }
        }
        let version = self.source.transcript.version();
        if self.version == Some(version) {
            return Progress::Done;
        }
        let (mut full, mut missed) = (false, 0);
        buffer.clear();
        self.lines.begin();
        let transcript = &self.source.transcript;
        let (waiting, read) = transcript.with(|ring| {
            let past_open = self.lines.may_break_open_line(ring);
            self.reader.read(ring, past_open, |step| {
                missed += self.lines.push(step, buffer);
                full = buffer.len() >= SLICE_BYTES;
                !full
            });
            // Bytes of the open line count as read: they are.
            let read = if full {
                None
            } else {
                Some(ring.output_bytes())
            };
            (!past_open && ring.has_held(), read)
        });
        match read {
            Some(total) => transcript.lag().caught_up(total),
            None => transcript.lag().advance(self.lines.raw_bytes()),
        }
        self.missed += missed;
        let result = self.file.write(buffer, self.lines.cuts(), settings);
        if !self.judge(result) {
            return Progress::Again;
        }
        if full {
            return Progress::More;
        }
        if waiting {
            return Progress::Again;
        }
        self.version = Some(version);
        Progress::Done
    }

    /// Remembers how writing went and tells when that changed. True if it went well.
    fn judge(&mut self, result: Result<(), String>) -> bool {
        let health = match result {
            Err(reason) => {
                self.retry = Some(Instant::now() + RETRY);
                Health::Failing { reason }
            }
            Ok(()) => {
                self.retry = None;
                if self.missed > 0 {
                    Health::Gap {
                        missed: self.missed,
                    }
                } else {
                    Health::Writing
                }
            }
        };
        let well = !matches!(health, Health::Failing { .. });
        self.source.transcript.lag().set_healthy(well);
        if health != self.health {
            (self.source.report)(health.clone());
            self.health = health;
        }
        well
    }
}

#[cfg(test)]
mod tests;
