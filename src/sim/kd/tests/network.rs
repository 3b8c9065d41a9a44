//! Whole targets on virtual KDNET, good and bad.

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::proto::kd::session::{Event as Heard, Timing};
use crate::proto::kdnet::{Event as NetEvent, Net};

use super::super::faults::{BadWire, Faults};
use super::super::net::Network;
use super::super::rack::uniform;
use super::super::target::Target;
use super::*;

/// A target, a host, and the network between them.
struct Lab {
    now: Instant,
    target: Target<Network>,
    host: Net,
    down: BadWire<()>,
    up: BadWire<()>,
    heard: VecDeque<FromTarget>,
    sessions: u32,
    prints: u64,
}

const HOST: ([u8; 4], u16) = ([10, 0, 0, 1], 50_000);
const TARGET: ([u8; 4], u16) = ([10, 0, 0, 2], 50_001);

impl Lab {
    fn new(behaviour: Behaviour, faults: Faults) -> Self {
        let now = Instant::now();
        let plan = uniform(1, (behaviour, 2), Faults::default(), 3, 0).remove(0);
        let (host, target) = (SocketAddr::from(HOST), SocketAddr::from(TARGET));
        let engine = Network::new(
            &plan.key,
            (target, host),
            Duration::from_millis(500),
            9,
            now,
        );
        let mut random = fastrand::Rng::with_seed(8);
        let random = Box::new(move |bytes: &mut [u8]| random.fill(bytes));
        Self {
            now,
            target: Target::new(plan.settings, engine, now),
            host: Net::new(&plan.key, Timing::network(), random, now),
            down: BadWire::new(faults, 1),
            up: BadWire::new(faults, 2),
            heard: VecDeque::new(),
            sessions: 0,
            prints: 0,
        }
    }

    fn turn(&mut self) {
        while let Some(((), bytes)) = self.down.poll(self.now) {
            self.target
                .engine_mut()
                .handle_datagram(self.now, HOST.into(), &bytes);
        }
        self.target.turn(self.now);
        while let Some((_, bytes)) = self.target.poll_transmit() {
            self.up.push(self.now, (), bytes);
        }
        while let Some(((), bytes)) = self.up.poll(self.now) {
            self.host.handle_datagram(self.now, TARGET.into(), &bytes);
        }
        self.host.handle_timeout(self.now);
        while let Some(event) = self.host.poll_event() {
            match event {
                NetEvent::Connected { .. } => self.sessions += 1,
                NetEvent::Kd(Heard::Packet(kind, payload)) => {
                    match FromTarget::decode(kind, &payload).unwrap() {
                        FromTarget::Print(print) => {
                            self.print(&String::from_utf8(print.text).unwrap())
                        }
                        other => self.heard.push_back(other),
                    }
                }
                _ => {}
            }
        }
        while let Some((_, bytes)) = self.host.poll_transmit() {
            self.down.push(self.now, (), bytes);
        }
        let times = [
            self.target.poll_timeout(self.now),
            self.host.poll_timeout(),
            self.down.poll_timeout(),
            self.up.poll_timeout(),
        ];
        let next = times.into_iter().flatten().min().unwrap_or(self.now);
        self.now = next.clamp(self.now, self.now + Duration::from_millis(50));
    }

    /// Each numbered print has to come once and in order.
    fn print(&mut self, text: &str) {
        if let Some(number) = text.split('#').nth(1) {
            let number: u64 = number[..6].parse().unwrap();
            // Those before there was a host are in the target's ring only.
            assert!(
                number == self.prints + 1 || self.prints == 0,
                "{number} after {}",
                self.prints
            );
            self.prints = number;
        }
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.turn();
        }
    }

    fn next(&mut self) -> FromTarget {
        let end = self.now + PATIENCE;
        while self.now < end {
            if let Some(message) = self.heard.pop_front() {
                return message;
            }
            self.turn();
        }
        panic!("nothing is heard any more");
    }

    fn break_in(&mut self) -> StateChange {
        let end = self.now + PATIENCE;
        while self.now < end {
            self.host.break_in();
            self.run(Duration::from_secs(1));
            if let Some(FromTarget::StateChange(state)) = self.heard.pop_front() {
                return state;
            }
        }
        panic!("the target does not stop");
    }

    fn send(&mut self, call: Call) {
        let (kind, payload) = FromHost::Request(Request { processor: 0, call }).encode();
        self.host.send(self.now, kind, payload).unwrap();
    }

    fn ask(&mut self, call: Call) -> Reply {
        let api = call.api();
        self.send(call);
        loop {
            match self.next() {
                FromTarget::Reply(reply) if reply.api == api => return reply,
                FromTarget::StateChange(_) => {}
                other => panic!("a reply was expected, not {other:?}"),
            }
        }
    }

    fn leave(&mut self, state: &StateChange) {
        let Answer::ContextPart { mut data, .. } = self
            .ask(Call::GetContextEx {
                offset: 0,
                count: 0x4D0,
            })
            .answer
        else {
            panic!("no context")
        };
        data[0xF8..0x100].copy_from_slice(&(state.pc + 1).to_le_bytes());
        let reply = self.ask(Call::SetContextEx {
            offset: 0,
            total: 0x4D0,
            data,
        });
        assert_eq!(reply.status, NtStatus::SUCCESS);
        self.go();
    }

    fn go(&mut self) {
        self.send(Call::Continue2(Continue2::new(
            Architecture::Amd64,
            NtStatus::CONTINUE,
            false,
            DR7_UNUSED,
        )));
    }
}

#[test]
fn a_target_calls_its_host_boots_and_prints() {
    let mut lab = Lab::new(
        Behaviour {
            boots: true,
            rate: 50.0,
            ..Behaviour::default()
        },
        Faults::default(),
    );
    for _ in 0..8 {
        let FromTarget::StateChange(state) = lab.next() else {
            panic!("no module")
        };
        assert!(matches!(state.change, Change::LoadSymbols(_)));
        lab.go();
    }
    lab.run(Duration::from_secs(3));
    assert!(lab.prints > 100);
    assert_eq!(lab.sessions, 1);
}

#[test]
fn on_a_bad_network_every_print_comes_once_and_every_request_is_answered() {
    let faults = Faults {
        loss: 0.3,
        duplicate: 0.1,
        reorder: 0.1,
        corrupt: 0.01,
        delay: Duration::from_millis(1),
    };
    let mut lab = Lab::new(
        Behaviour {
            rate: 100.0,
            ..Behaviour::default()
        },
        faults,
    );
    for _ in 0..6 {
        let state = lab.break_in();
        for _ in 0..10 {
            assert_eq!(
                lab.ask(Call::ReadVirtual {
                    address: state.pc,
                    count: 1024
                })
                .status,
                NtStatus::SUCCESS
            );
        }
        lab.leave(&state);
        lab.run(Duration::from_secs(10));
    }
    assert!(lab.prints > 50, "{}", lab.prints);
}

#[test]
fn a_target_that_restarts_calls_again_and_boots() {
    let mut lab = Lab::new(
        Behaviour {
            rate: 0.0,
            ..Behaviour::default()
        },
        Faults::default(),
    );
    lab.break_in();
    lab.send(Call::Reboot);
    let FromTarget::StateChange(state) = lab.next() else {
        panic!("no module")
    };
    assert!(
        matches!(state.change, Change::LoadSymbols(load) if load.path.ends_with(b"ntoskrnl.exe"))
    );
    assert_eq!(lab.sessions, 2);
}

#[test]
fn a_stopped_target_tells_a_new_host_of_its_stop() {
    let mut lab = Lab::new(
        Behaviour {
            rate: 0.0,
            ..Behaviour::default()
        },
        Faults::default(),
    );
    let first = lab.break_in();
    let plan = uniform(1, (Behaviour::default(), 2), Faults::default(), 3, 0).remove(0);
    lab.host = Net::new(
        &plan.key,
        Timing::network(),
        Box::new(|bytes: &mut [u8]| bytes.fill(3)),
        lab.now,
    );
    let FromTarget::StateChange(again) = lab.next() else {
        panic!("no stop")
    };
    assert_eq!(again, first);
    assert_eq!(lab.ask(Call::GetVersion).status, NtStatus::SUCCESS);
}

/// With real sockets: what is the rack's part of the work.
#[tokio::test]
async fn a_rack_calls_its_hosts_and_listens_on_streams() {
    use super::super::com::Place;
    use super::super::rack::Rack;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let plans = uniform(3, (Behaviour::default(), 1), Faults::default(), 5, 0);
    let rack = Rack::default();
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let host = socket.local_addr().unwrap();
    rack.call(&plans[0], host, Duration::from_millis(100))
        .unwrap();
    let mut buffer = [0; 2048];
    let receive = socket.recv_from(&mut buffer);
    let (length, _) = tokio::time::timeout(Duration::from_secs(10), receive)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((&buffer[..4], length), (b"MDBG".as_slice(), 374));

    let folder = tempfile::tempdir().unwrap();
    let tcp = rack
        .listen(&plans[1], &Place::Tcp([127, 0, 0, 1].into(), 0))
        .unwrap();
    let Place::Tcp(address, port) = tcp else {
        panic!("{tcp:?}")
    };
    let unix = Place::Unix(folder.path().join("w"));
    rack.listen(&plans[2], &unix).unwrap();
    assert!(rack.listen(&plans[2], &Place::Tcp(address, port)).is_err());
    let mut over_tcp = tokio::net::TcpStream::connect((address, port))
        .await
        .unwrap();
    let mut over_unix = tokio::net::UnixStream::connect(folder.path().join("w"))
        .await
        .unwrap();
    let hear = async {
        over_tcp.write_all(b"b").await.unwrap();
        over_tcp.read_exact(&mut buffer[..16]).await.unwrap();
        over_unix.read_exact(&mut buffer[16..32]).await.unwrap();
    };
    tokio::time::timeout(Duration::from_secs(10), hear)
        .await
        .unwrap();
    for header in buffer[..32].chunks(16) {
        assert_eq!(header[..4], [0x30; 4]);
        assert_eq!(
            header[8..12],
            [0, 0x08, 0x80, 0x80],
            "the first packet has the bit of a beginning"
        );
    }
    tokio::time::timeout(Duration::from_secs(10), rack.stop())
        .await
        .unwrap();
    assert!(!folder.path().join("w").exists());
}
