//! A host and a target on a bad line: everything printed arrives once and in order, every request is answered, and
//! nothing is stuck, whatever happens to the line or to the target.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::super::api::Api;
use super::super::debug_io::Print;
use super::super::message::{FromHost, FromTarget};
use super::super::reply::{Answer, Reply};
use super::super::report::ControlReport;
use super::super::request::{Call, Request};
use super::super::session::{Event, Numbering, Side};
use super::super::state_change::{Change, Exception, StateChange};
use super::super::status::NtStatus;
use super::wire::{Badness, End, Wire};

/// Prints of a target from start to end.
const PRINTS: usize = 40;
/// Prints between two stops.
const PRINTS_PER_STOP: usize = 7;
/// Reads the host makes at each stop.
const READS: u64 = 3;
/// How long a request may take before the host agrees upon numbers anew.
const REQUEST_WAIT: Duration = Duration::from_secs(10);
/// How long all of it may take, in the line's own time.
const LIMIT: Duration = Duration::from_secs(3600);

/// How many things may happen meanwhile.
const STEPS_MAX: usize = 100_000;

/// What is behind a target's end: it prints, stops now and then, answers while it is stopped.
struct Machine {
    end: End,
    generation: usize,
    printed: usize,
    landed: usize,
    stops: usize,
    stopped: bool,
    printing: bool,
    stopping: bool,
}

impl Machine {
    fn new(numbering: Numbering, generation: usize) -> Self {
        Self {
            end: End::new(numbering, Side::Target),
            generation,
            printed: 0,
            landed: 0,
            stops: 0,
            stopped: false,
            printing: false,
            stopping: false,
        }
    }

    fn work(&mut self, now: Instant) {
        while let Some(event) = self.end.poll_event() {
            match event {
                Event::Acknowledged => {
                    self.stopping = false;
                    self.landed += usize::from(std::mem::take(&mut self.printing));
                }
                Event::Restarted if self.stopped && !self.stopping => self.stop(now),
                Event::Packet(kind, payload) if self.stopped => {
                    self.answer(now, FromHost::decode(kind, &payload).unwrap());
                }
                Event::Unanswered { .. } => panic!("{event:?}"),
                _ => {}
            }
        }
        if self.stopped || !self.end.idle() || self.done() {
            return;
        }
        if self.printed / PRINTS_PER_STOP > self.stops {
            self.stops += 1;
            self.stopped = true;
            self.stop(now);
        } else {
            let text = format!("{} {}", self.generation, self.printed).into_bytes();
            let print = FromTarget::Print(Print {
                text,
                ..Print::default()
            });
            self.end.send(now, print.encode());
            self.printed += 1;
            self.printing = true;
        }
    }

    fn done(&self) -> bool {
        self.printed == PRINTS && self.stops == PRINTS / PRINTS_PER_STOP && !self.stopped
    }

    fn stop(&mut self, now: Instant) {
        self.stopping = true;
        let stop = FromTarget::StateChange(StateChange {
            level: 0,
            processor: 0,
            processors: 1,
            thread: 0,
            pc: self.stops as u64,
            alternate: false,
            change: Change::Exception(Exception {
                code: Exception::BREAKPOINT,
                ..Exception::default()
            }),
            report: ControlReport::default(),
        });
        self.end.send(now, stop.encode());
    }

    fn answer(&mut self, now: Instant, message: FromHost) {
        let FromHost::Request(request) = message else {
            panic!("{message:?}");
        };
        match request.call {
            Call::ReadVirtual { address, count } => {
                let data = address.to_le_bytes().to_vec();
                let answer = Answer::Memory {
                    address,
                    requested: count,
                    data,
                };
                let reply = Reply {
                    api: Api::READ_VIRTUAL,
                    processor: 0,
                    status: NtStatus::SUCCESS,
                    answer,
                };
                self.end.send(now, FromTarget::Reply(reply).encode());
            }
            Call::Continue { .. } => self.stopped = false,
            other => panic!("{other:?}"),
        }
    }
}

/// What is behind a host's end: at each stop it reads, then continues.
struct Debugger {
    end: End,
    texts: Vec<(usize, usize)>,
    next_address: u64,
    reads_left: u64,
    outstanding: Option<(Call, Instant)>,
    answered: usize,
    resets: usize,
}

impl Debugger {
    fn work(&mut self, now: Instant) {
        while let Some(event) = self.end.poll_event() {
            match event {
                Event::Packet(kind, payload) => {
                    self.hear(now, FromTarget::decode(kind, &payload).unwrap());
                }
                Event::Acknowledged => {
                    if matches!(self.outstanding, Some((Call::Continue { .. }, _))) {
                        self.outstanding = None;
                    }
                }
                Event::Restarted => self.outstanding = None,
                Event::Unanswered { .. } => panic!("{event:?}"),
                Event::ResetAnswered | Event::Damaged { .. } => {}
                Event::BreakIn => panic!("a host was asked to stop"),
            }
        }
        if self
            .outstanding
            .as_ref()
            .is_some_and(|(_, since)| now >= *since + REQUEST_WAIT)
        {
            self.resets += 1;
            self.outstanding = None;
            self.end.reset(now);
        }
    }

    fn hear(&mut self, now: Instant, message: FromTarget) {
        match message {
            FromTarget::Print(print) => {
                let text = String::from_utf8(print.text).unwrap();
                let (generation, number) = text.split_once(' ').unwrap();
                self.texts
                    .push((generation.parse().unwrap(), number.parse().unwrap()));
            }
            FromTarget::StateChange(_) => {
                self.reads_left = READS;
                self.ask(now);
            }
            FromTarget::Reply(reply) => {
                let Answer::Memory { address, data, .. } = reply.answer else {
                    panic!("{reply:?}");
                };
                assert_eq!(data, address.to_le_bytes());
                if matches!(self.outstanding, Some((Call::ReadVirtual { address: asked, .. }, _)) if asked == address)
                {
                    self.answered += 1;
                    self.ask(now);
                }
            }
            other => panic!("{other:?}"),
        }
    }

    fn ask(&mut self, now: Instant) {
        let call = if self.reads_left > 0 {
            self.reads_left -= 1;
            self.next_address += 0x1000;
            Call::ReadVirtual {
                address: self.next_address,
                count: 8,
            }
        } else {
            Call::Continue {
                status: NtStatus::CONTINUE,
            }
        };
        self.end
            .send(now, FromHost::Request(Request::new(call.clone())).encode());
        self.outstanding = Some((call, now));
    }
}

/// What happens to the target.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    /// It starts again.
    Reboot,
    /// The link begins anew, the target goes on. KDNET only.
    NewLink,
}

fn converse(
    numbering: Numbering,
    seed: u64,
    badness: Badness,
    fates: &[(u64, Fate)],
) -> Result<(), TestCaseError> {
    let start = Instant::now();
    let mut now = start;
    let mut wire = Wire::new(now, seed, badness);
    let mut machine = Machine::new(numbering, 0);
    let mut host = Debugger {
        end: End::new(numbering, Side::Host),
        texts: Vec::new(),
        next_address: 0,
        reads_left: 0,
        outstanding: None,
        answered: 0,
        resets: 0,
    };
    let mut fates = fates.to_vec();
    fates.sort_by_key(|(ms, _)| std::cmp::Reverse(*ms));
    let mut landed = Vec::new();
    let mut boots: Option<Instant> = None;
    for step in 0.. {
        prop_assert!(
            step < STEPS_MAX,
            "it goes on and on: {} of {PRINTS} printed",
            machine.printed
        );
        if boots.is_some_and(|at| now >= at) {
            boots = None;
            machine = Machine::new(numbering, machine.generation + 1);
            host.end.restart(now);
        }
        if boots.is_none() {
            wire.deliver(now, &mut machine.end, Side::Target);
            machine.end.handle_timeout(now);
            machine.work(now);
            wire.collect(now, &mut machine.end, Side::Host);
        }
        wire.deliver(now, &mut host.end, Side::Host);
        host.end.handle_timeout(now);
        host.work(now);
        wire.collect(now, &mut host.end, Side::Target);

        // What comes while a target boots comes when it has.
        let due = fates.last().filter(|_| boots.is_none());
        let due = due.map(|(ms, _)| start + Duration::from_millis(*ms));
        if due.is_some_and(|due| now >= due) {
            match fates.pop().unwrap() {
                (_, Fate::Reboot) => {
                    landed.push(machine.landed);
                    boots = Some(now + Duration::from_secs(1));
                }
                (_, Fate::NewLink) => {
                    machine.end.restart(now);
                    host.end.restart(now);
                }
            }
            wire.cut();
            continue;
        }
        let quiet = machine.done() && machine.end.idle() && host.end.idle();
        if quiet && fates.is_empty() && boots.is_none() && wire.next().is_none() {
            break;
        }
        let target_due = if boots.is_some() {
            boots
        } else {
            machine.end.poll_timeout()
        };
        let request_due = host
            .outstanding
            .as_ref()
            .map(|(_, since)| *since + REQUEST_WAIT);
        let times = [
            wire.next(),
            host.end.poll_timeout(),
            target_due,
            due,
            request_due,
        ];
        let next = times.into_iter().flatten().min();
        prop_assert!(
            next.is_some(),
            "stuck: {} of {PRINTS} printed",
            machine.printed
        );
        now = next.unwrap_or(now).max(now);
        if boots.is_some() {
            // Nobody hears what arrives meanwhile.
            wire.deliver(now, &mut End::new(numbering, Side::Target), Side::Target);
        }
        prop_assert!(
            now < start + LIMIT,
            "stuck: {} of {PRINTS} printed",
            machine.printed
        );
    }
    landed.push(machine.landed);
    prop_assert_eq!(machine.landed, PRINTS);
    prop_assert!(host.answered >= machine.stops * READS as usize || host.resets > 0);
    let mut texts = host.texts.into_iter().peekable();
    for (generation, landed) in landed.into_iter().enumerate() {
        let mut count = 0;
        while let Some((_, number)) = texts.next_if(|(whose, _)| *whose == generation) {
            prop_assert_eq!(number, count, "of generation {}", generation);
            count += 1;
        }
        prop_assert!(count >= landed, "{} of {} arrived", count, landed);
    }
    prop_assert_eq!(texts.next(), None);
    Ok(())
}

fn badness() -> impl Strategy<Value = Badness> {
    let chances = (0u32..300, 0u32..100, 0u32..100, 0u32..20);
    chances.prop_map(|(lost, repeated, reordered, damaged)| Badness {
        lost,
        repeated,
        reordered,
        damaged,
    })
}

fn reboots() -> impl Strategy<Value = Vec<(u64, Fate)>> {
    proptest::collection::vec((0u64..20_000, Just(Fate::Reboot)), 0..4)
}

fn fates() -> impl Strategy<Value = Vec<(u64, Fate)>> {
    let fate = prop_oneof![Just(Fate::Reboot), Just(Fate::NewLink)];
    proptest::collection::vec((0u64..20_000, fate), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn everything_arrives_once_and_in_order_over_a_bad_serial_line(seed in any::<u64>(), badness in badness(), fates in reboots()) {
        converse(Numbering::Serial, seed, badness, &fates)?;
    }

    #[test]
    fn everything_arrives_once_and_in_order_over_a_bad_network(seed in any::<u64>(), badness in badness(), fates in fates()) {
        converse(Numbering::Network, seed, badness, &fates)?;
    }
}

#[test]
fn a_good_line_needs_no_packet_twice() {
    let badness = Badness {
        lost: 0,
        repeated: 0,
        reordered: 0,
        damaged: 0,
    };
    for numbering in [Numbering::Serial, Numbering::Network] {
        converse(numbering, 1, badness, &[]).unwrap();
    }
}
