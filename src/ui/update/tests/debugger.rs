//! What keys, lines and completion do to debug targets.

use super::{ask, submit};
use crate::command::Reply;
use crate::deck::{Event, Severity};
use crate::rack::{State, TargetId};
use crate::target::Request;
use crate::ui::message::{Effect, Message};
use crate::ui::model::Overlay;
use crate::ui::overview::Sort;
use crate::ui::panes::Scroll;
use crate::ui::stage::Stage;

fn command(id: u32, line: &str) -> Effect {
    ask(id, Request::Debugger(line.to_owned()))
}

fn told(stage: &Stage) -> String {
    let last = stage.model.notices.last();
    last.map(|notice| notice.text.clone()).unwrap_or_default()
}

#[test]
fn the_keys_of_a_debugger_go_to_the_debug_target_in_front_from_everywhere() {
    let mut stage = Stage::with_debuggers(4, &[1]);
    stage.stops("t001", "0: kd>", "break-in");
    let all = [
        command(1, "g"),
        command(1, "p"),
        command(1, "t"),
        command(1, "gu"),
    ];
    stage.keys("down");
    assert_eq!(stage.keys("f5 f10 f11 shift+f11"), all, "in the rack");
    stage.keys("enter");
    assert_eq!(stage.keys("f5 f10 f11 shift+f11"), all, "in the line");
    stage.keys("esc");
    assert_eq!(stage.keys("f5 f10 f11 shift+f11"), all, "in the pane");
    stage.keys("ctrl+p");
    stage.typed("step-over");
    assert_eq!(stage.keys("enter"), [command(1, "p")], "from the palette");
}

#[test]
fn what_is_typed_stays_while_a_key_steps_and_the_pane_follows() {
    let mut stage = Stage::with_debuggers(1, &[0]);
    (0..100).for_each(|n| stage.output("t000", format!("line {n}\n")));
    stage.keys("enter esc pageup i");
    stage.typed("db rsp");
    assert!(matches!(stage.model.panes.list[0].scroll, Scroll::At(_)));
    assert_eq!(stage.keys("f10"), [command(0, "p")]);
    assert_eq!(stage.model.line.text(), "db rsp");
    assert_eq!(stage.model.panes.list[0].scroll, Scroll::Follow);
}

#[test]
fn on_a_console_the_keys_of_a_debugger_send_nothing_and_say_why() {
    let mut stage = Stage::new(2);
    for (key, shown) in [
        ("f5", "F5"),
        ("f10", "F10"),
        ("f11", "F11"),
        ("shift+f11", "S-F11"),
    ] {
        assert_eq!(stage.keys(key), []);
        assert_eq!(
            told(&stage),
            format!("{shown} is for debug targets; t000 is a console")
        );
    }
    let mut empty = Stage::new(0);
    assert_eq!(empty.keys("f5"), []);
    assert_eq!(told(&empty), "no target is in front");
}

#[test]
fn the_keys_of_a_debugger_can_be_others() {
    let mut stage = Stage::with_debuggers(1, &[0]);
    let changes = [("go", ["f9"]), ("step-over", ["f8"])];
    stage.model.settings.keys = crate::ui::keys::KeyMap::with_changes(changes).unwrap();
    assert_eq!(stage.keys("f9 f8 f5"), [command(0, "g"), command(0, "p")]);
}

#[test]
fn the_interrupt_key_breaks_in_and_an_empty_line_repeats() {
    let mut stage = Stage::with_debuggers(1, &[0]);
    stage.keys("enter");
    let effects = stage.keys("ctrl+c enter");
    let again = ask(0, Request::Line(String::new()));
    assert_eq!(effects, [ask(0, Request::Interrupt), again]);
}

#[test]
fn what_the_debugger_in_front_answers_stands_in_its_pane_and_nowhere_else() {
    let mut stage = Stage::with_debuggers(2, &[0, 1]);
    let reply = |target, seq, ok| Reply {
        target: Some(TargetId(target)),
        seq,
        ok,
        text: "one\ntwo\nthree\nfour\nfive".to_owned(),
    };
    stage.message(Message::Replies(vec![reply(0, Some(3), true)]));
    assert!(stage.model.overlay.is_none());
    assert_eq!(told(&stage), "");
    for other in [
        reply(1, Some(3), true),
        reply(0, None, true),
        reply(0, Some(3), false),
    ] {
        stage.message(Message::Replies(vec![other]));
        assert!(stage.model.overlay.is_some());
        stage.keys("esc");
    }
}

#[test]
fn a_line_that_only_looks_goes_to_several_debug_targets_at_once() {
    let mut stage = Stage::with_debuggers(4, &[0, 1, 2]);
    for line in [
        "@rack-a r",
        "@t000,t002 k 5",
        "@rack-a lmvm nt",
        "@rack-a .bugcheck",
    ] {
        assert!(stage.line(line).contains(&submit(0, line)), "{line}");
    }
    for line in [
        "@rack-a g",
        "@rack-a r rip=0",
        "@rack-a bp nt!NtClose",
        "@rack-a .reboot",
        "@all r",
    ] {
        let effects = stage.line(line);
        assert!(!effects.contains(&submit(0, line)), "{line}");
        assert!(
            matches!(stage.model.overlay, Some(Overlay::Confirm(..))),
            "{line}"
        );
        assert_eq!(stage.keys("y"), [submit(0, line)]);
    }
}

#[test]
fn tab_completes_debuggers_commands_for_debug_targets_alone() {
    let mut stage = Stage::with_debuggers(4, &[1]);
    stage.keys("i");
    let mut complete = |text: &str, keys: &str| {
        stage.keys("ctrl+u");
        stage.typed(text);
        stage.keys(keys);
        stage.model.line.text().to_owned()
    };
    assert_eq!(complete("vert", "tab"), "vert", "a console is in front");
    assert_eq!(complete("@t001 vert", "tab"), "@t001 vertarget ");
    assert_eq!(complete("@all !an", "tab"), "@all !analyze ");
    assert_eq!(complete("@t001 .bugc", "tab"), "@t001 .bugcheck ");
    assert_eq!(complete("@t001 db vert", "tab"), "@t001 db vert");
    assert_eq!(complete(".help !an", "tab"), ".help !analyze ");
    stage.keys("ctrl+u");
    stage.line("@t001");
    let mut complete = |text: &str, keys: &str| {
        stage.keys("ctrl+u");
        stage.typed(text);
        stage.keys(keys);
        stage.model.line.text().to_owned()
    };
    assert_eq!(complete("rd", "tab"), "rdmsr ");
    assert_eq!(complete("d", "tab tab"), "dw");
    assert_eq!(complete("", "tab"), "", "Enter repeats, it must not run");
    assert_eq!(complete("@t000 vert", "tab"), "@t000 vert");
}

#[test]
fn alerts_come_first_on_the_way_round_those_that_need_somebody() {
    let mut stage = Stage::with_debuggers(20, &[12, 15]);
    stage.state("t003", State::Lost, "refused");
    stage.state("t017", State::Closed, "exited with 1");
    stage.stops("t012", "0: kd>", "breakpoint 0");
    stage.stops("t015", "0: kd>", "bug check");
    stage.alert("t015", "BUGCHECK D1");
    stage.alert("t012", "BUGCHECK 50");
    let mut round = Vec::new();
    for _ in 0..5 {
        stage.keys("n");
        round.push(stage.model.overview.selected.map_or(0, |TargetId(id)| id));
    }
    assert_eq!(round, [12, 15, 3, 17, 12]);
    stage.model.overview.selected = Some(TargetId(13));
    stage.message(Message::Timer);
    stage.keys("n");
    assert_eq!(stage.model.overview.selected, Some(TargetId(15)));
}

#[test]
fn an_alert_is_sorted_to_the_top_and_found_by_its_words() {
    let mut stage = Stage::with_debuggers(6, &[4]);
    stage.model.overview.grouped = false;
    stage.model.overview.sort = Sort::State;
    stage.state("t001", State::Lost, "refused");
    stage.alert("t004", "BUGCHECK D1");
    stage.message(Message::Event(Event::Notice {
        time: stage.now,
        severity: Severity::Error,
        target: Some(TargetId(4)),
        text: "BUGCHECK D1".to_owned(),
    }));
    let shown = |stage: &Stage| stage.model.overview.targets().take(2).collect::<Vec<_>>();
    assert_eq!(shown(&stage), [TargetId(4), TargetId(1)]);
    stage.keys("/");
    stage.typed("bugcheck");
    assert_eq!(shown(&stage), [TargetId(4)]);
}

#[test]
fn a_command_of_the_help_is_typed_and_not_sent() {
    let mut stage = Stage::with_debuggers(1, &[0]);
    stage.keys("enter f1");
    stage.typed("model-specific read");
    assert_eq!(stage.keys("enter"), []);
    assert_eq!(stage.model.line.text(), "rdmsr ");
    assert!(stage.model.overlay.is_none());
}

#[test]
fn the_palette_has_debuggers_commands_where_a_debug_target_is_in_front() {
    let mut stage = Stage::with_debuggers(2, &[1]);
    let mut chosen = |keys: &str| {
        stage.keys(keys);
        stage.keys("ctrl+p");
        stage.typed("vertarget");
        stage.keys("enter");
        let line = stage.model.line.text().to_owned();
        stage.keys("esc esc esc");
        line
    };
    assert_eq!(chosen("home"), "");
    assert_eq!(chosen("down"), "vertarget ");
}

#[test]
fn in_raw_mode_the_keys_of_a_debugger_are_the_targets() {
    let mut stage = Stage::new(1);
    stage.keys("enter ctrl+]");
    assert_eq!(
        stage.keys("f10"),
        [ask(0, Request::Keys(b"\x1b[21~".to_vec()))]
    );
}
