//! Connection strings: what to connect to, in one line of text.
//!
//! One grammar serves three families of strings that look alike: [`TargetString`] (`-k`, `connect =`),
//! [`ServerString`] (`-server`) and [`ClientString`] (`-remote`). Each is read with [`FromStr`](std::str::FromStr) into
//! typed values and written back with [`Display`](std::fmt::Display); an [`Error`] knows the bytes at fault and renders
//! them with a caret and a valid example.
//!
//! ```text
//! string := kind ":" [ option *( "," option ) ]
//! option := flag | name "=" value            no blanks around "," and "=", no comma in a value
//! ```
//!
//! Kinds and option names are read without regard to case, options come in any order, each once. `exec:` alone is
//! different: the rest of the string is a command line, see [`Exec`].
//!
//! Nothing here opens, resolves or waits. The grammar of `net`, `com`, `1394`, `usb` and of servers and clients is the
//! one of Microsoft's debugger documentation ("Performing kernel-mode debugging using KD", "Activating a debugging
//! server", "Activating a debugging client"); the other kinds are our own.

mod chat_port;
mod client;
mod conceal;
mod endpoint;
mod error;
mod exec;
mod family;
mod grammar;
mod host;
mod key;
mod listed;
mod local_port;
mod name;
mod nearest;
mod options;
mod password;
mod serial;
mod server;
mod target;
mod transport;
mod written;

pub use chat_port::{CHAT_PORT, ChatPort};
pub use client::{ClientString, ClientTransport, Join};
pub use endpoint::Endpoint;
pub use error::{Error, Fault};
pub use exec::{Exec, Restart};
pub use family::Family;
pub use grammar::STRING_BYTES_MAX;
pub use key::{Key, KeyFault};
pub use listed::{listed_kind, listed_value, listed_without};
pub use local_port::LocalPort;
pub use name::{NAME_COLUMNS_MAX, NameFault, check_name};
pub use nearest::nearest;
pub use password::{PASSWORD_BYTES_MAX, Password};
pub use serial::{BAUD_DEFAULT, DataBits, FlowControl, LineSettings, Parity, SerialLine, StopBits};
pub use server::{Listen, ServerString, ServerTransport};
pub use target::{Eol, Kd, Net, Raw, RawLink, TargetLink, TargetString, Telnet};
pub use transport::{Certificate, ComChannel, PortRange};

#[cfg(test)]
mod tests;
