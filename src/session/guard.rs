//! What strangers may cost: how many there are at once, and how often somebody tries passwords.
//!
//! When all places are taken, who has long said nothing makes room for who has just come: otherwise a few silent ones
//! would keep friends waiting for as long as the door has patience with them.
//!
//! One guard for all servers of a host. It admits nobody and knows no password; the [`door`](super::door) asks it. Where
//! somebody comes from is an address as far as one person can choose it, see [`Origin`].
//!
//! A failed login makes the next one from the same origin wait, twice as long each time. The first few failures are
//! taken for slips of the finger: logins of others at that origin go on side by side. After them a login counts as
//! failed until it succeeds, so that many at once gain nothing. Failures from everywhere together slow everybody, but
//! so little that who knows the password gets in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::link::network;

/// Strangers at once, on all servers. Each costs a task, a socket and at most a frame of 8 KiB.
pub const STRANGERS_MAX: usize = 64;

/// Strangers at once from one address of a network.
pub const STRANGERS_PER_ADDRESS_MAX: usize = 8;

/// Strangers at once from this machine, by each way in. More: people come through tunnels and proxies that end here.
pub const STRANGERS_HERE_MAX: usize = 32;

/// How long a stranger may say nothing, not even a greeting, before others may have the place. A client greets as soon as
/// the transport's handshake is done, which takes a few times as long as a byte is under way.
pub const SILENT_MAX: Duration = Duration::from_secs(1);

/// How long an origin waits after its first failure. Doubles with each up to [`DELAY_MAX`].
pub const DELAY: Duration = Duration::from_millis(500);

/// The longest an origin waits.
pub const DELAY_MAX: Duration = Duration::from_secs(30);

/// After so long without a failure an origin's earlier ones are forgotten.
pub const FORGET_AFTER: Duration = Duration::from_secs(600);

/// A login that would have to wait longer is refused instead, with the time in words: well below the door's deadline.
pub const PATIENCE: Duration = Duration::from_secs(4);

/// Failures an origin may have before its logins go one after the other.
pub const SLIPS_MAX: u32 = 3;

/// Origins remembered. Who comes from more of them is slowed by what all failures together cost.
pub const ORIGINS_MAX: usize = 1024;

/// Recent failures from everywhere that slow nobody. One is forgotten each second.
pub const FAILURES_FREE: u32 = 20;

/// Recent failures from everywhere that are counted at all.
const FAILURES_MAX: u32 = 60;

/// How long a failure is recent, after those before it.
const FAILURE_LASTS: Duration = Duration::from_secs(1);

/// The part of the time until failures are free again that everybody waits: with [`FAILURES_MAX`] of them,
/// [`EVERYBODY_MAX`].
const EVERYBODY_WAITS: f64 = 0.05;

/// The longest everybody waits because of others' failures.
pub const EVERYBODY_MAX: Duration = Duration::from_secs(2);

/// Where somebody comes from, as coarse as one person can choose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A [`network`].
    Address(IpAddr),
    /// No network: the transport, `npipe` for one.
    Here(&'static str),
}

impl Origin {
    /// Of somebody who came by `transport`, from `ip` if that is a network.
    #[must_use]
    pub fn new(transport: &'static str, ip: Option<IpAddr>) -> Self {
        ip.map_or(Self::Here(transport), |ip| Self::Address(network(ip)))
    }

    /// Whether that is this machine.
    #[must_use]
    pub fn is_here(self) -> bool {
        match self {
            Self::Address(ip) => ip.is_loopback(),
            Self::Here(_) => true,
        }
    }

    fn strangers_max(self) -> usize {
        match self.is_here() {
            true => STRANGERS_HERE_MAX,
            false => STRANGERS_PER_ADDRESS_MAX,
        }
    }
}

/// There is no room for another stranger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// Nowhere.
    #[error("{0} others are at the door already")]
    Everywhere(usize),
    /// For this origin.
    #[error("{0} others from the same address are at the door already")]
    Origin(usize),
}

/// Counts strangers and failures.
#[derive(Debug, Default)]
pub struct Guard {
    state: Mutex<State>,
}

impl Guard {
    /// Knows nobody yet.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// A place for one stranger, free again when it is dropped. If there is none, one who has been silent for
    /// [`SILENT_MAX`] is [cut](Seat::cut): another of the same origin, or one of the origin that has the most places and
    /// more than this one.
    ///
    /// # Errors
    /// Which limit has been reached.
    pub fn seat(self: &Arc<Self>, origin: Origin) -> Result<Seat, Full> {
        let now = Instant::now();
        let mut state = self.state();
        let (total, here) = (state.strangers.len(), state.of(origin));
        let (full, from) = if here >= origin.strangers_max() {
            (Some(Full::Origin(here)), Some(origin))
        } else if total >= STRANGERS_MAX {
            let own = (here > 0).then_some(origin);
            (Some(Full::Everywhere(total)), state.most_but(here).or(own))
        } else {
            (None, None)
        };
        if let Some(full) = full {
            let silent = from.and_then(|origin| state.longest_silent(origin, now));
            let silent = silent.ok_or(full)?;
            // Its place is free now, though its task has still to hear of it.
            state.strangers.remove(silent).cut.cancel();
        }
        let number = state.next;
        state.next += 1;
        let cut = CancellationToken::new();
        state.strangers.push(Stranger {
            number,
            origin,
            since: now,
            silent: true,
            cut: cut.clone(),
        });
        Ok(Seat {
            guard: Arc::clone(self),
            origin,
            number,
            cut,
        })
    }

    /// Begins a login. It is to wait so long before it is answered. What is not said to have
    /// [succeeded](Attempt::succeeded) has failed.
    ///
    /// # Errors
    /// How long it would have to wait, if that is more than [`PATIENCE`]. Nothing may be answered then.
    pub fn attempt(self: &Arc<Self>, origin: Origin) -> Result<(Duration, Attempt), Duration> {
        let now = Instant::now();
        let mut state = self.state();
        let everybody = state.everybody(now);
        let record = state.record(origin, now);
        let start = record.not_before.max(now);
        let wait = start - now;
        if wait > PATIENCE {
            return Err(wait);
        }
        record.pending += 1;
        let reserved = record.failures >= SLIPS_MAX;
        if reserved {
            record.not_before = start + delay(record.failures.saturating_add(record.pending));
        }
        let attempt = Attempt {
            guard: Arc::clone(self),
            origin,
            reserved,
            succeeded: false,
        };
        Ok((wait.max(everybody), attempt))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Counters are whole after every statement.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place at the door.
#[derive(Debug)]
pub struct Seat {
    guard: Arc<Guard>,
    origin: Origin,
    number: u64,
    cut: CancellationToken,
}

impl Seat {
    /// Who sits here has greeted: the place is theirs.
    pub fn greeted(&self) {
        let mut state = self.guard.state();
        let mut strangers = state.strangers.iter_mut();
        if let Some(stranger) = strangers.find(|stranger| stranger.number == self.number) {
            stranger.silent = false;
        }
    }

    /// Waits until somebody else has this place.
    pub async fn cut(&self) {
        self.cut.cancelled().await;
    }

    /// Begins a login of who sits here, see [`Guard::attempt`].
    ///
    /// # Errors
    /// How long it would have to wait.
    pub fn attempt(&self) -> Result<(Duration, Attempt), Duration> {
        self.guard.attempt(self.origin)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.guard.state();
        state
            .strangers
            .retain(|stranger| stranger.number != self.number);
    }
}

/// A login that has begun.
#[derive(Debug)]
pub struct Attempt {
    guard: Arc<Guard>,
    origin: Origin,
    reserved: bool,
    succeeded: bool,
}

impl Attempt {
    /// The password was right. Earlier failures stay counted: somebody who knows one password may be after the other.
    pub fn succeeded(mut self) {
        self.succeeded = true;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let now = Instant::now();
        let mut state = self.guard.state();
        if !self.succeeded {
            state.count_failure(now);
        }
        let record = state.record(self.origin, now);
        record.pending = record.pending.saturating_sub(1);
        if !self.succeeded {
            record.failures = record.failures.saturating_add(1);
            record.last = now;
            record.not_before = record.not_before.max(now + delay(record.failures));
        } else if self.reserved {
            record.not_before = record.not_before.min(now);
        }
    }
}

#[derive(Debug, Default)]
struct State {
    /// At most [`STRANGERS_MAX`], who came first first.
    strangers: Vec<Stranger>,
    /// The number of the next.
    next: u64,
    /// At most [`ORIGINS_MAX`] origins.
    records: HashMap<Origin, Record>,
    /// When the recent failures from everywhere are forgotten: each adds a second.
    failures_until: Option<Instant>,
}

#[derive(Debug)]
struct Stranger {
    number: u64,
    origin: Origin,
    since: Instant,
    /// Has not greeted.
    silent: bool,
    cut: CancellationToken,
}

#[derive(Debug)]
struct Record {
    failures: u32,
    /// Logins that have begun and not ended.
    pending: u32,
    not_before: Instant,
    /// When it failed last, or began.
    last: Instant,
}

impl Record {
    fn new(now: Instant) -> Self {
        Self {
            failures: 0,
            pending: 0,
            not_before: now,
            last: now,
        }
    }
}

impl State {
    /// How many are there from an origin.
    fn of(&self, origin: Origin) -> usize {
        let same = |stranger: &&Stranger| stranger.origin == origin;
        self.strangers.iter().filter(same).count()
    }

    /// The origin that has the most places, if that is more than so many.
    fn most_but(&self, places: usize) -> Option<Origin> {
        let origins = self.strangers.iter().map(|stranger| stranger.origin);
        let most = origins.max_by_key(|origin| self.of(*origin))?;
        (self.of(most) > places).then_some(most)
    }

    /// Where who has been silent longest is, of an origin, if that is too long.
    fn longest_silent(&self, origin: Origin, now: Instant) -> Option<usize> {
        self.strangers.iter().position(|stranger| {
            stranger.origin == origin && stranger.silent && now - stranger.since >= SILENT_MAX
        })
    }

    fn record(&mut self, origin: Origin, now: Instant) -> &mut Record {
        if !self.records.contains_key(&origin) && self.records.len() >= ORIGINS_MAX {
            self.make_room(now);
        }
        let record = self
            .records
            .entry(origin)
            .or_insert_with(|| Record::new(now));
        if record.failures > 0 && now - record.last >= FORGET_AFTER {
            record.failures = 0;
            record.not_before = now;
        }
        record
    }

    /// Forgets who has not failed lately, or at least whose last failure is the oldest.
    fn make_room(&mut self, now: Instant) {
        self.records.retain(|_, record| {
            record.pending > 0 || record.failures > 0 && now - record.last < FORGET_AFTER
        });
        if self.records.len() >= ORIGINS_MAX {
            let idle = self
                .records
                .iter()
                .filter(|(_, record)| record.pending == 0);
            let oldest = idle.min_by_key(|(_, record)| record.last);
            if let Some(origin) = oldest.map(|(origin, _)| *origin) {
                self.records.remove(&origin);
            }
        }
    }

    fn count_failure(&mut self, now: Instant) {
        let until = self.failures_until.unwrap_or(now).max(now) + FAILURE_LASTS;
        self.failures_until = Some(until.min(now + FAILURE_LASTS * FAILURES_MAX));
    }

    fn everybody(&self, now: Instant) -> Duration {
        let recent = self.failures_until.unwrap_or(now).duration_since(now);
        let above = recent.saturating_sub(FAILURE_LASTS * FAILURES_FREE);
        EVERYBODY_MAX.min(above.mul_f64(EVERYBODY_WAITS))
    }
}

fn delay(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    DELAY.saturating_mul(1 << doublings).min(DELAY_MAX)
}

#[cfg(test)]
mod tests;
