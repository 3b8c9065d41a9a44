//! Target strings: what to debug or watch, and how to reach it (`-k`, `connect =`).

mod read;
mod write;

use std::net::IpAddr;
use std::path::PathBuf;

pub(super) use read::{EOL, NAMING, TARGET_KINDS, eol};

use super::endpoint::Endpoint;
use super::exec::Exec;
use super::key::Key;
use super::local_port::LocalPort;
use super::name::legal_name;
use super::serial::LineSettings;

/// A target: its link, and what to call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetString {
    /// How to reach it.
    pub link: TargetLink,
    /// `name=`.
    pub name: Option<String>,
    /// `group=`, several with `+` between them; each once.
    pub group: Vec<String>,
}

/// How to reach a target, and what is spoken there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetLink {
    /// `net:`, a Windows kernel over KDNET.
    Net(Net),
    /// `com:`, a Windows kernel over KD.
    Kd(Kd),
    /// `gdb:`, a stub that speaks GDB's remote protocol.
    Gdb(Endpoint),
    /// `raw:`, lines of text.
    Raw(Raw),
    /// `telnet:`, a terminal server.
    Telnet(Telnet),
    /// `netconsole:`, the log of a Linux kernel over UDP.
    Netconsole {
        /// The UDP port it is sent to.
        port: u16,
        /// The only sender listened to.
        source: Option<IpAddr>,
    },
    /// `exec:`, a program on a pseudo-terminal.
    Exec(Exec),
    /// `1394:`, FireWire.
    Ieee1394 {
        /// 0 to 62; the same on both sides.
        channel: u8,
        /// `symlink=`, the protocol's name.
        symlink: Option<String>,
    },
    /// `usb:`, a USB debug cable.
    Usb {
        /// The name set on the target.
        target_name: String,
    },
}

/// A Windows kernel over KDNET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Net {
    /// The UDP port of this machine the target calls; held alone.
    pub port: u16,
    /// The secret shared with the target.
    pub key: Key,
    /// The target to call. Without it, and with `::` or `0.0.0.0` (over IPv6 or IPv4 only), the target calls.
    pub target: Option<String>,
    /// The directory of this machine whose files the target may read; none without it.
    pub files: Option<PathBuf>,
}

/// A Windows kernel over KD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kd {
    /// `port=DEVICE`, `pipe,port=PATH` or `ipport=N,port=HOST`.
    pub endpoint: Endpoint,
    /// Reset packets sent while synchronising; 0 for no limit.
    pub resets: Option<u32>,
    /// Opened again after any failure, and waited for at the start.
    pub reconnect: bool,
    /// The directory of this machine whose files the target may read; none without it.
    pub files: Option<PathBuf>,
}

/// Lines of text, without a protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw {
    /// Who dials.
    pub link: RawLink,
    /// What ends a line of input.
    pub eol: Eol,
    /// Opened again when lost.
    pub reconnect: bool,
    /// The name to register under when a debug-and-chat port says that this is the first time.
    pub register: Option<String>,
}

/// Who dials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RawLink {
    /// This machine does.
    Dial(Endpoint),
    /// The target does.
    Listen {
        /// TCP port of this machine.
        port: u16,
        /// The local address it is bound to; all of them if `None`.
        bind: Option<IpAddr>,
    },
}

/// A terminal server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telnet {
    /// Host name or literal address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What to set on the serial line behind it (RFC 2217).
    pub line: LineSettings,
    /// What ends a line of input.
    pub eol: Eol,
    /// Opened again when lost.
    pub reconnect: bool,
}

/// What ends a line of input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Eol {
    /// Carriage return, what the Enter key of a terminal sends.
    #[default]
    Cr,
    /// Line feed.
    Lf,
    /// Both.
    CrLf,
}

impl Eol {
    /// The bytes to send.
    #[must_use]
    pub fn bytes(self) -> &'static [u8] {
        match self {
            Self::Cr => b"\r",
            Self::Lf => b"\n",
            Self::CrLf => b"\r\n",
        }
    }
}

impl TargetLink {
    /// Whether a debugger's protocol is spoken there, so that the target runs or is stopped and takes a debugger's
    /// commands. What is left is text.
    #[must_use]
    pub fn is_debugger(&self) -> bool {
        match self {
            Self::Net(_)
            | Self::Kd(_)
            | Self::Gdb(_)
            | Self::Ieee1394 { .. }
            | Self::Usb { .. } => true,
            Self::Raw(_) | Self::Telnet(_) | Self::Netconsole { .. } | Self::Exec(_) => false,
        }
    }

    /// Whether it opens files, devices or sockets of this machine's file system.
    #[must_use]
    pub fn opens_files(&self) -> bool {
        let is_here = |endpoint: &Endpoint| !matches!(endpoint, Endpoint::Tcp { .. });
        match self {
            Self::Net(net) => net.files.is_some(),
            Self::Kd(kd) => kd.files.is_some() || is_here(&kd.endpoint),
            Self::Gdb(endpoint) => is_here(endpoint),
            Self::Raw(raw) => match &raw.link {
                RawLink::Dial(endpoint) => is_here(endpoint),
                RawLink::Listen { .. } => false,
            },
            Self::Ieee1394 { .. } | Self::Usb { .. } => true,
            Self::Telnet(_) | Self::Netconsole { .. } | Self::Exec(_) => false,
        }
    }
}

impl TargetString {
    /// What the target holds of this machine while it is open.
    #[must_use]
    pub fn local_port(&self) -> Option<LocalPort> {
        match &self.link {
            TargetLink::Net(net) => Some(LocalPort::Udp {
                port: net.port,
                source: None,
            }),
            TargetLink::Netconsole { port, source } => Some(LocalPort::Udp {
                port: *port,
                source: *source,
            }),
            TargetLink::Kd(Kd { endpoint, .. }) | TargetLink::Gdb(endpoint) => {
                endpoint.local_port()
            }
            TargetLink::Raw(raw) => match &raw.link {
                RawLink::Dial(endpoint) => endpoint.local_port(),
                RawLink::Listen { port, bind } => Some(LocalPort::Tcp {
                    port: *port,
                    bind: *bind,
                }),
            },
            TargetLink::Telnet(_)
            | TargetLink::Exec(_)
            | TargetLink::Ieee1394 { .. }
            | TargetLink::Usb { .. } => None,
        }
    }

    /// A name for a target that was given none: a legal one, though not always its own.
    #[must_use]
    pub fn default_name(&self) -> String {
        match &self.link {
            TargetLink::Net(net) => format!("net:{}", net.port),
            TargetLink::Kd(Kd { endpoint, .. }) | TargetLink::Gdb(endpoint) => {
                endpoint.default_name()
            }
            TargetLink::Raw(raw) => match &raw.link {
                RawLink::Dial(endpoint) => endpoint.default_name(),
                RawLink::Listen { port, .. } => format!("listen:{port}"),
            },
            TargetLink::Telnet(telnet) => legal_name(&telnet.host, &format!(":{}", telnet.port)),
            TargetLink::Netconsole { port, source: None } => format!("netconsole:{port}"),
            TargetLink::Netconsole {
                source: Some(source),
                ..
            } => legal_name(&source.to_string(), ""),
            TargetLink::Exec(exec) => exec.default_name(),
            TargetLink::Ieee1394 { channel, .. } => format!("1394:{channel}"),
            TargetLink::Usb { target_name } => legal_name("usb", &format!(":{target_name}")),
        }
    }

    /// Why this version does not drive the target; `None` if it does.
    #[must_use]
    pub fn not_served(&self) -> Option<&'static str> {
        match &self.link {
            TargetLink::Raw(_)
            | TargetLink::Telnet(_)
            | TargetLink::Netconsole { .. }
            | TargetLink::Exec(_)
            | TargetLink::Net(_)
            | TargetLink::Kd(_) => None,
            TargetLink::Gdb(_) => {
                Some("GDB targets are understood, but this version does not drive them yet")
            }
            TargetLink::Ieee1394 { .. } => Some(
                "FireWire debugging is gone from Windows since 10 1607; use the network, net:port=50000,key=1.2.3.4",
            ),
            TargetLink::Usb { .. } => Some(
                "USB debugging needs a driver that only Windows has; use the network, net:port=50000,key=1.2.3.4, or a serial line, com:port=/dev/ttyUSB0,baud=115200",
            ),
        }
    }

    /// What is odd about it, though it may work. Whole sentences without their full stop.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let warning = match &self.link {
            TargetLink::Net(net) if net.port < KDNET_PORT_MIN => Some(format!(
                "port {} is below {KDNET_PORT_MIN}-65535, the range documented for KDNET; networks may allow it",
                net.port
            )),
            TargetLink::Kd(Kd { endpoint, .. })
            | TargetLink::Gdb(endpoint)
            | TargetLink::Raw(Raw {
                link: RawLink::Dial(endpoint),
                ..
            }) => endpoint.warning(),
            _ => None,
        };
        warning.into_iter().collect()
    }
}

/// Lowest port the documentation of KDNET allows; the highest is the last there is.
const KDNET_PORT_MIN: u16 = 49152;
