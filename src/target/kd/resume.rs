//! Going on: breakpoints are put where people want them, the processor steps off one it stands on, and the target runs.

use std::time::{Duration, Instant};

use super::breakpoints::{HARDWARE_MAX, How};
use super::debugger::{Debugger, Phase};
use super::fault::Fault;
use super::stop::Stop;
use crate::code::memory::Memory as _;
use crate::proto::kd::{Answer, Architecture, Call, Change, Continue2, Exception, NtStatus};
use crate::proto::kd::{context, special};
use crate::rack::State;

/// A step over one instruction is over at once, whatever else the machine does.
const STEP_OFF: Duration = Duration::from_secs(5);

/// How to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Go {
    /// What becomes of the exception.
    pub status: NtStatus,
    /// Stop again after one instruction.
    pub is_step: bool,
    /// With the old request, for a target that is about to go away.
    pub is_plain: bool,
}

impl Go {
    /// Simply on.
    pub fn on() -> Self {
        Self {
            status: NtStatus::CONTINUE,
            is_step: false,
            is_plain: false,
        }
    }

    /// For one instruction.
    pub fn step() -> Self {
        Self {
            is_step: true,
            ..Self::on()
        }
    }
}

impl Debugger<'_> {
    /// Lets the target go on.
    ///
    /// # Errors
    /// Those of [`Debugger::call`]; the target is still stopped then.
    pub(super) async fn go(&mut self, go: Go) -> Result<(), Fault> {
        if !go.is_plain && !go.is_step {
            self.return_to_breakpoint().await?;
        }
        let Phase::Stopped(stop) = &self.phase else {
            return Err(Fault::Running("going on".to_owned()));
        };
        if go.is_plain {
            self.tell(self.known.processor, Call::Continue { status: go.status });
            self.running();
            return Ok(());
        }
        let (is_ours, code) = (stop.is_ours, stop.code);
        let (stopped_at, processor, is_own) = (stop.pc, stop.processor, stop.is_own_breakpoint);
        // The program knows nothing of breakpoints and steps that are ours.
        let status = if is_ours {
            NtStatus::CONTINUE
        } else {
            go.status
        };
        self.known.looked_at = None;
        if !status.is_failure() {
            self.pass_what_was_left().await?;
        }
        let mut at = if code == 0 {
            stopped_at
        } else {
            self.registers_of(processor).await?.instruction()
        };
        // The breakpoint instruction is a part of the program: it was executed by stopping, unless the program itself
        // is to deal with it.
        if is_own && at == stopped_at && !status.is_failure() {
            self.known.processor = processor;
            at = at.wrapping_add(self.known.architecture.breakpoint().len() as u64);
            let counter = context::program_counter(self.known.architecture);
            self.set_register(counter, at).await?;
            if go.is_step {
                return self.stopped_again(at);
            }
        }
        self.clear_leftovers().await?;
        self.set_debug_registers().await?;
        let mut except = vec![at];
        except.extend(self.stands_elsewhere().await?);
        let stands_on_one = self.known.breakpoints.software_at(at).is_some()
            || self.known.passing.iter().any(|(place, _)| *place == at);
        self.insert_breakpoints(&except).await?;
        // An exception that the program is to deal with leads elsewhere at once.
        if stands_on_one && !go.is_step && !status.is_failure() {
            self.send_go(processor, status, true);
            if !self.wait_for_step().await? {
                return Ok(());
            }
            self.insert_breakpoints(&[]).await?;
            self.send_go(self.known.processor, NtStatus::CONTINUE, false);
        } else {
            self.send_go(processor, status, go.is_step);
        }
        self.running();
        Ok(())
    }

    /// The processor is somewhere else without having run: told as a stop.
    fn stopped_again(&mut self, pc: u64) -> Result<(), Fault> {
        let Some(mut change) = self.current.take() else {
            return Err(Fault::Lost);
        };
        // The code that the stop reported begins further on, too.
        let passed = usize::try_from(pc.wrapping_sub(change.pc)).unwrap_or(usize::MAX);
        let rest = |code: Vec<u8>| code.into_iter().skip(passed).collect();
        change.report = match self.known.architecture {
            Architecture::Amd64 => {
                let mut report = change.report.amd64();
                report.instructions = rest(report.instructions);
                (&report).into()
            }
            Architecture::X86 => {
                let mut report = change.report.x86();
                report.instructions = rest(report.instructions);
                (&report).into()
            }
            Architecture::Arm64 => {
                let mut report = change.report.arm64();
                report.instructions = rest(report.instructions);
                (&report).into()
            }
        };
        change.pc = pc;
        if let Change::Exception(exception) = &mut change.change {
            exception.code = Exception::SINGLE_STEP;
        }
        self.phase = Phase::Running;
        self.change = Some(change);
        Ok(())
    }

    fn send_go(&mut self, processor: u16, status: NtStatus, is_step: bool) {
        let dr7 = match &self.phase {
            Phase::Stopped(stop) if !self.has_hardware() => stop.debug.1 & !ENABLED,
            _ => self.known.breakpoints.debug_registers().1,
        };
        let call = Continue2::new(self.known.architecture, status, is_step, dr7);
        self.tell(processor, Call::Continue2(call));
        self.current = None;
        self.known.resumed();
    }

    fn has_hardware(&self) -> bool {
        self.known
            .breakpoints
            .iter()
            .any(|one| one.how != How::Software)
    }

    /// The target runs, as far as is known.
    fn running(&mut self) {
        self.current = None;
        self.known.resumed();
        self.phase = Phase::Running;
        self.last_prints.clear();
        // A step is over in a moment: nobody wants to see it run.
        if !self.awaited {
            self.connector
                .report
                .state(State::Running, "runs; .break stops it");
            self.connector.report.prompt(&self.prompt());
        }
    }

    /// Waits for the end of a step that people do not see. False if something else stopped the target: that is in
    /// [`Debugger::change`] then.
    async fn wait_for_step(&mut self) -> Result<bool, Fault> {
        self.phase = Phase::Running;
        let deadline = Instant::now() + STEP_OFF;
        while self.change.is_none() {
            if self.end.is_some() || self.restarted {
                return Err(Fault::Lost);
            }
            if Instant::now() >= deadline {
                // It runs where nothing is known of; the next stop tells.
                self.running();
                return Ok(false);
            }
            if let Phase::Asking(_) = self.phase {
                return Ok(false);
            }
            self.step(Some(deadline)).await;
        }
        let is_step = self.change.as_ref().is_some_and(|change| {
            matches!(&change.change, Change::Exception(exception) if exception.code == Exception::SINGLE_STEP)
        });
        let Some(change) = self.change.take_if(|_| is_step) else {
            return Ok(false);
        };
        let mut stop = Stop::new(self.known.architecture, &change);
        if self.known.breakpoints.hardware_met(stop.debug.0).is_some() {
            self.change = Some(change);
            return Ok(false);
        }
        self.known.stopped_at(change.pc);
        self.known.processor = change.processor;
        stop.is_ours = true;
        self.current = Some(change);
        self.looks_at(stop);
        Ok(true)
    }

    /// Puts every enabled breakpoint into the target that is not in it, but for those at `except`.
    async fn insert_breakpoints(&mut self, except: &[u64]) -> Result<(), Fault> {
        let wanted: Vec<(usize, u64)> = self
            .known
            .breakpoints
            .iter()
            .filter(|one| one.enabled && one.how == How::Software && one.handle.is_none())
            .filter_map(|one| Some((one.number, one.address?)))
            .filter(|(_, address)| !except.contains(address))
            .collect();
        for (number, address) in wanted {
            if self.known.breakpoints.is_inserted_at(address) {
                continue;
            }
            match self.insert(address).await {
                Ok(handle) => {
                    if let Some(one) = self.known.breakpoints.get_mut(number) {
                        one.handle = Some(handle);
                    }
                }
                Err(Fault::Refused(status)) => {
                    let text = format!("breakpoint {number} cannot be set: {status}");
                    self.connector.report.notice(&text);
                }
                Err(fault) => return Err(fault),
            }
        }
        let inserted = self.insert_passing(except).await;
        if let Err(Fault::Refused(_)) = inserted {
            // Whoever wanted it hears that it cannot be; what comes after is not to fail for it.
            self.end_passing().await?;
        }
        inserted
    }

    /// The same with those of a step or a `g ADDRESS`.
    async fn insert_passing(&mut self, except: &[u64]) -> Result<(), Fault> {
        for number in 0..self.known.passing.len() {
            let Some(&(address, None)) = self.known.passing.get(number) else {
                continue;
            };
            // One that people set does as well.
            if except.contains(&address) || self.known.breakpoints.is_inserted_at(address) {
                continue;
            }
            let handle = self.insert(address).await?;
            if let Some(passing) = self.known.passing.get_mut(number) {
                passing.1 = Some(handle);
            }
        }
        Ok(())
    }

    /// Has the target put a breakpoint at an address; what was there goes on to be shown. Its number for it.
    async fn insert(&mut self, address: u64) -> Result<u32, Fault> {
        let bytes = self.known.architecture.breakpoint().len();
        let original = self
            .glance(|view| {
                let mut original = vec![0; bytes];
                view.known
                    .memory
                    .read(address, &mut original)
                    .map(|()| original)
            })
            .await;
        match original {
            Ok(original) => self.known.memory.overlay(address, &original),
            // Not mapped yet: the target holds it back until it is.
            Err(Fault::Memory(_)) => {}
            Err(fault) => return Err(fault),
        }
        let reply = self
            .call(self.known.processor, Call::WriteBreakpoint { address })
            .await?;
        match reply.answer {
            Answer::Breakpoint { handle, .. } => Ok(handle),
            _ => Err(Fault::Nonsense("no handle in the answer to a breakpoint")),
        }
    }

    /// Takes a breakpoint out of the target.
    ///
    /// # Errors
    /// Those of [`Debugger::call`], but for a refusal: the target has taken it out by itself then.
    pub(super) async fn take_out(
        &mut self,
        address: u64,
        handle: Option<u32>,
    ) -> Result<(), Fault> {
        if let Some(handle) = handle {
            let restored = self
                .call(self.known.processor, Call::RestoreBreakpoint { handle })
                .await;
            match restored {
                Ok(_) | Err(Fault::Refused(_)) => {}
                Err(fault) => return Err(fault),
            }
        }
        self.known.memory.remove_overlay(address);
        Ok(())
    }

    /// Takes the breakpoints out of the target that lie in a range; people still have them.
    ///
    /// # Errors
    /// Those of [`Debugger::take_out`].
    pub(super) async fn take_out_between(&mut self, start: u64, end: u64) -> Result<(), Fault> {
        let inserted: Vec<(usize, u64, u32)> = self
            .known
            .breakpoints
            .iter()
            .filter_map(|one| Some((one.number, one.address?, one.handle?)))
            .filter(|(_, address, _)| (start..end).contains(address))
            .collect();
        for (number, address, handle) in inserted {
            self.take_out(address, Some(handle)).await?;
            if let Some(one) = self.known.breakpoints.get_mut(number) {
                one.handle = None;
            }
        }
        Ok(())
    }

    /// The breakpoints of a step or a `g ADDRESS` have done their work, or nobody waits for them any more.
    ///
    /// # Errors
    /// Those of [`Debugger::take_out`]; what is left is taken out the next time.
    pub(super) async fn end_passing(&mut self) -> Result<(), Fault> {
        while let Some(&(address, handle)) = self.known.passing.last() {
            self.take_out(address, handle).await?;
            self.known.passing.pop();
        }
        Ok(())
    }

    /// Breakpoints are where their modules are now; those that mean something only now are found.
    pub(super) async fn resolve_breakpoints(&mut self) -> Result<(), Fault> {
        self.known.breakpoints.follow(&self.known.modules);
        let deferred: Vec<(usize, String)> = self
            .known
            .breakpoints
            .iter()
            .filter_map(|one| match &one.place {
                super::breakpoints::Place::Deferred(text) => Some((one.number, text.clone())),
                _ => None,
            })
            .collect();
        for (number, text) in deferred {
            let module = text.split('!').next().unwrap_or_default();
            if self.known.modules.named(module).is_none() {
                continue;
            }
            match self.evaluate(&text).await {
                Ok(address) => {
                    let place = self.place_of(address);
                    if let Some(one) = self.known.breakpoints.get_mut(number) {
                        one.place = place;
                        one.address = Some(address);
                    }
                }
                // It may mean something when the next module is there.
                Err(Fault::Expression(_) | Fault::Memory(_)) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }

    /// How an address is remembered: by its module if it is in one.
    pub(super) fn place_of(&self, address: u64) -> super::breakpoints::Place {
        use super::breakpoints::Place;
        match self.known.modules.at(address) {
            Some(module) => Place::Module {
                module: module.name.clone(),
                offset: address.wrapping_sub(module.base),
            },
            None => Place::Address(address),
        }
    }

    /// Gives all processors the hardware breakpoints, if there are any or were.
    async fn set_debug_registers(&mut self) -> Result<(), Fault> {
        let had = matches!(&self.phase, Phase::Stopped(stop) if stop.debug.1 & ENABLED != 0);
        if self.known.architecture == Architecture::Arm64 || !(self.has_hardware() || had) {
            return Ok(());
        }
        let (addresses, control) = self.known.breakpoints.debug_registers();
        let architecture = self.known.architecture;
        for processor in 0..self.known.processors {
            let processor = u16::try_from(processor).unwrap_or(u16::MAX);
            let mut data = self.special(processor).await?;
            for (register, address) in (0..HARDWARE_MAX).zip(addresses) {
                special::set(architecture, &mut data, &format!("kdr{register}"), address);
            }
            special::set(architecture, &mut data, "kdr6", 0);
            special::set(architecture, &mut data, "kdr7", control);
            let address = special::address(architecture);
            self.call(processor, Call::WriteControl { address, data })
                .await?;
        }
        Ok(())
    }

    /// The special registers of a processor: control registers, descriptor tables, debug registers.
    ///
    /// # Errors
    /// Those of [`Debugger::call`].
    pub(super) async fn special(&mut self, processor: u16) -> Result<Vec<u8>, Fault> {
        let architecture = self.known.architecture;
        let call = Call::ReadControl {
            address: special::address(architecture),
            count: u32::try_from(special::bytes(architecture)).unwrap_or(u32::MAX),
        };
        match self.call(processor, call).await?.answer {
            Answer::Memory { data, .. } => Ok(data),
            _ => Err(Fault::Nonsense(
                "no registers in the answer to a read of control space",
            )),
        }
    }
}

/// The bits of debug register 7 that enable its four breakpoints.
const ENABLED: u64 = 0xff;
