//! The command line of `kdeck sim`: which simulated targets, where, and what they do.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueHint};

use super::{DEMO_PORT, SimText, count, rate};
use crate::connect::Key;
use crate::sim::kd::behaviour::Behaviour;
use crate::sim::kd::com::Place;
use crate::sim::kd::faults::Faults;
use crate::sim::kd::program::PROCESSORS_MAX;
use crate::sim::kd::rack::{self, Plan};

/// Kinds of simulated targets.
#[derive(Debug, Clone, Subcommand)]
pub enum Sim {
    /// Machines with a text console, each on a TCP port of 127.0.0.1
    ///
    /// Prints each target's connection string, and runs until it is interrupted.
    Text(SimText),
    /// Windows machines on KDNET, each of which calls a UDP port of its host
    ///
    /// Prints the connection string for each target's host, and runs until it is interrupted.
    Kdnet(SimKdnet),
    /// Windows machines on byte streams, as on a serial line
    ///
    /// Prints each target's connection string, and runs until it is interrupted. A target is switched on by the first
    /// that connects.
    Kdcom(SimKdcom),
}

/// Simulated Windows targets on KDNET.
#[derive(Debug, Clone, Args)]
pub struct SimKdnet {
    /// How many targets
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = count())]
    pub count: u16,

    /// First of the consecutive UDP ports that they call
    #[arg(long, value_name = "PORT", default_value_t = DEMO_PORT, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,

    /// The host that they call
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub host: IpAddr,

    /// The key of all of them [default: one each, which follows from the seed]
    #[arg(long, value_name = "KEY")]
    pub key: Option<Key>,

    /// Seconds between calls while nobody answers
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = pause)]
    pub offer_every: Duration,

    /// What they do.
    #[command(flatten)]
    pub machine: Machine,
}

/// Simulated Windows targets on byte streams.
#[derive(Debug, Clone, Args)]
pub struct SimKdcom {
    /// How many targets
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = count())]
    pub count: u16,

    /// First of the consecutive TCP ports of 127.0.0.1; 0 for any that are free
    #[arg(long, value_name = "PORT", default_value_t = DEMO_PORT)]
    pub port: u16,

    /// Make Unix sockets in this directory instead
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with_all = ["port", "pty"])]
    pub unix: Option<PathBuf>,

    /// Make pseudo-terminals instead, with links to them in this directory
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "port")]
    pub pty: Option<PathBuf>,

    /// What they do.
    #[command(flatten)]
    pub machine: Machine,
}

/// What simulated Windows machines do by themselves, and what is wrong with their wires.
#[derive(Debug, Clone, Args)]
pub struct Machine {
    /// Where random choices start: the same seed makes the same targets
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// How many lines a second each target prints; 10000 for as many as the wire takes
    #[arg(long, value_name = "LINES_PER_S", default_value_t = 1.0, value_parser = rate)]
    pub rate: f64,

    /// Processors of each
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=PROCESSORS_MAX as i64))]
    pub processors: u16,

    /// They boot first, with a notice for each module; else they have been up for a while
    #[arg(long)]
    pub boot: bool,

    /// They ask for a replacement of each driver at boot
    #[arg(long)]
    pub files: bool,

    /// Seconds from one question to the next
    #[arg(long, value_name = "SECONDS", value_parser = pause)]
    pub prompt_every: Option<Duration>,

    /// Seconds from one failed assertion to the next
    #[arg(long, value_name = "SECONDS", value_parser = pause)]
    pub assert_every: Option<Duration>,

    /// Seconds from one access violation to the next
    #[arg(long, value_name = "SECONDS", value_parser = pause)]
    pub fault_every: Option<Duration>,

    /// Seconds from one driver loaded or unloaded to the next
    #[arg(long, value_name = "SECONDS", value_parser = pause)]
    pub driver_every: Option<Duration>,

    /// Seconds from a boot to a bug check
    #[arg(long, value_name = "SECONDS", value_parser = pause)]
    pub bugcheck_after: Option<Duration>,

    /// Seconds from one restart to the next
    #[arg(long, value_name = "SECONDS", value_parser = pause)]
    pub reboot_every: Option<Duration>,

    /// Per cent of what is sent that is lost, each way
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = percent)]
    pub loss: f64,

    /// Per cent that comes twice
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = percent)]
    pub duplicate: f64,

    /// Per cent that comes late and is overtaken
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = percent)]
    pub reorder: f64,

    /// Per cent of which a bit is wrong
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = percent)]
    pub corrupt: f64,

    /// Milliseconds by which everything is late
    #[arg(long, value_name = "MS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=DELAY_MS_MAX))]
    pub delay: u64,
}

impl SimKdnet {
    /// The machines to simulate.
    #[must_use]
    pub fn plans(&self) -> Vec<Plan> {
        let mut plans = self.machine.plans(self.count);
        for plan in &mut plans {
            plan.key = self.key.unwrap_or(plan.key);
        }
        plans
    }
}

impl SimKdcom {
    /// The machines to simulate, and where each is to wait.
    #[must_use]
    pub fn plans(&self) -> Vec<(Plan, Place)> {
        let place = |(index, plan): (u16, Plan)| {
            let place = match (&self.unix, &self.pty) {
                (Some(folder), _) => Place::Unix(folder.join(&plan.name)),
                (None, Some(folder)) => Place::Terminal(folder.join(&plan.name)),
                // Past the last port there is, they come to one that is taken, and that is said.
                (None, None) if self.port > 0 => Place::Tcp(HERE, self.port.saturating_add(index)),
                (None, None) => Place::Tcp(HERE, 0),
            };
            (plan, place)
        };
        (0..)
            .zip(self.machine.plans(self.count))
            .map(place)
            .collect()
    }
}

impl Machine {
    fn plans(&self, count: u16) -> Vec<Plan> {
        let behaviour = Behaviour {
            boots: self.boot,
            rate: self.rate,
            prompts: self.prompt_every,
            asserts: self.assert_every,
            faults: self.fault_every,
            bug_checks: self.bugcheck_after,
            reboots: self.reboot_every,
            drivers: self.driver_every,
            files: self.files,
        };
        let faults = Faults {
            loss: self.loss,
            duplicate: self.duplicate,
            reorder: self.reorder,
            corrupt: self.corrupt,
            delay: Duration::from_millis(self.delay),
        };
        let clock = rack::clock_now();
        rack::uniform(
            count,
            (behaviour, self.processors),
            faults,
            self.seed,
            clock,
        )
    }
}

fn pause(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if (PAUSE_S_MIN..=PAUSE_S_MAX).contains(&seconds) => {
            Ok(Duration::from_secs_f64(seconds))
        }
        _ => Err(format!(
            "a number of seconds from {PAUSE_S_MIN} to {PAUSE_S_MAX} is expected"
        )),
    }
}

/// Per cent, as a part of one.
fn percent(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err("a number from 0 to 100 is expected".to_owned()),
    }
}

/// Where targets on TCP wait.
const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// Least and most time between events. Seconds.
const PAUSE_S_MIN: f64 = 0.05;
const PAUSE_S_MAX: f64 = 1e6;

/// Latest that anything comes, in milliseconds: as late as over a satellite, and then some.
const DELAY_MS_MAX: u64 = 10_000;
