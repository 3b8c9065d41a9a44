//! Who was let in and sends too much, too long, or what cannot be understood.

use std::time::{Duration, Instant};

use kdeck::proto::session::frame::CLIENT_BYTES_MAX;
use kdeck::proto::session::message::{ToClient, ToServer};
use kdeck::session::Change;
use kdeck::target::Request;

use crate::attacker::{Attacker, frame_of, framed};
use crate::{Lab, PASSWORD, VIEW_PASSWORD};

/// Lines of a flood.
const FLOOD: usize = 10_000;
/// So many lines take two seconds, of one who sends as fast as possible.
const SLOWED: usize = 300;
/// How much the host may grow by a flood, bytes.
const GROWTH_MAX: u64 = 64 << 20;
/// Long answers that somebody asks for and does not read.
const UNREAD: u64 = 200;
/// Bytes of each, at least.
const UNREAD_EACH: usize = 200 << 10;
/// How much the host may grow by them, bytes: less than half of what they are.
const UNREAD_GROWTH_MAX: u64 = 16 << 20;
/// The longest that anybody else may wait for an answer meanwhile, in the middle of many: what is felt as at once, with
/// room for a loaded machine.
const LATENCY_MAX: Duration = Duration::from_millis(500);

/// Has lines carried out while somebody else floods, and looks how long each takes.
fn is_served(friend: &mut Attacker) {
    let mut times: Vec<Duration> = (0..40)
        .map(|_| {
            let start = Instant::now();
            assert!(friend.submit(".names").0);
            start.elapsed()
        })
        .collect();
    times.sort();
    assert!(times[20] < LATENCY_MAX, "{times:?}");
}

/// Reads the numbers that get to the target, each once and in their order, from `next` on until one is enough or the
/// end comes; the number that would be next.
fn arrived(lab: &mut Lab, mut next: usize, is_enough: impl Fn(usize) -> bool) -> usize {
    while !is_enough(next) {
        match lab.target.line().as_str() {
            "amid the flood" => {}
            "the end" => break,
            line => {
                assert_eq!(line, next.to_string());
                next += 1;
            }
        }
    }
    next
}

fn grown(lab: &Lab, before: u64) {
    let grown = lab.host.memory() - before;
    assert!(grown < GROWTH_MAX, "the host grew by {} MiB", grown >> 20);
}

#[test]
fn frames_too_long_or_without_sense_end_their_line_and_nothing_else() {
    let mut lab = Lab::open();
    let home = crate::support::home::Home::new();
    let mut friend = Attacker::join(home.path(), &lab.tcp(PASSWORD), "friend");
    let before = lab.host.memory();
    let too_long = u32::try_from(CLIENT_BYTES_MAX + 1).expect("a small number");
    for bytes in [
        vec![0xff; 4],
        too_long.to_le_bytes().to_vec(),
        frame_of(&[]),
        frame_of(&[1]),
        frame_of(&[0xff; 4][..1].repeat(0)),
        // A line that is announced as longer than the frame.
        frame_of(&[1, 1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, b'x']),
        // No UTF-8.
        frame_of(&[1, 1, 0, 2, 0xff, 0xfe]),
        // A request there is none of.
        frame_of(&[2, 1, 1, 0x7f]),
        frame_of(&[3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
    ] {
        let mut eve = Attacker::join(home.path(), &lab.tcp(VIEW_PASSWORD), "eve");
        eve.send(&bytes).ok();
        // Behind it, many bytes that look like more of it.
        eve.push(&[7; 1 << 16], Duration::from_millis(200));
        eve.wait_end();
        assert!(friend.submit(".names").0, "after {bytes:?}");
    }
    // Of a newer client: passed over.
    let mut newer = Attacker::join(home.path(), &lab.tcp(VIEW_PASSWORD), "newer");
    newer
        .send(&frame_of(&[100, 1, 2, 3]))
        .expect("the host reads");
    assert!(newer.submit(".names").0);
    grown(&lab, before);
    assert!(lab.host.done(".names").contains("friend"));
}

/// An operator floods the target with what `message` makes of numbers. It is slowed, others are served at once, and what
/// was taken arrives in order.
fn is_slowed(message: impl Fn(&Attacker, usize) -> ToServer) {
    let mut lab = Lab::open();
    let home = crate::support::home::Home::new();
    let mut friend = Attacker::join(home.path(), &lab.tcp(PASSWORD), "friend");
    let mut flooder = Attacker::join(home.path(), &lab.tcp(PASSWORD), "flooder");
    let before = lab.host.memory();
    let flood: Vec<u8> = (0..FLOOD)
        .flat_map(|number| framed(&message(&flooder, number)))
        .collect();
    let start = Instant::now();
    let flooding = std::thread::spawn(move || {
        flooder.push(&flood, Duration::from_secs(3));
        flooder
    });
    is_served(&mut friend);
    assert!(friend.submit("@t amid the flood").0);
    let mut numbers = arrived(&mut lab, 0, |number| number == SLOWED);
    // What may come at once, and then fifty a second.
    assert!(
        start.elapsed() > Duration::from_millis(1_500),
        "it is slowed"
    );
    drop(flooding.join().expect("it does not panic"));
    // What it had sent, and was taken, arrives before the end.
    lab.host.done("@t the end");
    numbers = arrived(&mut lab, numbers, |_| false);
    assert!(numbers >= SLOWED, "{numbers} arrived");
    grown(&lab, before);
}

#[test]
fn a_flood_of_lines_slows_nobody_else_and_what_was_taken_arrives_in_order() {
    is_slowed(|_, number| submit(format!("@t {number}")));
}

#[test]
fn a_flood_of_requests_slows_nobody_else_and_what_was_taken_arrives_in_order() {
    is_slowed(|flooder, number| ToServer::Ask {
        call: 0,
        target: flooder.target("t"),
        request: Request::Line(number.to_string()),
    });
}

fn submit(line: String) -> ToServer {
    ToServer::Submit {
        call: 0,
        focus: None,
        line,
    }
}

#[test]
fn an_observer_who_floods_the_chat_is_refused_and_then_put_out() {
    let mut lab = Lab::open();
    let home = crate::support::home::Home::new();
    let mut friend = Attacker::join(home.path(), &lab.tcp(PASSWORD), "friend");
    let mut listener = Attacker::join(home.path(), &lab.tcp(PASSWORD), "listener");
    let mut flooder = Attacker::join(home.path(), &lab.tcp(VIEW_PASSWORD), "flooder");
    let before = lab.host.memory();
    let flood: Vec<u8> = (0..FLOOD)
        .flat_map(|number| framed(&submit(format!(".chat {number}"))))
        .collect();
    let flooding = std::thread::spawn(move || {
        flooder.push(&flood, Duration::from_secs(3));
        // It stays, to be put out.
        flooder
    });
    is_served(&mut friend);
    let mut heard = Vec::new();
    let why = listener.wait("the flooder's end", |message| match message {
        ToClient::Chat(said) => {
            heard.push(said.text.clone());
            None
        }
        ToClient::Person {
            person,
            change: Change::Left(why),
            ..
        } if person.name == "flooder" => Some(why.clone()),
        _ => None,
    });
    assert_eq!(why, "too much chat at once");
    drop(flooding.join().expect("it does not panic"));
    assert!((20..40).contains(&heard.len()), "{heard:?}");
    assert_eq!(heard.first().map(String::as_str), Some("0"));
    assert!(
        heard.is_sorted_by_key(|text| text.parse::<usize>().ok()),
        "{heard:?}"
    );
    lab.host.done(".chat it is quiet again");
    listener.wait("the host", |message| match message {
        ToClient::Chat(said) => (said.text == "it is quiet again").then_some(()),
        _ => None,
    });
    lab.audit("chat-flooded person=\"flooder\"");
    grown(&lab, before);
}

#[test]
fn an_operator_who_chats_too_fast_is_told_and_stays() {
    let lab = Lab::open();
    let home = crate::support::home::Home::new();
    let mut hasty = Attacker::join(home.path(), &lab.tcp(PASSWORD), "hasty");
    let said: Vec<(bool, String)> = (0..100)
        .map(|number| hasty.submit(&format!(".chat {number}")))
        .collect();
    let posted = said.iter().filter(|(posted, _)| *posted).count();
    assert!((20..40).contains(&posted), "{posted} lines");
    let (_, why) = said.iter().find(|(posted, _)| !posted).expect("too many");
    assert!(why.contains("not posted"), "{why}");
    let long = hasty.submit(&format!("@t {}", "x".repeat(3000)));
    assert!(long.0, "what is for targets is another matter");
}

#[test]
fn a_line_of_chat_that_is_too_long_is_cut_and_its_author_is_told() {
    let lab = Lab::open();
    let home = crate::support::home::Home::new();
    let mut windy = Attacker::join(home.path(), &lab.tcp(PASSWORD), "windy");
    let (posted, told) = windy.submit(&format!(".chat {}", "x".repeat(2001)));
    assert!(posted && told.contains("2000 characters"), "{told:?}");
    let (posted, told) = windy.submit(&format!(".chat {}", "x".repeat(2000)));
    assert!(posted && told.is_empty(), "{told:?}");
}

#[test]
fn who_asks_for_whole_histories_and_reads_nothing_costs_little() {
    let mut lab = Lab::open();
    let line = format!("{}\n", "0123456789abcdef".repeat(128));
    for _ in 0..1000 {
        lab.target.send(&line);
    }
    lab.target.send("that was all\n");
    lab.host.wait_output("t", "that was all");
    let before = lab.host.memory();
    let home = crate::support::home::Home::new();
    let mut eve = Attacker::join(home.path(), &lab.tcp(VIEW_PASSWORD), "eve");
    let calls: Vec<u64> = (0..100).map(|_| eve.submit_only("@t .last 1000")).collect();
    let mut friend = Attacker::join(home.path(), &lab.tcp(PASSWORD), "friend");
    is_served(&mut friend);
    // None is lost because it is long: each is answered, with the newest.
    let mut answered = 0;
    eve.wait("an answer to each", |message| {
        if let ToClient::Replies { call, replies } = message {
            assert!(calls.contains(call));
            let text = &replies.first().expect("one target").text;
            assert!(text.ends_with("that was all"), "{} bytes", text.len());
            answered += 1;
        }
        (answered == calls.len()).then_some(())
    });
    let (_, found) = eve.submit("@t .find 0123");
    assert!(
        found.starts_with("1000 lines") && found.contains("... the first"),
        "{}",
        found.len()
    );
    let grown = lab.host.memory() - before;
    assert!(grown < 96 << 20, "the host grew by {} MiB", grown >> 20);
}

#[test]
fn answers_that_nobody_reads_are_bounded_and_hold_up_nobody_else() {
    let mut lab = Lab::open();
    let home = crate::support::home::Home::new();
    let mut friend = Attacker::join(home.path(), &lab.tcp(PASSWORD), "friend");
    let line = format!("{}\n", "x".repeat(255));
    lab.target.send(line.repeat(1_000) + "the end\n");
    lab.host.wait_output("t", "the end");
    let look = "@t .last 1000";
    assert!(friend.submit(look).1.len() > UNREAD_EACH);
    let before = lab.host.memory();
    let mut eve = Attacker::join(home.path(), &lab.tcp(VIEW_PASSWORD), "eve");
    for _ in 0..UNREAD {
        eve.submit_only(look);
    }
    // Histories are looked at in the order they were asked for: those of before are there then, or never will be.
    for _ in 0..UNREAD / 10 {
        assert!(friend.submit(look).0);
    }
    let grown = lab.host.memory() - before;
    assert!(
        grown < UNREAD_GROWTH_MAX,
        "the host grew by {} KiB",
        grown >> 10
    );
    // Somebody who reads after all gets every one.
    for _ in 0..UNREAD {
        let bytes = eve.wait("a long answer", |message| match message {
            ToClient::Replies { replies, .. } => replies.first().map(|reply| reply.text.len()),
            _ => None,
        });
        assert!(bytes > UNREAD_EACH, "{bytes}");
    }
}
