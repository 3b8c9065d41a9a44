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

use self::file::LogFile;
use self::format::{Lines, Stamp};
use super::{Progress, Pulse, Reader, Seq, Transcript, Watch};

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
    /// The first entry that is written.
    pub from: Seq,
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
    Remove(Arc<Transcript>),
    Change(Settings),
    Stop,
}

/// What wakes the log thread: the rack's pulse, a transcript that runs ahead, an order.
#[derive(Debug)]
struct Bell {
    watch: Arc<Watch>,
    progress: Arc<Progress>,
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
            progress: Arc::default(),
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

    /// Begins to log a transcript.
    pub fn add(&self, source: Source) {
        source.transcript.lag().follow(self.bell.progress.clone());
        self.order(Order::Add(source));
    }

    /// Writes what is there of that transcript and closes its file.
    pub fn remove(&self, transcript: &Arc<Transcript>) {
        self.order(Order::Remove(transcript.clone()));
    }

    /// Changes what is written where, from now on.
    pub fn change(&self, settings: Settings) {
        self.order(Order::Change(settings));
    }

    /// Writes all there is and ends the thread; gives up after `patience` when the disk hangs. Whether it ended.
    pub fn stop(mut self, patience: Duration) -> bool {
        self.order(Order::Stop);
        self.bell.progress.urgent.notify_one();
        let Some(thread) = self.thread.take() else {
            return true;
        };
        let (done, ended) = mpsc::channel();
        std::thread::spawn(move || {
            thread.join().ok();
            done.send(()).ok();
        });
        ended.recv_timeout(patience).is_ok()
    }

    fn order(&self, order: Order) {
        // The thread ends only when it is told to, so there is nobody to tell of a failure.
        self.orders.send(order).ok();
        self.bell.watch.wake();
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
            let turn = self.write_round();
            if stop {
                return;
            }
            match turn {
                // In a flood there is always more: orders are looked at in between.
                Turn::More => continue,
                Turn::Again => {}
                Turn::Done => self.bell.watch.rung().await,
            }
            // Gather, unless somebody is in a hurry.
            let urgent = &self.bell.progress.urgent;
            tokio::time::timeout(GATHER, urgent.notified()).await.ok();
        }
    }

    /// Carries out what was ordered; true when the end is.
    fn take_orders(&mut self, inbox: &mpsc::Receiver<Order>) -> bool {
        loop {
            match inbox.try_recv() {
                Ok(Order::Add(source)) => self.logs.push(Log::new(source, &self.settings)),
                Ok(Order::Remove(transcript)) => {
                    let is_it = |log: &mut Log| Arc::ptr_eq(&log.source.transcript, &transcript);
                    for log in self.logs.extract_if(.., is_it) {
                        finish(log, &self.settings, &mut self.buffer);
                    }
                }
                Ok(Order::Change(settings)) if settings == self.settings => {}
                Ok(Order::Change(settings)) => {
                    for log in &mut self.logs {
                        log.write(&self.settings, &mut self.buffer, false);
                        log.end_line(&self.settings, &mut self.buffer);
                        log.lines = Lines::new(settings.raw, settings.stamp.clone());
                        log.file.move_to(&settings.directory);
                        (log.version, log.retry) = (None, None);
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

    /// Writes one slice of every log. [`Turn::Again`] if some of it has to be looked at again soon: it failed, or it
    /// ends with an open line and entries behind it.
    fn write_round(&mut self) -> Turn {
        let mut all = Turn::Done;
        for log in &mut self.logs {
            let one = log.write(&self.settings, &mut self.buffer, false);
            self.bell.progress.wrote();
            all = all.max(one);
        }
        all
    }
}

/// Writes what is there now, the open line too, and lets go of the log.
fn finish(mut log: Log, settings: &Settings, buffer: &mut Vec<u8>) {
    (log.version, log.retry) = (None, None);
    let end = log.source.transcript.with(|ring| ring.next());
    while log.write(settings, buffer, true) == Turn::More && log.reader.position() < end {}
    log.end_line(settings, buffer);
    log.source.transcript.lag().unfollow();
    (log.source.report)(Health::Off);
}

/// How a turn of writing went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Done,
    Again,
    More,
}

impl Log {
    fn new(source: Source, settings: &Settings) -> Self {
        let file = LogFile::new(&settings.directory, &source.name);
        let lines = Lines::new(settings.raw, settings.stamp.clone());
        let (reader, health) = (Reader::from(source.from), Health::Off);
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

    /// Writes one slice of what is new; if it is the last time, entries behind an open line too.
    fn write(&mut self, settings: &Settings, buffer: &mut Vec<u8>, last: bool) -> Turn {
        if self.retry.is_some_and(|at| Instant::now() < at) {
            return Turn::Again;
        }
        if self.file.is_behind() {
            let result = self.file.catch_up(settings);
            if !self.judge(result) {
                return Turn::Again;
            }
        }
        let version = self.source.transcript.version();
        if self.version == Some(version) {
            return Turn::Done;
        }
        let (mut full, mut missed) = (false, 0);
        buffer.clear();
        self.lines.begin();
        let transcript = &self.source.transcript;
        let waiting = transcript.with(|ring| {
            let past_open = last || self.lines.may_break_open_line(ring);
            self.reader.read(ring, past_open, |step| {
                missed += self.lines.push(step, buffer);
                full = buffer.len() >= SLICE_BYTES;
                !full
            });
            !past_open && ring.has_held()
        });
        transcript.lag().moved_to(self.reader.position());
        self.missed += missed;
        let result = self.file.write(buffer, self.lines.cuts(), settings);
        if !self.judge(result) {
            return Turn::Again;
        }
        if full {
            return Turn::More;
        }
        if waiting {
            return Turn::Again;
        }
        self.version = Some(version);
        Turn::Done
    }

    /// Ends a line of the file that was written in part.
    fn end_line(&mut self, settings: &Settings, buffer: &mut Vec<u8>) {
        buffer.clear();
        self.lines.finish(buffer);
        let result = self.file.write(buffer, &[], settings);
        self.judge(result);
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
