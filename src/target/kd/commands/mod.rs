//! What people type to a Windows kernel, in KD's words ("Debugger commands" of Microsoft's debugger documentation).
//!
//! [`super::super::debugger::TABLE`] says which commands there are; each file here carries out those of one kind.

mod arguments;
mod breakpoints;
mod code;
mod contexts;
mod crashes;
mod machine;
mod memory;
mod modules;
mod paging;
mod processors;
mod ranges;
mod registers;
mod running;
mod split;
mod times;
mod transfer;

use std::pin::Pin;

use super::debugger::{Debugger, Phase};
use super::fault::Fault;
use crate::code::expression::ExpressionError;
use crate::code::memory::Fault as MemoryFault;
use crate::command;
use crate::target::{Answer, debugger};

use split::{Typed, commands};

/// Commands that an empty line repeats, as the documentation says: those that step or go on showing.
const REPEATED: &[&str] = &["p", "t", "pc", "pt", "tc", "tt", "u", "ub"];

/// Carries out a line: commands with `;` between them, or the answer to what the target asks.
pub async fn run(debugger: &mut Debugger<'_>, line: &str) -> Answer {
    if debugger.answer_prompt(answer_in(line)) {
        return Ok(String::new());
    }
    let line = if line.trim().is_empty() {
        std::mem::take(&mut debugger.known.last_command)
    } else {
        line.to_owned()
    };
    let mut text = String::new();
    for command in commands(&line) {
        let typed = Typed::new(command);
        match one(debugger, &typed).await {
            Ok(more) => add(&mut text, &more),
            Err(fault) if text.is_empty() => return Err(told(debugger, &typed, &fault)),
            Err(fault) => {
                add(&mut text, &told(debugger, &typed, &fault));
                return Err(text);
            }
        }
        let repeats = REPEATED.contains(&typed.name) || typed.name.starts_with('d');
        // An empty line goes on where the last display ended.
        debugger.known.last_command = match (repeats, typed.name.starts_with(['d', 'u'])) {
            (true, true) => typed.name.to_owned(),
            (true, false) => command.to_owned(),
            (false, _) => String::new(),
        };
    }
    Ok(text)
}

/// Whether a line lets the target run, if nothing keeps it from that.
pub fn lets_run(line: &str) -> bool {
    commands(line).any(|command| Typed::new(command).name.starts_with(['g', 'G']))
}

/// The answer in a line that answers the target: `.prompt ANSWER` says it with a word in front.
fn answer_in(line: &str) -> &str {
    line.strip_prefix(".prompt ").unwrap_or(line)
}

/// Why a command failed, with addresses as the target's are written.
fn told(debugger: &Debugger<'_>, typed: &Typed<'_>, fault: &Fault) -> String {
    match fault {
        Fault::Memory(MemoryFault::Unreadable { address }) => format!(
            "the memory at {} cannot be read",
            debugger.known.machine().address(*address)
        ),
        // Nothing more came where something had to.
        Fault::Expression(ExpressionError::Syntax(at)) if at.is_empty() => {
            match usage(typed.name) {
                Some(usage) => {
                    format!("Syntax error at '', where something is missing; it goes {usage}")
                }
                None => fault.to_string(),
            }
        }
        _ => fault.to_string(),
    }
}

/// How a command is written.
fn usage(name: &str) -> Option<String> {
    let arguments = match debugger::find(name) {
        Some(command) => command.arguments,
        None => dotted(name)?.arguments,
    };
    Some(format!("{name} {arguments}"))
}

/// A command that begins with a dot.
fn dotted(name: &str) -> Option<&'static command::Command> {
    command::TABLE.iter().find(|command| command.name == name)
}

fn add(text: &mut String, more: &str) {
    if !text.is_empty() && !more.is_empty() {
        text.push('\n');
    }
    text.push_str(more);
}

/// Names whose letters' case matters, as the documentation says.
const CASED: &[&str] = &["dD", "dW", "eD", "rM"];

/// A command under way. On the heap: together they are larger than a thread's stack may bear.
type Doing<'d> = Pin<Box<dyn Future<Output = Result<String, Fault>> + Send + 'd>>;

/// Carries out one command.
async fn one(debugger: &mut Debugger<'_>, typed: &Typed<'_>) -> Result<String, Fault> {
    let lower = typed.name.to_ascii_lowercase();
    let is_cased = CASED.contains(&typed.name) || lower.starts_with('k');
    let name = if is_cased { typed.name } else { &lower };
    let is_stopped = matches!(debugger.phase, Phase::Stopped(_));
    if !is_stopped && needs_stop(name) {
        return Err(Fault::Running(name.to_owned()));
    }
    if !typed.rest.is_empty() && takes_nothing(name) {
        return Err(arguments::syntax(typed.rest));
    }
    if let Some(processor) = typed.processor {
        return processors::with_processor(debugger, processor, typed).await;
    }
    if is_stopped && typed.rest.contains('!') {
        // A module is named: it has to be known.
        debugger.read_modules().await?;
    }
    begin(debugger, name, typed).await
}

/// Finds who carries out a command.
fn begin<'d>(debugger: &'d mut Debugger<'_>, name: &'d str, typed: &Typed<'d>) -> Doing<'d> {
    let (rest, number) = (typed.rest, typed.number);
    match name {
        "" if rest.is_empty() => done(Ok(String::new())),
        "g" | "gh" | "gn" => Box::pin(running::go(debugger, name, rest)),
        "gu" => Box::pin(running::go_up(debugger)),
        "p" | "t" => Box::pin(running::step(debugger, name == "p", rest)),
        "pa" | "ta" => Box::pin(running::step_to(debugger, name == "pa", rest)),
        "pc" | "pt" | "tc" | "tt" => Box::pin(running::step_until(debugger, name, rest)),
        "bp" | "bu" => Box::pin(breakpoints::set(debugger, number, rest)),
        "ba" => Box::pin(breakpoints::watch(debugger, number, rest)),
        "bl" => Box::pin(breakpoints::list(debugger, rest)),
        "bc" | "bd" | "be" => Box::pin(breakpoints::change(debugger, name, rest)),
        "r" => Box::pin(registers::show_or_set(debugger, rest)),
        "rM" => Box::pin(registers::masked(debugger, rest)),
        "~" => Box::pin(processors::processors(debugger, rest)),
        "rdmsr" => Box::pin(processors::read_msr(debugger, rest)),
        "wrmsr" => Box::pin(processors::write_msr(debugger, rest)),
        "ib" | "iw" | "id" => Box::pin(processors::read_port(debugger, name, rest)),
        "ob" | "ow" | "od" => Box::pin(processors::write_port(debugger, name, rest)),
        ".cxr" => Box::pin(contexts::context_record(debugger, rest)),
        ".trap" => Box::pin(contexts::trap_frame(debugger, rest)),
        "f" => Box::pin(ranges::fill(debugger, rest)),
        "s" => Box::pin(ranges::search(debugger, rest)),
        "c" => Box::pin(ranges::compare(debugger, rest)),
        "m" => Box::pin(ranges::copy(debugger, rest)),
        "!pte" => Box::pin(paging::translate(debugger, rest)),
        "!vtop" => Box::pin(paging::translate_other(debugger, rest)),
        ".writemem" => Box::pin(transfer::to_file(debugger, rest)),
        ".readmem" => Box::pin(transfer::from_file(debugger, rest)),
        "u" => Box::pin(code::disassemble(debugger, rest)),
        "ub" => Box::pin(code::disassemble_back(debugger, rest)),
        "uf" => Box::pin(code::disassemble_function(debugger, rest)),
        "ln" => Box::pin(modules::near(debugger, rest)),
        "x" => Box::pin(modules::examine(debugger, rest)),
        "?" => Box::pin(code::evaluate(debugger, rest)),
        ".formats" => Box::pin(code::formats(debugger, rest)),
        "n" => done(code::radix(debugger, rest)),
        "vertarget" => Box::pin(machine::target(debugger)),
        "version" => Box::pin(machine::version(debugger)),
        ".time" => Box::pin(machine::time(debugger)),
        ".lastevent" => done(Ok(machine::last_event(debugger))),
        ".bugcheck" => Box::pin(crashes::bugcheck(debugger)),
        "!analyze" => Box::pin(crashes::analyze(debugger, rest)),
        "!dbgprint" => Box::pin(machine::debug_prints(debugger)),
        ".reboot" => done(Ok(crashes::reboot(debugger))),
        ".crash" => Box::pin(crashes::crash(debugger)),
        ".diag" => done(Ok(debugger.diagnosis())),
        ".echo" => done(Ok(unquoted(rest).to_owned())),
        ".prompt" => done(Ok("the target asks nothing".to_owned())),
        "sx" => done(Ok(machine::events(debugger))),
        "sxe" | "sxd" => done(machine::stop_on_event(debugger, name == "sxe", rest)),
        _ if name.starts_with("!d") => Box::pin(memory::show_physical(debugger, name, rest)),
        _ if name.starts_with("!e") => Box::pin(memory::write_physical(debugger, name, rest)),
        _ if name.starts_with("lm") => Box::pin(modules::list(debugger, name, rest)),
        _ if name.starts_with(['k', 'K']) => Box::pin(code::stack(debugger, name, rest)),
        _ if name.starts_with('d') => Box::pin(memory::show(debugger, name, rest)),
        _ if name.starts_with('e') => Box::pin(memory::write(debugger, name, rest)),
        "" => done(Err(unknown(rest))),
        _ => done(Err(unknown(name))),
    }
}

/// A command that is done already.
fn done<'d>(result: Result<String, Fault>) -> Doing<'d> {
    Box::pin(std::future::ready(result))
}

/// The text that `.echo` shows. Quotes around it let a `;` stand in it, and are no part of it.
fn unquoted(text: &str) -> &str {
    let inner = text
        .strip_prefix('"')
        .map(|text| text.trim_end_matches('"'));
    inner.unwrap_or(text)
}

/// Whether nothing may stand behind a command.
fn takes_nothing(name: &str) -> bool {
    match debugger::find(name) {
        Some(command) => command.arguments.is_empty(),
        None => dotted(name).is_some_and(|command| command.arguments.is_empty()),
    }
}

/// Whether a command has to find the target stopped.
fn needs_stop(name: &str) -> bool {
    match name {
        // What may be asked of a running target needs memory only for some of its answers.
        ".diag" | ".echo" | ".prompt" | ".formats" | ".time" | ".lastevent" | "!analyze" => false,
        _ if name.starts_with("lm") => false,
        _ => match debugger::find(name) {
            Some(command) => command.stopped,
            // The variants of those in the table, and what begins with a dot.
            None => name.starts_with(['.', 'd', 'e', 'k', 'r']) || name.starts_with("!d"),
        },
    }
}

/// There is no such command; names the nearest.
fn unknown(name: &str) -> Fault {
    if name.starts_with('!') {
        return Fault::Words(format!(
            "No export {} found: extensions need Windows' own debugger",
            name.trim_start_matches('!')
        ));
    }
    let names = debugger::TABLE.iter().map(|command| command.name);
    let dotted = command::TABLE.iter().map(|command| command.name);
    let meant = debugger::nearest(name, names.chain(dotted));
    let meant = meant.map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
    let end = if meant.is_empty() { ";" } else { "" };
    Fault::Words(format!(
        "{name} is no debugger's command{meant}{end} .help lists all"
    ))
}
