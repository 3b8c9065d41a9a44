//! How far the log is behind its transcript, so that a flood on a busy machine lets the log have its turn.
//!
//! A target that prints faster than the log thread gets to run would push entries out of the history before they are
//! written. Its actor therefore pauses, briefly and only while the log does write: a disk that hangs or fails stops
//! nobody.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// Bytes that the log may be behind before it is hurried. Small enough to be still in the processor's cache.
const HURRY_BYTES: u64 = 256 << 10;
/// Longest pause of an actor for one read. A log that does not move in that time is not waited for again.
const PAUSE: Duration = Duration::from_millis(100);

/// The distance between a transcript's writer and its log.
#[derive(Debug, Default)]
pub struct Lag {
    /// Output bytes that the log has read.
    read: AtomicU64,
    /// The log exists, works, and moved when it was last waited for.
    followed: AtomicBool,
    hurry: Mutex<Option<Arc<Notify>>>,
    moved: Notify,
}

impl Lag {
    /// The log's thread is hurried through `hurry` from now on.
    pub fn follow(&self, hurry: Arc<Notify>) {
        *self.hurry.lock().unwrap_or_else(PoisonError::into_inner) = Some(hurry);
    }

    /// There is no log any more.
    pub fn unfollow(&self) {
        self.hurry
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        self.set_healthy(false);
    }

    /// The log has read all output up to the byte `total`.
    pub fn caught_up(&self, total: u64) {
        self.read.store(total, Ordering::Release);
        self.moved.notify_one();
    }

    /// The log has read `bytes` more.
    pub fn advance(&self, bytes: u64) {
        self.read.fetch_add(bytes, Ordering::AcqRel);
        self.moved.notify_one();
    }

    /// Whether the log works: only then it is waited for.
    pub fn set_healthy(&self, healthy: bool) {
        self.followed.store(healthy, Ordering::Release);
        if !healthy {
            self.moved.notify_one();
        }
    }

    /// Called by the writer with the total of output bytes: hurries the log when it is behind, and waits for it, for a
    /// moment, when it is behind by more than `room` bytes.
    pub async fn keep(&self, total: u64, room: u64) {
        let behind = |lag: &Self| total.saturating_sub(lag.read.load(Ordering::Acquire));
        if behind(self) < HURRY_BYTES {
            return;
        }
        if let Some(hurry) = &*self.hurry.lock().unwrap_or_else(PoisonError::into_inner) {
            hurry.notify_one();
        }
        while behind(self) > room && self.followed.load(Ordering::Acquire) {
            if tokio::time::timeout(PAUSE, self.moved.notified())
                .await
                .is_err()
            {
                self.followed.store(false, Ordering::Release);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_log_that_hangs_is_waited_for_once() {
        let lag = Lag::default();
        lag.set_healthy(true);
        let start = tokio::time::Instant::now();
        lag.keep(10 << 20, 1 << 20).await;
        assert_eq!(start.elapsed(), PAUSE);
        lag.keep(20 << 20, 1 << 20).await;
        assert_eq!(start.elapsed(), PAUSE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_that_moves_is_waited_for_until_there_is_room() {
        let lag = Arc::new(Lag::default());
        lag.set_healthy(true);
        let writer = tokio::spawn({
            let lag = lag.clone();
            async move { lag.keep(10 << 20, 1 << 20).await }
        });
        for _ in 0..8 {
            tokio::time::sleep(PAUSE / 2).await;
            lag.advance(1 << 20);
            assert!(!writer.is_finished());
        }
        lag.caught_up(10 << 20);
        writer.await.unwrap();
    }
}
