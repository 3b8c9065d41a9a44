//! Sans-IO protocols.

pub mod kd;
pub mod netconsole;
pub mod telnet;
