//! `.diag`: what came on a target's port, and what to do about it.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread;

use super::support::headless::Headless;
use super::support::ports::free_ports;
use super::support::windows::{Line, Windows};
use super::{Lab, W};

impl Headless {
    /// Asks for the diagnosis until it contains `text`.
    fn diagnosed(&mut self, target: &str, text: &str) -> String {
        let began = std::time::Instant::now();
        loop {
            let diagnosis = self.done(&format!("@{target} .diag"));
            if diagnosis.contains(text) {
                return diagnosis;
            }
            assert!(
                began.elapsed() < self.patience,
                "no {text:?} in {diagnosis}"
            );
            thread::yield_now();
        }
    }

    /// The same of a target named `lost`, once it is waited for.
    fn wait_diagnosis(&mut self, text: &str) -> String {
        self.wait("it waits", |event| {
            event.detail().starts_with("waits for the target")
        });
        self.diagnosed("lost", text)
    }
}

/// kdeck waiting for a target that is not there, on this port.
fn waiting() -> (Headless, u16) {
    let port = free_ports(1);
    let deck = Headless::watching([format!("net:port={port},key=1.2.3.4,name=lost")]);
    deck.wait("it waits", |event| {
        event.detail().starts_with("waits for the target")
    });
    (deck, port)
}

#[test]
fn nothing_at_all_is_a_matter_of_the_target_and_the_way() {
    let (mut deck, port) = waiting();
    let text = deck.done(".diag");
    assert!(
        text.starts_with(&format!("UDP port {port}: waiting for ")),
        "{text}"
    );
    for part in [
        "; 0 datagrams",
        "bcdedit /dbgsettings",
        &format!("ufw allow {port}/udp"),
        "busparams",
        "docking station",
        "169.254.0.0/16",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("1.2.3.4"), "{text}");
}

#[test]
fn datagrams_that_are_not_kdnet_are_told_with_their_sender() {
    let (mut deck, port) = waiting();
    let stranger = UdpSocket::bind("127.0.0.1:0").expect("a port");
    stranger
        .send_to(b"hello, is this syslog?", ("127.0.0.1", port))
        .expect("it is sent");
    let text = deck.diagnosed("lost", "1 datagrams that are not KDNET");
    let from = stranger.local_addr().expect("an address");
    assert!(text.contains(&format!("the last from {from}")), "{text}");
    assert!(
        text.contains("another program sends to this port"),
        "{text}"
    );
}

#[test]
fn another_key_is_told_to_be_one() {
    let windows = Windows::net(&[]);
    let port = windows.value(0, "port");
    let mut deck = Headless::watching([format!("net:port={port},key=1.2.3.4,name=lost")]);
    let text = deck.wait_diagnosis("with another key, the last from 127.0.0.1:");
    assert!(text.contains("compare the key with the target's"), "{text}");
    assert!(
        !text.contains(windows.value(0, "key")) && !text.contains("1.2.3.4"),
        "{text}"
    );
}

#[test]
fn offers_without_data_are_a_matter_of_the_way_back() {
    // What the target sends is passed on, and nothing comes back.
    let windows = Windows::net(&[]);
    let near = UdpSocket::bind(("127.0.0.1", windows.port(0))).expect("the target's host is here");
    let far = Arc::new(UdpSocket::bind("127.0.0.1:0").expect("a port"));
    let port = free_ports(1);
    thread::spawn({
        let (far, to) = (far.clone(), SocketAddr::from(([127, 0, 0, 1], port)));
        move || {
            let mut datagram = [0; 2048];
            while let Ok(count) = near.recv(&mut datagram) {
                // Nobody listens at first.
                far.send_to(&datagram[..count], to).ok();
            }
        }
    });
    let key = windows.value(0, "key");
    let mut deck = Headless::watching([format!("net:port={port},key={key},name=lost")]);
    let text = deck.wait_diagnosis(" offers itself, and has not sent data after ");
    let from = far.local_addr().expect("an address");
    assert!(text.contains(&format!("{from} offers itself")), "{text}");
    for part in ["through every firewall between", "ip route get 127.0.0.1"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_good_connection_is_told_to_be_one() {
    let mut lab = Lab::net(&[]);
    let text = lab.done(".diag");
    assert!(
        text.contains(": connected to 127.0.0.1:") && text.contains(" of data"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1, "{text}");
    let mut lab = Lab::line(Line::Unix, &[]);
    let text = lab.done(".diag");
    assert!(
        text.starts_with("KD packets come, and none is damaged: the line is good."),
        "{text}"
    );
    lab.deck.wait_state(W, "broken");
}

#[test]
fn a_console_in_a_debuggers_place_is_told() {
    let peer = super::support::peer::Peer::listen();
    let connect = peer
        .raw("vm")
        .replace("raw:server=127.0.0.1,port=", "com:port=127.0.0.1,ipport=");
    let mut deck = Headless::watching([connect]);
    let mut line = peer.accept();
    deck.wait_state("vm", "waiting");
    let text = deck.diagnosed("vm", "nothing came at all");
    assert!(text.contains("bcdedit /dbgsettings serial"), "{text}");
    line.send("\r\nlogin: ");
    let text = deck.diagnosed("vm", "bytes come, but no KD packets");
    assert!(
        text.contains("another speed, a console instead of a debugger"),
        "{text}"
    );
}
