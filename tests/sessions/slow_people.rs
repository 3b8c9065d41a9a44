//! Somebody who does not read, and somebody whose line is slow: no effect on others, and they catch up.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::rack::{Rack, Way};
use crate::relay::Relay;
use crate::seat::Seat;

/// Small histories, so that who waits misses something.
const SMALL: &str = "[history]\nper_target = \"1MiB\"\n";
/// What the host may need more while somebody does not read. Histories are full by then, and a line to a client holds a
/// few hundred KiB.
const MORE_BYTES: u64 = 16 << 20;
/// 9600 baud: eight bits, a start and a stop bit.
pub const MODEM_BYTES_PER_S: usize = 960;
/// How long the server waits for somebody who does not read, with time to spare.
const SERVERS_PATIENCE: Duration = Duration::from_secs(75);

#[test]
fn somebody_who_is_stopped_holds_up_nobody_and_catches_up() {
    stop_somebody(2500, |_| {});
}

#[test]
fn somebody_who_is_stopped_for_longer_than_the_server_waits_comes_back_as_the_same() {
    if std::env::var_os("KDECK_CROWD").is_none() {
        eprintln!(
            "skipped: somebody stopped for longer than the server waits: set KDECK_CROWD=1 to run it"
        );
        return;
    }
    stop_somebody(2500, |rack| {
        rack.host
            .wait_for(SERVERS_PATIENCE, "end of patience", |told| {
                let away = ("stopped".to_owned(), "away".to_owned());
                told.people.contains(&away).then_some(())
            });
    });
}

fn stop_somebody(lines: u64, and_then: impl FnOnce(&Rack)) {
    let rack = Rack::start(SMALL, &[(2, &["--booted", "--rate", "1000"])]);
    let stopped = rack.join("stopped", Way::Tcp, &[]);
    let others = [
        rack.join("anna", Way::Tcp, &[]),
        rack.join("ben", Way::Npipe, &[]),
    ];
    let ends = rack.print_more(500);
    for seat in others.iter().chain([&stopped]) {
        rack.has_it_all(seat, &ends, Duration::from_secs(20));
    }
    stopped.signal(Signal::STOP);
    // Until the histories have dropped what they had when it was stopped.
    rack.print_more(15_000);
    let memory = rack.host.memory();
    let ends = rack.print_more(lines);
    for seat in &others {
        rack.has_it_all(seat, &ends, Duration::from_secs(10));
    }
    and_then(&rack);
    let more = rack.host.memory().saturating_sub(memory);
    assert!(more < MORE_BYTES, "the host needs {more} bytes more");
    stopped.signal(Signal::CONT);
    let ends = rack.print_more(500);
    stopped.wait_to_reach(Duration::from_secs(30), &ends);
    explains_what_is_missing(&rack, &stopped, &ends);
    assert!(
        stopped.told(|told| told.targets["t000"].missed) > 0,
        "nothing was missed"
    );
    let mut stopped = stopped;
    is_still(&rack, &mut stopped);
}

/// What somebody has not got was said to be missed.
fn explains_what_is_missing(
    rack: &Rack,
    seat: &Seat,
    ends: &std::collections::HashMap<String, u64>,
) {
    rack.host.told(|host| {
        seat.told(|told| {
            for (name, end) in ends {
                let (theirs, ours) = (&host.targets[name], &told.targets[name]);
                assert!(
                    ours.faults.is_empty(),
                    "{}, {name}: {:?}",
                    seat.name,
                    ours.faults
                );
                let missing = theirs.count(1, *end) - ours.count(1, *end);
                assert_eq!(ours.missed, missing as u64, "{}, {name}", seat.name);
                let from = ours.whole_from(theirs, *end);
                assert!(
                    from < *end,
                    "{} has nothing of the end of {name}",
                    seat.name
                );
            }
        });
    });
}

/// They are here under the name they had, and never left.
pub fn is_still(rack: &Rack, seat: &mut Seat) {
    seat.say(".chat still here");
    let wanted = (seat.name.clone(), "still here".to_owned());
    rack.host.wait("their chat", |told| {
        told.chat.contains(&wanted).then_some(())
    });
    let left = (seat.name.clone(), "left".to_owned());
    assert!(
        rack.host.told(|told| !told.people.contains(&left)),
        "{} left",
        seat.name
    );
}

#[test]
fn somebody_on_a_slow_line_holds_up_nobody_and_sees_new_states_while_output_floods() {
    let mut rack = Rack::start(
        SMALL,
        &[
            (3, &["--booted", "--rate", "300"]),
            (1, &["--booted", "--rate", "1"]),
        ],
    );
    let relay = Relay::to(rack.tcp, MODEM_BYTES_PER_S);
    let fast = rack.join("fast", Way::Tcp, &[]);
    let slow = rack.join("slow", Way::Through(relay.port), &["--clines", "5"]);
    slow.wait("targets", |told| (told.targets.len() == 4).then_some(()));
    let passed = relay.passed();
    let memory = rack.host.memory();
    let start = Instant::now();
    let before = rack.ends();
    while start.elapsed() < Duration::from_secs(8) {
        let more = before.keys().filter(|name| *name != "t003");
        let ends = more
            .map(|name| (name.clone(), rack.ends()[name] + 100))
            .collect();
        rack.host.wait_to_reach(Duration::from_secs(10), &ends);
    }
    assert!(relay.passed() > passed, "nothing came");
    // The fourth is switched off.
    rack.simulators.pop();
    rack.host.wait("its end", |told| {
        (told.targets["t003"].state != "running").then_some(())
    });
    let noticed = Instant::now();
    slow.wait_for(Duration::from_secs(8), "news of its end", |told| {
        (told.targets["t003"].state != "running").then_some(())
    });
    eprintln!(
        "a new state came after {:.1} s",
        noticed.elapsed().as_secs_f64()
    );
    let ends = rack.ends();
    rack.has_it_all(&fast, &ends, Duration::from_secs(10));
    let more = rack.host.memory().saturating_sub(memory);
    assert!(more < MORE_BYTES, "the host needs {more} bytes more");
    // The line is repaired.
    relay.set_speed(0);
    let ends = rack.ends();
    slow.wait_to_reach(Duration::from_secs(30), &ends);
    slow.told(|told| {
        for history in told.targets.values() {
            assert!(history.faults.is_empty(), "{:?}", history.faults);
        }
    });
}
