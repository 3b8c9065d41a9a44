//! `kdeck sim kdnet` and `kdeck sim kdcom` as another program meets them.

mod support;

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use rustix::process::{Pid, Signal, kill_process};
use support::background::Background;
use support::deadline::{Deadline, PATIENCE};
use support::ports::free_ports;
use support::simulator::{simulate, value};

fn end(mut sim: Background) {
    let pid = i32::try_from(sim.0.id()).ok().and_then(Pid::from_raw);
    kill_process(pid.expect("a process id"), Signal::INT).expect("it runs");
    let deadline = Deadline::soon();
    loop {
        match sim.0.try_wait().expect("a child") {
            Some(status) => return assert!(status.success(), "{status}"),
            None if deadline.left().is_some() => std::thread::yield_now(),
            None => panic!("it does not end"),
        }
    }
}

#[test]
fn targets_on_kdnet_call_the_ports_of_their_strings() {
    let sockets: Vec<UdpSocket> = consecutive(3);
    let first = sockets[0].local_addr().expect("bound").port().to_string();
    let arguments = [
        "kdnet",
        "--count",
        "3",
        "--port",
        &first,
        "--offer-every",
        "0.1",
    ];
    let (sim, targets) = simulate(&arguments, 3);
    for (socket, target) in sockets.iter().zip(&targets) {
        assert_eq!(
            value(target, "port"),
            socket.local_addr().expect("bound").port().to_string()
        );
        assert_eq!(value(target, "key").split('.').count(), 4);
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
        let mut offer = [0; 2048];
        let length = socket.recv(&mut offer).expect("an offer");
        assert_eq!((&offer[..6], length), (b"MDBG\x05\x01".as_slice(), 374));
    }
    end(sim);
}

/// UDP ports next to each other.
fn consecutive(count: u16) -> Vec<UdpSocket> {
    let first = free_ports(count);
    let bind = |port| UdpSocket::bind(("127.0.0.1", port)).expect("nobody has it");
    (first..first + count).map(bind).collect()
}

#[test]
fn targets_on_byte_streams_stop_when_they_are_asked_to() {
    let folder = tempfile::tempdir().expect("a directory");
    let folder = folder.path().to_str().expect("UTF-8");
    let (tcp, targets) = simulate(&["kdcom", "--port", "0", "--rate", "0"], 1);
    let port: u16 = value(&targets[0], "ipport").parse().expect("a number");
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    stops(stream);
    end(tcp);

    let (unix, targets) = simulate(&["kdcom", "--unix", folder, "--rate", "0"], 1);
    let stream = UnixStream::connect(value(&targets[0], "port")).expect("it listens");
    stops(stream);
    end(unix);

    let (pty, targets) = simulate(&["kdcom", "--pty", folder, "--rate", "0"], 1);
    let path = value(&targets[0], "port");
    let device = std::fs::File::options().read(true).write(true).open(path);
    stops(device.expect("a link to a terminal"));
    end(pty);
}

/// Acknowledges what the target prints, breaks in, and sees the stop.
fn stops(mut stream: impl Read + Write + AsFd) {
    stream.write_all(b"b").expect("it reads");
    loop {
        let header = read(&mut stream, 16);
        assert_eq!(header[..4], [0x30; 4], "data");
        let length = u16::from_le_bytes([header[6], header[7]]);
        let payload = read(&mut stream, usize::from(length) + 1);
        let id = [header[8], header[9] & !8, header[10], header[11]];
        let acknowledge = [&[0x69, 0x69, 0x69, 0x69, 4, 0, 0, 0], &id[..], &[0; 4]].concat();
        stream.write_all(&acknowledge).expect("it reads");
        if header[4] == 7 {
            assert_eq!(payload[..2], [0x30, 0x30], "an exception");
            return;
        }
    }
}

fn read(stream: &mut (impl Read + AsFd), length: usize) -> Vec<u8> {
    let (mut bytes, mut done) = (vec![0; length], 0);
    let deadline = Deadline::soon();
    while done < length {
        assert!(deadline.readable(&*stream), "{done} of {length} bytes came");
        let count = stream.read(&mut bytes[done..]).expect("bytes");
        assert_ne!(count, 0, "it hung up");
        done += count;
    }
    bytes
}
