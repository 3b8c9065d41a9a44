//! What a state change means: a module that comes or goes, a breakpoint, a step, an exception, a bug check; and what
//! people are told of it.

use super::bugcheck::Bugcheck;
use super::debugger::{Debugger, Phase};
use super::fault::Fault;
use super::resume::Go;
use crate::code::modules::Module;
use crate::code::statuses;
use crate::proto::kd::kdbg;
use crate::proto::kd::resume::DR7_UNUSED;
use crate::proto::kd::{Architecture, Change, Exception, LoadSymbols, NtStatus, StateChange};
use crate::rack::State;
use crate::transcript::Time;

/// The most processors a target is believed to have: Windows knows no more.
const PROCESSORS_MAX: u32 = 2048;

/// Why and where the target is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// The code of the exception; 0 for another state change.
    pub code: u32,
    /// Where the processor is that stopped.
    pub pc: u64,
    /// Which processor that is.
    pub processor: u16,
    /// The breakpoint instruction at [`Stop::pc`] is the program's own: going on means going past it.
    pub is_own_breakpoint: bool,
    /// A breakpoint or a step of ours stopped it: the program must not hear of the exception.
    pub is_ours: bool,
    /// Somebody had asked for a stop when it came, whatever brought it.
    pub was_asked: bool,
    /// Debug registers 6 and 7 of that processor.
    pub debug: (u64, u64),
    /// The code there as the stop reported it, without breakpoints of ours.
    pub code_bytes: Vec<u8>,
    /// What happened, in one line.
    pub what: String,
    /// What happened and where.
    pub detail: String,
}

impl Stop {
    /// A stop of which it is not known yet what it means.
    pub fn new(architecture: Architecture, change: &StateChange) -> Self {
        let (dr6, dr7, code_bytes) = match architecture {
            Architecture::Amd64 => {
                let report = change.report.amd64();
                (report.dr6, report.dr7, report.instructions)
            }
            Architecture::X86 => {
                let report = change.report.x86();
                (report.dr6.into(), report.dr7.into(), report.instructions)
            }
            Architecture::Arm64 => (0, 0, change.report.arm64().instructions),
        };
        let code = match &change.change {
            Change::Exception(exception) => exception.code,
            _ => 0,
        };
        let is_break = matches!(code, Exception::BREAKPOINT | Exception::WOW64_BREAKPOINT);
        Self {
            code,
            pc: change.pc,
            processor: change.processor,
            is_own_breakpoint: is_break && code_bytes.starts_with(architecture.breakpoint()),
            is_ours: false,
            was_asked: false,
            debug: (dr6, if dr7 == 0 { DR7_UNUSED } else { dr7 }),
            code_bytes,
            what: String::new(),
            detail: String::new(),
        }
    }
}

/// What is done about a state change.
enum Verdict {
    /// The target goes on.
    GoOn(Go),
    /// It goes away, and comes back perhaps.
    Goodbye,
    /// It stays stopped; what happened, in one line.
    Stay(String),
}

impl Debugger<'_> {
    /// The target stopped and says why: it goes on by itself, or people are told.
    pub(super) async fn handle_change(&mut self, change: StateChange) {
        self.current = Some(Box::new(change.clone()));
        self.known.resumed();
        self.known.processors = change.processors.clamp(1, PROCESSORS_MAX);
        self.known.processor = change.processor;
        self.known.thread = change.thread;
        self.known.stopped_at(change.pc);
        self.known.left = None;
        self.looks_at(Stop::new(self.known.architecture, &change));
        let judged = async {
            if self.known.version.is_none() {
                let detail = "stopped; asks it what it is";
                self.connector.report.state(State::Broken, detail);
                self.identify().await?;
                // What was decoded before was for another architecture, perhaps.
                let stop = Stop::new(self.known.architecture, &change);
                self.looks_at(stop);
            }
            self.judge(&change).await
        };
        let done = match judged.await {
            Ok(Verdict::GoOn(go)) => self.go(go).await,
            Ok(Verdict::Goodbye) => {
                let go = Go {
                    is_plain: true,
                    ..Go::on()
                };
                let gone = self.go(go).await;
                self.gone("shut down, or restarts; waits to hear of it again");
                gone
            }
            Ok(Verdict::Stay(what)) => {
                self.stay(what).await;
                Ok(())
            }
            Err(fault) => Err(fault),
        };
        match done {
            Ok(()) | Err(Fault::Lost) => {}
            // Better stopped than gone on without its breakpoints.
            Err(fault) => self.stay(format!("stopped; {fault}")).await,
        }
    }

    /// It is stopped there, and the code that it reported need not be fetched.
    pub(super) fn looks_at(&mut self, stop: Stop) {
        self.known.know_thread();
        self.known.memory.insert(stop.pc, &stop.code_bytes);
        self.phase = Phase::Stopped(Box::new(stop));
    }

    async fn judge(&mut self, change: &StateChange) -> Result<Verdict, Fault> {
        match &change.change {
            Change::LoadSymbols(module) => self.judge_module(module).await,
            Change::Exception(exception) => self.judge_exception(exception).await,
            Change::CommandString { name, command } => {
                let (name, command) = (printable(name), printable(command));
                let text = format!(
                    "the target asks for the command `{command}` ({name}); it is not carried out"
                );
                self.connector.report.notice(&text);
                Ok(Verdict::GoOn(Go::on()))
            }
            Change::Unknown { .. } => {
                let text = "the target stopped for a reason that is not known here; it goes on";
                self.connector.report.notice(text);
                Ok(Verdict::GoOn(Go::on()))
            }
        }
    }

    /// A module came or went.
    async fn judge_module(&mut self, module: &LoadSymbols) -> Result<Verdict, Fault> {
        if module.is_farewell() {
            let text = "the target shuts down or hands over: its modules are gone";
            self.connector.report.notice(text);
            return Ok(Verdict::Goodbye);
        }
        let machine = self.known.machine();
        let path = printable(&module.path);
        let start = machine.address(module.base);
        let end = machine.address(module.base.wrapping_add(module.size.into()));
        let (what, stops) = if module.unload {
            let gone = self.known.modules.remove(module.base);
            let name = gone.map_or(path, |gone| gone.path);
            (
                format!("ModUnload: {start}   {name}"),
                self.known.stop_on_unload,
            )
        } else {
            let is_kernel = self
                .known
                .version
                .as_ref()
                .is_some_and(|version| version.kernel_base == module.base);
            let mut loaded = Module::new(&path, module.base, module.size.into());
            loaded.checksum = module.checksum;
            if is_kernel {
                "nt".clone_into(&mut loaded.name);
            }
            self.known.modules.insert(loaded);
            (
                format!("ModLoad: {start} {end}   {path}"),
                self.known.stop_on_load,
            )
        };
        self.resolve_breakpoints().await?;
        if stops {
            return Ok(Verdict::Stay(what));
        }
        self.connector.report.notice(&what);
        Ok(Verdict::GoOn(Go::on()))
    }

    async fn judge_exception(&mut self, exception: &Exception) -> Result<Verdict, Fault> {
        let Phase::Stopped(stop) = &mut self.phase else {
            return Err(Fault::Lost);
        };
        let (pc, dr6) = (stop.pc, stop.debug.0);
        let was_asked = self.break_in_again.is_some();
        let passed = self.known.passing.iter().any(|(place, _)| *place == pc);
        match exception.code {
            Exception::BREAKPOINT | Exception::WOW64_BREAKPOINT => {
                // After a connection anew it may be one of ours in a module that nobody has looked for yet.
                if !self.known.modules_listed && self.known.breakpoints.any_without_place() {
                    self.read_modules().await?;
                }
                if let Some(one) = self.known.breakpoints.software_at(pc) {
                    let left = if passed { 1 } else { one.passes_left };
                    let met = (one.number, left, one.one_shot);
                    return Ok(self.meet(met));
                }
                if passed {
                    self.stopped_by_us();
                    return Ok(Verdict::Stay(String::new()));
                }
                if let Some(bugcheck) = self.bugcheck().await? {
                    self.connector.report.alert(&bugcheck.alert());
                    return Ok(Verdict::Stay(bugcheck.to_string()));
                }
                let banner = statuses::banner(exception.code, exception.first_chance);
                let asked = if was_asked {
                    "; asked for by a break-in"
                } else {
                    ""
                };
                Ok(Verdict::Stay(format!("{banner}{asked}")))
            }
            Exception::SINGLE_STEP | Exception::WOW64_SINGLE_STEP => {
                match self.known.breakpoints.hardware_met(dr6) {
                    Some(one) => {
                        let met = (one.number, one.passes_left, one.one_shot);
                        Ok(self.meet(met))
                    }
                    None => {
                        // A step that nobody waits for is the program's own.
                        if self.awaited {
                            self.stopped_by_us();
                        }
                        Ok(Verdict::Stay(String::new()))
                    }
                }
            }
            Exception::WAKE_DEBUGGER => Ok(Verdict::Stay(String::new())),
            code => Ok(Verdict::Stay(statuses::banner(
                code,
                exception.first_chance,
            ))),
        }
    }

    /// A breakpoint of ours was met. If somebody asked for a stop meanwhile this is one: what the breakpoint would let go
    /// on stays stopped, else a busy one could never be broken into.
    fn meet(&mut self, (number, passes_left, one_shot): (usize, u32, bool)) -> Verdict {
        self.stopped_by_us();
        let was_asked = self.break_in_again.is_some();
        if passes_left > 1 {
            let left = passes_left - 1;
            if let Some(one) = self.known.breakpoints.get_mut(number) {
                one.passes_left = left;
            }
            if !was_asked {
                return Verdict::GoOn(Go::on());
            }
            return Verdict::Stay(format!(
                "Breakpoint {number} passed, stops after {left} more; stopped for the break-in"
            ));
        }
        let commands = self
            .known
            .breakpoints
            .get_mut(number)
            .map(|one| one.commands.clone())
            .unwrap_or_default();
        if one_shot {
            self.known.breakpoints.remove(number);
        }
        if commands.is_empty() {
            return Verdict::Stay(format!("Breakpoint {number} hit"));
        }
        if was_asked {
            return Verdict::Stay(format!(
                "Breakpoint {number} hit; stopped for the break-in, its commands are not carried out"
            ));
        }
        self.do_next(commands);
        Verdict::Stay(format!("Breakpoint {number} hit"))
    }

    /// The stop is one that only a debugger knows of. An instruction that stops it by itself may lie under a breakpoint
    /// all the same.
    fn stopped_by_us(&mut self) {
        let Phase::Stopped(stop) = &mut self.phase else {
            return;
        };
        let under = self.known.memory.overlay_at(stop.pc);
        let breakpoint = self.known.architecture.breakpoint();
        stop.is_own_breakpoint &= under.is_some_and(|under| under.starts_with(breakpoint));
        stop.is_ours = true;
    }

    /// The target stays stopped: people are told what happened and where.
    async fn stay(&mut self, what: String) {
        let time = Time::now();
        let was_asked = self.break_in_again.take().is_some();
        if let Phase::Stopped(stop) = &mut self.phase {
            stop.was_asked = was_asked;
        }
        // Those that could not be taken out are when the target goes on.
        self.end_passing().await.ok();
        // The place is worth telling even if nothing can be read there.
        let place = self.place_lines().await.unwrap_or_default();
        let machine = self.known.machine();
        let Phase::Stopped(stop) = &mut self.phase else {
            return;
        };
        let at = match place.first().and_then(|line| line.strip_suffix(':')) {
            Some(name) => name.to_owned(),
            None => machine.address(stop.pc).to_string(),
        };
        let detail = if what.is_empty() {
            format!("stopped at {at}")
        } else {
            format!("{what}, at {at}")
        };
        stop.what.clone_from(&what);
        stop.detail.clone_from(&detail);
        let event = if what.is_empty() {
            "Single step"
        } else {
            &what
        };
        self.known.last_event = Some((event.to_owned(), time));
        let lines: Vec<&str> = std::iter::once(what.as_str())
            .filter(|what| !what.is_empty())
            .chain(place.iter().map(String::as_str))
            .collect();
        self.stop_text = lines.join("\n");
        let report = &self.connector.report;
        report.target().transcript.end_line();
        if !self.makes_steps {
            report.state(State::Broken, &detail);
        }
        report.prompt(&self.prompt());
        if !self.awaited {
            report.notice(&self.stop_text);
        }
    }

    /// Name, and instruction, of where the target is.
    pub(super) async fn place_lines(&mut self) -> Result<Vec<String>, Fault> {
        let registers = self.registers().await?;
        let at = registers.instruction();
        self.known.next_code = at;
        // Modules that come later tell of themselves.
        let is_news = self.known.modules.at(at).is_none() && !self.known.modules_listed;
        if is_news && !self.link.is_slow() {
            self.read_modules().await?;
        }
        self.glance(|view| view.disassembler().stop(&registers))
            .await
    }

    /// The bug check that the target is in, if it is in one.
    ///
    /// # Errors
    /// Those of reading the target's memory.
    pub(super) async fn bugcheck(&mut self) -> Result<Option<Bugcheck>, Fault> {
        if let Some(data) = self.known.kernel_field(kdbg::KI_BUGCHECK_DATA) {
            let bytes = self.known.machine().pointer_bytes() as u64;
            let mut words = [0; 5];
            for (place, word) in (0..).zip(&mut words) {
                match self.pointer(data.wrapping_add(place * bytes)).await {
                    Ok(value) => *word = value,
                    Err(Fault::Memory(_)) => return Ok(None),
                    Err(fault) => return Err(fault),
                }
            }
            return Ok(Bugcheck::new(words));
        }
        Ok(Bugcheck::announced(&self.last_prints))
    }
}

/// Text of the target as it may be shown in a line.
fn printable(bytes: &[u8]) -> String {
    crate::transcript::safe::plain(bytes).into_owned()
}

/// A status to go on with from a stop for an exception with this code, from the letter behind `g`. Without one, what
/// is an error is the program's to handle: an instruction that failed would only fail again.
pub fn status_of(letter: Option<char>, code: u32) -> NtStatus {
    match letter {
        None if NtStatus(code).is_error() => NtStatus::EXCEPTION_NOT_HANDLED,
        Some('h' | 'H') => NtStatus::EXCEPTION_HANDLED,
        Some('n' | 'N') => NtStatus::EXCEPTION_NOT_HANDLED,
        _ => NtStatus::CONTINUE,
    }
}
