//! The Windows kernel debug protocol, of which both ends are here.
//!
//! Opens no connection and keeps no clock. What it is made of, from the wire up:
//!
//! * [`frame`]: packets, as bytes and as values; [`assembler`]: packets out of a byte stream;
//! * [`session`]: acknowledging, sending again and beginning anew, for a host or a target, with the packet numbers of
//!   byte streams or those of KDNET;
//! * [`serial`]: the last two as one engine for a serial line, a socket or a pipe;
//! * [`message`]: what payloads say, in either direction, and the modules of the single messages;
//! * [`context`], [`special`], [`kdbg`]: where registers and a kernel's variables lie in the bytes that replies carry.
//!
//! Facts: the packets of real targets, and of a real NT-family kernel over serial lines, which also taught what a host
//! has to put up with.

pub mod api;
mod architecture;
pub mod assembler;
pub mod context;
pub mod debug_io;
mod field;
pub mod file_io;
pub mod frame;
pub mod kdbg;
pub mod message;
pub mod reply;
pub mod report;
pub mod request;
pub mod resume;
pub mod serial;
pub mod session;
pub mod special;
pub mod state_change;
mod status;
#[cfg(test)]
mod tests;
pub mod trace;
pub mod version;

pub use api::Api;
pub use architecture::Architecture;
pub use assembler::{Assembler, Item};
pub use debug_io::{Print, Prompt, PromptAnswer};
pub use file_io::{FileAnswer, FileRequest, FileResult};
pub use frame::{Packet, PacketError, PacketType};
pub use message::{FromHost, FromTarget, MessageError};
pub use reply::{Answer, Reply};
pub use report::{Amd64Report, Arm64Report, ControlReport, X86Report};
pub use request::{BreakpointEntry, BusPlace, Cache, Call, IoPlace, Request};
pub use resume::{Continue2, ControlSet};
pub use serial::{Serial, SerialCounters};
pub use session::{Event, Numbering, SendError, Session, Side, Timing, Transmit};
pub use state_change::{Change, Exception, LoadSymbols, StateChange};
pub use status::NtStatus;
pub use trace::{ControlKind, ControlRequest, Trace};
pub use version::Version;
