//! Whole functions: `uf`.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Disassembler, Flow, INSTRUCTIONS_MAX, Instruction};
use crate::code::memory::{Fault, readable};
use crate::code::pe::{Function, Image, ImageError};

/// The lines of the function around `address`.
///
/// # Errors
/// [`Fault::Missing`] only.
pub fn lines(code: &Disassembler<'_>, address: u64) -> Result<Vec<String>, Fault> {
    let mut found = match table(code, address)? {
        Some(parts) => {
            let mut found = BTreeMap::new();
            for part in parts {
                linear(code, part, &mut found)?;
            }
            found
        }
        None => by_branches(code, address)?,
    };
    if found.is_empty() {
        found = follow(code, address)?;
    }
    if found.is_empty() {
        let mut lines: Vec<String> = code.heading(address).into_iter().collect();
        lines.push(code.unreadable(address));
        return Ok(lines);
    }
    let mut lines = Vec::new();
    let mut expected = None;
    for (at, instruction) in found {
        if expected != Some(at) {
            if expected.is_some() {
                lines.push(String::new());
            }
            lines.extend(code.heading(at));
        } else if code.names.begins(at) {
            lines.extend(code.heading(at));
        }
        lines.push(instruction.line(code.machine));
        expected = Some(instruction.next());
    }
    Ok(lines)
}

/// Where the function table says that the part of a function around `address` lies.
///
/// # Errors
/// [`Fault::Missing`] only.
pub fn extent(code: &Disassembler<'_>, address: u64) -> Result<Option<Range<u64>>, Fault> {
    let found = entry(code, address)?;
    Ok(found.map(|(image, function)| range(&image, function)))
}

/// The parts of the function around `address`: its first part, and the one around `address` if that is another.
fn table(code: &Disassembler<'_>, address: u64) -> Result<Option<Vec<Range<u64>>>, Fault> {
    let Some((image, function)) = entry(code, address)? else {
        return Ok(None);
    };
    let mut first = function;
    for _ in 0..CHAIN_MAX {
        match parent(code, &image, first)? {
            Some(parent) => first = parent,
            None => break,
        }
    }
    let mut parts = vec![range(&image, first)];
    if first.start != function.start {
        parts.push(range(&image, function));
    }
    Ok(Some(parts))
}

fn range(image: &Image, function: Function) -> Range<u64> {
    let at = |offset: u32| image.base.wrapping_add(u64::from(offset));
    at(function.start)..at(function.end)
}

/// The entry of the function table around `address`. A damaged image has none.
fn entry(code: &Disassembler<'_>, address: u64) -> Result<Option<(Image, Function)>, Fault> {
    let Some(module) = code.names.modules().at(address) else {
        return Ok(None);
    };
    let Ok(offset) = u32::try_from(address - module.base) else {
        return Ok(None);
    };
    let read = || {
        let image = Image::read(code.memory, module.base)?;
        let function = image.function(code.memory, offset)?;
        Ok(function.map(|function| (image, function)))
    };
    match read() {
        Ok(found) => Ok(found),
        Err(ImageError::Memory(missing @ Fault::Missing { .. })) => Err(missing),
        Err(ImageError::Memory(Fault::Unreadable { .. }) | ImageError::Damaged { .. }) => Ok(None),
    }
}

/// The part a part of a function hangs on.
fn parent(
    code: &Disassembler<'_>,
    image: &Image,
    function: Function,
) -> Result<Option<Function>, Fault> {
    let unwind = image.base.wrapping_add(u64::from(function.unwind));
    let mut head = [0; 4];
    if readable(code.memory.read(unwind, &mut head))?.is_none() {
        return Ok(None);
    }
    let [version_and_flags, _, codes, _] = head;
    if version_and_flags >> 3 & CHAINED == 0 {
        return Ok(None);
    }
    let behind = 4 + u64::from(codes).next_multiple_of(2) * 2;
    let mut chained = [0; 12];
    let read = readable(code.memory.read(unwind.wrapping_add(behind), &mut chained))?;
    Ok(read.map(|()| Function::of(chained)))
}

/// All instructions of a range.
fn linear(
    code: &Disassembler<'_>,
    part: Range<u64>,
    found: &mut BTreeMap<u64, Instruction>,
) -> Result<(), Fault> {
    let mut at = part.start;
    while at < part.end && found.len() < INSTRUCTIONS_MAX {
        let Some(instruction) = readable(code.instruction(at, None))? else {
            break;
        };
        let next = instruction.next();
        found.insert(at, instruction);
        at = next;
    }
    Ok(())
}

/// The function as its branches tell: from the name below `address` if they lead to it, else from `address` itself.
fn by_branches(code: &Disassembler<'_>, address: u64) -> Result<BTreeMap<u64, Instruction>, Fault> {
    let near = code.names.near(address).filter(|near| near.name.is_some());
    if let Some(near) = near {
        let found = follow(code, address - near.offset)?;
        if found.contains_key(&address) {
            return Ok(found);
        }
    }
    follow(code, address)
}

/// What is reached from `start` without calls and without leaving for another name.
fn follow(code: &Disassembler<'_>, start: u64) -> Result<BTreeMap<u64, Instruction>, Fault> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![start];
    while let Some(at) = waiting.pop() {
        let elsewhere = at != start && code.names.begins(at);
        if elsewhere || found.contains_key(&at) || found.len() >= INSTRUCTIONS_MAX {
            continue;
        }
        let Some(instruction) = readable(code.instruction(at, None))? else {
            continue;
        };
        let next = code.machine.canonical(instruction.next());
        match instruction.flow {
            Flow::Next | Flow::Call(_) | Flow::Repeat | Flow::Interrupt => waiting.push(next),
            Flow::Jump(Some(target)) => waiting.push(target),
            Flow::Branch(target) => waiting.extend([target, next]),
            Flow::Return | Flow::Jump(None) | Flow::Invalid => {}
        }
        found.insert(at, instruction);
    }
    Ok(found)
}

/// The flag of unwind information that hangs on that of another part.
const CHAINED: u8 = 4;

/// How many parts hang on each other at most: as many as an unwinder follows.
const CHAIN_MAX: usize = 32;
