//! Replies: the request's own structure with what the target put into it.
//!
//! Layout from the packets of real targets and of a real NT-family kernel.

use super::api::Api;
use super::field::{
    fixed, length, low_u32, put, put_u16, put_u32, put_u64, rest, u16_at, u32_at, u64_at,
};
use super::message::MessageError;
use super::request::{BreakpointEntry, MANIPULATE_BYTES, UNION, UNION_BYTES, union};
use super::status::NtStatus;
use super::version::Version;

/// The reply to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// What it answers.
    pub api: Api,
    /// The processor the request was about.
    pub processor: u16,
    /// How it went.
    pub status: NtStatus,
    /// What came of it. With a failure its fields may be those of the request.
    pub answer: Answer,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Virtual or physical memory, or control space.
    Memory {
        /// Where.
        address: u64,
        /// Bytes asked.
        requested: u32,
        /// The bytes; possibly fewer, also with success.
        data: Vec<u8>,
    },
    /// Virtual or physical memory, or control space, was written.
    Written {
        /// Where.
        address: u64,
        /// Bytes asked.
        requested: u32,
        /// Bytes written.
        done: u32,
    },
    /// A whole CONTEXT.
    Context(Vec<u8>),
    /// A part of a CONTEXT.
    ContextPart {
        /// Its offset.
        offset: u32,
        /// Bytes asked.
        requested: u32,
        /// The part.
        data: Vec<u8>,
    },
    /// A part of a CONTEXT was set.
    ContextWritten {
        /// Its offset.
        offset: u32,
        /// Bytes asked.
        requested: u32,
        /// Bytes done.
        done: u32,
    },
    /// A breakpoint was set.
    Breakpoint {
        /// Where.
        address: u64,
        /// What it is removed by.
        handle: u32,
    },
    /// Several were.
    Breakpoints(Vec<BreakpointEntry>),
    /// What an internal breakpoint counted.
    InternalBreakpoint {
        /// Where.
        address: u64,
        /// Flags, calls, most calls in a period, fewest, most and all instructions.
        counts: [u32; 6],
    },
    /// What runs there.
    Version(Version),
    /// A model-specific register.
    Msr(u64),
    /// An I/O port.
    Io(u32),
    /// Where a pattern was found.
    Found(u64),
    /// Memory was filled.
    Filled {
        /// Bytes done.
        done: u32,
    },
    /// What an address belongs to.
    Queried {
        /// The address.
        address: u64,
        /// 0 a process, 1 a session, 2 the kernel.
        space: u32,
        /// 1 read, 2 write, 4 execute, 8 fixed.
        flags: u32,
    },
    /// Configuration space of a device.
    Bus(Vec<u8>),
    /// Configuration space of a device was written.
    BusWritten {
        /// Bytes done.
        done: u32,
    },
    /// Nothing but the status.
    Empty,
    /// To a request this description lacks.
    Unknown {
        /// Its union.
        union: [u8; UNION_BYTES],
        /// What follows.
        data: Vec<u8>,
    },
}

impl Reply {
    pub(super) fn decode(payload: &[u8]) -> Result<Self, MessageError> {
        MessageError::expect("reply", payload, MANIPULATE_BYTES)?;
        let api = Api(u32_at(payload, 0));
        let data = payload.get(MANIPULATE_BYTES..).unwrap_or_default();
        Ok(Self {
            api,
            processor: u16_at(payload, 6),
            status: NtStatus(u32_at(payload, 8)),
            answer: Answer::decode(api, &union(payload), data),
        })
    }

    /// The payload, written over `base`: real targets send the request's own bytes back where they put nothing, so
    /// the request's payload is the base.
    pub fn encode_over(&self, base: &[u8]) -> Vec<u8> {
        let mut bytes = fixed(base, MANIPULATE_BYTES);
        put_u32(&mut bytes, 0, self.api.0);
        put_u16(&mut bytes, 6, self.processor);
        put_u32(&mut bytes, 8, self.status.0);
        if let Some(union) = bytes.get_mut(UNION..) {
            self.answer.encode_union(self.api, union);
        }
        match &self.answer {
            Answer::Memory { data, .. }
            | Answer::ContextPart { data, .. }
            | Answer::Context(data)
            | Answer::Bus(data)
            | Answer::Unknown { data, .. } => bytes.extend_from_slice(data),
            Answer::Breakpoints(entries) => BreakpointEntry::encode_all(entries, &mut bytes),
            // Written control space goes back with the reply; written memory does not.
            Answer::Written { .. } if self.api == Api::WRITE_CONTROL => {
                bytes.extend_from_slice(base.get(MANIPULATE_BYTES..).unwrap_or_default());
            }
            _ => {}
        }
        bytes
    }
}

impl Answer {
    fn decode(api: Api, union: &[u8; UNION_BYTES], data: &[u8]) -> Self {
        let address = u64_at(union, 0);
        let requested = u32_at(union, 8);
        match api {
            Api::READ_VIRTUAL | Api::READ_PHYSICAL | Api::READ_CONTROL => Self::Memory {
                address,
                requested,
                data: data.to_vec(),
            },
            Api::WRITE_VIRTUAL | Api::WRITE_PHYSICAL | Api::WRITE_CONTROL => Self::Written {
                address,
                requested,
                done: u32_at(union, 12),
            },
            Api::GET_CONTEXT => Self::Context(data.to_vec()),
            Api::GET_CONTEXT_EX => Self::ContextPart {
                offset: u32_at(union, 0),
                requested: u32_at(union, 4),
                data: data.to_vec(),
            },
            Api::SET_CONTEXT_EX => Self::ContextWritten {
                offset: u32_at(union, 0),
                requested: u32_at(union, 4),
                done: requested,
            },
            Api::WRITE_BREAKPOINT => Self::Breakpoint {
                address,
                handle: requested,
            },
            Api::WRITE_CUSTOM_BREAKPOINT => Self::Breakpoint {
                address,
                handle: u32_at(union, 16),
            },
            Api::WRITE_BREAKPOINTS => Self::Breakpoints(BreakpointEntry::decode_all(data)),
            Api::GET_INTERNAL_BREAKPOINT => Self::InternalBreakpoint {
                address,
                counts: std::array::from_fn(|index| u32_at(union, 8 + 4 * index)),
            },
            Api::GET_VERSION => Self::Version(Version::decode(union)),
            Api::READ_MSR => Self::Msr(u64_at(union, 4)),
            Api::READ_IO => Self::Io(u32_at(union, 12)),
            Api::READ_IO_EX => Self::Io(u32_at(union, 24)),
            Api::SEARCH_MEMORY => Self::Found(address),
            Api::FILL_MEMORY => Self::Filled { done: requested },
            Api::QUERY_MEMORY => Self::Queried {
                address,
                space: u32_at(union, 16),
                flags: u32_at(union, 20),
            },
            Api::GET_BUS_DATA => Self::Bus(rest(data, 0, u32_at(union, 16)).to_vec()),
            Api::SET_BUS_DATA => Self::BusWritten {
                done: u32_at(union, 16),
            },
            Api::SET_CONTEXT
            | Api::RESTORE_BREAKPOINT
            | Api::WRITE_IO
            | Api::WRITE_IO_EX
            | Api::WRITE_MSR
            | Api::CHECK_LOW_MEMORY
                if data.is_empty() =>
            {
                Self::Empty
            }
            _ => Self::Unknown {
                union: *union,
                data: data.to_vec(),
            },
        }
    }

    fn encode_union(&self, api: Api, union: &mut [u8]) {
        match self {
            Self::Memory {
                address,
                requested,
                data,
            } => {
                put_u64(union, 0, *address);
                put_u32(union, 8, *requested);
                put_u32(union, 12, length(data));
            }
            Self::Written {
                address,
                requested,
                done,
            } => {
                put_u64(union, 0, *address);
                put_u32(union, 8, *requested);
                put_u32(union, 12, *done);
            }
            Self::ContextPart {
                offset,
                requested,
                data,
            } => {
                put_u32(union, 0, *offset);
                put_u32(union, 4, *requested);
                put_u32(union, 8, length(data));
            }
            Self::ContextWritten {
                offset,
                requested,
                done,
            } => {
                put_u32(union, 0, *offset);
                put_u32(union, 4, *requested);
                put_u32(union, 8, *done);
            }
            Self::Breakpoint { address, handle } => {
                let offset = if api == Api::WRITE_CUSTOM_BREAKPOINT {
                    16
                } else {
                    8
                };
                put_u64(union, 0, *address);
                put_u32(union, offset, *handle);
            }
            Self::Breakpoints(entries) => {
                put_u32(union, 0, u32::try_from(entries.len()).unwrap_or(u32::MAX));
            }
            Self::InternalBreakpoint { address, counts } => {
                put_u64(union, 0, *address);
                for (offset, count) in (8..).step_by(4).zip(counts) {
                    put_u32(union, offset, *count);
                }
            }
            Self::Version(version) => version.encode(union),
            Self::Msr(value) => {
                put_u32(union, 4, low_u32(*value));
                put_u32(union, 8, low_u32(*value >> 32));
            }
            Self::Io(value) => {
                let offset = if api == Api::READ_IO_EX { 24 } else { 12 };
                put_u32(union, offset, *value);
            }
            Self::Found(address) => put_u64(union, 0, *address),
            Self::Filled { done } => put_u32(union, 8, *done),
            Self::Queried {
                address,
                space,
                flags,
            } => {
                put_u64(union, 0, *address);
                put_u32(union, 16, *space);
                put_u32(union, 20, *flags);
            }
            Self::Bus(data) => put_u32(union, 16, length(data)),
            Self::BusWritten { done } => put_u32(union, 16, *done),
            Self::Unknown { union: theirs, .. } => put(union, 0, theirs),
            Self::Context(_) | Self::Empty => {}
        }
    }
}
