//! Requests: what a host asks of a stopped target.
//!
//! Fifty-six bytes, the last forty of them a union by request, then data. Layout from the packets of real targets and
//! of a real NT-family kernel; breakpoint lists, custom and internal breakpoints from public descriptions.

mod wire;

use super::api::Api;
use super::field::{fixed, put_u16, put_u32, u16_at, u32_at};
use super::message::MessageError;
use super::resume::Continue2;
use super::status::NtStatus;

/// Size of the part that every request and reply has.
pub const MANIPULATE_BYTES: usize = 56;
/// Most data bytes a request or reply carries on a byte stream.
pub const DATA_BYTES_MAX: usize = super::frame::PAYLOAD_BYTES_MAX - MANIPULATE_BYTES;
/// Offset of the union, and its size.
pub(super) const UNION: usize = 16;
pub(super) const UNION_BYTES: usize = 40;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The processor it is about; [`Request::ANY_PROCESSOR`] where that does not matter.
    pub processor: u16,
    /// What is asked.
    pub call: Call,
}

/// What is asked. Addresses of 32-bit targets are sign-extended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Memory as the stopped processor sees it.
    ReadVirtual {
        /// Where.
        address: u64,
        /// Bytes; the reply may carry fewer.
        count: u32,
    },
    /// Memory as the stopped processor sees it; protection does not matter.
    WriteVirtual {
        /// Where.
        address: u64,
        /// What.
        data: Vec<u8>,
    },
    /// Physical memory.
    ReadPhysical {
        /// Where.
        address: u64,
        /// Bytes; the reply may carry fewer.
        count: u32,
        /// How.
        cache: Cache,
    },
    /// Physical memory.
    WritePhysical {
        /// Where.
        address: u64,
        /// What.
        data: Vec<u8>,
        /// How.
        cache: Cache,
    },
    /// The registers of the processor.
    GetContext,
    /// The registers of the processor. Refused unless they were read since the target stopped.
    SetContext {
        /// Which of them count; targets set all.
        flags: u32,
        /// A whole CONTEXT.
        context: Vec<u8>,
    },
    /// A part of the registers. Old targets refuse it.
    GetContextEx {
        /// Offset in the CONTEXT.
        offset: u32,
        /// Bytes.
        count: u32,
    },
    /// A part of the registers; some targets set none before the last part came.
    SetContextEx {
        /// Offset in the CONTEXT.
        offset: u32,
        /// Size of the whole CONTEXT.
        total: u32,
        /// The part.
        data: Vec<u8>,
    },
    /// Sets a breakpoint.
    WriteBreakpoint {
        /// Where.
        address: u64,
    },
    /// Removes a breakpoint.
    RestoreBreakpoint {
        /// As the target named it.
        handle: u32,
    },
    /// Runs on. No reply.
    Continue {
        /// One of the three continue statuses.
        status: NtStatus,
    },
    /// Runs on, or steps. No reply.
    Continue2(Continue2),
    /// What an architecture keeps outside memory; the address says what.
    ReadControl {
        /// Which.
        address: u64,
        /// Bytes; the reply may carry fewer.
        count: u32,
    },
    /// What an architecture keeps outside memory.
    WriteControl {
        /// Which.
        address: u64,
        /// What.
        data: Vec<u8>,
    },
    /// An I/O port.
    ReadIo {
        /// Which.
        port: u64,
        /// 1, 2 or 4 bytes.
        size: u32,
    },
    /// An I/O port.
    WriteIo {
        /// Which.
        port: u64,
        /// 1, 2 or 4 bytes.
        size: u32,
        /// What.
        value: u32,
    },
    /// An I/O port of a bus.
    ReadIoEx(IoPlace),
    /// An I/O port of a bus.
    WriteIoEx {
        /// Which.
        place: IoPlace,
        /// What.
        value: u32,
    },
    /// Restarts the machine. No reply.
    Reboot,
    /// What runs there.
    GetVersion,
    /// Stops the machine for good. No reply.
    CauseBugcheck {
        /// Its code.
        code: u32,
    },
    /// Lets another processor report; [`Request::processor`] says which. No reply but a state change.
    SwitchProcessor,
    /// A model-specific register; a system register of ARM64.
    ReadMsr {
        /// Which.
        msr: u32,
    },
    /// A model-specific register; a system register of ARM64.
    WriteMsr {
        /// Which.
        msr: u32,
        /// What.
        value: u64,
    },
    /// Searches memory for a pattern.
    SearchMemory {
        /// From where.
        start: u64,
        /// How far, in bytes.
        length: u64,
        /// For what.
        pattern: Vec<u8>,
    },
    /// Fills memory with a pattern.
    FillMemory {
        /// From where.
        address: u64,
        /// How far, in bytes.
        length: u32,
        /// 1 for virtual memory, 2 for physical.
        flags: u16,
        /// With what.
        pattern: Vec<u8>,
    },
    /// What an address belongs to.
    QueryMemory {
        /// Which.
        address: u64,
        /// The address space: 0, virtual memory.
        space: u32,
    },
    /// A device's configuration space.
    GetBusData {
        /// Where.
        place: BusPlace,
        /// Bytes.
        count: u32,
    },
    /// A device's configuration space.
    SetBusData {
        /// Where.
        place: BusPlace,
        /// What.
        data: Vec<u8>,
    },
    /// Looks for damage in low memory.
    CheckLowMemory,
    /// Sets several breakpoints, or removes them, in one request. Few targets know it.
    WriteBreakpoints {
        /// How to go on.
        status: NtStatus,
        /// Which.
        entries: Vec<BreakpointEntry>,
    },
    /// Removes several breakpoints. Few targets know it.
    RestoreBreakpoints {
        /// How to go on.
        status: NtStatus,
        /// As the target named them.
        handles: Vec<u32>,
    },
    /// Sets a breakpoint made of an instruction of the host's choice.
    WriteCustomBreakpoint {
        /// Where.
        address: u64,
        /// The instruction.
        instruction: u64,
        /// Size of the instruction.
        size: u8,
        /// Alignment of instructions.
        alignment: u8,
    },
    /// Sets a breakpoint that counts without stopping. No reply.
    SetInternalBreakpoint {
        /// Where.
        address: u64,
        /// How.
        flags: u32,
    },
    /// Reads what such a breakpoint counted.
    GetInternalBreakpoint {
        /// Where.
        address: u64,
    },
    /// Removes all such breakpoints. No reply.
    ClearInternalBreakpoints,
    /// Obsolete, or later than this description.
    Unknown {
        /// Its number.
        api: Api,
        /// Its union.
        union: [u8; UNION_BYTES],
        /// What follows.
        data: Vec<u8>,
    },
}

/// How physical memory is accessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cache(pub u32);

impl Cache {
    /// As the target thinks right.
    pub const DEFAULT: Self = Self(0);
    /// Through the caches.
    pub const CACHED: Self = Self(1);
    /// Past the caches.
    pub const UNCACHED: Self = Self(2);
    /// Past the caches, writes combined.
    pub const WRITE_COMBINED: Self = Self(3);
}

/// An I/O port of a bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IoPlace {
    /// 1, 2 or 4 bytes.
    pub size: u32,
    /// Kind of bus; 1 is ISA.
    pub interface: u32,
    /// Number of the bus.
    pub bus: u32,
    /// Address space; 1 is I/O.
    pub space: u32,
    /// The port.
    pub address: u64,
}

/// A place in a device's configuration space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BusPlace {
    /// Kind of data; 4 is PCI configuration.
    pub kind: u32,
    /// Number of the bus.
    pub bus: u32,
    /// The device and function, or slot.
    pub slot: u32,
    /// Offset in bytes.
    pub offset: u32,
}

/// One breakpoint of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BreakpointEntry {
    /// Where.
    pub address: u64,
    /// 0 to set it; in the reply, what the target names it by.
    pub handle: u32,
}

impl Request {
    /// The processor number of requests that concern none.
    pub const ANY_PROCESSOR: u16 = 0xFFFF;

    /// A request that concerns no processor in particular.
    pub fn new(call: Call) -> Self {
        Self { processor: 0, call }
    }

    /// Its number.
    pub fn api(&self) -> Api {
        self.call.api()
    }

    pub(super) fn decode(payload: &[u8]) -> Result<Self, MessageError> {
        MessageError::expect("request", payload, MANIPULATE_BYTES)?;
        let data = payload.get(MANIPULATE_BYTES..).unwrap_or_default();
        let call = Call::decode(Api(u32_at(payload, 0)), &union(payload), data);
        Ok(Self {
            processor: u16_at(payload, 6),
            call,
        })
    }

    /// The payload, written over `base`: bytes that mean nothing are the base's, or zero where it has none.
    pub fn encode_over(&self, base: &[u8]) -> Vec<u8> {
        let mut bytes = fixed(base, MANIPULATE_BYTES);
        put_u32(&mut bytes, 0, self.api().0);
        put_u16(&mut bytes, 6, self.processor);
        if let Some(union) = bytes.get_mut(UNION..) {
            self.call.encode_union(union);
        }
        self.call.encode_data(&mut bytes);
        bytes
    }
}

impl Call {
    /// Its number.
    pub fn api(&self) -> Api {
        match self {
            Self::ReadVirtual { .. } => Api::READ_VIRTUAL,
            Self::WriteVirtual { .. } => Api::WRITE_VIRTUAL,
            Self::ReadPhysical { .. } => Api::READ_PHYSICAL,
            Self::WritePhysical { .. } => Api::WRITE_PHYSICAL,
            Self::GetContext => Api::GET_CONTEXT,
            Self::SetContext { .. } => Api::SET_CONTEXT,
            Self::GetContextEx { .. } => Api::GET_CONTEXT_EX,
            Self::SetContextEx { .. } => Api::SET_CONTEXT_EX,
            Self::WriteBreakpoint { .. } => Api::WRITE_BREAKPOINT,
            Self::RestoreBreakpoint { .. } => Api::RESTORE_BREAKPOINT,
            Self::Continue { .. } => Api::CONTINUE,
            Self::Continue2(_) => Api::CONTINUE2,
            Self::ReadControl { .. } => Api::READ_CONTROL,
            Self::WriteControl { .. } => Api::WRITE_CONTROL,
            Self::ReadIo { .. } => Api::READ_IO,
            Self::WriteIo { .. } => Api::WRITE_IO,
            Self::ReadIoEx(_) => Api::READ_IO_EX,
            Self::WriteIoEx { .. } => Api::WRITE_IO_EX,
            Self::Reboot => Api::REBOOT,
            Self::GetVersion => Api::GET_VERSION,
            Self::CauseBugcheck { .. } => Api::CAUSE_BUGCHECK,
            Self::SwitchProcessor => Api::SWITCH_PROCESSOR,
            Self::ReadMsr { .. } => Api::READ_MSR,
            Self::WriteMsr { .. } => Api::WRITE_MSR,
            Self::SearchMemory { .. } => Api::SEARCH_MEMORY,
            Self::FillMemory { .. } => Api::FILL_MEMORY,
            Self::QueryMemory { .. } => Api::QUERY_MEMORY,
            Self::GetBusData { .. } => Api::GET_BUS_DATA,
            Self::SetBusData { .. } => Api::SET_BUS_DATA,
            Self::CheckLowMemory => Api::CHECK_LOW_MEMORY,
            Self::WriteBreakpoints { .. } => Api::WRITE_BREAKPOINTS,
            Self::RestoreBreakpoints { .. } => Api::RESTORE_BREAKPOINTS,
            Self::WriteCustomBreakpoint { .. } => Api::WRITE_CUSTOM_BREAKPOINT,
            Self::SetInternalBreakpoint { .. } => Api::SET_INTERNAL_BREAKPOINT,
            Self::GetInternalBreakpoint { .. } => Api::GET_INTERNAL_BREAKPOINT,
            Self::ClearInternalBreakpoints => Api::CLEAR_INTERNAL_BREAKPOINTS,
            Self::Unknown { api, .. } => *api,
        }
    }
}

/// The union of a request or reply.
pub(super) fn union(payload: &[u8]) -> [u8; UNION_BYTES] {
    let union = payload
        .get(UNION..)
        .and_then(|bytes| bytes.first_chunk().copied());
    union.unwrap_or([0; UNION_BYTES])
}
