//! Code, stacks and expressions: `u`, `k`, `?` and their relatives.

use super::super::debugger::Debugger;
use super::super::fault::Fault;
use super::arguments;
use crate::code::disassembly::INSTRUCTIONS_MAX;
use crate::code::dump;
use crate::code::unwind::{self, Columns, FRAMES_MAX};

/// Instructions shown without a count.
const INSTRUCTIONS: u64 = 8;
/// Frames shown without a count.
const FRAMES: usize = 20;

/// `u`: instructions from an address on, or between two.
pub async fn disassemble(debugger: &mut Debugger<'_>, rest: &str) -> Result<String, Fault> {
    debugger.read_modules().await?;
    let (start, count, end) = which_code(debugger, rest).await?;
    let (lines, next) = debugger
        .look(|view| match end {
            Some(end) => view.disassembler().between(start, end),
            None => view.disassembler().forward(start, count),
        })
        .await?;
    debugger.known.next_code = next;
    Ok(lines.join("\n"))
}

/// `ub`: the instructions before an address.
pub async fn disassemble_back(debugger: &mut Debugger<'_>, rest: &str) -> Result<String, Fault> {
    debugger.read_modules().await?;
    let (start, count, _) = which_code(debugger, rest).await?;
    let (lines, begin) = debugger
        .look(|view| view.disassembler().backward(start, count))
        .await?;
    debugger.known.next_code = begin;
    Ok(lines.join("\n"))
}

/// `uf`: a whole function.
pub async fn disassemble_function(
    debugger: &mut Debugger<'_>,
    rest: &str,
) -> Result<String, Fault> {
    debugger.read_modules().await?;
    let address = if rest.is_empty() {
        debugger.registers().await?.instruction()
    } else {
        let (address, rest) = arguments::address(debugger, rest).await?;
        arguments::end(rest)?;
        address
    };
    let lines = debugger
        .look(|view| view.disassembler().function(address))
        .await?;
    Ok(lines.join("\n"))
}

/// Where code is shown from, how many instructions, and up to which address if one is named.
async fn which_code(
    debugger: &mut Debugger<'_>,
    rest: &str,
) -> Result<(u64, usize, Option<u64>), Fault> {
    let plain = usize::try_from(INSTRUCTIONS).unwrap_or_default();
    if rest.is_empty() {
        return Ok((debugger.known.next_code, plain, None));
    }
    let rest = &*arguments::beginning_at(debugger.known.next_code, rest);
    let (start, behind) = arguments::address(debugger, rest).await?;
    if behind.is_empty() {
        return Ok((start, plain, None));
    }
    let is_counted = behind.starts_with(['L', 'l']);
    let (range, rest) = arguments::range(debugger, rest, 1, INSTRUCTIONS).await?;
    arguments::end(rest)?;
    if !is_counted {
        let end = range.start.wrapping_add(range.count).wrapping_sub(1);
        return Ok((start, plain, Some(end)));
    }
    // A count of instructions, not of bytes: one that goes back says nothing.
    if range.start != start || range.count > INSTRUCTIONS_MAX as u64 {
        return Err(arguments::syntax(behind));
    }
    Ok((start, usize::try_from(range.count).unwrap_or(plain), None))
}

/// `k` and its relatives: who called whom.
pub async fn stack(debugger: &mut Debugger<'_>, name: &str, rest: &str) -> Result<String, Fault> {
    let letters = name.get(1..).unwrap_or_default();
    if let Some(strange) = letters.find(|c| !"bnvpPLfM".contains(c)) {
        return Err(arguments::syntax(name.get(strange + 1..).unwrap_or(name)));
    }
    let columns = if letters.contains(['b', 'v']) {
        Columns::Arguments
    } else {
        Columns::Plain
    };
    let count = match rest {
        "" => FRAMES,
        rest => {
            let (count, rest) = arguments::value(debugger, rest).await?;
            arguments::end(rest)?;
            usize::try_from(count).unwrap_or(FRAMES_MAX).min(FRAMES_MAX)
        }
    };
    Ok(stack_lines(debugger, columns, count).await?.join("\n"))
}

/// The stack as `k` shows it, and why it ends before its end.
pub async fn stack_lines(
    debugger: &mut Debugger<'_>,
    columns: Columns,
    count: usize,
) -> Result<Vec<String>, Fault> {
    debugger.read_modules().await?;
    let machine = debugger.known.machine();
    let registers = debugger.registers().await?;
    debugger
        .look(|view| {
            let (memory, modules) = (&view.known.memory, &view.known.modules);
            let stack = unwind::walk(memory, modules, &registers, count)?;
            let lines = unwind::listing(&stack, machine, view.names, columns);
            Ok::<_, crate::code::memory::Fault>(lines)
        })
        .await
}

/// `?`: the value of an expression.
pub async fn evaluate(debugger: &mut Debugger<'_>, rest: &str) -> Result<String, Fault> {
    if rest.is_empty() {
        return Err("? wants an expression; .help lists the commands".into());
    }
    let value = debugger.evaluate(rest).await?;
    debugger.known.pseudo.last = value;
    Ok(dump::evaluated(debugger.known.machine(), value))
}

/// `.formats`: the value of an expression in many spellings.
pub async fn formats(debugger: &mut Debugger<'_>, rest: &str) -> Result<String, Fault> {
    let value = debugger.evaluate(rest).await?;
    debugger.known.pseudo.last = value;
    Ok(dump::formats(debugger.known.machine(), value).join("\n"))
}

/// `n`: the base of numbers without a prefix.
pub fn radix(debugger: &mut Debugger<'_>, rest: &str) -> Result<String, Fault> {
    debugger.known.radix = match rest {
        "" => debugger.known.radix,
        "8" => 8,
        "10" => 10,
        "16" => 16,
        _ => return Err("the base of numbers can be 8, 10 or 16".into()),
    };
    Ok(format!("base is {}", debugger.known.radix))
}
