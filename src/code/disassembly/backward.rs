//! The instructions before an address.

use super::{Disassembler, INSTRUCTION_BYTES_MAX, INSTRUCTIONS_MAX, arm64, function, x86};
use crate::code::machine::Machine;
use crate::code::memory::{Fault, readable};

/// The addresses of at most `count` instructions before `address`, in ascending order. Fewer if what lies before them
/// cannot be read or is no code.
///
/// # Errors
/// [`Fault::Missing`] only.
pub fn before(code: &Disassembler<'_>, address: u64, count: usize) -> Result<Vec<u64>, Fault> {
    let count = count.min(INSTRUCTIONS_MAX);
    if code.machine == Machine::Arm64 {
        return words_before(code, address, count);
    }
    // Where a function begins, an instruction begins: from there on nothing is guessed.
    let Some(start) = function_start(code, address)? else {
        return guess(code, address, count);
    };
    let known = walk(code, start, address)?;
    let Some(known) = known else {
        return guess(code, address, count);
    };
    let mut all = guess(code, start, count.saturating_sub(known.len()))?;
    all.extend(known);
    Ok(all.split_off(all.len().saturating_sub(count)))
}

/// Where the function that the byte before `address` belongs to begins, if that is known.
fn function_start(code: &Disassembler<'_>, address: u64) -> Result<Option<u64>, Fault> {
    let last = address.wrapping_sub(1);
    if let Some(extent) = function::extent(code, last)? {
        return Ok(Some(extent.start));
    }
    let near = code.names.near(last);
    let near = near.filter(|near| near.name.is_some() && near.offset < NAME_BYTES_MAX);
    Ok(near.map(|near| last - near.offset))
}

/// The instructions from `start` on, if they end exactly at `end`.
fn walk(code: &Disassembler<'_>, start: u64, end: u64) -> Result<Option<Vec<u64>>, Fault> {
    let mut found = Vec::new();
    let mut at = start;
    while at < end {
        let Some(instruction) = readable(code.instruction(at, None))? else {
            return Ok(None);
        };
        let next = instruction.next();
        if next < at || found.len() >= INSTRUCTIONS_MAX {
            return Ok(None);
        }
        found.push(at);
        at = next;
    }
    Ok((at == end).then_some(found))
}

/// Starts as early as there is a way of decoding that ends exactly at `address`: the earlier it starts, the surer
/// the decoder has fallen into step.
fn guess(code: &Disassembler<'_>, address: u64, count: usize) -> Result<Vec<u64>, Fault> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let window = count
        .saturating_mul(INSTRUCTION_BYTES_MAX)
        .saturating_add(STEP_BYTES);
    let from = address.wrapping_sub(window as u64);
    let bytes = code.memory.read_readable(from, window)?;
    let hole = bytes
        .iter()
        .rposition(Option::is_none)
        .map_or(0, |hole| hole + 1);
    let bytes: Vec<u8> = bytes.into_iter().skip(hole).flatten().collect();
    let from = from.wrapping_add(hole as u64);
    // From the end on: the length of the instruction at each byte from which the end is reached.
    let mut lengths = vec![None; bytes.len()];
    for at in (0..bytes.len()).rev() {
        let end = bytes.len().min(at + INSTRUCTION_BYTES_MAX);
        let length = x86::length(code.machine, bytes.get(at..end).unwrap_or_default());
        let arrives = |length: &usize| {
            let next = at + length;
            next == bytes.len() || matches!(lengths.get(next), Some(Some(_)))
        };
        let length = length.filter(arrives);
        if let Some(place) = lengths.get_mut(at) {
            *place = length;
        }
    }
    let mut at = lengths
        .iter()
        .position(Option::is_some)
        .unwrap_or(bytes.len());
    let mut found = Vec::new();
    while let Some(Some(length)) = lengths.get(at) {
        found.push(code.machine.canonical(from.wrapping_add(at as u64)));
        at += length;
    }
    Ok(found.split_off(found.len().saturating_sub(count)))
}

fn words_before(code: &Disassembler<'_>, address: u64, count: usize) -> Result<Vec<u64>, Fault> {
    let mut found = Vec::new();
    let mut at = address;
    while found.len() < count {
        at = at.wrapping_sub(arm64::WORD_BYTES as u64);
        if readable(code.instruction(at, None))?.is_none() {
            break;
        }
        found.push(at);
    }
    found.reverse();
    Ok(found)
}

/// How far before the wanted instructions decoding begins. Bytes; the decoder is in step after a few instructions.
const STEP_BYTES: usize = 64;

/// How far behind an export its function is believed to reach. Bytes; further behind lie functions without names.
const NAME_BYTES_MAX: u64 = 0x1000;
