//! Requests as bytes: the union and the data of each.

use super::{BreakpointEntry, BusPlace, Cache, Call, IoPlace, UNION_BYTES};
use crate::proto::kd::api::Api;
use crate::proto::kd::field::{
    length, put, put_u16, put_u32, put_u64, u8_at, u16_at, u32_at, u64_at,
};
use crate::proto::kd::resume::{CONTROL_SET_BYTES, Continue2};
use crate::proto::kd::status::NtStatus;

impl Call {
    pub(super) fn decode(api: Api, union: &[u8; UNION_BYTES], data: &[u8]) -> Self {
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

    pub(super) fn encode_union(&self, union: &mut [u8]) {
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

    pub(super) fn encode_data(&self, bytes: &mut Vec<u8>) {
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
    pub(in super::super) fn decode_all(data: &[u8]) -> Vec<Self> {
        let (entries, _) = data.as_chunks::<16>();
        let read = |entry: &[u8; 16]| Self {
            address: u64_at(entry, 0),
            handle: u32_at(entry, 8),
        };
        entries.iter().map(read).collect()
    }

    pub(in super::super) fn encode_all(entries: &[Self], bytes: &mut Vec<u8>) {
        for entry in entries {
            bytes.extend_from_slice(&entry.address.to_le_bytes());
            bytes.extend_from_slice(&u64::from(entry.handle).to_le_bytes());
        }
    }
}
