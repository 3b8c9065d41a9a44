//! TCP and TLS over it.

use std::net::{Ipv6Addr, TcpListener as StdListener};

use futures_util::FutureExt;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::ports::free_ports;

#[tokio::test]
async fn tcp_carries_bytes_both_ways_and_binds_both_ends() {
    let (rack, desk) = (Machine::new(), Machine::new());
    let mut listener = rack.listen("tcp:port=9,password=none").await;
    let string = format!("tcp:server=127.0.0.1,port={}", port(&listener));
    let (mut server, mut client) = meet(&mut listener, &desk, &string).await;
    talk(&mut server, &mut client, 300_000).await;
    assert_eq!(server.binding, client.binding);
    assert_eq!(client.binding.bytes().len(), 32);
    assert_eq!(server.peer.transport, "tcp");
    assert_eq!(server.peer.ip, Some("127.0.0.1".parse().unwrap()));
    assert!(
        server.peer.address.starts_with("127.0.0.1:"),
        "{:?}",
        server.peer
    );
    assert_eq!(server.peer.certificate, None);
    assert_eq!(client.peer.certificate, Some(rack.trust.fingerprint()));
    assert_eq!(
        client.peer.address,
        format!("127.0.0.1:{}", port(&listener))
    );

    let (again, _client) = meet(&mut listener, &desk, &string).await;
    assert_ne!(again.binding, server.binding);
}

#[tokio::test]
async fn a_closed_channel_reads_its_end() {
    let (rack, desk) = (Machine::new(), Machine::new());
    let mut listener = rack.listen("tcp:port=9").await;
    let string = format!("tcp:server=localhost,port={}", port(&listener));
    let (mut server, mut client) = meet(&mut listener, &desk, &string).await;
    client.stream.shutdown().await.unwrap();
    assert_eq!(soon(server.stream.read(&mut [0; 8])).await.unwrap(), 0);
}

#[tokio::test]
async fn somebody_in_the_middle_has_two_bindings() {
    let (rack, desk, middle) = (Machine::new(), Machine::new(), Machine::new());
    let mut server = rack.listen("tcp:port=9").await;
    let mut in_between = middle.listen("tcp:port=9").await;
    let to_middle = format!("tcp:server=127.0.0.1,port={}", port(&in_between));
    let to_server = format!("tcp:server=127.0.0.1,port={}", port(&server));
    let (_, client) = meet(&mut in_between, &desk, &to_middle).await;
    let (server, _) = meet(&mut server, &middle, &to_server).await;
    assert_ne!(client.binding, server.binding);
    assert_ne!(client.peer.certificate, Some(rack.trust.fingerprint()));
}

#[tokio::test]
async fn the_first_free_port_of_a_range_is_taken_and_shown() {
    let machine = Machine::new();
    let (taken, first) = neighbours();
    let last = first + 2;
    let listener = machine.listen(&format!("tcp:port={first}:{last}")).await;
    assert_eq!(port(&listener), first + 1);
    let shown = listener.shown().masked();
    assert!(
        shown.contains(&format!("Port={}:{last}", first + 1)),
        "{shown}"
    );

    let refused = machine.try_listen(&format!("tcp:port={first}")).await;
    let refused = refused.unwrap_err();
    assert!(
        refused.contains(&format!("TCP port {first}: it is in use")),
        "{refused}"
    );
    let refused = machine
        .try_listen(&format!("tcp:port={first}:{}", first + 1))
        .await;
    let refused = refused.unwrap_err();
    assert!(refused.contains("all are in use"), "{refused}");
    drop(taken);
    machine.listen(&format!("tcp:port={first}")).await;
}

/// A port that is taken, with two free ones after it.
fn neighbours() -> (StdListener, u16) {
    let first = free_ports(3);
    let taken = StdListener::bind((Ipv6Addr::UNSPECIFIED, first));
    (taken.expect("nobody has it"), first)
}

#[tokio::test]
async fn a_server_is_for_both_families_unless_it_is_for_one() {
    let (rack, desk) = (Machine::new(), Machine::new());
    let mut both = rack.listen("tcp:port=9").await;
    for host in ["127.0.0.1", "::1"] {
        let string = format!("tcp:server={host},port={}", port(&both));
        meet(&mut both, &desk, &string).await;
    }
    let mut six = rack.listen("tcp:port=9,ipversion=6").await;
    let string = format!("tcp:server=localhost,port={},ipversion=6", port(&six));
    let (server, _) = meet(&mut six, &desk, &string).await;
    assert_eq!(server.peer.ip, Some("::1".parse().unwrap()));
    let four = format!("tcp:server=127.0.0.1,port={}", port(&six));
    let refused = failure(desk.dial(&four).await);
    assert!(
        refused.contains("connection refused; nothing listens there"),
        "{refused}"
    );
    let wanted = format!("tcp:server=127.0.0.1,port={},ipversion=6", port(&both));
    let refused = failure(desk.dial(&wanted).await);
    assert!(refused.contains("no IPv6 address"), "{refused}");
}

#[tokio::test]
async fn a_server_calls_a_client_that_waits() {
    let (rack, desk) = (Machine::new(), Machine::new());
    let (_taken, first) = neighbours();
    let string = format!("tcp:clicon=127.0.0.1,port={first}:{}", first + 2);
    let string: ClientString = string.parse().unwrap();
    let (told, mut stages) = tokio::sync::mpsc::unbounded_channel();
    let mut stage = move |words: &str| drop(told.send(words.to_owned()));
    let waiting = dial(&string, &desk.trust, &desk.places, &mut stage);
    let calling = async {
        let waits = stages.recv().await.unwrap();
        assert_eq!(
            waits,
            format!("waiting on port {} for 127.0.0.1 to call", first + 1)
        );
        // somebody passes by before
        let mut stranger = TcpStream::connect(("127.0.0.1", first + 1)).await.unwrap();
        stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let mut listener = rack
            .listen(&format!("tcp:port={},clicon=127.0.0.1", first + 1))
            .await;
        let server = accept(&mut listener).await.unwrap();
        assert!(
            listener.accept().now_or_never().is_none(),
            "it serves one client"
        );
        server
    };
    let (client, mut server) = soon(async { tokio::join!(waiting, calling) }).await;
    let mut client = client.unwrap();
    assert_eq!(client.binding, server.binding);
    assert_eq!(
        client.peer.certificate,
        Some(rack.trust.fingerprint()),
        "the server is the server"
    );
    talk(&mut client, &mut server, 1000).await;
}

#[tokio::test]
async fn a_call_nobody_waits_for_fails_and_says_who_begins() {
    let machine = Machine::new();
    let (taken, first) = neighbours();
    drop(taken);
    let refused = machine
        .try_listen(&format!("tcp:port={first},clicon=127.0.0.1"))
        .await;
    let refused = refused.unwrap_err();
    assert!(
        refused.contains("connection refused") && refused.contains("the client waits first"),
        "{refused}"
    );
}

#[tokio::test]
async fn stages_are_told_in_order() {
    let (rack, desk) = (Machine::new(), Machine::new());
    let mut listener = rack.listen("ssl:port=9").await;
    let port = port(&listener);
    desk.trust
        .pin(&format!("localhost:{port}"), &rack.trust.fingerprint())
        .unwrap();
    let string: ClientString = format!("ssl:server=LOCALHOST,port={port}").parse().unwrap();
    let mut stages = Vec::new();
    let mut stage = |words: &str| stages.push(words.to_owned());
    let dialling = dial(&string, &desk.trust, &desk.places, &mut stage);
    let (dialled, _server) = soon(async { tokio::join!(dialling, accept(&mut listener)) }).await;
    dialled.unwrap();
    assert_eq!(
        stages,
        [
            format!("connecting to 127.0.0.1:{port}"),
            "TLS handshake".to_owned(),
            "checking the certificate".to_owned()
        ],
        "localhost is not looked up"
    );
    let unknown = failure(desk.dial("tcp:server=no-such-host.invalid,port=1").await);
    assert!(
        unknown.starts_with("resolving no-such-host.invalid: "),
        "{unknown}"
    );
}

#[tokio::test]
async fn servers_of_other_kinds_are_told_apart() {
    let desk = Machine::new();
    let kinds: [(&[u8], &str); 7] = [
        (b"SSH-2.0-OpenSSH_9.6\r\n", "it is an SSH server"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "it is a web server"),
        (b"\x05\x00\x0d\x03\x10\x00\x00\x00", "it speaks RPC"),
        (b"\xff\xfd\x18\xff\xfd\x20", "it speaks telnet"),
        (b"220 lab01 ESMTP\r\n", "it says `220 lab01 ESMTP`"),
        (b"\x00\x01\x02\x03\x04\x05\x06\x07", "it speaks no TLS"),
        (b"", "closed the connection without a word"),
    ];
    for (greeting, words) in kinds {
        let stranger = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let string = format!(
            "tcp:server=127.0.0.1,port={}",
            stranger.local_addr().unwrap().port()
        );
        let greet = async {
            let (mut stream, _) = stranger.accept().await.unwrap();
            stream.write_all(greeting).await.unwrap();
            // all of the client's first flight is read: closing does not reset
            stream
                .read_buf(&mut Vec::with_capacity(4096))
                .await
                .unwrap();
            stream
        };
        let (dialled, _) =
            soon(async { tokio::join!(desk.dial(&string), async { drop(greet.await) }) }).await;
        let refused = failure(dialled);
        assert!(
            refused.starts_with("TLS handshake with 127.0.0.1:") && refused.contains(words),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn clients_of_other_kinds_are_told_apart() {
    let rack = Machine::new();
    let mut listener = rack.listen("tcp:port=9").await;
    let kinds: [(&[u8], &str); 5] = [
        (b"GET / HTTP/1.1\r\n\r\n", "it is a web browser"),
        (b"SSH-2.0-PuTTY\r\n", "the client is no kdeck: it is an SSH"),
        (
            b"\x05\x00\x0b\x03\x10\x00\x00\x00",
            "it speaks RPC, as debuggers of Windows do",
        ),
        (b"hello?\x1b[31m\r\n", "it speaks no TLS"),
        (b"", "closed the connection without a word"),
    ];
    for (greeting, words) in kinds {
        let mut stranger = TcpStream::connect(("127.0.0.1", port(&listener)))
            .await
            .unwrap();
        stranger.write_all(greeting).await.unwrap();
        stranger.shutdown().await.unwrap();
        let refused = accept(&mut listener).await.unwrap_err();
        assert!(refused.contains(words), "{refused}");
    }
}

#[tokio::test]
async fn a_stranger_waits_as_long_as_the_caller_lets_it() {
    let rack = Machine::new();
    let mut listener = rack.listen("tcp:port=9").await;
    let _stranger = TcpStream::connect(("127.0.0.1", port(&listener)))
        .await
        .unwrap();
    let incoming = soon(listener.accept()).await.unwrap();
    assert_eq!(incoming.peer().transport, "tcp");
    let shaking = tokio::time::timeout(Duration::from_millis(50), incoming.shake());
    assert!(shaking.await.is_err());
}
