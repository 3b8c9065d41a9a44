//! Requests: what a host asks of a stopped target.
//!
//! Fifty-six bytes, the last forty of them a union by request, then data. Layout from the packets of real targets and
//! of a real NT-family kernel; breakpoint lists, custom and internal breakpoints from public descriptions.

use super::api::Api;
use super::field::{fixed, length, put, put_u16, put_u32, put_u64, u8_at, u16_at, u32_at, u64_at};
use super::message::MessageError;
use super::resume::{CONTROL_SET_BYTES, Continue2};
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

    fn decode(api: Api, union: &[u8; UNION_BYTES], data: &[u8]) -> Self {
        let address = u64_at(union, 0);
        let first = u32_at(union, 0);
        let count = u32_at(union, 8);
        let data = data.to_vec();
        match api {
            Api::READ_VIRTUAL => Self::ReadVirtual { address, count },
            Api::WRITE_VIRTUAL => Self::WriteVirtual { address, data },
            Api::READ_PHYSICAL => Self::ReadPhysical {
                address,
                count,
                cache: Cache(u32_at(union, 12)),
            },
            Api::WRITE_PHYSICAL => Self::WritePhysical {
                address,
                data,
                cache: Cache(u32_at(union, 12)),
            },
            Api::GET_CONTEXT => Self::GetContext,
            Api::SET_CONTEXT => Self::SetContext {
                flags: first,
                context: data,
            },
            Api::GET_CONTEXT_EX => Self::GetContextEx {
                offset: first,
                count: u32_at(union, 4),
            },
            Api::SET_CONTEXT_EX => Self::SetContextEx {
                offset: first,
                total: count,
                data,
            },
            Api::WRITE_BREAKPOINT => Self::WriteBreakpoint { address },
            Api::RESTORE_BREAKPOINT => Self::RestoreBreakpoint { handle: first },
            Api::CONTINUE => Self::Continue {
                status: NtStatus(first),
            },
            Api::CONTINUE2 => {
                let control = union.get(4..).and_then(|set| set.first_chunk().copied());
                Self::Continue2(Continue2 {
                    status: NtStatus(first),
                    control: control.unwrap_or([0; CONTROL_SET_BYTES]),
                })
            }
            Api::READ_CONTROL => Self::ReadControl { address, count },
            Api::WRITE_CONTROL => Self::WriteControl { address, data },
            Api::READ_IO => Self::ReadIo {
                port: address,
                size: count,
            },
            Api::WRITE_IO => Self::WriteIo {
                port: address,
                size: count,
                value: u32_at(union, 12),
            },
            Api::READ_IO_EX => Self::ReadIoEx(IoPlace::decode(union)),
            Api::WRITE_IO_EX => Self::WriteIoEx {
                place: IoPlace::decode(union),
                value: u32_at(union, 24),
            },
            Api::REBOOT => Self::Reboot,
            Api::GET_VERSION => Self::GetVersion,
            Api::CAUSE_BUGCHECK => Self::CauseBugcheck { code: first },
            Api::SWITCH_PROCESSOR => Self::SwitchProcessor,
            Api::READ_MSR => Self::ReadMsr { msr: first },
            Api::WRITE_MSR => Self::WriteMsr {
                msr: first,
                value: u64_at(union, 4),
            },
            Api::SEARCH_MEMORY => Self::SearchMemory {
                start: address,
                length: u64_at(union, 8),
                pattern: data,
            },
            Api::FILL_MEMORY => Self::FillMemory {
                address,
                length: count,
                flags: u16_at(union, 12),
                pattern: data,
            },
            Api::QUERY_MEMORY => Self::QueryMemory {
                address,
                space: u32_at(union, 16),
            },
            Api::GET_BUS_DATA => Self::GetBusData {
                place: BusPlace::decode(union),
                count: u32_at(union, 16),
            },
            Api::SET_BUS_DATA => Self::SetBusData {
                place: BusPlace::decode(union),
                data,
            },
            Api::CHECK_LOW_MEMORY => Self::CheckLowMemory,
            Api::WRITE_BREAKPOINTS => Self::WriteBreakpoints {
                status: NtStatus(u32_at(union, 4)),
                entries: BreakpointEntry::decode_all(&data),
            },
            Api::RESTORE_BREAKPOINTS => Self::RestoreBreakpoints {
                status: NtStatus(u32_at(union, 4)),
                handles: data
                    .as_chunks()
                    .0
                    .iter()
                    .map(|four| u32::from_le_bytes(*four))
                    .collect(),
            },
            Api::WRITE_CUSTOM_BREAKPOINT => Self::WriteCustomBreakpoint {
                address,
                instruction: u64_at(union, 8),
                size: u8_at(union, 20),
                alignment: u8_at(union, 21),
            },
            Api::SET_INTERNAL_BREAKPOINT => Self::SetInternalBreakpoint {
                address,
                flags: count,
            },
            Api::GET_INTERNAL_BREAKPOINT => Self::GetInternalBreakpoint { address },
            Api::CLEAR_INTERNAL_BREAKPOINTS => Self::ClearInternalBreakpoints,
            api => Self::Unknown {
                api,
                union: *union,
                data,
            },
        }
    }

    fn encode_union(&self, union: &mut [u8]) {
        match self {
            Self::ReadVirtual { address, count } | Self::ReadControl { address, count } => {
                put_u64(union, 0, *address);
                put_u32(union, 8, *count);
            }
            Self::WriteVirtual { address, data } | Self::WriteControl { address, data } => {
                put_u64(union, 0, *address);
                put_u32(union, 8, length(data));
            }
            Self::ReadPhysical {
                address,
                count,
                cache,
            } => {
                put_u64(union, 0, *address);
                put_u32(union, 8, *count);
                put_u32(union, 12, cache.0);
            }
            Self::WritePhysical {
                address,
                data,
                cache,
            } => {
                put_u64(union, 0, *address);
                put_u32(union, 8, length(data));
                put_u32(union, 12, cache.0);
            }
            Self::SetContext { flags, .. } => put_u32(union, 0, *flags),
            Self::GetContextEx { offset, count } => {
                put_u32(union, 0, *offset);
                put_u32(union, 4, *count);
            }
            Self::SetContextEx {
                offset,
                total,
                data,
            } => {
                put_u32(union, 0, *offset);
                put_u32(union, 4, length(data));
                put_u32(union, 8, *total);
            }
            Self::WriteBreakpoint { address } | Self::GetInternalBreakpoint { address } => {
                put_u64(union, 0, *address);
            }
            Self::RestoreBreakpoint { handle } => put_u32(union, 0, *handle),
            Self::Continue { status } => put_u32(union, 0, status.0),
            Self::Continue2(resume) => {
                put_u32(union, 0, resume.status.0);
                put(union, 4, &resume.control);
            }
            Self::ReadIo { port, size } => {
                put_u64(union, 0, *port);
                put_u32(union, 8, *size);
            }
            Self::WriteIo { port, size, value } => {
                put_u64(union, 0, *port);
                put_u32(union, 8, *size);
                put_u32(union, 12, *value);
            }
            Self::ReadIoEx(place) => place.encode(union),
            Self::WriteIoEx { place, value } => {
                place.encode(union);
                put_u32(union, 24, *value);
            }
            Self::CauseBugcheck { code } => put_u32(union, 0, *code),
            Self::ReadMsr { msr } => put_u32(union, 0, *msr),
            Self::WriteMsr { msr, value } => {
                put_u32(union, 0, *msr);
                put_u64(union, 4, *value);
            }
            Self::SearchMemory {
                start,
                length: far,
                pattern,
            } => {
                put_u64(union, 0, *start);
                put_u64(union, 8, *far);
                put_u32(union, 16, length(pattern));
            }
            Self::FillMemory {
                address,
                length: far,
                flags,
                pattern,
            } => {
                put_u64(union, 0, *address);
                put_u32(union, 8, *far);
                put_u16(union, 12, *flags);
                put_u16(union, 14, u16::try_from(pattern.len()).unwrap_or(u16::MAX));
            }
            Self::QueryMemory { address, space } => {
                put_u64(union, 0, *address);
                put_u64(union, 8, 0);
                put_u32(union, 16, *space);
            }
            Self::GetBusData { place, count } => {
                place.encode(union);
                put_u32(union, 16, *count);
            }
            Self::SetBusData { place, data } => {
                place.encode(union);
                put_u32(union, 16, length(data));
            }
            Self::WriteBreakpoints { status, entries } => {
                put_u32(union, 0, u32::try_from(entries.len()).unwrap_or(u32::MAX));
                put_u32(union, 4, status.0);
            }
            Self::RestoreBreakpoints { status, handles } => {
                put_u32(union, 0, u32::try_from(handles.len()).unwrap_or(u32::MAX));
                put_u32(union, 4, status.0);
            }
            Self::WriteCustomBreakpoint {
                address,
                instruction,
                size,
                alignment,
            } => {
                put_u64(union, 0, *address);
                put_u64(union, 8, *instruction);
                put(union, 20, &[*size, *alignment]);
            }
            Self::SetInternalBreakpoint { address, flags } => {
                put_u64(union, 0, *address);
                put_u32(union, 8, *flags);
            }
            Self::Unknown { union: theirs, .. } => put(union, 0, theirs),
            Self::GetContext
            | Self::Reboot
            | Self::GetVersion
            | Self::SwitchProcessor
            | Self::CheckLowMemory
            | Self::ClearInternalBreakpoints => {}
        }
    }

    fn encode_data(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::WriteVirtual { data, .. }
            | Self::WriteControl { data, .. }
            | Self::WritePhysical { data, .. }
            | Self::SetContext { context: data, .. }
            | Self::SetContextEx { data, .. }
            | Self::SearchMemory { pattern: data, .. }
            | Self::FillMemory { pattern: data, .. }
            | Self::SetBusData { data, .. }
            | Self::Unknown { data, .. } => bytes.extend_from_slice(data),
            Self::WriteBreakpoints { entries, .. } => {
                BreakpointEntry::encode_all(entries, bytes);
            }
            Self::RestoreBreakpoints { handles, .. } => {
                bytes.extend(handles.iter().flat_map(|handle| handle.to_le_bytes()));
            }
            _ => {}
        }
    }
}

impl IoPlace {
    fn decode(union: &[u8]) -> Self {
        Self {
            size: u32_at(union, 0),
            interface: u32_at(union, 4),
            bus: u32_at(union, 8),
            space: u32_at(union, 12),
            address: u64_at(union, 16),
        }
    }

    fn encode(&self, union: &mut [u8]) {
        put_u32(union, 0, self.size);
        put_u32(union, 4, self.interface);
        put_u32(union, 8, self.bus);
        put_u32(union, 12, self.space);
        put_u64(union, 16, self.address);
    }
}

impl BusPlace {
    fn decode(union: &[u8]) -> Self {
        Self {
            kind: u32_at(union, 0),
            bus: u32_at(union, 4),
            slot: u32_at(union, 8),
            offset: u32_at(union, 12),
        }
    }

    fn encode(&self, union: &mut [u8]) {
        put_u32(union, 0, self.kind);
        put_u32(union, 4, self.bus);
        put_u32(union, 8, self.slot);
        put_u32(union, 12, self.offset);
    }
}

impl BreakpointEntry {
    pub(super) fn decode_all(data: &[u8]) -> Vec<Self> {
        let (entries, _) = data.as_chunks::<16>();
        let read = |entry: &[u8; 16]| Self {
            address: u64_at(entry, 0),
            handle: u32_at(entry, 8),
        };
        entries.iter().map(read).collect()
    }

    pub(super) fn encode_all(entries: &[Self], bytes: &mut Vec<u8>) {
        for entry in entries {
            bytes.extend_from_slice(&entry.address.to_le_bytes());
            bytes.extend_from_slice(&u64::from(entry.handle).to_le_bytes());
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
