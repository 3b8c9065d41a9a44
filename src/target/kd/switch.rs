//! From one processor of a stopped target to another, and back before it goes on.

use std::time::{Duration, Instant};

use super::debugger::{Debugger, Phase};
use super::fault::Fault;
use super::knowledge::Left;
use super::stop::Stop;
use crate::proto::kd::{Call, context};

/// How long a processor may take to report. All of them are stopped: it is a matter of two packets.
const SWITCH: Duration = Duration::from_secs(5);

impl Debugger<'_> {
    /// Lets another processor report.
    ///
    /// # Errors
    /// One that does not report, which is so for all where there is only one; those of [`Debugger::call`].
    pub(super) async fn switch(&mut self, processor: u16) -> Result<(), Fault> {
        let stands = self.leave().await?;
        let before = self.current.take();
        self.tell(processor, Call::SwitchProcessor);
        let deadline = Instant::now() + SWITCH;
        let change = loop {
            if let Some(change) = self.change.take() {
                break change;
            }
            if Instant::now() >= deadline {
                self.current = before;
                return Err(Fault::Words(format!(
                    "processor {processor} did not report within {} s; {} is looked at still",
                    SWITCH.as_secs(),
                    self.known.processor
                )));
            }
            if let Err(fault) = self.check_interrupt() {
                self.current = before;
                return Err(fault);
            }
            self.step(Some(deadline)).await;
        };
        // What happened to it is what was told of the whole machine before: nothing new to judge.
        let mut stop = Stop::new(self.known.architecture, &change);
        let left = self.known.left.or(stands);
        let returns_to = left.filter(|left| left.processor == change.processor);
        stop.is_own_breakpoint = returns_to.is_some_and(|left| left.is_own);
        stop.is_ours = self.known.breakpoints.software_at(stop.pc).is_some();
        let modules_read = self.known.modules_read;
        self.known.resumed();
        self.known.modules_read = modules_read;
        self.known.stopped_at(change.pc);
        self.known.processor = change.processor;
        self.known.thread = change.thread;
        self.known.left = left.filter(|left| left.processor != change.processor);
        self.looks_at(stop);
        self.current = Some(change);
        if self.known.processor == processor {
            Ok(())
        } else {
            Err(Fault::Words(format!(
                "the target reported from processor {} instead of {processor}",
                self.known.processor
            )))
        }
    }

    /// Where the processor that is looked at stands, if it has to get off there before the target goes on: on a
    /// breakpoint of ours, or on one of the program's own, which it has executed by stopping.
    async fn leave(&mut self) -> Result<Option<Left>, Fault> {
        let Phase::Stopped(stop) = &self.phase else {
            return Ok(None);
        };
        let left = Left {
            processor: stop.processor,
            pc: stop.pc,
            is_own: stop.is_own_breakpoint,
        };
        let is_ours = stop.is_ours;
        self.known.looked_at = None;
        let is_there = self.registers().await?.instruction() == left.pc;
        Ok(Some(left).filter(|left| is_ours || (left.is_own && is_there)))
    }

    /// A processor that was left at a breakpoint instruction of the program's own goes past it, before the target goes on.
    ///
    /// # Errors
    /// Those of [`Debugger::call`].
    pub(super) async fn pass_what_was_left(&mut self) -> Result<(), Fault> {
        let Some(left) = self.known.left.filter(|left| left.is_own) else {
            return Ok(());
        };
        if self.registers_of(left.processor).await?.instruction() != left.pc {
            return Ok(());
        }
        let architecture = self.known.architecture;
        let past = left.pc.wrapping_add(architecture.breakpoint().len() as u64);
        let looked_at = std::mem::replace(&mut self.known.processor, left.processor);
        let counter = context::program_counter(architecture);
        let passed = self.set_register(counter, past).await;
        self.known.processor = looked_at;
        passed
    }

    /// Before the target goes on: a processor that was left standing on a breakpoint is looked at again, so that it
    /// steps off. Else it would meet the breakpoint again at once.
    ///
    /// # Errors
    /// Those of [`Debugger::call`].
    pub(super) async fn return_to_breakpoint(&mut self) -> Result<(), Fault> {
        let stands = self.stands_elsewhere().await?;
        match (self.known.left, stands) {
            (Some(left), Some(_)) => match self.switch(left.processor).await {
                // It stays where it is; the breakpoint is left out until the next stop.
                Ok(()) | Err(Fault::Words(_)) => Ok(()),
                Err(fault) => Err(fault),
            },
            _ => Ok(()),
        }
    }

    /// Where a processor that is not looked at stands on a breakpoint of ours, if one does.
    ///
    /// # Errors
    /// Those of [`Debugger::call`].
    pub(super) async fn stands_elsewhere(&mut self) -> Result<Option<u64>, Fault> {
        let Some(left) = self.known.left else {
            return Ok(None);
        };
        let is_there = self.known.breakpoints.software_at(left.pc).is_some()
            && self.registers_of(left.processor).await?.instruction() == left.pc;
        Ok(Some(left.pc).filter(|_| is_there))
    }
}
