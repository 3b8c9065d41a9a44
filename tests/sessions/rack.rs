//! A host of simulated targets that serves on what it is asked for.

use std::collections::HashMap;
use std::time::Duration;

use crate::device::{Device, nc_is_there};
use crate::relay::Cable;
use crate::seat::{PATIENCE, Seat};
use crate::support::background::Background;
use crate::support::home::Home;
use crate::support::ports::free_port;
use crate::support::simulator::simulate;

/// What lets people in.
pub const PASSWORD: &str = "Lab12";
/// Faster than any serial port: what is shown here is not its speed.
const BAUD: &str = "baud=4000000,channel=7";

/// A host, its targets, and how to reach it.
#[derive(Debug)]
pub struct Rack {
    pub host: Seat,
    pub tcp: u16,
    /// The raw port.
    pub raw: u16,
    pub simulators: Vec<Background>,
    ssl: u16,
    fingerprint: String,
    cable: Cable,
    home: Home,
}

/// A way to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Tcp,
    Ssl,
    Npipe,
    Spipe,
    /// One client at a time has the device.
    Com,
    /// Through a port that leads to the one of `tcp`.
    Through(u16),
}

impl Rack {
    /// Starts simulators with these arguments, so many targets each, and a host for them with a server on every
    /// transport.
    pub fn start(configuration: &str, simulators: &[(usize, &[&str])]) -> Self {
        let home = Home::new();
        home.configure(configuration);
        let (cable, tcp, ssl, raw) = (Cable::lay(), free_port(), free_port(), free_port());
        let servers = [
            format!("tcp:port={tcp},password={PASSWORD}"),
            format!("ssl:port={ssl},password={PASSWORD}"),
            "npipe:pipe=lab".to_owned(),
            format!("spipe:pipe=lab,password={PASSWORD}"),
            format!(
                "com:port={},{BAUD},password={PASSWORD}",
                cable.end(0).display()
            ),
        ];
        let mut arguments = vec!["--linger".to_owned()];
        let (mut running, mut first) = (Vec::new(), 0);
        for (count, options) in simulators {
            let counted = ["text", "--port", "0", "--count", &count.to_string()].map(String::from);
            let options: Vec<&str> = counted
                .iter()
                .map(|word| &**word)
                .chain(options.iter().copied())
                .collect();
            let (simulator, targets) = simulate(&options, *count);
            running.push(simulator);
            for (number, target) in (first..).zip(&targets) {
                // Each simulator counts its own from 0.
                let (link, _) = target.split_once(",name=").expect("a name");
                arguments.extend(["-k".to_owned(), format!("{link},name=t{number:03}")]);
            }
            first += count;
        }
        for server in servers {
            arguments.extend(["--server".to_owned(), server]);
        }
        let mut host = Seat::start(&home, "owner", &arguments);
        host.wait("servers", |told| (told.servers.len() == 5).then_some(()));
        host.wait("all targets", |told| {
            let up = told
                .targets
                .values()
                .filter(|target| target.state == "running");
            (up.count() == first).then_some(())
        });
        host.say(&format!(".chatport tcp:port={raw}"));
        host.wait("raw port", |told| {
            told.replies.iter().find(|reply| reply.1).map(drop)
        });
        let shown = host.complaints();
        let (_, fingerprint) = shown.split_once("SHA256:").expect("a fingerprint is shown");
        let fingerprint = fingerprint.chars().take(64).collect();
        Self {
            host,
            tcp,
            raw,
            simulators: running,
            ssl,
            fingerprint,
            cable,
            home,
        }
    }

    /// Somebody joins, with all history or as the options say.
    pub fn join(&self, name: &str, way: Way, options: &[&str]) -> Seat {
        let secret = format!("password={PASSWORD}");
        let string = match way {
            Way::Tcp => format!("tcp:port={},server=localhost,{secret}", self.tcp),
            Way::Through(port) => format!("tcp:port={port},server=localhost,{secret}"),
            Way::Ssl => format!(
                "ssl:port={},server=localhost,certuser={},{secret}",
                self.ssl, self.fingerprint
            ),
            Way::Npipe => "npipe:pipe=lab,server=localhost".to_owned(),
            Way::Spipe => format!(
                "spipe:pipe=lab,server=localhost,certuser={},{secret}",
                self.fingerprint
            ),
            Way::Com => format!("com:port={},{BAUD},{secret}", self.cable.end(1).display()),
        };
        let wanted = if options.is_empty() {
            &["--clines", "all"]
        } else {
            options
        };
        let mut arguments = vec!["--linger".to_owned(), "--remote".to_owned(), string];
        arguments.extend(wanted.iter().map(|word| (*word).to_owned()));
        let seat = Seat::start(&self.home, name, &arguments);
        self.host.wait(&format!("{name} among the people"), |told| {
            told.people
                .iter()
                .find(|(who, what)| who == name && what == "joined")
                .map(drop)
        });
        seat
    }

    /// Devices numbered from 1; every third is `nc` where that is there.
    pub fn connect(&self, count: u8) -> Vec<Device> {
        let nc = nc_is_there();
        let join = |number: u8| match number % 3 {
            0 if nc => Device::join_with_nc(self.raw, number),
            _ => Device::join(self.raw, number),
        };
        (1..=count).map(join).collect()
    }

    /// What the host has printed up to now, by the number of the last entry of each target.
    pub fn ends(&self) -> HashMap<String, u64> {
        self.host.told(|told| told.ends())
    }

    /// Waits until the host has printed so many more entries of every target.
    pub fn print_more(&self, entries: u64) -> HashMap<String, u64> {
        let mut ends = self.ends();
        for end in ends.values_mut() {
            *end += entries;
        }
        self.host.wait_to_reach(PATIENCE, &ends);
        self.ends()
    }

    /// Has to be shown all that the host printed up to these numbers, within that time: each entry once and in order.
    pub fn has_it_all(&self, seat: &Seat, ends: &HashMap<String, u64>, patience: Duration) {
        seat.wait_to_reach(patience, ends);
        self.host.told(|host| {
            seat.told(|told| {
                for (name, end) in ends {
                    let (theirs, ours) = (&host.targets[name], &told.targets[name]);
                    let who = &seat.name;
                    assert!(ours.faults.is_empty(), "{who}, {name}: {:?}", ours.faults);
                    assert_eq!(ours.missed, 0, "{who} missed entries of {name}");
                    let counts = (ours.count(1, *end), theirs.count(1, *end));
                    assert_eq!(
                        counts.0, counts.1,
                        "{who} has another number of entries of {name}"
                    );
                    let same = ours.digest(1, *end) == theirs.digest(1, *end);
                    assert!(same, "{who} has other lines of {name}");
                }
            });
        });
    }
}
