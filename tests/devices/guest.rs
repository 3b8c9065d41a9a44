//! kdeck as the guest of a debug-and-chat port.

use crate::person::{Person, open};
use crate::support::headless::Headless;
use crate::support::peer::Peer;

#[test]
fn one_kdeck_registers_and_chats_at_another() {
    let (host, port) = open(&[]);
    let string = format!("raw:server=127.0.0.1,port={port},register=lab2,name=other");
    let mut guest = Headless::watching([&string]);
    guest.wait_output("other", "Hi, lab2!");
    let mut alice = Person::named(2, port, "alice");
    guest.done("@other hello from lab2");
    alice.wait("lab2> hello from lab2");
    host.wait("lab2 is heard", |event| {
        event.kind() == "chat" && event.0["from"] == "lab2"
    });
    alice.say("hello lab2");
    guest.wait_output("other", "alice> hello lab2");
    drop(guest);
    alice.wait(">> lab2 left.");
}

#[test]
fn a_port_that_ignores_chat_gets_none_and_the_one_for_chat_beside_it_gets_it() {
    let (peer, chat_peer) = (Peer::listen(), Peer::listen());
    let mut kdeck = Headless::watching([
        format!("{},register=lab2,eol=lf", peer.raw("nitrocid")),
        format!("{},eol=lf", chat_peer.raw("chat")),
    ]);
    let (mut line, mut chat) = (peer.accept(), chat_peer.accept());
    kdeck.wait_state("nitrocid", "running");
    kdeck.wait_state("chat", "running");
    line.send(">> Remote Debug: version 0.9.1.0\r\n>> Your address is 10.0.0.7.\r\n");
    kdeck.wait_output("nitrocid", "Your address");
    let refused = kdeck.refused("@nitrocid hello");
    assert!(refused.contains("3015"), "{refused}");
    chat.send(">> Remote Chat: version 0.9.1.0\r\n>> Your address is 10.0.0.7.\r\n");
    chat.send(">> Register in the remote debugger with \"/register <name>\".\r\n");
    kdeck.wait_output("chat", "Register in");
    kdeck.done("@chat hello");
    assert_eq!(chat.message(), b"hello\n");
    line.send(">> Bienvenue! C'est votre premi\u{e8}re fois. \"/register <name>\"\r\n");
    assert_eq!(line.message(), b"/register lab2\n");
    kdeck.wait_notice("nitrocid", "sent /register lab2");
    kdeck.say("@nitrocid /help");
    kdeck.done("@nitrocid /username");
    assert_eq!(line.message(), b"/help\n");
    assert_eq!(line.message(), b"/username\n");
}
