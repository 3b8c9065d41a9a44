use super::{ask, submit};
use crate::target::Request;
use crate::ui::frame::Fresh;
use crate::ui::message::{Effect, Message};
use crate::ui::model::{Focus, Overlay, View};
use crate::ui::stage::Stage;

#[test]
fn a_line_goes_to_the_target_in_front_and_is_remembered() {
    let mut stage = Stage::new(3);
    stage.keys("down enter");
    assert_eq!(
        (stage.model.view, stage.model.focus),
        (View::Panes, Focus::Line)
    );
    let effects = stage.line("uptime");
    assert_eq!(
        effects,
        [Effect::Remember("uptime".into()), submit(1, "uptime")]
    );
    assert!(stage.model.line.is_empty());
    stage.keys("up");
    assert_eq!(stage.model.line.text(), "uptime");
}

#[test]
fn a_line_with_a_password_comes_back_and_is_kept_in_no_file() {
    let mut stage = Stage::new(3);
    stage.keys("i");
    for typed in [
        ".server tcp:port=5005,password=Lab12",
        ".add net:port=50000,key=1.2.3.4",
        ".remote tcp:server=lab01,port=5005,password=Lab12",
    ] {
        stage.model.overlay = None;
        let effects = stage.line(typed);
        assert!(
            !effects.contains(&Effect::Remember(typed.into())),
            "{effects:?}"
        );
    }
    stage.model.overlay = None;
    assert!(
        stage
            .line(".server npipe:pipe=lab")
            .contains(&Effect::Remember(".server npipe:pipe=lab".into()))
    );
}

#[test]
fn typing_wants_nothing_but_a_frame_of_what_is_known() {
    let mut stage = Stage::new(3);
    stage.keys("i");
    assert_eq!(stage.typed("x"), []);
    assert_eq!(stage.effects, [Effect::Draw(Fresh::Known)]);
}

#[test]
fn an_empty_line_is_sent_as_one() {
    let mut stage = Stage::new(3);
    stage.keys("enter");
    assert_eq!(stage.keys("enter"), [ask(0, Request::Line(String::new()))]);
}

#[test]
fn a_line_for_several_targets_is_asked_about_and_no_is_the_answer_that_enter_gives() {
    let mut stage = Stage::new(4);
    assert_eq!(
        stage.line("@rack-a reboot"),
        [Effect::Remember("@rack-a reboot".into())]
    );
    assert!(matches!(stage.model.overlay, Some(Overlay::Confirm(..))));
    assert_eq!(stage.keys("enter"), []);
    stage.line("@rack-a reboot");
    assert_eq!(stage.keys("y"), [submit(0, "@rack-a reboot")]);
    stage.model.settings.confirm_many = false;
    assert!(
        stage
            .line("@all poweroff")
            .contains(&submit(0, "@all poweroff"))
    );
}

#[test]
fn what_only_reads_is_not_asked_about() {
    let mut stage = Stage::new(4);
    assert!(
        stage
            .line("@all .status")
            .contains(&submit(0, "@all .status"))
    );
}

#[test]
fn a_line_for_nobody_is_kept_and_explained() {
    let mut stage = Stage::new(2);
    assert_eq!(stage.line("@nobody hello"), []);
    assert_eq!(stage.model.line.text(), "@nobody hello");
    assert!(
        stage
            .model
            .notices
            .last()
            .is_some_and(|notice| notice.text.contains("@nobody"))
    );
    let mut empty = Stage::new(0);
    assert_eq!(empty.line("hello"), []);
    assert_eq!(empty.model.line.text(), "hello");
}

#[test]
fn marked_targets_are_talked_to_together() {
    let mut stage = Stage::new(4);
    stage.keys("space space");
    stage.line("date");
    assert_eq!(stage.keys("y"), [submit(2, "@t000,t001 date")]);
}

#[test]
fn an_address_alone_says_whom_to_talk_to_until_it_is_taken_back() {
    let mut stage = Stage::new(4);
    stage.line("@t002");
    assert!(stage.line("date").contains(&submit(0, "@t002 date")));
    assert!(stage.line("@t003 id").contains(&submit(0, "@t003 id")));
    stage.line("@");
    assert!(stage.line("date").contains(&submit(0, "date")));
}

#[test]
fn the_answer_to_a_password_prompt_is_hidden_and_not_remembered() {
    let mut stage = Stage::new(1);
    stage.output("t000", "login: kim\r\nPassword: ");
    stage.keys("enter");
    stage.typed("hunter2");
    assert!(stage.model.line.is_secret());
    assert!(!stage.screen(80, 24).contains("hunter2"));
    assert_eq!(stage.keys("enter"), [submit(0, "hunter2")]);
    assert!(!stage.model.line.is_secret());
    stage.output("t000", "\r\n$ ");
    assert_eq!(
        stage.line(" export TOKEN=x"),
        [submit(0, " export TOKEN=x")],
        "a blank in front keeps it out, too"
    );
}

#[test]
fn the_interrupt_key_clears_a_line_and_interrupts_on_an_empty_one() {
    let mut stage = Stage::new(1);
    stage.keys("enter");
    stage.typed("oops");
    assert_eq!(stage.keys("ctrl+c"), []);
    assert!(stage.model.line.is_empty());
    assert_eq!(stage.keys("ctrl+c"), [ask(0, Request::Interrupt)]);
}

#[test]
fn a_paste_of_several_lines_is_asked_about_and_sent_line_by_line() {
    let mut stage = Stage::new(2);
    stage.keys("enter");
    assert_eq!(stage.message(Message::Paste("one line\n".into())), []);
    assert_eq!(stage.model.line.text(), "one line");
    stage.keys("ctrl+c");
    assert_eq!(
        stage.message(Message::Paste("a\r\nb\r\rc\x1b[2J".into())),
        []
    );
    assert_eq!(
        stage.keys("y"),
        [submit(0, "a"), submit(0, "b"), submit(0, "c[2J")]
    );
    let flood = "x\n".repeat(1_001);
    assert_eq!(stage.message(Message::Paste(flood)), []);
    assert!(stage.model.overlay.is_none(), "that much is refused");
}

#[test]
fn tab_completes_addresses_commands_and_their_arguments() {
    let mut stage = Stage::new(12);
    stage.keys("i");
    let mut complete = |text: &str, keys: &str| {
        stage.keys("ctrl+u");
        stage.typed(text);
        stage.keys(keys);
        stage.model.line.text().to_owned()
    };
    assert_eq!(complete("@ra", "tab"), "@rack-");
    assert_eq!(complete("@ra", "tab tab"), "@rack-a");
    assert_eq!(complete("@ra", "tab tab tab"), "@rack-b");
    assert_eq!(complete("@ra", "tab shift+tab"), "@rack-b");
    assert_eq!(complete("@t000,t01", "tab"), "@t000,t010");
    assert_eq!(complete(".brea", "tab"), ".break ");
    assert_eq!(complete("@t001 .brea", "tab"), "@t001 .break ");
    assert_eq!(complete(".open t007 t01", "tab tab"), ".open t007 t011");
    assert_eq!(complete(".theme hi", "tab"), ".theme high-contrast ");
    assert_eq!(
        complete("reboot no", "tab"),
        "reboot no",
        "text is not ours to complete"
    );
}

#[test]
fn any_part_of_a_line_typed_before_brings_it_back() {
    let mut stage = Stage::new(1);
    stage.line("set baud 9600");
    stage.line("set baud 115200");
    stage.keys("ctrl+r");
    stage.typed("baud");
    stage.keys("ctrl+r enter");
    assert_eq!(stage.model.line.text(), "set baud 9600");
}

#[test]
fn a_character_that_is_no_key_begins_a_line() {
    let mut stage = Stage::new(1);
    stage.typed("@t000 id");
    assert_eq!(stage.model.line.text(), "@t000 id");
}
