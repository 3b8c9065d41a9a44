//! Other programs where a server is expected: each is explained in one message that says at which stage it was.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use crate::PASSWORD;
use crate::support::headless::Headless;
use crate::support::ports::free_port;

/// What somebody is told who takes a program that says this for a server.
fn told(transport: &str, says: &'static [u8], first: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let peer = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody comes");
        let mut asked = [0; 4096];
        if !first {
            // It answers what it was asked.
            assert!(stream.read(&mut asked).is_ok_and(|count| count > 0));
        }
        stream.write_all(says).ok();
        if says.is_empty() {
            // Until the other side has had enough.
            while stream.read(&mut asked).is_ok_and(|count| count > 0) {}
        }
    });
    let string = format!("{transport}:Port={port},Server=127.0.0.1,password={PASSWORD}");
    let told = refused(&string);
    peer.join().expect("it does not panic");
    assert!(told.contains(&format!("127.0.0.1:{port}")), "where? {told}");
    told
}

fn refused(string: &str) -> String {
    let mut client = Headless::start(&["-remote", string]);
    client.patience = Duration::from_secs(60);
    let ended = client.wait_end();
    let told = ended.complaints.trim_end();
    assert_eq!(ended.code(), 1, "{told}");
    assert_eq!(told.lines().count(), 1, "one message: {told}");
    assert!(told.starts_with("kdeck: "), "{told}");
    assert!(!told.contains(PASSWORD), "{told}");
    assert!(told.chars().all(|c| !c.is_control()), "{told:?}");
    told.to_owned()
}

#[test]
fn other_servers_are_told_apart() {
    let windbg = b"\x05\x00\x0b\x03\x10\x00\x00\x00\x48\x00\x00\x00\x01\x00\x00\x00";
    for transport in ["tcp", "ssl"] {
        for (says, first, word) in [
            (&b"SSH-2.0-OpenSSH_9.6\r\n"[..], true, "SSH"),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n", false, "web server"),
            (b"login: \x1b[2J\x07", true, "no kdeck"),
            (windbg, false, "RPC"),
            (b"\x00\x01\x02\x03\x9b\xff\xfe", false, "no kdeck"),
            (b"\xff\xfd\x18\xff\xfb\x01", true, "telnet"),
        ] {
            let told = told(transport, says, first);
            assert!(told.contains("TLS handshake"), "at which stage? {told}");
            assert!(told.contains(word), "no {word:?} in {told}");
        }
    }
}

#[test]
fn a_silent_port_is_not_waited_for_for_ever() {
    let told = told("tcp", b"", true);
    assert!(
        told.contains("TLS handshake") && told.contains("no answer within"),
        "{told}"
    );
}

#[test]
fn a_closed_port_and_a_pipe_that_is_not_there_are_said_plainly() {
    let port = free_port();
    let told = refused(&format!(
        "tcp:Port={port},Server=127.0.0.1,password={PASSWORD}"
    ));
    assert!(
        told.contains(&format!("connecting to 127.0.0.1:{port}")),
        "{told}"
    );
    assert!(
        told.contains("refused") && told.contains("nothing listens"),
        "{told}"
    );
    let told = refused("npipe:Pipe=nowhere,Server=localhost");
    assert!(told.contains("nowhere"), "{told}");
}
