//! `bp`, `ba`, `bl`, `bc`, `bd`, `be`.

use super::super::breakpoints::{Access, Breakpoint, How, Place};
use super::super::debugger::{Debugger, Phase};
use super::super::fault::Fault;
use super::arguments;
use crate::code::expression::{self, ExpressionError};
use crate::code::memory::Memory as _;
use crate::proto::kd::Architecture;

/// What stands behind the address of a breakpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    one_shot: bool,
    commands: String,
}

/// `bp ADDRESS [PASSES] ["COMMANDS"]`
pub async fn set(
    debugger: &mut Debugger<'_>,
    number: Option<usize>,
    rest: &str,
) -> Result<String, Fault> {
    let (wanted, rest) = options(rest)?;
    if rest.is_empty() {
        return Err("where? bp ADDRESS [PASSES] [\"COMMANDS\"]".into());
    }
    add(debugger, number, How::Software, wanted, rest).await
}

/// `ba ACCESS SIZE ADDRESS [PASSES] ["COMMANDS"]`
pub async fn watch(
    debugger: &mut Debugger<'_>,
    number: Option<usize>,
    rest: &str,
) -> Result<String, Fault> {
    const FORM: &str =
        "ba e|r|w|i SIZE ADDRESS [PASSES] [\"COMMANDS\"], with a size of 1, 2, 4 or 8";
    if debugger.known.architecture == Architecture::Arm64 {
        return Err(
            "hardware breakpoints of ARM64 are not known here; bp sets one in the code".into(),
        );
    }
    let (wanted, rest) = options(rest)?;
    let mut letters = rest.chars();
    let access = letters.next().and_then(Access::of).ok_or(FORM)?;
    let rest = letters.as_str().trim_start();
    let (size, rest) = rest.split_at_checked(1).ok_or(FORM)?;
    let bytes: u8 = size.parse().map_err(|_| FORM)?;
    let widest = match debugger.known.architecture {
        Architecture::X86 => 4,
        _ => 8,
    };
    if !matches!(bytes, 1 | 2 | 4 | 8) || bytes > widest || !rest.starts_with([' ', '\t']) {
        return Err(FORM.into());
    }
    if access == Access::Execute && bytes != 1 {
        return Err("a breakpoint on execution has size 1: ba e1 ADDRESS".into());
    }
    let how = How::Hardware { access, bytes };
    add(debugger, number, how, wanted, rest.trim()).await
}

async fn add(
    debugger: &mut Debugger<'_>,
    number: Option<usize>,
    how: How,
    wanted: Wanted,
    text: &str,
) -> Result<String, Fault> {
    debugger.read_modules().await?;
    let found = debugger
        .look(|view| {
            let scope = view.surroundings();
            let (address, rest) = expression::leading(text, &scope)?;
            let passes = match rest {
                "" => 1,
                rest => expression::evaluate(rest, &scope)?,
            };
            Ok::<_, ExpressionError>((address, passes))
        })
        .await;
    let mut remark = String::new();
    let (name, behind) = arguments::word(text);
    let (place, address, passes) = match found {
        Ok((address, passes)) => {
            let address = debugger.known.machine().canonical(address);
            (debugger.place_of(address), Some(address), passes)
        }
        Err(Fault::Expression(ExpressionError::Unresolved(at)))
            if at.trim() == text && is_bare(name) =>
        {
            let (module, export) = name.split_once('!').unwrap_or((name, ""));
            if debugger.known.modules.named(module).is_some() {
                return Err(Fault::Words(format!("{module} exports no {export}")));
            }
            // It may mean something when its module is loaded.
            remark = format!("{name} means nothing yet; the breakpoint waits for its module");
            let passes = match behind {
                "" => 1,
                behind => debugger.evaluate(behind).await?,
            };
            (Place::Deferred(name.to_owned()), None, passes)
        }
        Err(fault) => return Err(fault),
    };
    let passes = u32::try_from(passes.max(1)).map_err(|_| "too many passes")?;
    if let How::Hardware { bytes, .. } = how
        && address.is_some_and(|at| at % u64::from(bytes) != 0)
    {
        return Err(Fault::Words(format!(
            "a hardware breakpoint of {bytes} bytes needs an address that is a multiple of {bytes}"
        )));
    }
    let at = address.filter(|_| how == How::Software);
    if let Some(at) = at {
        let readable = debugger
            .glance(|view| view.known.memory.read(at, &mut [0]))
            .await;
        if let Err(Fault::Memory(_)) = readable {
            remark = "nothing is mapped there now".to_owned();
        }
    }
    // A second one at the same place takes the place of the first.
    let same = debugger
        .known
        .breakpoints
        .iter()
        .find(|one| one.how == how && address.is_some() && one.address == address)
        .map(|one| one.number);
    if let Some(same) = same {
        remark = match number {
            Some(number) if number != same => {
                format!("breakpoint {same} redefined as {number}")
            }
            _ => format!("breakpoint {same} redefined"),
        };
    }
    // It is put in again when the target goes on.
    for replaced in same.into_iter().chain(number) {
        take_out(debugger, replaced).await?;
    }
    let new = Breakpoint {
        number: 0,
        place,
        how,
        enabled: true,
        passes,
        passes_left: passes,
        one_shot: wanted.one_shot,
        commands: wanted.commands,
        address,
        handle: None,
    };
    let number = debugger.known.breakpoints.add(number.or(same), new)?;
    if let Some(same) = same.filter(|same| *same != number) {
        debugger.known.breakpoints.remove(same);
    }
    Ok(remark)
}

/// Whether it is the name of a module's export and nothing else.
fn is_bare(name: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_alphanumeric() || "_$@?.".contains(c))
    };
    name.split_once('!')
        .is_some_and(|(module, export)| is_name(module) && is_name(export))
}

/// The options and the quoted commands around an address.
fn options(text: &str) -> Result<(Wanted, &str), Fault> {
    let mut wanted = Wanted {
        one_shot: false,
        commands: String::new(),
    };
    let mut text = text.trim();
    while let Some(rest) = text.strip_prefix('/') {
        let (option, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        match option {
            "1" => wanted.one_shot = true,
            _ => {
                return Err(Fault::Words(format!(
                    "/{option} is not known here; /1 makes a breakpoint that stops once"
                )));
            }
        }
        text = rest.trim_start();
    }
    if let Some((before, quoted)) = text.split_once('"') {
        let inner = quoted
            .strip_suffix('"')
            .ok_or("the commands of a breakpoint stand between two quotes, at its end")?;
        wanted.commands = inner.replace("\\\"", "\"");
        text = before.trim_end();
    }
    Ok((wanted, text))
}

/// `bl`
pub async fn list(debugger: &mut Debugger<'_>, rest: &str) -> Result<String, Fault> {
    let chosen = numbers(debugger, if rest.is_empty() { "*" } else { rest })?;
    let machine = debugger.known.machine();
    let text = debugger
        .look(|view| {
            let mut breakpoints = view.known.breakpoints.clone();
            let others: Vec<usize> = breakpoints
                .iter()
                .map(|one| one.number)
                .filter(|number| !chosen.contains(number))
                .collect();
            for number in others {
                breakpoints.remove(number);
            }
            Ok::<_, Fault>(breakpoints.listing(machine, |address| view.name(address)))
        })
        .await?;
    Ok(text)
}

/// `bc`, `bd`, `be`
pub async fn change(debugger: &mut Debugger<'_>, name: &str, rest: &str) -> Result<String, Fault> {
    if rest.is_empty() {
        return Err(Fault::Words(format!("which? {name} NUMBER... or {name} *")));
    }
    for number in numbers(debugger, rest)? {
        match name {
            "bc" => remove(debugger, number).await?,
            "bd" => {
                take_out(debugger, number).await?;
                if let Some(one) = debugger.known.breakpoints.get_mut(number) {
                    one.enabled = false;
                }
            }
            _ => {
                if let Some(one) = debugger.known.breakpoints.get_mut(number) {
                    one.enabled = true;
                    one.passes_left = one.passes;
                }
            }
        }
    }
    Ok(String::new())
}

async fn remove(debugger: &mut Debugger<'_>, number: usize) -> Result<(), Fault> {
    take_out(debugger, number).await?;
    debugger.known.breakpoints.remove(number);
    Ok(())
}

/// Takes a breakpoint out of the target; people still have it.
async fn take_out(debugger: &mut Debugger<'_>, number: usize) -> Result<(), Fault> {
    let Some(one) = debugger.known.breakpoints.get_mut(number) else {
        return Ok(());
    };
    let (address, handle) = (one.address, one.handle.take());
    if let Some(address) = address
        && let Phase::Stopped(_) = debugger.phase
    {
        debugger.take_out(address, handle).await?;
    }
    Ok(())
}

/// The breakpoints that are meant: `*`, numbers, ranges such as `2-5`.
fn numbers(debugger: &Debugger<'_>, text: &str) -> Result<Vec<usize>, Fault> {
    let there: Vec<usize> = debugger
        .known
        .breakpoints
        .iter()
        .map(|one| one.number)
        .collect();
    if text == "*" {
        return Ok(there);
    }
    let mut chosen = Vec::new();
    for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let (Ok(first), Ok(last)) = (first.parse::<usize>(), last.parse::<usize>()) else {
            return Err(Fault::Words(format!(
                "`{word}` is no number of a breakpoint; bl lists them"
            )));
        };
        let meant: Vec<usize> = there
            .iter()
            .copied()
            .filter(|number| (first..=last).contains(number))
            .collect();
        if meant.is_empty() {
            return Err(Fault::Words(format!(
                "there is no breakpoint {word}; bl lists them"
            )));
        }
        chosen.extend(meant);
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_commands_stand_around_the_address() {
        let (wanted, text) = options(r#"/1 nt!NtCreateFile 5 "k; .echo \"x\"; g""#).unwrap();
        assert_eq!(text, "nt!NtCreateFile 5");
        assert!(wanted.one_shot);
        assert_eq!(wanted.commands, r#"k; .echo "x"; g"#);
        assert!(options("/p 0 nt!A").is_err());
        assert!(options("nt!A \"k").is_err());
    }
}
