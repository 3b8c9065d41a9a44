//! How readers learn that some transcript changed, without a message for each change.
//!
//! A reader arms its [`Watch`], looks once more for something new, and waits. The first change after that wakes it and
//! disarms the watch; until it is armed again, changes cost the writer one load of an atomic for each watch.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};

use tokio::sync::Notify;

/// The common bell of all transcripts of a rack.
#[derive(Debug, Default)]
pub struct Pulse {
    watches: RwLock<Vec<Weak<Watch>>>,
}

impl Pulse {
    /// A new reader's watch; it ends when dropped.
    pub fn watch(&self) -> Arc<Watch> {
        let watch = Arc::new(Watch::default());
        let mut watches = self.watches.write().unwrap_or_else(PoisonError::into_inner);
        watches.retain(|old| old.strong_count() > 0);
        watches.push(Arc::downgrade(&watch));
        watch
    }

    /// Wakes every reader whose watch is armed.
    pub fn ring(&self) {
        for watch in self
            .watches
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            if let Some(watch) = watch.upgrade() {
                watch.ring();
            }
        }
    }
}

/// One reader's side of a [`Pulse`].
#[derive(Debug, Default)]
pub struct Watch {
    armed: AtomicBool,
    bell: Notify,
}

impl Watch {
    /// From now on the next change wakes [`Watch::rung`]. Look for news after arming, then wait.
    pub fn arm(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    /// Waits for a change since the watch was armed.
    pub async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Wakes the reader whether or not its watch is armed.
    pub fn wake(&self) {
        self.armed.store(false, Ordering::SeqCst);
        self.bell.notify_one();
    }

    fn ring(&self) {
        if self.armed.load(Ordering::SeqCst) && self.armed.swap(false, Ordering::SeqCst) {
            self.bell.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_after_arming_wakes_once() {
        let pulse = Pulse::default();
        let watch = pulse.watch();
        pulse.ring();
        watch.arm();
        pulse.ring();
        pulse.ring();
        watch.rung().await;
        let again = tokio::time::timeout(std::time::Duration::from_millis(20), watch.rung()).await;
        assert!(again.is_err(), "an unarmed watch must sleep");
    }

    #[test]
    fn a_dropped_watch_is_forgotten() {
        let pulse = Pulse::default();
        drop(pulse.watch());
        let _kept = pulse.watch();
        assert_eq!(pulse.watches.read().unwrap().len(), 1);
    }
}
