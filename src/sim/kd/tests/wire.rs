//! Whole targets on virtual wires, with a host's engine at the other end.

use std::collections::VecDeque;

use crate::proto::kd::session::{Event as Heard, Side, Timing};
use crate::proto::kd::{PacketType, Serial};

use super::super::faults::{BadWire, Faults};
use super::super::target::{Stream, Target};
use super::*;

/// A target, a host, and the line between them.
struct Line {
    now: Instant,
    target: Target<Stream>,
    host: Serial,
    down: BadWire<()>,
    up: BadWire<()>,
    /// What the target said, prints apart.
    heard: VecDeque<FromTarget>,
    printed: String,
}

impl Line {
    fn new(behaviour: Behaviour, faults: Faults) -> Self {
        let now = Instant::now();
        let settings = Settings {
            seed: 5,
            behaviour,
            processors: 2,
            clock: 0,
        };
        let timing = Timing::serial(Some(10_000_000));
        let mut target = Target::new(settings, Stream::new(timing.for_target()), now);
        target.engine_mut().set_connected(true);
        target.set_present(true, now);
        Self {
            now,
            target,
            host: Serial::new(Side::Host, timing),
            down: BadWire::new(faults, 1),
            up: BadWire::new(faults, 2),
            heard: VecDeque::new(),
            printed: String::new(),
        }
    }

    /// Lets everything happen that is due, then goes to when something is again.
    fn turn(&mut self) {
        while let Some(((), bytes)) = self.down.poll(self.now) {
            self.target.engine_mut().handle_bytes(self.now, &bytes);
        }
        self.target.turn(self.now);
        while let Some(bytes) = self.target.poll_transmit() {
            self.up.push(self.now, (), bytes);
        }
        while let Some(((), bytes)) = self.up.poll(self.now) {
            self.host.handle_bytes(self.now, &bytes);
        }
        self.host.handle_timeout(self.now);
        while let Some(event) = self.host.poll_event() {
            if let Heard::Packet(kind, payload) = event {
                match FromTarget::decode(kind, &payload).unwrap() {
                    FromTarget::Print(print) => self
                        .printed
                        .push_str(std::str::from_utf8(&print.text).unwrap()),
                    other => self.heard.push_back(other),
                }
            }
        }
        while let Some(bytes) = self.host.poll_transmit() {
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

    fn next(&mut self) -> FromTarget {
        let (end, mut turns) = (self.now + PATIENCE, 0);
        while self.now < end && turns < 200_000 {
            if let Some(message) = self.heard.pop_front() {
                return message;
            }
            self.turn();
            turns += 1;
        }
        panic!("nothing is heard any more");
    }

    fn next_stop(&mut self) -> StateChange {
        match self.next() {
            FromTarget::StateChange(state) => state,
            other => panic!("a stop was expected, not {other:?}"),
        }
    }

    /// Breaks in; as hosts do, again when nothing happens.
    fn break_in(&mut self) -> StateChange {
        for _ in 0..50 {
            self.host.break_in();
            let end = self.now + Duration::from_secs(2);
            while self.now < end {
                self.turn();
                if !self.heard.is_empty() {
                    return self.next_stop();
                }
            }
        }
        panic!("the target does not stop");
    }

    fn send(&mut self, call: Call) {
        let (kind, payload) = FromHost::Request(Request { processor: 0, call }).encode();
        self.host.send(self.now, kind, payload).unwrap();
    }

    /// Asks, and waits for the reply; a stop that is told again meanwhile is no news.
    fn ask(&mut self, call: Call) -> Reply {
        self.send(call);
        loop {
            match self.next() {
                FromTarget::Reply(reply) => return reply,
                FromTarget::StateChange(_) => {}
                other => panic!("a reply was expected, not {other:?}"),
            }
        }
    }

    fn go(&mut self) {
        self.send(Call::Continue2(Continue2::new(
            Architecture::Amd64,
            NtStatus::CONTINUE,
            false,
            DR7_UNUSED,
        )));
    }

    /// Runs on from a break-in: past its instruction.
    fn leave(&mut self) {
        let Answer::Context(mut context) = self.ask(Call::GetContext).answer else {
            panic!("no context")
        };
        let rip = u64::from_le_bytes(context[0xF8..0x100].try_into().unwrap()) + 1;
        context[0xF8..0x100].copy_from_slice(&rip.to_le_bytes());
        assert_eq!(
            self.ask(Call::SetContext { flags: 0, context }).status,
            NtStatus::SUCCESS
        );
        self.go();
    }

    /// How many prints came; each once and in order.
    fn prints(&self) -> u64 {
        let mut count = 0;
        for line in self.printed.lines().filter(|line| line.contains('#')) {
            count += 1;
            assert!(
                line.contains(&format!("#{count:06}")),
                "{line} is print {count}"
            );
        }
        count
    }
}

#[test]
fn a_host_boots_a_target_breaks_in_and_lets_it_run() {
    let mut line = Line::new(
        Behaviour {
            boots: true,
            rate: 20.0,
            ..Behaviour::default()
        },
        Faults::default(),
    );
    for _ in 0..8 {
        let state = line.next_stop();
        assert!(matches!(state.change, Change::LoadSymbols(_)));
        line.go();
    }
    for _ in 0..3 {
        let state = line.break_in();
        assert_eq!(code(&state), crate::proto::kd::Exception::BREAKPOINT);
        let reply = line.ask(Call::ReadVirtual {
            address: state.pc,
            count: 8,
        });
        assert_eq!(reply.status, NtStatus::SUCCESS);
        line.leave();
        let end = line.now + Duration::from_secs(1);
        while line.now < end {
            line.turn();
        }
    }
    assert!(line.prints() > 20);
}

#[test]
fn on_a_bad_line_every_print_comes_once_and_every_request_is_answered() {
    let faults = Faults {
        loss: 0.1,
        corrupt: 0.03,
        delay: Duration::from_millis(1),
        ..Faults::default()
    };
    let mut line = Line::new(
        Behaviour {
            rate: 50.0,
            ..Behaviour::default()
        },
        faults,
    );
    for _ in 0..10 {
        let state = line.break_in();
        for _ in 0..10 {
            let reply = line.ask(Call::ReadVirtual {
                address: state.pc,
                count: 100,
            });
            assert_eq!(reply.status, NtStatus::SUCCESS);
        }
        line.leave();
        let end = line.now + Duration::from_secs(5);
        while line.now < end {
            line.turn();
        }
    }
    assert!(line.prints() > 100, "{}", line.prints());
}

#[test]
fn a_restart_begins_the_line_anew() {
    let mut line = Line::new(
        Behaviour {
            rate: 0.0,
            ..Behaviour::default()
        },
        Faults::default(),
    );
    line.break_in();
    line.send(Call::Reboot);
    let state = line.next_stop();
    assert!(
        matches!(state.change, Change::LoadSymbols(load) if load.path.ends_with(b"ntoskrnl.exe"))
    );
    assert_eq!(line.host.counters().session.restarts, 2);
}

#[test]
fn a_host_that_resets_hears_the_stop_again() {
    let mut line = Line::new(
        Behaviour {
            rate: 0.0,
            ..Behaviour::default()
        },
        Faults::default(),
    );
    let first = line.break_in();
    for _ in 0..20 {
        line.turn();
    }
    line.host.reset(line.now);
    assert_eq!(line.next_stop(), first);
    assert_eq!(line.ask(Call::GetVersion).status, NtStatus::SUCCESS);
}

#[test]
fn a_target_whose_host_is_gone_runs_on_and_is_found_again() {
    let mut line = Line::new(
        Behaviour {
            rate: 5.0,
            ..Behaviour::default()
        },
        Faults::default(),
    );
    line.up = BadWire::new(
        Faults {
            loss: 1.0,
            ..Faults::default()
        },
        0,
    );
    let end = line.now + Duration::from_secs(120);
    while line.now < end {
        line.turn();
    }
    assert!(
        line.target.machine().printed > 100,
        "it runs without a debugger"
    );
    line.up = BadWire::new(Faults::default(), 0);
    line.break_in();
    assert_eq!(line.ask(Call::GetVersion).status, NtStatus::SUCCESS);
}

#[test]
fn what_is_no_packet_does_not_disturb_a_target() {
    let mut line = Line::new(
        Behaviour {
            rate: 0.0,
            ..Behaviour::default()
        },
        Faults::default(),
    );
    line.break_in();
    line.down.push(line.now, (), b"garbage 0000 iiii".to_vec());
    line.host
        .send(line.now, PacketType::Manipulate, vec![1, 2, 3])
        .unwrap();
    line.host
        .send(line.now, PacketType::DebugIo, vec![])
        .unwrap();
    assert_eq!(line.ask(Call::GetVersion).status, NtStatus::SUCCESS);
}
