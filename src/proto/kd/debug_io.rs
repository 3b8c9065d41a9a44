//! Debug I/O: what a target prints, what it asks, and the answer.
//!
//! Layout from the packets of real targets.

use super::field::{fixed, length, put_u16, put_u32, rest, u16_at, u32_at};
use super::message::MessageError;

/// Size of the part in front of the text.
pub const DEBUG_IO_BYTES: usize = 16;
/// Old targets have a shorter one.
const OLD_DEBUG_IO_BYTES: usize = 12;

pub(super) const PRINT: u32 = 0x3230;
pub(super) const PROMPT: u32 = 0x3231;

/// Text that a target prints. Not to be answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Print {
    /// Processor family number; for information only.
    pub level: u16,
    /// The processor that prints.
    pub processor: u16,
    /// The text, in the target's 8-bit characters; line ends may be anywhere.
    pub text: Vec<u8>,
}

/// A question. The target does nothing else until it is answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prompt {
    /// Processor family number; comes back with the answer.
    pub level: u16,
    /// The processor that asks; comes back with the answer.
    pub processor: u16,
    /// The question.
    pub text: Vec<u8>,
    /// Bytes the target has for the answer. What is longer is cut there.
    pub room: u32,
}

/// The answer to a [`Prompt`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PromptAnswer {
    /// As in the prompt.
    pub level: u16,
    /// As in the prompt.
    pub processor: u16,
    /// The answer, without a NUL; may be empty.
    pub text: Vec<u8>,
}

impl Print {
    pub(super) fn decode(payload: &[u8]) -> Result<Self, MessageError> {
        MessageError::expect("print", payload, OLD_DEBUG_IO_BYTES)?;
        Ok(Self {
            level: u16_at(payload, 4),
            processor: u16_at(payload, 6),
            text: text(payload).to_vec(),
        })
    }

    /// The payload, written over `base`: bytes that mean nothing are the base's, or zero where it has none.
    pub fn encode_over(&self, base: &[u8]) -> Vec<u8> {
        let mut bytes = header(base, PRINT, self.level, self.processor);
        put_u32(&mut bytes, 8, length(&self.text));
        bytes.extend_from_slice(&self.text);
        bytes
    }
}

impl Prompt {
    pub(super) fn decode(payload: &[u8]) -> Result<Self, MessageError> {
        MessageError::expect("prompt", payload, DEBUG_IO_BYTES)?;
        Ok(Self {
            level: u16_at(payload, 4),
            processor: u16_at(payload, 6),
            text: rest(payload, DEBUG_IO_BYTES, u32_at(payload, 8)).to_vec(),
            room: u32_at(payload, 12),
        })
    }

    /// The payload.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = header(&[], PROMPT, self.level, self.processor);
        put_u32(&mut bytes, 8, length(&self.text));
        put_u32(&mut bytes, 12, self.room);
        bytes.extend_from_slice(&self.text);
        bytes
    }

    /// The answer `text`, addressed to who asked and cut to the room there is.
    pub fn answer(&self, text: &[u8]) -> PromptAnswer {
        PromptAnswer {
            level: self.level,
            processor: self.processor,
            text: rest(text, 0, self.room).to_vec(),
        }
    }
}

impl PromptAnswer {
    pub(super) fn decode(payload: &[u8]) -> Result<Self, MessageError> {
        MessageError::expect("answer to a prompt", payload, DEBUG_IO_BYTES)?;
        Ok(Self {
            level: u16_at(payload, 4),
            processor: u16_at(payload, 6),
            text: rest(payload, DEBUG_IO_BYTES, u32_at(payload, 12)).to_vec(),
        })
    }

    /// The payload, written over `base`: bytes that mean nothing are the base's, or zero where it has none.
    pub fn encode_over(&self, base: &[u8]) -> Vec<u8> {
        let mut bytes = header(base, PROMPT, self.level, self.processor);
        put_u32(&mut bytes, 12, length(&self.text));
        bytes.extend_from_slice(&self.text);
        bytes
    }
}

fn header(base: &[u8], api: u32, level: u16, processor: u16) -> Vec<u8> {
    let mut bytes = fixed(base, DEBUG_IO_BYTES);
    put_u32(&mut bytes, 0, api);
    put_u16(&mut bytes, 4, level);
    put_u16(&mut bytes, 6, processor);
    bytes
}

/// The text of a print, wherever its header ends.
fn text(payload: &[u8]) -> &[u8] {
    let count = u32_at(payload, 8);
    let total = usize::try_from(count).unwrap_or(usize::MAX);
    if payload.len() == OLD_DEBUG_IO_BYTES.saturating_add(total) {
        rest(payload, OLD_DEBUG_IO_BYTES, count)
    } else {
        rest(payload, DEBUG_IO_BYTES, count)
    }
}
