//! Two machines, as far as the network goes: a host and its clients in network namespaces of their own, with one cable
//! between them.

use std::process::{Command, Output, Stdio};

use crate::rig::{can_run, tell};
use crate::support::deadline::Deadline;
use crate::support::headless::Headless;
use crate::support::home::Home;
use crate::support::peer::UnixPeer;

/// The addresses of the two, of the block for documentation: nobody has a route there.
const HERE: &str = "192.0.2.1";
const THERE: &str = "192.0.2.2";
const PORT: u16 = 5005;
const SSL_PORT: u16 = 5443;
const PASSWORD: &str = "Lab12";

/// The two machines; their namespaces and the cable are removed when this is dropped.
struct Machines([String; 2]);

impl Machines {
    /// `None` if they cannot be made here, which is then said: only root may, and not in every container.
    fn new(check: &str) -> Option<Self> {
        if !can_run(check, &["ip"]) {
            return None;
        }
        let id = format!("{}-{check}", std::process::id());
        let machines = Self(["a", "b"].map(|side| format!("kdeck-{id}-{side}")));
        let [a, b] = &machines.0;
        let made = ip(&["netns", "add", a]);
        if !made.status.success() {
            let reason = String::from_utf8_lossy(&made.stderr).into_owned();
            tell(&format!("skipped: {check}: {}", reason.trim()));
            return None;
        }
        do_ip(&format!("netns add {b}"));
        do_ip(&format!(
            "-n {a} link add eth0 type veth peer name eth0 netns {b}"
        ));
        for (machine, address) in machines.0.iter().zip([HERE, THERE]) {
            do_ip(&format!("-n {machine} address add {address}/24 dev eth0"));
            do_ip(&format!("-n {machine} link set lo up"));
            do_ip(&format!("-n {machine} link set eth0 up"));
        }
        Some(machines)
    }

    /// Puts the cable in, or pulls it out, at the second machine.
    fn cable(&self, is_in: bool) {
        let how = if is_in { "up" } else { "down" };
        do_ip(&format!("-n {} link set eth0 {how}", self.0[1]));
    }

    /// kdeck on one of them.
    fn kdeck(&self, machine: usize, home: &Home, arguments: &[&str]) -> Headless {
        let by = ["netns", "exec", &self.0[machine]];
        Headless::start_by(home.clone(), home.kdeck_by("ip", &by), arguments)
    }

    /// A command of kdeck that ends by itself, on one of them.
    fn run(&self, machine: usize, home: &Home, arguments: &[&str]) -> Output {
        let mut command = home.kdeck_by("ip", &["netns", "exec", &self.0[machine]]);
        command.args(arguments).stdin(Stdio::null());
        command.output().expect("ip starts")
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        for machine in &self.0 {
            // Fails where it could not be made.
            ip(&["netns", "delete", machine]);
        }
    }
}

/// A command of ip(8) that has to succeed.
fn do_ip(command: &str) {
    let arguments: Vec<&str> = command.split(' ').collect();
    let done = ip(&arguments);
    assert!(done.status.success(), "ip {command}: {done:?}");
}

fn ip(arguments: &[&str]) -> Output {
    let mut ip = Command::new("ip");
    let done = ip.args(arguments).stdin(Stdio::null()).output();
    done.expect("ip starts")
}

/// The lines that a target printed, as a kdeck printed them.
fn lines_of(kdeck: &Headless) -> Vec<String> {
    let events = kdeck.events();
    let lines = events
        .iter()
        .filter(|event| event.is_output("web01") && !event.is_partial());
    lines.map(|event| event.text().to_owned()).collect()
}

/// A target of kdeck in the first machine that both machines' test reaches: files know no network.
fn target(home: &Home) -> (UnixPeer, String) {
    let path = home.path().join("web01.sock");
    let string = format!("raw:pipe={},name=web01", path.display());
    (UnixPeer::listen(&path), string)
}

#[test]
fn a_session_crosses_a_network() {
    let Some(machines) = Machines::new("network") else {
        return;
    };
    let (here, there) = (Home::new(), Home::new());
    let (peer, target) = target(&here);
    let mut host = machines.kdeck(0, &here, &["-k", &target, "--name", "owner"]);
    let mut line = peer.accept();
    host.wait_state("web01", "running");
    host.done(&format!(".server tcp:port={PORT},password={PASSWORD}"));
    let text = host.done(&format!(".server ssl:port={SSL_PORT},password={PASSWORD}"));
    let fingerprint = text
        .split_whitespace()
        .find(|word| word.starts_with("SHA256:"));
    let fingerprint = fingerprint.expect(&text).to_owned();

    // The other machine finds them.
    let listed = format!(
        "Servers on {HERE}:\nDebugger Server - tcp:Port={PORT},Password=*\n\
         Debugger Server - ssl:Port={SSL_PORT},Password=*\n"
    );
    let deadline = Deadline::soon();
    loop {
        let found = machines.run(1, &there, &["-QR", HERE]);
        if String::from_utf8_lossy(&found.stdout) == listed {
            break;
        }
        assert!(deadline.left().is_some(), "{found:?}");
    }

    let tcp = format!("tcp:server={HERE},port={PORT},password={PASSWORD}");
    let ssl = format!("ssl:server={HERE},port={SSL_PORT},password={PASSWORD}");
    let refused = machines.run(1, &there, &["--headless", "-remote", &ssl]);
    let refused = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        refused.contains(&format!("certuser={fingerprint}")),
        "{refused}"
    );
    let ssl = format!("{ssl},certuser={fingerprint}");
    let mut clients = [("alice", &tcp), ("bob", &ssl)].map(|(name, string)| {
        let client = machines.kdeck(1, &there, &["-remote", string, "--name", name]);
        client.wait_state("web01", "running");
        client
    });
    line.send("hello\n");
    for client in &mut clients {
        client.wait_output("web01", "hello");
        client.done("@web01 uptime");
        assert_eq!(line.line(), "uptime");
    }
    let everybody = host.done(".clients");
    for who in ["operator, tcp", "operator, ssl"] {
        let from = format!("{who} {THERE}:");
        assert!(everybody.contains(&from), "{everybody}");
    }

    // The cable is out for a moment: nothing is missing afterwards.
    machines.cable(false);
    line.send(
        (0..100)
            .map(|number| format!("line {number}\n"))
            .collect::<String>(),
    );
    host.wait_output("web01", "line 99");
    machines.cable(true);
    for client in &clients {
        client.wait_output("web01", "line 99");
        assert_eq!(lines_of(client), lines_of(&host));
    }
}

#[test]
fn a_host_calls_a_client_that_waits() {
    let Some(machines) = Machines::new("clicon") else {
        return;
    };
    for transport in ["tcp", "ssl"] {
        let (here, there) = (Home::new(), Home::new());
        let (peer, target) = target(&here);
        let mut host = machines.kdeck(0, &here, &["-k", &target]);
        let mut line = peer.accept();
        host.wait_state("web01", "running");
        let server = format!(".server {transport}:port={PORT},clicon={THERE},password={PASSWORD}");
        let refused = host.refused(&server);
        assert!(refused.contains("the client waits first"), "{refused}");

        let mut client = format!("{transport}:clicon={HERE},port={PORT},password={PASSWORD}");
        if transport == "ssl" {
            let known = host.done(".server spipe:pipe=lab");
            let fingerprint = known
                .split_whitespace()
                .find(|word| word.starts_with("SHA256:"));
            client.push_str(&format!(",certuser={}", fingerprint.expect(&known)));
        }
        let mut client = machines.kdeck(1, &there, &["-remote", &client, "--name", "bob"]);
        let deadline = Deadline::soon();
        // It may not wait yet.
        let mut said = host.ask(&server);
        while !said.ok() {
            assert!(deadline.left().is_some(), "{said:?}");
            said = host.ask(&server);
        }
        assert!(said.text().contains(&format!("Called {THERE}")), "{said:?}");
        client.wait_state("web01", "running");
        line.send("hello\n");
        client.wait_output("web01", "hello");
        client.done("@web01 uptime");
        assert_eq!(line.line(), "uptime");
        client.finish();
        host.finish();
    }
}
