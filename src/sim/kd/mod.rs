//! Simulated Windows machines with the target's side of the kernel debug protocol.
//!
//! From the inside out: [`program`] assembles a kernel and drivers into the images of [`image`]; [`kernel`] puts them
//! and the structures that debuggers look for into the [`memory`] of a machine; [`machine`] runs them on an
//! [`interpreter`], does what its [`behaviour`] says, and stops; `debuggee` answers a debugger.
//!
//! [`target`] lets the machine speak KD over a byte stream or KDNET. All of that is sans-IO and follows from a seed;
//! [`faults`] spoils the wire on request. [`net`] and [`com`] are tasks with real sockets, and [`rack`] has many of them.

mod arithmetic;
pub mod assembler;
pub mod behaviour;
pub mod breakpoints;
pub mod com;
mod data_block;
mod debuggee;
pub mod faults;
pub mod image;
pub mod interpreter;
pub mod kernel;
pub mod machine;
pub mod memory;
pub mod net;
mod nucleus;
mod operand;
pub mod ports;
pub mod program;
pub mod rack;
pub mod registers;
mod script;
mod stopping;
pub mod target;
#[cfg(test)]
mod tests;
