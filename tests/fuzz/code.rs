//! Fuzzes what reads a target's memory: images, stacks, expressions, instructions, page tables. Nothing may panic, hang or
//! grow.
//!
//! `tests/fuzz/run fuzz_code` runs it; built in the ordinary way it does nothing.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
mod fuzz {
    use kdeck::code::disassembly::Disassembler;
    use kdeck::code::dump::{self, Format};
    use kdeck::code::expression::{self, Pseudo, Surroundings};
    use kdeck::code::machine::Machine;
    use kdeck::code::memory::Image as Bytes;
    use kdeck::code::modules::{self, Module, Modules};
    use kdeck::code::names::{self, Names};
    use kdeck::code::pe;
    use kdeck::code::registers::Registers;
    use kdeck::code::translate::{self, Paging};
    use kdeck::code::unwind;
    use kdeck::sim::kd::program::{self, KERNEL};

    const BASE: u64 = 0xffff_f800_0000_0000;
    /// No less than the image of the simulated kernel.
    const IMAGE_BYTES: u64 = 0x1_0000;

    libfuzzer_sys::fuzz_target!(|data: &[u8]| {
        let [what, data @ ..] = data else { return };
        // Headers that make sense are hard to come by: half of all memory is a kernel's, a little damaged.
        let memory = match what >> 6 & 1 {
            0 => Bytes::new(BASE, data.to_vec()),
            _ => Bytes::new(BASE, damaged_kernel(data)),
        };
        let machine = match what >> 4 & 3 {
            0 => Machine::X86,
            1 => Machine::Arm64,
            _ => Machine::Amd64,
        };
        match what % 6 {
            0 => image(&memory),
            1 => stack(&memory, machine, data),
            2 => text(&memory, machine, data),
            3 => instructions(&memory, machine),
            4 => tables(&memory),
            _ => drop(modules::walk(&memory, machine, BASE)),
        }
    });

    /// The image of a simulated kernel, in which `data` says which bytes are others: three bytes for each.
    fn damaged_kernel(data: &[u8]) -> Vec<u8> {
        let mut bytes = program::image(KERNEL).map_or_else(Vec::new, |image| image.bytes.clone());
        for patch in data.chunks_exact(3) {
            let [low, high, value] = patch else { continue };
            let at = usize::from(u16::from_le_bytes([*low, *high]));
            if let Some(byte) = bytes.get_mut(at) {
                *byte = *value;
            }
        }
        bytes
    }

    fn image(memory: &Bytes) {
        let Ok(image) = pe::Image::read(memory, BASE) else {
            return;
        };
        image.exports(memory).ok();
        image.function(memory, 0x1000).ok();
        image.pdb(memory).ok();
        image.version(memory).ok();
        names::index(memory, BASE).ok();
    }

    fn stack(memory: &Bytes, machine: Machine, data: &[u8]) {
        let mut modules = Modules::default();
        modules.insert(Module::new("ntoskrnl.exe", BASE, IMAGE_BYTES));
        let mut registers = Registers::new(machine);
        for (name, bytes) in Registers::names(machine).iter().zip(data.chunks_exact(4)) {
            let low = u32::from_le_bytes(bytes.try_into().unwrap_or_default());
            registers.set(name, BASE.wrapping_add(u64::from(low) % 0x4000));
        }
        unwind::walk(memory, &modules, &registers, 100).ok();
    }

    fn text(memory: &Bytes, machine: Machine, data: &[u8]) {
        let Ok(text) = std::str::from_utf8(data) else {
            return;
        };
        let modules = Modules::default();
        let names = Names::new(&modules);
        let scope = Surroundings {
            machine,
            radix: 16,
            memory,
            registers: None,
            pseudo: &Pseudo::default(),
            names: &names,
        };
        expression::evaluate(text, &scope).ok();
        expression::range(text, 4, 32, &scope).ok();
    }

    fn instructions(memory: &Bytes, machine: Machine) {
        let modules = Modules::default();
        let names = Names::new(&modules);
        let disassembler = Disassembler {
            machine,
            memory,
            names: &names,
        };
        disassembler.forward(BASE, 16).ok();
        disassembler.backward(BASE + 64, 4).ok();
        disassembler.function(BASE).ok();
        for format in ["db", "dW", "dc", "dq", "da", "du", "dps", "dyb"] {
            if let Some(format) = Format::of(format) {
                dump::lines(format, machine, memory, &names, BASE, 40, true).ok();
            }
        }
    }

    fn tables(memory: &Bytes) {
        for paging in [Paging::X86, Paging::Pae, Paging::Long, Paging::Long5] {
            translate::translate(memory, paging, BASE, 0xffff_8000_1234_5678).ok();
        }
    }
}

#[cfg(not(fuzzing))]
fn main() {}
