//! A line that is cut, at both ends in the middle of a flood or at one end alone: whoever was on it comes back by
//! themselves.

use std::time::Duration;

use crate::rack::{Rack, Way};
use crate::relay::Relay;

/// How often the line is cut.
const CUTS: usize = 3;

#[test]
fn somebody_whose_line_is_cut_comes_back_as_the_same_with_what_they_missed() {
    let mut rack = Rack::start("", &[(4, &["--booted", "--rate", "500"])]);
    let relay = Relay::to(rack.tcp, 0);
    let mut cut = rack.join("cut", Way::Through(relay.port), &[]);
    let other = rack.join("other", Way::Spipe, &[]);
    let mut said = 0;
    for number in 1..=CUTS {
        for _ in 0..10 {
            rack.host.say(&format!(".chat line {said}"));
            said += 1;
        }
        rack.print_more(400);
        relay.cut();
        for _ in 0..10 {
            rack.host.say(&format!(".chat line {said}"));
            said += 1;
        }
        rack.host.wait("their return", |told| {
            let back = |event: &&(String, String)| event.0 == "cut" && event.1 == "back";
            (told.people.iter().filter(back).count() == number).then_some(())
        });
        assert_eq!(relay.connections(), number + 1);
    }
    let ends = rack.print_more(400);
    for seat in [&cut, &other] {
        rack.has_it_all(seat, &ends, Duration::from_secs(20));
    }
    cut.say(".chat here I am");
    let chat = rack.host.wait("their chat", |told| {
        (told.chat.len() == said + 1).then(|| told.chat.clone())
    });
    assert_eq!(chat[said], ("cut".to_owned(), "here I am".to_owned()));
    for seat in [&cut, &other] {
        let theirs = seat.wait("all chat", |told| {
            (told.chat.len() > said).then(|| told.chat.clone())
        });
        assert_eq!(theirs, chat, "{}", seat.name);
    }
    let gone = |told: &crate::told::Told| told.people.iter().any(|(_, what)| what == "left");
    assert!(!rack.host.told(gone), "somebody left");
}

#[test]
fn who_comes_back_while_the_host_takes_the_lost_line_for_a_good_one_is_the_same_person() {
    let mut rack = Rack::start("", &[(1, &["--behaviour", "login", "--booted"])]);
    let relay = Relay::to(rack.tcp, 0);
    let mut dave = rack.join("dave", Way::Through(relay.port), &[]);
    dave.say(".take t000");
    dave.wait("the target", |told| {
        told.replies.iter().find(|reply| reply.1).map(drop)
    });
    relay.strand();
    let of_dave = |told: &crate::told::Told| -> Vec<(String, String)> {
        let theirs = told.people.iter().filter(|(name, _)| name.contains("dave"));
        theirs.cloned().collect()
    };
    let people = rack.host.wait("their return", |told| {
        Some(of_dave(told)).filter(|told| told.len() > 1)
    });
    let known = |what: &str| ("dave".to_owned(), what.to_owned());
    assert_eq!(people, [known("joined"), known("back")]);
    rack.host.say(".chat welcome back");
    dave.wait("the line", |told| (!told.chat.is_empty()).then_some(()));
    dave.say(".release t000");
    let released = dave.wait("an answer", |told| told.replies.get(1).cloned());
    assert!(released.1, "{released:?}");
    assert_eq!(rack.host.told(of_dave).len(), 2);
}
