//! Trace data and control requests: acknowledged, shown if somebody wants, else dropped.
//!
//! Layout from public descriptions; no recorded target sends them.

use super::field::{fixed, length, put_u16, put_u32, rest, u16_at, u32_at};
use super::message::MessageError;

/// Size of the part in front of trace data.
pub const TRACE_BYTES: usize = 64;
/// Size of a control request.
pub const CONTROL_REQUEST_BYTES: usize = 12;

pub(super) const TRACE: u32 = 0x3330;
const RESERVE: u32 = 0x4300;
const RELEASE: u32 = 0x4301;

/// Trace data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trace {
    /// Processor family number; for information only.
    pub level: u16,
    /// The processor it comes from.
    pub processor: u16,
    /// The data.
    pub data: Vec<u8>,
}

/// The target asks for a debug register for its own use, or gives one back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlRequest {
    /// Which.
    pub what: ControlKind,
    /// Number of the debug register.
    pub breakpoint: u32,
    /// Whether it is available, or was released.
    pub flag: u32,
}

/// The kinds of [`ControlRequest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlKind {
    /// It wants one.
    Reserve,
    /// It gives one back.
    Release,
    /// Something later than this description.
    Unknown(u32),
}

impl Trace {
    pub(super) fn decode(payload: &[u8]) -> Result<Self, MessageError> {
        MessageError::expect("trace data", payload, TRACE_BYTES)?;
        Ok(Self {
            level: u16_at(payload, 4),
            processor: u16_at(payload, 6),
            data: rest(payload, TRACE_BYTES, u32_at(payload, 8)).to_vec(),
        })
    }

    /// The payload, written over `base`: bytes that mean nothing are the base's, or zero where it has none.
    pub fn encode_over(&self, base: &[u8]) -> Vec<u8> {
        let mut bytes = fixed(base, TRACE_BYTES);
        put_u32(&mut bytes, 0, TRACE);
        put_u16(&mut bytes, 4, self.level);
        put_u16(&mut bytes, 6, self.processor);
        put_u32(&mut bytes, 8, length(&self.data));
        bytes.extend_from_slice(&self.data);
        bytes
    }
}

impl ControlRequest {
    pub(super) fn decode(payload: &[u8]) -> Result<Self, MessageError> {
        MessageError::expect("control request", payload, CONTROL_REQUEST_BYTES)?;
        Ok(Self {
            what: match u32_at(payload, 0) {
                RESERVE => ControlKind::Reserve,
                RELEASE => ControlKind::Release,
                api => ControlKind::Unknown(api),
            },
            breakpoint: u32_at(payload, 4),
            flag: u32_at(payload, 8),
        })
    }

    /// The payload.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; CONTROL_REQUEST_BYTES];
        put_u32(
            &mut bytes,
            0,
            match self.what {
                ControlKind::Reserve => RESERVE,
                ControlKind::Release => RELEASE,
                ControlKind::Unknown(api) => api,
            },
        );
        put_u32(&mut bytes, 4, self.breakpoint);
        put_u32(&mut bytes, 8, self.flag);
        bytes
    }
}
