//! Sessions through SSH: OpenSSH's server on a port of its own, and its client as kdeck starts it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::rig::can_run;
use crate::support::background::Background;
use crate::support::deadline::Deadline;
use crate::support::headless::{Event, Headless};
use crate::support::home::{Home, KDECK};
use crate::support::peer::Peer;
use crate::support::ports::free_port;

const PROGRAMS: [&str; 3] = ["ssh", "ssh-keygen", "sshd"];

/// Where systems have the server, which only starts by its whole path.
const SERVERS: [&str; 2] = ["/usr/sbin/sshd", "/usr/bin/sshd"];

/// The server, with keys of its own, for the account that tests. It lets in one of the two keys that `place` has.
struct Sshd {
    place: TempDir,
    port: u16,
    _server: Background,
}

impl Sshd {
    /// On a machine that has kdeck's places in that home.
    fn start(home: &Home) -> Self {
        let place = tempfile::tempdir().expect("a directory");
        let file = |name: &str| place.path().join(name).display().to_string();
        for name in ["host", "known", "stranger"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f", &file(name)])
                .stdin(Stdio::null())
                .status();
            assert!(made.expect("ssh-keygen starts").success());
        }
        let port = free_port();
        fs::copy(file("known.pub"), file("authorized")).expect("a key was made");
        let host = fs::read_to_string(file("host.pub")).expect("a key was made");
        fs::write(file("hosts"), format!("[127.0.0.1]:{port} {host}")).expect("a file");
        let variables = home.variables();
        let variables = variables
            .iter()
            .map(|(name, value)| format!("{name}={}", value.display()));
        let variables: Vec<String> = variables.collect();
        let settings = [
            "ListenAddress 127.0.0.1".to_owned(),
            format!("Port {port}"),
            format!("HostKey {}", file("host")),
            format!("AuthorizedKeysFile {}", file("authorized")),
            format!("SetEnv {}", variables.join(" ")),
            "AuthenticationMethods publickey".to_owned(),
            "PermitRootLogin yes".to_owned(),
            "PidFile none".to_owned(),
            // The directory for all is no private one.
            "StrictModes no".to_owned(),
            "UsePAM no".to_owned(),
        ];
        fs::write(file("config"), settings.join("\n")).expect("a file");
        if rustix::process::geteuid().is_root() {
            // It wants this one as root, and has it from whatever starts it with the system.
            fs::create_dir_all("/run/sshd").expect("root may");
        }
        let program = SERVERS
            .iter()
            .find(|path| fs::exists(path).unwrap_or(false));
        let mut command = Command::new(program.expect("it is there"));
        command.args(["-D", "-f", &file("config"), "-E", &file("log")]);
        let mut server = Background::start(&mut command);
        let deadline = Deadline::soon();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = fs::read_to_string(file("log")).unwrap_or_default();
            let ended = server.0.try_wait().expect("a child");
            assert!(ended.is_none() && deadline.left().is_some(), "{log}");
            std::thread::yield_now();
        }
        Self {
            place,
            port,
            _server: server,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// A home whose kdeck uses that key, and knows the servers of that file.
    fn home(&self, key: &str, hosts: &str) -> Home {
        let option = |name: &str, value: &str| format!("'-o', '{name}={value}'");
        let options = [
            option("IdentitiesOnly", "yes"),
            option("StrictHostKeyChecking", "yes"),
            option("IdentityFile", &self.file(key).display().to_string()),
            option(
                "UserKnownHostsFile",
                &self.file(hosts).display().to_string(),
            ),
            option("GlobalKnownHostsFile", "none"),
        ];
        let home = Home::new();
        home.configure(&format!(
            "[server]\nssh = ['ssh', '-F', 'none', {}]\nssh_remote = '{KDECK}'\n",
            options.join(", ")
        ));
        home
    }

    fn string(&self, pipe: &str) -> String {
        format!("ssh:server=127.0.0.1,port={},pipe={pipe}", self.port)
    }

    /// Why kdeck in that home cannot join.
    fn refused(&self, home: Home, pipe: &str) -> String {
        let client = Headless::start_in(home, &["-remote", &self.string(pipe)]);
        let ended = client.finish();
        assert_eq!(ended.code(), 1, "{}", ended.complaints);
        ended.complaints
    }
}

fn is_person(event: &Event, what: &str, name: &str) -> bool {
    event.kind() == "person" && event.0["event"] == what && event.0["name"] == name
}

#[test]
fn a_session_is_joined_through_ssh() {
    if !can_run("ssh", &PROGRAMS) {
        return;
    }
    let peer = Peer::listen();
    let mut host = Headless::watching([peer.raw("web01")]);
    let mut line = peer.accept();
    host.wait_state("web01", "running");
    host.done(".server npipe:pipe=lab");
    line.send("before\n");
    host.wait_output("web01", "before");

    let sshd = Sshd::start(&host.home);
    let string = sshd.string("lab");
    let home = sshd.home("known", "hosts");
    let mut client = Headless::start_in(home, &["-remote", &string, "--name", "bob"]);
    client.wait_output("web01", "before");
    host.wait("bob has joined", |event| is_person(event, "joined", "bob"));
    line.send("after\n");
    client.wait_output("web01", "after");
    client.done("@web01 uptime");
    assert_eq!(line.line(), "uptime");
    let clients = host.done(".clients");
    assert!(clients.contains("[bob, operator, npipe pid"), "{clients}");
    // A flood comes through whole and in order.
    let lines: Vec<String> = (0..5000).map(|number| format!("line {number}")).collect();
    line.send(format!("{}\n", lines.join("\n")));
    client.wait_output("web01", "line 4999");
    let events = client.events();
    let came = events.iter().filter(|event| {
        event.is_output("web01") && !event.is_partial() && event.text().starts_with("line ")
    });
    assert!(came.map(Event::text).eq(&lines));
    client.finish();
    host.wait("bob has left", |event| is_person(event, "left", "bob"));
    assert!(host.done(".names").ends_with("tester"));
}

#[test]
fn what_is_in_the_way_of_ssh_is_explained() {
    if !can_run("ssh", &PROGRAMS) {
        return;
    }
    let mut host = Headless::start(&[]);
    host.done(".server npipe:pipe=lab");
    let sshd = Sshd::start(&host.home);
    let refused = sshd.refused(sshd.home("stranger", "hosts"), "lab");
    assert!(
        refused.contains("through SSH to 127.0.0.1: ")
            && refused.contains("Permission denied (publickey)"),
        "{refused}"
    );
    let refused = sshd.refused(sshd.home("known", "none"), "lab");
    assert!(
        refused.contains("Host key verification failed"),
        "{refused}"
    );
    let refused = sshd.refused(sshd.home("known", "hosts"), "other");
    assert!(refused.contains("other"), "{refused}");
    host.done(".endsrv 0");
    let refused = sshd.refused(sshd.home("known", "hosts"), "lab");
    assert!(refused.contains("lab"), "{refused}");
}
