//! Whoever sends what is not the target's, or not new, gets nowhere.

use proptest::prelude::*;

use super::*;
use crate::proto::kdnet::sightings::SIGHTINGS_MAX;

fn control_header(sender: Sender, sequence: u64) -> Header {
    Header {
        version: VERSION,
        channel: Channel::Control,
        sender,
        sequence,
    }
}

fn control_cipher(key: &Key) -> Cipher {
    let keys = Keys::new(key);
    Cipher::new(keys.control(), keys.tag())
}

#[test]
fn another_machine_with_the_same_key_is_ignored_until_the_first_is_gone() {
    let mut pair = Pair::connected();
    let other = address("10.0.0.77:50000");
    let offer = |sequence| offer_of(Boot([9; 24]), sequence, UNBOUND);
    pair.host.handle_datagram(pair.now, other, &offer(300));
    assert_eq!(pair.host.counters().other_machine, 1);
    assert_eq!(pair.sighting(other).dropped, Some(Dropped::OtherMachine));
    assert_eq!(pair.host.poll_transmit(), None);
    pair.print("mine");
    assert_eq!(pair.printed(), ["mine"]);
    pair.now += Duration::from_millis(SILENT_MS);
    pair.host.handle_timeout(pair.now);
    assert_eq!(pair.host.poll_event(), Some(Event::Silent));
    pair.host.handle_datagram(pair.now, other, &offer(303));
    assert_eq!(pair.host.poll_transmit().unwrap().0, other);
}

#[test]
fn what_is_dropped_is_counted_by_reason_and_by_sender_and_ends_nothing() {
    let mut pair = Pair::connected();
    let stranger = address("10.0.0.66:4000");
    let control = control_cipher(&key());
    let other_key = control_cipher(&Key::new([9; 4]));
    let header = control_header(Sender::Target, 1);
    let from_host = control_header(Sender::Host, 1);
    let cases = [
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), Dropped::NotKdnet),
        (vec![0; DATAGRAM_BYTES_MAX + 1], Dropped::NotKdnet),
        (other_key.seal(header, &[1, 1]), Dropped::Unauthenticated),
        (control.seal(from_host, &[]), Dropped::WrongDirection),
        (control.seal(header, &[]), Dropped::Malformed),
        (control.seal(header, &[1, 9, 9]), Dropped::Malformed),
        (pair.recorded[0].clone(), Dropped::Replayed),
    ];
    for (drops, (datagram, why)) in (1..).zip(cases) {
        pair.host.handle_datagram(pair.now, stranger, &datagram);
        let seen = pair.sighting(stranger);
        assert_eq!((seen.drops, seen.dropped), (drops, Some(why)));
    }
    let counters = pair.host.counters();
    let counts = [
        counters.not_kdnet,
        counters.unauthenticated,
        counters.wrong_direction,
        counters.malformed,
        counters.replayed,
    ];
    assert_eq!(counts, [2, 1, 1, 2, 1]);
    pair.print("unimpressed");
    assert_eq!(pair.printed(), ["unimpressed"]);
    assert_eq!(pair.host.counters().sessions, 1);
}

#[test]
fn what_the_host_sent_is_not_taken_back_from_who_returns_it() {
    let mut pair = Pair::connected();
    pair.host.break_in();
    let (_, datagram) = pair.host.poll_transmit().unwrap();
    pair.host.handle_datagram(pair.now, pair.from, &datagram);
    assert_eq!(pair.host.counters().wrong_direction, 1);
}

#[test]
fn a_session_sent_again_by_somebody_else_is_refused_by_a_running_host_and_by_a_new_one() {
    let mut pair = Pair::connected();
    pair.print("secret");
    let recorded = pair.recorded.clone();
    pair.events.clear();
    let attacker = address("10.6.6.6:50000");
    for datagram in &recorded {
        pair.host.handle_datagram(pair.now, attacker, datagram);
    }
    assert_eq!(pair.host.counters().replayed, recorded.len() as u64);
    assert_eq!(pair.host.poll_event(), None);
    assert_eq!(pair.host.peer(), Some(target_address()));

    let mut fresh = Net::new(&key(), Timing::network(), seeded(5), pair.now);
    for datagram in &recorded {
        fresh.handle_datagram(pair.now, attacker, datagram);
    }
    // An offer is an offer; what follows was made with another key.
    assert_eq!(fresh.counters().responses, 1);
    assert_eq!(fresh.counters().unknown_session, recorded.len() as u64 - 1);
    assert_eq!(fresh.peer(), None);
    assert_eq!(fresh.poll_event(), None);
}

#[test]
fn an_old_offer_sent_again_does_not_take_the_session_away() {
    let mut pair = Pair::connected();
    // From an earlier run that this host knows nothing of, with the target's own address.
    let old = offer_of(Boot([5; 24]), 9, UNBOUND);
    pair.host.handle_datagram(pair.now, target_address(), &old);
    pair.settle();
    pair.print("undisturbed");
    pair.wait(9000);
    pair.print("still");
    assert_eq!(pair.connections(), []);
    assert_eq!(pair.printed(), ["undisturbed", "still"]);
}

#[test]
fn a_response_sent_again_does_not_give_the_target_an_old_key() {
    let mut pair = Pair::new();
    pair.target.handle_timeout(pair.now);
    let (_, offer) = pair.target.poll_transmit().unwrap();
    pair.host.handle_datagram(pair.now, pair.from, &offer);
    let (_, response) = pair.host.poll_transmit().unwrap();
    for _ in 0..3 {
        pair.target
            .handle_datagram(pair.now, host_address(), &response);
    }
    assert_eq!(pair.target.counters().sessions, 1);
    assert_eq!(pair.target.counters().replayed, 2);
    pair.target.restart(pair.now);
    pair.target.handle_timeout(pair.now);
    pair.target
        .handle_datagram(pair.now, host_address(), &response);
    assert_eq!(pair.target.counters().unknown_session, 1);
    assert_eq!(pair.target.peer(), None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_datagrams_are_survived_and_leave_the_session_as_it_was(
        datagrams in prop::collection::vec(
            (any::<bool>(), prop::collection::vec(any::<u8>(), 0..120), 0u16..20),
            0..40,
        ),
    ) {
        let mut pair = Pair::connected();
        for (dressed, noise, port) in datagrams {
            let from = SocketAddr::from(([10, 7, 7, 7], port));
            let noise = if dressed { [&b"MDBG\x04\x00"[..], &noise].concat() } else { noise };
            pair.host.handle_datagram(pair.now, from, &noise);
            pair.target.handle_datagram(pair.now, from, &noise);
        }
        prop_assert!(pair.host.sightings().all().len() <= SIGHTINGS_MAX);
        prop_assert_eq!(pair.host.poll_transmit(), None);
        pair.print("here");
        prop_assert_eq!(pair.printed(), ["here"]);
    }

    #[test]
    fn authentic_nonsense_is_survived_too(
        bodies in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..60)), 0..30),
    ) {
        let mut pair = Pair::connected();
        let control = control_cipher(&key());
        // The same seeds make the same keys: this host seals what the other's target opens.
        let mut sender = Pair::connected();
        for (sequence, (data, body)) in (100..).zip(bodies) {
            let datagram = match &mut sender.host.current {
                Some(current) if data => current.channel.seal(&body),
                _ => control.seal(control_header(Sender::Target, sequence), &body),
            };
            pair.target.handle_datagram(pair.now, host_address(), &datagram);
            pair.host.handle_datagram(pair.now, target_address(), &datagram);
        }
        pair.settle();
        pair.target.restart(pair.now);
        pair.settle();
        pair.events.clear();
        pair.print("here");
        prop_assert_eq!(pair.printed(), ["here"]);
    }
}
