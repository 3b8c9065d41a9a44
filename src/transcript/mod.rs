//! The numbered history of one target: what it printed, what people typed, what happened.
//!
//! A [`Transcript`] is written by one actor and read by anybody: the log writer, the screen, the headless printer.
//! Readers remember the next [`Seq`] they want and catch up when they are ready, so a slow one costs the writer
//! nothing. Bytes are kept as the target sent them; whoever shows them makes them safe first.

pub mod entry;
pub mod lag;
pub mod log;
pub mod pulse;
pub mod reader;
pub mod ring;
pub mod safe;
pub mod search;
pub mod secret;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use entry::{Ending, Entry, Kind, Seq, Time};
pub use lag::{Lag, Progress};
pub use pulse::{Pulse, Watch};
pub use reader::{Reader, Step};
pub use ring::{LINE_LIMIT_BYTES_MAX, Limits, Ring};

/// Pieces of output that a history has room for, even if each is made of the shortest lines.
const PIECES: usize = 16;

/// One target's history, shared between its writer and its readers.
#[derive(Debug)]
pub struct Transcript {
    ring: Mutex<Ring>,
    /// Grows with every change; lets readers see without locking that there is nothing new.
    version: AtomicU64,
    pulse: Arc<Pulse>,
    lag: Lag,
    piece_bytes: AtomicUsize,
}

impl Transcript {
    /// An empty transcript that rings `pulse` whenever it changes.
    pub fn new(limits: Limits, pulse: Arc<Pulse>) -> Self {
        let ring = Ring::new(limits);
        Self {
            piece_bytes: AtomicUsize::new(ring.limits().bytes / PIECES),
            ring: Mutex::new(ring),
            version: AtomicU64::new(0),
            pulse,
            lag: Lag::default(),
        }
    }

    /// Appends what a target printed: any number of lines, or a part of one, but no more at once than
    /// [`Transcript::piece_bytes`] if the log is to have it all. True if [`Transcript::log_follows`] should be waited for
    /// before more is appended.
    pub fn output(&self, time: Time, bytes: &[u8]) -> bool {
        self.change(|ring| {
            ring.output(time, bytes);
            self.log_is_far(ring)
        })
    }

    /// Output that may be appended at once without pushing out what the log has yet to read.
    pub fn piece_bytes(&self) -> usize {
        self.piece_bytes.load(Ordering::Relaxed)
    }

    /// Waits until the log has read enough, or hangs, or fails.
    pub async fn log_follows(&self) {
        while self.with(|ring| self.log_is_far(ring)) {
            self.lag.moved().await;
        }
    }

    fn log_is_far(&self, ring: &Ring) -> bool {
        self.lag.is_followed() && {
            let unread = ring.memory_from(self.lag.next());
            self.lag.is_far(unread, ring.limits().bytes)
        }
    }

    /// Appends one entry that is not output. `who` is the person behind it, if any.
    pub fn note(&self, time: Time, kind: Kind, who: Option<&str>, text: &str) -> Seq {
        self.change(|ring| ring.note(time, kind, who, text))
    }

    /// Ends a line that will never be completed, because its link is gone.
    pub fn end_line(&self) {
        self.change(Ring::end_line);
    }

    /// Changes the bounds, for example because the number of targets changed.
    pub fn set_limits(&self, limits: Limits) {
        self.change(|ring| {
            ring.set_limits(limits);
            let piece = ring.limits().bytes / PIECES;
            self.piece_bytes.store(piece, Ordering::Relaxed);
        });
    }

    /// Takes entries of another transcript, of which this one is the copy.
    pub fn copy(&self, take: impl FnOnce(&mut Ring)) {
        self.change(take);
    }

    /// How far the log is behind.
    pub fn lag(&self) -> &Lag {
        &self.lag
    }

    /// Whether the target waits at a prompt for a password.
    pub fn asks_for_secret(&self) -> bool {
        self.with(|ring| {
            ring.open_line()
                .is_some_and(|line| secret::asks(line.bytes))
        })
    }

    /// A number that differs whenever something was appended since it was last asked.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }

    /// Looks at the entries. The writer waits meanwhile, so `look` should be short and must not block.
    pub fn with<T>(&self, look: impl FnOnce(&Ring) -> T) -> T {
        look(&self.lock())
    }

    fn change<T>(&self, change: impl FnOnce(&mut Ring) -> T) -> T {
        let result = change(&mut self.lock());
        // In one order with the arming of watches: who arms and then sees no new version is woken.
        self.version.fetch_add(1, Ordering::SeqCst);
        self.pulse.ring();
        result
    }

    /// A panic of another holder leaves a ring that is at worst short of an entry: go on with it.
    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
