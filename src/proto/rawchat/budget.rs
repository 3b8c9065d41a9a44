//! How much one person, and one address, may do: chat, connect, change names.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Lines of chat that may follow each other at once at a device.
pub const CHAT_BURST: u32 = 5;
/// After them, one line in this time.
pub const CHAT_PAUSE: Duration = Duration::from_secs(2);
/// Refused lines within [`REFUSALS_WITHIN`] after which somebody is disconnected: no person types on so long.
pub const REFUSALS_MAX: usize = 30;
/// As of [`REFUSALS_MAX`].
pub const REFUSALS_WITHIN: Duration = Duration::from_secs(60);
/// Connections from one address within [`ARRIVALS_WITHIN`]: enough for a person who tries, too few to fill the file.
pub const ARRIVALS_MAX: usize = 10;
/// As of [`ARRIVALS_MAX`].
pub const ARRIVALS_WITHIN: Duration = Duration::from_secs(60);
/// Addresses whose arrivals are remembered; with more at once, the rest is turned away.
const ADDRESSES_MAX: usize = 4096;

/// A bucket of tokens that fills by itself.
#[derive(Debug, Clone)]
pub struct Bucket {
    most: u32,
    pause: Duration,
    tokens: u32,
    /// The tokens are counted up to here; `None` while the bucket was never used.
    counted: Option<Instant>,
}

impl Bucket {
    /// A full bucket of `most` tokens that gets one more each `pause`.
    #[must_use]
    pub fn new(most: u32, pause: Duration) -> Self {
        Self {
            most,
            pause,
            tokens: most,
            counted: None,
        }
    }

    /// Takes a token; false if there is none.
    pub fn take(&mut self, now: Instant) -> bool {
        let counted = *self.counted.get_or_insert(now);
        let passed = now.saturating_duration_since(counted).as_nanos();
        let new = passed / self.pause.as_nanos().max(1);
        let new = u32::try_from(new).unwrap_or(u32::MAX);
        self.tokens = self.tokens.saturating_add(new).min(self.most);
        self.counted = if self.tokens == self.most {
            Some(now)
        } else {
            // Within the time that passed, so it overflows nothing.
            Some(counted + self.pause * new)
        };
        let taken = self.tokens > 0;
        self.tokens = self.tokens.saturating_sub(1);
        taken
    }
}

/// What becomes of a line of chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is posted.
    Post,
    /// It came too soon.
    Refuse,
    /// Too many came too soon: no person does that, and whoever does is disconnected.
    Disconnect,
}

/// How much one person may say.
#[derive(Debug, Clone)]
pub struct ChatBudget {
    bucket: Bucket,
    /// The last refusals, at most [`REFUSALS_MAX`].
    refused: VecDeque<Instant>,
}

impl ChatBudget {
    /// So many lines at once, and then one each `pause`.
    #[must_use]
    pub fn new(burst: u32, pause: Duration) -> Self {
        Self {
            bucket: Bucket::new(burst, pause),
            refused: VecDeque::new(),
        }
    }

    /// Somebody says something.
    pub fn say(&mut self, now: Instant) -> Verdict {
        if self.bucket.take(now) {
            return Verdict::Post;
        }
        forget(&mut self.refused, now, REFUSALS_WITHIN);
        if self.refused.len() >= REFUSALS_MAX {
            self.refused.pop_front();
        }
        self.refused.push_back(now);
        if self.refused.len() >= REFUSALS_MAX {
            Verdict::Disconnect
        } else {
            Verdict::Refuse
        }
    }
}

/// Something that may be done once in a time.
#[derive(Debug, Clone, Default)]
pub struct Cooldown(Option<Instant>);

impl Cooldown {
    /// Whether it may be done now; then it is, and not again for `pause`.
    pub fn allows(&mut self, now: Instant, pause: Duration) -> bool {
        let rests = self.rests(now, pause);
        if !rests {
            self.0 = Some(now);
        }
        !rests
    }

    /// Whether it was done less than `pause` ago.
    #[must_use]
    pub fn rests(&self, now: Instant, pause: Duration) -> bool {
        self.0
            .is_some_and(|last| now.saturating_duration_since(last) < pause)
    }
}

/// Who connected how often.
#[derive(Debug, Clone, Default)]
pub struct Arrivals(HashMap<IpAddr, VecDeque<Instant>>);

impl Arrivals {
    /// Somebody connects from `network`, see [`network`](crate::link::network); false if that was too often.
    pub fn arrive(&mut self, now: Instant, network: IpAddr) -> bool {
        if !self.0.contains_key(&network) && self.0.len() >= ADDRESSES_MAX {
            self.0.retain(|_, times| {
                forget(times, now, ARRIVALS_WITHIN);
                !times.is_empty()
            });
            if self.0.len() >= ADDRESSES_MAX {
                return false;
            }
        }
        let times = self.0.entry(network).or_default();
        forget(times, now, ARRIVALS_WITHIN);
        let allowed = times.len() < ARRIVALS_MAX;
        if allowed {
            times.push_back(now);
        }
        allowed
    }
}

/// Drops the times that are longer ago than `within`.
fn forget(times: &mut VecDeque<Instant>, now: Instant, within: Duration) {
    while times
        .front()
        .is_some_and(|time| now.saturating_duration_since(*time) >= within)
    {
        times.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device() -> ChatBudget {
        ChatBudget::new(CHAT_BURST, CHAT_PAUSE)
    }

    #[test]
    fn five_lines_at_once_and_then_one_each_two_seconds() {
        let (mut budget, start) = (device(), Instant::now());
        let said = |budget: &mut ChatBudget, ms| budget.say(start + Duration::from_millis(ms));
        for _ in 0..CHAT_BURST {
            assert_eq!(said(&mut budget, 0), Verdict::Post);
        }
        assert_eq!(said(&mut budget, 1999), Verdict::Refuse);
        assert_eq!(said(&mut budget, 2001), Verdict::Post);
        assert_eq!(said(&mut budget, 3998), Verdict::Refuse);
        assert_eq!(
            said(&mut budget, 4000),
            Verdict::Post,
            "parts of a pause are kept"
        );
        for _ in 0..CHAT_BURST {
            assert_eq!(said(&mut budget, 60_000), Verdict::Post);
        }
        assert_eq!(
            said(&mut budget, 60_000),
            Verdict::Refuse,
            "no more than a burst is saved up"
        );
    }

    #[test]
    fn who_goes_on_and_on_is_disconnected() {
        let (mut budget, start) = (device(), Instant::now());
        let verdicts: Vec<Verdict> = (0..CHAT_BURST as usize + REFUSALS_MAX)
            .map(|_| budget.say(start))
            .collect();
        assert_eq!(verdicts.last(), Some(&Verdict::Disconnect));
        let cuts = verdicts.iter().filter(|v| **v == Verdict::Disconnect);
        assert_eq!(cuts.count(), 1);
        // Spread out, the same number does no harm.
        let mut budget = device();
        for second in 0..600 {
            let verdict = budget.say(start + Duration::from_millis(1100 * second));
            assert_ne!(verdict, Verdict::Disconnect, "after {second}");
        }
    }

    #[test]
    fn an_address_connects_ten_times_a_minute_and_others_as_well() {
        let (mut arrivals, start) = (Arrivals::default(), Instant::now());
        let [a, b]: [IpAddr; 2] = ["10.0.0.7", "10.0.0.8"].map(|text| text.parse().unwrap());
        for _ in 0..ARRIVALS_MAX {
            assert!(arrivals.arrive(start, a));
        }
        assert!(!arrivals.arrive(start, a));
        assert!(arrivals.arrive(start, b));
        assert!(arrivals.arrive(start + ARRIVALS_WITHIN, a));
    }

    #[test]
    fn what_is_remembered_of_strangers_is_bounded() {
        let (mut arrivals, start) = (Arrivals::default(), Instant::now());
        let address = |number: u32| IpAddr::V4(number.into());
        for number in 0..2 * u32::try_from(ADDRESSES_MAX).unwrap() {
            arrivals.arrive(start, address(number));
        }
        assert_eq!(arrivals.0.len(), ADDRESSES_MAX);
        assert!(arrivals.arrive(start + ARRIVALS_WITHIN, address(u32::MAX)));
        assert_eq!(arrivals.0.len(), 1);
    }
}
