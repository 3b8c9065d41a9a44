//! Stopped machines, read by the code that reads real ones.

use crate::code::machine::Machine as Architecture;
use crate::code::memory::{Fault, Memory};
use crate::code::modules::{self, Modules};
use crate::code::registers::Registers as Read;
use crate::code::unwind;

use super::super::memory::Unmapped;
use super::*;

impl Memory for super::super::kernel::Kernel {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Fault> {
        let read = self.memory.read(address, into);
        read.map_err(|Unmapped(address)| Fault::Unreadable { address })
    }
}

const NAMES: [&str; 16] = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15",
];

fn registers(bench: &Bench) -> Read {
    let from = bench.machine.current_registers();
    let mut to = Read::new(Architecture::Amd64);
    for (name, register) in NAMES.into_iter().zip(Register::ALL) {
        assert!(to.set(name, from.get(register)), "{name}");
    }
    assert!(to.set("rip", from.rip));
    to
}

fn modules_of(bench: &Bench) -> Modules {
    let head = bench.symbol("PsLoadedModuleList");
    let mut modules = Modules::default();
    for module in modules::walk(bench.machine.kernel(), Architecture::Amd64, head).unwrap() {
        assert!(modules.insert(module));
    }
    modules
}

#[test]
fn the_ring_of_modules_is_what_is_loaded() {
    let bench = Bench::silent();
    let modules = modules_of(&bench);
    let loaded = &bench.machine.kernel().modules;
    assert_eq!(modules.iter().count(), loaded.len());
    for module in loaded {
        assert_eq!(modules.at(module.base + 5).unwrap().base, module.base);
    }
    assert_eq!(
        modules.named("nt").unwrap().base,
        bench.machine.kernel().base()
    );
}

/// As the test of the unwind data itself, by way of the unwinder that commands use.
#[test]
fn at_every_instruction_the_unwinder_finds_the_caller() {
    let mut bench = Bench::silent();
    bench.break_in();
    bench.skip();
    bench.machine.kernel.put_word("KiWorkItem", 1);
    let modules = modules_of(&bench);
    let start = bench.symbol("ExpWorkerThread");
    let wait = bench
        .machine
        .kernel()
        .address_of("hal.dll", "HalProcessorIdle")
        + 2;
    let kept = ["rbx", "rbp", "rsi", "rdi", "r12", "r13", "r14", "r15"];
    let mut shadow: Vec<(u64, u64, Vec<u64>)> = Vec::new();
    let (mut inside, mut checked) = (false, 0);
    for _ in 0..20_000 {
        let now = registers(&bench);
        let rip = now.instruction();
        inside |= rip == start;
        if inside && rip == wait {
            break;
        }
        if inside && let Some((back, top, values)) = shadow.last() {
            let caller = unwind::caller(bench.machine.kernel(), &modules, &now).unwrap();
            let caller = caller.unwrap_or_else(|| panic!("no caller at {rip:#x}"));
            assert_eq!(
                (caller.instruction(), caller.stack()),
                (*back, *top),
                "at {rip:#x}"
            );
            let found: Vec<u64> = kept.iter().filter_map(|name| caller.get(name)).collect();
            assert_eq!(found, *values, "at {rip:#x}");
            checked += 1;
        }
        let mut code = [0; 2];
        Memory::read(bench.machine.kernel(), rip, &mut code).unwrap();
        bench.trace();
        if inside && matches!(code, [0xE8, _] | [0xFF, 0x15 | 0xD0]) {
            let top = bench.current(Register::Rsp);
            let back = bench.machine.kernel().memory.word(top).unwrap();
            let values = kept.iter().filter_map(|name| now.get(name)).collect();
            shadow.push((back, now.stack(), values));
        } else if inside && code[0] == 0xC3 {
            shadow.pop();
        }
    }
    assert!(checked > 500, "{checked} instructions");
}

#[test]
fn a_stack_is_walked_through_the_interrupt_to_the_bottom() {
    let mut bench = Bench::silent();
    bench.break_in();
    let stack = unwind::walk(
        bench.machine.kernel(),
        &modules_of(&bench),
        &registers(&bench),
        64,
    )
    .unwrap();
    assert_eq!((stack.end, stack.frames.len()), (unwind::End::Bottom, 13));
}
