//! File I/O: a target asks for files of the host, drivers to replace its own.
//!
//! Each request holds the target up until it is answered, also by a refusal. Creation from the packets of real
//! targets, the rest from public descriptions.

use super::field::{fixed, length, put_u32, put_u64, u32_at, u64_at};
use super::message::MessageError;
use super::status::NtStatus;

/// Size of the part in front of the data.
pub const FILE_IO_BYTES: usize = 64;

pub(super) const CREATE: u32 = 0x3430;
pub(super) const READ: u32 = 0x3431;
pub(super) const WRITE: u32 = 0x3432;
pub(super) const CLOSE: u32 = 0x3433;

/// What a target wants of the host's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileRequest {
    /// To open or make one.
    Create {
        /// Rights it wants.
        access: u32,
        /// Attributes of a new file.
        attributes: u32,
        /// What others may do meanwhile.
        share: u32,
        /// What to do if it is there, or not.
        disposition: u32,
        /// Options of creation.
        options: u32,
        /// Path on the target, UTF-16 units without the NUL. An odd last byte is dropped.
        name: Vec<u16>,
    },
    /// To read.
    Read {
        /// Handle of the answer to [`FileRequest::Create`].
        handle: u64,
        /// Where, in bytes.
        offset: u64,
        /// How much, in bytes.
        count: u32,
    },
    /// To write.
    Write {
        /// Handle of the answer to [`FileRequest::Create`].
        handle: u64,
        /// Where, in bytes.
        offset: u64,
        /// What.
        data: Vec<u8>,
    },
    /// To close.
    Close {
        /// Handle of the answer to [`FileRequest::Create`].
        handle: u64,
    },
    /// Something later than this description.
    Unknown(Box<UnknownFile>),
}

/// A file request or answer later than this description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownFile {
    /// Its number.
    pub api: u32,
    /// The bytes behind number and status.
    pub rest: Vec<u8>,
}

/// The host's answer to a [`FileRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileAnswer {
    /// How it went.
    pub status: NtStatus,
    /// What it answers.
    pub result: FileResult,
}

/// The kinds of answers. Where the status is a failure, nothing of the fields counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileResult {
    /// Opened.
    Created {
        /// What the target names it by from now on.
        handle: u64,
        /// Length of the file in bytes.
        length: u64,
    },
    /// Read.
    Read {
        /// The bytes; fewer than asked at the end of the file.
        data: Vec<u8>,
    },
    /// Written.
    Written {
        /// How many bytes.
        count: u32,
    },
    /// Closed.
    Closed,
    /// The answer to what is not known.
    Unknown(Box<UnknownFile>),
}

impl FileRequest {
    pub(super) fn decode(payload: &[u8]) -> Result<Self, MessageError> {
        MessageError::expect("file request", payload, FILE_IO_BYTES)?;
        let data = payload.get(FILE_IO_BYTES..).unwrap_or_default();
        let handle = u64_at(payload, 8);
        let offset = u64_at(payload, 16);
        Ok(match u32_at(payload, 0) {
            CREATE => Self::Create {
                access: u32_at(payload, 8),
                attributes: u32_at(payload, 12),
                share: u32_at(payload, 16),
                disposition: u32_at(payload, 20),
                options: u32_at(payload, 24),
                name: name(data),
            },
            READ => Self::Read {
                handle,
                offset,
                count: u32_at(payload, 24),
            },
            WRITE => Self::Write {
                handle,
                offset,
                data: data.to_vec(),
            },
            CLOSE => Self::Close { handle },
            api => Self::Unknown(Box::new(UnknownFile::decode(api, payload))),
        })
    }

    /// The payload, written over `base`: bytes that mean nothing are the base's, or zero where it has none.
    pub fn encode_over(&self, base: &[u8]) -> Vec<u8> {
        let mut bytes = fixed(base, FILE_IO_BYTES);
        let api = match self {
            Self::Create {
                access,
                attributes,
                share,
                disposition,
                options,
                name,
            } => {
                let fields = [access, attributes, share, disposition, options];
                for (offset, field) in (8..).step_by(4).zip(fields) {
                    put_u32(&mut bytes, offset, *field);
                }
                let units = name.iter().chain([&0]);
                bytes.extend(units.flat_map(|unit| unit.to_le_bytes()));
                CREATE
            }
            Self::Read {
                handle,
                offset,
                count,
            } => {
                put_u64(&mut bytes, 8, *handle);
                put_u64(&mut bytes, 16, *offset);
                put_u32(&mut bytes, 24, *count);
                READ
            }
            Self::Write {
                handle,
                offset,
                data,
            } => {
                put_u64(&mut bytes, 8, *handle);
                put_u64(&mut bytes, 16, *offset);
                put_u32(&mut bytes, 24, length(data));
                bytes.extend_from_slice(data);
                WRITE
            }
            Self::Close { handle } => {
                put_u64(&mut bytes, 8, *handle);
                CLOSE
            }
            Self::Unknown(unknown) => unknown.encode(&mut bytes),
        };
        put_u32(&mut bytes, 0, api);
        bytes
    }

    /// The answer that refuses it.
    pub fn refuse(&self, status: NtStatus) -> FileAnswer {
        let result = match self {
            Self::Create { .. } => FileResult::Created {
                handle: 0,
                length: 0,
            },
            Self::Read { .. } => FileResult::Read { data: Vec::new() },
            Self::Write { .. } => FileResult::Written { count: 0 },
            Self::Close { .. } => FileResult::Closed,
            Self::Unknown(unknown) => FileResult::Unknown(unknown.clone()),
        };
        FileAnswer { status, result }
    }
}

impl FileAnswer {
    pub(super) fn decode(payload: &[u8]) -> Result<Self, MessageError> {
        MessageError::expect("file answer", payload, FILE_IO_BYTES)?;
        let result = match u32_at(payload, 0) {
            CREATE => FileResult::Created {
                handle: u64_at(payload, 32),
                length: u64_at(payload, 40),
            },
            READ => FileResult::Read {
                data: payload.get(FILE_IO_BYTES..).unwrap_or_default().to_vec(),
            },
            WRITE => FileResult::Written {
                count: u32_at(payload, 24),
            },
            CLOSE => FileResult::Closed,
            api => FileResult::Unknown(Box::new(UnknownFile::decode(api, payload))),
        };
        Ok(Self {
            status: NtStatus(u32_at(payload, 4)),
            result,
        })
    }

    /// The payload, written over `base`, best the request's: debuggers send the request's fields back.
    pub fn encode_over(&self, base: &[u8]) -> Vec<u8> {
        let mut bytes = fixed(base, FILE_IO_BYTES);
        let api = match &self.result {
            FileResult::Created { handle, length } => {
                put_u64(&mut bytes, 32, *handle);
                put_u64(&mut bytes, 40, *length);
                CREATE
            }
            FileResult::Read { data } => {
                put_u32(&mut bytes, 24, length(data));
                bytes.extend_from_slice(data);
                READ
            }
            FileResult::Written { count } => {
                put_u32(&mut bytes, 24, *count);
                WRITE
            }
            FileResult::Closed => CLOSE,
            FileResult::Unknown(unknown) => unknown.encode(&mut bytes),
        };
        put_u32(&mut bytes, 0, api);
        put_u32(&mut bytes, 4, self.status.0);
        bytes
    }
}

impl UnknownFile {
    fn decode(api: u32, payload: &[u8]) -> Self {
        Self {
            api,
            rest: payload.get(8..).unwrap_or_default().to_vec(),
        }
    }

    fn encode(&self, bytes: &mut Vec<u8>) -> u32 {
        bytes.truncate(8);
        bytes.extend_from_slice(&self.rest);
        self.api
    }
}

fn name(data: &[u8]) -> Vec<u16> {
    let (pairs, _) = data.as_chunks::<2>();
    let units = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
    units.take_while(|unit| *unit != 0).collect()
}
