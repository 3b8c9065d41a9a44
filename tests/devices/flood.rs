//! Many devices, many lines, and devices that do not read.

use std::time::Duration;

use crate::person::{Person, open, open_port};
use crate::support::headless::Headless;
use crate::support::peer::Peer;

/// What Linux counts processor time in.
const TICKS_PER_SECOND: u64 = 100;

#[test]
fn a_device_that_never_reads_disturbs_nobody_and_is_told_what_it_missed() {
    let peer = Peer::listen();
    let mut kdeck = Headless::start(&["-k", &peer.raw("a"), "--only", "reply,chat,target,person"]);
    let mut target = peer.accept();
    kdeck.wait_state("a", "running");
    let port = open_port(&mut kdeck);
    kdeck.done(".broadcast a on");
    let mut deaf = Person::named(2, port, "deaf");
    let mut alice = Person::named(3, port, "alice");
    let line = format!("{}\n", "x".repeat(1000));
    // More than the queue of the device and the buffers of the system hold.
    for _ in 0..40 {
        target.send(line.repeat(1000));
        alice.say("/targets");
        alice.wait(">>   a running");
    }
    alice.say("are you there?");
    alice.wait("alice> are you there?");
    target.send("the last line\n");
    alice.wait("the last line");
    // What is said may overtake log lines that it had no room for.
    let mut heard = deaf.wait("log lines skipped (slow connection).");
    heard.extend(deaf.wait("the last line"));
    assert!(
        heard
            .iter()
            .any(|line| line.ends_with("alice> are you there?")),
        "chat is not dropped"
    );
    assert!(kdeck.memory() < 500 << 20, "{} bytes", kdeck.memory());
}

#[test]
fn fifty_devices_see_a_thousand_lines_a_second_each_once_and_in_order() {
    const DEVICES: u8 = 50;
    const LINES: usize = 3000;
    let peer = Peer::listen();
    let mut kdeck = Headless::start(&["-k", &peer.raw("a"), "--only", "reply,target"]);
    let mut target = peer.accept();
    kdeck.wait_state("a", "running");
    let port = open_port(&mut kdeck);
    kdeck.done(".broadcast a on");
    let mut people: Vec<Person> = (0..DEVICES)
        .map(|number| Person::connect_from(2 + number / 7, port))
        .collect();
    for person in &mut people {
        person.wait(">> Welcome!");
    }
    let readers: Vec<_> = people
        .into_iter()
        .map(|mut person| {
            std::thread::spawn(move || {
                for number in 0..LINES {
                    let line = person.untimed().expect("the port is open");
                    assert_eq!(line, format!("TIME [I] (a - raw): line {number}"));
                }
            })
        })
        .collect();
    let before = processor_time(kdeck.pid());
    for hundred in 0..LINES / 100 {
        let lines = (hundred * 100..(hundred + 1) * 100).map(|number| format!("line {number}\n"));
        target.send(lines.collect::<String>());
        // The pace of the target, nothing that is waited for.
        std::thread::sleep(Duration::from_millis(100));
    }
    for reader in readers {
        reader.join().expect("every line came once and in order");
    }
    let used = processor_time(kdeck.pid()) - before;
    println!("{used:?} of processor time for {LINES} lines to {DEVICES} devices in 3 s");
}

#[test]
fn a_flood_of_strangers_neither_turns_the_audit_log_over_nor_keeps_a_friend_out() {
    const STRANGERS: usize = 400;
    let (mut kdeck, port) = open(&[]);
    let strangers: Vec<Person> = (0..STRANGERS)
        .map(|_| Person::connect_from(2, port))
        .collect();
    let _alice = Person::named(3, port, "alice");
    for mut stranger in strangers.into_iter().skip(10) {
        let told = stranger.rest();
        let why = ">> Too many connections in a minute. Try again later.";
        assert!(told.is_empty() || told == [why], "{told:?}");
    }
    kdeck.done(".device block 127.0.0.2");
    let ended = kdeck.finish();
    let audit = ended.home.path().join("state/audit.log");
    let audit = std::fs::read_to_string(audit).expect("the port is recorded");
    let refused = audit.lines().filter(|line| line.contains("refused"));
    let refused = refused.count();
    assert!((1..100).contains(&refused), "{refused} records of refusals");
    assert!(audit.contains("block 127.0.0.2"), "{audit}");
}

/// What a process has used so far, of all processors.
fn processor_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("kdeck runs");
    let (_, fields) = stat.rsplit_once(')').expect("a name in parentheses");
    let fields = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = fields
        .map(|field| field.parse::<u64>().expect("a number"))
        .sum();
    Duration::from_millis(1000 / TICKS_PER_SECOND * ticks)
}
