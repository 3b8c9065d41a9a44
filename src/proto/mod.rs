//! Sans-IO protocols.

pub mod netconsole;
pub mod telnet;
