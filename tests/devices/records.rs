//! What is remembered of devices.

use std::os::unix::fs::PermissionsExt as _;

use crate::person::{Person, open, open_port};
use crate::support::headless::Headless;
use crate::support::home::Home;

#[test]
fn who_was_here_is_known_again_and_after_a_restart_too() {
    let (mut kdeck, port) = open(&[]);
    let mut alice = Person::named(2, port, "alice");
    alice.say("remember me");
    alice.wait("alice> remember me");
    alice.say("/msg alice a secret");
    alice.wait("alice> a secret");
    let mut second = Person::connect_from(2, port);
    let greeting = second.wait("/help lists commands.");
    assert_eq!(greeting[2], ">> Your name is alice.");
    assert_eq!(greeting[3], ">> 0 targets, 2 people. /help lists commands.");
    let replayed = second.line().expect("the last lines are shown");
    assert!(
        replayed.starts_with(">> 2") && replayed.ends_with(" alice> remember me"),
        "{replayed}"
    );
    // Somebody else at the same address.
    second.say("/register bob");
    second.wait("Hi, bob!");
    alice.wait(">> bob joined (127.0.0.2).");
    let mut other = Person::connect_from(3, port);
    other.say("/register ALICE");
    other.wait(">> The name ALICE is taken.");
    assert!(kdeck.done(".devices").contains("127.0.0.2#bob"));

    let ended = kdeck.finish();
    let file = ended.home.path().join("state/devices.toml");
    let mode = std::fs::metadata(&file)
        .expect("it was written")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("remember me"), "{text}");
    assert!(!text.contains("a secret"), "{text}");
    // People edit it.
    std::fs::write(
        &file,
        format!("{text}\n[[device]]\naddress = \"127.0.0.9\"\nblocked = true\nroom = 12\n"),
    )
    .unwrap();
    let mut kdeck = Headless::start_in(ended.home, &[]);
    let port = open_port(&mut kdeck);
    Person::connect_from(2, port).wait(">> Your name is alice.");
    let mut blocked = Person::connect_from(9, port);
    assert_eq!(blocked.rest(), [">> This device is blocked."]);
    let ended = kdeck.finish();
    let text = std::fs::read_to_string(ended.home.path().join("state/devices.toml")).unwrap();
    assert!(text.contains("room = 12"), "{text}");
}

#[test]
fn what_is_changed_while_the_port_is_closed_is_kept_with_all_that_was_known() {
    let (kdeck, port) = open(&[]);
    let mut alice = Person::named(2, port, "alice");
    alice.say("remember me");
    alice.wait("alice> remember me");
    let mut kdeck = Headless::start_in(kdeck.finish().home, &[]);
    let file = kdeck.home.path().join("state/devices.toml");
    let text = || std::fs::read_to_string(&file).expect("it is there");
    assert!(kdeck.done(".devices").contains("alice"));
    kdeck.done(".device block 127.0.0.9");
    kdeck.done(".device mute alice");
    for kept in ["remember me", "127.0.0.9", "muted = true"] {
        assert!(text().contains(kept), "no {kept} in {}", text());
    }
    let port = open_port(&mut kdeck);
    let mut alice = Person::connect_from(2, port);
    alice.wait(">> Your name is alice.");
    let mut blocked = Person::connect_from(9, port);
    assert_eq!(blocked.rest(), [">> This device is blocked."]);
    kdeck.done(".chatport off");
    assert_eq!(
        alice.rest().last().map(String::as_str),
        Some(">> The port is closed.")
    );
    kdeck.done(".device unblock 127.0.0.9");
    // People edit it, which is seen as long as the port is closed.
    let edited = format!(
        "{}\n[[device]]\naddress = \"127.0.0.8\"\nblocked = true\n",
        text()
    );
    std::fs::write(&file, edited).expect("the state directory is there");
    assert!(kdeck.done(".devices").contains("127.0.0.8"));
    let port = open_port(&mut kdeck);
    let mut blocked = Person::connect_from(8, port);
    assert_eq!(blocked.rest(), [">> This device is blocked."]);
    Person::connect_from(9, port).wait(">> Welcome!");
    let mut kdeck = Headless::start_in(kdeck.finish().home, &[]);
    let devices = kdeck.done(".devices");
    for known in ["alice", "127.0.0.8", "127.0.0.9"] {
        assert!(devices.contains(known), "no {known} in {devices}");
    }
    assert!(text().contains("remember me"), "{}", text());
}

#[test]
fn a_port_that_is_closed_and_opened_again_forgets_nobody() {
    let mut kdeck = Headless::start(&[]);
    for number in 2..20 {
        let port = open_port(&mut kdeck);
        let name = format!("box{number}");
        drop(Person::named(number, port, &name));
        kdeck.done(".chatport off");
    }
    open_port(&mut kdeck);
    let devices = kdeck.done(".devices");
    for number in 2..20 {
        let name = format!("box{number}");
        assert!(devices.contains(&name), "no {name} in {devices}");
    }
}

#[test]
fn a_change_that_cannot_be_written_is_told() {
    let home = Home::new();
    std::fs::create_dir_all(home.path().join("state/devices.toml")).expect("a new directory");
    let mut kdeck = Headless::start_in(home, &[]);
    let reason = kdeck.refused(".device block 127.0.0.9");
    assert!(reason.contains("devices.toml"), "{reason}");
}

#[test]
fn devices_of_another_kernel_are_imported() {
    let home = Home::new();
    let old = r#"{"127.0.0.2":{"Name":"alice","Blocked":false,"ChatHistory":[]},"127.0.0.3":{"Name":"bob","Blocked":true,"ChatHistory":["x"]}}"#;
    std::fs::write(home.path().join("old.json"), old).unwrap();
    let mut kdeck = Headless::start_in(home, &[]);
    assert!(kdeck.done(".device import old.json").contains("2 devices"));
    assert!(
        kdeck
            .refused(".device import nothing.json")
            .contains("nothing.json")
    );
    let port = open_port(&mut kdeck);
    Person::connect_from(2, port).wait(">> Your name is alice.");
    assert_eq!(
        Person::connect_from(3, port).rest(),
        [">> This device is blocked."]
    );
}

#[test]
fn a_device_file_that_cannot_be_read_is_told_and_kept() {
    let (kdeck, port) = open(&[]);
    drop(Person::named(2, port, "alice"));
    let ended = kdeck.finish();
    let file = ended.home.path().join("state/devices.toml");
    std::fs::write(&file, "[[device]\n").unwrap();
    let mut kdeck = Headless::start_in(ended.home, &[]);
    let reason = kdeck.refused(".chatport tcp:port=3014");
    assert!(reason.contains("devices.toml"), "{reason}");
    let ended = kdeck.finish();
    let file = ended.home.path().join("state/devices.toml");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "[[device]\n");
}

#[test]
fn the_port_is_opened_at_the_start_where_that_is_configured() {
    let home = Home::new();
    let port = crate::support::ports::free_port();
    let file = format!("[chat]\nport = \"tcp:port={port}\"\nformat = \"<{{0}}> {{1}}\"\n");
    home.configure(&file);
    let kdeck = Headless::start_in(home, &[]);
    kdeck.wait("the role", |event| event.kind() == "role");
    let deadline = crate::support::deadline::Deadline::soon();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(deadline.left().is_some(), "the port is not open");
        std::thread::yield_now();
    }
    let mut alice = Person::named(2, port, "alice");
    alice.say("hi");
    alice.wait("(chat):  <alice> hi");
}
