//! Messages: what the payload of a data packet says, in either direction.
//!
//! Every message the protocol lists has a typed form; what it does not list keeps its bytes. Many fields mean nothing
//! and carry whatever was in the sender's memory: typed forms leave them out, and `encode_over` takes them from
//! another payload, which is also what real targets do with the requests they answer.

use super::debug_io::{PRINT, PROMPT, Print, Prompt, PromptAnswer};
use super::field::u32_at;
use super::file_io::{FileAnswer, FileRequest};
use super::frame::PacketType;
use super::reply::Reply;
use super::request::Request;
use super::state_change::StateChange;
use super::trace::{ControlRequest, TRACE, Trace};

/// Why a payload is not the message its packet type promises. The peer is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Its fixed part is incomplete.
    #[error("{what} of {got} bytes, expected at least {want}")]
    Short {
        /// What it would be.
        what: &'static str,
        /// Bytes of its fixed part.
        want: usize,
        /// Bytes that came.
        got: usize,
    },
}

impl MessageError {
    pub(super) fn expect(what: &'static str, payload: &[u8], want: usize) -> Result<(), Self> {
        let got = payload.len();
        if got < want {
            Err(Self::Short { what, want, got })
        } else {
            Ok(())
        }
    }
}

/// What a target says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromTarget {
    /// It stopped, or a module came or went. To be answered with a continue.
    StateChange(StateChange),
    /// The reply to a request.
    Reply(Reply),
    /// Text.
    Print(Print),
    /// A question. To be answered with [`FromHost::Prompt`].
    Prompt(Prompt),
    /// It wants a file. To be answered with [`FromHost::File`].
    File(FileRequest),
    /// Trace data.
    Trace(Trace),
    /// A debug register is wanted or given back.
    Control(ControlRequest),
    /// Something this description lacks.
    Unknown {
        /// Its packet type.
        kind: PacketType,
        /// Its bytes.
        payload: Vec<u8>,
    },
}

impl FromTarget {
    /// Reads a payload.
    ///
    /// # Errors
    /// [`MessageError`] if the fixed part is incomplete.
    pub fn decode(kind: PacketType, payload: &[u8]) -> Result<Self, MessageError> {
        Ok(match (kind, u32_at(payload, 0)) {
            (PacketType::StateChange, _) => Self::StateChange(StateChange::decode(payload)?),
            (PacketType::Manipulate, _) => Self::Reply(Reply::decode(payload)?),
            (PacketType::DebugIo, PRINT) => Self::Print(Print::decode(payload)?),
            (PacketType::DebugIo, PROMPT) => Self::Prompt(Prompt::decode(payload)?),
            (PacketType::FileIo, _) => Self::File(FileRequest::decode(payload)?),
            (PacketType::TraceIo, TRACE) => Self::Trace(Trace::decode(payload)?),
            (PacketType::ControlRequest, _) => Self::Control(ControlRequest::decode(payload)?),
            _ => Self::Unknown {
                kind,
                payload: payload.to_vec(),
            },
        })
    }

    /// Packet type and payload; bytes that mean nothing are zero.
    pub fn encode(&self) -> (PacketType, Vec<u8>) {
        self.encode_over(&[])
    }

    /// As [`FromTarget::encode`], with the bytes that mean nothing from `base`: for a reply, the request's payload.
    pub fn encode_over(&self, base: &[u8]) -> (PacketType, Vec<u8>) {
        match self {
            Self::StateChange(change) => (PacketType::StateChange, change.encode_over(base)),
            Self::Reply(reply) => (PacketType::Manipulate, reply.encode_over(base)),
            Self::Print(print) => (PacketType::DebugIo, print.encode_over(base)),
            Self::Prompt(prompt) => (PacketType::DebugIo, prompt.encode()),
            Self::File(request) => (PacketType::FileIo, request.encode_over(base)),
            Self::Trace(trace) => (PacketType::TraceIo, trace.encode_over(base)),
            Self::Control(control) => (PacketType::ControlRequest, control.encode()),
            Self::Unknown { kind, payload } => (*kind, payload.clone()),
        }
    }
}

/// What a host says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromHost {
    /// A request.
    Request(Request),
    /// The answer to a prompt.
    Prompt(PromptAnswer),
    /// The answer to a file request.
    File(FileAnswer),
    /// Something this description lacks.
    Unknown {
        /// Its packet type.
        kind: PacketType,
        /// Its bytes.
        payload: Vec<u8>,
    },
}

impl FromHost {
    /// Reads a payload.
    ///
    /// # Errors
    /// [`MessageError`] if the fixed part is incomplete.
    pub fn decode(kind: PacketType, payload: &[u8]) -> Result<Self, MessageError> {
        Ok(match (kind, u32_at(payload, 0)) {
            (PacketType::Manipulate, _) => Self::Request(Request::decode(payload)?),
            (PacketType::DebugIo, PROMPT) => Self::Prompt(PromptAnswer::decode(payload)?),
            (PacketType::FileIo, _) => Self::File(FileAnswer::decode(payload)?),
            _ => Self::Unknown {
                kind,
                payload: payload.to_vec(),
            },
        })
    }

    /// Packet type and payload; bytes that mean nothing are zero.
    pub fn encode(&self) -> (PacketType, Vec<u8>) {
        self.encode_over(&[])
    }

    /// As [`FromHost::encode`], with the bytes that mean nothing from `base`: for an answer, the question's payload.
    pub fn encode_over(&self, base: &[u8]) -> (PacketType, Vec<u8>) {
        match self {
            Self::Request(request) => (PacketType::Manipulate, request.encode_over(base)),
            Self::Prompt(answer) => (PacketType::DebugIo, answer.encode_over(base)),
            Self::File(answer) => (PacketType::FileIo, answer.encode_over(base)),
            Self::Unknown { kind, payload } => (*kind, payload.clone()),
        }
    }
}
