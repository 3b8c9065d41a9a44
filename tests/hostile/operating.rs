//! Operators steer targets; files and programs of the host are not theirs unless its configuration says so.

use kdeck::proto::session::message::ToClient;
use kdeck::target::Request;

use crate::attacker::Attacker;
use crate::support::home::Home;
use crate::support::ports::free_port;
use crate::{Lab, PASSWORD, VIEW_PASSWORD, wait_for_text};

/// Lines that use files or run programs of the host, or open it to anybody.
fn lines() -> Vec<String> {
    let files = [
        ".shell touch written",
        "@t .save written",
        ".save written",
        ".reload",
        "@k .writemem written 1000 L8",
        "@k .readmem written 1000",
        // Typed as text, in lists, in any case of letters.
        "@k ..writemem written 1000 L8",
        "@k r;.writemem written 1000 L8",
        "@k r; .WriteMem written 1000 L8; r",
        "@k .prompt .readmem written 1000",
        "@k  .readmem written 1000",
        ".add exec:touch written",
        ".add exec:touch written,name=x",
        ".add raw:pipe=/tmp/none,name=x",
        ".add com:port=/dev/null,baud=9600,name=x",
        ".add com:pipe,port=/tmp/none,name=x",
        ".add gdb:pipe=/tmp/none,name=x",
        ".server com:port=/dev/null,baud=9600,channel=1",
        ".device import written",
    ];
    let mut lines: Vec<String> = files.map(str::to_owned).into();
    let port = free_port();
    lines.push(format!(".add net:port={port},key=1.2.3.4,files=.,name=x"));
    let port = free_port();
    lines.push(format!(".server tcp:port={port},password=none"));
    lines.push(".noshell".to_owned());
    lines
}

/// A lab with a kernel that has not called yet.
fn lab(configuration: &str) -> Lab {
    let home = Home::new();
    home.configure(configuration);
    let kernel = format!("net:port={},key=1.2.3.4,name=k", free_port());
    Lab::open_in(home, &["-k", &kernel])
}

#[test]
fn operators_touch_no_files_and_run_no_programs() {
    let lab = lab("");
    let mut mallory = Attacker::join(lab.host.home.path(), &lab.tcp(PASSWORD), "mallory");
    for line in lines() {
        let (ok, text) = mallory.submit(&line);
        assert!(!ok, "{line} was done: {text}");
        assert!(text.contains("[server] allow = "), "{line}: {text}");
    }
    let kernel = mallory.target("k");
    for text in [
        ".writemem written 1000 L8",
        "r;.readmem written 1000",
        ".READMEM written 1000",
    ] {
        for request in [
            Request::Line(text.to_owned()),
            Request::Debugger(text.to_owned()),
        ] {
            let answer = mallory.ask(kernel, request).expect_err("it is refused");
            assert!(answer.contains("[server] allow = "), "{text}: {answer}");
        }
    }
    assert!(!lab.host.home.path().join("written").exists());
    assert!(mallory.submit("@t steers all the same").0);
    lab.audit("command-refused person=\"mallory\" text=\".shell touch written\"");
}

#[test]
fn operators_get_what_the_configuration_allows_and_observers_do_not() {
    let lab = lab("[server]\nallow = [\"files\", \"programs\", \"open\"]\n");
    let home = lab.host.home.path();
    let mut mallory = Attacker::join(home, &lab.tcp(PASSWORD), "mallory");
    for line in lines() {
        let (_, text) = mallory.submit(&line);
        assert!(!text.contains("[server] allow = "), "{line}: {text}");
    }
    assert!(home.join("written").exists(), "it was made by .shell");
    let mut eve = Attacker::join(home, &lab.tcp(VIEW_PASSWORD), "eve");
    for line in [".shell touch again", "@t .save again", ".reload"] {
        let (ok, text) = eve.submit(line);
        assert!(!ok, "{line} was done: {text}");
    }
    assert!(!home.join("again").exists());
}

#[test]
fn what_operators_do_to_the_rack_is_told_and_does_not_touch_what_others_hold() {
    let mut lab = lab("");
    let home = lab.host.home.path().to_owned();
    let mut alice = Attacker::join(&home, &lab.tcp(PASSWORD), "alice");
    let mut mallory = Attacker::join(&home, &lab.tcp(PASSWORD), "mallory");
    assert!(alice.submit(".take t").0);
    let (ok, text) = mallory.submit("@t .remove");
    assert!(!ok && text.contains("alice holds t since"), "{text}");
    assert!(mallory.submit("@k .remove").0);
    let told = lab.host.wait("what she did", |event| {
        event.kind() == "notice" && event.text().contains("mallory")
    });
    assert_eq!(told.text(), "mallory typed @k .remove");
    lab.host.wait_state("k", "closed");
    // The owner is bound by nobody.
    lab.host.done("@t .remove");
}

#[test]
fn everybody_is_told_who_ended_the_session() {
    let lab = lab("");
    let home = lab.host.home.path().to_owned();
    let mut alice = Attacker::join(&home, &lab.tcp(PASSWORD), "alice");
    let mut mallory = Attacker::join(&home, &lab.tcp(PASSWORD), "mallory");
    mallory.submit_only(".qq");
    let reason = alice.wait("good bye", |message| match message {
        ToClient::Bye { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    let told = "mallory ended the session";
    assert_eq!(reason, told);
    let ended = lab.host.wait_end();
    assert!(ended.complaints.contains(told), "{}", ended.complaints);
    let audit = ended.home.path().join("state/audit.log");
    wait_for_text(&audit, &format!("ended because=\"{told}\""));
}

#[test]
fn the_shell_can_be_forbidden_for_good() {
    let mut lab = lab("[server]\nallow = [\"programs\"]\n");
    let mut mallory = Attacker::join(lab.host.home.path(), &lab.tcp(PASSWORD), "mallory");
    assert_eq!(mallory.submit(".shell echo one").1, "one");
    lab.host.done(".noshell");
    let (ok, text) = mallory.submit(".shell touch written");
    assert!(!ok && text.contains(".noshell"), "{text}");
    assert!(!lab.host.home.path().join("written").exists());
}
