//! What a simulated machine does with its time.

use std::fmt;

/// What a machine does, how much it says, and whether it was up before anybody looked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Behaviour {
    /// What it does besides talking.
    pub habit: Habit,
    /// Lines a second while it is up, as far as the habit leaves a choice. Nothing below
    /// one line in a thousand seconds, nothing faster than [`FLOOD_LINES_PER_S`].
    pub rate: f64,
    /// It does not boot first: it has been up for minutes to weeks.
    pub booted: bool,
}

/// What a machine does besides talking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Habit {
    /// It prints its lines evenly, and works.
    #[default]
    Calm,
    /// It prints ten times as much, in bursts with pauses between them.
    Busy,
    /// It prints [`FLOOD_LINES_PER_S`] for ever.
    Flood,
    /// Half of what it prints is meant to break the terminal.
    Hostile,
    /// It says nothing and waits at `login:`.
    Login,
    /// It restarts a few seconds after each boot.
    RebootLoop,
    /// It panics after a minute, restarts, and does so again.
    Panics,
    /// It closes the connection every half minute or so.
    Drops,
}

impl Behaviour {
    /// Lines a second in all, 0 for none.
    pub(super) fn lines_per_s(&self) -> f64 {
        let rate = match self.habit {
            Habit::Flood => FLOOD_LINES_PER_S,
            Habit::Login => 0.0,
            Habit::Busy => self.rate * 10.0,
            Habit::Calm | Habit::Hostile | Habit::RebootLoop | Habit::Panics | Habit::Drops => {
                self.rate
            }
        };
        if rate >= RATE_MIN {
            rate.min(FLOOD_LINES_PER_S)
        } else {
            0.0
        }
    }
}

/// A calm machine at one line a second that boots first.
impl Default for Behaviour {
    fn default() -> Self {
        Self {
            habit: Habit::Calm,
            rate: 1.0,
            booted: false,
        }
    }
}

/// For people: `calm, 1 line/s`.
impl fmt::Display for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.lines_per_s();
        if rate > 0.0 {
            let digits = if rate < 10.0 { 1 } else { 0 };
            write!(f, "{}, {rate:.digits$} lines/s", self.habit)
        } else {
            write!(f, "{}, silent", self.habit)
        }
    }
}

impl fmt::Display for Habit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Habit::Calm => "calm",
            Habit::Busy => "busy",
            Habit::Flood => "flood",
            Habit::Hostile => "hostile",
            Habit::Login => "login",
            Habit::RebootLoop => "reboots",
            Habit::Panics => "panics",
            Habit::Drops => "drops",
        })
    }
}

/// How fast a flood is: well above what a serial line carries, well below what a socket does, so
/// that a rack of floods costs the simulator less than its reader. Lines a second.
pub const FLOOD_LINES_PER_S: f64 = 10_000.0;

/// Anything slower is silence. Lines a second.
const RATE_MIN: f64 = 0.001;
