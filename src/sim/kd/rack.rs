//! Racks of simulated Windows targets: which there are, what they are called, and all their tasks together.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::connect::Key;

use super::behaviour::Behaviour;
use super::com::{Listening, Place};
use super::faults::Faults;
use super::machine::Settings;
use super::net::{self, Call};

/// One simulated target of a rack.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Its name.
    pub name: String,
    /// Its group, if the rack has groups.
    pub group: Option<String>,
    /// The machine.
    pub settings: Settings,
    /// What is wrong with its wire.
    pub faults: Faults,
    /// What it shares with its host on KDNET. That of a planned rack follows from its seed.
    pub key: Key,
}

impl Plan {
    /// The connection string of its host on UDP `port`.
    #[must_use]
    pub fn net_string(&self, port: u16) -> String {
        format!("net:port={port},key={}{}", self.key, self.names())
    }

    /// The connection string that reaches it at `place`.
    #[must_use]
    pub fn com_string(&self, place: &Place) -> String {
        format!("{place}{}", self.names())
    }

    fn names(&self) -> String {
        let group = self.group.as_deref();
        let group = group.map_or_else(String::new, |group| format!(",group={group}"));
        format!(",name={}{group}", self.name)
    }
}

/// A rack of `count` machines that all behave alike, named `w000` and on, switched on at `clock`.
#[must_use]
pub fn uniform(
    count: u16,
    (behaviour, processors): (Behaviour, u16),
    faults: Faults,
    seed: u64,
    clock: u64,
) -> Vec<Plan> {
    (0..count)
        .map(|index| {
            let seed = seed_of(seed, index);
            Plan {
                name: format!("w{index:03}"),
                group: None,
                settings: Settings {
                    seed,
                    behaviour,
                    processors,
                    clock,
                },
                faults,
                key: key_of(seed),
            }
        })
        .collect()
}

/// The key of the machine with that seed.
#[must_use]
pub fn key_of(seed: u64) -> Key {
    let mut random = fastrand::Rng::with_seed(seed ^ KEY_SEED);
    Key::new([0; 4].map(|_: u64| random.u64(..)))
}

/// A seed for machine `index` that has nothing in common with its neighbours'.
#[must_use]
pub fn seed_of(seed: u64, index: u16) -> u64 {
    fastrand::Rng::with_seed(seed ^ (u64::from(index) << 32) ^ MACHINE_SEED).u64(..)
}

/// The time of day as Windows has it: 100 ns since 1601.
#[must_use]
pub fn clock_now() -> u64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    UNIX_EPOCH + (since.as_nanos() / 100) as u64
}

/// Simulated targets that run. Dropped, they stop by themselves some time after.
#[derive(Debug)]
pub struct Rack {
    tasks: TaskTracker,
    stop: CancellationToken,
    _guard: DropGuard,
}

impl Default for Rack {
    fn default() -> Self {
        let stop = CancellationToken::new();
        Self {
            tasks: TaskTracker::new(),
            _guard: stop.clone().drop_guard(),
            stop,
        }
    }
}

impl Rack {
    /// Lets a target call its host at `host`, with offers so often. To be called on a tokio runtime.
    ///
    /// # Errors
    /// If the system gives it no socket.
    pub fn call(&self, plan: &Plan, host: SocketAddr, offers: Duration) -> io::Result<()> {
        let call = Call {
            host,
            key: plan.key,
            offers,
        };
        let run = net::run(
            net::open(host)?,
            call,
            plan.settings,
            plan.faults,
            self.stop.clone(),
        );
        self.tasks.spawn(run);
        Ok(())
    }

    /// Lets a target wait for its debugger at `place`, and returns where that is. To be called on a tokio runtime.
    ///
    /// # Errors
    /// If the place cannot be had: see [`Listening::open`].
    pub fn listen(&self, plan: &Plan, place: &Place) -> io::Result<Place> {
        let listening = Listening::open(place)?;
        let place = listening.place().clone();
        self.tasks
            .spawn(listening.serve(plan.settings, plan.faults, self.stop.clone()));
        Ok(place)
    }

    /// Stops all targets; their ports are free when this returns.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Whether nobody holds UDP `port`, so that a host can listen there.
#[must_use]
pub fn is_port_free(port: u16) -> bool {
    let every: IpAddr = std::net::Ipv4Addr::UNSPECIFIED.into();
    std::net::UdpSocket::bind((every, port)).is_ok()
}

/// What tells the seeds of keys and of machines from each other and from others.
const KEY_SEED: u64 = 0x4B44_4E45_5421_0001;
const MACHINE_SEED: u64 = 0x5769_6E64_6F77_7321;

/// 1970 as Windows counts: 100 ns since 1601.
const UNIX_EPOCH: u64 = 116_444_736_000_000_000;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_seeds_and_keys_of_a_rack_are_all_different_and_follow_from_its_seed() {
        let rack = |seed| uniform(300, (Behaviour::default(), 4), Faults::default(), seed, 0);
        let plans = rack(1);
        let keys: HashSet<_> = plans.iter().map(|plan| plan.key.to_string()).collect();
        let seeds: HashSet<_> = plans.iter().map(|plan| plan.settings.seed).collect();
        assert_eq!((keys.len(), seeds.len()), (300, 300));
        assert_eq!(plans, rack(1));
        assert_ne!(plans[7].key, rack(2)[7].key);
    }

    #[test]
    fn a_plan_is_written_as_the_string_its_host_needs() {
        let mut plan = uniform(1, (Behaviour::default(), 4), Faults::default(), 1, 0).remove(0);
        plan.group = Some("win".to_owned());
        let text = plan.net_string(50_007);
        assert!(
            text.starts_with("net:port=50007,key=") && text.ends_with(",name=w000,group=win"),
            "{text}"
        );
        text.parse::<crate::connect::TargetString>().unwrap();
        let place = Place::Tcp(std::net::Ipv4Addr::LOCALHOST.into(), 5000);
        assert_eq!(
            plan.com_string(&place),
            "com:ipport=5000,port=127.0.0.1,name=w000,group=win"
        );
        for place in [
            place,
            Place::Unix("/tmp/a.sock".into()),
            Place::Terminal("/tmp/a".into()),
        ] {
            plan.com_string(&place)
                .parse::<crate::connect::TargetString>()
                .unwrap();
        }
    }
}
