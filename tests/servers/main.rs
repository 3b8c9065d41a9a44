//! Servers of a host, and what belongs to them: opening, listing and ending them, who joins, who steers, who may what,
//! finding servers, and the audit log.

mod finding;
mod opening;
mod people;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::process::{Output, Stdio};

use support::deadline::Deadline;
use support::headless::{Event, Headless};
use support::home::Home;
use support::peer::{Connection, Peer};
use support::ports::free_port;

/// The passwords of the servers here.
const OPERATOR: &str = "Lab12";
const OBSERVER: &str = "Watch34";

/// A host with one target, and a server with both passwords.
struct Rig {
    host: Headless,
    line: Connection,
    port: u16,
}

fn rig(configuration: &str) -> Rig {
    let home = Home::new();
    // Nothing is to be told at the port that other tests use.
    let quiet = "[server]\ndirectory = false\n";
    home.configure(&format!("{quiet}{configuration}"));
    let peer = Peer::listen();
    let port = free_port();
    let server = format!("tcp:port={port},password={OPERATOR},viewpassword={OBSERVER}");
    let arguments = [
        "-k",
        &peer.raw("web01"),
        "-server",
        &server,
        "--name",
        "owner",
    ];
    let host = Headless::start_in(home, &arguments);
    let line = peer.accept();
    host.wait_state("web01", "running");
    Rig { host, line, port }
}

impl Rig {
    fn join(&self, name: &str, password: &str) -> Headless {
        let string = format!(
            "tcp:Port={},Password={password},Server=127.0.0.1",
            self.port
        );
        let client = Headless::start(&["-remote", &string, "--name", name]);
        client.wait("it is a client", |event| {
            event.kind() == "role" && event.0["role"] == "client"
        });
        client.wait_state("web01", "running");
        client
    }

    fn audit(&self) -> String {
        fs::read_to_string(self.host.home.path().join("state/audit.log")).unwrap_or_default()
    }

    /// Waits until the audit log has a line with all of these.
    fn wait_audit(&self, words: &[&str]) -> String {
        let deadline = Deadline::soon();
        loop {
            let log = self.audit();
            let has = |line: &&str| words.iter().all(|word| line.contains(word));
            if let Some(line) = log.lines().find(has) {
                return line.to_owned();
            }
            assert!(deadline.left().is_some(), "{words:?} is not in\n{log}");
            std::thread::yield_now();
        }
    }
}

fn servers_of(event: &Event) -> Vec<String> {
    let servers = event.0["servers"].as_array().cloned().unwrap_or_default();
    let text = |server: &serde_json::Value| server.as_str().unwrap_or_default().to_owned();
    servers.iter().map(text).collect()
}

/// A command of kdeck that ends by itself.
fn run(home: &Home, arguments: &[&str]) -> Output {
    let mut command = home.kdeck();
    command.args(arguments).stdin(Stdio::null());
    command.output().expect("kdeck starts")
}
