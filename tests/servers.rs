//! Servers of a host, and what belongs to them: opening, listing and ending them, who joins, who steers, who may what,
//! finding servers, and the audit log.

mod support;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::Signal;
use support::deadline::Deadline;
use support::headless::{Event, Headless};
use support::home::Home;
use support::peer::{Connection, Peer, SerialLine};

/// The passwords of the servers here.
const OPERATOR: &str = "Lab12";
const OBSERVER: &str = "Watch34";

/// A port that nobody holds, and that the system gives nobody who connects somewhere: many tests run at once.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = std::process::id() * 64 + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(20_000 + number % 10_000).expect("below 30,000");
        if TcpListener::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
}

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

#[test]
fn a_server_prints_lines_to_paste_and_its_password_once() {
    let home = Home::new();
    home.configure("[server]\ndirectory = false\n");
    let mut host = Headless::start_in(home, &[]);
    let (first, second) = (free_port(), free_port());
    let text = host.done(&format!(".server tcp:port={first}"));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "Server started.  Client can connect with any of these command lines"
    );
    let start = format!("0: kdeck -remote tcp:Port={first},Password=");
    let password = lines[1].strip_prefix(&start).expect(lines[1]);
    let (password, machine) = password.split_once(",Server=").expect("the machine");
    assert!(password.len() >= 16 && !machine.is_empty(), "{text}");
    let text = host.done(&format!(".server ssl:port={second},password={OPERATOR}"));
    assert!(!text.contains(password), "{text}");
    assert!(
        text.contains(&format!(
            "\n1: kdeck -remote ssl:Port={second},Password={OPERATOR},Server={machine}"
        )),
        "{text}"
    );
    let role = host.wait("both servers are told", |event| {
        servers_of(event).len() == 2
    });
    assert_eq!(role.0["role"], "server");
    let listed = host.done(".servers");
    let expected = format!(
        "0 - Debugger Server - tcp:Port={first},Password=*\n1 - Debugger Server - ssl:Port={second},Password=*"
    );
    assert_eq!(listed, expected);
    // The line that was printed is one that can be typed.
    let string = format!("tcp:Port={first},Password={password},Server=127.0.0.1");
    let client = Headless::start(&["-remote", &string, "--name", "bob"]);
    host.wait("bob has joined", |event| {
        event.kind() == "person" && event.0["name"] == "bob"
    });
    drop(client);
    let ended = host.finish();
    let told: Vec<String> = ended
        .events
        .iter()
        .map(|event| event.0.to_string())
        .collect();
    let told = told.iter().filter(|event| event.contains(password)).count();
    assert_eq!(told, 1, "the password stands in the answer alone");
    let home = ended.home.path();
    let log = fs::read_to_string(home.join("state/audit.log")).expect("an audit log");
    assert!(!log.contains(password) && !log.contains(OPERATOR), "{log}");
}

#[test]
fn a_server_on_a_pipe_is_open_to_its_own_account_and_reached_by_ssh() {
    let mut host = Headless::start(&[]);
    let text = host.done(".server npipe:pipe=lab_%d");
    let pipe = format!("lab_{}", host.pid());
    assert!(
        text.contains(&format!("\n0: kdeck -remote npipe:Pipe={pipe},Server=")),
        "{text}"
    );
    assert!(text.contains("\n0: kdeck -remote ssh:Server="), "{text}");
    assert!(
        !text.contains("Password") && !text.contains("WARNING"),
        "{text}"
    );
    assert_eq!(
        host.done(".servers"),
        format!("0 - Debugger Server - npipe:Pipe={pipe}")
    );
    let refused = host.refused(&format!(".server npipe:pipe={pipe}"));
    assert!(refused.contains(&pipe), "{refused}");
    // A client over the same pipe, which needs no password.
    let mut client = host.home.kdeck();
    client
        .args([
            "--headless",
            "--json",
            "--name",
            "bob",
            "-remote",
            &format!("npipe:pipe={pipe}"),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    let mut client = client.spawn().expect("kdeck starts");
    host.wait("bob has joined", |event| {
        event.kind() == "person" && event.0["name"] == "bob"
    });
    let clients = host.done(".clients");
    assert!(
        clients
            .lines()
            .any(|line| line.contains("bob") && line.contains("npipe pid")),
        "{clients}"
    );
    drop(client.stdin.take());
    client.wait().expect("a child");
}

#[test]
fn one_host_has_servers_of_every_kind() {
    let home = Home::new();
    home.configure("[server]\ndirectory = false\n");
    let mut host = Headless::start_in(home, &[]);
    let line = SerialLine::open();
    let device = line.device.display();
    let (tcp, ssl) = (free_port(), free_port());
    for string in [
        format!("tcp:port={tcp}"),
        format!("ssl:port={ssl}"),
        "npipe:pipe=lab".to_owned(),
        "spipe:pipe=lab".to_owned(),
        format!("com:port={device},baud=9600,channel=7"),
    ] {
        let text = host.done(&format!(".server {string},password={OPERATOR}"));
        // A pipe has a line for SSH as well.
        let lines = if string.starts_with("npipe") { 2 } else { 1 };
        assert_eq!(text.matches(OPERATOR).count(), lines, "{text}");
    }
    let listed = format!(
        "0 - Debugger Server - tcp:Port={tcp},Password=*\n\
         1 - Debugger Server - ssl:Port={ssl},Password=*\n\
         2 - Debugger Server - npipe:Pipe=lab,Password=*\n\
         3 - Debugger Server - spipe:Pipe=lab,Password=*\n\
         4 - Debugger Server - com:Port={device},Baud=9600,Channel=7,Password=*"
    );
    assert_eq!(host.done(".servers"), listed);
    for id in 0..5 {
        host.done(&format!(".endsrv {id}"));
    }
    host.wait("it is a host again", |event| {
        event.kind() == "role" && event.0["role"] == "host"
    });
    // What they held is free again.
    for string in [
        format!("tcp:port={tcp}"),
        format!("com:port={device},baud=9600,channel=7"),
    ] {
        host.done(&format!(".server {string},password={OPERATOR}"));
    }
}

#[test]
fn what_anybody_may_join_is_said_to_be_open() {
    let home = Home::new();
    home.configure("[server]\ndirectory = false\n");
    let mut host = Headless::start_in(home, &[]);
    let port = free_port();
    let text = host.done(&format!(".server tcp:port={port},password=none"));
    assert!(text.contains("WARNING: password=none"), "{text}");
    assert!(
        host.done(".servers")
            .ends_with("Password=none OPEN TO ANYBODY")
    );
}

#[test]
fn a_server_that_cannot_be_opened_says_why() {
    let taken = TcpListener::bind("0.0.0.0:0").expect("a free port");
    let port = taken.local_addr().expect("it is bound").port();
    let server = format!("tcp:port={port},password={OPERATOR}");
    let mut host = Headless::start(&[]);
    let refused = host.refused(&format!(".server {server}"));
    assert!(
        refused.starts_with(&format!("tcp:Port={port},Password=*: ")) && refused.contains("in use"),
        "{refused}"
    );
    assert!(
        host.refused(".server net:port=50000,key=1.2.3.4")
            .contains("-k")
    );
    assert!(host.refused(".server").contains(".server tcp:"));
    // At the start it is an error of the command line's, and a complaint of the file's.
    let home = Home::new();
    let output = run(&home, &["--headless", "-server", &server]);
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        complaint.contains("in use") && !complaint.contains(OPERATOR),
        "{complaint}"
    );
    home.configure(&format!("[server]\nopen = ['{server}']\n"));
    let output = run(&home, &["--headless"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("in use"));
}

#[test]
fn an_ended_server_keeps_its_clients_until_they_leave() {
    let mut rig = rig("");
    let alice = rig.join("alice", OPERATOR);
    let told = rig.host.done(".endsrv 0");
    assert!(
        told.starts_with(
            "Server told to exit.  Actual exit may be delayed until\nthe next connection attempt."
        ),
        "{told}"
    );
    assert_eq!(rig.host.done(".servers"), "0 - <Disabled, exit pending>");
    assert!(rig.host.refused(".endsrv 1").contains("no server 1"));
    // Its number is not given to another one meanwhile.
    let text = rig.host.done(".server npipe:pipe=other");
    assert!(
        text.contains("\n1: kdeck") && !text.contains("\n0: "),
        "{text}"
    );
    let string = format!("tcp:Port={},Password={OPERATOR},Server=127.0.0.1", rig.port);
    let late = run(&Home::new(), &["--headless", "-remote", &string]);
    assert_ne!(late.status.code(), Some(0), "nobody new comes in");
    rig.host.forget();
    alice.finish();
    rig.host.wait("the server is gone", |event| {
        event.kind() == "role" && servers_of(event).len() == 1
    });
    assert!(rig.host.done(".servers").starts_with("1 - "));
}

#[test]
fn clients_of_an_ended_server_can_be_cut() {
    let mut rig = rig("");
    let alice = rig.join("alice", OPERATOR);
    let told = rig.host.done(".endsrv 0 /disconnect");
    assert!(told.contains("1 disconnected"), "{told}");
    let ended = alice.wait_end();
    assert!(
        ended.complaints.contains("server was ended"),
        "{}",
        ended.complaints
    );
    rig.host.wait("she has left", |event| {
        event.kind() == "person" && event.0["event"] == "left"
    });
}

#[test]
fn somebody_can_be_put_out() {
    let mut rig = rig("");
    let alice = rig.join("alice", OPERATOR);
    assert!(rig.host.refused(".kick nobody").contains("nobody"));
    assert!(rig.host.refused(".kick owner").contains("host itself"));
    rig.host.done(".kick alice lunch is over");
    let ended = alice.wait_end();
    assert!(
        ended.complaints.contains("lunch is over"),
        "{}",
        ended.complaints
    );
    rig.wait_audit(&[" left ", "alice", "lunch is over"]);
}

#[test]
fn everybody_is_listed_and_talks() {
    let rig = rig("");
    let mut alice = rig.join("alice", OPERATOR);
    let mut bob = rig.join("bob", OBSERVER);
    assert_eq!(bob.done(".names"), "owner alice bob");
    let who = bob.done(".who");
    assert!(
        who.contains("alice  operator") && who.contains("bob    observer"),
        "{who}"
    );
    let clients = alice.done(".clients");
    let lines: Vec<&str> = clients.lines().collect();
    assert_eq!(lines.len(), 3, "{clients}");
    assert!(
        lines[0].contains("\\owner, last active ")
            && lines[0].contains("[owner, at the host itself]")
    );
    assert!(
        lines[2].contains("[bob, observer, tcp 127.0.0.1:"),
        "{clients}"
    );
    assert!(lines[2].ends_with(", server 0]"), "{clients}");
    bob.done(".chat hello");
    rig.host.wait("bob says hello", |event| {
        event.kind() == "chat" && event.0["from"] == "bob" && event.text() == "hello"
    });
    bob.done(".msg alice psst");
    alice.wait("alice is told alone", |event| event.text() == "psst");
    alice.done(".me waves");
    rig.host
        .wait("alice waves", |event| event.text() == "waves");
    assert!(rig.host.events().iter().all(|event| event.text() != "psst"));
    assert!(bob.refused(".msg carol hi").contains("carol"));
}

#[test]
fn observers_change_nothing_and_operators_leave_the_machine_alone() {
    let rig = rig("");
    let mut alice = rig.join("alice", OPERATOR);
    let mut bob = rig.join("bob", OBSERVER);
    for line in [
        "@web01 reboot",
        "@web01 .break",
        ".server npipe:pipe=mine",
        ".endsrv 0",
        ".kick alice",
        "@web01 .take",
        ".shell id",
        "@web01 .save x",
        ".noshell",
    ] {
        let refused = bob.refused(line);
        assert!(refused.contains("observer"), "{line}: {refused}");
    }
    for line in [
        ".shell id",
        "@web01 .save x",
        ".reload",
        ".add exec:id",
        ".add raw:pipe=/tmp/x",
    ] {
        let refused = alice.refused(line);
        assert!(refused.contains("allow = ["), "{line}: {refused}");
    }
    let peer = Peer::listen();
    alice.done(&format!(".add {}", peer.raw("db01")));
    alice.done(".server npipe:pipe=hers");
    rig.wait_audit(&["command-refused", "person=\"bob\"", ".shell id"]);
    rig.wait_audit(&["command-refused", "person=\"alice\"", "exec:id"]);
    drop(rig.line);
}

#[test]
fn operators_use_programs_and_files_where_they_are_allowed_to() {
    let mut rig = rig("allow = ['programs', 'files']\n");
    let mut alice = rig.join("alice", OPERATOR);
    let mut bob = rig.join("bob", OBSERVER);
    assert_eq!(alice.done(".shell echo one; echo two >&2"), "one\ntwo");
    assert!(alice.refused(".shell exit 3").contains('3'));
    let flood = alice.refused(".shell yes");
    assert!(flood.contains("more than 64 KiB"), "{flood}");
    assert!(bob.refused(".shell id").contains("observer"));
    alice.done("@web01 .save saved.txt");
    rig.host.done(".noshell");
    assert!(alice.refused(".shell id").contains(".noshell"));
    assert!(rig.host.refused(".shell id").contains(".noshell"));
}

#[test]
fn a_program_ends_with_the_host() {
    let mut host = Headless::start(&[]);
    let file = host.home.path().join("pid");
    host.say(&format!(
        ".shell echo $$ > {}; sleep 1000 & wait",
        file.display()
    ));
    let deadline = Deadline::soon();
    let pid = loop {
        let text = fs::read_to_string(&file).unwrap_or_default();
        if let Some(pid) = text.strip_suffix('\n') {
            break pid.to_owned();
        }
        assert!(deadline.left().is_some(), "the program does not run");
        std::thread::yield_now();
    };
    host.signal(Signal::TERM);
    host.wait("its answer", |event| event.kind() == "reply" && !event.ok());
    host.wait_end();
    let group = pid.parse().ok().and_then(rustix::process::Pid::from_raw);
    let group = group.expect("a process id");
    while rustix::process::test_kill_process_group(group).is_ok() {
        assert!(deadline.left().is_some(), "what it started goes on");
        std::thread::yield_now();
    }
}

#[test]
fn a_taken_target_takes_input_of_one_alone() {
    let mut rig = rig("");
    let mut alice = rig.join("alice", OPERATOR);
    let mut bob = rig.join("bob", OPERATOR);
    alice.done(".take web01");
    assert!(rig.host.done("@web01 .status").contains("holder  alice"));
    let refused = bob.refused("@web01 reboot");
    assert!(refused.contains("alice holds web01 since"), "{refused}");
    alice.done("@web01 uptime");
    assert_eq!(rig.line.line(), "uptime");
    alice.forget();
    assert!(bob.refused("@web01 .take").contains("was asked"));
    alice.wait("alice is asked", |event| {
        event.text().contains("bob asks alice for web01")
    });
    assert!(bob.refused("@web01 .take /force").contains("owner"));
    rig.host.done("@web01 .take /force");
    alice.wait("alice is told by whom", |event| {
        event.text().contains("owner took web01 from alice")
    });
    assert!(alice.refused("@web01 uptime").contains("owner holds"));
    assert!(alice.refused(".release web01").contains("owner holds"));
    rig.host.done(".release web01");
    // Who leaves holds nothing.
    bob.done(".take web01");
    rig.host.forget();
    bob.finish();
    rig.host.wait_notice("web01", "is nobody's again");
    alice.done("@web01 uptime");
}

#[test]
fn two_who_type_at_once_are_told() {
    let mut rig = rig("");
    let mut alice = rig.join("alice", OPERATOR);
    alice.done("@web01 one");
    rig.host.done("@web01 two");
    let told = alice.wait_notice("web01", "at the same time");
    assert!(told.text().contains("owner and alice"), "{told:?}");
}

#[test]
fn the_audit_log_tells_who_did_what_and_no_secrets() {
    let mut rig = rig("");
    let mut alice = rig.join("alice", OPERATOR);
    let string = format!("tcp:Port={},Password=guess,Server=127.0.0.1", rig.port);
    let stranger = run(
        &Home::new(),
        &["--headless", "-remote", &string, "--name", "eve"],
    );
    assert_ne!(stranger.status.code(), Some(0));
    alice.done("@web01 uptime");
    rig.line.send("Password: ");
    alice.wait("the prompt", |event| event.text() == "Password: ");
    alice.done("@web01 hunter2");
    alice.done(".server npipe:pipe=hers,password=Secret9");
    alice.done(".endsrv 1");
    alice.finish();
    rig.wait_audit(&["joined", "person=\"owner\"", "from=\"the host itself\""]);
    rig.wait_audit(&["server-opened", "server=\"0\"", "Password=*"]);
    rig.wait_audit(&[
        "joined",
        "person=\"alice\"",
        "operator",
        "tcp 127.0.0.1:",
        "server=\"0\"",
    ]);
    rig.wait_audit(&["refused", "wrong-password", "eve"]);
    rig.wait_audit(&["command ", "alice", "target=\"web01\"", "uptime"]);
    rig.wait_audit(&["command ", "alice", "(not shown)"]);
    rig.wait_audit(&["command ", "alice", ".server npipe:pipe=hers,password=*"]);
    rig.wait_audit(&["server-ended", "server=\"1\""]);
    rig.wait_audit(&["left", "alice"]);
    let log = rig.audit();
    for secret in ["hunter2", "Secret9", "guess", OPERATOR, OBSERVER] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
    let path = rig.host.home.path().join("state/audit.log");
    let mode = fs::metadata(path)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let ended = rig.host.finish();
    let log = fs::read_to_string(ended.home.path().join("state/audit.log")).expect("a log");
    assert!(log.trim_end().ends_with(" ended"), "{log}");
}

#[test]
fn a_host_that_nobody_can_join_keeps_no_audit_log() {
    let mut host = Headless::start(&[]);
    host.done(".chat hello");
    let ended = host.finish();
    assert!(!ended.home.path().join("state/audit.log").exists());
}

#[test]
fn servers_of_this_machine_are_found_unless_they_are_hidden() {
    let home = Home::new();
    home.configure("[server]\ndirectory = false\n");
    let mut host = Headless::start_in(home, &[]);
    let (shown, hidden) = (free_port(), free_port());
    host.done(&format!(".server tcp:port={shown},password={OPERATOR}"));
    host.done(&format!(
        ".server tcp:port={hidden},password={OPERATOR},hidden"
    ));
    host.done(".server npipe:pipe=MainPipe");
    let query = |home: &Home| {
        let output = run(home, &["-QR", "."]);
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).expect("text")
    };
    let expected = format!(
        "Servers on .:\nDebugger Server - tcp:Port={shown},Password=*\nDebugger Server - npipe:Pipe=MainPipe\n"
    );
    assert_eq!(query(&host.home), expected);
    host.done(".endsrv 0");
    assert_eq!(
        query(&host.home),
        "Servers on .:\nDebugger Server - npipe:Pipe=MainPipe\n"
    );
    // A host that is killed takes nothing away, and leaves nothing behind.
    host.signal(Signal::KILL);
    let ended = host.wait_end();
    assert_eq!(query(&ended.home), "Servers on .:\n");
}

#[test]
fn another_machine_is_asked_at_its_port_and_another_process_takes_over() {
    let home = Home::new();
    let (directory, port, other) = (free_port(), free_port(), free_port());
    home.configure(&format!("[server]\ndirectory = {directory}\n"));
    // An address of this machine that is not taken for it: as from elsewhere.
    let ask = |home: &Home| run(home, &["-QR", "::ffff:127.0.0.1"]);
    let nobody = ask(&home);
    assert_eq!(nobody.status.code(), Some(1));
    let complaint = String::from_utf8_lossy(&nobody.stderr).into_owned();
    assert!(
        complaint.contains(&format!("connecting to port {directory}")),
        "{complaint}"
    );
    let mut host = Headless::start_in(home, &[]);
    host.done(&format!(".server tcp:port={port},password={OPERATOR}"));
    let wait_for = |home: &Home, wanted: &str| {
        let deadline = Deadline::soon();
        loop {
            let answer = String::from_utf8_lossy(&ask(home).stdout).into_owned();
            if answer.contains(wanted) {
                return answer;
            }
            assert!(deadline.left().is_some(), "{wanted} is not in {answer}");
        }
    };
    let answer = wait_for(&host.home, &format!("tcp:Port={port},Password=*\n"));
    assert!(
        answer.starts_with("Servers on ::ffff:127.0.0.1:\n"),
        "{answer}"
    );
    // A second process of the same account.
    let mut second = host.home.kdeck();
    let server = format!("tcp:port={other},password={OPERATOR}");
    second
        .args(["-noio", "-server", &server])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut second = second.spawn().expect("kdeck starts");
    wait_for(&host.home, &format!("tcp:Port={other},Password=*\n"));
    host.done(".endsrv 0");
    let answer = wait_for(&host.home, &format!("tcp:Port={other},Password=*\n"));
    assert!(!answer.contains(&format!("Port={port},")), "{answer}");
    second.kill().expect("it runs");
    second.wait().expect("a child");
}

#[test]
fn a_process_without_input_and_output_serves() {
    let home = Home::new();
    home.configure("[server]\ndirectory = false\n");
    let port = free_port();
    let server = format!("tcp:port={port},password={OPERATOR}");
    let mut host = home.kdeck();
    host.args(["-noio", "-server", &server])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut host = host.spawn().expect("kdeck starts");
    let string = format!("tcp:Port={port},Password={OPERATOR},Server=127.0.0.1");
    let deadline = Deadline::soon();
    loop {
        let home = Home::new();
        let client = run(&home, &["--headless", "-remote", &string]);
        if client.status.code() == Some(0) {
            break;
        }
        assert!(deadline.left().is_some(), "{client:?}");
    }
    host.kill().expect("it runs");
    let output = host.wait_with_output().expect("a child");
    assert!(output.stdout.is_empty(), "{output:?}");
}

#[test]
fn a_role_tells_what_another_one_takes() {
    let mut rig = rig("");
    let needs = rig.host.refused(".role client");
    assert!(needs.contains("end 1 target and server 0 first"), "{needs}");
    assert!(rig.host.refused(".role host").contains(".endsrv"));
    assert!(rig.host.done(".role").starts_with("server: "));
    let mut alice = rig.join("alice", OPERATOR);
    assert!(alice.done(".role").starts_with("client: "));
    assert!(alice.refused(".role server").contains(".remote_exit"));
}
