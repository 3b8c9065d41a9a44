//! The control report of a state change: the few registers a host needs to show a stop.
//!
//! Forty-eight bytes whose layout depends on the architecture; the bytes are kept and read through views.
//! amd64 from the packets of real targets, x86 from those of a real 32-bit kernel, ARM64 from public descriptions.

use super::field::{put, put_u16, put_u32, put_u64, rest, u16_at, u32_at, u64_at};

/// Size of the report on the wire.
pub const REPORT_BYTES: usize = 48;
/// Most instruction bytes a report carries.
pub const INSTRUCTION_BYTES_MAX: usize = 16;

/// The control report as it travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlReport(pub [u8; REPORT_BYTES]);

/// The report of an amd64 target.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Amd64Report {
    /// Debug status register.
    pub dr6: u64,
    /// Debug control register.
    pub dr7: u64,
    /// Flags register.
    pub eflags: u32,
    /// 1: the segments are valid, 2: the code segment is the usual one.
    pub flags: u16,
    /// The instructions at the program counter, without breakpoints.
    pub instructions: Vec<u8>,
    /// Code segment.
    pub cs: u16,
    /// Data segment.
    pub ds: u16,
    /// Extra segment.
    pub es: u16,
    /// F segment.
    pub fs: u16,
}

/// The report of an x86 target.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct X86Report {
    /// Debug status register.
    pub dr6: u32,
    /// Debug control register.
    pub dr7: u32,
    /// 1: the segments are valid, 2: the code segment is the usual one.
    pub flags: u16,
    /// The instructions at the program counter, without breakpoints.
    pub instructions: Vec<u8>,
    /// Code segment.
    pub cs: u16,
    /// Data segment.
    pub ds: u16,
    /// Extra segment.
    pub es: u16,
    /// F segment.
    pub fs: u16,
    /// Flags register.
    pub eflags: u32,
}

/// The report of an ARM64 target.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arm64Report {
    /// Breakpoint value register.
    pub bvr: u64,
    /// Watchpoint value register.
    pub wvr: u64,
    /// The instructions at the program counter, without breakpoints.
    pub instructions: Vec<u8>,
}

impl ControlReport {
    /// The report, if the target is an amd64.
    pub fn amd64(&self) -> Amd64Report {
        let bytes = &self.0;
        Amd64Report {
            dr6: u64_at(bytes, 0),
            dr7: u64_at(bytes, 8),
            eflags: u32_at(bytes, 16),
            flags: u16_at(bytes, 22),
            instructions: self.instructions(24, u32::from(u16_at(bytes, 20))),
            cs: u16_at(bytes, 40),
            ds: u16_at(bytes, 42),
            es: u16_at(bytes, 44),
            fs: u16_at(bytes, 46),
        }
    }

    /// The report, if the target is an x86.
    pub fn x86(&self) -> X86Report {
        let bytes = &self.0;
        X86Report {
            dr6: u32_at(bytes, 0),
            dr7: u32_at(bytes, 4),
            flags: u16_at(bytes, 10),
            instructions: self.instructions(12, u32::from(u16_at(bytes, 8))),
            cs: u16_at(bytes, 28),
            ds: u16_at(bytes, 30),
            es: u16_at(bytes, 32),
            fs: u16_at(bytes, 34),
            eflags: u32_at(bytes, 36),
        }
    }

    /// The report, if the target is an ARM64.
    pub fn arm64(&self) -> Arm64Report {
        let bytes = &self.0;
        Arm64Report {
            bvr: u64_at(bytes, 0),
            wvr: u64_at(bytes, 8),
            instructions: self.instructions(20, u32_at(bytes, 16)),
        }
    }

    fn instructions(&self, offset: usize, count: u32) -> Vec<u8> {
        let room = self
            .0
            .get(..offset + INSTRUCTION_BYTES_MAX)
            .unwrap_or(&self.0);
        rest(room, offset, count).to_vec()
    }
}

impl Default for ControlReport {
    fn default() -> Self {
        Self([0; REPORT_BYTES])
    }
}

impl From<&Amd64Report> for ControlReport {
    fn from(report: &Amd64Report) -> Self {
        let mut bytes = [0; REPORT_BYTES];
        let (count, instructions) = cut(&report.instructions);
        put_u64(&mut bytes, 0, report.dr6);
        put_u64(&mut bytes, 8, report.dr7);
        put_u32(&mut bytes, 16, report.eflags);
        put_u16(&mut bytes, 20, count);
        put_u16(&mut bytes, 22, report.flags);
        put(&mut bytes, 24, instructions);
        put_u16(&mut bytes, 40, report.cs);
        put_u16(&mut bytes, 42, report.ds);
        put_u16(&mut bytes, 44, report.es);
        put_u16(&mut bytes, 46, report.fs);
        Self(bytes)
    }
}

impl From<&X86Report> for ControlReport {
    fn from(report: &X86Report) -> Self {
        let mut bytes = [0; REPORT_BYTES];
        let (count, instructions) = cut(&report.instructions);
        put_u32(&mut bytes, 0, report.dr6);
        put_u32(&mut bytes, 4, report.dr7);
        put_u16(&mut bytes, 8, count);
        put_u16(&mut bytes, 10, report.flags);
        put(&mut bytes, 12, instructions);
        put_u16(&mut bytes, 28, report.cs);
        put_u16(&mut bytes, 30, report.ds);
        put_u16(&mut bytes, 32, report.es);
        put_u16(&mut bytes, 34, report.fs);
        put_u32(&mut bytes, 36, report.eflags);
        Self(bytes)
    }
}

impl From<&Arm64Report> for ControlReport {
    fn from(report: &Arm64Report) -> Self {
        let mut bytes = [0; REPORT_BYTES];
        let (count, instructions) = cut(&report.instructions);
        put_u64(&mut bytes, 0, report.bvr);
        put_u64(&mut bytes, 8, report.wvr);
        put_u32(&mut bytes, 16, u32::from(count));
        put(&mut bytes, 20, instructions);
        Self(bytes)
    }
}

fn cut(instructions: &[u8]) -> (u16, &[u8]) {
    let kept = instructions
        .get(..INSTRUCTION_BYTES_MAX)
        .unwrap_or(instructions);
    (u16::try_from(kept.len()).unwrap_or(0), kept)
}
