//! Plans of simulated racks: which machines there are, what they are called, how each behaves.
//!
//! Not the machines themselves ([`super::text`]) and not their sockets ([`super::server`]).

use std::net::SocketAddr;

use super::server::Wire;
use super::text::{Behaviour, Habit};

/// One simulated target of a rack.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Name of the target and of the host that its console shows.
    pub name: String,
    /// Group the target belongs to, if the rack has groups.
    pub group: Option<String>,
    /// What the machine does.
    pub behaviour: Behaviour,
    /// Where its random numbers start: the same seed makes the same machine.
    pub seed: u64,
}

impl Plan {
    /// The connection string of this target, served at `address` over `wire`.
    #[must_use]
    pub fn target(&self, address: SocketAddr, wire: Wire) -> String {
        let kind = match wire {
            Wire::Raw => "raw",
            Wire::Telnet => "telnet",
        };
        let group = self.group.as_deref();
        let group = group.map_or_else(String::new, |group| format!(",group={group}"));
        format!(
            "{kind}:server={},port={},name={}{group}",
            address.ip(),
            address.port(),
            self.name
        )
    }
}

/// A rack of `count` machines that all behave alike, named `t000` and on.
#[must_use]
pub fn uniform(count: u16, behaviour: Behaviour, seed: u64) -> Vec<Plan> {
    (0..count)
        .map(|index| Plan {
            name: format!("t{index:03}"),
            group: None,
            behaviour,
            seed: seed_of(seed, index),
        })
        .collect()
}

/// The rack of the demo: a machine room on an ordinary bad day.
///
/// Most machines are calm, at rates around `rate` lines a second; every tenth is busy; and, spread
/// evenly, there is one of each of [`TROUBLES`] as far as `count` reaches. Three of four have been
/// up for a while, the rest are switched on by whoever connects first.
#[must_use]
pub fn mixed(count: u16, rate: f64, seed: u64) -> Vec<Plan> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut serial = [0_u16; GROUPS.len()];
    (0..count)
        .map(|index| {
            let trouble = trouble_at(index, count);
            let habit = trouble.unwrap_or(if index % 10 == 5 {
                Habit::Busy
            } else {
                Habit::Calm
            });
            let spread = CALM_SPREAD.0 + random.f64() * (CALM_SPREAD.1 - CALM_SPREAD.0);
            let booted = random.u8(0..4) != 0;
            let group = random.usize(0..GROUPS.len());
            let (prefix, number) = (GROUPS[group], &mut serial[group]);
            *number += 1;
            Plan {
                name: format!("{prefix}{number:02}"),
                group: Some(prefix.to_owned()),
                behaviour: Behaviour {
                    habit,
                    rate: if habit == Habit::Calm {
                        rate * spread
                    } else {
                        rate
                    },
                    booted: booted && habit != Habit::RebootLoop,
                },
                seed: seed_of(seed, index),
            }
        })
        .collect()
}

/// The machines of which a mixed rack has one each.
pub const TROUBLES: [Habit; 5] = [
    Habit::RebootLoop,
    Habit::Panics,
    Habit::Login,
    Habit::Hostile,
    Habit::Drops,
];

/// Slowest and fastest calm machine of a mixed rack, as parts of the rate asked for.
const CALM_SPREAD: (f64, f64) = (0.1, 1.9);

/// What the machines of a mixed rack are for; their groups, and the beginnings of their names.
const GROUPS: [&str; 5] = ["web", "db", "build", "edge", "gpu"];

/// The trouble at place `index` of `count`: the five of them at the odd tenths of the rack, and in
/// a rack too small for that at every second place.
fn trouble_at(index: u16, count: u16) -> Option<Habit> {
    (0_u16..).zip(TROUBLES).find_map(|(order, habit)| {
        let odd = 2 * order + 1;
        let place = if count < 10 {
            odd
        } else {
            (u32::from(count) * u32::from(odd) / 10) as u16
        };
        (place == index).then_some(habit)
    })
}

/// A seed for machine `index` that has nothing in common with its neighbours'.
fn seed_of(seed: u64, index: u16) -> u64 {
    fastrand::Rng::with_seed(seed ^ (u64::from(index) << 48)).u64(..)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_mixed_rack_has_each_trouble_once_and_mostly_calm_machines() {
        for count in [10, 11, 47, 100, 1000] {
            let plans = mixed(count, 1.0, 7);
            for trouble in TROUBLES {
                let of_it = plans
                    .iter()
                    .filter(|plan| plan.behaviour.habit == trouble)
                    .count();
                assert_eq!(of_it, 1, "{trouble} among {count}");
            }
            let calm = plans
                .iter()
                .filter(|plan| plan.behaviour.habit == Habit::Calm)
                .count();
            assert!(calm * 2 >= usize::from(count - 5), "{calm} calm of {count}");
        }
    }

    #[test]
    fn names_and_seeds_of_a_rack_are_all_different() {
        for plans in [mixed(300, 1.0, 1), uniform(300, Behaviour::default(), 1)] {
            let names: HashSet<_> = plans.iter().map(|plan| &plan.name).collect();
            let seeds: HashSet<_> = plans.iter().map(|plan| plan.seed).collect();
            assert_eq!((names.len(), seeds.len()), (300, 300));
        }
    }

    #[test]
    fn the_same_seed_plans_the_same_rack() {
        assert_eq!(mixed(100, 2.0, 42), mixed(100, 2.0, 42));
        assert_ne!(mixed(100, 2.0, 42), mixed(100, 2.0, 43));
    }

    #[test]
    fn a_plan_is_written_as_the_string_that_reaches_it() {
        let address = SocketAddr::from(([127, 0, 0, 1], 50007));
        let mut plan = uniform(8, Behaviour::default(), 0).remove(7);
        assert_eq!(
            plan.target(address, Wire::Raw),
            "raw:server=127.0.0.1,port=50007,name=t007"
        );
        plan.group = Some("web".to_owned());
        assert_eq!(
            plan.target(address, Wire::Telnet),
            "telnet:server=127.0.0.1,port=50007,name=t007,group=web"
        );
    }
}
