//! Bug checks and restarts: `.bugcheck`, `!analyze`, `.crash`, `.reboot`.
//!
//! Which parameter of a bug check is the address of code is from Microsoft's public bug check code reference.

use std::fmt::Write as _;

use super::super::bugcheck::Bugcheck;
use super::super::debugger::{Debugger, Phase};
use super::super::fault::Fault;
use super::{arguments, code, machine};
use crate::code::bugchecks;
use crate::code::machine::Machine;
use crate::code::unwind::{self, Columns};
use crate::proto::kd::Call;
use crate::rack::State;

/// The code of a bug check that a person asked for.
const MANUALLY_INITIATED_CRASH: u32 = 0xe2;
/// Frames looked at for a module to blame, and shown.
const FRAMES: usize = 64;
/// Modules that carry out what others ask for: not to blame while another is there.
const INNOCENT: &[&str] = &["nt", "hal"];
/// Which parameter, from 0, is the address of the code at fault.
const CODE_PARAMETERS: &[(u32, usize)] = &[
    (0x0a, 3),
    (0x1e, 1),
    (0x3b, 1),
    (0x50, 2),
    (0x7e, 1),
    (0x8e, 1),
    (0xd1, 3),
    (0xfc, 0),
    (0x1000_007e, 1),
    (0x1000_008e, 1),
    (0x1000_00d1, 3),
];

/// `.bugcheck`: code and parameters.
pub async fn bugcheck(debugger: &mut Debugger<'_>) -> Result<String, Fault> {
    let machine = debugger.known.machine();
    let found = debugger.bugcheck().await?;
    let (code, parameters) =
        found.map_or((0, [0; 4]), |bugcheck| (bugcheck.code, bugcheck.parameters));
    let mut text = format!("Bugcheck code {code:08X}\nArguments");
    for parameter in parameters {
        text.push(' ');
        text.push_str(&machine.address(parameter).to_string());
    }
    match bugchecks::name(code) {
        Some(name) if code != 0 => text.push_str(&format!("\n{name}")),
        _ => {}
    }
    Ok(text)
}

/// `!analyze`: a bug check summed up; with `-show` any.
pub async fn analyze(debugger: &mut Debugger<'_>, rest: &str) -> Result<String, Fault> {
    if let Some(rest) = rest.strip_prefix("-show") {
        return show(debugger, rest.trim_start()).await;
    }
    match rest {
        "" | "-v" | "-f" | "-v -f" | "-f -v" => {}
        _ => return Err(arguments::syntax(rest)),
    }
    if !matches!(debugger.phase, Phase::Stopped(_)) {
        return Err(Fault::Running("!analyze".to_owned()));
    }
    let Some(bugcheck) = debugger.bugcheck().await? else {
        let stack = code::stack_lines(debugger, Columns::Plain, FRAMES).await?;
        return Ok(format!(
            "no bug check: the target is stopped, not crashed\n{}\n\nSTACK_TEXT:\n{}",
            machine::last_event(debugger),
            stack.join("\n")
        ));
    };
    debugger.read_modules().await?;
    let mut text = summary(debugger.known.machine(), &bugcheck);
    text.push('\n');
    let at = fault_address(&bugcheck);
    if let Some(at) = at {
        let name = debugger.look(|view| Ok::<_, Fault>(view.name(at))).await?;
        let line = format!(
            "\nFAULTING_IP:  {name} ({})",
            debugger.known.machine().address(at)
        );
        text.push_str(&line);
    }
    if let Some((name, image)) = to_blame(debugger, at).await? {
        text.push_str(&format!("\nMODULE_NAME:  {name}\nIMAGE_NAME:  {image}"));
    }
    let stack = code::stack_lines(debugger, Columns::Plain, FRAMES).await?;
    text.push_str(&format!("\n\nSTACK_TEXT:\n{}", stack.join("\n")));
    Ok(text)
}

/// `!analyze -show CODE [PARAMETERS]`: what a bug check means.
async fn show(debugger: &mut Debugger<'_>, rest: &str) -> Result<String, Fault> {
    let (code, mut rest) = arguments::value(debugger, rest).await?;
    let code = u32::try_from(code)
        .map_err(|_| Fault::Words(format!("{code:#x} is no code: those have 32 bits")))?;
    let mut parameters = [0; 4];
    for parameter in &mut parameters {
        if !rest.is_empty() {
            (*parameter, rest) = arguments::value(debugger, rest).await?;
        }
    }
    arguments::end(rest)?;
    let bugcheck = Bugcheck { code, parameters };
    Ok(summary(debugger.known.machine(), &bugcheck))
}

/// Name, and what each parameter means.
fn summary(machine: Machine, bugcheck: &Bugcheck) -> String {
    let stars = "*".repeat(79);
    let name = bugchecks::name(bugcheck.code).unwrap_or("a code that is not known here");
    let mut text = format!(
        "{stars}\n{:^79}\n{stars}\n\n{name} ({:x})\nArguments:",
        "Bugcheck Analysis", bugcheck.code
    );
    let meanings = bugchecks::parameters(bugcheck.code).unwrap_or_default();
    let width = machine.pointer_bytes() * 2;
    for ((number, value), meaning) in (1..).zip(bugcheck.parameters).zip(meanings) {
        let value = if machine.is_64bit() {
            value
        } else {
            value & u64::from(u32::MAX)
        };
        let comma = if meaning.is_empty() { "" } else { ", " };
        write!(text, "\nArg{number}: {value:0width$x}{comma}{meaning}").ok();
    }
    text
}

/// The address of the code at fault, where the bug check tells it.
fn fault_address(bugcheck: &Bugcheck) -> Option<u64> {
    let (_, at) = CODE_PARAMETERS
        .iter()
        .find(|(code, _)| *code == bugcheck.code)?;
    bugcheck
        .parameters
        .get(*at)
        .copied()
        .filter(|address| *address != 0)
}

/// Name and file of the module that is at fault, as far as can be told: that of the code at fault, or else the
/// innermost on the stack, and rather one that is not the kernel's own.
async fn to_blame(
    debugger: &mut Debugger<'_>,
    at: Option<u64>,
) -> Result<Option<(String, String)>, Fault> {
    let registers = debugger.registers().await?;
    let stack = debugger
        .look(|view| unwind::walk(&view.known.memory, &view.known.modules, &registers, FRAMES))
        .await?;
    let frames = stack.frames.iter().map(|frame| frame.instruction);
    let places: Vec<u64> = at.into_iter().chain(frames).collect();
    let modules = || {
        let module_at = |place: &u64| debugger.known.modules.at(*place);
        places.iter().filter_map(module_at)
    };
    let guilty = modules()
        .find(|module| !INNOCENT.contains(&module.name.as_str()))
        .or_else(|| modules().next());
    Ok(guilty.map(|module| {
        let file = module.path.rsplit(['\\', '/']).next().unwrap_or_default();
        (module.name.clone(), file.to_owned())
    }))
}

/// `.crash`: a bug check, by hand.
pub async fn crash(debugger: &mut Debugger<'_>) -> Result<String, Fault> {
    if debugger.bugcheck().await?.is_some() {
        return Err("it is in a bug check already; g lets it go on with that".into());
    }
    let code = MANUALLY_INITIATED_CRASH;
    let_go(debugger, Call::CauseBugcheck { code });
    debugger.phase = Phase::Running;
    debugger
        .connector
        .report
        .state(State::Running, "told to stop with a bug check");
    Ok(format!(
        "the target was told to stop with bug check {code:X}"
    ))
}

/// `.reboot`: restarts the target at once.
pub fn reboot(debugger: &mut Debugger<'_>) -> String {
    let_go(debugger, Call::Reboot);
    debugger.gone("restarts; waits to hear of it again");
    "the target was told to restart at once; it is met again when it calls".to_owned()
}

/// Sends what the target does not come back from.
fn let_go(debugger: &mut Debugger<'_>, call: Call) {
    debugger.tell(debugger.known.processor, call);
    debugger.known.resumed();
    debugger.current = None;
    debugger.last_prints.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_at_fault_is_found_among_the_parameters() {
        let bugcheck = |code, parameters| Bugcheck { code, parameters };
        assert_eq!(fault_address(&bugcheck(0xd1, [1, 2, 3, 4])), Some(4));
        assert_eq!(fault_address(&bugcheck(0x7e, [1, 2, 3, 4])), Some(2));
        assert_eq!(fault_address(&bugcheck(0xd1, [1, 2, 3, 0])), None);
        assert_eq!(fault_address(&bugcheck(0xe2, [1, 2, 3, 4])), None);
    }
}
