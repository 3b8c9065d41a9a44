mod chat;
mod debugger;
mod line;
mod session;

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use crate::command::Reply;
use crate::rack::{State, TargetId};
use crate::target::Request;
use crate::transcript::Kind;
use crate::ui::frame::Fresh;
use crate::ui::message::{Effect, Message};
use crate::ui::model::{Focus, View};
use crate::ui::panes::Scroll;
use crate::ui::stage::Stage;

fn submit(focus: u32, line: &str) -> Effect {
    Effect::Submit {
        focus: Some(TargetId(focus)),
        line: line.to_owned(),
    }
}

fn ask(id: u32, request: Request) -> Effect {
    Effect::Ask {
        id: TargetId(id),
        request,
    }
}

#[test]
fn commands_of_the_screen_are_carried_out_here() {
    let mut stage = Stage::new(12);
    stage.line(".open t003 t005");
    assert_eq!(stage.model.panes.list.len(), 2);
    stage.line(".layout rows");
    assert_eq!(stage.model.panes.arrangement.word(), "rows");
    stage.line(".theme dark");
    assert_eq!(stage.model.look().theme.name(), "dark");
    stage.line("@all .open");
    assert_eq!(stage.model.panes.list.len(), 9);
    assert_eq!(stage.line(".close"), [Effect::Remember(".close".into())]);
    assert_eq!(stage.model.panes.list.len(), 8);
    stage.line(".theme nothing");
    assert!(
        stage
            .model
            .notices
            .last()
            .is_some_and(|notice| notice.text.contains("high-contrast"))
    );
    stage.line(".rack");
    assert_eq!(stage.model.view, View::Rack);
}

#[test]
fn quitting_asks_only_while_targets_are_connected() {
    let mut stage = Stage::new(1);
    assert_eq!(stage.keys("q"), []);
    assert_eq!(stage.keys("y"), [Effect::Quit]);
    stage.state("t000", State::Lost, "refused");
    assert_eq!(stage.keys("q"), [Effect::Quit]);
}

#[test]
fn in_raw_mode_every_key_but_one_goes_to_the_target() {
    let mut stage = Stage::new(2);
    stage.keys("enter ctrl+]");
    let bytes = |bytes: &[u8]| ask(0, Request::Keys(bytes.to_vec()));
    let effects = stage.keys("q ctrl+c up f1 esc enter");
    assert_eq!(
        effects,
        [
            bytes(b"q"),
            bytes(b"\x03"),
            bytes(b"\x1b[A"),
            bytes(b"\x1bOP"),
            bytes(b"\x1b"),
            bytes(b"\r")
        ]
    );
    assert_eq!(stage.message(Message::Paste("one".into())), [bytes(b"one")]);
    assert_eq!(stage.message(Message::Paste("a\rb".into())), []);
    assert_eq!(stage.keys("y"), [bytes(b"a\rb")]);
    assert_eq!(stage.keys("ctrl+]"), []);
    assert!(stage.model.front().is_some_and(|pane| !pane.raw));
}

#[test]
fn a_target_in_raw_mode_is_told_the_size_of_its_pane_once_and_its_questions_are_answered() {
    let mut stage = Stage::new(1);
    stage.keys("enter ctrl+]");
    assert_eq!(
        stage.collect(Fresh::All).effects,
        [ask(
            0,
            Request::Resize {
                columns: 80,
                rows: 20
            }
        )]
    );
    stage.output("t000", "\x1b[6n");
    assert_eq!(
        stage.collect(Fresh::All).effects,
        [ask(0, Request::Keys(b"\x1b[1;1R".to_vec()))]
    );
    stage.message(Message::Resize {
        columns: 60,
        rows: 24,
    });
    assert_eq!(
        stage.collect(Fresh::All).effects,
        [ask(
            0,
            Request::Resize {
                columns: 60,
                rows: 20
            }
        )]
    );
    assert_eq!(stage.collect(Fresh::All).effects, []);
}

#[test]
fn scrolling_back_holds_the_view_while_output_arrives_and_the_end_follows_again() {
    let mut stage = Stage::new(1);
    (0..100).for_each(|n| stage.output("t000", format!("line {n}\n")));
    stage.keys("enter esc up up");
    stage.collect(Fresh::All);
    let before = stage.screen(80, 24);
    assert!(
        before.contains("line 97") && !before.contains("line 98"),
        "{before}"
    );
    (100..150).for_each(|n| stage.output("t000", format!("line {n}\n")));
    let after = stage.screen(80, 24);
    assert!(
        after.contains("line 97") && after.contains("52 lines below"),
        "{after}"
    );
    stage.keys("down");
    assert!(matches!(stage.model.panes.list[0].scroll, Scroll::At(_)));
    stage.keys("end");
    assert_eq!(stage.model.panes.list[0].scroll, Scroll::Follow);
    stage.keys("home");
    assert!(stage.screen(80, 24).contains("line 0 "));
    stage.line("hello");
    assert_eq!(
        stage.model.panes.list[0].scroll,
        Scroll::Follow,
        "who types wants to see the answer"
    );
}

#[test]
fn a_search_finds_older_matches_and_goes_back_to_newer_ones() {
    let mut stage = Stage::new(1);
    (0..5_000).for_each(|n| stage.output("t000", format!("line {n}\n")));
    stage.keys("enter esc /");
    stage.typed("line [0-9]*77$");
    stage.keys("enter");
    let found = |stage: &mut Stage| {
        let mut turns = 0;
        while stage.model.is_working() && turns < 100 {
            stage.message(Message::Work);
            turns += 1;
        }
        stage.model.panes.list[0]
            .search
            .as_ref()
            .and_then(|search| search.current)
    };
    assert_eq!(found(&mut stage), Some(4_978));
    assert!(stage.screen(80, 24).contains("line 4977"));
    stage.keys("n");
    assert_eq!(found(&mut stage), Some(4_878));
    stage.keys("N");
    assert_eq!(found(&mut stage), Some(4_978));
}

#[test]
fn the_filter_follows_what_is_typed_and_esc_shows_all_again() {
    let mut stage = Stage::new(20);
    stage.keys("/");
    stage.typed("rack-b t01");
    assert_eq!(stage.model.overview.targets().count(), 10);
    stage.typed("5");
    assert_eq!(
        stage.model.overview.targets().collect::<Vec<_>>(),
        [TargetId(15)]
    );
    stage.keys("enter");
    assert_eq!(stage.model.overview.filter, "rack-b t015");
    stage.keys("esc");
    assert_eq!(stage.model.overview.targets().count(), 20);
}

#[test]
fn the_next_target_that_needs_somebody_is_found_round_the_end() {
    let mut stage = Stage::new(30);
    stage.state("t003", State::Lost, "refused");
    stage.state("t020", State::Closed, "exited with 1");
    let selected = |stage: &Stage| stage.model.overview.selected;
    stage.keys("n");
    assert_eq!(selected(&stage), Some(TargetId(3)));
    stage.keys("n");
    assert_eq!(selected(&stage), Some(TargetId(20)));
    stage.keys("n");
    assert_eq!(selected(&stage), Some(TargetId(3)));
}

#[test]
fn the_chosen_target_stays_in_sight_wherever_one_goes() {
    let mut stage = Stage::new(100);
    for (width, height) in [(80, 24), (120, 40), (240, 70), (39, 10), (20, 5)] {
        stage.message(Message::Resize {
            columns: width,
            rows: height,
        });
        for keys in [
            "end", "up", "pageup", "home", "down", "pagedown", "right", "left", "G", "g",
        ] {
            stage.keys(keys);
            stage.collect(Fresh::All);
            let name = stage
                .model
                .target()
                .map(|target| target.name.clone())
                .unwrap();
            let screen = stage.screen(width, height);
            let shown = screen
                .lines()
                .take(usize::from(height) - 1)
                .any(|row| row.contains(&format!("►R {name}")));
            assert!(shown, "{name} after {keys}\n{screen}");
        }
    }
}

#[test]
fn short_answers_are_told_and_long_ones_open_a_box() {
    let mut stage = Stage::new(2);
    let reply = |target, ok, text: &str| Reply {
        target,
        seq: None,
        ok,
        text: text.to_owned(),
    };
    stage.message(Message::Replies(vec![reply(
        Some(TargetId(1)),
        false,
        "not connected",
    )]));
    assert_eq!(
        stage
            .model
            .notices
            .last()
            .map(|notice| notice.text.as_str()),
        Some("t001: not connected")
    );
    for text in ["t001 is not connected", "t001: not connected"] {
        stage.message(Message::Replies(vec![reply(
            Some(TargetId(1)),
            false,
            text,
        )]));
        let told = stage.model.notices.last().map(|notice| notice.text.clone());
        assert_eq!(told.as_deref(), Some(text), "the name is said once");
    }
    stage.message(Message::Replies(vec![reply(None, true, "one\ntwo")]));
    assert!(stage.screen(80, 24).contains("two"));
    stage.keys("esc");
    assert!(stage.model.overlay.is_none());
}

#[test]
fn panes_are_zoomed_and_arranged_from_the_rack_too() {
    let mut stage = Stage::new(4);
    stage.keys("a");
    assert_eq!(stage.model.view, View::Rack);
    assert!(stage.screen(80, 24).contains("no pane is open"));
    stage.line(".open t000 t001");
    stage.keys("esc f3 home");
    stage.keys("z");
    assert_eq!(stage.model.view, View::Panes);
    assert!(stage.model.panes.zoomed);
    assert_eq!(stage.model.target().unwrap().name, "t000");
    let before = stage.model.panes.arrangement;
    stage.keys("esc f3 a");
    assert_eq!(stage.model.view, View::Panes);
    assert!(!stage.model.panes.zoomed && stage.model.panes.arrangement != before);
    // What is not in sight is not closed.
    stage.keys("f3");
    stage.keys("ctrl+p");
    stage.typed("close-pane");
    stage.keys("enter");
    assert_eq!(stage.model.panes.list.len(), 2);
}

#[test]
fn answers_wait_until_a_box_closes() {
    let mut stage = Stage::new(4);
    let answer = |n: usize| {
        let text = format!("first {n}\nlast {n}");
        Message::Replies(vec![Reply::new(Ok(text))])
    };
    stage.keys("f1");
    stage.message(answer(1));
    stage.message(answer(2));
    assert!(!stage.screen(80, 24).contains("last 1"));
    stage.keys("esc");
    let screen = stage.screen(80, 24);
    assert!(
        screen.contains("last 1") && screen.contains("first 2"),
        "{screen}"
    );
    (0..100).for_each(|n| drop(stage.message(answer(n))));
    stage.keys("esc");
    let screen = stage.screen(80, 60);
    assert!(
        !screen.contains("first 83") && screen.contains("first 84"),
        "{screen}"
    );
    assert!(screen.contains("an answer was dropped"), "{screen}");
    stage.keys("esc");
    assert!(stage.model.overlay.is_none());
}

#[test]
fn moving_the_mouse_costs_nothing_and_clicks_choose() {
    let mut stage = Stage::new(10);
    stage.screen(80, 24);
    let mouse = |kind, column, row| {
        Message::Mouse(MouseEvent {
            kind,
            column,
            row,
            modifiers: KeyModifiers::NONE,
        })
    };
    stage.message(mouse(MouseEventKind::Moved, 3, 3));
    assert_eq!(stage.effects, []);
    stage.message(mouse(MouseEventKind::Down(MouseButton::Left), 5, 4));
    assert_eq!(stage.model.overview.selected, Some(TargetId(2)));
    stage.message(mouse(MouseEventKind::Down(MouseButton::Left), 5, 4));
    assert_eq!(stage.model.view, View::Panes);
    stage.keys("f3");
    stage.message(mouse(MouseEventKind::Down(MouseButton::Left), 5, 22));
    assert_eq!(stage.model.focus, Focus::Line);
}

#[test]
fn selected_rows_are_copied_without_times_names_or_wraps() {
    let mut stage = Stage::new(1);
    stage.output("t000", format!("first\n{}\nlast\n", "x".repeat(100)));
    stage.note("t000", Kind::Command, Some("kim"), "uptime");
    stage.keys("enter esc s");
    stage.screen(80, 24);
    let mouse = |kind, row| {
        Message::Mouse(MouseEvent {
            kind,
            column: 3,
            row,
            modifiers: KeyModifiers::NONE,
        })
    };
    stage.message(mouse(MouseEventKind::Down(MouseButton::Left), 3));
    stage.message(mouse(MouseEventKind::Drag(MouseButton::Left), 6));
    assert_eq!(
        stage.keys("y"),
        [Effect::Copy(format!("{}\nlast\nuptime\n", "x".repeat(100)))]
    );
    stage.keys("esc");
    assert_eq!(
        stage.keys("y"),
        [Effect::Copy(format!(
            "first\n{}\nlast\nuptime\n",
            "x".repeat(100)
        ))]
    );
}

#[test]
fn a_removed_target_leaves_a_pane_that_says_so() {
    let mut stage = Stage::new(2);
    stage.keys("enter");
    let rest = stage.model.rack.targets().iter().skip(1).cloned().collect();
    let rack = std::sync::Arc::new(crate::rack::Rack::new(rest));
    stage.message(Message::Rack(crate::ui::message::Targets(rack)));
    assert!(stage.screen(80, 24).contains("removed"));
    stage.typed("hello");
    assert_eq!(stage.keys("enter"), []);
}

#[test]
fn notices_leave_the_last_line_in_time_and_nothing_ticks_with_reduced_motion() {
    let mut stage = Stage::new(1);
    stage.model.settings.reduced_motion = true;
    assert_eq!(stage.model.timer(), None);
    stage.message(Message::Tell(
        crate::deck::Severity::Error,
        "disk full".into(),
    ));
    assert!(
        stage
            .screen(80, 24)
            .lines()
            .last()
            .is_some_and(|row| row.contains("disk full"))
    );
    assert!(stage.model.timer().is_some());
    stage.wait(13_000);
    stage.message(Message::Timer);
    assert!(
        !stage
            .screen(80, 24)
            .lines()
            .last()
            .is_some_and(|row| row.contains("disk full"))
    );
    assert_eq!(stage.model.timer(), None);
}
