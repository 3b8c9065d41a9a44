//! Why a debugger's command could not be done.

use std::time::Duration;

use crate::code::expression::ExpressionError;
use crate::code::memory;
use crate::code::pe::ImageError;
use crate::proto::kd::NtStatus;

/// Why a command, or a part of it, could not be done.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Fault {
    /// Somebody pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// The link ended or the target restarted.
    #[error("the target was lost before it was done")]
    Lost,
    /// The target does not answer.
    #[error("the target did not answer within {} s; .break, or .disconnect and .connect, may bring it back", .0.as_secs())]
    Silent(Duration),
    /// The target does not stop.
    #[error("no stop within {} s: the target hangs with interrupts off, is gone, or the link loses too much; .diag tells what came", .0.as_secs())]
    NoStop(Duration),
    /// The target never called.
    #[error("it did not call within {} s, so there was nothing to stop; .diag tells what came, and what to do", .0.as_secs())]
    NoCall(Duration),
    /// The target is running.
    #[error("{0} needs a stopped target; .break stops it")]
    Running(String),
    /// The target says no.
    #[error("the target refused it: {0}")]
    Refused(NtStatus),
    /// The target's answer is not one to the question.
    #[error("the target's answer makes no sense: {0}")]
    Nonsense(&'static str),
    /// The memory cannot be read.
    #[error(transparent)]
    Memory(#[from] memory::Fault),
    /// What lies in memory is no image.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// What was typed has no value.
    #[error(transparent)]
    Expression(#[from] ExpressionError),
    /// What was typed is wrong, or what it wants cannot be; in words.
    #[error("{0}")]
    Words(String),
}

impl From<String> for Fault {
    fn from(words: String) -> Self {
        Self::Words(words)
    }
}

impl From<&str> for Fault {
    fn from(words: &str) -> Self {
        Self::Words(words.to_owned())
    }
}
