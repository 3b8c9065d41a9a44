//! The unwind data that modules carry in memory, against what is on the stack.

use super::super::kernel::Kernel;
use super::super::registers::{Register, Registers, u32_at};
use super::*;

/// The function around an address: module, name, start, and its unwind data's address.
struct Around {
    file: String,
    name: String,
    start: u64,
    end: u64,
    unwind: u64,
}

fn u32_of(kernel: &Kernel, address: u64) -> u32 {
    let mut bytes = [0; 4];
    kernel.memory.read(address, &mut bytes).unwrap();
    u32::from_le_bytes(bytes)
}

/// Finds the function by the exception directory that the module's headers in memory name.
fn around(kernel: &Kernel, address: u64) -> Option<Around> {
    let module = kernel
        .modules
        .iter()
        .find(|module| address.wrapping_sub(module.base) < module.image.bytes.len() as u64)?;
    let base = module.base;
    let optional = base + u64::from(u32_of(kernel, base + 0x3C)) + 24;
    let (table, bytes) = (
        u32_of(kernel, optional + 112 + 24),
        u32_of(kernel, optional + 112 + 28),
    );
    let entry = (0..bytes)
        .step_by(12)
        .map(|offset| base + u64::from(table + offset))
        .find(|entry| {
            (u32_of(kernel, *entry)..u32_of(kernel, entry + 4)).contains(&((address - base) as u32))
        })?;
    let start = u32_of(kernel, entry);
    let name = &module
        .image
        .functions
        .iter()
        .find(|function| function.1 == start)?
        .0;
    Some(Around {
        file: module.image.name.clone(),
        name: name.clone(),
        start: base + u64::from(start),
        end: base + u64::from(u32_of(kernel, entry + 4)),
        unwind: base + u64::from(u32_of(kernel, entry + 8)),
    })
}

/// Goes from a function to its caller, by the rules of the unwind data.
fn unwind(kernel: &Kernel, registers: &mut Registers) -> Option<Around> {
    let function = around(kernel, registers.rip)?;
    let word = |address| kernel.memory.word(address).unwrap();
    if !epilogue(kernel, &function, registers) {
        let head = u32_of(kernel, function.unwind).to_le_bytes();
        let (flags, prologue, count, frame) = (head[0], head[1], head[2], head[3]);
        assert_eq!(flags, 1, "version 1, no handler");
        let inside = registers.rip - function.start;
        let mut slots = Vec::new();
        for slot in 0..u64::from(count) {
            slots.push((u32_of(kernel, function.unwind + 4 + 2 * slot) & 0xFFFF) as u16);
        }
        let mut slots = slots.into_iter();
        let established = frame != 0 && {
            // The frame register counts once the prologue has set it.
            let codes: Vec<u16> = slots.clone().collect();
            let mut at = 0;
            let mut set = u64::from(prologue);
            while let Some(code) = codes.get(at) {
                let [offset, operation] = code.to_le_bytes();
                if operation & 15 == 3 {
                    set = u64::from(offset);
                }
                at += if matches!(operation & 15, 1 | 4) {
                    2
                } else {
                    1
                };
            }
            inside >= set
        };
        let frame_base = if established {
            registers.get(Register::ALL[usize::from(frame & 15)]) - u64::from(frame & 0xF0)
        } else {
            registers.get(Register::Rsp)
        };
        let mut machine = false;
        while let Some(code) = slots.next() {
            let [offset, operation] = code.to_le_bytes();
            let more = if matches!(operation & 15, 1 | 4) {
                slots.next()
            } else {
                None
            };
            if inside < u64::from(offset) {
                continue;
            }
            let register = Register::ALL[usize::from(operation >> 4)];
            let top = registers.get(Register::Rsp);
            match operation & 15 {
                0 => {
                    registers.set(register, word(top));
                    registers.set(Register::Rsp, top + 8);
                }
                1 => registers.set(Register::Rsp, top + 8 * u64::from(more.unwrap())),
                2 => registers.set(Register::Rsp, top + 8 * u64::from(operation >> 4) + 8),
                3 => registers.set(Register::Rsp, frame_base),
                4 => registers.set(register, word(frame_base + 8 * u64::from(more.unwrap()))),
                10 => {
                    machine = true;
                    registers.rip = word(top);
                    registers.flags = word(top + 16);
                    registers.set(Register::Rsp, word(top + 24));
                }
                other => panic!("unwind operation {other}"),
            }
        }
        if machine {
            return Some(function);
        }
        let top = registers.get(Register::Rsp);
        registers.rip = word(top);
        registers.set(Register::Rsp, top + 8);
    }
    Some(function)
}

/// If the program counter is in an epilogue, does what is left of it.
fn epilogue(kernel: &Kernel, function: &Around, registers: &mut Registers) -> bool {
    let mut code = [0; 48];
    let left = (function.end - registers.rip).min(48) as usize;
    kernel
        .memory
        .read(registers.rip, &mut code[..left])
        .unwrap();
    let mut after = registers.clone();
    let mut rest: &[u8] = &code[..left];
    let word = |address| kernel.memory.word(address).unwrap();
    let mut first = true;
    loop {
        let top = after.get(Register::Rsp);
        match rest {
            [0x48, 0x83, 0xC4, bytes, tail @ ..] if first => {
                after.set(Register::Rsp, top + u64::from(*bytes));
                rest = tail;
            }
            [0x48, 0x81, 0xC4, tail @ ..] if first => {
                after.set(Register::Rsp, top + u64::from(u32_at(tail, 0).unwrap()));
                rest = &tail[4..];
            }
            [0x48, 0x8D, 0x65, bytes, tail @ ..] if first => {
                after.set(Register::Rsp, after.get(Register::Rbp) + u64::from(*bytes));
                rest = tail;
            }
            [0x48, 0x8D, 0xA5, tail @ ..] if first => {
                after.set(
                    Register::Rsp,
                    after.get(Register::Rbp) + u64::from(u32_at(tail, 0).unwrap()),
                );
                rest = &tail[4..];
            }
            [low @ 0x58..=0x5F, tail @ ..] => {
                after.set(Register::ALL[usize::from(low & 7)], word(top));
                after.set(Register::Rsp, top + 8);
                rest = tail;
            }
            [0x41, low @ 0x58..=0x5F, tail @ ..] => {
                after.set(Register::ALL[usize::from(low & 7) + 8], word(top));
                after.set(Register::Rsp, top + 8);
                rest = tail;
            }
            [0xC3, ..] => {
                after.rip = word(top);
                after.set(Register::Rsp, top + 8);
                *registers = after;
                return true;
            }
            [0x48, 0xCF, ..] => {
                after.rip = word(top);
                after.flags = word(top + 16);
                after.set(Register::Rsp, word(top + 24));
                *registers = after;
                return true;
            }
            _ => return false,
        }
        first = false;
    }
}

/// Names of the functions on a stack, the innermost first.
pub(super) fn stack(kernel: &Kernel, registers: &Registers) -> Vec<String> {
    let mut registers = registers.clone();
    let mut names = Vec::new();
    while registers.rip != 0 {
        let function =
            unwind(kernel, &mut registers).expect("every address on the stack is in a function");
        names.push(format!(
            "{}!{}",
            function.file.split('.').next().unwrap(),
            function.name
        ));
    }
    names
}

#[test]
fn a_processor_that_waits_has_a_stack_down_to_its_start() {
    let bench = Bench::silent();
    for number in 0..4 {
        let names = stack(
            bench.machine.kernel(),
            bench.machine.registers(number).unwrap(),
        );
        assert_eq!(
            names,
            [
                "hal!HalProcessorIdle",
                "ntoskrnl!PpmIdleDefaultExecute",
                "ntoskrnl!PpmIdleExecuteTransition",
                "ntoskrnl!PoIdle",
                "ntoskrnl!KiIdleLoop",
                "ntoskrnl!KiSystemStartup",
            ]
        );
    }
}

#[test]
fn a_break_in_has_the_stack_of_a_clock_interrupt() {
    let mut bench = Bench::silent();
    bench.break_in();
    let names = stack(bench.machine.kernel(), bench.machine.current_registers());
    let expected = [
        "ntoskrnl!DbgBreakPointWithStatus",
        "ntoskrnl!KdCheckForDebugBreak",
        "ntoskrnl!KeAccumulateTicks",
        "ntoskrnl!KeClockInterruptNotify",
        "hal!HalpTimerClockInterrupt",
        "ntoskrnl!KiCallInterruptServiceRoutine",
        "ntoskrnl!KiInterruptDispatchNoLockNoEtw",
        "hal!HalProcessorIdle",
    ];
    assert_eq!(names[..8], expected);
}

/// Steps through a whole round of system calls. A shadow stack keeps where each call will return to; the unwind data
/// has to find the same place, stack pointer and saved registers at each instruction, in prologues and epilogues too.
#[test]
fn at_every_instruction_the_unwind_data_leads_to_the_caller() {
    let mut bench = Bench::silent();
    bench.break_in();
    bench.skip();
    // Return address, stack pointer after the return, and the registers that a function must leave alone.
    let saved = [3, 5, 6, 7, 12, 13, 14, 15].map(|number| Register::ALL[number]);
    let mut shadow: Vec<(u64, u64, [u64; 8])> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    let mut checked = 0;
    let start = bench.symbol("ExpWorkerThread");
    let wait = bench
        .machine
        .kernel()
        .address_of("hal.dll", "HalProcessorIdle")
        + 2;
    // The processor leaves the interrupt, comes back to the idle loop, and finds work there.
    bench.machine.kernel.put_word("KiWorkItem", 1);
    let mut inside = false;
    for _ in 0..20_000 {
        let registers = bench.machine.current_registers().clone();
        if registers.rip == start {
            inside = true;
        }
        if inside {
            if registers.rip == wait {
                break;
            }
            if let Some((back, top, kept)) = shadow.last() {
                let mut caller = registers.clone();
                let function =
                    unwind(bench.machine.kernel(), &mut caller).expect("code is in functions");
                assert_eq!(
                    (caller.rip, caller.get(Register::Rsp)),
                    (*back, *top),
                    "in {}+{:#x}",
                    function.name,
                    registers.rip - function.start
                );
                assert_eq!(
                    saved.map(|register| caller.get(register)),
                    *kept,
                    "in {}",
                    function.name
                );
                seen.insert(function.name);
                checked += 1;
            }
        }
        let before = registers.get(Register::Rsp);
        let mut code = [0; 2];
        bench
            .machine
            .kernel()
            .memory
            .read(registers.rip, &mut code)
            .unwrap();
        bench.trace();
        let after = bench.machine.current_registers();
        let called = matches!(code, [0xE8, _] | [0xFF, 0x15 | 0xD0]);
        if inside && called {
            let back = bench
                .machine
                .kernel()
                .memory
                .word(after.get(Register::Rsp))
                .unwrap();
            shadow.push((back, before, saved.map(|register| registers.get(register))));
        } else if inside && code[0] == 0xC3 {
            shadow.pop();
        }
    }
    assert!(checked > 500, "{checked} instructions");
    for name in [
        "NtCreateFile",
        "IofCallDriver",
        "MyDispatch",
        "KeSetEvent",
        "KiSwapThread",
        "ObpLookupObjectName",
    ] {
        assert!(seen.contains(name), "{name} among {seen:?}");
    }
}

#[test]
fn what_an_interrupt_pushed_is_the_end_of_a_trap_frame() {
    let mut bench = Bench::silent();
    let before = bench.machine.registers(0).unwrap().clone();
    bench.break_in();
    let kernel = bench.machine.kernel();
    let mut registers = bench.machine.current_registers().clone();
    while around(kernel, registers.rip).unwrap().name != "KiInterruptDispatchNoLockNoEtw" {
        unwind(kernel, &mut registers);
    }
    let frame = registers.get(Register::Rsp);
    let word = |offset| kernel.memory.word(frame + offset).unwrap();
    assert_eq!(word(0x30), before.get(Register::Rax));
    assert_eq!(word(0x38), before.get(Register::Rcx));
    assert_eq!(word(0x60), before.get(Register::R11));
    assert_eq!(word(0x158), before.get(Register::Rbp));
    assert_eq!((word(0x168), word(0x170)), (before.rip, 0x10));
    assert_eq!(
        (word(0x180), word(0x188)),
        (before.get(Register::Rsp), 0x18)
    );
}
