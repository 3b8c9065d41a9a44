//! The checks of `kdeck check`: what of this machine the targets need, and whether it is there.
//!
//! Asks the machine by trying: ports are bound for a moment as their targets would, nothing is sent. What holds now may
//! not hold when the targets start; that is for them to say.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use super::places::writable;
use super::problem::{Problem, Problems, Severity};
use super::read::quote;
use super::{Config, Places, Target};
use crate::connect::LocalPort;

/// Looks for what `config` needs and this machine does not have: ports that are taken, devices and sockets that are not
/// there, a log directory that cannot be written to.
pub fn check(config: &Config, places: &Places) -> Problems {
    let file = config
        .file
        .as_ref()
        .map_or("command line".to_owned(), |file| file.display().to_string());
    let mut problems = Vec::new();
    for target in &config.targets {
        let found = match target.connect.local_port() {
            Some(LocalPort::Udp { port, .. }) => taken("UDP", port, try_udp(port)),
            Some(LocalPort::Tcp { port, bind }) => taken("TCP", port, try_tcp(port, bind)),
            Some(LocalPort::Device(path)) => missing(&path),
            None => None,
        };
        if let Some(found) = found {
            problems.push(found.of(target, &file));
        }
    }
    if config.targets.iter().any(|target| config.is_logged(target)) {
        let directory = places.log_dir(config);
        if let Err(error) = could_write(&directory) {
            let message = format!(
                "the log directory {} is not writable: {error}",
                directory.display()
            );
            let help = "change its permissions, or set `directory` in [log]";
            problems.push(Problem::new(Severity::Error, &file, message).with_help(help));
        }
    }
    let mut problems = Problems(problems);
    problems.sort();
    problems
}

/// What was found out about a target.
struct Finding {
    severity: Severity,
    message: String,
    help: &'static str,
}

impl Finding {
    fn of(self, target: &Target, file: &str) -> Problem {
        Problem::new(
            self.severity,
            file,
            format!("target {}: {}", quote(&target.name), self.message),
        )
        .at(target.position.clone())
        .with_help(self.help)
    }
}

fn taken(protocol: &str, port: u16, tried: io::Result<()>) -> Option<Finding> {
    let error = tried.err()?;
    let (message, help) = match error.kind() {
        io::ErrorKind::AddrInUse => (
            format!("{protocol} port {port} is taken by another program"),
            "end that program (`ss -lnptu` shows it), or use another port",
        ),
        io::ErrorKind::PermissionDenied => (
            format!("{protocol} port {port} may not be opened: {error}"),
            "ports below 1024 belong to root; use a higher one",
        ),
        io::ErrorKind::AddrNotAvailable => (
            format!(
                "{protocol} port {port} cannot be opened: no interface has the address it is bound to"
            ),
            "correct bind=, or bring the interface up",
        ),
        _ => (
            format!("{protocol} port {port} cannot be opened: {error}"),
            "use another port",
        ),
    };
    Some(Finding {
        severity: Severity::Error,
        message,
        help,
    })
}

fn try_udp(port: u16) -> io::Result<()> {
    both(|address| UdpSocket::bind(SocketAddr::new(address, port)).map(drop))
}

fn try_tcp(port: u16, bind: Option<IpAddr>) -> io::Result<()> {
    let listen = |address| TcpListener::bind(SocketAddr::new(address, port)).map(drop);
    match bind {
        Some(address) => listen(address),
        None => both(listen),
    }
}

/// Tries all addresses of this machine; one that has no IPv6 does not need it.
fn both(bind: impl Fn(IpAddr) -> io::Result<()>) -> io::Result<()> {
    bind(Ipv4Addr::UNSPECIFIED.into())?;
    match bind(Ipv6Addr::UNSPECIFIED.into()) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(error),
        _ => Ok(()),
    }
}

fn missing(path: &Path) -> Option<Finding> {
    let warning = |message: String, help| {
        Some(Finding {
            severity: Severity::Warning,
            message,
            help,
        })
    };
    match fs::metadata(path) {
        Ok(metadata)
            if metadata.file_type().is_char_device() || metadata.file_type().is_socket() =>
        {
            None
        }
        Ok(_) => warning(
            format!("{} is neither a serial device nor a socket", path.display()),
            "correct the path in `connect`",
        ),
        Err(error) => warning(
            format!("{} cannot be used now: {error}", path.display()),
            "it is waited for; if it never comes, correct the path in `connect`",
        ),
    }
}

/// Whether a file could be made in `directory`, which may itself have to be made first.
fn could_write(directory: &Path) -> io::Result<()> {
    let not_there = |path: &&Path| {
        fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    };
    let existing = directory
        .ancestors()
        .find(|path| !not_there(path))
        .unwrap_or(directory);
    let existing = if existing.as_os_str().is_empty() {
        Path::new(".")
    } else {
        existing
    };
    if !fs::metadata(existing)?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    writable(existing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Problems {
        let mut config = Config::from_str("kdeck.toml", text, &()).unwrap().0;
        config.log.enabled = false;
        check(&config, &places(Path::new("/nowhere")))
    }

    fn places(state: &Path) -> Places {
        let environment = |name: &str| {
            (name == super::super::STATE_VARIABLE).then(|| state.as_os_str().to_owned())
        };
        Places::find_in(
            environment,
            Some("/nowhere".into()),
            Path::new("/nowhere"),
            None,
        )
        .unwrap()
    }

    #[test]
    fn a_port_of_another_program_is_an_error_at_its_target() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("0.0.0.0:0").unwrap();
        let (tcp_port, udp_port) = (
            tcp.local_addr().unwrap().port(),
            udp.local_addr().unwrap().port(),
        );
        let both = format!(
            "[[target]]\nname = 'a'\nconnect = 'raw:listen,port={tcp_port}'\n\
             [[target]]\nname = 'b'\nconnect = 'netconsole:port={udp_port}'\n"
        );
        let problems = checked(&both);
        let found: Vec<(Severity, usize, &str)> = problems
            .0
            .iter()
            .map(|problem| (problem.severity, problem.line(), problem.message.as_str()))
            .collect();
        let expected_tcp = format!("target \"a\": TCP port {tcp_port} is taken by another program");
        let expected_udp = format!("target \"b\": UDP port {udp_port} is taken by another program");
        assert_eq!(
            found,
            [
                (Severity::Error, 3, expected_tcp.as_str()),
                (Severity::Error, 6, expected_udp.as_str())
            ]
        );
        let alone = format!("[[target]]\nconnect = 'raw:listen,port={tcp_port},bind=127.0.0.1'\n");
        assert!(checked(&alone).has_errors());
        drop((tcp, udp));
        assert_eq!(checked(&both), Problems::default());
    }

    #[test]
    fn what_is_not_there_yet_is_a_warning() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("vm1");
        let file = format!("[[target]]\nconnect = 'raw:pipe={}'\n", socket.display());
        let problems = checked(&file);
        assert!(!problems.has_errors());
        assert_eq!(problems.summary(), "1 warning");
        fs::write(&socket, "").unwrap();
        assert_eq!(checked(&file).summary(), "1 warning");
        fs::remove_file(&socket).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert_eq!(checked(&file).summary(), "no problems");
    }

    #[test]
    fn a_log_directory_that_cannot_be_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config::from_str("kdeck.toml", "[[target]]\nconnect = 'exec:sh'\n", &())
            .unwrap()
            .0;
        assert_eq!(
            check(&config, &places(&dir.path().join("new/state"))),
            Problems::default()
        );
        fs::write(dir.path().join("file"), "").unwrap();
        let problems = check(&config, &places(&dir.path().join("file")));
        assert!(problems.has_errors(), "{problems}");
        // What is not logged needs no directory.
        let config = Config::from_str(
            "kdeck.toml",
            "[[target]]\nconnect = 'exec:sh'\nlog = false\n",
            &(),
        )
        .unwrap()
        .0;
        assert_eq!(
            check(&config, &places(&dir.path().join("file"))),
            Problems::default()
        );
    }
}
