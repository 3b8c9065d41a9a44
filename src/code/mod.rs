//! Reading machines: what the memory and the registers of a stopped target mean.
//!
//! Pure and synchronous. Nothing here reads from a target: memory comes through [`memory::Memory`], and what is not
//! known yet comes back as [`memory::Fault::Missing`]. The caller fetches it and asks again.
//!
//! | module | what it answers |
//! | --- | --- |
//! | [`machine`], [`registers`] | which processor, and what its registers hold |
//! | [`memory`] | the memory trait, its faults, a cache to fetch into |
//! | [`pe`], [`modules`], [`names`] | which images are loaded, what they export, which name is near an address |
//! | [`unwind`] | who called whom |
//! | [`expression`], [`values`] | what a person typed: numbers, ranges, lists of values |
//! | [`disassembly`], [`dump`] | instructions and memory as text |
//! | [`search`], [`translate`] | where a pattern lies, where an address lies |
//! | [`bugchecks`], [`statuses`] | the names of codes |

pub mod bugchecks;
pub mod disassembly;
pub mod dump;
pub mod expression;
pub mod machine;
pub mod memory;
pub mod modules;
pub mod names;
pub mod pe;
pub mod registers;
pub mod search;
pub mod statuses;
pub mod translate;
pub mod unwind;
pub mod values;
