//! Where nothing happens, nothing is done.

use std::time::{Duration, Instant};

use crate::rack::{Rack, Way};

/// How long it is watched that nothing is done.
const WATCHED: Duration = Duration::from_secs(5);
/// What may be used meanwhile: pings, and the unit in which Linux counts.
const USED: Duration = Duration::from_millis(60);

#[test]
fn a_session_in_which_nothing_happens_costs_nothing() {
    let rack = Rack::start("", &[(10, &["--behaviour", "login", "--booted"])]);
    let ways = [Way::Tcp, Way::Ssl, Way::Npipe, Way::Spipe, Way::Com];
    let seats: Vec<_> = (0..)
        .zip(ways)
        .map(|(number, way)| rack.join(&format!("p{number}"), way, &[]))
        .collect();
    let devices = rack.connect(3);
    for seat in &seats {
        rack.has_it_all(seat, &rack.ends(), WATCHED);
    }
    let used = || -> Vec<Duration> {
        let seats = seats.iter().map(|seat| seat.processor_time());
        std::iter::once(rack.host.processor_time())
            .chain(seats)
            .collect()
    };
    // The last word of the last who came is a moment old.
    let mut quiet = Vec::new();
    let end = Instant::now() + 4 * WATCHED;
    while Instant::now() < end {
        let before = used();
        std::thread::sleep(WATCHED);
        quiet = used()
            .iter()
            .zip(before)
            .map(|(after, before)| *after - before)
            .collect();
        if quiet.iter().all(|used| *used < USED) {
            break;
        }
    }
    assert!(
        quiet.iter().all(|used| *used < USED),
        "{quiet:?} of {WATCHED:?}, the host's first"
    );
    drop(devices);
}
