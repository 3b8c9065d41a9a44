//! Sans-IO protocols.

pub mod telnet;
