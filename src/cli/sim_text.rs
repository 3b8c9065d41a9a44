//! The command line of `kdeck sim text`: simulated machines with a text console.

use clap::{Args, ValueEnum};

use super::{DEMO_PORT, count, rate};
use crate::sim::text::{Behaviour, Habit};
use crate::sim::{Plan, Ports, Wire, plan};

/// Simulated text targets.
#[derive(Debug, Clone, Args)]
pub struct SimText {
    /// How many targets
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = count())]
    pub count: u16,

    /// First of the consecutive ports; 0 for any that are free
    #[arg(long, value_name = "PORT", default_value_t = DEMO_PORT)]
    pub port: u16,

    /// How many lines a second each target prints
    #[arg(long, value_name = "LINES_PER_S", default_value_t = 1.0, value_parser = rate)]
    pub rate: f64,

    /// Where random choices start: the same seed makes the same targets
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// What the targets do
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = RackKind::Calm)]
    pub behaviour: RackKind,

    /// They have been up for a while and do not boot first (a mixed rack decides by itself)
    #[arg(long)]
    pub booted: bool,

    /// Speak telnet, as terminal servers do
    #[arg(long)]
    pub telnet: bool,
}

/// What the targets of a rack do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RackKind {
    /// Print evenly
    Calm,
    /// Print ten times the rate, in bursts
    Busy,
    /// Print ten thousand lines a second
    Flood,
    /// Print what breaks terminals
    Hostile,
    /// Wait at a login prompt
    Login,
    /// Restart again and again
    Reboots,
    /// Panic after a minute
    Panics,
    /// Drop the connection now and then
    Drops,
    /// A bit of everything, as in the demo
    Mixed,
}

impl SimText {
    /// The machines to simulate.
    #[must_use]
    pub fn plans(&self) -> Vec<Plan> {
        let habit = match self.behaviour {
            RackKind::Calm => Habit::Calm,
            RackKind::Busy => Habit::Busy,
            RackKind::Flood => Habit::Flood,
            RackKind::Hostile => Habit::Hostile,
            RackKind::Login => Habit::Login,
            RackKind::Reboots => Habit::RebootLoop,
            RackKind::Panics => Habit::Panics,
            RackKind::Drops => Habit::Drops,
            RackKind::Mixed => return plan::mixed(self.count, self.rate, self.seed),
        };
        let behaviour = Behaviour {
            habit,
            rate: self.rate,
            booted: self.booted,
        };
        plan::uniform(self.count, behaviour, self.seed)
    }

    /// The ports to put them on.
    #[must_use]
    pub fn ports(&self) -> Ports {
        if self.port == 0 {
            Ports::Any
        } else {
            Ports::From(self.port)
        }
    }

    /// What to speak on them.
    #[must_use]
    pub fn wire(&self) -> Wire {
        if self.telnet { Wire::Telnet } else { Wire::Raw }
    }
}
