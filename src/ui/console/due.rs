//! Waiting for the time at which something is due, if it is.

use std::future::pending;
use std::time::{Duration, Instant};

use tokio::time::{sleep, sleep_until};

use crate::transcript::Time;

/// Waits until then; for ever if there is no time.
pub(super) async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due.into()).await,
        None => pending().await,
    }
}

/// The same, for a time of the wall clock.
pub(super) async fn until(time: Option<Time>) {
    match time {
        Some(time) => {
            let micros = u64::try_from(time.0.saturating_sub(Time::now().0)).unwrap_or(0);
            sleep(Duration::from_micros(micros)).await;
        }
        None => pending().await,
    }
}
