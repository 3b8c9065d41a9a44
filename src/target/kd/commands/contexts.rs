//! Registers that lie in memory: `.cxr` and `.trap`.
//!
//! Where a trap frame keeps them is from Windows' public headers.

use super::super::debugger::Debugger;
use super::super::fault::Fault;
use super::super::registers::registers_in;
use super::{arguments, registers};
use crate::code::memory::Memory as _;
use crate::code::registers::Registers;
use crate::proto::kd::{Architecture, context};

/// Said when the processor's own registers are looked at again.
const BACK: &str = "Resetting default scope";

/// Where a trap frame has registers: name, offset, bytes.
type Layout = &'static [(&'static str, usize, usize)];

const TRAP_AMD64: Layout = &[
    ("mxcsr", 0x2c, 4),
    ("rax", 0x30, 8),
    ("rcx", 0x38, 8),
    ("rdx", 0x40, 8),
    ("r8", 0x48, 8),
    ("r9", 0x50, 8),
    ("r10", 0x58, 8),
    ("r11", 0x60, 8),
    ("ds", 0x130, 2),
    ("es", 0x132, 2),
    ("fs", 0x134, 2),
    ("gs", 0x136, 2),
    ("rbx", 0x140, 8),
    ("rdi", 0x148, 8),
    ("rsi", 0x150, 8),
    ("rbp", 0x158, 8),
    ("rip", 0x168, 8),
    ("cs", 0x170, 2),
    ("efl", 0x178, 4),
    ("rsp", 0x180, 8),
    ("ss", 0x188, 2),
];
const TRAP_AMD64_BYTES: usize = 0x190;

const TRAP_X86: Layout = &[
    ("gs", 0x30, 2),
    ("es", 0x34, 2),
    ("ds", 0x38, 2),
    ("edx", 0x3c, 4),
    ("ecx", 0x40, 4),
    ("eax", 0x44, 4),
    ("fs", 0x50, 2),
    ("edi", 0x54, 4),
    ("esi", 0x58, 4),
    ("ebx", 0x5c, 4),
    ("ebp", 0x60, 4),
    ("eip", 0x68, 4),
    ("cs", 0x6c, 2),
    ("efl", 0x70, 4),
    ("esp", 0x74, 4),
    ("ss", 0x78, 2),
];
const TRAP_X86_BYTES: usize = 0x7c;
/// Where the stack goes on below a trap frame of the kernel itself: the processor pushes no stack pointer then.
const KERNEL_STACK_X86: u64 = 0x74;
/// The kernel's data segment on x86.
const KERNEL_DATA_X86: u64 = 0x10;
/// The flag of virtual 8086 mode.
const VIRTUAL_8086: u64 = 1 << 17;

/// `.cxr`: the registers of a context record.
pub async fn context_record(debugger: &mut Debugger<'_>, rest: &str) -> Result<String, Fault> {
    let Some(address) = record(debugger, rest).await? else {
        return Ok(BACK.to_owned());
    };
    let architecture = debugger.known.architecture;
    let bytes = read(debugger, address, architecture.context_bytes()).await?;
    let flags = bytes
        .get(context::flags_offset(architecture)..)
        .and_then(|flags| flags.first_chunk())
        .map_or(0, |flags| u32::from_le_bytes(*flags));
    // The upper half says whose record it is.
    if flags & context::full_flags(architecture) & 0xffff_0000 == 0 {
        return Err(Fault::Words(format!(
            "no context record at {}: its flags are {flags:#010x}",
            debugger.known.machine().address(address)
        )));
    }
    debugger.known.looked_at = Some(registers_in(architecture, debugger.known.machine(), &bytes));
    registers::all(debugger).await
}

/// `.trap`: the registers of a trap frame.
pub async fn trap_frame(debugger: &mut Debugger<'_>, rest: &str) -> Result<String, Fault> {
    let Some(address) = record(debugger, rest).await? else {
        return Ok(BACK.to_owned());
    };
    let machine = debugger.known.machine();
    let architecture = debugger.known.architecture;
    let (layout, count) = match architecture {
        Architecture::Amd64 => (TRAP_AMD64, TRAP_AMD64_BYTES),
        Architecture::X86 => (TRAP_X86, TRAP_X86_BYTES),
        Architecture::Arm64 => return Err("trap frames of ARM64 are not known here".into()),
    };
    let bytes = read(debugger, address, count).await?;
    let mut registers = Registers::new(machine);
    for (name, value) in fields(layout, &bytes) {
        registers.set(name, value);
    }
    let is_kernel = |name| registers.get(name).is_some_and(|cs| cs & 3 == 0);
    let is_flat = registers
        .get("efl")
        .is_some_and(|flags| flags & VIRTUAL_8086 == 0);
    let mut note = "";
    match architecture {
        Architecture::X86 if is_kernel("cs") && is_flat => {
            registers.set(
                "esp",
                machine.canonical(address.wrapping_add(KERNEL_STACK_X86)),
            );
            registers.set("ss", KERNEL_DATA_X86);
        }
        Architecture::X86 => {}
        Architecture::Amd64 | Architecture::Arm64 => {
            note = "a trap frame does not have all registers: r12 to r15 are shown as zero\n";
        }
    }
    debugger.known.looked_at = Some(registers);
    Ok(format!("{note}{}", registers::all(debugger).await?))
}

/// The address of a record; `None` if the processor's own registers are wanted, which are looked at from then on.
async fn record(debugger: &mut Debugger<'_>, rest: &str) -> Result<Option<u64>, Fault> {
    if !rest.is_empty() {
        let (address, rest) = arguments::address(debugger, rest).await?;
        arguments::end(rest)?;
        if address != 0 {
            return Ok(Some(address));
        }
    }
    debugger.known.looked_at = None;
    Ok(None)
}

async fn read(debugger: &mut Debugger<'_>, address: u64, count: usize) -> Result<Vec<u8>, Fault> {
    debugger
        .look(|view| {
            let mut bytes = vec![0; count];
            view.known.memory.read(address, &mut bytes).map(|()| bytes)
        })
        .await
}

fn fields<'b>(layout: Layout, bytes: &'b [u8]) -> impl Iterator<Item = (&'static str, u64)> + 'b {
    layout.iter().filter_map(|&(name, offset, count)| {
        let mut value = [0; 8];
        value
            .get_mut(..count)?
            .copy_from_slice(bytes.get(offset..offset + count)?);
        Some((name, u64::from_le_bytes(value)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::machine::Machine;

    #[test]
    fn trap_frames_have_registers_that_exist_within_their_size() {
        for (machine, layout, bytes) in [
            (Machine::Amd64, TRAP_AMD64, TRAP_AMD64_BYTES),
            (Machine::X86, TRAP_X86, TRAP_X86_BYTES),
        ] {
            let mut end = 0;
            for (name, offset, count) in layout {
                assert!(Registers::names(machine).contains(name), "{name}");
                assert!(*offset >= end, "{name}");
                end = offset + count;
            }
            assert!(end <= bytes);
            assert_eq!(fields(layout, &vec![1; bytes]).count(), layout.len());
            assert_eq!(fields(layout, &[]).count(), 0);
        }
    }
}
