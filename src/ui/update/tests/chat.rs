use crossterm::event::{KeyModifiers, MouseEvent, MouseEventKind};

use crate::deck::{Event, Role};
use crate::rack::{State, TargetId};
use crate::session::Change;
use crate::ui::message::{Effect, Message};
use crate::ui::model::{Focus, View};
use crate::ui::stage::Stage;

fn says(line: &str) -> Effect {
    Effect::Submit {
        focus: None,
        line: line.to_owned(),
    }
}

fn lab() -> Stage {
    let mut stage = Stage::new(12);
    stage.company(Role::Server, &["kim", "alice", "bob"]);
    stage
}

#[test]
fn what_is_typed_in_the_chat_is_said_and_commands_are_given() {
    let mut stage = lab();
    stage.keys("f4");
    assert_eq!(stage.model.focus, Focus::Chat);
    stage.typed("who has t002?");
    assert_eq!(stage.keys("enter"), [says(".echo who has t002?")]);
    for (typed, line) in [
        ("/me waves", ".me waves"),
        ("/msg bob psst", ".msg bob psst"),
        ("/who", ".who"),
        ("/names", ".names"),
        (".reboot", ".echo .reboot"),
    ] {
        stage.typed(typed);
        assert_eq!(stage.keys("enter"), [says(line)], "{typed}");
    }
    stage.typed("/quit");
    assert_eq!(stage.keys("enter"), []);
    assert!(
        stage
            .screen(80, 24)
            .contains("/quit is no command of the chat")
    );
    stage.keys("ctrl+u up up");
    assert_eq!(stage.model.chat.input.text(), "/names");
    stage.keys("ctrl+u esc");
    assert_eq!(stage.model.focus, Focus::Main);
}

#[test]
fn keys_of_the_chat_are_not_those_of_targets() {
    let mut stage = lab();
    stage.keys("enter f4");
    // Letters, and what interrupts a target elsewhere.
    assert_eq!(stage.keys("q x R"), []);
    assert_eq!(stage.model.chat.input.text(), "qxR");
    assert_eq!(stage.keys("ctrl+c ctrl+c"), []);
    assert_eq!(stage.model.focus, Focus::Line);
    stage.keys("C");
    assert_eq!(stage.model.line.text(), "C", "it is text there");
    stage.keys("ctrl+u esc C");
    assert_eq!(stage.model.focus, Focus::Chat);
    stage.keys("f4");
    assert_eq!(stage.model.chat.open, Some(false));
}

#[test]
fn names_are_completed() {
    let mut stage = lab();
    stage.keys("f4");
    stage.typed("hi al");
    stage.keys("tab");
    assert_eq!(stage.model.chat.input.text(), "hi alice ");
    stage.keys("ctrl+u");
    stage.typed("/m");
    stage.keys("tab tab");
    assert_eq!(stage.model.chat.input.text(), "/msg");
}

#[test]
fn what_is_said_while_the_chat_is_folded_is_told_and_counted() {
    let mut stage = lab();
    stage.screen(80, 24);
    assert_eq!(
        stage.says(1, "alice", None, "who has t002?"),
        [Effect::Soon]
    );
    stage.says(2, "bob", None, "kim has");
    stage.says(3, "alice", Some("bob"), "not for kim");
    let screen = stage.screen(80, 24);
    assert!(screen.contains("chat 2 @1"), "{screen}");
    assert!(screen.contains("bob: kim has"), "{screen}");
    assert!(!screen.contains("not for kim"), "{screen}");
    stage.keys("f4");
    let screen = stage.screen(80, 24);
    assert!(!screen.contains("chat 2"), "{screen}");
    assert!(screen.contains(" new "), "{screen}");
    stage.keys("esc");
    stage.says(4, "alice", None, "thanks");
    assert!(stage.screen(80, 24).contains("chat 1"));
}

#[test]
fn it_stands_beside_the_rack_where_there_is_company_and_room() {
    let mut stage = Stage::new(12);
    stage.screen(120, 36);
    assert_eq!(stage.model.plan().chat, None, "nobody is here");
    stage.company(Role::Server, &["kim", "alice"]);
    assert!(stage.model.plan().chat.is_some());
    stage.says(1, "alice", None, "kim?");
    assert_eq!(stage.model.chat.unread(), 0, "it is in sight");
    // Panes keep their size, whoever comes.
    stage.keys("enter");
    assert_eq!(
        (stage.model.view, stage.model.plan().chat),
        (View::Panes, None)
    );
    stage.keys("f4");
    assert!(stage.model.plan().chat.is_some());
    stage.keys("esc");
    assert!(stage.model.plan().chat.is_some(), "it was opened by hand");
    stage.keys("f4 f4");
    assert_eq!(stage.model.plan().chat, None);
}

#[test]
fn who_comes_and_goes_is_a_quiet_line() {
    let mut stage = lab();
    stage.keys("f4");
    assert_eq!(
        stage.person("alice", Change::Joined),
        [Effect::Company, Effect::Soon]
    );
    stage.person("bob", Change::Renamed("robert".to_owned()));
    stage.person("bob", Change::Left("bad\x1b[2J line".to_owned()));
    assert_eq!(stage.person("kim", Change::Joined), [Effect::Company]);
    let screen = stage.screen(80, 24);
    for line in [
        "alice joined (tcp, operator)",
        "robert is bob now",
        "bob left: bad line",
    ] {
        assert!(screen.contains(line), "{line} in\n{screen}");
    }
    assert!(!screen.contains("kim joined"), "{screen}");
}

#[test]
fn targets_that_stop_or_are_lost_are_told_of_and_others_are_not() {
    let mut stage = lab();
    stage.keys("f4");
    let mut event = |id, state, detail: &str| {
        let event = Event::Target {
            time: stage.now,
            id: TargetId(id),
            state,
            detail: detail.to_owned(),
        };
        stage.message(Message::Event(event))
    };
    assert_eq!(event(1, State::Running, "connected"), []);
    assert_eq!(event(2, State::Broken, "breakpoint 0"), [Effect::Soon]);
    assert_eq!(event(2, State::Broken, "breakpoint 0"), []);
    assert_eq!(event(3, State::Lost, "refused"), [Effect::Soon]);
    let screen = stage.screen(80, 24);
    assert!(screen.contains("B t002 broken: breakpoint 0"), "{screen}");
    assert!(screen.contains("L t003 lost: refused"), "{screen}");
}

#[test]
fn the_wheel_and_pages_move_it() {
    let mut stage = lab();
    for id in 1..60 {
        stage.says(id, "alice", None, &format!("line {id}."));
    }
    stage.keys("f4");
    stage.model.notice_until = None;
    assert!(stage.screen(80, 24).contains("line 59."));
    stage.keys("pageup");
    let screen = stage.screen(80, 24);
    assert!(
        !screen.contains("line 59.") && screen.contains("lines below"),
        "{screen}"
    );
    stage.keys("pagedown pagedown");
    let wheel = |kind| {
        Message::Mouse(MouseEvent {
            kind,
            column: 70,
            row: 8,
            modifiers: KeyModifiers::NONE,
        })
    };
    stage.message(wheel(MouseEventKind::ScrollUp));
    assert!(stage.screen(80, 24).contains("3 lines below"));
    stage.keys("x enter");
    assert!(
        stage.screen(80, 24).contains("line 59."),
        "who speaks reads on"
    );
}

#[test]
fn a_paste_is_one_line_of_it() {
    let mut stage = lab();
    stage.keys("f4");
    stage.message(Message::Paste("one\r\ntwo\x1b\n".to_owned()));
    assert_eq!(stage.model.chat.input.text(), "one two");
}

#[test]
fn the_command_line_chats_too() {
    let mut stage = lab();
    let keep = |line: &str| Effect::Remember(line.to_owned());
    assert_eq!(
        stage.line(".chat hello"),
        [keep(".chat hello"), says(".echo hello")]
    );
    stage.line(".chat");
    assert_eq!(stage.model.focus, Focus::Chat);
    stage.keys("f6");
    assert_eq!(stage.model.focus, Focus::Main);
    stage.keys("f6 f6");
}
