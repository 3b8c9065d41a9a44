//! From one processor of a stopped target to another, and back before it goes on.

use std::time::{Duration, Instant};

use super::debugger::{Debugger, Phase};
use super::fault::Fault;
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
        if self.known.breakpoints.software_at(stop.pc).is_some() {
            stop.is_own_breakpoint = false;
            stop.is_ours = true;
        }
        let modules_read = self.known.modules_read;
        self.known.resumed();
        self.known.modules_read = modules_read;
        self.known.stopped_at(change.pc);
        self.known.processor = change.processor;
        self.known.thread = change.thread;
        self.known.left = self
            .known
            .left
            .or(stands)
            .filter(|(left, _)| *left != change.processor);
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

    /// A processor that stopped at a breakpoint instruction of the program's own goes past it. That is done when the
    /// target goes on, but nobody thinks of it any more when another processor is looked at. One that stands on a
    /// breakpoint of ours has to step off it then: which, and where.
    async fn leave(&mut self) -> Result<Option<(u16, u64)>, Fault> {
        let Phase::Stopped(stop) = &mut self.phase else {
            return Ok(None);
        };
        let (pc, processor) = (stop.pc, stop.processor);
        let (is_own, is_ours) = (std::mem::take(&mut stop.is_own_breakpoint), stop.is_ours);
        self.known.looked_at = None;
        let architecture = self.known.architecture;
        if is_own && self.registers().await?.instruction() == pc {
            let past = pc.wrapping_add(architecture.breakpoint().len() as u64);
            let counter = context::program_counter(architecture);
            self.set_register(counter, past).await?;
            return Ok(None);
        }
        Ok(Some((processor, pc)).filter(|_| is_ours))
    }

    /// Before the target goes on: a processor that was left standing on a breakpoint is looked at again, so that it
    /// steps off. Else it would meet the breakpoint again at once.
    ///
    /// # Errors
    /// Those of [`Debugger::call`].
    pub(super) async fn return_to_breakpoint(&mut self) -> Result<(), Fault> {
        let stands = self.stands_elsewhere().await?;
        match (self.known.left, stands) {
            (Some((processor, _)), Some(_)) => match self.switch(processor).await {
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
        let Some((processor, address)) = self.known.left else {
            return Ok(None);
        };
        let is_there = self.known.breakpoints.software_at(address).is_some()
            && self.registers_of(processor).await?.instruction() == address;
        Ok(Some(address).filter(|_| is_there))
    }
}
