//! UDP ports, with room for a kernel's bursts and the count of what did not fit.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use super::error::{Error, Operation};
use super::tcp::without_ipv6;

/// Receive buffer that is asked for, in bytes: a boot's log of some hundred kernels in one burst.
pub const RECEIVE_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// A bound UDP port.
#[derive(Debug)]
pub struct Udp {
    socket: UdpSocket,
    address: SocketAddr,
    inode: u64,
    buffer_bytes: usize,
}

/// Binds a UDP port. Port 0 lets the system choose; `::` takes IPv4 too, and serves where there is no IPv6.
///
/// # Errors
/// [`Operation::BindUdp`], for a port in use and an address that is not ours above all.
pub fn bind_udp(bind: IpAddr, port: u16) -> Result<Udp, Error> {
    let address = SocketAddr::new(bind, port);
    open(address)
        .or_else(|error| open(without_ipv6(address, error)?))
        .map_err(|error| Error::io(Operation::BindUdp, format!("UDP {address}"), error))
}

impl Udp {
    /// Where it is bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for a datagram. Safe to cancel.
    ///
    /// # Errors
    /// The system's; none is final.
    pub async fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.recv_from(buffer).await
    }

    /// The next datagram if one is there: drains a burst without going to sleep between.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when there is none.
    pub fn try_receive(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.try_recv_from(buffer)
    }

    /// Sends a datagram. Safe to cancel.
    ///
    /// # Errors
    /// The system's; none is final.
    pub async fn send(&self, datagram: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.socket.send_to(datagram, to).await
    }

    /// What to tell the user if the kernel gave a smaller buffer than [`RECEIVE_BUFFER_BYTES`].
    pub fn buffer_warning(&self) -> Option<String> {
        (self.buffer_bytes < RECEIVE_BUFFER_BYTES).then(|| {
            format!(
                "UDP {}: the kernel gave a receive buffer of {} KiB instead of {} KiB, bursts may be lost; \
                 `sysctl -w net.core.rmem_max={RECEIVE_BUFFER_BYTES}` allows it",
                self.address,
                self.buffer_bytes / 1024,
                RECEIVE_BUFFER_BYTES / 1024,
            )
        })
    }

    /// Datagrams the kernel has dropped since the port was bound because nobody read them in time.
    ///
    /// `None` where the system does not tell. Reads a file of `/proc`: once a second is often enough.
    pub fn kernel_drops(&self) -> Option<u64> {
        let table = if self.address.is_ipv4() {
            "/proc/net/udp"
        } else {
            "/proc/net/udp6"
        };
        drops(&std::fs::read_to_string(table).ok()?, self.inode)
    }
}

fn open(address: SocketAddr) -> io::Result<Udp> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    if address.ip() == Ipv6Addr::UNSPECIFIED {
        // All addresses means those of IPv4 too.
        socket.set_only_v6(false)?;
    }
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    // Linux tells twice what may be used: the other half is for its own bookkeeping.
    let buffer_bytes = socket.recv_buffer_size()? / 2;
    let inode = rustix::fs::fstat(&socket)?.st_ino;
    let socket = UdpSocket::from_std(socket.into())?;
    Ok(Udp {
        address: socket.local_addr()?,
        socket,
        inode,
        buffer_bytes,
    })
}

/// The last column (drops) of the row with this inode.
fn drops(table: &str, inode: u64) -> Option<u64> {
    table.lines().skip(1).find_map(|line| {
        let columns: Vec<&str> = line.split_ascii_whitespace().collect();
        let found = columns.get(INODE_COLUMN)?.parse() == Ok(inode);
        found.then(|| columns.get(DROPS_COLUMN)?.parse().ok())?
    })
}

/// Column of the inode in a row of `/proc/net/udp`, where `tx_queue:rx_queue` and `tr:tm->when` count as one each.
const INODE_COLUMN: usize = 9;
/// Column of the count of dropped datagrams.
const DROPS_COLUMN: usize = 12;

#[cfg(test)]
mod tests {
    use super::drops;

    #[test]
    fn the_drop_count_is_that_of_our_own_socket() {
        let table = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
             \x20 12: 00000000:1A0A 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 4711 2 0000000000000000 3\n\
             \x20 13: 00000000:1A0B 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 4712 2 0000000000000000 77\n\
             \x20 14: 0000\n";
        assert_eq!(drops(table, 4712), Some(77));
        assert_eq!(drops(table, 3), None);
    }
}
