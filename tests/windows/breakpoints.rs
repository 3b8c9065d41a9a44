//! Breakpoints in the code, and those of the processor.

use super::{Lab, W, address};

const AT: &str = "nt!KeWaitForSingleObject";

#[test]
fn breakpoints_are_listed_in_the_columns_of_kd() {
    let mut lab = Lab::stopped();
    let at = address(lab.value(AT));
    assert_eq!(lab.done(&format!("bp {AT}")), "");
    assert_eq!(lab.done(&format!("bp {AT}+4 5 \"k;g\"")), "");
    assert_eq!(lab.done("ba w4 nt!KeTickCount"), "");
    let waits = lab.done("bp later!Start");
    assert_eq!(
        waits,
        "later!Start means nothing yet; the breakpoint waits for its module"
    );
    let tick = address(lab.value("nt!KeTickCount"));
    let inside = address(lab.value(&format!("{AT}+4")));
    let listed = [
        format!(" 0 e {at}     0001 (0001) {AT}"),
        format!(" 1 e {inside}     0005 (0005) {AT}+0x4 \"k;g\""),
        format!(" 2 e {tick} w 4 0001 (0001) nt!KeTickCount"),
        " 3 eu                      0001 (0001) (later!Start)".to_owned(),
    ];
    assert_eq!(lab.done("bl"), listed.join("\n"));
    assert_eq!(lab.done("bl 2"), listed[2]);
    lab.done("bd 0-1");
    let disabled = lab.done("bl");
    assert_eq!(disabled.matches(" d ").count(), 2, "{disabled}");
    lab.done("be 1");
    assert!(lab.done("bl 1").starts_with(" 1 e "));
    lab.done("bc 0 2-3");
    assert_eq!(lab.done("bl"), listed[1]);
    assert_eq!(lab.done(&format!("bp {AT}+4")), "breakpoint 1 redefined");
    lab.done("g");
    // A running target's are listed without being asked for anything.
    assert!(lab.done("bl").starts_with(" 1 e "));
}

#[test]
fn wrong_breakpoints_are_refused_in_words() {
    let mut lab = Lab::stopped();
    for (line, why) in [
        ("bp", "where? bp ADDRESS [PASSES] [\"COMMANDS\"]"),
        ("bp foo", "Couldn't resolve error at 'foo'"),
        ("bp nt!KeSetEvent zz", "Couldn't resolve error at 'zz'"),
        ("bp nt!nosuch", "nt exports no nosuch"),
        ("bp later!a+", "Couldn't resolve error at 'later!a+'"),
        ("bc 7", "there is no breakpoint 7; bl lists them"),
        ("bd x", "`x` is no number of a breakpoint; bl lists them"),
        ("be", "which? be NUMBER... or be *"),
        (
            "ba w4 nt+1",
            "a hardware breakpoint of 4 bytes needs an address that is a multiple of 4",
        ),
        (
            "ba e4 nt",
            "a breakpoint on execution has size 1: ba e1 ADDRESS",
        ),
    ] {
        assert_eq!(lab.refused(line), why, "{line}");
    }
    assert!(
        lab.refused("ba x1 nt")
            .starts_with("ba e|r|w|i SIZE ADDRESS")
    );
    for number in 0..4 {
        lab.done(&format!("ba w1 nt!KeTickCount+{number}"));
    }
    let fifth = lab.refused("ba w1 nt!KeTickCount+4");
    assert!(fifth.contains('4'), "{fifth}");
    lab.done("bc *");
    for number in 0..32 {
        lab.done(&format!("bp {AT}+{number:x}"));
    }
    let more = lab.refused(&format!("bp {AT}+20"));
    assert!(more.contains("32"), "{more}");
}

#[test]
fn a_breakpoint_is_hit_again_and_again_and_never_seen_in_memory() {
    let mut lab = Lab::stopped();
    let code = lab.done(&format!("db {AT} L8"));
    lab.done(&format!("bp {AT}"));
    for _ in 0..3 {
        let stop = lab.go_until("Breakpoint 0 hit");
        assert_eq!(stop, format!("Breakpoint 0 hit, at {AT}"));
        assert_eq!(lab.done(&format!("db {AT} L8")), code);
    }
    let notice = lab.deck.events();
    let notice = notice
        .iter()
        .rfind(|event| event.kind() == "notice")
        .expect("a notice");
    let lines: Vec<&str> = notice.text().lines().collect();
    assert_eq!(lines[..2], ["Breakpoint 0 hit", &format!("{AT}:")]);
    assert!(
        lines[2].ends_with("53              push    rbx"),
        "{lines:?}"
    );
    // Stepping off it and over it.
    assert!(lab.done("p").starts_with(&format!("{AT}+0x1:")));
    lab.done("bd *");
    lab.done("g");
    lab.done(".break");
}

#[test]
fn passes_are_counted_and_one_shots_go() {
    let mut lab = Lab::stopped();
    lab.done(&format!("bp {AT} 3"));
    lab.go_until("Breakpoint 0 hit");
    assert!(lab.done("bl").contains("0001 (0003)"));
    lab.done("bc *");
    lab.done(&format!("bp /1 {AT}"));
    lab.go_until("Breakpoint 0 hit");
    assert_eq!(lab.done("bl"), "");
}

#[test]
fn the_commands_of_a_breakpoint_are_carried_out_and_told() {
    let mut lab = Lab::stopped();
    lab.done(&format!("bp {AT} \".echo hit; r rip; ? 0n40+2; bc 0; g\""));
    lab.done("g");
    let at = lab
        .deck
        .wait_notice(W, "Evaluate expression: 42 = 00000000`0000002a");
    assert!(at.text().starts_with("hit\nrip=fffff800"), "{}", at.text());
    lab.deck.wait_state(W, "running");
    assert_eq!(lab.done("bl"), "");
}

#[test]
fn the_processor_stops_on_execution_and_on_writes() {
    let mut lab = Lab::stopped();
    lab.done(&format!("ba e1 {AT}"));
    for _ in 0..2 {
        let stop = lab.go_until("Breakpoint 0 hit");
        assert_eq!(stop, format!("Breakpoint 0 hit, at {AT}"));
    }
    lab.done("bc *");
    lab.done("ba w8 @rsp-8");
    let watched = lab.value("@rsp-8");
    lab.go_until("Breakpoint 0 hit");
    // It stops behind the instruction that wrote.
    let written = lab.value("@rsp");
    assert!(
        written.abs_diff(watched) < 0x1000,
        "{written:x} {watched:x}"
    );
}

#[test]
fn a_breakpoint_waits_for_its_module() {
    let mut lab = Lab::net(&["--driver-every", "0.05"]);
    lab.done(".break");
    for late in ["usbstor", "flpydisk", "extra"] {
        lab.deck.ask(&format!("bp {late}!NoSuchName"));
    }
    let names = lab.done("x mydrv!*");
    let name = names.split(['!', ' ']).nth(2).expect("a name").to_owned();
    lab.done("bc *");
    for late in ["usbstor", "flpydisk", "extra"] {
        lab.deck.ask(&format!("bp {late}!{name}"));
    }
    lab.done("g");
    lab.deck.wait_notice(W, "ModLoad: ");
    lab.done(".break");
    assert!(!lab.done("bl").is_empty());
}

#[test]
fn a_breakpoint_that_goes_on_by_itself_is_broken_into() {
    let mut lab = Lab::stopped();
    lab.done("bp mydrv!MyDispatch \"k 1; g\"");
    lab.done(&format!("bp {AT} 1000"));
    for _ in 0..4 {
        lab.done("g");
        let stop = lab.done(".break");
        assert!(stop.starts_with("Br"), "{stop}");
        assert!(lab.done("r rip").starts_with("rip="));
    }
    lab.done("bc *");
    assert_eq!(lab.done("bl"), "");
}
