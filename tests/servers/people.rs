//! Who is here, who steers, who may what, and what is recorded of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;

use super::support::deadline::Deadline;
use super::support::headless::Headless;
use super::support::home::Home;
use super::support::peer::Peer;
use super::{OBSERVER, OPERATOR, rig, run};

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
    assert_eq!(ended.code(), 1, "{ended:?}");
    rig.wait_audit(&[" left ", "alice", "lunch is over"]);
}

#[test]
fn who_leaves_or_is_there_to_the_end_has_not_failed() {
    let rig = rig("");
    let mut alice = rig.join("alice", OPERATOR);
    let bob = rig.join("bob", OBSERVER);
    alice.say(".remote_exit");
    let left = alice.wait_end();
    assert_eq!((left.code(), left.complaints.as_str()), (0, ""));
    rig.host.finish();
    let ended = bob.wait_end();
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert!(ended.complaints.contains("the host ended"), "{ended:?}");
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
    // By the account, with the name behind it, or by the name where there is no account.
    let by_account = lines[2].contains("[bob, observer, tcp 127.0.0.1:");
    let by_name = lines[2].contains("\\bob, ") && lines[2].contains("[observer, tcp 127.0.0.1:");
    assert!(by_account || by_name, "{clients}");
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
    // It comes as late as the host itself, not as the threads that serve clients.
    assert_eq!(alice.done(".shell nice"), rig.host.done(".shell nice"));
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
        event.text().contains("owner took it from alice")
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
