//! The raw debug-and-chat port without its sockets: lines of text over a byte stream, for people with `nc` or PuTTY.
//!
//! What comes in becomes lines in [`assembler`], and what they mean in [`input`]; [`name`] says who somebody may be;
//! [`budget`] how much they may do; [`outbox`] what waits for them. [`guest`] is the other side: what to do where kdeck
//! itself is the guest of such a port. No sockets, and time is a parameter.
//!
//! Facts: the behaviour of the Nitrocid kernel's remote debugger and remote chat, whose users this port is for.

pub mod assembler;
pub mod budget;
pub mod guest;
pub mod input;
pub mod name;
pub mod outbox;

pub use assembler::{Assembler, Line};
pub use budget::{Arrivals, Bucket, ChatBudget, Cooldown, Verdict};
pub use guest::Guest;
pub use input::Input;
pub use outbox::Outbox;
