//! x86: frames that are linked through `ebp`, each checked before it is believed.

use super::{End, Step};
use crate::code::memory::{Fault, Memory};
use crate::code::registers::Registers;

pub fn step(memory: &dyn Memory, registers: &Registers, exact: bool) -> Result<Step, Fault> {
    let machine = registers.machine();
    let (esp, ebp) = (registers.stack(), registers.frame());
    let word = |address| {
        memory
            .number(address, 4)
            .map(|word| machine.canonical(word))
    };
    let built = if exact {
        built(memory, registers.instruction())?
    } else {
        Built::Whole
    };
    // Where the frame is, or would be.
    let frame = match built {
        Built::Nothing => esp.wrapping_sub(4),
        Built::Pushed => esp,
        Built::Whole => ebp,
    };
    if built == Built::Whole {
        if frame == 0 {
            return Ok(Step::End(End::Bottom));
        }
        if !frame.is_multiple_of(4) {
            return Ok(Step::End(End::Broken("the frame pointer is not aligned")));
        }
        if frame < esp {
            return Ok(Step::End(End::Broken(
                "the frame does not lie above the stack pointer",
            )));
        }
    }
    let caller_frame = if built == Built::Nothing {
        ebp
    } else {
        word(frame)?
    };
    if built == Built::Whole && caller_frame != 0 && caller_frame <= frame {
        return Ok(Step::End(End::Broken(
            "the next frame does not lie above this one",
        )));
    }
    let mut caller = registers.clone();
    caller.set("eip", word(frame.wrapping_add(4))?);
    caller.set("ebp", caller_frame);
    caller.set("esp", frame.wrapping_add(8));
    Ok(Step::Caller {
        caller: Box::new(caller),
        stack: frame,
        arguments: frame.wrapping_add(8),
        interrupted: false,
    })
}

/// How far the frame of a function is built where it was stopped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Built {
    /// The return address is on top of the stack.
    Nothing,
    /// The old frame pointer has been pushed.
    Pushed,
    /// It is linked.
    Whole,
}

fn built(memory: &dyn Memory, eip: u64) -> Result<Built, Fault> {
    let code: Vec<u8> = memory
        .read_readable(eip, 4)?
        .into_iter()
        .map_while(|byte| byte)
        .collect();
    Ok(match code.as_slice() {
        // push ebp, perhaps after mov edi,edi; a return; a breakpoint and a return
        [0x55, 0x8b, 0xec, ..]
        | [0x55, 0x89, 0xe5, ..]
        | [0x8b, 0xff, 0x55, ..]
        | [0xc3 | 0xc2, ..] => Built::Nothing,
        [0xcc, 0xc3 | 0xc2, ..] => Built::Nothing,
        // mov ebp,esp
        [0x8b, 0xec, ..] | [0x89, 0xe5, ..] => Built::Pushed,
        _ => Built::Whole,
    })
}
