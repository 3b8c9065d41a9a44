//! What goes wrong outside: each a clear message, nothing else disturbed.

mod support;

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Output, Stdio};

use jiff::ToSpan;
use support::headless::Headless;
use support::home::Home;
use support::peer::{Connection, Peer};
use support::ports::free_port;

/// Runs kdeck to its end without input.
fn run(arguments: &[&str]) -> Output {
    run_in(&Home::new(), arguments)
}

fn run_in(home: &Home, arguments: &[&str]) -> Output {
    let mut command = home.kdeck();
    command.args(arguments).stdin(Stdio::null());
    command.output().expect("kdeck starts")
}

/// What it said on standard error, having ended with this status.
fn refusal(output: &Output, status: i32) -> String {
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{complaints}");
    complaints
}

/// A healthy target beside those that are not.
struct Bystander {
    peer: Peer,
    line: Option<Connection>,
}

impl Bystander {
    fn new() -> Self {
        let (peer, line) = (Peer::listen(), None);
        Self { peer, line }
    }

    fn target(&self) -> String {
        self.peer.raw("bystander")
    }

    /// Checks that it can be talked to.
    fn is_undisturbed(&mut self, kdeck: &mut Headless) {
        let line = self.line.get_or_insert_with(|| self.peer.accept());
        kdeck.wait("the bystander runs", |event| {
            event.is_state("bystander", "running")
        });
        kdeck.done("@bystander how are you");
        assert_eq!(line.line(), "how are you");
        line.send("undisturbed\r\n");
        kdeck.wait_output("bystander", "undisturbed");
    }
}

#[test]
fn hosts_that_cannot_be_reached_say_why() {
    let mut bystander = Bystander::new();
    let port = free_port();
    let mut kdeck = Headless::watching([
        bystander.target(),
        format!("raw:server=127.0.0.1,port={port},name=refused"),
        // No TCP connection leads to all machines at once.
        "raw:server=255.255.255.255,port=7001,name=unreachable".to_owned(),
        "telnet:server=no-such-host.invalid,port=7001,name=unknown".to_owned(),
        "raw:pipe=no/such/socket,name=socket".to_owned(),
    ]);
    for (name, reason) in [
        ("refused", "connection refused; nothing listens there"),
        ("unreachable", "no way to this address"),
        ("unknown", "cannot find the address of no-such-host.invalid"),
        ("socket", "no such socket"),
    ] {
        let lost = kdeck.wait_state(name, "lost");
        assert!(lost.detail().contains(reason), "{lost:?}");
        assert!(lost.detail().contains("next try in"), "{lost:?}");
    }
    bystander.is_undisturbed(&mut kdeck);
}

#[test]
fn a_host_that_does_not_answer_can_be_given_up() {
    // A queue of one that is full: further calls are not answered, as behind a firewall that drops them.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
    let silent = socket.expect("a socket");
    let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    silent.bind(&any.into()).expect("a free port");
    silent.listen(0).expect("a bound socket");
    let address = silent
        .local_addr()
        .expect("an address")
        .as_socket()
        .expect("IPv4");
    let _first = std::net::TcpStream::connect(address).expect("room for one");
    let mut bystander = Bystander::new();
    let mut kdeck = Headless::watching([
        format!("raw:server=127.0.0.1,port={},name=silent", address.port()),
        bystander.target(),
    ]);
    kdeck.wait("it is tried", |event| {
        event.is_state("silent", "connecting") && event.detail().contains("opening")
    });
    bystander.is_undisturbed(&mut kdeck);
    assert!(kdeck.refused("@silent ls").contains("not connected"));
    kdeck.done("@silent .disconnect");
    kdeck.wait_state("silent", "closed");
}

#[test]
fn a_port_in_use_is_told_and_taken_when_it_is_free() {
    let home = Home::new();
    home.configure("[reconnect]\nfirst = \"20ms\"\nlongest = \"100ms\"\n");
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = holder.local_addr().expect("an address").port();
    let datagrams = std::net::UdpSocket::bind("[::]:0").expect("a port");
    let udp_port = datagrams.local_addr().expect("an address").port();
    let mut bystander = Bystander::new();
    let mut kdeck = Headless::start_in(
        home,
        &[
            "-k",
            &format!("raw:listen,port={port},bind=127.0.0.1,name=tcp"),
            "-k",
            &format!("netconsole:port={udp_port},name=udp"),
            "-k",
            &bystander.target(),
        ],
    );
    for (name, port) in [("tcp", port), ("udp", udp_port)] {
        let lost = kdeck.wait_state(name, "lost");
        assert!(lost.detail().contains("the port is in use"), "{lost:?}");
        assert!(lost.detail().contains(&port.to_string()), "{lost:?}");
    }
    bystander.is_undisturbed(&mut kdeck);
    kdeck.forget();
    drop((holder, datagrams));
    kdeck.wait("the TCP port is open", |event| {
        event.is_state("tcp", "waiting")
    });
    kdeck.wait("the UDP port is open", |event| {
        event.is_state("udp", "waiting")
    });
}

#[test]
fn connection_strings_are_refused_with_a_caret_and_an_example() {
    let complaint = refusal(&run(&["--headless", "-k", "raw:sever=lab1,port=7001"]), 2);
    assert!(
        complaint.contains("raw:sever=lab1,port=7001"),
        "{complaint}"
    );
    assert!(complaint.contains("^^^^^"), "{complaint}");
    assert!(complaint.contains("server"), "{complaint}");
}

#[test]
fn bad_usage_has_status_2_and_says_what_is_right() {
    for (arguments, words) in [
        (&["--headles"][..], "--headless"),
        (&["--json"], "need --headless"),
        (&["--headless", "--only", "outputs"], "output"),
        (&["--no-log", "--log-dir", "x"], "cannot be used with"),
        (&["--no-log", "demo", "--log-dir", "x"], "contradict"),
        (&["sim", "text", "--rate=-1"], "a number from 0"),
        (&["frobnicate"], "frobnicate"),
        (
            &["-remote", "net:port=50000,key=1.2.3.4"],
            "corrected: kdeck -k",
        ),
        (
            &[
                "-server",
                "tcp:port=5005",
                "-remote",
                "tcp:Port=5005,Server=lab01",
            ],
            "cannot be used together",
        ),
        (&["-server", "raw:port=5005"], "-server"),
        (&["-QR", "lab01", "-k", "exec:id"], "-QR stands alone"),
        (&["attach"], "no host of yours runs"),
    ] {
        let complaint = refusal(&run(arguments), 2);
        assert!(complaint.contains(words), "{arguments:?}: {complaint}");
    }
}

#[test]
fn help_and_version_are_no_failures() {
    for arguments in [
        &["--help"][..],
        &["-h"],
        &["--version"],
        &["sim", "text", "--help"],
    ] {
        let output = run(arguments);
        assert!(output.status.success());
        assert!(!output.stdout.is_empty() && output.stderr.is_empty());
    }
}

#[test]
fn a_configuration_that_cannot_be_read_is_refused() {
    let home = Home::new();
    let directory = home.path().join("dir.toml");
    fs::create_dir(&directory).expect("a directory");
    let binary = home.path().join("binary.toml");
    fs::write(&binary, b"\xff\xfe\x00").expect("a file");
    for file in ["no-such.toml", "dir.toml", "binary.toml"] {
        let complaint = refusal(&run_in(&home, &["--headless", "--config", file]), 2);
        assert!(complaint.contains(file), "{complaint}");
    }
}

#[test]
fn a_broken_configuration_is_told_with_all_its_problems_at_once() {
    let home = Home::new();
    home.configure(concat!(
        "[[target]]\n",
        "connect = \"raw:server=lab1\"\n",
        "grup = \"x\"\n",
        "[[target]]\n",
        "name = \"a\"\n",
        "connect = \"raw:listen,port=7100\"\n",
        "[[target]]\n",
        "name = \"a\"\n",
        "connect = \"raw:listen,port=7100\"\n",
        "[history]\n",
        "per_target = \"lots\"\n",
    ));
    let started = refusal(&run_in(&home, &["--headless"]), 2);
    let checked = run_in(&home, &["check"]);
    assert_eq!(checked.status.code(), Some(2));
    let checked = String::from_utf8_lossy(&checked.stdout).into_owned();
    for (at, words) in [
        ("kdeck.toml:2:", "port=N"),
        ("kdeck.toml:3:1", "did you mean `group`?"),
        ("kdeck.toml:8:", "the name \"a\" is taken"),
        ("kdeck.toml:9:", "TCP port 7100 is held"),
        ("kdeck.toml:11:", "\"lots\" is no size"),
    ] {
        for told in [&started, &checked] {
            let problem = told.split("\n\n").find(|problem| problem.contains(at));
            let problem = problem.unwrap_or_else(|| panic!("{at} is not in\n{told}"));
            assert!(problem.contains(words), "{words} is not in\n{problem}");
        }
    }
}

#[test]
fn a_state_directory_that_cannot_be_made_is_told() {
    let home = Home::new();
    fs::write(home.path().join("state"), "in the way").expect("a file");
    let complaint = refusal(&run_in(&home, &["--headless"]), 1);
    assert!(complaint.contains("state"), "{complaint}");
    assert!(complaint.contains("KDECK_STATE_DIR"), "{complaint}");
}

#[test]
fn a_closed_standard_input_is_an_end_of_input() {
    let home = Home::new();
    let mut command = std::process::Command::new("sh");
    command
        .args([
            "-c",
            "exec \"$0\" --headless --json <&-",
            support::home::KDECK,
        ])
        .current_dir(home.path())
        .envs(home.variables())
        .stdin(Stdio::null());
    let output = command.output().expect("sh starts");
    let events = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{events}");
    assert!(events.contains("\"role\""), "{events}");
}

#[test]
fn a_log_directory_that_cannot_be_written_is_told_and_used_when_it_can() {
    let home = Home::new();
    let logs = home.path().join("logs");
    fs::write(&logs, "in the way").expect("a file");
    let mut bystander = Bystander::new();
    let target = bystander.target();
    let arguments = ["--log-dir", path(&logs), "-k", &target];
    let mut kdeck = Headless::start_in(home, &arguments);
    let error = kdeck.wait("the failure is told", |event| event.kind() == "error");
    assert!(error.text().contains("logs fail"), "{error:?}");
    assert!(error.text().contains(path(&logs)), "{error:?}");
    bystander.is_undisturbed(&mut kdeck);
    assert!(kdeck.done("@bystander .status").contains("FAILING"));
    kdeck.forget();
    fs::remove_file(&logs).expect("the file in the way");
    kdeck.wait("the recovery is told", |event| {
        event.kind() == "error" && event.text().contains("written again")
    });
    let ended = kdeck.finish();
    let files = support::home::log_files(&logs, "bystander");
    let log: String = files
        .iter()
        .map(|file| fs::read_to_string(file).expect("a log"))
        .collect();
    // Nothing that came meanwhile is missing.
    assert!(log.contains("connected to"), "{log}");
    assert!(log.contains("undisturbed"), "{log}");
    assert_eq!(ended.code(), 0);
}

#[test]
fn a_full_disk_is_told_and_nothing_is_lost_when_there_is_room_again() {
    let home = Home::new();
    fs::create_dir_all(home.logs()).expect("a directory");
    let today = jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let names = [today, today.saturating_add(1.day())].map(|date| format!("full-{date}.log"));
    for name in &names {
        symlink("/dev/full", home.logs().join(name)).expect("a link");
    }
    let (peer, mut bystander) = (Peer::listen(), Bystander::new());
    let (full, target) = (peer.raw("full"), bystander.target());
    let mut kdeck = Headless::start_in(home, &["-k", &full, "-k", &target]);
    let mut line = peer.accept();
    line.send("while the disk is full\n");
    let error = kdeck.wait("the failure is told", |event| event.kind() == "error");
    assert!(error.text().contains("o space left"), "{error:?}");
    bystander.is_undisturbed(&mut kdeck);
    kdeck.forget();
    for name in &names {
        fs::remove_file(kdeck.home.logs().join(name)).expect("the link");
    }
    kdeck.wait("the recovery is told", |event| {
        event.kind() == "error" && event.text().contains("written again")
    });
    line.send("when there is room\n");
    kdeck.wait_output("full", "room");
    let log = kdeck.finish().home.log("full");
    for text in ["while the disk is full\n", "when there is room\n"] {
        assert_eq!(log.matches(text).count(), 1, "{log}");
    }
}

#[test]
fn a_line_without_end_is_folded_in_bounded_memory_and_logged_whole() {
    const MIB: usize = 1 << 20;
    const SENT: usize = 64 * MIB;
    // Programs, stacks and buffers, and one history of a MiB.
    const MEMORY: u64 = 64 * MIB as u64;
    let home = Home::new();
    home.configure("[history]\nper_target = \"1MiB\"\n[log]\nformat = \"raw\"\n");
    let (peer, mut bystander) = (Peer::listen(), Bystander::new());
    let (long, target) = (peer.raw("long"), bystander.target());
    let mut kdeck = Headless::start_in(
        home,
        &["--only", "target,reply", "-k", &long, "-k", &target],
    );
    let mut line = peer.accept();
    kdeck.wait_state("long", "running");
    kdeck.say("@long .wait ^the end");
    for _ in 0..SENT / MIB {
        line.send(vec![b'x'; MIB]);
    }
    line.send("\nthe end\n");
    let found = kdeck.wait("the end is seen", |event| event.kind() == "reply");
    assert!(found.ok(), "{found:?}");
    bystander
        .line
        .get_or_insert_with(|| bystander.peer.accept());
    kdeck.done("@bystander still there?");
    let memory = kdeck.memory();
    assert!(memory < MEMORY, "{memory} bytes resident");
    let status = kdeck.done("@long .status");
    assert!(
        status.contains(&format!("bytes   {}", SENT + 9)),
        "{status}"
    );
    let home = kdeck.finish().home;
    let size: u64 = home
        .log_files("long")
        .iter()
        .map(|file| fs::metadata(file).expect("a log").len())
        .sum();
    assert_eq!(size, SENT as u64 + 9);
}

#[test]
fn bytes_that_are_no_text_are_shown_safely_and_logged_as_they_came() {
    let hostile: Vec<u8> = [
        &b"a\0b\x07c\x1b]0;title\x07d\x1b[2Je\x1b[31mred\x1b[0m\x9b5nf"[..],
        b"\xff\xfeg\xc3(h\xe2\x80\xaei\x1bPq\x1b\\j\x1b[6nk\r",
        b"l\x7fm\xc2\x85n\n",
        b"the next line\n",
    ]
    .concat();
    let home = Home::new();
    home.configure("[log]\nformat = \"raw\"\n");
    let peer = Peer::listen();
    let target = peer.raw("hostile");
    let mut kdeck = Headless::start_in(home, &["-k", &target]);
    let mut line = peer.accept();
    line.send(&hostile);
    kdeck.wait_output("hostile", "the next line");
    for event in kdeck.events() {
        let unsafe_character = |c: char| {
            c.is_control()
                || ('\u{202a}'..='\u{202e}').contains(&c)
                || ('\u{2066}'..='\u{2069}').contains(&c)
        };
        assert!(!event.text().contains(unsafe_character), "{event:?}");
    }
    let shown = kdeck.wait_output("hostile", "red");
    assert!(shown.text().contains('\u{fffd}'), "{shown:?}");
    assert!(!shown.text().contains("title"), "{shown:?}");
    // It answered none of the questions.
    kdeck.done("@hostile quiet?");
    assert_eq!(line.line(), "quiet?");
    let files = kdeck.finish().home;
    let mut bytes = Vec::new();
    for file in files.log_files("hostile") {
        let mut file = fs::File::open(file).expect("a log");
        file.read_to_end(&mut bytes).expect("a log");
    }
    assert_eq!(
        bytes.escape_ascii().to_string(),
        hostile.escape_ascii().to_string()
    );
}

fn path(path: &Path) -> &str {
    path.to_str()
        .expect("temporary directories have plain names")
}
