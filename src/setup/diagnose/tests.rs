//! Each thing that can be seen on a port leads to what is to be done about it.

use super::*;
use crate::config::Severity;
use crate::proto::kdnet::{Boot, Offer};

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

const SENDER: &str = "10.0.0.9:50000";

struct Case {
    counters: Counters,
    sightings: Vec<Sighting>,
    offer: Option<LastOffer>,
    now: Instant,
    addresses: Vec<IpAddr>,
}

impl Case {
    fn new() -> Self {
        Self {
            counters: Counters::default(),
            sightings: Vec::new(),
            offer: None,
            now: Instant::now() + Duration::from_secs(1000),
            addresses: vec![ip("10.0.0.2"), ip("127.0.0.1")],
        }
    }

    fn dropped(why: Dropped, count: fn(&mut Counters) -> &mut u64) -> Self {
        let mut case = Self::new();
        case.counters.datagrams = 3;
        *count(&mut case.counters) = 3;
        case.sightings.push(Sighting {
            address: address(SENDER),
            last: case.now,
            offers: 0,
            data: 0,
            drops: 3,
            dropped: Some(why),
        });
        case
    }

    fn offered(from: &str, host: &str) -> Self {
        let mut case = Self::new();
        case.counters.datagrams = 2;
        case.counters.offers = 2;
        case.counters.responses = 2;
        case.offer = Some(LastOffer {
            at: case.now,
            from: address(from),
            version: 5,
            offer: Offer {
                counter: 1,
                boot: Boot([1; 24]),
                target: address(SENDER),
                host: address(host),
                bound: address("0.0.0.0:0"),
            },
        });
        case
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            now: self.now,
            waited: Duration::from_secs(75),
            port: 50003,
            target: None,
            addresses: &self.addresses,
            counters: self.counters,
            sightings: &self.sightings,
            last_offer: self.offer.as_ref(),
            peer: None,
            last_heard: None,
        }
    }
}

#[track_caller]
fn only(facts: &Facts) -> Finding {
    let findings = facts.findings();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    findings[0].clone()
}

#[track_caller]
fn assert_tells(finding: &Finding, severity: Severity, words: &[&str]) {
    assert_eq!(finding.severity, severity, "{finding}");
    for word in words {
        assert!(finding.to_string().contains(word), "{word}: {finding}");
    }
}

#[test]
fn a_port_on_which_nothing_came_gets_the_whole_check_list() {
    let case = Case::new();
    let finding = only(&case.facts());
    let line = "bcdedit /dbgsettings net hostip:10.0.0.2 port:50003 key:<its key>";
    let words = [
        "nothing has come on UDP port 50003 in 75 s",
        "shutdown -r -t 0",
        "bcdedit /debug on",
        line,
        "ufw allow 50003/udp",
        "busparams",
        "docking station",
        "DHCP",
        "cable",
    ];
    assert_tells(&finding, Severity::Error, &words);
    let called = Facts {
        target: Some(ip("10.0.0.9")),
        waited: Duration::from_secs(2),
        ..case.facts()
    };
    assert_tells(
        &only(&called),
        Severity::Warning,
        &["10.0.0.9 was called", "wait a little longer"],
    );
}

#[test]
fn datagrams_that_were_dropped_are_told_by_their_reason_and_sender() {
    let cases = [
        (
            Case::dropped(Dropped::NotKdnet, |c| &mut c.not_kdnet),
            Severity::Warning,
            [
                "3 datagrams that are not KDNET, the last from 10.0.0.9:50000",
                "another program",
            ],
        ),
        (
            Case::dropped(Dropped::Unauthenticated, |c| &mut c.unauthenticated),
            Severity::Error,
            [
                "with another key, the last from 10.0.0.9:50000",
                "kdeck check --bcdedit",
            ],
        ),
        (
            Case::dropped(Dropped::UnknownSession, |c| &mut c.unknown_session),
            Severity::Warning,
            ["not begun here, from 10.0.0.9:50000", "within 3 s"],
        ),
        (
            Case::dropped(Dropped::OtherMachine, |c| &mut c.other_machine),
            Severity::Warning,
            ["a second machine, at 10.0.0.9:50000", "kdeck keygen"],
        ),
        (
            Case::dropped(Dropped::WrongDirection, |c| &mut c.wrong_direction),
            Severity::Warning,
            [
                "another debugger, at 10.0.0.9:50000",
                "one debugger at a time",
            ],
        ),
    ];
    for (case, severity, words) in cases {
        assert_tells(&only(&case.facts()), severity, &words);
    }
}

#[test]
fn offers_without_data_are_told_to_be_a_matter_of_the_way_back() {
    let case = Case::offered(SENDER, "10.0.0.2:50003");
    let finding = only(&case.facts());
    let words = [
        "offers itself",
        "after 2 responses",
        "firewall",
        "ip route get 10.0.0.9",
    ];
    assert_tells(&finding, Severity::Error, &words);
    assert!(!finding.to_string().contains("translation"));
    // What came over IPv4 through a socket of IPv6 is shown as what it is.
    let case = Case::offered("[::ffff:192.0.2.7]:999", "10.0.0.2:50003");
    let words = ["192.0.2.7:999 offers", "ip route get 192.0.2.7"];
    assert_tells(&only(&case.facts()), Severity::Error, &words);
    assert!(!only(&case.facts()).to_string().contains("::ffff"));
    let words = ["calls itself 10.0.0.9:50000", "translation"];
    assert_tells(&only(&case.facts()), Severity::Error, &words);
}

#[test]
fn odd_addresses_of_a_target_are_told() {
    let mut case = Case::offered("169.254.3.4:50000", "10.0.0.2:50003");
    case.counters.data = 1;
    assert_tells(
        &only(&case.facts()),
        Severity::Warning,
        &["169.254.3.4", "same switch", "nodhcp"],
    );
    let mut case = Case::offered(SENDER, "10.0.0.2:50003");
    case.counters.data = 1;
    let facts = Facts {
        target: Some(ip("10.0.0.77")),
        ..case.facts()
    };
    assert_tells(
        &only(&facts),
        Severity::Warning,
        &["come from 10.0.0.9, not from target=10.0.0.77"],
    );
    let mut case = Case::offered(SENDER, "198.51.100.1:50003");
    case.counters.data = 1;
    assert_tells(
        &only(&case.facts()),
        Severity::Warning,
        &[
            "calls 198.51.100.1",
            "no address of this machine",
            "hostip:10.0.0.2",
        ],
    );
}

#[test]
fn a_session_has_nothing_in_its_way_until_it_falls_silent() {
    let mut case = Case::offered(SENDER, "10.0.0.2:50003");
    case.counters.data = 9;
    let heard = |seconds| Facts {
        peer: Some(address(SENDER)),
        last_heard: Some(case.now - Duration::from_secs(seconds)),
        ..case.facts()
    };
    assert_eq!(heard(2).findings(), []);
    let lines = heard(2).lines();
    let expected = "UDP port 50003: connected to 10.0.0.9:50000, heard 2 s ago; 2 datagrams, of them 2 offers and 9 of data";
    assert_eq!(lines, [expected]);
    let lines = heard(300).lines();
    assert_eq!(
        lines[1],
        "error: nothing has come from 10.0.0.9:50000 for 5 min"
    );
    assert!(lines[2].starts_with("  = "));
}

#[test]
fn no_finding_shows_a_key() {
    let key = "1a2b3c.4d5e6f.1.2";
    let now = Instant::now();
    let random = Box::new(|bytes: &mut [u8]| bytes.fill(1));
    let timing = crate::proto::kd::Timing::network();
    let net = Net::new(&key.parse().unwrap(), timing, random, now);
    let addresses = [ip("10.0.0.2")];
    let facts = Facts::new(&net, now, now, 50000, None, &addresses);
    let told = facts.lines().join("\n");
    assert!(told.contains("waiting for 0 s"), "{told}");
    assert!(!told.contains("1a2b3c"));
}
