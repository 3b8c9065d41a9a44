//! Sans-IO protocols.

pub mod kd;
pub mod kdnet;
pub mod netconsole;
pub mod rawchat;
pub mod session;
pub mod telnet;
