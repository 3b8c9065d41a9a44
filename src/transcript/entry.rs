//! What a transcript holds: numbered, timed entries of a few kinds.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Number of an entry in its transcript, from 1, without gaps.
pub type Seq = u64;

/// When an entry was appended: microseconds since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Time(pub i64);

impl Time {
    /// The clock of this machine.
    pub fn now() -> Self {
        Self(Timestamp::now().as_microsecond())
    }

    /// As the time library knows it; a time out of its range becomes 1970.
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_microsecond(self.0).unwrap_or_default()
    }
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A line that the target printed.
    Output,
    /// What a person typed to the target.
    Command,
    /// What kdeck answered to a command; may have several lines.
    Reply,
    /// What happened to the target: connected, lost, output missed.
    Notice,
}

/// How an entry's text ends. Only output ends in another way than [`Ending::Whole`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// A complete line, or an entry that is not output.
    Whole,
    /// Cut at the line limit; the next output entry goes on with the same line.
    Folded,
    /// A line whose end has not come yet, such as a prompt: its bytes can still grow.
    Open,
    /// A line whose end will never come: its link was lost in the middle.
    Lost,
}

/// One entry, borrowed from its ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its number.
    pub seq: Seq,
    /// When it was appended, or begun if it is still open.
    pub time: Time,
    /// What it is.
    pub kind: Kind,
    /// The person behind it, if any.
    pub who: Option<&'a str>,
    /// Its text, raw as it came, without the newline that ended it.
    pub bytes: &'a [u8],
    /// How it ends.
    pub ending: Ending,
}
