//! The registers of one simulated processor, and the layouts in which a debugger sees them.
//!
//! CONTEXT and KSPECIAL_REGISTERS of amd64, as public headers and the packets of real targets show them.

/// General registers, by their number in instruction encodings and unwind codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the processor's")]
pub enum Register {
    Rax,
    Rcx,
    Rdx,
    Rbx,
    Rsp,
    Rbp,
    Rsi,
    Rdi,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
}

impl Register {
    /// All sixteen in order.
    pub const ALL: [Self; 16] = [
        Self::Rax,
        Self::Rcx,
        Self::Rdx,
        Self::Rbx,
        Self::Rsp,
        Self::Rbp,
        Self::Rsi,
        Self::Rdi,
        Self::R8,
        Self::R9,
        Self::R10,
        Self::R11,
        Self::R12,
        Self::R13,
        Self::R14,
        Self::R15,
    ];

    /// The three bits of its number that instructions carry.
    pub(super) fn low(self) -> u8 {
        self as u8 & 7
    }

    /// Whether it needs a prefix.
    pub(super) fn high(self) -> bool {
        self as u8 >= 8
    }

    /// Bit `place` of a prefix if it needs one.
    pub(super) fn bit(self, place: u8) -> u8 {
        u8::from(self.high()) << place
    }
}

/// Everything that makes up the state of one processor.
#[derive(Debug, Clone, PartialEq)]
pub struct Registers {
    general: [u64; 16],
    /// Address of the next instruction.
    pub rip: u64,
    /// RFLAGS; bits as in [`flag`].
    pub flags: u64,
    /// CS, DS, ES, FS, GS, SS.
    pub segments: [u16; 6],
    /// SSE control and status.
    pub mxcsr: u32,
    /// The 512 bytes that FXSAVE writes; XMM registers begin at 160.
    pub floating: Box<[u8; 512]>,
    /// What only the kernel sees.
    pub special: Special,
}

/// Control registers and their like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names are the processor's")]
pub struct Special {
    pub cr0: u64,
    pub cr2: u64,
    pub cr3: u64,
    pub cr4: u64,
    pub cr8: u64,
    /// DR0 to DR3.
    pub breakpoints: [u64; 4],
    pub dr6: u64,
    pub dr7: u64,
    pub gdtr: (u64, u16),
    pub idtr: (u64, u16),
    pub tr: u16,
    pub ldtr: u16,
    pub debug_control: u64,
    pub gs_base: u64,
    pub gs_swap: u64,
    pub star: u64,
    pub lstar: u64,
    pub cstar: u64,
    pub syscall_mask: u64,
    pub xcr0: u64,
}

/// General registers, program counter and flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Core([u64; 16], u64, u64);

/// Bits of RFLAGS.
#[expect(missing_docs, reason = "the names are the processor's")]
pub mod flag {
    pub const CARRY: u64 = 1;
    pub const ALWAYS: u64 = 2;
    pub const PARITY: u64 = 4;
    pub const AUXILIARY: u64 = 0x10;
    pub const ZERO: u64 = 0x40;
    pub const SIGN: u64 = 0x80;
    pub const TRAP: u64 = 0x100;
    pub const INTERRUPT: u64 = 0x200;
    pub const DIRECTION: u64 = 0x400;
    pub const OVERFLOW: u64 = 0x800;
    pub const RESUME: u64 = 0x1_0000;
}

/// Bytes of a CONTEXT.
pub const CONTEXT_BYTES: usize = 0x4D0;

/// Bytes of KSPECIAL_REGISTERS, as much as debuggers ask for.
pub const SPECIAL_BYTES: usize = 0xE0;

/// Code segment of the kernel.
pub const KERNEL_CODE: u16 = 0x10;

/// Stack segment of the kernel.
pub const KERNEL_STACK: u16 = 0x18;

/// DR7 when no breakpoint is set: one bit of it is always one.
pub const DR7_UNUSED: u64 = 0x400;

/// DR6 when nothing has happened.
pub const DR6_UNUSED: u64 = 0xFFFF_0FF0;

/// CONTEXT_CONTROL, INTEGER, SEGMENTS, FLOATING_POINT and DEBUG_REGISTERS of amd64.
const CONTEXT_FLAGS: u32 = 0x10_001F;

impl Default for Registers {
    fn default() -> Self {
        Self {
            general: [0; 16],
            rip: 0,
            flags: flag::ALWAYS | flag::INTERRUPT,
            segments: [KERNEL_CODE, 0x2B, 0x2B, 0x53, 0x2B, KERNEL_STACK],
            mxcsr: 0x1F80,
            floating: Box::new([0; 512]),
            special: Special {
                cr0: 0x8005_0033,
                cr4: 0x35_0EF8,
                dr6: DR6_UNUSED,
                dr7: DR7_UNUSED,
                tr: 0x40,
                star: 0x0023_0010_0000_0000,
                syscall_mask: 0x4700,
                xcr0: 7,
                ..Special::default()
            },
        }
    }
}

impl Registers {
    /// The value of a general register.
    #[must_use]
    pub fn get(&self, register: Register) -> u64 {
        self.general[register as usize]
    }

    /// Changes a general register.
    pub fn set(&mut self, register: Register, value: u64) {
        self.general[register as usize] = value;
    }

    /// What an instruction can change.
    pub(super) fn core(&self) -> Core {
        Core(self.general, self.rip, self.flags)
    }

    /// Goes back to what was before an instruction.
    pub(super) fn set_core(&mut self, core: Core) {
        Core(self.general, self.rip, self.flags) = core;
    }

    /// Whether all bits of `mask` are set in the flags.
    #[must_use]
    pub fn has(&self, mask: u64) -> bool {
        self.flags & mask == mask
    }

    /// The CONTEXT of this processor, [`CONTEXT_BYTES`] long.
    #[must_use]
    pub fn context(&self) -> Vec<u8> {
        let mut context = Layout(vec![0; CONTEXT_BYTES]);
        context.put(0x30, &CONTEXT_FLAGS.to_le_bytes());
        context.put(0x34, &self.mxcsr.to_le_bytes());
        for (index, segment) in self.segments.iter().enumerate() {
            context.put(0x38 + 2 * index, &segment.to_le_bytes());
        }
        context.put(0x44, &(self.flags as u32).to_le_bytes());
        let special = &self.special;
        context.put_all(0x48, &special.breakpoints);
        context.put_all(0x68, &[special.dr6, special.dr7]);
        context.put_all(0x78, &self.general);
        context.put_all(0xF8, &[self.rip]);
        context.put(0x100, self.floating.as_slice());
        context.put(0x118, &self.mxcsr.to_le_bytes());
        context.0
    }

    /// Takes over what `context` says, as far as it has it. Debug registers are not taken from here: a kernel loads
    /// those of its special registers.
    pub fn set_context(&mut self, context: &[u8]) {
        if let Some(mxcsr) = u32_at(context, 0x34) {
            self.mxcsr = mxcsr;
        }
        for (index, segment) in self.segments.iter_mut().enumerate() {
            let at = 0x38 + 2 * index;
            if let Some(bytes) = context.get(at..at + 2) {
                *segment = u16::from_le_bytes([bytes[0], bytes[1]]);
            }
        }
        if let Some(flags) = u32_at(context, 0x44) {
            self.flags = u64::from(flags) | flag::ALWAYS;
        }
        for (index, value) in self.general.iter_mut().enumerate() {
            *value = u64_at(context, 0x78 + 8 * index).unwrap_or(*value);
        }
        self.rip = u64_at(context, 0xF8).unwrap_or(self.rip);
        if let Some(floating) = context.get(0x100..0x300) {
            self.floating.copy_from_slice(floating);
        }
    }

    /// The KSPECIAL_REGISTERS of this processor, [`SPECIAL_BYTES`] long.
    #[must_use]
    pub fn special_bytes(&self) -> Vec<u8> {
        let special = &self.special;
        let mut bytes = Layout(vec![0; SPECIAL_BYTES]);
        bytes.put_all(0, &[special.cr0, special.cr2, special.cr3, special.cr4]);
        bytes.put_all(0x20, &special.breakpoints);
        bytes.put_all(0x40, &[special.dr6, special.dr7]);
        bytes.put(0x56, &special.gdtr.1.to_le_bytes());
        bytes.put_all(0x58, &[special.gdtr.0]);
        bytes.put(0x66, &special.idtr.1.to_le_bytes());
        bytes.put_all(0x68, &[special.idtr.0]);
        bytes.put(0x70, &special.tr.to_le_bytes());
        bytes.put(0x72, &special.ldtr.to_le_bytes());
        bytes.put(0x74, &self.mxcsr.to_le_bytes());
        bytes.put_all(0x78, &[special.debug_control]);
        bytes.put_all(
            0xA0,
            &[
                special.cr8,
                special.gs_base,
                special.gs_swap,
                special.star,
                special.lstar,
                special.cstar,
                special.syscall_mask,
                special.xcr0,
            ],
        );
        bytes.0
    }

    /// Takes over what `bytes`, a beginning of KSPECIAL_REGISTERS, says of the registers that a debugger may change.
    pub fn set_special(&mut self, bytes: &[u8]) {
        let special = &mut self.special;
        let words = [
            (0x00, &mut special.cr0),
            (0x08, &mut special.cr2),
            (0x10, &mut special.cr3),
            (0x18, &mut special.cr4),
            (0x40, &mut special.dr6),
            (0x48, &mut special.dr7),
            (0x58, &mut special.gdtr.0),
            (0x68, &mut special.idtr.0),
            (0x78, &mut special.debug_control),
            (0xA0, &mut special.cr8),
            (0xA8, &mut special.gs_base),
            (0xB0, &mut special.gs_swap),
            (0xB8, &mut special.star),
            (0xC0, &mut special.lstar),
            (0xC8, &mut special.cstar),
            (0xD0, &mut special.syscall_mask),
            (0xD8, &mut special.xcr0),
        ];
        for (at, word) in words {
            *word = u64_at(bytes, at).unwrap_or(*word);
        }
        for (index, address) in special.breakpoints.iter_mut().enumerate() {
            *address = u64_at(bytes, 0x20 + 8 * index).unwrap_or(*address);
        }
    }
}

/// Bytes with values at known places.
pub(super) struct Layout(pub Vec<u8>);

impl Layout {
    /// Puts `value` at `offset`, as much of it as fits.
    pub fn put(&mut self, offset: usize, value: &[u8]) {
        for (place, byte) in self.0.iter_mut().skip(offset).zip(value) {
            *place = *byte;
        }
    }

    /// Puts words one after the other from `offset` on.
    pub fn put_all(&mut self, offset: usize, words: &[u64]) {
        for (index, word) in words.iter().enumerate() {
            self.put(offset + 8 * index, &word.to_le_bytes());
        }
    }
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u64::from_le_bytes(*bytes))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_taken_and_given_back_changes_nothing() {
        let mut registers = Registers::default();
        for (value, register) in (0x1111_u64..).step_by(0x1111).zip(Register::ALL) {
            registers.set(register, value);
        }
        registers.rip = 0xFFFF_F801_0000_1234;
        registers.floating[160] = 7;
        let mut other = Registers::default();
        other.set_context(&registers.context());
        // The image in the save area repeats the control register.
        registers
            .floating
            .copy_from_slice(other.floating.as_slice());
        assert_eq!(other, registers);
        assert_eq!(registers.context().len(), 1232);
    }

    #[test]
    fn special_registers_taken_and_given_back_change_nothing() {
        let mut registers = Registers::default();
        registers.special.breakpoints = [1, 2, 3, 4];
        registers.special.dr7 = 0x455;
        registers.special.idtr = (0xFFFF_8000_0000_1000, 0xFFF);
        let bytes = registers.special_bytes();
        let mut other = Registers::default();
        other.special.idtr.1 = 0xFFF;
        other.set_special(&bytes);
        assert_eq!(other, registers);
    }
}
