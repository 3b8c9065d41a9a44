//! The sockets of this machine, as its system tells: nobody is connected to, so that no server takes a look for a visit.
//!
//! Facts from `proc_net_tcp` of the Linux kernel's documentation: a heading, then a line for each socket; its second
//! field is the local address and port in hexadecimal digits, its fourth the state, its tenth the socket's number.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader};

/// The state of a socket that listens.
const LISTEN: &str = "0A";

/// A protocol whose sockets have ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Tcp,
    Udp,
}

/// A socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Socket {
    pub(super) port: u16,
    listens: bool,
    /// Its number among the system's open files.
    pub(super) number: u64,
}

/// The TCP ports that somebody listens on.
///
/// # Errors
/// The system does not tell.
pub(super) fn ports() -> io::Result<HashSet<u16>> {
    let sockets = sockets(Protocol::Tcp)?;
    let listening = sockets.into_iter().filter(|socket| socket.listens);
    Ok(listening.map(|socket| socket.port).collect())
}

/// All sockets of a protocol.
///
/// # Errors
/// The system does not tell.
pub(super) fn sockets(protocol: Protocol) -> io::Result<Vec<Socket>> {
    let (four, six) = match protocol {
        Protocol::Tcp => ("/proc/net/tcp", "/proc/net/tcp6"),
        Protocol::Udp => ("/proc/net/udp", "/proc/net/udp6"),
    };
    let mut sockets = read(BufReader::new(File::open(four)?))?;
    // Not there without IPv6.
    if let Ok(file) = File::open(six) {
        sockets.extend(read(BufReader::new(file))?);
    }
    Ok(sockets)
}

fn read(table: impl BufRead) -> io::Result<Vec<Socket>> {
    let mut sockets = Vec::new();
    for line in table.lines() {
        sockets.extend(socket(&line?));
    }
    Ok(sockets)
}

fn socket(line: &str) -> Option<Socket> {
    let mut fields = line.split_whitespace().skip(1);
    let (local, state, number) = (fields.next()?, fields.nth(1)?, fields.nth(5)?);
    let (_, port) = local.rsplit_once(':')?;
    Some(Socket {
        port: u16::from_str_radix(port, 16).ok()?,
        listens: state == LISTEN,
        number: number.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_socket_with_its_state() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt uid timeout inode\n\
            0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100\n\
            1: 0000000000000000FFFF00000100007F:0BC5 0100007F:8000 01 0:0 0:0 0 0 0 12\n\
            2: 0100007F:1F90\n\
            broken\n";
        let of = |port, listens, number| Socket {
            port,
            listens,
            number,
        };
        assert_eq!(
            read(table.as_bytes()).unwrap(),
            [of(0x1f90, true, 4711), of(3013, false, 12)]
        );
    }

    #[test]
    fn a_port_is_seen_without_a_visit() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(ports().unwrap().contains(&port));
        listener.set_nonblocking(true).unwrap();
        let error = listener.accept().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
}
