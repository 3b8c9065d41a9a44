//! Sessions under attack: strangers, guessers, people in the middle, clients that were patched to do what theirs may not.
//!
//! The host is the real program. The attackers are made of the library, which does what a patched client would.

#[path = "../support/mod.rs"]
mod support;

mod attacker;
mod characters;
mod files;
mod floods;
mod foreign;
mod letting_in;
mod middle;
mod observing;
mod operating;
mod roles;
mod strangers;

use std::path::PathBuf;

use support::deadline::{Deadline, PATIENCE};
use support::headless::Headless;
use support::home::Home;
use support::peer::{Connection, Peer};
use support::ports::free_port;

/// What operators of the hosts here have to know.
const PASSWORD: &str = "Lab12-operators";
/// What observers have to know.
const VIEW_PASSWORD: &str = "See34-observers";

/// A host with a server on TCP and one on a pipe, and a text target whose other end the test holds.
struct Lab {
    host: Headless,
    port: u16,
    target: Connection,
}

impl Lab {
    fn open() -> Self {
        Self::open_in(Home::new(), &[])
    }

    /// The same with more arguments, in a home that may have a configuration.
    fn open_in(home: Home, more: &[&str]) -> Self {
        let (port, peer) = (free_port(), Peer::listen());
        let (tcp, pipe) = (
            format!("tcp:port={port},password={PASSWORD},viewpassword={VIEW_PASSWORD}"),
            format!("npipe:pipe=lab,password={PASSWORD},viewpassword={VIEW_PASSWORD}"),
        );
        let target = peer.raw("t");
        let mut arguments = vec!["-server", &tcp, "-server", &pipe, "-k", &target];
        arguments.extend(more);
        let host = Headless::start_in(home, &arguments);
        let target = peer.accept();
        host.wait_state("t", "running");
        Self { host, port, target }
    }

    /// The string of the server on TCP.
    fn tcp(&self, password: &str) -> String {
        format!(
            "tcp:Port={},Server=127.0.0.1,password={password}",
            self.port
        )
    }

    /// What the audit log has, once it has that.
    fn audit(&self, wanted: &str) -> String {
        wait_for_text(&self.host.home.path().join("state/audit.log"), wanted)
    }
}

/// The string of the server on the pipe.
fn pipe(password: &str) -> String {
    format!("npipe:Pipe=lab,Server=localhost,password={password}")
}

/// What is in a file, once it contains that.
fn wait_for_text(file: &PathBuf, wanted: &str) -> String {
    let deadline = Deadline::after(PATIENCE);
    loop {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if text.contains(wanted) {
            return text;
        }
        assert!(deadline.left().is_some(), "no {wanted:?} in {text}");
        std::thread::yield_now();
    }
}
