//! Finding servers: `-QR`, on this machine and as from another.

use std::io::BufRead as _;
use std::process::Stdio;

use rustix::process::Signal;

use super::support::deadline::Deadline;
use super::support::headless::Headless;
use super::support::home::Home;
use super::support::ports::free_port;
use super::{OPERATOR, run};

#[test]
fn servers_of_this_machine_are_found_unless_they_are_hidden() {
    let home = Home::new();
    home.configure(&format!("[server]\ndirectory = {}\n", free_port()));
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
    // Looking is no visit: there is nothing of it in the log.
    let audit = std::fs::read_to_string(host.home.path().join("state/audit.log"));
    let audit = audit.expect("the log of a host with servers");
    assert!(!audit.contains("refused"), "{audit}");
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
fn servers_of_two_accounts_are_found_by_both_and_from_elsewhere() {
    let (directory, ports) = (free_port(), [free_port(), free_port()]);
    let hosts = ports.map(|port| {
        let home = Home::new();
        home.configure(&format!("[server]\ndirectory = {directory}\n"));
        let mut host = Headless::start_in(home, &[]);
        host.done(&format!(".server tcp:port={port},password={OPERATOR}"));
        host
    });
    let listed = |home: &Home, machine: &str| {
        let answer = run(home, &["-QR", machine]).stdout;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        ports.map(|port| {
            answer
                .matches(&format!("tcp:Port={port},Password=*\n"))
                .count()
        })
    };
    for host in &hosts {
        for machine in [".", "::ffff:127.0.0.1"] {
            let deadline = Deadline::soon();
            while listed(&host.home, machine) != [1, 1] {
                let left = deadline.left();
                assert!(left.is_some(), "{:?}", listed(&host.home, machine));
            }
        }
    }
    let [first, second] = hosts;
    drop(first);
    let deadline = Deadline::soon();
    while listed(&second.home, "::ffff:127.0.0.1") != [0, 1] {
        assert!(deadline.left().is_some(), "nobody took over");
    }
}

#[test]
fn who_wants_a_port_that_another_kdeck_has_is_told_how_to_join_it() {
    let (directory, port, server) = (free_port(), free_port(), free_port());
    let home = Home::new();
    home.configure(&format!("[server]\ndirectory = {directory}\n"));
    let target = format!("raw:listen,port={port},name=t");
    let mut host = Headless::start_in(home, &["-k", &target]);
    host.wait_state("t", "waiting");
    host.done(&format!(".server tcp:port={server},password={OPERATOR}"));
    for wanted in [port, server] {
        let second = format!("raw:listen,port={wanted},name=second");
        let mut second = host
            .home
            .kdeck()
            .args(["-headless", "-json", "-k", &second])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("kdeck starts");
        let offered = format!("kdeck -remote tcp:Port={server},Server=localhost");
        let output = second.stdout.take().expect("it is a pipe");
        let mut lines = std::io::BufReader::new(output).lines();
        let told = lines.find_map(|line| line.ok().filter(|line| line.contains("port is in use")));
        // It tries again as long as it lives.
        second.kill().expect("it runs");
        second.wait().expect("a child");
        let told = told.expect("it says why");
        assert!(told.contains(&offered), "{told}");
    }
}
