//! Several targets at once: none waits for another.

use super::Lab;
use super::support::windows::{CHATTY, Windows};

impl Lab {
    /// So many machines on KDNET that all run.
    fn rack(count: u16, arguments: &[&str]) -> Self {
        let lab = Self::new(Windows::nets(count, arguments));
        for number in 0..count {
            lab.deck
                .wait_notice(&name(number), "connected to 127.0.0.1:");
        }
        lab
    }

    /// Types a line for all, and returns the replies by target.
    fn ask_all(&mut self, line: &str, count: u16) -> Vec<String> {
        self.deck.forget();
        self.deck.say(line);
        let reply = |number| {
            let name = name(number);
            let reply = self
                .deck
                .wait(&format!("{name} replied to {line}"), |event| {
                    event.kind() == "reply" && event.target() == name
                });
            assert!(reply.ok(), "{name}: {}", reply.text());
            reply.text().to_owned()
        };
        (0..count).map(reply).collect()
    }
}

fn name(number: u16) -> String {
    format!("w{number:03}")
}

#[test]
fn all_are_stopped_read_and_let_go_at_once() {
    const COUNT: u16 = 8;
    let mut lab = Lab::rack(COUNT, &CHATTY);
    for stop in lab.ask_all("@all .break", COUNT) {
        assert!(stop.contains("nt!DbgBreakPointWithStatus:"), "{stop}");
    }
    for number in 0..COUNT {
        lab.deck.wait_state(&name(number), "broken");
    }
    let values = lab.ask_all("@all r rip", COUNT);
    assert!(
        values.iter().all(|value| value.starts_with("rip=fffff8")),
        "{values:?}"
    );
    lab.ask_all("@all g", COUNT);
    for number in 0..COUNT {
        lab.deck.wait_state(&name(number), "running");
        lab.deck.wait_output(&name(number), ": #");
    }
}

#[test]
fn a_long_command_of_one_delays_no_other() {
    let mut lab = Lab::rack(2, &CHATTY);
    lab.done("@w000 .break");
    // A range of which nothing can be read takes requests without end.
    lab.deck.forget();
    lab.deck.say("@w000 s -b 0 L?100000000 41 42");
    lab.deck.wait("the search tells how far it is", |event| {
        event.is_state("w000", "broken") && event.detail().starts_with("searching memory: 0 %, ")
    });
    lab.deck.forget();
    lab.deck.say("@w001 .break");
    let mut replied = |what: &str| {
        let reply = lab.deck.wait(what, |event| event.kind() == "reply");
        assert_eq!(reply.target(), "w001", "{what}");
        lab.deck.forget();
        reply.text().to_owned()
    };
    assert!(replied("a break-in").contains("nt!DbgBreakPointWithStatus"));
    for line in ["k 3", "g"] {
        lab.deck.say(&format!("@w001 {line}"));
        let reply = lab.deck.wait(line, |event| event.kind() == "reply");
        assert_eq!((reply.target(), reply.ok()), ("w001", true), "{line}");
        lab.deck.forget();
    }
    lab.deck.wait_output("w001", ": #");
    let searches = lab.deck.events().into_iter().any(|event| {
        event.kind() == "reply" && event.target() == "w000" && event.text().contains("interrupted")
    });
    assert!(!searches, "it is still at it");
    // Leaving ends it.
    let ended = lab.deck.finish();
    assert!(matches!(ended.code(), 0 | 1), "{}", ended.complaints);
}
