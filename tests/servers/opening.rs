//! Opening, listing and ending servers.

use std::fs;
use std::net::TcpListener;
use std::process::Stdio;

use super::support::deadline::Deadline;
use super::support::headless::Headless;
use super::support::home::Home;
use super::support::peer::SerialLine;
use super::support::ports::free_port;
use super::{OPERATOR, rig, run, servers_of};

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
