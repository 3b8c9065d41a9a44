//! State changes: a target stopped, loaded or unloaded a module, or passes a command on.
//!
//! Each must be answered with a continue, or the target stays where it is. Layout from the packets of real targets;
//! the command string from those of a real NT-family kernel.

use super::field::{
    fixed, length, put, put_u16, put_u32, put_u64, rest, u8_at, u16_at, u32_at, u64_at,
};
use super::message::MessageError;
use super::report::{ControlReport, REPORT_BYTES};

/// Size of the part that every state change has.
pub const STATE_CHANGE_BYTES: usize = 240;
/// Most parameters an exception has.
pub const PARAMETERS_MAX: usize = 15;

/// A state change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateChange {
    /// Processor family number; for information only.
    pub level: u16,
    /// The processor that reports.
    pub processor: u16,
    /// How many processors the target has.
    pub processors: u32,
    /// Address of the current thread.
    pub thread: u64,
    /// The program counter.
    pub pc: u64,
    /// Whether it comes from another source than the kernel.
    pub alternate: bool,
    /// What happened.
    pub change: Change,
    /// Registers and instructions.
    pub report: ControlReport,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A breakpoint, a step, a fault, a break-in.
    Exception(Exception),
    /// A module came or went.
    LoadSymbols(LoadSymbols),
    /// A command that a program on the target passes to the host's debugger.
    CommandString {
        /// Who sends it.
        name: Vec<u8>,
        /// What it says.
        command: Vec<u8>,
    },
    /// Something later than this description.
    Unknown {
        /// Its number, without the bit for alternate sources.
        state: u32,
        /// Its part of the fixed layout.
        union: Box<[u8; 160]>,
        /// What follows the fixed layout.
        data: Vec<u8>,
    },
}

/// An exception, as Windows records it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exception {
    /// Which one: see the constants.
    pub code: u32,
    /// Bit 0: cannot be continued.
    pub flags: u32,
    /// Address of a nested record, or 0.
    pub nested: u64,
    /// Where it happened. Not always the program counter.
    pub address: u64,
    /// Its parameters, at most [`PARAMETERS_MAX`].
    pub parameters: Vec<u64>,
    /// Whether no handler of the target has seen it yet.
    pub first_chance: bool,
}

impl Exception {
    /// A breakpoint instruction, also that of a break-in.
    pub const BREAKPOINT: u32 = 0x8000_0003;
    /// One instruction was executed, or a debug register matched.
    pub const SINGLE_STEP: u32 = 0x8000_0004;
    /// The debugger is woken without a fault.
    pub const WAKE_DEBUGGER: u32 = 0x8000_0007;
    /// An access to memory that is not there or not allowed.
    pub const ACCESS_VIOLATION: u32 = 0xC000_0005;
    /// [`Exception::SINGLE_STEP`] in 32-bit code of a 64-bit system.
    pub const WOW64_SINGLE_STEP: u32 = 0x4000_001E;
    /// [`Exception::BREAKPOINT`] in 32-bit code of a 64-bit system.
    pub const WOW64_BREAKPOINT: u32 = 0x4000_001F;
}

/// A module came or went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoadSymbols {
    /// Full path or file name, in the target's 8-bit characters, without its NUL; may be empty.
    pub path: Vec<u8>,
    /// Address of the image.
    pub base: u64,
    /// The process it belongs to: 0 or 4 for the kernel, all ones for the boot loader.
    pub process: u64,
    /// Checksum of the image's header.
    pub checksum: u32,
    /// Size of the image.
    pub size: u32,
    /// Whether it goes.
    pub unload: bool,
}

impl LoadSymbols {
    /// Whether it says that everything goes: the target reboots, or hands over to the next stage.
    pub fn is_farewell(&self) -> bool {
        self.unload && self.base == u64::MAX && self.path.is_empty()
    }
}

const EXCEPTION: u32 = 0x3030;
const LOAD_SYMBOLS: u32 = 0x3031;
const COMMAND_STRING: u32 = 0x3032;
const ALTERNATE: u32 = 0x0001_0000;
const UNION: usize = 32;
const UNION_BYTES: usize = 160;
const REPORT: usize = 192;

impl StateChange {
    /// Reads the payload of a state change.
    ///
    /// # Errors
    /// [`MessageError::Short`] below [`STATE_CHANGE_BYTES`].
    pub fn decode(payload: &[u8]) -> Result<Self, MessageError> {
        MessageError::expect("state change", payload, STATE_CHANGE_BYTES)?;
        let state = u32_at(payload, 0);
        let data = payload.get(STATE_CHANGE_BYTES..).unwrap_or_default();
        let change = match state & !ALTERNATE {
            EXCEPTION => Change::Exception(Exception::decode(payload)),
            LOAD_SYMBOLS => Change::LoadSymbols(LoadSymbols::decode(payload)),
            COMMAND_STRING => {
                let (name, behind) = until_nul(data);
                let (command, _) = until_nul(behind);
                Change::CommandString {
                    name: name.to_vec(),
                    command: command.to_vec(),
                }
            }
            state => Change::Unknown {
                state,
                union: Box::new(part(payload, UNION)),
                data: data.to_vec(),
            },
        };
        Ok(Self {
            level: u16_at(payload, 4),
            processor: u16_at(payload, 6),
            processors: u32_at(payload, 8),
            thread: u64_at(payload, 16),
            pc: u64_at(payload, 24),
            alternate: state & ALTERNATE != 0,
            change,
            report: ControlReport(part::<REPORT_BYTES>(payload, REPORT)),
        })
    }

    /// The payload, written over `base`: bytes that mean nothing are the base's, or zero where it has none.
    pub fn encode_over(&self, base: &[u8]) -> Vec<u8> {
        let mut bytes = fixed(base, STATE_CHANGE_BYTES);
        let alternate = if self.alternate { ALTERNATE } else { 0 };
        put_u16(&mut bytes, 4, self.level);
        put_u16(&mut bytes, 6, self.processor);
        put_u32(&mut bytes, 8, self.processors);
        put_u64(&mut bytes, 16, self.thread);
        put_u64(&mut bytes, 24, self.pc);
        put(&mut bytes, REPORT, &self.report.0);
        let state = match &self.change {
            Change::Exception(exception) => {
                exception.encode(&mut bytes);
                // Some targets send four more bytes of the structure than any host reads.
                bytes.extend_from_slice(base.get(STATE_CHANGE_BYTES..).unwrap_or_default());
                EXCEPTION
            }
            Change::LoadSymbols(module) => {
                module.encode(&mut bytes);
                LOAD_SYMBOLS
            }
            Change::CommandString { name, command } => {
                for text in [name, command] {
                    bytes.extend_from_slice(text);
                    bytes.push(0);
                }
                COMMAND_STRING
            }
            Change::Unknown { state, union, data } => {
                put(&mut bytes, UNION, union.as_slice());
                bytes.extend_from_slice(data);
                *state
            }
        };
        put_u32(&mut bytes, 0, state | alternate);
        bytes
    }
}

impl Exception {
    fn decode(payload: &[u8]) -> Self {
        let count = usize::try_from(u32_at(payload, 56)).unwrap_or(PARAMETERS_MAX);
        let offsets = (64..).step_by(8).take(count.min(PARAMETERS_MAX));
        Self {
            code: u32_at(payload, 32),
            flags: u32_at(payload, 36),
            nested: u64_at(payload, 40),
            address: u64_at(payload, 48),
            parameters: offsets.map(|offset| u64_at(payload, offset)).collect(),
            first_chance: u32_at(payload, 184) != 0,
        }
    }

    fn encode(&self, bytes: &mut [u8]) {
        put_u32(bytes, 32, self.code);
        put_u32(bytes, 36, self.flags);
        put_u64(bytes, 40, self.nested);
        put_u64(bytes, 48, self.address);
        let count = self.parameters.len().min(PARAMETERS_MAX);
        put_u32(bytes, 56, u32::try_from(count).unwrap_or(0));
        for (offset, parameter) in (64..).step_by(8).zip(self.parameters.iter().take(count)) {
            put_u64(bytes, offset, *parameter);
        }
        put_u32(bytes, 184, u32::from(self.first_chance));
    }
}

impl LoadSymbols {
    fn decode(payload: &[u8]) -> Self {
        let path = rest(payload, STATE_CHANGE_BYTES, u32_at(payload, 32));
        Self {
            path: path.strip_suffix(&[0]).unwrap_or(path).to_vec(),
            base: u64_at(payload, 40),
            process: u64_at(payload, 48),
            checksum: u32_at(payload, 56),
            size: u32_at(payload, 60),
            unload: u8_at(payload, 64) != 0,
        }
    }

    fn encode(&self, bytes: &mut Vec<u8>) {
        let mut path = self.path.clone();
        // No path is none at all or a lone NUL, as in what is written over.
        if !path.is_empty() || u32_at(bytes, 32) == 1 {
            path.push(0);
        }
        put_u32(bytes, 32, length(&path));
        put_u64(bytes, 40, self.base);
        put_u64(bytes, 48, self.process);
        put_u32(bytes, 56, self.checksum);
        put_u32(bytes, 60, self.size);
        put(bytes, 64, &[u8::from(self.unload)]);
        bytes.extend_from_slice(&path);
    }
}

fn until_nul(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    let (text, behind) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
    (text, behind.get(1..).unwrap_or_default())
}

fn part<const N: usize>(payload: &[u8], offset: usize) -> [u8; N] {
    payload
        .get(offset..)
        .and_then(|bytes| bytes.first_chunk().copied())
        .unwrap_or([0; N])
}

const _: () = assert!(UNION + UNION_BYTES == REPORT);

/// Whether that number of a state change is a module's coming or going.
pub(super) fn is_module(state: u32) -> bool {
    state & !ALTERNATE == LOAD_SYMBOLS
}
