//! Which TCP ports of this machine somebody listens on, as its system tells: nobody is connected to, so that no server
//! takes a look for a visit.
//!
//! Facts from `proc_net_tcp` of the Linux kernel's documentation: a heading, then a line for each socket; its second
//! field is the local address and port in hexadecimal digits, its fourth the state.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader};

/// The state of a socket that listens.
const LISTEN: &str = "0A";

/// The ports.
///
/// # Errors
/// The system does not tell.
pub(super) fn ports() -> io::Result<HashSet<u16>> {
    let mut ports = read(BufReader::new(File::open("/proc/net/tcp")?))?;
    // Not there without IPv6.
    if let Ok(file) = File::open("/proc/net/tcp6") {
        ports.extend(read(BufReader::new(file))?);
    }
    Ok(ports)
}

fn read(table: impl BufRead) -> io::Result<HashSet<u16>> {
    let mut ports = HashSet::new();
    for line in table.lines() {
        ports.extend(listening(&line?));
    }
    Ok(ports)
}

fn listening(line: &str) -> Option<u16> {
    let mut fields = line.split_whitespace().skip(1);
    let (local, state) = (fields.next()?, fields.nth(1)?);
    let (_, port) = local.rsplit_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    (state == LISTEN).then_some(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_listens_counts() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr\n\
            0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000\n\
            1: 0100007F:1F91 0100007F:8000 01 00000000:00000000 00:00000000\n\
            2: 00000000000000000000000000000000:0BC5 00000000000000000000000000000000:0000 0A 0\n\
            broken\n";
        let ports = read(table.as_bytes()).unwrap();
        assert_eq!(ports, HashSet::from([0x1f90, 3013]));
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
