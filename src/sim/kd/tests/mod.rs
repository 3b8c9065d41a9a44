//! Simulated Windows machines on virtual time.

mod debuggee;
mod devices;
mod network;
mod reading;
mod runaway;
mod running;
mod unwind;
mod wire;

use std::time::{Duration, Instant};

use crate::proto::kd::{
    Answer, Architecture, Call, Change, Continue2, FromHost, FromTarget, NtStatus, Reply, Request,
    StateChange,
};

use super::behaviour::Behaviour;
use super::machine::{Event, Machine, Settings};
use super::registers::{DR7_UNUSED, Register};

/// A machine, its clock, and a debugger that is always there.
struct Bench {
    now: Instant,
    machine: Machine,
    /// What the machine printed.
    printed: String,
}

/// Data bytes of a reply over a byte stream.
const DATA_BYTES: usize = 3944;

/// Virtual time within which a machine has done what it is asked to do.
const PATIENCE: Duration = Duration::from_secs(120);

impl Bench {
    fn new(behaviour: Behaviour) -> Self {
        let now = Instant::now();
        let settings = Settings {
            seed: 7,
            behaviour,
            processors: 4,
            clock: 0x01DC_0000_0000_0000,
        };
        let mut machine = Machine::new(settings, now);
        machine.set_present(true, now);
        Self {
            now,
            machine,
            printed: String::new(),
        }
    }

    /// A machine that does nothing by itself.
    fn silent() -> Self {
        Self::new(Behaviour {
            rate: 0.0,
            ..Behaviour::default()
        })
    }

    /// The next thing the machine says besides printing.
    fn next_event(&mut self) -> Event {
        let end = self.now + PATIENCE;
        while self.now < end {
            match self.machine.run(self.now) {
                Some(Event::Say(FromTarget::Print(print))) => {
                    self.printed
                        .push_str(&String::from_utf8(print.text).unwrap());
                }
                Some(event) => return event,
                None => {
                    self.now = self
                        .machine
                        .next_run(self.now)
                        .expect("it is not waiting")
                        .max(self.now)
                }
            }
        }
        panic!(
            "the machine says nothing; printed so far:\n{}",
            self.printed
        );
    }

    fn next_stop(&mut self) -> StateChange {
        match self.next_event() {
            Event::Say(FromTarget::StateChange(state)) => state,
            other => panic!("a stop was expected, not {other:?}"),
        }
    }

    /// Stops the machine by a break-in.
    fn break_in(&mut self) -> StateChange {
        self.machine.break_in();
        self.next_stop()
    }

    fn tell(&mut self, processor: u16, call: Call) -> Option<Reply> {
        let request = FromHost::Request(Request { processor, call });
        self.machine.hear(&request, DATA_BYTES, self.now)
    }

    fn ask(&mut self, call: Call) -> Reply {
        self.tell(0, call).expect("this request has a reply")
    }

    /// What a request that must succeed brings.
    fn get(&mut self, call: Call) -> Answer {
        let reply = self.ask(call);
        assert_eq!(reply.status, NtStatus::SUCCESS);
        reply.answer
    }

    fn go(&mut self) {
        self.resume(NtStatus::CONTINUE, false, DR7_UNUSED);
    }

    /// Runs one instruction.
    fn trace(&mut self) -> StateChange {
        self.resume(NtStatus::CONTINUE, true, DR7_UNUSED);
        self.next_stop()
    }

    fn resume(&mut self, status: NtStatus, trace: bool, dr7: u64) {
        let resume = Continue2::new(Architecture::Amd64, status, trace, dr7);
        assert_eq!(self.tell(0, Call::Continue2(resume)), None);
    }

    /// Goes past the `int3` the machine stopped at.
    fn skip(&mut self) {
        let processor = self.machine.current;
        self.change(processor, |registers| registers.rip += 1);
    }

    /// Changes registers as a debugger does: reads all and writes all.
    fn change(&mut self, processor: usize, change: impl FnOnce(&mut super::registers::Registers)) {
        let number = u16::try_from(processor).unwrap();
        self.tell(number, Call::GetContext).unwrap();
        let mut registers = self.machine.registers(processor).unwrap().clone();
        change(&mut registers);
        let call = Call::SetContext {
            flags: 0,
            context: registers.context(),
        };
        assert_eq!(self.tell(number, call).unwrap().status, NtStatus::SUCCESS);
    }

    fn symbol(&self, name: &str) -> u64 {
        let address = self.machine.kernel().symbol(name);
        assert_ne!(address, 0, "{name}");
        address
    }

    fn current(&self, register: Register) -> u64 {
        self.machine.current_registers().get(register)
    }
}

/// The exception code of a stop.
fn code(state: &StateChange) -> u32 {
    match &state.change {
        Change::Exception(exception) => exception.code,
        other => panic!("an exception was expected, not {other:?}"),
    }
}
