mod company;
mod debugger;

use std::collections::HashSet;

use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::deck::Severity;
use crate::rack::State;
use crate::transcript::Kind;
use crate::transcript::log::Health;
use crate::ui::frame::Fresh;
use crate::ui::message::Message;
use crate::ui::stage::Stage;
use crate::ui::theme::{Depth, Role};

/// An ordinary bad day.
fn lab(count: u32) -> Stage {
    let mut stage = Stage::new(count);
    for id in 0..count {
        let name = format!("t{id:03}");
        stage.output(
            &name,
            format!(
                "[{:5}.{id:03}] eth{}: link up, 1000 Mb/s, full duplex\r\n",
                id * 7,
                id % 4
            ),
        );
    }
    stage.state("t002", State::Broken, "breakpoint 0");
    stage.state("t004", State::Lost, "connection refused; next try in 3 s");
    stage.state("t007", State::Waiting, "listening on port 50007");
    stage.state("t011", State::Closed, "exited with status 1");
    stage.output(
        "t005",
        "\r\nDebian GNU/Linux 13 t005 ttyS0\r\n\r\nt005 login: ",
    );
    stage.wait(500);
    stage
}

fn busy() -> Stage {
    let stage = lab(12);
    for n in 0..30 {
        stage.output("t003", format!("[  212.{n:03}] systemd[1]: \x1b[32mStarted\x1b[0m Session {n} of a user with a long name.\r\n"));
    }
    stage.note("t003", Kind::Command, Some("kim"), "journalctl -f");
    stage.note("t003", Kind::Command, Some("alex"), "reboot");
    stage.note("t003", Kind::Reply, None, "speed 115200 baud\nbreak sent");
    stage.note("t003", Kind::Notice, None, "connection lost: reset by peer");
    stage.output("t003", "\u{6f22}\u{5b57} wide, e\u{301} marks\r\n$ ");
    stage
}

macro_rules! snapshots {
    ($stage:expr, $name:literal) => {{
        let mut stage = $stage;
        for (width, height) in [(80, 24), (120, 40), (240, 70), (20, 5)] {
            insta::assert_snapshot!(
                format!("{}_{width}x{height}", $name),
                stage.screen(width, height)
            );
        }
    }};
}

#[test]
fn the_overview_of_a_hundred_targets() {
    snapshots!(lab(100), "overview");
}

#[test]
fn panes() {
    let mut stage = busy();
    stage.line(".open t003 t005 t004 t001");
    stage.keys("alt+1 esc s pageup");
    snapshots!(stage, "panes");
}

#[test]
fn raw_mode() {
    let mut stage = busy();
    stage.line(".open t003 t006");
    stage.keys("ctrl+]");
    stage.screen(80, 24);
    stage.output(
        "t006",
        "\x1b[2J\x1b[3;5H\x1b[7m Boot menu \x1b[0m\x1b[5;5H> Debian\x1b[6;5H  Memory test",
    );
    snapshots!(stage, "raw");
}

#[test]
fn a_question_over_panes() {
    let mut stage = busy();
    stage.line(".open t003");
    stage.line("@rack-b poweroff");
    snapshots!(stage, "question");
}

#[test]
fn a_search_with_its_matches() {
    let mut stage = busy();
    stage.line(".open t003");
    stage.keys("esc /");
    stage.typed("session 2");
    stage.keys("enter");
    stage.message(Message::Work);
    insta::assert_snapshot!("search_80x24", stage.screen(80, 24));
    let terminal = stage.terminal(80, 24);
    let lit = terminal
        .backend()
        .buffer()
        .content
        .iter()
        .filter(|cell| cell.modifier.contains(ratatui::style::Modifier::REVERSED));
    let lit: String = lit.map(ratatui::buffer::Cell::symbol).collect();
    assert!(lit.contains("Session 2Session 2"), "{lit}");
}

#[test]
fn an_empty_rack_says_what_to_do() {
    insta::assert_snapshot!("empty_80x24", Stage::new(0).screen(80, 24));
}

#[test]
fn every_size_is_drawn_in_every_view() {
    let mut stages = [lab(100), busy(), busy(), Stage::new(0)];
    stages[1].line("@all .open");
    stages[2].keys("f1");
    for stage in &mut stages {
        for (width, height) in [
            (0, 0),
            (1, 1),
            (2, 1),
            (1, 50),
            (300, 1),
            (19, 5),
            (20, 4),
            (20, 5),
            (21, 6),
            (40, 9),
            (39, 12),
        ] {
            stage.terminal(width, height);
        }
    }
    assert!(stages[0].screen(12, 2).contains("too small"));
    assert!(stages[0].screen(3, 4).contains("too"));
}

#[test]
fn a_frame_of_the_same_picture_is_the_same_frame() {
    let mut stage = busy();
    stage.line(".open t003 t005");
    let first = stage.terminal(120, 40).backend().buffer().clone();
    let again = stage.collect(Fresh::All);
    assert!(!again.changed);
    assert_eq!(stage.terminal(120, 40).backend().buffer().diff(&first), []);
}

#[test]
fn output_of_a_target_that_is_not_in_sight_changes_nothing() {
    let mut stage = busy();
    stage.line(".open t003 t005");
    stage.screen(120, 40);
    stage.output("t001", "something new\n");
    assert!(!stage.collect(Fresh::All).changed);
    stage.output("t005", "kim\r\n");
    assert!(stage.collect(Fresh::All).changed);
}

#[test]
fn a_tile_changes_no_more_often_than_people_read_and_shows_the_last_line_in_the_end() {
    let mut stage = lab(12);
    stage.screen(120, 40);
    stage.output("t001", "first\n");
    stage.wait(500);
    assert!(stage.screen(120, 40).contains("first"));
    stage.output("t001", "second\n");
    stage.wait(100);
    let held = stage.collect(Fresh::All);
    assert!(
        stage
            .picture
            .tile(crate::rack::TargetId(1))
            .is_some_and(|tile| tile.text == "first")
    );
    let due = held.again.expect("it has to be looked at again");
    assert!(due > stage.clock && due <= stage.clock + std::time::Duration::from_millis(400));
    stage.wait(400);
    assert!(stage.screen(120, 40).contains("second"));
}

#[test]
fn in_every_theme_and_depth_states_are_told_by_letters() {
    for depth in [Depth::Mono, Depth::Ansi16] {
        let mut stage = lab(20);
        stage.model.settings.depth = depth;
        let screen = stage.screen(80, 24);
        for letter in ["L t004", "B t002", "X t011", "W t007"] {
            assert!(screen.contains(letter), "{letter} in\n{screen}");
        }
    }
}

#[test]
fn a_log_that_cannot_be_written_shows_in_every_view() {
    let mut stage = Stage::new(12);
    let failing = || Health::Failing {
        reason: "no space left on device".to_owned(),
    };
    stage.screen(80, 24);
    stage.target("t003").status.set_log(failing());
    assert!(stage.collect(Fresh::Front).changed);
    let screen = stage.screen(80, 24);
    assert!(screen.contains("1 LOG FAILS"), "{screen}");
    assert!(screen.contains("1 needs you: log t003"), "{screen}");
    stage.keys("n");
    assert_eq!(stage.model.target().unwrap().name, "t003");
    stage.target("t004").status.set_log(failing());
    stage.line(".open t000");
    assert!(stage.screen(80, 24).contains("2 LOGS FAIL"));
    assert!(stage.screen(40, 12).contains("2 LOGS FAIL"));
}

#[test]
fn a_notice_that_is_cut_off_says_where_to_read_it_all() {
    let mut stage = Stage::new(4);
    let long = |n: u32| Message::Tell(Severity::Error, format!("{n} {}", "very long ".repeat(20)));
    stage.message(long(1));
    assert!(stage.screen(80, 24).contains("\u{bb} L all"));
    stage.keys("i");
    assert!(stage.screen(80, 24).contains("\u{bb} F12 all"));
    stage.message(Message::Tell(Severity::Info, "short".to_owned()));
    let screen = stage.screen(80, 24);
    assert!(!screen.contains(" all "), "{screen}");
    assert!(
        screen.contains("1 notice "),
        "what only informs is not counted: {screen}"
    );
    stage.keys("f12");
    assert!(stage.screen(80, 24).contains("Notices"));
}

#[test]
fn without_unicode_nothing_beyond_ascii_is_drawn_whatever_targets_print() {
    let mut stage = busy();
    stage.model.settings.glyphs = &crate::ui::glyphs::ASCII;
    stage.output("t001", "\u{5d0}\u{5d1} \u{6f22}\u{5b57} end");
    stage.wait(500);
    for keys in ["home", "down", "enter", "ctrl+]", "ctrl+] f3"] {
        stage.keys(keys);
        let terminal = stage.terminal(120, 40);
        let cells = &terminal.backend().buffer().content;
        let rows: String = cells.iter().map(ratatui::buffer::Cell::symbol).collect();
        assert!(rows.is_ascii(), "{rows}");
        assert!(rows.contains("?? ? ?  end"), "{rows}");
    }
}

/// What one pane draws beside a neighbour.
fn beside(lines: &[u8]) -> (Buffer, Rect) {
    let mut stage = Stage::new(4);
    stage.output("t001", "the neighbour's line\n".repeat(50));
    stage.line(".open t000 t001");
    stage.line(".layout columns");
    stage.model.notice_until = None;
    stage.output("t000", lines);
    let terminal = stage.terminal(80, 20);
    (terminal.backend().buffer().clone(), Rect::new(0, 2, 40, 16))
}

fn check_contained(lines: &[u8]) {
    let (plain, pane) = beside(b"");
    let (hostile, _) = beside(lines);
    for position in hostile
        .area
        .positions()
        .filter(|position| !pane.contains(*position))
    {
        assert_eq!(hostile[position], plain[position], "{position} changed");
    }
    let symbols: HashSet<&str> = hostile
        .content
        .iter()
        .map(ratatui::buffer::Cell::symbol)
        .collect();
    for symbol in symbols {
        assert!(!symbol.chars().any(char::is_control), "{symbol:?}");
        assert!(
            !symbol.contains(['\u{202e}', '\u{2066}', '\u{200f}', '\u{feff}']),
            "{symbol:?}"
        );
    }
}

#[test]
fn hostile_lines_stay_in_their_pane() {
    let families: [&[u8]; 9] = [
        b"\x1b[2J\x1b[1;60Hgotcha\n",
        b"\x1b]0;title\x07\x1b]52;c;Zm9v\x07\x1bP+q544e\x1b\\\n",
        b"\x1b[?1049h\x1b[?25l\x1b[5;10r\x1b[41m\x1bc\n",
        b"\x9b2J\x9d0;t\x9c\xc2\x9b31m\n",
        "a\u{202e}b\u{2066}c\u{200f}\u{feff}\n".as_bytes(),
        "\u{6f22}\u{6f22}\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}\u{26a0}\u{fe0f}\n".as_bytes(),
        "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\n".as_bytes(),
        b"\xff\xfe\xc3\x28\xf0\x9f\n\0\0\0\n",
        b"\r\r\x08\x08\t\t\t\t\t\t\t\t\t\x0b\x0c\x07\n",
    ];
    for family in families {
        check_contained(family);
        check_contained(&family.repeat(40));
    }
    let wide = "\u{6f22}".repeat(500);
    check_contained(wide.as_bytes());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_target_sends_stays_in_its_pane(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        check_contained(&bytes);
    }
}

#[test]
fn a_theme_with_a_background_covers_the_whole_screen() {
    let mut stage = busy();
    stage.line(".open t003 t005");
    for place in 0..stage.model.settings.themes.len() {
        stage.model.settings.theme = place;
        let Some(background) = stage.model.look().style(Role::Text).bg else {
            continue;
        };
        stage.screen(80, 24);
        let area = Rect::new(0, 0, 80, 24);
        let mut buffer = Buffer::empty(area);
        super::render(area, &mut buffer, &stage.model, &stage.picture);
        let bare = buffer
            .content
            .iter()
            .filter(|cell| cell.bg == ratatui::style::Color::Reset)
            .count();
        assert_eq!(
            bare,
            0,
            "{background:?} in {}",
            stage.model.look().theme.name()
        );
    }
}
