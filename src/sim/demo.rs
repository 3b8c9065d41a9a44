//! The demo's rack: text machines and Windows machines side by side, on one block of ports.
//!
//! Text machines listen on theirs. A Windows machine calls its port, which the demo's own host listens on; so its
//! port only has to be free.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::kd;
use super::plan::{self, Plan};
use super::server::{self, Error, Ports, Wire};
use super::text::Habit;

/// One machine of the rack.
#[derive(Debug, Clone, PartialEq)]
pub enum Machine {
    /// With a text console.
    Text(Plan),
    /// With Windows, on KDNET.
    Windows(kd::rack::Plan),
}

/// A rack that is being served. Dropped, it stops by itself some time after.
#[derive(Debug)]
pub struct Rack {
    text: server::Rack,
    windows: kd::rack::Rack,
    targets: Vec<String>,
}

/// Group of the Windows machines, and the beginning of their names.
const WINDOWS: &str = "win";

/// Every how many machines one has Windows, if it is none of the troublesome or busy ones.
const WINDOWS_EVERY: u16 = 3;

/// Time between the calls of a Windows machine. Shorter than real ones have it: people wait for the demo.
const OFFERS_EVERY: Duration = Duration::from_millis(500);

/// Processors of a Windows machine.
const PROCESSORS: u16 = 4;

/// The machines of the demo: a [mixed](plan::mixed) rack in which about every third has Windows. One of those asks
/// questions, one stops for good, one restarts, one loads and unloads drivers, as far as `count` reaches.
#[must_use]
pub fn plans(count: u16, rate: f64, seed: u64) -> Vec<Machine> {
    let mut number = 0;
    (0..)
        .zip(plan::mixed(count, rate, seed))
        .map(|(index, plan): (u16, Plan)| {
            if index % WINDOWS_EVERY != 1 || plan.behaviour.habit != Habit::Calm {
                return Machine::Text(plan);
            }
            number += 1;
            let every = |which, seconds| (number == which).then(|| Duration::from_secs(seconds));
            let behaviour = kd::behaviour::Behaviour {
                boots: !plan.behaviour.booted,
                rate: plan.behaviour.rate,
                drivers: every(2, 20),
                prompts: every(3, 60),
                bug_checks: every(4, 90),
                reboots: every(5, 120),
                asserts: every(6, 150),
                ..kd::behaviour::Behaviour::default()
            };
            let settings = kd::machine::Settings {
                seed: plan.seed,
                behaviour,
                processors: PROCESSORS,
                clock: kd::rack::clock_now(),
            };
            Machine::Windows(kd::rack::Plan {
                name: format!("{WINDOWS}{number:02}"),
                group: Some(WINDOWS.to_owned()),
                settings,
                faults: kd::faults::Faults::default(),
                key: kd::rack::key_of(plan.seed),
            })
        })
        .collect()
}

/// Serves `machines`, one a port. To be called on a tokio runtime.
///
/// # Errors
/// [`Error::Listen`], [`Error::TooHigh`] and [`Error::NoBlock`], when the ports cannot be had; [`Error::Socket`].
pub fn serve(machines: &[Machine], ports: Ports) -> Result<Rack, Error> {
    let (mut text, mut listeners) = (Vec::new(), Vec::new());
    let windows = kd::rack::Rack::default();
    let mut targets = Vec::new();
    for (machine, listener) in machines.iter().zip(block(machines, ports)?) {
        let address = listener.local_addr().map_err(Error::Socket)?;
        targets.push(match machine {
            Machine::Text(plan) => {
                text.push(plan.clone());
                listeners.push(listener);
                plan.target(address, Wire::Raw)
            }
            Machine::Windows(plan) => {
                let host = SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()));
                windows
                    .call(plan, host, OFFERS_EVERY)
                    .map_err(Error::Socket)?;
                plan.net_string(address.port())
            }
        });
    }
    let text = server::serve_on(&text, listeners, Wire::Raw)?;
    Ok(Rack {
        text,
        windows,
        targets,
    })
}

impl Rack {
    /// The connection string of each machine, in the order of the plans.
    #[must_use]
    pub fn targets(&self) -> &[String] {
        &self.targets
    }

    /// Closes all connections and ports; they are free when this returns.
    pub async fn stop(self) {
        self.text.stop().await;
        self.windows.stop().await;
    }
}

/// A block of ports that are all free: for TCP, and, where a Windows machine will call, for UDP.
fn block(machines: &[Machine], ports: Ports) -> Result<Vec<tokio::net::TcpListener>, Error> {
    let count = machines.len();
    let mut from = match ports {
        Ports::From(first) | Ports::FirstFree(first) => first,
        Ports::Any => 0,
    };
    let mut rounds = 0..BLOCKS_MAX;
    loop {
        let listeners = match ports {
            Ports::From(first) => server::block(first, count)?,
            Ports::FirstFree(_) | Ports::Any => server::first_free_block(from, count)?,
        };
        let port = |listener: &tokio::net::TcpListener| {
            listener.local_addr().map_or(0, |address| address.port())
        };
        let taken = machines
            .iter()
            .zip(listeners.iter().map(port))
            .filter(|(machine, _)| matches!(machine, Machine::Windows(_)))
            .map(|(_, port)| port)
            .find(|port| !kd::rack::is_port_free(*port));
        let Some(port) = taken else {
            return Ok(listeners);
        };
        if matches!(ports, Ports::From(_)) {
            let source = io::ErrorKind::AddrInUse.into();
            return Err(Error::Listen { port, source });
        }
        // The block that ends before the last port is the last there is.
        if rounds.next().is_none() || port == u16::MAX {
            return Err(Error::NoBlock { count });
        }
        from = port + 1;
    }
}

/// Blocks that are tried. Many programs that hold a UDP port each make a block rare, not a reason to search for long.
const BLOCKS_MAX: u32 = 500;

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(machines: &[Machine]) -> usize {
        let is_windows = |machine: &&Machine| matches!(machine, Machine::Windows(_));
        machines.iter().filter(is_windows).count()
    }

    #[test]
    fn about_a_third_of_a_rack_has_windows_and_all_troubles_stay() {
        let machines = plans(100, 1.0, 1);
        assert_eq!(machines.len(), 100);
        assert!(
            (25..=35).contains(&windows(&machines)),
            "{}",
            windows(&machines)
        );
        for trouble in plan::TROUBLES {
            let has = |machine: &Machine| matches!(machine, Machine::Text(plan) if plan.behaviour.habit == trouble);
            assert!(machines.iter().any(has), "{trouble}");
        }
    }

    #[tokio::test]
    async fn a_port_that_a_program_holds_for_udp_is_left_to_it() {
        let machines = plans(5, 1.0, 1);
        assert_eq!(windows(&machines), 1);
        let first = serve(&machines, Ports::FirstFree(53_000)).unwrap();
        let port = |rack: &Rack| -> u16 {
            let net = rack
                .targets
                .iter()
                .find(|target| target.starts_with("net:"))
                .unwrap();
            net["net:port=".len()..]
                .split(',')
                .next()
                .unwrap()
                .parse()
                .unwrap()
        };
        let taken = port(&first);
        first.stop().await;
        let held = std::net::UdpSocket::bind(("0.0.0.0", taken)).unwrap();
        let second = serve(&machines, Ports::FirstFree(53_000)).unwrap();
        assert_ne!(port(&second), taken);
        second.stop().await;
        drop(held);
    }

    #[test]
    fn every_machine_has_a_string_that_can_be_read() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let _inside = runtime.enter();
        let rack = serve(&plans(20, 1.0, 3), Ports::FirstFree(54_000)).unwrap();
        for target in rack.targets() {
            target.parse::<crate::connect::TargetString>().unwrap();
        }
        runtime.block_on(rack.stop());
    }
}
