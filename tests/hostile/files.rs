//! What lies on the disk: for its owner alone, and without a password in it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::support::headless::Headless;
use crate::support::home::Home;
use crate::support::peer::call;
use crate::support::ports::free_port;
use crate::{Lab, PASSWORD, VIEW_PASSWORD};

/// Every file below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let below = |path: PathBuf| match path.is_dir() {
        true => files(&path),
        false => vec![path],
    };
    entries.flat_map(|entry| below(entry.path())).collect()
}

fn mode(path: &Path) -> u32 {
    let metadata = fs::symlink_metadata(path);
    let metadata = metadata.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    metadata.permissions().mode() & 0o777
}

#[test]
fn what_is_on_the_disk_is_its_owners_alone_and_holds_no_password() {
    const THIRD: &str = "typed-at-the-console";
    let mut lab = Lab::open();
    let (chat, port) = (free_port(), free_port());
    lab.host
        .done(&format!(".server spipe:pipe=tls,password={THIRD}"));
    lab.host
        .done(&format!(".server ssl:port={port},password={THIRD}"));
    lab.host.done(&format!(".chatport tcp:port={chat}"));
    let mut device = call(chat);
    device.read_until(b"\n");
    device.send("/register nosy\n");
    device.send("hello from a device\n");
    lab.host.wait("the device chats", |event| {
        event.kind() == "chat" && event.text().contains("hello from a device")
    });
    let listed = lab.host.done(".servers");
    assert!(listed.contains("Password=*"), "{listed}");
    let clients = lab.host.done(".clients");

    // Clients: one at another home, with the right and with a wrong password, and an observer.
    let mut client = Headless::start(&["-remote", &lab.tcp(PASSWORD)]);
    client.wait_state("t", "running");
    client.done("@t is typed");
    let by_client = client.done(&format!(".server npipe:pipe=more,password={THIRD}"));
    assert!(by_client.contains("more"), "{by_client}");
    client.refused(&format!(".server npipe:pipe=more,password={THIRD}"));
    client.refused(&format!(".server tcp:port=x,password={THIRD}"));
    let client = client.finish();
    let wrong = Headless::start(&["-remote", &lab.tcp("WrongPassword1")]).wait_end();
    let watching = Headless::start_in(Home::new(), &["-remote", &lab.tcp(VIEW_PASSWORD)]);
    watching.wait_state("t", "running");
    let watching = watching.finish();

    let home = lab.host.home.path().to_owned();
    let query = lab.host.home.kdeck().args(["-QR", "."]).output();
    let query = String::from_utf8(query.expect("it starts").stdout).expect("text");
    assert!(query.contains("lab"), "{query}");
    assert_eq!(mode(&home.join("run")), 0o700);
    let pipes = files(&home.join("run"));
    assert!(
        pipes.iter().any(|path| path.ends_with("lab.npipe")),
        "{pipes:?}"
    );
    assert!(
        pipes.iter().any(|path| path.ends_with("tls.spipe")),
        "{pipes:?}"
    );
    for pipe in &pipes {
        assert_eq!(mode(pipe) & 0o077, 0, "{}", pipe.display());
    }
    for name in ["lab.npipe", "tls.spipe"] {
        assert_eq!(mode(&home.join("run").join(name)), 0o600, "{name}");
    }
    lab.audit("joined person=\"nosy\"");
    let host = lab.host.finish();
    for name in ["audit.log", "devices.toml"] {
        assert_eq!(mode(&home.join("state").join(name)), 0o600, "{name}");
    }
    let state = files(&home.join("state"));
    // What targets print is in there, and what is typed to them.
    let logs = home.join("state/logs");
    assert_eq!(mode(&logs), 0o700);
    let written: Vec<_> = files(&logs);
    assert!(!written.is_empty(), "nothing was logged: {state:?}");
    for log in written.iter().chain([&home.join("state/kdeck.log")]) {
        assert_eq!(mode(log), 0o600, "{}", log.display());
    }
    assert_eq!(mode(&home.join("run/servers")), 0o700);
    let keys = state.iter().filter(|path| {
        let text = fs::read(path).unwrap_or_default();
        memchr::memmem::find(&text, b"PRIVATE KEY").is_some()
    });
    let keys: Vec<_> = keys.collect();
    assert!(!keys.is_empty(), "the certificate has a key: {state:?}");
    for key in keys {
        assert_eq!(mode(key), 0o600, "{}", key.display());
    }

    let passwords = [PASSWORD, VIEW_PASSWORD, THIRD, "WrongPassword1"];
    for ended in [&host, &client, &wrong, &watching] {
        for file in files(ended.home.path()) {
            let bytes = fs::read(&file).unwrap_or_default();
            for password in passwords {
                let found = memchr::memmem::find(&bytes, password.as_bytes());
                assert_eq!(found, None, "{password} is in {}", file.display());
            }
        }
    }
    for text in [
        &listed,
        &clients,
        &query,
        &client.complaints,
        &wrong.complaints,
    ] {
        for password in passwords {
            assert!(!text.contains(password), "{password} is in {text}");
        }
    }
    // The start text tells who asked, this once; nothing else that is printed does.
    let is_start = |text: &str| text.starts_with("Server started.");
    for ended in [&host, &client, &watching] {
        for event in ended.events.iter().filter(|event| !is_start(event.text())) {
            let event = event.0.to_string();
            for password in passwords {
                assert!(!event.contains(password), "{password} is in {event}");
            }
        }
    }
}

#[test]
fn pins_are_for_their_owner_alone() {
    let home = Home::new();
    let trust = crate::attacker::trust(home.path());
    trust
        .pin("lab01:5443", &trust.fingerprint())
        .expect("the state can be written");
    assert_eq!(mode(&home.path().join("state/known_servers")), 0o600);
    assert_eq!(mode(&home.path().join("state")) & 0o077, 0);
}
