//! Instructions of x86 and amd64: decoded, written in KD's spelling, and what they touch.

use iced_x86::{
    Code, ConditionCode, Decoder, DecoderOptions, FlowControl, Formatter, Instruction as Decoded,
    IntelFormatter, MemorySizeOptions, Mnemonic, OpKind, Register, SymbolResolver, SymbolResult,
};

use super::{Disassembler, Flow, Instruction, NO_INSTRUCTION};
use crate::code::machine::Machine;
use crate::code::memory::{Fault, readable};
use crate::code::registers::Registers;

/// Decodes the instruction that `bytes` begin with.
///
/// # Errors
/// [`Fault::Missing`] only, of the memory the instruction touches.
pub fn decode(
    code: &Disassembler<'_>,
    address: u64,
    bytes: &[u8],
    registers: Option<&Registers>,
) -> Result<Instruction, Fault> {
    let (bits, at) = match code.machine {
        Machine::X86 => (32, address & 0xffff_ffff),
        Machine::Amd64 | Machine::Arm64 => (64, address),
    };
    let decoded = Decoder::with_ip(bits, bytes, at, DecoderOptions::NONE).decode();
    if decoded.is_invalid() {
        return Ok(Instruction {
            address,
            bytes: bytes.iter().take(1).copied().collect(),
            flow: Flow::Invalid,
            text: NO_INSTRUCTION.to_owned(),
            effective: None,
        });
    }
    let effective = match registers {
        Some(registers) => effective(code, &decoded, registers)?,
        None => None,
    };
    Ok(Instruction {
        address,
        bytes: bytes.iter().take(decoded.len()).copied().collect(),
        flow: flow(code.machine, &decoded),
        text: text(code, &decoded),
        effective,
    })
}

/// How many bytes the instruction at the beginning of `bytes` has; `None` if it is none.
pub fn length(machine: Machine, bytes: &[u8]) -> Option<usize> {
    let bits = if machine == Machine::X86 { 32 } else { 64 };
    let decoded = Decoder::new(bits, bytes, DecoderOptions::NONE).decode();
    (!decoded.is_invalid()).then(|| decoded.len())
}

fn flow(machine: Machine, decoded: &Decoded) -> Flow {
    let near = near_target(machine, decoded);
    match decoded.flow_control() {
        FlowControl::Next if repeats(decoded) => Flow::Repeat,
        FlowControl::Next | FlowControl::XbeginXabortXend => Flow::Next,
        FlowControl::UnconditionalBranch | FlowControl::IndirectBranch => Flow::Jump(near),
        FlowControl::ConditionalBranch => near.map_or(Flow::Next, Flow::Branch),
        FlowControl::Return => Flow::Return,
        FlowControl::Call | FlowControl::IndirectCall if decoded.mnemonic() == Mnemonic::Call => {
            Flow::Call(near)
        }
        FlowControl::Call
        | FlowControl::IndirectCall
        | FlowControl::Interrupt
        | FlowControl::Exception => Flow::Interrupt,
    }
}

fn repeats(decoded: &Decoded) -> bool {
    decoded.is_string_instruction() && (decoded.has_rep_prefix() || decoded.has_repne_prefix())
}

/// Where a near branch or call goes.
fn near_target(machine: Machine, decoded: &Decoded) -> Option<u64> {
    let near = matches!(
        decoded.op0_kind(),
        OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64
    );
    near.then(|| machine.canonical(decoded.near_branch_target()))
}

/// Mnemonic and operands.
fn text(code: &Disassembler<'_>, decoded: &Decoded) -> String {
    if decoded.code() == Code::Int3 {
        return "int     3".to_owned();
    }
    let named = Named(addresses(code, decoded));
    let mut formatter = IntelFormatter::with_options(Some(Box::new(named)), None);
    let options = formatter.options_mut();
    options.set_first_operand_char_index(MNEMONIC_COLUMNS);
    options.set_memory_size_options(MemorySizeOptions::Always);
    options.set_show_branch_size(false);
    let mut text = String::new();
    formatter.format(decoded, &mut text);
    text
}

/// The numbers in the operands that are addresses, with what stands in their place.
fn addresses(code: &Disassembler<'_>, decoded: &Decoded) -> Vec<(u64, String)> {
    let mut found = Vec::new();
    // The formatter knows 32-bit addresses without their sign.
    let bare = |address: u64| match code.machine {
        Machine::X86 => address & 0xffff_ffff,
        Machine::Amd64 | Machine::Arm64 => address,
    };
    if let Some(target) = near_target(code.machine, decoded) {
        found.push((bare(target), code.operand(target)));
    }
    let mut possibly = |address: u64, before: &str| {
        let address = code.machine.canonical(address);
        if code.names.near(address).is_some() {
            found.push((bare(address), format!("{before}{}", code.operand(address))));
        }
    };
    let relative = decoded.is_ip_rel_memory_operand();
    for operand in 0..decoded.op_count() {
        match decoded.op_kind(operand) {
            OpKind::Memory if !relative && decoded.memory_displ_size() >= 4 => {
                possibly(decoded.memory_displacement64(), "");
            }
            OpKind::Immediate32 if code.machine == Machine::X86 => {
                possibly(u64::from(decoded.immediate32()), "offset ");
            }
            OpKind::Immediate64 => possibly(decoded.immediate64(), "offset "),
            _ => {}
        }
    }
    if relative {
        let address = decoded.ip_rel_memory_address();
        found.push((address, code.operand(address)));
    }
    found
}

/// Texts for numbers, in place of symbols.
struct Named(Vec<(u64, String)>);

impl SymbolResolver for Named {
    fn symbol(
        &mut self,
        _instruction: &Decoded,
        _operand: u32,
        _instruction_operand: Option<u32>,
        address: u64,
        _address_size: u32,
    ) -> Option<SymbolResult<'_>> {
        let (_, text) = self.0.iter().find(|(known, _)| *known == address)?;
        Some(SymbolResult::with_str(address, text))
    }
}

/// What the instruction touches, whether its branch is taken, or where it goes.
fn effective(
    code: &Disassembler<'_>,
    decoded: &Decoded,
    registers: &Registers,
) -> Result<Option<String>, Fault> {
    if let Some(taken) = taken(decoded, registers) {
        return Ok(Some(format!("[br={}]", u8::from(taken))));
    }
    let goes = matches!(
        decoded.flow_control(),
        FlowControl::IndirectBranch | FlowControl::IndirectCall
    );
    if goes && decoded.op0_kind() == OpKind::Register {
        let target = registers.get(&format!("{:?}", decoded.op0_register()));
        let target = target.map(|target| code.machine.canonical(target));
        return Ok(target.map(|target| format!("{{{}}}", code.operand(target))));
    }
    let bytes = decoded.memory_size().size();
    if bytes == 0 || matches!(decoded.mnemonic(), Mnemonic::Nop | Mnemonic::Lea) {
        return Ok(None);
    }
    let mut shown = Vec::new();
    for operand in 0..decoded.op_count() {
        let Some((segment, offset, linear)) = place(code.machine, decoded, operand, registers)
        else {
            continue;
        };
        let mut value = vec![0; bytes];
        let value = match readable(code.memory.read(linear, &mut value))? {
            Some(()) if goes && bytes == code.machine.pointer_bytes() => {
                let mut target = [0; 8];
                target
                    .iter_mut()
                    .zip(&value)
                    .for_each(|(to, from)| *to = *from);
                let target = code.machine.canonical(u64::from_le_bytes(target));
                format!("{{{}}}", code.operand(target))
            }
            Some(()) => value
                .iter()
                .rev()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            None => "??".repeat(bytes),
        };
        shown.push(format!(
            "{segment}:{}={value}",
            code.machine.address(offset)
        ));
    }
    Ok((!shown.is_empty()).then(|| shown.join(" ")))
}

/// Where an operand lies in memory: its segment, its address in it, its linear address. `None` if it is not in
/// memory, or where is not known.
fn place(
    machine: Machine,
    decoded: &Decoded,
    operand: u32,
    registers: &Registers,
) -> Option<(String, u64, u64)> {
    let segment = match decoded.op_kind(operand) {
        OpKind::Memory
        | OpKind::MemorySegSI
        | OpKind::MemorySegESI
        | OpKind::MemorySegRSI
        | OpKind::MemorySegDI
        | OpKind::MemorySegEDI
        | OpKind::MemorySegRDI => decoded.memory_segment(),
        OpKind::MemoryESDI | OpKind::MemoryESEDI | OpKind::MemoryESRDI => Register::ES,
        _ => return None,
    };
    let offset = decoded.virtual_address(operand, 0, |register, _, _| {
        if register.is_segment_register() {
            Some(0)
        } else {
            registers.get(&format!("{register:?}"))
        }
    })?;
    let segment = format!("{segment:?}").to_ascii_lowercase();
    let base = match segment.as_str() {
        // No record of a 32-bit target tells their bases, and zero is none in a running kernel.
        "fs" | "gs" => registers
            .get(&format!("{segment}base"))
            .filter(|base| *base != 0)?,
        _ => 0,
    };
    Some((
        segment,
        offset,
        machine.canonical(base.wrapping_add(offset)),
    ))
}

/// Whether a conditional branch is taken; `None` for anything else.
fn taken(decoded: &Decoded, registers: &Registers) -> Option<bool> {
    if decoded.flow_control() != FlowControl::ConditionalBranch {
        return None;
    }
    let flag = |name| registers.get(name).map(|value| value != 0);
    let (cf, zf, sf) = (flag("cf")?, flag("zf")?, flag("sf")?);
    let (of, pf) = (flag("of")?, flag("pf")?);
    // The size of the counter follows from the instruction, not from its operands.
    let counter = registers.get(match decoded.code() {
        Code::Jcxz_rel8_16 | Code::Jcxz_rel8_32 => "cx",
        Code::Jrcxz_rel8_16 | Code::Jrcxz_rel8_64 => "rcx",
        Code::Loop_rel8_64_RCX | Code::Loope_rel8_64_RCX | Code::Loopne_rel8_64_RCX => "rcx",
        _ => "ecx",
    })?;
    let condition = match decoded.condition_code() {
        ConditionCode::None => true,
        ConditionCode::o => of,
        ConditionCode::no => !of,
        ConditionCode::b => cf,
        ConditionCode::ae => !cf,
        ConditionCode::e => zf,
        ConditionCode::ne => !zf,
        ConditionCode::be => cf || zf,
        ConditionCode::a => !cf && !zf,
        ConditionCode::s => sf,
        ConditionCode::ns => !sf,
        ConditionCode::p => pf,
        ConditionCode::np => !pf,
        ConditionCode::l => sf != of,
        ConditionCode::ge => sf == of,
        ConditionCode::le => zf || sf != of,
        ConditionCode::g => !zf && sf == of,
    };
    Some(match decoded.mnemonic() {
        Mnemonic::Jcxz | Mnemonic::Jecxz | Mnemonic::Jrcxz => counter == 0,
        Mnemonic::Loop | Mnemonic::Loope | Mnemonic::Loopne => counter != 1 && condition,
        _ => condition,
    })
}

/// Where operands begin.
const MNEMONIC_COLUMNS: u32 = 8;
