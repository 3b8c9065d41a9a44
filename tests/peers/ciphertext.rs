//! What our KDNET target and our KDNET host send each other, byte by byte, as `openssl` decrypts and authenticates it.
//!
//! The target is `kdeck sim kdnet`, the host is kdeck, and between them the test hands on every datagram and keeps it.
//! What is expected of them is what packets of real targets and hosts have in them.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Condvar, Mutex};

use crate::openssl::{self, Keys, Opened};
use crate::rig;
use crate::support::deadline::Deadline;
use crate::support::headless::Headless;
use crate::support::ports::free_port;
use crate::support::simulator::simulate;

/// Four numbers of different lengths, and the bytes they stand for: each in eight, the lowest first.
const KEY: &str = "3w5e11264sgsf.1b.z9.2abc";
const KEY_BYTES: [u8; 32] = [
    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x2F, 0, 0, 0, 0, 0, 0, 0, //
    0xF5, 0x04, 0, 0, 0, 0, 0, 0, 0xB8, 0xA0, 0x01, 0, 0, 0, 0, 0,
];

/// The channels.
const DATA: u8 = 0;
const CONTROL: u8 = 1;

/// A datagram, and whether the host sent it.
type Sent = (bool, Vec<u8>);

#[test]
fn openssl_opens_what_our_target_and_our_host_send() {
    if !rig::can_run("ciphertext of KDNET", &[openssl::PROGRAM]) {
        return;
    }
    let host = free_port();
    let relay = Relay::new(host);
    relay.run();
    let port = relay.to_target.local_addr().expect("bound").port();
    let mut kdeck = Headless::watching([format!("net:port={host},key={KEY},name=w")]);
    kdeck.wait_state("w", "waiting");
    let at = port.to_string();
    let arguments = [
        "kdnet",
        "--port",
        &at,
        "--key",
        KEY,
        "--offer-every",
        "0.2",
        "--rate",
        "20",
    ];
    let (sim, _) = simulate(&arguments, 1);
    kdeck.wait_output("w", ": #0000");
    kdeck.done("@w .break");
    let (target, sent) = relay.take();
    drop((kdeck, sim));

    let control = Keys::control(KEY_BYTES);
    let (mut offers, mut keepalives) = (Vec::new(), 0);
    // Each session: its keys, what the target and the host sent.
    let mut sessions: Vec<(Keys, Vec<Opened>, Vec<Opened>)> = Vec::new();
    for (by_host, datagram) in &sent {
        if datagram[5] == DATA {
            // The host goes over to new keys when it has sent them, the target when it has received them.
            let (opened, of_target, of_host) = sessions
                .iter_mut()
                .rev()
                .find_map(|(keys, target, host)| Some((keys.open(datagram)?, target, host)))
                .expect("it was made with the keys of a session");
            let of_sender = if *by_host { of_host } else { of_target };
            of_sender.push(check_envelope(opened, *by_host));
            continue;
        }
        let opened = control.open(datagram).expect("it was made with the key");
        let opened = check_envelope(opened, *by_host);
        if *by_host && opened.body.is_empty() {
            // It asks for an offer.
            assert_eq!((opened.channel, opened.padding), (CONTROL, 8));
        } else if *by_host {
            let offer = offers.last().expect("an offer comes first");
            check_response(&opened, offer);
            assert_eq!(datagram.len(), 358);
            sessions.push((control.data(&opened.body), Vec::new(), Vec::new()));
        } else {
            assert_eq!(datagram.len(), 374);
            keepalives += usize::from(check_offer(&opened, offers.last(), (target, port)));
            offers.push(opened);
        }
    }
    assert!(keepalives > 0, "{} offers", offers.len());

    // Those that the target never used came to nothing.
    sessions.retain(|(_, of_target, _)| !of_target.is_empty());
    let [(_, of_target, of_host)] = &sessions[..] else {
        panic!("{} sessions", sessions.len());
    };
    for messages in [of_target, of_host] {
        let first = messages.first().expect("both have sent").sequence;
        for (index, message) in (first..).zip(messages) {
            assert_eq!(message.sequence, index);
        }
    }
    assert_eq!(of_host[0].sequence, 1);
    // Eight zeros and the host's address, the other way round: it looks whether data gets through.
    let check = [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 127];
    assert_eq!(
        (&of_target[0].body[..], of_target[0].padding),
        (&check[..], 12)
    );
    let of_target: Vec<KdPacket> = of_target[1..].iter().map(KdPacket::read).collect();
    let (break_ins, of_host): (Vec<&Opened>, Vec<&Opened>) =
        of_host.iter().partition(|sent| sent.body.len() == 1);
    assert!(break_ins.iter().all(|sent| sent.body == b"b"));
    assert!(!break_ins.is_empty());
    let of_host: Vec<KdPacket> = of_host.into_iter().map(KdPacket::read).collect();
    check_conversation(&of_target, &of_host);
}

/// What is the same for all: the version is the target's, the direction is right.
fn check_envelope(opened: Opened, by_host: bool) -> Opened {
    assert_eq!(opened.version, 5);
    assert_eq!(opened.from_host, by_host);
    assert_eq!((8 + opened.body.len() + opened.padding) % 16, 0);
    opened
}

/// Whether the target says that it has a data channel.
fn check_offer(offer: &Opened, last: Option<&Opened>, (target, port): (SocketAddr, u16)) -> bool {
    let body = &offer.body[..];
    assert_eq!(
        (offer.channel, body.len(), offer.padding),
        (CONTROL, 344, 0)
    );
    assert_eq!(body[..2], [1, 1]);
    if let Some(last) = last {
        let counter =
            |body: &[u8]| u64::from_le_bytes(body[2..10].try_into().expect("eight bytes"));
        assert_eq!(counter(body), counter(&last.body) + 1);
        assert_eq!(body[10..34], last.body[10..34], "the session part");
        assert_eq!(offer.sequence, last.sequence + 3);
    }
    assert_eq!(body[34..52], place(target.port()));
    assert_eq!(body[52..70], place(port));
    assert!(body[88..].iter().all(|byte| *byte == 0));
    let mut unbound = place(0);
    unbound[12..16].fill(0);
    let bound = body[70..88] != unbound;
    assert!(
        !bound || body[70..88] == place(port),
        "{:02x?}",
        &body[70..88]
    );
    bound
}

fn check_response(response: &Opened, offer: &Opened) {
    let body = &response.body[..];
    assert_eq!(
        (response.channel, body.len(), response.padding),
        (CONTROL, 322, 6)
    );
    assert_eq!(response.sequence, offer.sequence);
    assert_eq!(body[..2], [1, 2]);
    assert_eq!(
        body[2..34],
        offer.body[2..34],
        "the target's part of the key"
    );
    let key = &body[34..66];
    assert!(
        key.iter().any(|byte| *byte != key[0]),
        "the host's part of the key"
    );
    assert!(body[66..].iter().all(|byte| *byte == 0));
}

/// A port of this machine as it is written: an IPv6 address that holds an IPv4 address, the port's high byte first.
fn place(port: u16) -> [u8; 18] {
    let mut place = [0; 18];
    place[..16].copy_from_slice(&Ipv4Addr::LOCALHOST.to_ipv6_mapped().octets());
    place[16..].copy_from_slice(&port.to_be_bytes());
    place
}

/// The packets that a first stop is made of.
fn check_conversation(of_target: &[KdPacket], of_host: &[KdPacket]) {
    let print = of_target.iter().find(|packet| packet.kind == 3);
    let print = print.expect("it prints");
    assert_eq!(print.payload[..4], [0x30, 0x32, 0, 0]);
    let stop = of_target.iter().find(|packet| packet.kind == 7);
    let stop = stop.expect("it stops");
    assert_eq!(
        (&stop.payload[..2], stop.payload.len()),
        (&[0x30, 0x30][..], 240)
    );
    assert_eq!(stop.payload[32..36], 0x8000_0003_u32.to_le_bytes());
    for packet in [print, stop] {
        assert!(
            of_host
                .iter()
                .any(|sent| sent.control && sent.kind == 4 && sent.id == packet.id),
            "{packet:?} is acknowledged"
        );
    }
    let asked = of_host.iter().find(|packet| !packet.control);
    let asked = asked.expect("the host asks, first of all what it is");
    assert_eq!(
        (asked.kind, &asked.payload[..4]),
        (2, &[0x46, 0x31, 0, 0][..])
    );
    let answer = of_target.iter().find(|packet| packet.kind == 2);
    let answer = answer.expect("the target answers");
    assert_eq!(answer.payload[..4], asked.payload[..4]);
    // The machine type, as for x64.
    assert_eq!(answer.payload[16 + 8..16 + 10], [0x64, 0x86]);
}

/// A KD packet as KDNET has it: without a byte behind it.
#[derive(Debug)]
struct KdPacket {
    control: bool,
    kind: u16,
    id: u32,
    payload: Vec<u8>,
}

impl KdPacket {
    fn read(message: &Opened) -> Self {
        assert_eq!(message.channel, DATA);
        let (header, payload) = message.body.split_at(16);
        let half = |at| u16::from_le_bytes([header[at], header[at + 1]]);
        let word = |at| u32::from(half(at)) | u32::from(half(at + 2)) << 16;
        assert!([*b"0000", *b"iiii"].contains(&header[..4].try_into().expect("four bytes")));
        assert_eq!(usize::from(half(6)), payload.len());
        let sum: u32 = payload.iter().copied().map(u32::from).sum();
        assert_eq!(word(12), sum, "the sum of the payload");
        Self {
            control: header[..4] == *b"iiii",
            kind: half(4),
            id: word(8),
            payload: payload.to_vec(),
        }
    }
}

/// What hands on datagrams between a target and a host, and keeps them.
struct Relay {
    /// Where the target finds its host.
    to_target: UdpSocket,
    /// Where the host finds its target.
    to_host: UdpSocket,
    host: SocketAddr,
    sent: Arc<(Mutex<Wire>, Condvar)>,
}

/// What was handed on.
#[derive(Default)]
struct Wire {
    target: Option<SocketAddr>,
    datagrams: Vec<Sent>,
}

impl Relay {
    fn new(host: u16) -> Self {
        let open = || UdpSocket::bind("127.0.0.1:0").expect("a port");
        Self {
            to_target: open(),
            to_host: open(),
            host: (Ipv4Addr::LOCALHOST, host).into(),
            sent: Arc::default(),
        }
    }

    /// Hands on what comes, each way in a thread of its own, as long as the test runs.
    fn run(&self) {
        for by_host in [false, true] {
            let clone = |socket: &UdpSocket| socket.try_clone().expect("a socket");
            let (mut from, mut to) = (clone(&self.to_target), clone(&self.to_host));
            if by_host {
                std::mem::swap(&mut from, &mut to);
            }
            let (host, sent) = (self.host, Arc::clone(&self.sent));
            std::thread::spawn(move || {
                let mut datagram = [0; 2048];
                loop {
                    // That nobody is there yet comes as an error of receiving.
                    let Ok((length, source)) = from.recv_from(&mut datagram) else {
                        continue;
                    };
                    let datagram = &datagram[..length];
                    let mut wire = sent.0.lock().expect("nobody panics with it");
                    wire.datagrams.push((by_host, datagram.to_vec()));
                    if !by_host {
                        wire.target = Some(source);
                    }
                    let goal = if by_host { wire.target } else { Some(host) };
                    to.send_to(datagram, goal.expect("the target comes first"))
                        .ok();
                    drop(wire);
                    sent.1.notify_all();
                }
            });
        }
    }

    /// What was sent, when a target with a data channel has offered itself again.
    fn take(&self) -> (SocketAddr, Vec<Sent>) {
        let deadline = Deadline::soon();
        let (wire, changed) = &*self.sent;
        let mut wire = wire.lock().expect("nobody panics with it");
        while !wire.has_second_offer() {
            let left = deadline.left().expect("it offers itself again");
            let waited = changed.wait_timeout(wire, left);
            wire = waited.expect("nobody panics with it").0;
        }
        let target = wire.target.expect("it has sent");
        (target, std::mem::take(&mut wire.datagrams))
    }
}

impl Wire {
    /// Whether the target offered itself after it had sent data.
    fn has_second_offer(&self) -> bool {
        let of_target = self.datagrams.iter().filter(|(by_host, _)| !by_host);
        let mut channels = of_target.map(|(_, datagram)| datagram[5]);
        channels.any(|channel| channel == DATA) && channels.any(|channel| channel == CONTROL)
    }
}
