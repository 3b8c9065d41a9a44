//! Meeting a target, breaking in, going on, stepping, what it asks and what goes wrong in it.

use super::support::headless::Headless;
use super::support::ports::free_ports;
use super::support::windows::{CHATTY, Line, Windows};
use super::{BREAK_IN, Lab, W, address};

#[test]
fn a_kdnet_target_is_waited_for_met_stopped_and_let_go() {
    let mut lab = Lab::new(Windows::net(&CHATTY));
    let port = lab.windows.value(0, "port").to_owned();
    let waits = lab.deck.wait("it is waited for", |event| {
        event.is_state(W, "waiting") && event.detail().starts_with("waits for the target")
    });
    assert_eq!(
        waits.detail(),
        format!("waits for the target to call UDP port {port}; .diag tells what came")
    );
    let met = lab
        .deck
        .wait("it is met", |event| event.is_state(W, "running"));
    assert!(met.detail().starts_with("connected to 127.0.0.1:"));
    assert!(met.detail().ends_with(", runs; .break stops it"));
    lab.deck.wait_output(W, ": #00000");

    let stop = lab.done(".break");
    let lines: Vec<&str> = stop.lines().collect();
    assert_eq!(lines[0], format!("{BREAK_IN}; asked for by a break-in"));
    assert_eq!(lines[1], "nt!DbgBreakPointWithStatus:");
    let (place, instruction) = lines[2].split_at(18);
    assert_eq!(&place[8..9], "`");
    assert_eq!(instruction, "cc              int     3");
    let broken = lab.broken(BREAK_IN);
    let detail = "; asked for by a break-in, at nt!DbgBreakPointWithStatus";
    assert!(broken.detail().ends_with(detail), "{}", broken.detail());
    lab.deck.wait_notice(
        W,
        "Windows kernel, build 19041 free, x64, 4 processors, 19041.1.amd64fre",
    );
    assert_eq!(lab.done(".break"), "it is stopped already");

    assert_eq!(lab.done("g"), "");
    lab.deck.wait_state(W, "running");
    lab.deck.wait_output(W, ": #");
}

#[test]
fn what_is_printed_around_stops_comes_once_and_in_order() {
    let mut lab = Lab::net(&["--rate", "2000"]);
    for _ in 0..5 {
        lab.done(".break");
        lab.done("r rip");
        lab.done("g");
        lab.deck.wait_output(W, ": #");
    }
    let events = lab.deck.events();
    let numbers: Vec<u64> = events
        .iter()
        .filter(|event| event.is_output(W) && !event.is_partial())
        .filter_map(|event| event.text().split_once(": #")?.1.get(..6)?.parse().ok())
        .collect();
    let (first, count) = (numbers[0], numbers.len() as u64);
    assert!(count >= 5, "one a round at least: {count}");
    assert_eq!(numbers, (first..first + count).collect::<Vec<u64>>());
}

#[test]
fn a_running_target_refuses_what_needs_a_stop_and_says_how_to_stop_it() {
    let mut lab = Lab::net(&[]);
    for (line, name) in [
        ("g", "g"),
        ("p", "p"),
        ("t 5", "t"),
        ("gu", "gu"),
        ("bp nt!KeBugCheckEx", "bp"),
        ("bc *", "bc"),
        ("r", "r"),
        ("r rax=1", "r"),
        ("~", "~"),
        ("rdmsr 10", "rdmsr"),
        ("ib 60", "ib"),
        ("db nt", "db"),
        ("eb nt 1", "eb"),
        ("f nt L10 0", "f"),
        ("s nt L10 4d", "s"),
        ("!db 1000", "!db"),
        ("!pte nt", "!pte"),
        (".writemem /tmp/x nt L10", ".writemem"),
        ("u nt!KeBugCheckEx", "u"),
        ("k", "k"),
        ("x nt!*", "x"),
        ("ln nt", "ln"),
        ("!dbgprint", "!dbgprint"),
        ("!analyze -v", "!analyze"),
        (".crash", ".crash"),
        (".reboot", ".reboot"),
        (".bugcheck", ".bugcheck"),
        (".trap", ".trap"),
        (".cxr", ".cxr"),
    ] {
        let refused = lab.refused(line);
        let expected = format!("{name} needs a stopped target; .break stops it");
        assert_eq!(refused, expected, "{line}");
    }
    for line in [
        "bl",
        "? 1+1",
        "n",
        ".formats 41",
        "lm",
        "sx",
        "sxe ld",
        "sxd ld",
        ".lastevent",
        ".time",
        ".diag",
        ".status",
    ] {
        lab.done(line);
    }
    let unknown = lab.refused("frobnicate");
    assert!(
        unknown.ends_with("frobnicate is no debugger's command; .help lists all"),
        "{unknown}"
    );
    let unknown = lab.refused("break");
    assert!(unknown.contains("did you mean .break?"), "{unknown}");
    lab.deck.wait_state(W, "running");
}

#[test]
fn steps_go_into_calls_or_over_them_and_show_where_they_lead() {
    let mut lab = Lab::stopped();
    let stepped = lab.done("t");
    assert!(
        stepped.starts_with("nt!DbgBreakPointWithStatus+0x1:\n"),
        "{stepped}"
    );
    assert!(stepped.ends_with("c3              ret"), "{stepped}");
    assert_eq!(
        lab.broken("stopped at").detail(),
        "stopped at nt!DbgBreakPointWithStatus+0x1"
    );
    assert_eq!(
        lab.done(".lastevent").lines().next(),
        Some("Last event: Single step")
    );
    let up = lab.done("gu");
    assert!(up.starts_with("nt!KeClockInterruptNotify+0x"), "{up}");

    // A function that calls others: into the first, and over it from the same place.
    lab.done("pc");
    let (call, stack) = (lab.value("@rip"), lab.value("@rsp"));
    let over = lab.done("p");
    assert_eq!(lab.value("@rsp"), stack, "{over}");
    let behind = lab.value("@rip");
    assert_ne!(behind, call);
    let calls = lab.done("tc");
    let last = calls.lines().next_back().unwrap_or_default().to_owned();
    assert!(last.contains("call "), "{calls}");
    let stack = lab.value("@rsp");
    lab.done("t");
    assert_eq!(
        lab.value("@rsp"),
        stack - 8,
        "the call left where it returns to"
    );
    let returns = lab.done("pt");
    assert!(
        returns
            .lines()
            .next_back()
            .unwrap_or_default()
            .contains(" ret"),
        "{returns}"
    );

    // Several at once show each.
    let three = lab.done("t 3");
    let places = three.lines().filter(|line| line.ends_with(':')).count();
    assert_eq!(places, 3, "{three}");
    assert_eq!(lab.refused("pa"), "up to which address?");
}

#[test]
fn it_goes_on_up_to_an_address_or_from_another_place() {
    let mut lab = Lab::stopped();
    lab.done("g nt!KeWaitForSingleObject");
    let stop = lab.broken("stopped at nt!KeWaitForSingleObject");
    assert_eq!(stop.detail(), "stopped at nt!KeWaitForSingleObject");
    assert_eq!(lab.done("bl"), "", "nothing of it stays");
    let next = lab.done("t");
    let from = lab.value("nt!KeWaitForSingleObject");
    let again = lab.done(&format!("t = {from:x}"));
    assert_eq!(again, next);
    assert_eq!(
        lab.refused("g nt!nothing"),
        "Couldn't resolve error at 'nt!nothing'"
    );
    let many = "g nt ".to_owned() + &"nt+1 ".repeat(10);
    assert!(lab.refused(&many).contains("up to 10 addresses"));
}

#[test]
fn several_commands_of_a_line_end_at_the_first_that_fails() {
    let mut lab = Lab::stopped();
    let text = lab.done("? 1; * a comment; ? 2");
    assert_eq!(text, "Evaluate expression: 1 = 00000000`00000001");
    let text = lab.done("? 1; ? 2");
    assert_eq!(text.lines().count(), 2, "{text}");
    let text = lab.refused("? 1; ? foo; ? 2");
    assert_eq!(
        text,
        "Evaluate expression: 1 = 00000000`00000001\nCouldn't resolve error at 'foo'"
    );
    for line in [
        ".bugcheck;r rip",
        ".time; r rip",
        "$$ x; r rip",
        ".echo hi; r rip",
    ] {
        let text = lab.done(line);
        assert!(text.contains("rip="), "{line}: {text}");
    }
    assert_eq!(lab.done("$$ x; * y; r rip"), "");
    assert_eq!(lab.done("? 1; .echo \"a;b\"").lines().last(), Some("a;b"));
    for (line, usage) in [
        ("rdmsr", "rdmsr NUMBER"),
        ("s", "s [-b|w|d|q|a|u] RANGE VALUE..."),
        ("f nt L4", "f RANGE VALUE..."),
        (".formats", ".formats EXPRESSION"),
        ("g =", "g [= START] [ADDRESS...]"),
    ] {
        let said = lab.refused(line);
        let expected = format!("Syntax error at '', where something is missing; it goes {usage}");
        assert_eq!(said, expected, "{line}");
    }
    assert_eq!(lab.refused("gu 5"), "Syntax error at '5'");
    assert_eq!(lab.refused("p 0"), "a count of 0 steps nowhere");
    assert_eq!(
        lab.refused("!foo"),
        "No export foo found: extensions need Windows' own debugger"
    );
}

#[test]
fn an_exception_is_handed_back_or_counts_as_handled() {
    let mut lab = Lab::net(&["--fault-every", "0.1"]);
    let first = "Access violation - code c0000005 (first chance)";
    let stop = lab.broken(first);
    // The driver was there before the debugger: it is known by name all the same.
    assert_eq!(stop.detail(), format!("{first}, at mydrv!MyDispatch+0x76"));
    let notice = lab.deck.wait_notice(W, first);
    let lines: Vec<&str> = notice.text().lines().collect();
    assert_eq!((lines[0], lines[1]), (first, "mydrv!MyDispatch+0x76:"));
    assert!(
        lines[2].ends_with("mov     rax,qword ptr [rcx+18h] ds:00000000`00000018=????????????????")
    );
    assert_eq!(lab.done("gn"), "");
    lab.broken("Access violation - code c0000005 (!!! second chance !!!), at mydrv!");
    let event = lab.done(".lastevent");
    assert!(
        event.starts_with("Last event: Access violation - code c0000005 (!!! second"),
        "{event}"
    );
    // Handled without having been repaired, it happens again.
    lab.done("gh");
    lab.broken(first);
}

#[test]
fn what_the_target_asks_is_answered_by_the_next_line() {
    let mut lab = Lab::net(&["--assert-every", "0.2"]);
    let asks = "asks: Break repeatedly, break Once, Ignore, terminate Process or terminate Thread (boipt)?";
    assert_eq!(lab.broken("asks:").detail(), asks);
    lab.deck
        .wait_output(W, "*** Assertion failed: State->Requests < LIMIT");
    assert_eq!(
        lab.refused(".break"),
        "it waits for an answer to what it asks"
    );
    assert_eq!(lab.done("i"), "");
    lab.deck.wait_output(W, "mydrv: assertion ignored");
    lab.broken("asks:");
    assert_eq!(lab.done(".prompt b"), "");
    let stop = lab.broken(BREAK_IN);
    assert!(
        stop.detail().ends_with(", at nt!DbgBreakPoint"),
        "{}",
        stop.detail()
    );
    assert!(lab.done("k").contains("nt!RtlAssert+0x"));
    assert_eq!(lab.done(".prompt x"), "the target asks nothing");
}

#[test]
fn targets_on_byte_streams_are_stopped_and_go_on() {
    for line in [Line::Tcp, Line::Unix, Line::Pty] {
        let mut lab = Lab::line(line, &CHATTY);
        let text = lab.done("r rip; k 1");
        assert!(
            text.contains("nt!DbgBreakPointWithStatus"),
            "{line:?}: {text}"
        );
        lab.done("bp nt!KeWaitForSingleObject");
        lab.go_until("Breakpoint 0 hit, at nt!KeWaitForSingleObject");
        lab.done("bc *");
        lab.done("g");
        lab.deck.wait_output(W, ": #");
        let good = lab.done(".diag");
        assert!(
            good.starts_with("KD packets come, and none is damaged"),
            "{good}"
        );
    }
}

#[test]
fn a_target_that_is_left_stopped_is_found_stopped() {
    for windows in [Windows::net(&[]), Windows::line(Line::Unix, &[])] {
        let mut lab = Lab::broken_into(Lab::new(windows));
        let rip = lab.done("r rip");
        lab.done(".disconnect");
        lab.deck
            .wait_notice(W, "the target stays stopped until a debugger lets it go on");
        lab.deck.wait_state(W, "closed");
        lab.done(".connect");
        lab.deck.wait_state(W, "broken");
        assert_eq!(lab.done("r rip"), rip);
        lab.done("g");
        lab.deck.wait_state(W, "running");
    }
}

#[test]
fn an_empty_line_steps_again() {
    let mut lab = Lab::stopped();
    let first = lab.done("t");
    let second = lab.done("");
    assert!(second.starts_with("nt!") && second != first, "{second}");
    assert!(lab.done("db nt L10").contains("  4d 5a "));
    let next = address(lab.value("nt+10"));
    lab.done("db nt L10");
    assert!(lab.done("").starts_with(&next));
}

#[test]
fn who_breaks_into_a_machine_that_never_called_is_told_so_at_once() {
    let port = free_ports(1);
    let target = format!("net:port={port},key=1.2.3.4,name={W}");
    let mut deck = Headless::watching([target]);
    deck.wait_state(W, "waiting");
    deck.say(".break");
    let told = deck.wait_notice(W, "it has not called yet");
    assert!(told.text().ends_with(".diag tells what came"));
    deck.say(".status");
    let status = deck.wait("its status", |event| event.text().contains("packets "));
    assert!(
        status
            .text()
            .contains("packets none yet; datagrams on its port: 0"),
        "{}",
        status.text()
    );
    // It is stopped as soon as it is there.
    let _windows = Windows::at(&port.to_string(), "1.2.3.4", &[]);
    deck.wait_state(W, "broken");
}
