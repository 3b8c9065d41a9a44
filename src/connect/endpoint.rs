//! The far end of a byte stream: what KD, GDB and raw targets have in common.

use std::fmt;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::grammar::{Spec, value};
use super::host::{host, port};
use super::local_port::LocalPort;
use super::name::legal_name;
use super::options::Options;
use super::serial::{LINE_NAMES, SerialLine};
use super::written::Written;

/// Where bytes go to and come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A TCP server.
    Tcp {
        /// Host name or literal address.
        host: String,
        /// Its port, not 0.
        port: u16,
    },
    /// A Unix stream socket of this machine, such as the serial port of a virtual machine.
    Unix {
        /// Path of the socket.
        path: PathBuf,
    },
    /// A serial device of this machine.
    Serial(SerialLine),
}

impl Endpoint {
    /// Reads one of the three spellings: `server=,port=`, `pipe=`, `com=`.
    pub(super) fn read(options: &Options<'_, '_>) -> Result<Self, Error> {
        if let Some(path) = options.value("pipe") {
            options.refuse(&["server", "port", "com"], "pipe")?;
            options.refuse(LINE_NAMES, "pipe")?;
            return Ok(Self::Unix {
                path: path.text.into(),
            });
        }
        if let Some(device) = options.value("com") {
            options.refuse(&["server", "port"], "com")?;
            return SerialLine::read(options, device).map(Self::Serial);
        }
        if !options.has("server") && !options.has("port") {
            return Err(options.missing("server=HOST,port=N, pipe=PATH or com=DEVICE"));
        }
        options.refuse(LINE_NAMES, "server")?;
        Ok(Self::Tcp {
            host: host(options, options.need("server", "server=HOST")?)?,
            port: port(options, options.need("port", "port=N")?)?,
        })
    }

    /// Writes what [`Endpoint::read`] reads.
    pub(super) fn write(&self, written: &mut Written) {
        match self {
            Self::Tcp { host, port } => {
                written.value("server", host).value("port", port);
            }
            Self::Unix { path } => {
                written.value("pipe", path.display());
            }
            Self::Serial(line) => line.write(written, "com"),
        }
    }

    pub(super) fn default_name(&self) -> String {
        match self {
            Self::Tcp { host, port } => legal_name(host, &format!(":{port}")),
            Self::Unix { path } => file_name(path),
            Self::Serial(line) => file_name(&line.device),
        }
    }

    /// What it holds of this machine while it is open.
    pub(super) fn local_port(&self) -> Option<LocalPort> {
        match self {
            Self::Tcp { .. } => None,
            Self::Unix { path } => Some(LocalPort::Device(path.clone())),
            Self::Serial(line) => Some(LocalPort::Device(line.device.clone())),
        }
    }

    pub(super) fn warning(&self) -> Option<String> {
        match self {
            Self::Unix { path } if path.to_string_lossy().starts_with(r"\\") => Some(format!(
                "{} is the name of a Windows pipe; on this machine it is taken for the path of a Unix socket",
                path.display()
            )),
            _ => None,
        }
    }
}

/// `HOST:PORT` or the path.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix { path } => path.display().fmt(f),
            Self::Serial(line) => line.device.display().fmt(f),
        }
    }
}

/// The options [`Endpoint::read`] knows, besides those of a serial line.
pub(super) const ENDPOINT: &[Spec] = &[
    value("server", "HOST"),
    value("port", "N"),
    value("pipe", "PATH"),
    value("com", "DEVICE"),
];

fn file_name(path: &Path) -> String {
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy();
    // a Windows pipe is one component here
    legal_name(name.rsplit('\\').next().unwrap_or_default(), "")
}
