//! kdeck.toml in use: found, checked, read again; and what the program tells of itself.

mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use support::background::Background;
use support::headless::Headless;
use support::home::Home;
use support::peer::Peer;
use support::ports::free_port;

fn run_in(home: &Home, arguments: &[&str]) -> Output {
    let mut command = home.kdeck();
    command.args(arguments).stdin(Stdio::null());
    command.output().expect("kdeck starts")
}

/// What it printed, having ended well.
fn printed(home: &Home, arguments: &[&str]) -> String {
    let output = run_in(home, arguments);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {complaints}");
    String::from_utf8(output.stdout).expect("it prints text")
}

/// A target's table.
fn table(name: &str, peer: &Peer, more: &str) -> String {
    let port = peer.port();
    format!(
        "[[target]]\nname = \"{name}\"\nconnect = \"raw:server=127.0.0.1,port={port}\"\n{more}\n"
    )
}

#[test]
fn targets_come_from_the_file_with_their_groups_and_then_from_the_command_line() {
    let home = Home::new();
    let peers: Vec<Peer> = (0..3).map(|_| Peer::listen()).collect();
    let [a, b] = [&peers[0], &peers[1]].map(Peer::port);
    home.configure(&format!(
        "[[target]]\nname = \"web{{01,02}}\"\nconnect = \"raw:server=127.0.0.1,port={{{a},{b}}}\"\ngroup = \"web\"\n"
    ));
    let mut kdeck = Headless::start_in(home, &["-k", &peers[2].raw("db")]);
    let mut lines: Vec<_> = peers.iter().map(Peer::accept).collect();
    for name in ["web01", "web02", "db"] {
        kdeck.wait_state(name, "running");
    }
    kdeck.say("@web who");
    kdeck.say("@all all");
    assert_eq!(
        (lines[0].line(), lines[0].line()),
        ("who".into(), "all".into())
    );
    assert_eq!(
        (lines[1].line(), lines[1].line()),
        ("who".into(), "all".into())
    );
    assert_eq!(lines[2].line(), "all");
    let order: Vec<String> = kdeck.events()[1..4]
        .iter()
        .map(|event| event.target().to_owned())
        .collect();
    assert_eq!(order, ["web01", "web02", "db"]);
}

#[test]
fn another_file_can_be_named() {
    let home = Home::new();
    home.configure("not even TOML");
    let peer = Peer::listen();
    let file = home.path().join("other.toml");
    fs::write(file, table("a", &peer, "")).expect("a file");
    let kdeck = Headless::start_in(home, &["--config", "other.toml"]);
    peer.accept();
    kdeck.wait_state("a", "running");
}

#[test]
fn a_reload_adds_changes_and_removes_and_leaves_the_rest_alone() {
    let home = Home::new();
    let [stays, goes, moves, comes, moved] = [(); 5].map(|()| Peer::listen());
    let added = Peer::listen();
    home.configure(
        &[
            table("stays", &stays, ""),
            table("goes", &goes, ""),
            table("moves", &moves, ""),
        ]
        .concat(),
    );
    let mut kdeck = Headless::start_in(home, &[]);
    let (mut staying, mut going, mut moving) = (stays.accept(), goes.accept(), moves.accept());
    for name in ["stays", "goes", "moves"] {
        kdeck.wait_state(name, "running");
    }
    moving.send("before the move\n");
    kdeck.wait_output("moves", "before the move");
    kdeck.done(&format!(".add {}", added.raw("added")));
    added.accept();

    let tables = [
        table("stays", &stays, "group = \"new\""),
        table("comes", &comes, ""),
        table("moves", &moved, ""),
    ];
    kdeck.home.configure(&tables.concat());
    let told = kdeck.done(".reload");
    for name in ["goes", "moves", "comes"] {
        assert!(told.contains(name), "{told}");
    }
    going.wait_close();
    moving.wait_close();
    comes.accept();
    let mut moving = moved.accept();
    moving.send("after the move\n");
    kdeck.wait_output("moves", "after the move");
    assert!(kdeck.done("@moves .find the move").starts_with("2 lines"));
    assert!(kdeck.refused("@goes hello").contains("no target"));
    assert!(kdeck.done(".targets").contains("added"));
    // The connection is the one it had, and the new group reaches it.
    kdeck.done("@new same connection");
    assert_eq!(staying.line(), "same connection");
    let connected = kdeck.events().into_iter();
    let connected = connected.filter(|event| event.is_state("stays", "running"));
    assert_eq!(connected.count(), 1);
    assert_eq!(kdeck.done(".reload"), kdeck.done(".reload"));
}

#[test]
fn a_reload_of_a_broken_file_changes_nothing() {
    let home = Home::new();
    let peer = Peer::listen();
    home.configure(&table("a", &peer, ""));
    let mut kdeck = Headless::start_in(home, &[]);
    let mut line = peer.accept();
    kdeck.wait_state("a", "running");
    kdeck
        .home
        .configure("[[target]]\nconect = \"raw:server=lab1,port=1\"\n");
    let reason = kdeck.refused(".reload");
    assert!(reason.contains("kdeck.toml:2:1"), "{reason}");
    assert!(reason.contains("did you mean `connect`"), "{reason}");
    kdeck.done("@a still here");
    assert_eq!(line.line(), "still here");
    kdeck.home.configure(&table("a", &peer, ""));
    kdeck.done(".reload");
}

#[test]
fn targets_are_added_and_removed_while_it_runs() {
    let (a, b) = (Peer::listen(), Peer::listen());
    let mut kdeck = Headless::watching([a.raw("a")]);
    let _line = a.accept();
    kdeck.done(&format!(".add {}", b.raw("b")));
    let mut line = b.accept();
    kdeck.wait_state("b", "running");
    // A name that is there is given another link, as on the command line; it is kept once.
    let moved = Peer::listen();
    assert!(
        kdeck
            .done(&format!(".add {}", moved.raw("b")))
            .contains("changed b")
    );
    line.wait_close();
    let mut line = moved.accept();
    kdeck.done(".reload");
    assert!(kdeck.refused(".add raw:sever=x").contains("^^^^^"));
    kdeck.done("@b .remove");
    line.wait_close();
    assert!(kdeck.refused("@b hello").contains("no target"));
}

#[test]
fn logs_are_stamped_by_the_line_and_switched_off_by_target() {
    let home = Home::new();
    let (a, b) = (Peer::listen(), Peer::listen());
    home.configure(&[table("a", &a, ""), table("b", &b, "log = false")].concat());
    let mut kdeck = Headless::start_in(home, &[]);
    let (mut to_a, mut to_b) = (a.accept(), b.accept());
    to_a.send("one\r\ntwo\n");
    to_b.send("three\n");
    kdeck.wait_output("a", "two");
    kdeck.wait_output("b", "three");
    kdeck.done("@a typed");
    let home = kdeck.finish().home;
    let log = home.log("a");
    for (line, text) in log
        .lines()
        .filter(|line| !line.contains("connect"))
        .zip(["one", "two", "typed"])
    {
        let (stamp, rest) = line.split_once(' ').expect("a stamp");
        stamp.parse::<jiff::Timestamp>().expect("an ISO time");
        assert!(rest.ends_with(text), "{log}");
    }
    assert!(log.contains(" one\n") && !log.contains('\r'), "{log:?}");
    assert_eq!(home.log_files("b"), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_check_says_that_a_file_is_in_order_or_what_of_this_machine_is_missing() {
    let home = Home::new();
    let peer = Peer::listen();
    home.configure(&table("a", &peer, ""));
    assert!(printed(&home, &["check"]).contains("kdeck.toml: in order"));

    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = holder.local_addr().expect("an address").port();
    let taken = home.path().join("taken.toml");
    fs::write(
        &taken,
        format!("[[target]]\nconnect = \"raw:listen,bind=127.0.0.1,port={port}\"\n"),
    )
    .expect("a file");
    let output = run_in(&home, &["check", "taken.toml"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("taken.toml:2:11: error"), "{told}");
    assert!(told.contains(&port.to_string()), "{told}");

    let output = run_in(&home, &["check", "nowhere.toml"]);
    assert_eq!(output.status.code(), Some(2));
    fs::remove_file(home.path().join("kdeck.toml")).expect("the file");
    let output = run_in(&home, &["check"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("no kdeck.toml here"), "{told}");
}

#[test]
fn a_warning_does_not_keep_it_from_starting() {
    let home = Home::new();
    let peer = Peer::listen();
    home.configure(&table(
        "a",
        &peer,
        "[[target]]\nname = \"g\"\nconnect = \"gdb:server=lab1,port=1234\"",
    ));
    let kdeck = Headless::start_in(home, &[]);
    let _line = peer.accept();
    kdeck.wait_state("a", "running");
    let ended = kdeck.finish();
    assert_eq!(ended.code(), 0);
    assert!(ended.complaints.contains("warning"), "{}", ended.complaints);
}

#[test]
fn the_sample_configurations_are_in_order_but_for_this_machine() {
    let home = Home::new();
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    for entry in fs::read_dir(examples).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|end| end == "toml") {
            let path = path.to_str().expect("a plain name");
            printed(&home, &["check", path]);
        }
    }
}

#[test]
fn it_tells_its_paths() {
    let home = Home::new();
    home.configure("");
    let paths = printed(&home, &["paths"]);
    let state = home.path().join("state");
    assert!(
        paths.contains(state.to_str().expect("a plain name")),
        "{paths}"
    );
    assert!(paths.contains("kdeck.toml\n"), "{paths}");
    assert!(!state.exists(), "telling makes no directories");
}

#[test]
fn every_file_that_a_host_with_everything_makes_is_among_its_paths() {
    let home = Home::new();
    let (peer, port, other) = (Peer::listen(), free_port(), free_port());
    home.configure(&format!(
        "{}[log]\ndirectory = \"elsewhere\"\n",
        table("a", &peer, "")
    ));
    let told = printed(&home, &["paths"]);
    let named: Vec<PathBuf> = told
        .lines()
        .filter(|line| !line.starts_with("state "))
        .filter_map(|line| Some(PathBuf::from(&line[line.find('/')?..])))
        .collect();
    let server = format!("ssl:port={port},password=Lab12");
    let mut host = Headless::start_in(
        home.clone(),
        &["-server", &server, "-server", "npipe:pipe=lab"],
    );
    let mut line = peer.accept();
    line.send("hello\n");
    host.wait_state("a", "running");
    host.done(&format!(".chatport tcp:port={other}"));
    host.done(".servers");
    let mut device = support::peer::call(other);
    device.send("/register nosy\n");
    device.read_until(b"Hi, nosy!");
    host.finish();
    let mut unnamed = Vec::new();
    let mut folders = vec![home.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a directory of ours").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if !named.iter().any(|named| path.starts_with(named)) {
                unnamed.push(path);
            }
        }
    }
    assert!(unnamed.is_empty(), "{unnamed:?} not in\n{told}");
    for file in ["audit.log", "devices.toml", "certificate.pem"] {
        assert!(home.path().join("state").join(file).exists(), "{file}");
    }
    let logs = fs::read_dir(home.path().join("elsewhere")).expect("logs");
    assert!(logs.count() > 0, "{told}");
}

#[test]
fn the_manual_and_the_completions_cover_every_option() {
    let home = Home::new();
    let manual = printed(&home, &["man"]);
    for shell in ["bash", "zsh", "fish"] {
        let script = printed(&home, &["completions", shell]);
        for option in ["headless", "linger", "only", "log-dir", "config"] {
            assert!(script.contains(option), "{shell}: {option}");
            let roff = option.replace('-', "\\-");
            assert!(manual.contains(&format!("\\-\\-{roff}")), "{option}");
        }
    }
}

#[test]
fn simulated_targets_are_served_as_they_say() {
    let home = Home::new();
    for (wire, behaviour) in [("raw", "calm"), ("telnet", "login")] {
        let mut command = home.kdeck();
        command.args(["sim", "text", "--count", "3", "--port", "0", "--booted"]);
        command.args(["--rate", "50", "--behaviour", behaviour]);
        if wire == "telnet" {
            command.arg("--telnet");
        }
        let mut sim = Background::start(&mut command);
        let output = BufReader::new(sim.0.stdout.take().expect("a pipe"));
        let targets: Vec<String> = output
            .lines()
            .map_while(|line| Some(line.ok()?.split_once('\t')?.0.to_owned()))
            .take(3)
            .collect();
        assert_eq!(targets.len(), 3);
        assert!(
            targets.iter().all(|target| target.starts_with(wire)),
            "{targets:?}"
        );
        let mut kdeck = Headless::watching(&targets);
        for _ in 0..3 {
            kdeck.wait("a simulated target prints", |event| {
                event.kind() == "output"
            });
        }
        let listed = kdeck.done(".targets");
        assert_eq!(listed.lines().count(), 3, "{listed}");
        kdeck.finish();
    }
}
