//! What devices see of the targets.

use crate::person::{Person, open_port};
use crate::support::headless::Headless;
use crate::support::peer::Peer;

#[test]
fn devices_see_what_is_broadcast_and_what_they_watch() {
    let peers = [Peer::listen(), Peer::listen()];
    let strings = [peers[0].raw("web01"), peers[1].raw("db")];
    let mut kdeck = Headless::watching(&strings);
    let mut lines: Vec<_> = peers.iter().map(Peer::accept).collect();
    kdeck.wait_state("web01", "running");
    kdeck.wait_state("db", "running");
    let port = open_port(&mut kdeck);
    lines[0].send("before\n");
    kdeck.wait_output("web01", "before");
    let mut alice = Person::connect_from(2, port);
    alice.wait(">> Welcome!");
    assert!(kdeck.done(".broadcast web* on").contains("web01"));
    let mut bob = Person::connect_from(3, port);
    bob.wait(">> Welcome!");
    bob.say("/watch db");
    bob.wait(">> You see all that db prints.");
    bob.say("/unwatch web*");
    bob.wait(">> You see nothing of web01.");
    lines[0].send("one \x1b]0;title\x07\x1b[31mred\r\npart");
    lines[1].send("query\n");
    assert_eq!(alice.wait("red"), ["TIME [I] (web01 - raw): one red"]);
    assert_eq!(bob.wait("query"), ["TIME [I] (db - raw): query"]);
    lines[0].send("ial\n");
    assert_eq!(alice.wait("partial"), ["TIME [I] (web01 - raw): partial"]);
    alice.say("/mutelogs");
    alice.wait(">> Logs muted.");
    lines[0].send("unseen\n");
    kdeck.wait_output("web01", "unseen");
    kdeck.done(".echo still here");
    assert!(!alice.wait("still here").concat().contains("unseen"));
    alice.say("/mutelogs");
    alice.wait(">> Logs shown again.");
    kdeck.done("@db .disconnect");
    let events = alice.wait("(db - raw)");
    assert!(
        events
            .last()
            .is_some_and(|line| line.starts_with("TIME [I]")),
        "{events:?}"
    );
    bob.wait("(db - raw)");
    lines.remove(0);
    let lost = alice.wait("(web01 - raw)");
    assert!(
        lost.last().is_some_and(|line| line.starts_with("TIME [W]")),
        "{lost:?}"
    );
    alice.say("/targets d*");
    assert_eq!(alice.wait(">>   db")[..1], [">> The targets:"]);
    alice.say("/trace 0");
    alice.wait(">> 0 crashes are known.");
    assert!(bob.until_now().iter().all(|line| !line.contains("web01")));
}
