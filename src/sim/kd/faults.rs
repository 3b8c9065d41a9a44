//! A bad wire: what is put on it may be lost, doubled, overtaken, damaged and late.
//!
//! Seeded and sans-IO, one for each direction. For datagrams as for the chunks of a byte stream.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What happens to what is sent. The parts are of all that is sent, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Faults {
    /// Part that is lost.
    pub loss: f64,
    /// Part that comes twice.
    pub duplicate: f64,
    /// Part that comes after what was sent later.
    pub reorder: f64,
    /// Part of which a bit is wrong.
    pub corrupt: f64,
    /// How late everything is.
    pub delay: Duration,
}

/// One direction of a bad wire, that carries bytes and for each of them something else.
#[derive(Debug)]
pub struct BadWire<A> {
    faults: Faults,
    random: fastrand::Rng,
    /// What is under way, by its time and the order in which it was sent.
    under_way: BTreeMap<(Instant, u64), (A, Vec<u8>)>,
    sent: u64,
}

/// How late what is overtaken comes, in milliseconds: a few round trips on one machine, less than anybody's patience.
const OVERTAKEN_MS: std::ops::Range<u64> = 2..25;

/// Most that is under way at once. What is sent on top of that is lost.
pub const UNDER_WAY_MAX: usize = 1024;

impl<A: Clone> BadWire<A> {
    /// A wire with these faults; which of what is sent they meet follows from the seed.
    #[must_use]
    pub fn new(faults: Faults, seed: u64) -> Self {
        Self {
            faults,
            random: fastrand::Rng::with_seed(seed),
            under_way: BTreeMap::new(),
            sent: 0,
        }
    }

    /// Puts `bytes` on the wire.
    pub fn push(&mut self, now: Instant, beside: A, mut bytes: Vec<u8>) {
        let faults = self.faults;
        if self.chance(faults.loss) || self.under_way.len() >= UNDER_WAY_MAX {
            return;
        }
        if self.chance(faults.duplicate) {
            self.put(now, beside.clone(), bytes.clone());
        }
        if self.chance(faults.corrupt) && !bytes.is_empty() {
            let at = self.random.usize(0..bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << self.random.u8(0..8);
            }
        }
        self.put(now, beside, bytes);
    }

    fn put(&mut self, now: Instant, beside: A, bytes: Vec<u8>) {
        let mut due = now + self.faults.delay;
        if self.chance(self.faults.reorder) {
            due += Duration::from_millis(self.random.u64(OVERTAKEN_MS));
        }
        self.sent += 1;
        self.under_way.insert((due, self.sent), (beside, bytes));
    }

    fn chance(&mut self, part: f64) -> bool {
        part > 0.0 && self.random.f64() < part
    }

    /// What has arrived.
    pub fn poll(&mut self, now: Instant) -> Option<(A, Vec<u8>)> {
        let first = self.under_way.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    /// When the next of it arrives.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.under_way.first_key_value().map(|((due, _), _)| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(faults: Faults) -> Vec<u32> {
        let (now, mut wire) = (Instant::now(), BadWire::new(faults, 3));
        let mut arrived = Vec::new();
        for number in 0..1000_u32 {
            let sent = now + Duration::from_millis(u64::from(number));
            wire.push(sent, number, vec![7; 8]);
            while let Some((number, bytes)) = wire.poll(sent) {
                arrived.push(if bytes == [7; 8] { number } else { u32::MAX });
            }
        }
        while let Some((number, _)) = wire.poll(now + Duration::from_secs(60)) {
            arrived.push(number);
        }
        arrived
    }

    #[test]
    fn a_good_wire_changes_nothing() {
        assert!(arrivals(Faults::default()).into_iter().eq(0..1000));
        let late = Faults {
            delay: Duration::from_millis(40),
            ..Faults::default()
        };
        assert!(arrivals(late).into_iter().eq(0..1000));
    }

    #[test]
    fn every_fault_meets_about_its_part() {
        let about = |count: usize, want: usize| count.abs_diff(want) < want / 3;
        let lost = arrivals(Faults {
            loss: 0.3,
            ..Faults::default()
        });
        assert!(about(1000 - lost.len(), 300), "{}", lost.len());
        let doubled = arrivals(Faults {
            duplicate: 0.1,
            ..Faults::default()
        });
        assert!(about(doubled.len() - 1000, 100), "{}", doubled.len());
        let damaged = arrivals(Faults {
            corrupt: 0.1,
            ..Faults::default()
        });
        assert!(about(
            damaged.iter().filter(|number| **number == u32::MAX).count(),
            100
        ));
        let overtaken = arrivals(Faults {
            reorder: 0.1,
            ..Faults::default()
        });
        assert_eq!(overtaken.len(), 1000);
        assert!(overtaken.windows(2).any(|pair| pair[0] > pair[1]));
    }
}
