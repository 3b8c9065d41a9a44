//! ARM64: frames that are linked through `x29`, each checked before it is believed.

use super::{End, Step};
use crate::code::memory::{Fault, Memory, readable};
use crate::code::registers::Registers;

pub fn step(memory: &dyn Memory, registers: &Registers, exact: bool) -> Result<Step, Fault> {
    let (sp, fp) = (registers.stack(), registers.frame());
    let mut caller = registers.clone();
    if exact && at_entry(memory, registers.instruction())? {
        caller.set("pc", plain(registers.get("lr").unwrap_or_default()));
        return Ok(Step::Caller {
            caller: Box::new(caller),
            stack: sp,
            arguments: sp,
            interrupted: false,
        });
    }
    if fp == 0 {
        return Ok(Step::End(End::Bottom));
    }
    if !fp.is_multiple_of(8) {
        return Ok(Step::End(End::Broken("the frame pointer is not aligned")));
    }
    if fp < sp {
        return Ok(Step::End(End::Broken(
            "the frame does not lie above the stack pointer",
        )));
    }
    let next = memory.number(fp, 8)?;
    if next != 0 && next <= fp {
        return Ok(Step::End(End::Broken(
            "the next frame does not lie above this one",
        )));
    }
    let link = plain(memory.number(fp.wrapping_add(8), 8)?);
    caller.set("pc", link);
    caller.set("lr", link);
    caller.set("fp", next);
    caller.set("sp", fp.wrapping_add(16));
    Ok(Step::Caller {
        caller: Box::new(caller),
        stack: sp,
        arguments: fp.wrapping_add(16),
        interrupted: false,
    })
}

/// Whether the instruction at `pc` is the first of a function: the return address is still in `lr`.
fn at_entry(memory: &dyn Memory, pc: u64) -> Result<bool, Fault> {
    let Some(word) = readable(memory.number(pc, 4))? else {
        return Ok(false);
    };
    let sign_return = word == 0xd503_237f;
    let store_pair = word & 0xffc0_7fff == 0xa980_7bfd;
    Ok(sign_return || store_pair)
}

/// A return address without the signature that may be in its upper bits.
const fn plain(address: u64) -> u64 {
    let upper = 0xffff_0000_0000_0000;
    if address & 1 << 55 == 0 {
        address & !upper
    } else {
        address | upper
    }
}
