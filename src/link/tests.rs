//! Links over real loopback sockets, pseudo-terminals and programs; every wait has a deadline.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

use super::*;
use crate::connect::{DataBits, Parity, SerialLine};
use crate::ports::free_port;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("it takes far less than 20 s")
}

async fn read(stream: &mut Stream, length: usize) -> String {
    let mut bytes = vec![0; length];
    soon(stream.read_exact(&mut bytes)).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

async fn read_to_end(stream: &mut Stream) -> String {
    let mut text = String::new();
    soon(stream.read_to_string(&mut text)).await.unwrap();
    text
}

/// What is said about a link that was not to be had.
fn refusal<T>(result: Result<T, Error>) -> String {
    match result {
        Ok(_) => panic!("it was to be had"),
        Err(error) => error.to_string(),
    }
}

fn shell(line: &str) -> Program {
    Program::Shell(line.into())
}

#[tokio::test]
async fn a_dialled_stream_reaches_a_listening_one() {
    let listener = soon(listen_tcp(LOOPBACK, 0)).await.unwrap();
    let port = listener.address().port();
    let mut near = soon(dial_tcp("localhost", port)).await.unwrap();
    let (mut far, peer) = soon(listener.accept()).await.unwrap();
    assert_eq!(peer.ip(), LOOPBACK);
    near.write_all(b"ls\r").await.unwrap();
    assert_eq!(read(&mut far, 3).await, "ls\r");
    far.write_all(b"ok").await.unwrap();
    drop(far);
    assert_eq!(read_to_end(&mut near).await, "ok");
    near.resize(80, 24)
        .expect("a stream without a screen has nothing to resize");
}

#[tokio::test]
async fn a_refused_connection_names_the_address_and_what_to_check() {
    let port = free_port();
    let advice = "nothing listens there: check the port, and that the other side is started";
    assert_eq!(
        refusal(soon(dial_tcp("127.0.0.1", port)).await),
        format!("cannot connect to 127.0.0.1:{port}: connection refused; {advice}")
    );
    let named = refusal(soon(dial_tcp("localhost", port)).await);
    assert!(
        named.starts_with("cannot connect to localhost (") && named.ends_with(advice),
        "{named}"
    );
}

#[tokio::test]
async fn a_name_nobody_knows_fails_at_the_name() {
    let error = soon(dial_tcp("no-such-host.invalid", 1))
        .await
        .err()
        .unwrap();
    assert_eq!(error.operation, Operation::Resolve);
    let words = error.to_string();
    assert!(
        words.starts_with("cannot find the address of no-such-host.invalid: ")
            && words.ends_with(", or give the address itself"),
        "{words}"
    );
}

#[tokio::test]
async fn a_tcp_port_in_use_is_said_plainly() {
    let listener = soon(listen_tcp(LOOPBACK, 0)).await.unwrap();
    let port = listener.address().port();
    assert_eq!(
        refusal(soon(listen_tcp(LOOPBACK, port)).await),
        format!(
            "cannot listen on TCP 127.0.0.1:{port}: the port is in use; another program or target \
             holds it: choose another port, or find the program with `ss -tulpn`"
        )
    );
}

#[tokio::test]
async fn an_address_of_another_machine_cannot_be_listened_on() {
    let elsewhere = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    assert_eq!(
        refusal(soon(listen_tcp(elsewhere, 5000)).await),
        "cannot listen on TCP 192.0.2.1:5000: this machine has no such address; \
         `ip address` lists those it has"
    );
}

#[tokio::test]
async fn unix_sockets_carry_bytes_and_explain_their_absence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vm.sock");
    let place = path.display();
    assert_eq!(
        refusal(soon(dial_unix(&path)).await),
        format!(
            "cannot connect to {place}: no such socket; \
             check the path, and that the program that makes it is started"
        )
    );
    let listener = UnixListener::bind(&path).unwrap();
    let mut near = soon(dial_unix(&path)).await.unwrap();
    let (mut far, _) = soon(listener.accept()).await.unwrap();
    far.write_all(b"boot").await.unwrap();
    assert_eq!(read(&mut near, 4).await, "boot");
    drop((far, listener));
    assert_eq!(read_to_end(&mut near).await, "");
    assert_eq!(
        refusal(soon(dial_unix(&path)).await),
        format!(
            "cannot connect to {place}: nobody listens on this socket; \
             the program that made it has ended: start it again"
        )
    );
}

#[tokio::test]
async fn datagrams_come_with_their_source_and_the_kernels_losses() {
    let udp = bind_udp(LOOPBACK, 0).unwrap();
    let sender = std::net::UdpSocket::bind((LOOPBACK, 0)).unwrap();
    sender.send_to(b"one", udp.address()).unwrap();
    let mut buffer = [0; 2048];
    let (length, source) = soon(udp.receive(&mut buffer)).await.unwrap();
    assert_eq!(
        (&buffer[..length], source),
        (&b"one"[..], sender.local_addr().unwrap())
    );
    let empty = udp.try_receive(&mut buffer).unwrap_err();
    assert_eq!(empty.kind(), std::io::ErrorKind::WouldBlock);

    assert_eq!(udp.kernel_drops(), Some(0));
    let datagram = [0; 60_000];
    for _ in 0..2 * RECEIVE_BUFFER_BYTES / datagram.len() {
        sender.send_to(&datagram, udp.address()).unwrap();
    }
    assert!(udp.kernel_drops().unwrap() > 0);
}

#[tokio::test]
async fn all_addresses_include_those_of_ipv4() {
    let all = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let udp = bind_udp(all, 0).unwrap();
    let sender = std::net::UdpSocket::bind((LOOPBACK, 0)).unwrap();
    sender
        .send_to(b"one", (LOOPBACK, udp.address().port()))
        .unwrap();
    let (length, source) = soon(udp.receive(&mut [0; 10])).await.unwrap();
    assert_eq!((length, source.ip().to_canonical()), (3, LOOPBACK));
    assert_eq!(udp.kernel_drops(), Some(0));

    let listener = soon(listen_tcp(all, 0)).await.unwrap();
    soon(dial_tcp("127.0.0.1", listener.address().port()))
        .await
        .unwrap();
}

#[test]
fn only_a_machine_without_ipv6_makes_do_with_ipv4() {
    let all = "[::]:5000".parse().unwrap();
    let unsupported = || std::io::Error::from(rustix::io::Errno::AFNOSUPPORT);
    let instead = tcp::without_ipv6(all, unsupported()).unwrap();
    assert_eq!(instead, "0.0.0.0:5000".parse().unwrap());
    let one = "[::1]:5000".parse().unwrap();
    assert!(tcp::without_ipv6(one, unsupported()).is_err());
    let in_use = std::io::Error::from(std::io::ErrorKind::AddrInUse);
    assert!(tcp::without_ipv6(all, in_use).is_err());
}

#[tokio::test]
async fn a_udp_port_in_use_is_said_plainly() {
    let udp = bind_udp(LOOPBACK, 0).unwrap();
    let port = udp.address().port();
    assert_eq!(
        refusal(bind_udp(LOOPBACK, port)),
        format!(
            "cannot receive on UDP 127.0.0.1:{port}: the port is in use; another program or target \
             holds it: choose another port, or find the program with `ss -tulpn`"
        )
    );
}

/// A pseudo-terminal that stands for a serial device: the far end and the device's path.
fn device() -> (pty_process::Pty, pty_process::Pts, PathBuf) {
    let (far, terminal) = pty_process::open().unwrap();
    let name = rustix::termios::ttyname(terminal.as_fd(), Vec::new()).unwrap();
    let path = PathBuf::from(name.into_string().unwrap());
    (far, terminal, path)
}

#[tokio::test]
async fn a_serial_line_carries_bytes_and_is_held_alone() {
    let (mut far, _terminal, path) = device();
    let place = path.display();
    let line = SerialLine::new(&path);
    let mut near = Stream::Serial(open_serial(&line).unwrap());
    near.write_all(b"at\r\n\xff").await.unwrap();
    let mut bytes = [0; 5];
    soon(far.read_exact(&mut bytes)).await.unwrap();
    assert_eq!(&bytes, b"at\r\n\xff");
    far.write_all(b"ok\r").await.unwrap();
    assert_eq!(read(&mut near, 3).await, "ok\r");

    let in_use = format!(
        "cannot open {place}: the device is in use; another program or target holds it: \
         close that one (`fuser -v` with the path names it)"
    );
    assert_eq!(refusal(open_serial(&line)), in_use);
    drop(near);
    open_serial(&line).unwrap();
}

#[tokio::test]
async fn the_rate_of_an_open_serial_line_can_be_changed() {
    let (_far, _terminal, path) = device();
    let mut serial = open_serial(&SerialLine::new(&path)).unwrap();
    serial.set_baud(9600).unwrap();
    let settings = serial.port.get_configuration().unwrap();
    assert_eq!(settings.get_baud_rate().unwrap(), 9600);
}

#[tokio::test]
async fn a_serial_device_that_cannot_do_it_says_so() {
    let (_far, _terminal, path) = device();
    let place = path.display();
    let mut line = SerialLine::new(&path);
    line.bits = DataBits::Seven;
    line.parity = Parity::Even;
    assert_eq!(
        refusal(open_serial(&line)),
        format!(
            "cannot set {place}: the device can't do 115200 baud, 7 data bits, parity even, \
             stop bits 1, flow control none; nearly every one can do 115200 baud with the default format"
        )
    );
    let Stream::Serial(serial) = Stream::Serial(open_serial(&SerialLine::new(&path)).unwrap())
    else {
        unreachable!("it was made so");
    };
    assert_eq!(
        refusal(serial.set_control(Some(true), None)),
        format!(
            "cannot switch DTR or RTS of {place}: the device has no such thing; \
             pseudo-terminals have neither breaks nor control lines"
        )
    );
}

#[test]
fn what_is_no_serial_device_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("ttyUSB9");
    assert_eq!(
        refusal(open_serial(&SerialLine::new(&absent))),
        format!(
            "cannot open {}: no such device; is it plugged in? \
             /dev/serial/by-id lists adapters by name",
            absent.display()
        )
    );
    let file = folder.path().join("notes");
    std::fs::write(&file, "text").unwrap();
    assert_eq!(
        refusal(open_serial(&SerialLine::new(&file))),
        format!(
            "cannot open {}: not a serial device; /dev/serial/by-id lists adapters by name",
            file.display()
        )
    );
}

#[test]
fn a_forbidden_serial_device_names_the_group_to_join() {
    let forbidden = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    let error = Error::io(Operation::OpenSerial, "/dev/ttyUSB0", forbidden);
    assert_eq!(
        error.to_string(),
        "cannot open /dev/ttyUSB0: permission denied; join the group that owns it, \
         `sudo usermod -aG dialout $USER`, and log in again"
    );
}

#[tokio::test]
async fn a_program_talks_on_its_terminal_and_its_status_is_known() {
    let program = shell("stty size; read word; echo \"got $word\"; exit 3");
    let (mut stream, mut child) = spawn_pty(&program, (132, 50), None).unwrap();
    assert_eq!(read(&mut stream, 8).await, "50 132\r\n");
    stream.write_all(b"hello\r").await.unwrap();
    assert_eq!(read_to_end(&mut stream).await, "hello\r\ngot hello\r\n");
    let exit = soon(child.wait()).await.unwrap();
    assert_eq!(
        (exit.code(), exit.to_string().as_str()),
        (Some(3), "exit status 3")
    );
    assert_eq!(child.id(), None);
}

#[tokio::test]
async fn arguments_reach_a_program_as_they_are() {
    let words = ["printf", "%s|", "a b", "$HOME", "*"];
    let program = Program::Arguments(words.map(Into::into).to_vec());
    let (mut stream, mut child) = spawn_pty(&program, (80, 24), None).unwrap();
    assert_eq!(read_to_end(&mut stream).await, "a b|$HOME|*|");
    assert!(soon(child.wait()).await.unwrap().success());
}

#[tokio::test]
async fn a_program_learns_that_its_window_changed() {
    let program = shell("trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.01; done");
    let (mut stream, mut child) = spawn_pty(&program, (80, 24), None).unwrap();
    assert_eq!(read(&mut stream, 7).await, "ready\r\n");
    stream.resize(100, 30).unwrap();
    assert_eq!(read(&mut stream, 8).await, "30 100\r\n");
    assert!(soon(child.wait()).await.unwrap().success());
}

#[tokio::test]
async fn a_stopped_program_is_asked_first_and_killed_if_it_does_not_listen() {
    let program = shell("echo ready; sleep 1000");
    let (mut stream, mut child) = spawn_pty(&program, (80, 24), None).unwrap();
    read(&mut stream, 7).await;
    let exit = soon(child.stop(Duration::from_secs(10))).await.unwrap();
    assert_eq!(exit.to_string(), "killed by signal 1 (SIGHUP)");

    let program = shell("trap '' HUP; echo ready; while :; do sleep 0.01; done");
    let (mut stream, mut child) = spawn_pty(&program, (80, 24), None).unwrap();
    read(&mut stream, 7).await;
    let exit = soon(child.stop(Duration::from_millis(50))).await.unwrap();
    assert_eq!(exit.to_string(), "killed by signal 9 (SIGKILL)");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_said_plainly() {
    let program = Program::Arguments(vec!["kdeck-no-such-program".into(), "-v".into()]);
    assert_eq!(
        refusal(spawn_pty(&program, (80, 24), None)),
        "cannot start kdeck-no-such-program -v: no such program; \
         check its name, and that it is in PATH"
    );
    let folder = Path::new("/").to_path_buf();
    let program = Program::Arguments(vec!["/etc/passwd".into()]);
    assert_eq!(
        refusal(spawn_pty(&program, (80, 24), Some(&folder))),
        "cannot start /etc/passwd: permission denied; is it a program, and may you run it?"
    );
}
