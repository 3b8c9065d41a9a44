//! TCP: ports to listen on, hosts to reach.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use rustix::io::Errno;
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::time::timeout;

use crate::connect::PortRange;
use crate::link::prepare_tcp;

/// Listens on the first free port of a range, on IPv6 and IPv4 alike unless it is to be IPv6 alone. Tells which it is.
///
/// # Errors
/// In words: no port was free, or the system refuses.
pub fn listen(ports: PortRange, ipv6_only: bool) -> Result<(TcpListener, u16), String> {
    let failed = |port: u16, error: &io::Error| {
        let advice = match error.kind() {
            ErrorKind::PermissionDenied => "; ports below 1024 are root's: choose a higher one",
            _ => "",
        };
        format!("cannot listen on TCP port {port}: {error}{advice}")
    };
    for port in ports.first..=ports.last {
        match bind(port, ipv6_only) {
            Ok(listener) => {
                let port = listener
                    .local_addr()
                    .map_err(|error| failed(port, &error))?
                    .port();
                return Ok((listener, port));
            }
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => return Err(failed(port, &error)),
        }
    }
    if ports.first == ports.last {
        return Err(format!(
            "cannot listen on TCP port {}: it is in use; choose another, or a range as in port={0}:{}",
            ports.first,
            ports.first.saturating_add(9)
        ));
    }
    Err(format!(
        "cannot listen on any of the TCP ports {} to {}: all are in use",
        ports.first, ports.last
    ))
}

/// The next who connects; callers that died in the queue are passed over.
///
/// # Errors
/// The system is out of something.
pub async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    loop {
        let accepted = match listener.accept().await {
            Ok((stream, address)) => prepare_tcp(&stream).map(|()| (stream, canonical(address))),
            Err(error) => Err(error),
        };
        match accepted {
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ConnectionAborted
                        | ErrorKind::ConnectionReset
                        | ErrorKind::InvalidInput
                        | ErrorKind::Interrupted
                ) => {}
            accepted => return accepted,
        }
    }
}

/// Connects to `host`, its addresses in turn, [`CONNECT_WAIT`] for each.
///
/// # Errors
/// In words: at which stage, where, and why.
pub async fn dial(
    host: &str,
    port: u16,
    ipv6_only: bool,
    stage: &mut (dyn FnMut(&str) + Send),
) -> Result<(TcpStream, SocketAddr), String> {
    let mut addresses = resolve(host, port, stage).await?;
    if ipv6_only {
        addresses.retain(SocketAddr::is_ipv6);
    }
    let mut failure = match ipv6_only {
        true => format!("{host} has no IPv6 address, and ipversion=6 asks for one"),
        false => format!("{host} has no address: check the name, or give the address itself"),
    };
    for address in addresses {
        stage(&format!("connecting to {address}"));
        let connected = match timeout(CONNECT_WAIT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => prepare_tcp(&stream).map(|()| stream),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(ErrorKind::TimedOut.into()),
        };
        match connected {
            Ok(stream) => return Ok((stream, canonical(address))),
            Err(error) => failure = format!("connecting to {address}: {}", words(&error)),
        }
    }
    Err(failure)
}

/// The addresses of a host, at most [`ADDRESSES_MAX`].
async fn resolve(
    host: &str,
    port: u16,
    stage: &mut (dyn FnMut(&str) + Send),
) -> Result<Vec<SocketAddr>, String> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    // the name of this very machine is nobody's to look up
    if host == "." || host.eq_ignore_ascii_case("localhost") {
        let loopback: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        return Ok(loopback.map(|ip| SocketAddr::new(ip, port)).to_vec());
    }
    stage(&format!("resolving {host}"));
    match timeout(CONNECT_WAIT, lookup_host((host, port))).await {
        Ok(Ok(found)) => Ok(found.take(ADDRESSES_MAX).collect()),
        Ok(Err(error)) => Err(format!(
            "resolving {host}: {error}; check the name, or give the address itself"
        )),
        Err(_) => Err(format!(
            "resolving {host}: no answer within {} s; check the network's name server, or give the address itself",
            CONNECT_WAIT.as_secs()
        )),
    }
}

/// Listens on one port, on IPv6 and IPv4 alike unless it is to be IPv6 alone; on IPv4 where there is no IPv6.
///
/// # Errors
/// What the system says.
pub fn bind(port: u16, ipv6_only: bool) -> io::Result<TcpListener> {
    let any: SocketAddr = (Ipv6Addr::UNSPECIFIED, port).into();
    match bind_to(any, Some(ipv6_only)) {
        Err(error)
            if !ipv6_only
                && [Some(Errno::AFNOSUPPORT), Some(Errno::ADDRNOTAVAIL)]
                    .contains(&Errno::from_io_error(&error)) =>
        {
            bind_to((Ipv4Addr::UNSPECIFIED, port).into(), None)
        }
        bound => bound,
    }
}

fn bind_to(address: SocketAddr, ipv6_only: Option<bool>) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if let Some(only) = ipv6_only {
        socket.set_only_v6(only)?;
    }
    // a port whose last connections are just ending is free
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(QUEUE_MAX)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket.into())
}

/// IPv4 as such, also on a socket for both.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, address.port()),
        IpAddr::V6(_) => address,
    }
}

fn words(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => {
            "connection refused; nothing listens there: check the port, and that the server is started"
                .to_owned()
        }
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            "no way to this address: check it, and that the host is up".to_owned()
        }
        ErrorKind::TimedOut => format!(
            "no answer within {} s; the host is down, or a firewall drops what it is sent",
            CONNECT_WAIT.as_secs()
        ),
        _ => error.to_string(),
    }
}

/// How long one address may take, and the look-up of a name.
pub const CONNECT_WAIT: Duration = Duration::from_secs(10);
/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;
/// Connections that wait to be taken.
const QUEUE_MAX: i32 = 128;
