//! Going on and stepping: `g`, `gu`, `p`, `t` and their relatives.

use std::collections::VecDeque;
use std::time::Instant;

use super::super::debugger::{Debugger, Phase};
use super::super::fault::Fault;
use super::super::progress;
use super::super::resume::Go;
use super::super::stop::status_of;
use crate::code::disassembly::{Flow, Instruction};
use crate::code::{expression, unwind};
use crate::proto::kd::context;
use crate::rack::State;

/// The most steps one command makes: more is a loop that a breakpoint ends better.
const STEPS_MAX: u64 = 1_000_000;
/// Steps whose place is shown; of more, those at the end.
const STEPS_SHOWN: usize = 500;
/// Said of a count of zero.
const NO_STEPS: &str = "a count of 0 steps nowhere";
/// Addresses that one `g` may name, as documented.
const ADDRESSES_MAX: usize = 10;

/// `g`, `gh`, `gn`: on, from another place if `= START` says so, up to some addresses.
pub async fn go(debugger: &mut Debugger<'_>, name: &str, rest: &str) -> Result<String, Fault> {
    let mut rest = start_elsewhere(debugger, rest).await?;
    let mut addresses = Vec::new();
    while !rest.is_empty() {
        let text = rest;
        let (address, behind) = debugger
            .look(|view| {
                let (address, behind) = expression::leading(text, &view.surroundings())?;
                Ok::<_, expression::ExpressionError>((address, text.len() - behind.len()))
            })
            .await?;
        addresses.push(debugger.known.machine().canonical(address));
        rest = rest.get(behind..).unwrap_or_default();
    }
    if addresses.len() > ADDRESSES_MAX {
        return Err(Fault::Words(format!(
            "g takes up to {ADDRESSES_MAX} addresses; bp takes more"
        )));
    }
    debugger.end_passing().await?;
    debugger.known.passing = addresses
        .into_iter()
        .map(|address| (address, None))
        .collect();
    let code = match &debugger.phase {
        Phase::Stopped(stop) => stop.code,
        _ => 0,
    };
    let go = Go {
        status: status_of(name.chars().nth(1), code),
        ..Go::on()
    };
    debugger.go(go).await?;
    Ok(String::new())
}

/// `= START` sets the program counter; what is behind it is left.
async fn start_elsewhere<'t>(debugger: &mut Debugger<'_>, text: &'t str) -> Result<&'t str, Fault> {
    let Some(text) = text.strip_prefix('=') else {
        return Ok(text);
    };
    let (address, behind) = debugger
        .look(|view| {
            let (address, behind) = expression::leading(text, &view.surroundings())?;
            Ok::<_, expression::ExpressionError>((address, text.len() - behind.len()))
        })
        .await?;
    let counter = context::program_counter(debugger.known.architecture);
    debugger.set_register(counter, address).await?;
    Ok(text.get(behind..).unwrap_or_default())
}

/// `gu`: up to where the function returns to.
pub async fn go_up(debugger: &mut Debugger<'_>) -> Result<String, Fault> {
    debugger.read_modules().await?;
    let registers = debugger.registers().await?;
    let caller = debugger
        .look(|view| unwind::caller(&view.known.memory, &view.known.modules, &registers))
        .await?
        .ok_or("there is no caller to go up to")?;
    run_to(debugger, caller.instruction(), caller.stack()).await?;
    Ok(std::mem::take(&mut debugger.stop_text))
}

/// Runs to an address, and on while the stack is not as high there as `stack`: the function called itself.
async fn run_to(debugger: &mut Debugger<'_>, address: u64, stack: u64) -> Result<(), Fault> {
    let thread = debugger.known.thread;
    loop {
        debugger.end_passing().await?;
        debugger.known.passing = vec![(address, None)];
        debugger.go_and_wait(Go::on()).await?;
        let Some((pc, is_plain)) = stopped_at(debugger) else {
            return Ok(());
        };
        let registers = debugger.registers().await?;
        let is_there = registers.stack() >= stack && debugger.known.thread == thread;
        if pc != address || !is_plain || is_there {
            return Ok(());
        }
    }
}

/// Where it is stopped, and whether only by the end of a step: nothing happened, and nobody asked for a stop meanwhile.
/// `None` if it asks something instead.
fn stopped_at(debugger: &Debugger<'_>) -> Option<(u64, bool)> {
    match &debugger.phase {
        Phase::Stopped(stop) => Some((stop.pc, stop.what.is_empty() && !stop.was_asked)),
        _ => None,
    }
}

/// `p`, `t`: one step or several.
pub async fn step(debugger: &mut Debugger<'_>, over: bool, rest: &str) -> Result<String, Fault> {
    // `pr` and `tr` toggle the registers; they are shown with r.
    let rest = start_elsewhere(debugger, rest).await?;
    let count = match rest {
        "" => 1,
        rest => debugger.evaluate(rest).await?,
    };
    if count == 0 {
        return Err(NO_STEPS.into());
    }
    let mut left = count;
    step_while(debugger, over, |_| {
        left = left.saturating_sub(1);
        left > 0
    })
    .await
}

/// `pa`, `ta`: up to an address.
pub async fn step_to(debugger: &mut Debugger<'_>, over: bool, rest: &str) -> Result<String, Fault> {
    if rest.is_empty() {
        return Err("up to which address?".into());
    }
    let address = debugger.evaluate(rest).await?;
    let address = debugger.known.machine().canonical(address);
    step_while(debugger, over, |instruction| instruction.address != address).await
}

/// `pc`, `pt`, `tc`, `tt`: up to the next call or return, once or several times.
pub async fn step_until(
    debugger: &mut Debugger<'_>,
    name: &str,
    rest: &str,
) -> Result<String, Fault> {
    let mut left = match rest {
        "" => 1,
        rest => debugger.evaluate(rest).await?,
    };
    if left == 0 {
        return Err(NO_STEPS.into());
    }
    let at_call = name.ends_with('c');
    step_while(debugger, name.starts_with('p'), |instruction| {
        let is_met = match instruction.flow {
            Flow::Call(_) => at_call,
            Flow::Return => !at_call,
            _ => false,
        };
        left -= u64::from(is_met);
        left > 0
    })
    .await
}

/// Steps while `goes_on` says so of the instruction it has come to, and nothing else stops it.
async fn step_while(
    debugger: &mut Debugger<'_>,
    over: bool,
    goes_on: impl FnMut(&Instruction) -> bool,
) -> Result<String, Fault> {
    debugger.makes_steps = true;
    let stepped = make_steps(debugger, over, goes_on).await;
    debugger.makes_steps = false;
    if let Phase::Stopped(stop) = &debugger.phase {
        debugger.connector.report.state(State::Broken, &stop.detail);
    }
    stepped
}

async fn make_steps(
    debugger: &mut Debugger<'_>,
    over: bool,
    mut goes_on: impl FnMut(&Instruction) -> bool,
) -> Result<String, Fault> {
    let mut shown = VecDeque::new();
    let mut left_out = 0;
    let mut told = Instant::now();
    for done in 1..=STEPS_MAX {
        step_once(debugger, over).await?;
        shown.push_back(std::mem::take(&mut debugger.stop_text));
        if shown.len() > STEPS_SHOWN {
            shown.pop_front();
            left_out += 1;
        }
        let Some((pc, true)) = stopped_at(debugger) else {
            break;
        };
        debugger.check_interrupt()?;
        let instruction = debugger
            .glance(|view| view.disassembler().instruction(pc, None))
            .await?;
        if !goes_on(&instruction) {
            break;
        }
        if told.elapsed() >= progress::EVERY {
            told = Instant::now();
            let detail = format!("{done} steps so far; {}", progress::ENDS);
            debugger.connector.report.state(State::Broken, &detail);
        }
    }
    let mut lines: Vec<String> = shown.into();
    if left_out > 0 {
        lines.insert(0, format!("({left_out} steps before these are not shown)"));
    }
    Ok(lines.join("\n"))
}

async fn step_once(debugger: &mut Debugger<'_>, over: bool) -> Result<(), Fault> {
    if over {
        let registers = debugger.registers().await?;
        let pc = registers.instruction();
        let instruction = debugger
            .glance(|view| view.disassembler().instruction(pc, None))
            .await?;
        if let Flow::Call(_) | Flow::Repeat = instruction.flow {
            return run_to(debugger, instruction.next(), registers.stack()).await;
        }
    }
    debugger.go_and_wait(Go::step()).await
}
