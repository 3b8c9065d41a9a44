//! An observer whose client was patched to send what it likes: the host refuses all that writes.

use kdeck::command::{Place, Right, TABLE};
use kdeck::target::{ModemLine, Request};

use crate::attacker::Attacker;
use crate::{Lab, VIEW_PASSWORD, pipe};

/// What each command was judged to ask for, without an argument: whoever adds a command has to think about it.
const JUDGED: [(Right, &str); 4] = [
    (
        Right::Look,
        ".broadcast .bugcheck .chat .chatport .clients .close .cxr .devices .diag .echo .filter .find .formats .help \
         .last .lastevent .layout .me .msg .names .open .quit .rack .raw .remote .remote_exit .role .servers .sleep \
         .status .targets .theme .time .trap .wait .who",
    ),
    (
        Right::Steer,
        ".add .baud .break .connect .crash .device .disconnect .dtr .endsrv .keys .kick .prompt .qq .reboot \
         .release .remove .rts .send .server .take",
    ),
    (Right::Files, ".readmem .reload .save .writemem"),
    (Right::Programs, ".noshell .shell"),
];

/// Lines that would change something, if somebody else typed them.
const WRITES: &[&str] = &[
    "rm -rf /",
    "@t rm -rf /",
    "@all reboot",
    "@t ",
    "@t ..send x",
    "@t .send x",
    "@t .keys \\x03",
    "@t .break",
    "@t .connect",
    "@t .disconnect",
    "@t .baud 9600",
    "@t .dtr off",
    "@t .rts off",
    "@t .prompt y",
    "@t .crash",
    "@t .reboot",
    "@t .remove",
    "@t .take",
    ".take t /force",
    ".release t",
    ".add raw:server=127.0.0.1,port=1,name=mine",
    ".add exec:touch written",
    ".add not a string",
    ".server tcp:port=5999,password=none",
    ".server npipe:pipe=mine",
    ".endsrv 0",
    ".endsrv 0 /disconnect",
    ".kick tester",
    ".chatport tcp:port=5998",
    ".chatport off",
    ".broadcast t on",
    "@t .broadcast on",
    ".device kick 127.0.0.1",
    ".device import written",
    ".reload",
    ".noshell",
    ".shell touch written",
    "@t .save written",
    "@t .readmem written 0 L1",
    "@t .writemem written 0 L1",
    ".qq",
    "qq",
];

/// One request of each kind. A new kind has to be judged here.
fn requests() -> Vec<Request> {
    let all = [
        Request::Line("x".to_owned()),
        Request::Debugger(".crash".to_owned()),
        Request::Keys(b"x".to_vec()),
        Request::Escaped("x".to_owned()),
        Request::Break,
        Request::Interrupt,
        Request::Connect,
        Request::Disconnect,
        Request::Resize {
            columns: 1,
            rows: 1,
        },
        Request::Baud(9600),
        Request::Modem {
            line: ModemLine::Dtr,
            on: false,
        },
    ];
    for request in &all {
        match request {
            Request::Line(_)
            | Request::Debugger(_)
            | Request::Keys(_)
            | Request::Escaped(_)
            | Request::Break
            | Request::Interrupt
            | Request::Connect
            | Request::Disconnect
            | Request::Resize { .. }
            | Request::Baud(_)
            | Request::Modem { .. } => {}
            Request::Describe => unreachable!("a question, which observers may ask"),
        }
    }
    all.into()
}

#[test]
fn every_command_was_judged() {
    for command in TABLE {
        let judged = JUDGED.iter().find(|(_, names)| {
            let mut names = names.split_whitespace();
            names.any(|name| name == command.name)
        });
        let Some((right, _)) = judged else {
            panic!("{} is new: what does it ask for?", command.name);
        };
        let line = kdeck::command::Line::parse(command.name).expect("a command");
        assert_eq!(line.right(), *right, "{}", command.name);
        if command.writes {
            assert_ne!(*right, Right::Look, "{} writes", command.name);
        }
    }
    let judged = JUDGED
        .iter()
        .flat_map(|(_, names)| names.split_whitespace());
    assert_eq!(
        judged.count(),
        TABLE.len(),
        "all that were judged are there"
    );
}

#[test]
fn what_an_observer_writes_is_refused_and_leaves_no_trace() {
    for by_pipe in [false, true] {
        let mut lab = Lab::open();
        let string = match by_pipe {
            true => pipe(VIEW_PASSWORD),
            false => lab.tcp(VIEW_PASSWORD),
        };
        let mut eve = Attacker::join(lab.host.home.path(), &string, "eve");
        assert_eq!(eve.welcome.me.permission.word(), "observer");
        for line in WRITES {
            let (ok, text) = eve.submit(line);
            assert!(!ok, "{line} was done: {text}");
        }
        // Whatever else there is that does not only look.
        for command in TABLE {
            let argument = format!("@t {} t x 1", command.name);
            let line = kdeck::command::Line::parse(&argument).expect("a command");
            if matches!(command.place, Place::Screen) || line.right() != Right::Look {
                let (ok, text) = eve.submit(&argument);
                assert!(!ok, "{argument} was done: {text}");
            }
        }
        let target = eve.target("t");
        for request in requests() {
            let answer = eve.ask(target, request.clone());
            assert!(answer.is_err(), "{request:?} was done: {answer:?}");
        }
        assert!(eve.ask(target, Request::Describe).is_ok(), "they may look");
        assert!(eve.submit(".chat I only look").0, "they may chat");
        assert!(eve.submit("@t .last").0, "they may read");

        lab.host.done("@t the owner types");
        assert_eq!(
            lab.target.line(),
            "the owner types",
            "nothing came before it"
        );
        let by_eve = |event: &crate::support::headless::Event| {
            event.kind() == "command" && event.0["who"] == "eve"
        };
        assert!(
            !lab.host.events().iter().any(by_eve),
            "nothing is recorded of hers"
        );
        assert!(lab.host.done(".servers").contains("1 - Debugger Server"));
        assert_eq!(lab.host.done(".targets").lines().count(), 1);
        assert!(lab.host.done(".chatport").contains("closed"));
        assert!(!lab.host.home.path().join("written").exists());
        let audit = lab.audit("command-refused person=\"eve\" text=\".shell touch written\"");
        for refused in [
            ".chatport off",
            ".device kick",
            ".broadcast t on",
            ".kick tester",
        ] {
            let line = format!("command-refused person=\"eve\" text=\"{refused}");
            assert!(audit.contains(&line), "{refused} is not in {audit}");
        }
        assert!(!audit.contains(" command person=\"eve\""), "{audit}");
    }
}
