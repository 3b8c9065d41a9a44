//! The debugger settings of a target, as `bcdedit /dbgsettings` prints them, held against what is configured here.
//!
//! [`mod@read`] takes the text apart, [`mod@compare`] says what does not match. Keys are compared, never shown.

pub mod compare;
pub mod read;

pub use compare::{Host, compare};
pub use read::{FILE_BYTES_MAX, Settings, decode};
