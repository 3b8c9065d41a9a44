//! Unix sockets of this machine, in clear and with TLS.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use super::*;

#[tokio::test]
async fn a_pipe_carries_bytes_and_knows_who_is_there() {
    let machine = Machine::new();
    let mut listener = machine.listen("npipe:pipe=lab").await;
    let (mut server, mut client) = meet(&mut listener, &machine, "npipe:server=.,pipe=lab").await;
    talk(&mut server, &mut client, 500_000).await;
    assert_eq!(server.binding, client.binding);
    for channel in [&server, &client] {
        let user = channel.peer.user.as_ref().unwrap();
        assert_eq!(user.uid, rustix::process::geteuid().as_raw());
        assert_eq!(user.pid, i32::try_from(std::process::id()).ok());
        assert_eq!(channel.peer.address, format!("pid {}", std::process::id()));
        assert_eq!(channel.peer.transport, "npipe");
        assert_eq!(channel.peer.certificate, None);
    }
}

#[tokio::test]
async fn only_its_owner_reaches_a_socket_and_its_folder() {
    let machine = Machine::new();
    let run = &machine.places.runtime_dir;
    let listener = machine.listen("npipe:pipe=lab").await;
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(run.clone()), 0o700);
    assert_eq!(mode(run.join("lab.npipe")), 0o600);
    drop(listener);
    assert_eq!(
        fs::read_dir(run).unwrap().count(),
        0,
        "it leaves nothing behind"
    );
}

#[tokio::test]
async fn one_name_is_one_server_of_each_kind() {
    let machine = Machine::new();
    let first = machine.listen("npipe:pipe=lab").await;
    let refused = machine.try_listen("npipe:pipe=lab").await.unwrap_err();
    assert!(
        refused.contains("a server on pipe lab is open already"),
        "{refused}"
    );
    let _other = machine.listen("spipe:pipe=lab").await;
    drop(first);
    machine.listen("npipe:pipe=lab").await;
}

#[tokio::test]
async fn a_socket_left_behind_is_replaced() {
    let machine = Machine::new();
    machine.places.make_runtime_dir().unwrap();
    let path = machine.places.runtime_dir.join("lab.npipe");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let mut listener = machine.listen("npipe:pipe=lab").await;
    meet(&mut listener, &machine, "npipe:pipe=lab").await;
}

#[tokio::test]
async fn a_socket_that_became_somebody_elses_is_not_removed() {
    let machine = Machine::new();
    let listener = machine.listen("npipe:pipe=lab").await;
    let path = machine.places.runtime_dir.join("lab.npipe");
    fs::rename(&path, path.with_extension("old")).unwrap();
    let _new = machine.listen("npipe:pipe=lab").await;
    drop(listener);
    assert!(path.exists());
}

#[tokio::test]
async fn numbers_in_a_name_are_shown_in_place() {
    let machine = Machine::new();
    let listener = machine.listen("npipe:pipe=lab_%d").await;
    let name = format!("lab_{}", std::process::id());
    assert_eq!(
        listener.shown().transport,
        ServerTransport::Npipe { pipe: name.clone() }
    );
    assert!(
        machine
            .places
            .runtime_dir
            .join(format!("{name}.npipe"))
            .exists()
    );
}

#[tokio::test]
async fn a_pipe_that_is_not_there_names_those_that_are() {
    let machine = Machine::new();
    let none = failure(machine.dial("npipe:pipe=lab").await);
    assert_eq!(
        none,
        "there is no pipe lab: no server of yours is open on a pipe here"
    );
    let elsewhere = failure(machine.dial("npipe:server=lab01,pipe=lab").await);
    assert!(
        elsewhere.ends_with("use ssh:server=lab01,pipe=lab"),
        "{elsewhere}"
    );
    let _one = machine.listen("npipe:pipe=rack").await;
    let _two = machine.listen("npipe:pipe=lab2").await;
    let path = machine.places.runtime_dir.join("lab.npipe");
    drop(UnixListener::bind(&path).unwrap());
    let dead = failure(machine.dial("npipe:pipe=lab").await);
    assert_eq!(
        dead,
        "the server of pipe lab has ended: open here: lab2, rack"
    );
}

#[tokio::test]
async fn a_name_too_long_for_a_socket_is_said_plainly() {
    let folder = tempfile::tempdir().unwrap();
    let mut places = places(&folder);
    places.runtime_dir = folder.path().join("x".repeat(100));
    let trust = Arc::new(Trust::open(&places, Settings::default()).unwrap());
    let server: ServerString = "npipe:pipe=lab".parse().unwrap();
    let refused = Listener::open(&server, &trust, &places).await.unwrap_err();
    assert!(refused.contains("too long for a socket"), "{refused}");
}

#[tokio::test]
async fn a_pipe_with_tls_is_pinned_and_bound() {
    let machine = Machine::new();
    let mut listener = machine.listen("spipe:pipe=lab").await;
    let (_, unknown) = tokio::join!(accept(&mut listener), machine.dial("spipe:pipe=lab"));
    let own = machine.trust.fingerprint();
    let wanted = DialError::UnknownCertificate {
        server: "pipe lab".to_owned(),
        fingerprint: own,
    };
    assert_eq!(unknown.unwrap_err(), wanted);
    machine.trust.pin("pipe lab", &own).unwrap();
    let (mut server, mut client) = meet(&mut listener, &machine, "spipe:pipe=lab").await;
    talk(&mut server, &mut client, 100_000).await;
    assert_eq!(server.binding, client.binding);
    assert_ne!(client.binding, Binding::local());
    assert_eq!(client.peer.certificate, Some(own));
    assert!(server.peer.user.is_some());
    let (again, _) = meet(&mut listener, &machine, "spipe:pipe=lab").await;
    assert_ne!(again.binding, server.binding);
}
