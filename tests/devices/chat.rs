//! Registering and chatting.

use crate::person::{Person, open};
use crate::support::headless::Headless;
use crate::support::home::TYPIST;
use crate::support::peer::call;
use crate::support::ports::free_port;

fn said(kdeck: &Headless, text: &str) {
    kdeck.wait(&format!("{text:?} is said"), |event| {
        event.kind() == "chat" && event.text() == text
    });
}

#[test]
fn the_conformance_transcript_is_word_for_word() {
    let target = free_port();
    let string = format!("raw:listen,port={target},bind=127.0.0.1,name=rack-017");
    let (kdeck, port) = open(&["-k", &string]);
    kdeck.wait_state("rack-017", "waiting");
    let mut nc = Person::connect(port);
    let version = env!("CARGO_PKG_VERSION");
    for line in [
        format!(">> Remote Debug and Chat: version {version}"),
        ">> Your address is 127.0.0.1.".to_owned(),
        ">> Welcome! This is your first time entering remote debug and chat. Use \"/register <name>\" to register.".to_owned(),
    ] {
        assert_eq!(nc.line(), Some(line));
    }
    let _target = call(target);
    let line = nc.untimed().expect("what happens is told");
    assert!(
        line.starts_with("TIME [I] (rack-017 - raw): connected to 127.0.0.1:"),
        "{line}"
    );
    nc.say("hello?");
    let reminder = ">> You can't talk until you register. Use \"/register <name>\".";
    assert_eq!(nc.line().as_deref(), Some(reminder));
    nc.say("/register alice");
    let hi = "TIME [I] (register): Successfully registered! Hi, alice!";
    assert_eq!(nc.untimed().as_deref(), Some(hi));
    nc.say("hello");
    assert_eq!(
        nc.untimed().as_deref(),
        Some("TIME [I] (chat):  alice> hello")
    );
    nc.say("/exit");
    assert_eq!(nc.line(), None);
}

#[test]
fn whoever_has_no_name_reaches_nobody_and_whoever_has_one_reaches_all_once() {
    let (mut kdeck, port) = open(&[]);
    let mut alice = Person::connect_from(2, port);
    let mut bob = Person::named(3, port, "bob");
    alice.say("can you hear me?");
    alice.say("can you hear me?");
    alice.wait(">> You can't talk");
    alice.say("/register alice");
    alice.wait("Hi, alice!");
    alice.say("now?");
    alice.wait("alice> now?");
    bob.say("yes");
    let mut alices = alice.wait("bob> yes");
    let text = "hello from here";
    kdeck.done(&format!(".echo {text}"));
    said(&kdeck, text);
    let bobs = bob.wait(text);
    alices.extend(alice.wait(text));
    let echo = format!("TIME [I] (chat):  {TYPIST}> {text}");
    let chat = [
        "TIME [I] (chat):  alice> now?",
        "TIME [I] (chat):  bob> yes",
        &echo,
    ];
    assert_eq!(
        bobs,
        [&[">> alice joined (127.0.0.2)."], &chat[..]].concat()
    );
    assert_eq!(alices, chat[1..]);
    let chats = kdeck.events();
    let chats = chats.iter().filter(|event| event.kind() == "chat");
    let texts: Vec<&str> = chats.map(|event| event.text()).collect();
    assert_eq!(texts, ["now?", "yes", text]);
}

#[test]
fn people_at_devices_are_people() {
    let (mut kdeck, port) = open(&[]);
    let mut bob = Person::connect_from(3, port);
    let mut alice = Person::named(2, port, "alice");
    let joined = kdeck.wait("alice joins", |event| {
        event.kind() == "person" && event.0["name"] == "alice"
    });
    assert_eq!(
        (&joined.0["event"], &joined.0["permission"]),
        (&"joined".into(), &"observer".into())
    );
    alice.say("/who");
    let who = alice.wait(">>   alice");
    assert_eq!(
        who.last().map(String::as_str),
        Some(">>   alice (127.0.0.2), observer")
    );
    alice.say("/username");
    alice.wait(&format!(">> {TYPIST} operates the console."));
    alice.say(&format!("/msg {TYPIST} psst"));
    alice.wait(&format!("(chat to {TYPIST}):  alice> psst"));
    alice.say("/me waves");
    alice.say("/exit");
    assert!(
        alice
            .rest()
            .contains(&"TIME [I] (chat):  * alice waves".to_owned())
    );
    kdeck.wait("alice leaves", |event| event.0["event"] == "left");
    let bobs = bob.wait(">> alice left.");
    assert_eq!(
        bobs.iter().filter(|line| line.contains("psst")).count(),
        0,
        "{bobs:?}"
    );
    assert!(kdeck.done(".devices").contains("alice"));
    // What a device says is never sent to a target, and it commands nothing.
    bob.say(".quit");
    bob.wait(">> You can't talk");
    assert!(kdeck.done(".devices").contains("127.0.0.3"));
}

#[test]
fn lines_are_lines_however_they_come() {
    let (kdeck, port) = open(&[]);
    let mut alice = Person::named(2, port, "alice");
    alice.send(b"a\nb\n");
    alice.send(b"5 \xe2");
    alice.wait("alice> b");
    alice.send(b"\x82\xac\r");
    alice.send(b"\0//etc/hosts\r\n");
    alice.send(b"\xff\xfb\x1f\x1b]52;c;aGk=\x07da\x1b[2Jn\x08nger\n");
    let telnet = alice.wait_telnet();
    assert_eq!(&telnet, b"\xff\xfe\x1f");
    alice.end_input();
    for text in ["a", "b", "5 \u{20ac}", "/etc/hosts", "danger"] {
        said(&kdeck, text);
    }
}

#[test]
fn whoever_says_too_much_is_refused_and_then_cut() {
    let (mut kdeck, port) = open(&[]);
    let mut alice = Person::named(2, port, "alice");
    let mut bob = Person::connect_from(3, port);
    alice.send("spam\n".repeat(40).as_bytes());
    let lines = alice.rest();
    let posted = lines
        .iter()
        .filter(|line| line.ends_with("alice> spam"))
        .count();
    let refused = lines
        .iter()
        .filter(|line| *line == ">> Not so fast: that was not posted.");
    assert!((5..=7).contains(&posted), "{lines:#?}");
    assert_eq!(refused.count(), 29);
    assert!(lines.contains(&">> Too much at once: good bye.".to_owned()));
    bob.wait(">> alice left.");
    let mut carol = Person::named(4, port, "carol");
    carol.say("/register dave");
    carol.wait(">> A name can be changed once in 10 s.");
    assert!(kdeck.done(".devices").contains("carol"));
}

#[test]
fn the_console_disconnects_mutes_and_blocks() {
    let (mut kdeck, port) = open(&[]);
    let mut alice = Person::named(2, port, "alice");
    kdeck.done(".device mute alice");
    alice.say("can you hear me?");
    alice.wait(">> You are muted: that was not posted.");
    kdeck.done(".device unmute ALICE");
    alice.say("and now?");
    alice.wait("alice> and now?");
    kdeck.done(".device kick alice");
    assert_eq!(alice.rest(), [">> You were disconnected by the host."]);
    let mut alice = Person::connect_from(2, port);
    alice.wait(">> Your name is alice.");
    kdeck.done(".kick alice enough");
    let good_bye = format!(">> Good bye: put out by {TYPIST}: enough.");
    assert_eq!(alice.rest().last(), Some(&good_bye));
    kdeck.done(".device block 127.0.0.2");
    let mut again = Person::connect_from(2, port);
    assert_eq!(again.rest(), [">> This device is blocked."]);
    assert!(kdeck.done(".devices").contains("blocked"));
    kdeck.done(".device unblock alice");
    let mut again = Person::connect_from(2, port);
    again.wait(">> Your name is alice.");
    assert!(kdeck.refused(".device kick nobody").contains("nobody"));
    assert!(
        kdeck
            .refused(".device frobnicate alice")
            .contains("kick|block")
    );
    kdeck.done(".chatport off");
    assert_eq!(
        again.rest().last().map(String::as_str),
        Some(">> The port is closed.")
    );
    assert!(kdeck.done(".chatport").contains("closed"));
    assert!(kdeck.refused(".chatport off").contains("not open"));
    assert!(kdeck.refused(".chatport udp:port=1").contains("tcp"));
}

#[test]
fn there_are_so_many_devices_of_an_address_and_no_more() {
    let (_kdeck, port) = open(&[]);
    let mut devices: Vec<Person> = (0..8).map(|_| Person::connect_from(2, port)).collect();
    for device in &mut devices {
        device.wait(">> Welcome!");
    }
    let mut ninth = Person::connect_from(2, port);
    assert_eq!(
        ninth.rest(),
        [">> 8 devices are connected from your address already."]
    );
    Person::connect_from(3, port).wait(">> Welcome!");
    drop(devices);
    Person::connect_from(2, port).line();
    let mut eleventh = Person::connect_from(2, port);
    assert_eq!(
        eleventh.rest(),
        [">> Too many connections in a minute. Try again later."]
    );
}

#[test]
fn a_second_port_is_for_chat_alone() {
    let mut kdeck = Headless::start(&[]);
    let (debug, chat) = (free_port(), free_port());
    kdeck.done(&format!(".chatport tcp:port={debug},chatport={chat}"));
    let mut alice = Person::connect_from(2, chat);
    assert!(alice.wait(">> Welcome!")[0].starts_with(">> Remote Chat: version"));
    alice.say("/targets");
    alice.wait(">> /targets is a command of the other port.");
    alice.say("/register alice");
    alice.wait("Hi, alice!");
    let mut bob = Person::named(3, debug, "bob");
    alice.say("hello");
    bob.wait("alice> hello");
}
