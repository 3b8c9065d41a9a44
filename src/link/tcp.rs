//! TCP streams: dialled, or accepted one at a time.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use rustix::io::Errno;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};

use super::error::{Error, Operation};
use super::stream::Stream;

/// How long finding and reaching a host may take together. Milliseconds.
pub const CONNECT_WAIT_MS: u64 = 10_000;
/// Silence after which the peer is asked whether it still lives. Seconds.
const KEEPALIVE_IDLE_S: u64 = 30;
/// Pause between two such questions. Seconds.
const KEEPALIVE_PAUSE_S: u64 = 10;
/// Unanswered questions after which the peer is dead.
const KEEPALIVE_TRIES: u32 = 3;
/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;

/// Connects to `host` (a name or an address) within [`CONNECT_WAIT_MS`]; its addresses are tried in turn.
///
/// # Errors
/// [`Operation::Resolve`] or [`Operation::ConnectTcp`], the latter with the address that was tried last.
pub async fn dial_tcp(host: &str, port: u16) -> Result<Stream, Error> {
    let deadline = Instant::now() + Duration::from_millis(CONNECT_WAIT_MS);
    let addresses = resolve(host, port, deadline).await?;
    let mut failure = None;
    for (tried, &address) in addresses.iter().enumerate() {
        // A dead address must leave time for those after it.
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - tried).unwrap_or(1);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                prepare_tcp(&stream).map_err(|error| connect_error(host, address, error))?;
                return Ok(Stream::Tcp(stream));
            }
            Ok(Err(error)) => failure = Some(connect_error(host, address, error)),
            Err(_) => failure = Some(no_answer(host, address, share)),
        }
    }
    Err(failure.unwrap_or_else(|| no_address(host)))
}

/// Listens on `bind` for targets that dial in. Port 0 lets the system choose; `::` takes IPv4 too, and serves where
/// there is no IPv6.
///
/// # Errors
/// [`Operation::Listen`], for a port in use and an address that is not ours above all.
pub async fn listen_tcp(bind: IpAddr, port: u16) -> Result<Listener, Error> {
    let address = SocketAddr::new(bind, port);
    let failed = |error| Error::io(Operation::Listen, format!("TCP {address}"), error);
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(error) => {
            let address = without_ipv6(address, error).map_err(failed)?;
            TcpListener::bind(address).await.map_err(failed)?
        }
    };
    let address = listener.local_addr().map_err(failed)?;
    Ok(Listener { listener, address })
}

/// A TCP port targets dial in to.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the next connection; those after it wait in the system's queue until this is called again.
    ///
    /// # Errors
    /// [`Operation::Accept`] if the system is out of something. A caller that only died in the queue is no error.
    pub async fn accept(&self) -> Result<(Stream, SocketAddr), Error> {
        loop {
            let accepted = match self.listener.accept().await {
                Ok((stream, peer)) => prepare_tcp(&stream).map(|()| (stream, peer)),
                Err(error) => Err(error),
            };
            match accepted {
                Ok((stream, peer)) => return Ok((Stream::Tcp(stream), peer)),
                Err(error) if is_of_the_caller(&error) => {}
                Err(error) => {
                    let place = format!("TCP {}", self.address);
                    return Err(Error::io(Operation::Accept, place, error));
                }
            }
        }
    }
}

/// What to bind instead of all addresses on a machine without IPv6; any other error is handed back.
pub(super) fn without_ipv6(address: SocketAddr, error: io::Error) -> io::Result<SocketAddr> {
    let unsupported = Errno::from_io_error(&error) == Some(Errno::AFNOSUPPORT);
    if unsupported && address.ip() == Ipv6Addr::UNSPECIFIED {
        Ok(SocketAddr::new(
            Ipv4Addr::UNSPECIFIED.into(),
            address.port(),
        ))
    } else {
        Err(error)
    }
}

async fn resolve(host: &str, port: u16, deadline: Instant) -> Result<Vec<SocketAddr>, Error> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let Ok(found) = timeout_at(deadline, lookup_host((host, port))).await else {
        return Err(Error::new(
            Operation::Resolve,
            host,
            format!("no answer within {} s", CONNECT_WAIT_MS / 1000),
            "check the network's name server, or give the address itself",
        ));
    };
    let found = found.map_err(|error| Error::io(Operation::Resolve, host, error))?;
    Ok(found.take(ADDRESSES_MAX).collect())
}

/// The address of a host that datagrams are sent to from a socket bound to `local`: of its kind, the first that is known.
///
/// # Errors
/// [`Operation::Resolve`].
pub async fn resolve_udp(host: &str, port: u16, local: SocketAddr) -> Result<SocketAddr, Error> {
    let deadline = Instant::now() + Duration::from_millis(CONNECT_WAIT_MS);
    let found = resolve(host, port, deadline).await?;
    let of_its_kind = |address: SocketAddr| match (address.ip(), local.is_ipv4()) {
        // A socket for all addresses writes those of IPv4 in its own way.
        (IpAddr::V4(ip), false) => {
            Some(SocketAddr::new(ip.to_ipv6_mapped().into(), address.port()))
        }
        (IpAddr::V6(_), true) => None,
        _ => Some(address),
    };
    found
        .into_iter()
        .find_map(of_its_kind)
        .ok_or_else(|| no_address(host))
}

/// Sets a stream that somebody types into: keys go at once, and a peer that vanished is noticed.
///
/// # Errors
/// The system's, when the stream is gone already.
pub fn prepare_tcp(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(KEEPALIVE_IDLE_S))
        .with_interval(Duration::from_secs(KEEPALIVE_PAUSE_S))
        .with_retries(KEEPALIVE_TRIES);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

fn is_of_the_caller(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::InvalidInput
            | ErrorKind::Interrupted
    )
}

fn place(host: &str, address: SocketAddr) -> String {
    if host.parse::<IpAddr>().is_ok() {
        address.to_string()
    } else {
        format!("{host} ({address})")
    }
}

fn connect_error(host: &str, address: SocketAddr, error: io::Error) -> Error {
    Error::io(Operation::ConnectTcp, place(host, address), error)
}

fn no_answer(host: &str, address: SocketAddr, waited: Duration) -> Error {
    Error::new(
        Operation::ConnectTcp,
        place(host, address),
        format!("no answer within {} s", waited.as_secs_f32().round()),
        "the host is down, or a firewall drops what it is sent",
    )
}

fn no_address(host: &str) -> Error {
    Error::new(
        Operation::Resolve,
        host,
        "the name has no address",
        "check the name, or give the address itself",
    )
}
