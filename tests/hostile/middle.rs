//! Somebody in the middle, and servers that are not the ones that are meant.

use std::sync::Arc;

use kdeck::connect::ServerString;
use kdeck::session::transport::{Listener, Trust};
use tokio::io::{AsyncReadExt as _, copy_bidirectional};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::attacker::{line, places, runtime, trust};
use crate::support::headless::{Ended, Event, Headless};
use crate::support::home::Home;
use crate::support::ports::free_port;
use crate::{Lab, PASSWORD};

/// Opens a server of our own, with a certificate of our own.
async fn listen(home: &Home, string: &str, trust: &Arc<Trust>) -> Listener {
    let string: ServerString = string.parse().expect("a server's string");
    let opened = Listener::open(&string, trust, &places(home.path())).await;
    opened.expect("the port is free")
}

fn join(home: Home, string: &str) -> Ended {
    Headless::start_in(home, &["-remote", string]).finish()
}

/// The names of all who came so far.
fn comings(host: &Headless) -> Vec<String> {
    let events = host.events();
    let joined = events
        .iter()
        .filter(|event| event.kind() == "person" && event.0["event"] == "joined");
    let name = |event: &Event| event.0["name"].as_str().unwrap_or_default().to_owned();
    joined.map(name).collect()
}

/// What looks like a fingerprint in a text.
fn fingerprint(text: &str) -> String {
    let found = text.split(|c: char| c.is_whitespace() || ";`,".contains(c));
    let found = found.map(|word| word.trim_start_matches("certuser="));
    let mut found = found.filter(|word| word.starts_with("SHA256:"));
    found
        .next()
        .unwrap_or_else(|| panic!("no fingerprint in {text}"))
        .to_owned()
}

/// Ends TLS on both sides, with a certificate of its own, and passes on all that is said in between.
async fn relay(listener: Listener, home: Home, string: String) {
    let mut listener = listener;
    while let Ok(incoming) = listener.accept().await {
        let Ok(mut victim) = incoming.shake().await else {
            continue;
        };
        let (mut host, _) = line(home.path(), &string).await;
        // Either end hangs up.
        copy_bidirectional(&mut victim.stream, &mut host).await.ok();
    }
}

fn relayed(runtime: &Runtime, from: u16, to: &str) -> JoinHandle<()> {
    let (home, to) = (Home::new(), to.to_owned());
    let listener = runtime.block_on(async {
        let string = format!("tcp:port={from},password=x");
        listen(&home, &string, &trust(home.path())).await
    });
    runtime.spawn(relay(listener, home, to))
}

#[test]
fn somebody_in_the_middle_of_tcp_fails_although_any_certificate_is_accepted() {
    let (lab, runtime, port) = (Lab::open(), runtime(), free_port());
    let relay = relayed(&runtime, port, &lab.tcp("x"));
    let through = format!("tcp:Port={port},Server=127.0.0.1,password={PASSWORD}");
    let client = join(Home::new(), &through);
    assert_eq!(client.code(), 1, "{client:?}");
    assert!(client.complaints.contains("0x80004005"), "{client:?}");
    assert!(client.complaints.contains("between"), "{client:?}");
    // The relay passed on what it got, and the host saw through it.
    let audit = lab.audit("why=\"wrong-password\"");
    assert!(audit.contains("said-person=\"tester\""), "{audit}");
    assert!(!audit.contains(" joined person=\"tester-2\""), "{audit}");
    relay.abort();
    let client = join(Home::new(), &lab.tcp(PASSWORD));
    assert_eq!(client.code(), 0, "without the relay: {client:?}");
}

/// A host with a server over `ssl` on that port.
fn ssl_host(port: u16) -> Headless {
    let server = format!("ssl:port={port},password={PASSWORD}");
    let host = Headless::start(&["-server", &server]);
    host.wait("the server is open", |event| {
        event.kind() == "role" && event.0["role"] == "server"
    });
    host
}

#[test]
fn a_certificate_of_ssl_is_shown_trusted_and_its_change_refused_before_anything_is_said() {
    let (port, runtime) = (free_port(), runtime());
    let host = ssl_host(port);
    let string = format!("ssl:Port={port},Server=127.0.0.1,password={PASSWORD}");

    let first = join(Home::new(), &string);
    assert_eq!(first.code(), 1, "{first:?}");
    let shown = fingerprint(&first.complaints);
    assert!(first.complaints.contains("not known yet"), "{first:?}");
    assert!(
        first.complaints.contains(&format!("certuser={shown}")),
        "{first:?}"
    );
    assert!(!first.complaints.contains(PASSWORD), "{first:?}");

    let named = join(first.home, &format!("{string},certuser={shown}"));
    assert_eq!(named.code(), 0, "{named:?}");

    let pinning = trust(named.home.path());
    let print = shown.parse().expect("a fingerprint");
    pinning
        .pin(&format!("127.0.0.1:{port}"), &print)
        .expect("the state can be written");
    let pinned = join(named.home, &string);
    assert_eq!(pinned.code(), 0, "{pinned:?}");

    let ended = host.finish();
    assert!(ended.complaints.contains(&shown), "{ended:?}");

    // Another server with another certificate takes its place, and listens for a word.
    let impostor = Home::new();
    let other = trust(impostor.path());
    let string_there = format!("ssl:port={port},password=x");
    let opened = runtime.block_on(listen(&impostor, &string_there, &other));
    let heard = runtime.spawn(hear(opened));
    let refused = join(pinned.home, &string);
    assert_eq!(refused.code(), 1, "{refused:?}");
    let told = &refused.complaints;
    assert!(
        told.contains("HAS CHANGED") && told.contains(&shown),
        "{told}"
    );
    assert!(told.contains(&other.fingerprint().to_string()), "{told}");
    let heard = runtime.block_on(heard).expect("it listened");
    assert_eq!(heard, b"", "neither a greeting nor anything of a password");
}

/// All that the first client says inside TLS.
async fn hear(mut listener: Listener) -> Vec<u8> {
    let incoming = listener.accept().await.expect("somebody comes");
    let mut said = Vec::new();
    if let Ok(mut channel) = incoming.shake().await {
        // They hang up, politely or not.
        channel.stream.read_to_end(&mut said).await.ok();
    }
    said
}

#[test]
fn an_open_server_is_not_joined_unseen_and_the_way_to_trust_it_works() {
    let port = free_port();
    let server = format!("tcp:port={port},password=none");
    let host = Headless::start(&["-server", &server, "--name", "owner"]);
    host.wait("the server is open", |event| {
        event.kind() == "role" && event.0["role"] == "server"
    });
    let string = format!("tcp:Port={port},Server=127.0.0.1,password=none");
    let first = join(Home::new(), &string);
    assert_eq!(first.code(), 1, "{first:?}");
    assert_eq!(comings(&host), ["owner"], "nobody has agreed to come");
    let shown = fingerprint(&first.complaints);
    let (_, told) = first.complaints.split_once('`').expect("a line to add");
    let (told, _) = told.split_once('`').expect("a line to add");
    assert!(told.ends_with(&shown), "{told}");
    let known = first.home.path().join("state/known_servers");
    std::fs::write(known, format!("{told}\n")).expect("the state can be written");
    let name = "dave";
    let joining = ["-remote", string.as_str(), "--name", name];
    let second = Headless::start_in(first.home, &joining).finish();
    assert_eq!(second.code(), 0, "{second:?}");
    host.wait("their departure", |event| {
        event.kind() == "person" && event.0["event"] == "left"
    });
    assert_eq!(comings(&host), ["owner", name]);

    // Somebody who claims that no password is needed is not believed by who has one.
    let with = format!("tcp:Port={port},Server=127.0.0.1,password={PASSWORD}");
    let third = join(second.home, &with);
    assert_eq!(third.code(), 1, "{third:?}");
    assert!(third.complaints.contains("anybody may join"), "{third:?}");
}
