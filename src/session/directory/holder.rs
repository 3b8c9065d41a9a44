//! Whether a host of this account has what a target needs: its servers are where a second debugger is better off.
//!
//! Facts from `proc_pid_fd` of the Linux kernel's documentation: an open file is a link to its path, a socket one to
//! `socket:[NUMBER]`.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use super::ask::{Whose, join};
use super::listening::{Protocol, sockets};
use super::registry;
use crate::config::Places;
use crate::connect::LocalPort;

/// Open files of a process that are looked at. A rack has a few for each target.
const FILES_MAX: usize = 4096;

/// What joins the host of this account that has the port or device, in words. `None` if it is somebody else, or a host
/// without servers. Reads files of the system; nobody is asked.
#[must_use]
pub fn holder(places: &Places, port: &LocalPort) -> Option<String> {
    let wanted = match port {
        LocalPort::Tcp { port, .. } => opened_sockets(Protocol::Tcp, *port),
        LocalPort::Udp { port, .. } => opened_sockets(Protocol::Udp, *port),
        LocalPort::Device(path) => HashSet::from([fs::canonicalize(path).ok()?]),
    };
    let others = registry::living(places)
        .into_iter()
        .filter(|(process, _)| *process != std::process::id());
    for (process, strings) in others {
        let joined = strings
            .iter()
            .find_map(|string| join(string, "localhost", Whose::Own));
        if let Some(string) = joined
            && has_one_of(process, &wanted)
        {
            return Some(format!(
                "another kdeck of yours has it (process {process}), and lets you join: kdeck -remote {string}"
            ));
        }
    }
    None
}

/// What the open sockets of a port are called. Where the system does not tell, none.
fn opened_sockets(protocol: Protocol, port: u16) -> HashSet<PathBuf> {
    let sockets = sockets(protocol).unwrap_or_default();
    let of_port = sockets.into_iter().filter(|socket| socket.port == port);
    of_port
        .map(|socket| PathBuf::from(format!("socket:[{}]", socket.number)))
        .collect()
}

fn has_one_of(process: u32, wanted: &HashSet<PathBuf>) -> bool {
    let files = fs::read_dir(format!("/proc/{process}/fd"));
    let mut files = files.into_iter().flatten().flatten().take(FILES_MAX);
    files.any(|file| fs::read_link(file.path()).is_ok_and(|link| wanted.contains(&link)))
}

#[cfg(test)]
mod tests {
    use super::super::registry::Published;
    use super::super::tests::places;
    use super::*;

    #[test]
    fn who_has_a_port_is_known_by_its_open_files_and_this_process_is_nobody_else() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let own = std::process::id();
        assert!(has_one_of(own, &opened_sockets(Protocol::Tcp, port)));
        let udp = socket.local_addr().unwrap().port();
        assert!(has_one_of(own, &opened_sockets(Protocol::Udp, udp)));
        assert!(!has_one_of(own, &HashSet::new()));
        let home = tempfile::tempdir().unwrap();
        let places = places(home.path());
        let _published = Published::write(&places, &["tcp:Port=1".to_owned()]).unwrap();
        let port = LocalPort::Tcp { port, bind: None };
        assert_eq!(holder(&places, &port), None);
    }
}
