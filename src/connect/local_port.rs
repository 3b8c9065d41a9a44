//! What a target holds of this machine, so that two that want the same are found before either is opened.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

/// A local port, or a device that serves one program at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LocalPort {
    /// A UDP port.
    Udp {
        /// Its number.
        port: u16,
        /// The only sender listened to: targets that all name theirs share a port.
        source: Option<IpAddr>,
    },
    /// A TCP port.
    Tcp {
        /// Its number.
        port: u16,
        /// The local address it is bound to; all of them if `None`.
        bind: Option<IpAddr>,
    },
    /// A serial device, or a socket whose other end takes one client. Compared by its path as written, links unresolved.
    Device(PathBuf),
}

impl LocalPort {
    /// Whether two targets cannot hold both at once.
    #[must_use]
    pub fn clashes_with(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Udp { port, source },
                Self::Udp {
                    port: other_port,
                    source: other_source,
                },
            ) => {
                port == other_port
                    && (source.is_none() || other_source.is_none() || source == other_source)
            }
            (
                Self::Tcp { port, bind },
                Self::Tcp {
                    port: other_port,
                    bind: other_bind,
                },
            ) => {
                let all =
                    |bind: &Option<IpAddr>| bind.is_none_or(|address| address.is_unspecified());
                port == other_port && (all(bind) || all(other_bind) || bind == other_bind)
            }
            (Self::Device(path), Self::Device(other_path)) => path == other_path,
            _ => false,
        }
    }
}

impl fmt::Display for LocalPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp { port, .. } => write!(f, "UDP port {port}"),
            Self::Tcp { port, .. } => write!(f, "TCP port {port}"),
            Self::Device(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_udp_port_is_shared_only_by_targets_that_name_different_senders() {
        let udp = |port, source: Option<&str>| LocalPort::Udp {
            port,
            source: source.map(|s| s.parse().unwrap()),
        };
        assert!(!udp(6666, Some("10.0.0.1")).clashes_with(&udp(6666, Some("10.0.0.2"))));
        assert!(udp(6666, Some("10.0.0.1")).clashes_with(&udp(6666, Some("10.0.0.1"))));
        assert!(udp(6666, Some("10.0.0.1")).clashes_with(&udp(6666, None)));
        assert!(udp(6666, None).clashes_with(&udp(6666, None)));
        assert!(!udp(6666, None).clashes_with(&udp(6667, None)));
    }

    #[test]
    fn a_tcp_port_is_shared_only_on_different_addresses() {
        let tcp = |bind: Option<&str>| LocalPort::Tcp {
            port: 7000,
            bind: bind.map(|s| s.parse().unwrap()),
        };
        assert!(!tcp(Some("127.0.0.1")).clashes_with(&tcp(Some("127.0.0.2"))));
        assert!(tcp(Some("127.0.0.1")).clashes_with(&tcp(Some("127.0.0.1"))));
        assert!(tcp(Some("127.0.0.1")).clashes_with(&tcp(Some("0.0.0.0"))));
        assert!(tcp(Some("127.0.0.1")).clashes_with(&tcp(None)));
        assert!(!tcp(None).clashes_with(&LocalPort::Udp {
            port: 7000,
            source: None
        }));
    }
}
