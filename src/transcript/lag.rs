//! How far the log is behind its transcript, so that a flood on a busy machine lets the log have its turn.
//!
//! A target that prints faster than the log thread gets to run would push entries out of the history before they are
//! written. Its actor therefore reads no more until there is room, but only while the log thread does write, this log or
//! another: a disk that hangs or fails stops nobody.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::entry::Seq;

/// Memory of unread entries, bytes, from which on the log is hurried. Small enough to be still in the processor's cache.
const HURRY_BYTES: usize = 256 << 10;
/// A log thread that finishes no write for so long hangs, and is not waited for any more until it does. Linux makes those
/// who fill its memory faster than the disk takes it wait for up to 200 ms a write.
const PAUSE: Duration = Duration::from_secs(1);

/// What the transcripts know of the thread that writes their logs.
#[derive(Debug, Default)]
pub struct Progress {
    /// Makes the thread look at its logs before the time.
    pub urgent: Notify,
    /// Writes that were finished, of any log.
    writes: AtomicU64,
}

impl Progress {
    /// The thread finished a write.
    pub fn wrote(&self) {
        self.writes.fetch_add(1, Ordering::AcqRel);
    }

    fn writes(&self) -> u64 {
        self.writes.load(Ordering::Acquire)
    }
}

/// The distance between a transcript's writer and its log.
#[derive(Debug, Default)]
pub struct Lag {
    /// The first entry that the log has not read to its end.
    next: AtomicU64,
    /// The log exists, works, and did not hang when it was last waited for.
    followed: AtomicBool,
    progress: Mutex<Option<Arc<Progress>>>,
    moved: Notify,
}

impl Lag {
    /// There is a log from now on, and its thread tells of itself through `progress`.
    pub fn follow(&self, progress: Arc<Progress>) {
        *self.progress() = Some(progress);
        self.set_healthy(true);
    }

    /// There is no log any more.
    pub fn unfollow(&self) {
        self.progress().take();
        self.set_healthy(false);
    }

    /// The log has read all entries before this one.
    pub fn moved_to(&self, next: Seq) {
        self.next.store(next, Ordering::Release);
        self.moved.notify_one();
    }

    /// The first entry that the log has not read to its end.
    pub fn next(&self) -> Seq {
        self.next.load(Ordering::Acquire)
    }

    /// Whether the log works: only then it is waited for.
    pub fn set_healthy(&self, healthy: bool) {
        self.followed.store(healthy, Ordering::Release);
        if !healthy {
            self.moved.notify_one();
        }
    }

    /// Whether the log exists, works, and did not hang when it was last waited for.
    pub fn is_followed(&self) -> bool {
        self.followed.load(Ordering::Acquire)
    }

    /// Hurries the log when it has left so many bytes of `bound` unread. True if it should be waited for before more is
    /// appended: what it has not read fills half the history.
    pub fn is_far(&self, unread: usize, bound: usize) -> bool {
        let far = unread > bound / 2;
        if (far || unread > HURRY_BYTES)
            && let Some(progress) = &*self.progress()
        {
            progress.urgent.notify_one();
        }
        far && self.is_followed()
    }

    /// Waits until the log has moved, or hangs, or fails.
    pub async fn moved(&self) {
        let progress = self.progress().clone();
        let writes = || progress.as_ref().map(|progress| progress.writes());
        let before = writes();
        let moved = tokio::time::timeout(PAUSE, self.moved.notified()).await;
        if moved.is_err() && writes() == before {
            self.followed.store(false, Ordering::Release);
        }
    }

    fn progress(&self) -> MutexGuard<'_, Option<Arc<Progress>>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: usize = 1 << 20;

    fn followed() -> (Lag, Arc<Progress>) {
        let (lag, progress) = (Lag::default(), Arc::new(Progress::default()));
        lag.follow(progress.clone());
        (lag, progress)
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_that_hangs_is_waited_for_once() {
        let (lag, _progress) = followed();
        let start = tokio::time::Instant::now();
        assert!(lag.is_far(BOUND, BOUND));
        lag.moved().await;
        assert_eq!(start.elapsed(), PAUSE);
        assert!(!lag.is_far(BOUND, BOUND));
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_that_has_to_wait_for_its_turn_does_not_hang() {
        let (lag, progress) = followed();
        for _ in 0..3 {
            let others = async {
                tokio::time::sleep(PAUSE / 2).await;
                progress.wrote();
            };
            tokio::join!(lag.moved(), others);
            assert!(lag.is_far(BOUND, BOUND));
        }
    }

    #[test]
    fn nobody_waits_for_a_log_that_keeps_up_or_fails_or_is_not_there() {
        let (lag, _progress) = followed();
        assert!(!lag.is_far(BOUND / 2, BOUND));
        assert!(lag.is_far(BOUND, BOUND));
        lag.set_healthy(false);
        assert!(!lag.is_far(BOUND, BOUND));
        lag.set_healthy(true);
        lag.unfollow();
        assert!(!lag.is_far(BOUND, BOUND));
    }
}
