//! What a simulated Windows machine does by itself, and when each of it is due.

use std::fmt;
use std::time::{Duration, Instant};

/// What a machine does by itself. Times are from boot to the first and then from each to the next; `None` is never.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Behaviour {
    /// It boots when it is switched on, with a notice for each module; else it has been up for a while.
    pub boots: bool,
    /// Debug prints a second. At [`PRINTS_PER_S_MAX`] and above it prints as fast as the wire takes it.
    pub rate: f64,
    /// Asks a question.
    pub prompts: Option<Duration>,
    /// An assertion fails.
    pub asserts: Option<Duration>,
    /// A driver touches memory that is not there.
    pub faults: Option<Duration>,
    /// A bug check.
    pub bug_checks: Option<Duration>,
    /// Restarts.
    pub reboots: Option<Duration>,
    /// A driver is loaded or unloaded.
    pub drivers: Option<Duration>,
    /// Asks for a replacement of each driver at boot.
    pub files: bool,
}

/// Prints a second from which on there is no pause between them.
pub const PRINTS_PER_S_MAX: f64 = 10_000.0;

/// Fewest prints a second that are not none.
const PRINTS_PER_S_MIN: f64 = 0.001;

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            boots: false,
            rate: 1.0,
            prompts: None,
            asserts: None,
            faults: None,
            bug_checks: None,
            reboots: None,
            drivers: None,
            files: false,
        }
    }
}

/// For people: `1.0 prints/s, bug check after 60 s`.
impl fmt::Display for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rate {
            none if none < PRINTS_PER_S_MIN => f.write_str("silent")?,
            most if most >= PRINTS_PER_S_MAX => f.write_str("prints without pause")?,
            rate => write!(f, "{rate:.1} prints/s")?,
        }
        for (what, when) in [
            ("prompt every", self.prompts),
            ("failed assertion every", self.asserts),
            ("access violation every", self.faults),
            ("bug check after", self.bug_checks),
            ("reboot every", self.reboots),
            ("driver every", self.drivers),
        ] {
            if let Some(when) = when {
                write!(f, ", {what} {} s", when.as_secs_f64())?;
            }
        }
        Ok(())
    }
}

/// Something that a machine does by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    /// Ordinary system calls, so that breakpoints are met.
    Calls,
    Print,
    Driver,
    Prompt,
    Assert,
    Fault,
    BugCheck,
    Reboot,
}

/// What a debugger's presence changes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Watched {
    /// Somebody is there to acknowledge prints.
    pub present: bool,
    /// Breakpoints wait to be met.
    pub armed: bool,
}

/// When each deed is due next.
#[derive(Debug)]
pub(super) struct Timetable {
    due: Vec<(Deed, Instant)>,
}

/// Time between rounds of system calls, with and without a breakpoint that waits for one.
const CALLS_EVERY: Duration = Duration::from_secs(5);
const CALLS_EVERY_ARMED: Duration = Duration::from_millis(10);

impl Timetable {
    /// The timetable of a machine that came up at `now`.
    pub fn new(behaviour: &Behaviour, random: &mut fastrand::Rng, now: Instant) -> Self {
        let mut table = Self { due: Vec::new() };
        // Machines of a rack do not act all at once.
        let first = CALLS_EVERY.mul_f64(random.f64());
        table.due.push((Deed::Calls, now + first));
        if let Some(pause) = table.pause(
            Deed::Print,
            behaviour,
            Watched {
                present: true,
                armed: false,
            },
        ) {
            table
                .due
                .push((Deed::Print, now + pause.mul_f64(random.f64())));
        }
        for deed in [
            Deed::Driver,
            Deed::Prompt,
            Deed::Assert,
            Deed::Fault,
            Deed::BugCheck,
            Deed::Reboot,
        ] {
            if let Some(pause) = table.pause(deed, behaviour, Watched::default()) {
                table.due.push((deed, now + pause));
            }
        }
        table
    }

    /// When the first of them is due.
    pub fn next(&self) -> Option<Instant> {
        self.due.iter().map(|(_, at)| *at).min()
    }

    /// What is due at `now`, if anything; it is due again after its pause.
    pub fn take(&mut self, behaviour: &Behaviour, watched: Watched, now: Instant) -> Option<Deed> {
        let (deed, at) = self
            .due
            .iter()
            .copied()
            .min_by_key(|(deed, at)| (*at, *deed))?;
        if at > now {
            return None;
        }
        let pause = self.pause(deed, behaviour, watched);
        let late = now.saturating_duration_since(at);
        if let Some((_, at)) = self.due.iter_mut().find(|(other, _)| *other == deed) {
            let pause = pause.unwrap_or(CALLS_EVERY);
            // A little late is made up for, so that rates are kept; time spent stopped is not.
            *at = if late < LATE_MAX {
                *at + pause
            } else {
                now + pause
            };
        }
        Some(deed)
    }

    /// Breakpoints wait to be met: the next round is not to be waited for.
    pub fn hasten(&mut self, now: Instant) {
        if let Some((_, at)) = self.due.iter_mut().find(|(deed, _)| *deed == Deed::Calls) {
            *at = (*at).min(now + CALLS_EVERY_ARMED);
        }
    }

    fn pause(&self, deed: Deed, behaviour: &Behaviour, watched: Watched) -> Option<Duration> {
        match deed {
            Deed::Calls if watched.armed => Some(CALLS_EVERY_ARMED),
            Deed::Calls => Some(CALLS_EVERY),
            Deed::Print if behaviour.rate >= PRINTS_PER_S_MAX && watched.present => {
                Some(Duration::ZERO)
            }
            Deed::Print if behaviour.rate >= PRINTS_PER_S_MAX => Some(UNHEARD_PAUSE),
            Deed::Print if behaviour.rate >= PRINTS_PER_S_MIN => {
                Some(Duration::from_secs_f64(1.0 / behaviour.rate))
            }
            Deed::Print => None,
            Deed::Driver => behaviour.drivers,
            Deed::Prompt => behaviour.prompts,
            Deed::Assert => behaviour.asserts,
            Deed::Fault => behaviour.faults,
            Deed::BugCheck => behaviour.bug_checks,
            Deed::Reboot => behaviour.reboots,
        }
    }
}

/// Time between prints of a machine that would print without pause, while nobody hears it.
const UNHEARD_PAUSE: Duration = Duration::from_millis(10);

/// Delay that is made up for by doing the next sooner.
const LATE_MAX: Duration = Duration::from_millis(500);
