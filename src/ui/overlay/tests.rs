use jiff::civil::date;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::search::Remark;
use super::*;
use crate::ui::action::Context;
use crate::ui::glyphs::{ASCII, Glyphs, UNICODE};
use crate::ui::keys::{Key, KeyMap};
use crate::ui::look::Look;
use crate::ui::message::JoinQuestion;
use crate::ui::theme::{BUILT_IN, Depth, Theme};

fn key(name: &str) -> Key {
    name.parse().unwrap()
}

/// Presses keys written with spaces between them, and returns what the last one did.
fn press(names: &str, mut take: impl FnMut(Key, &KeyMap) -> Outcome) -> Outcome {
    let keys = KeyMap::default();
    names
        .split(' ')
        .map(|name| take(key(name), &keys))
        .last()
        .expect("at least one key")
}

fn help() -> Help {
    Help::new(Context::Pane, &KeyMap::default(), false)
}

fn palette() -> Palette {
    let mut items = Item::actions(Context::Rack, &KeyMap::default());
    items.push(Item::command(
        ".reload",
        "Read the configuration file again and apply what changed",
    ));
    items.push(Item::command(".raw", "Send every key to the target"));
    items.push(Item::target("web01", "R raw:server=127.0.0.1,port=50001"));
    items.push(Item::target("web-数据库", "L telnet:server=ts1,port=7003"));
    Palette::new("Palette", items)
}

fn confirm() -> Confirm {
    let lines = vec![
        "`reboot` goes to 12 targets:".to_owned(),
        "web01 web02 web03 web04 web05 web06 web07 web08 web09 web10 web11 web12".to_owned(),
        "2 of them are not connected and will not get it.".to_owned(),
    ];
    Confirm::new("Send to 12 targets?", lines, "Yes, send")
}

fn notices() -> Notices {
    let mut notices = Notices::default();
    let time = |minute| {
        date(2026, 3, 9)
            .at(14, minute, 5, 0)
            .to_zoned(TimeZone::UTC)
            .unwrap()
    };
    notices.push(time(1), Severity::Info, "100 targets of kdeck.toml");
    notices.push(
        time(2),
        Severity::Warning,
        "t003: telnet:ts1:7003 closed the connection; trying again in 4 s",
    );
    notices.push(
        time(3),
        Severity::Warning,
        "t003: telnet:ts1:7003 closed the connection; trying again in 4 s",
    );
    notices.push(
        time(4),
        Severity::Error,
        "/var/log/kdeck: no space left on the device; 120 lines of t004 are in memory only until there is room again",
    );
    notices
}

fn search() -> Search {
    let mut search = Search::new("search", "panic(");
    search.remark(Remark::Wrong("unclosed group".to_owned()));
    search
}

/// Draws on a screen that is full already, in ASCII or Unicode, without colours.
fn screen(
    width: u16,
    height: u16,
    glyphs: &Glyphs,
    draw: impl FnOnce(Rect, &mut Buffer, Look<'_>),
) -> TestBackend {
    let theme = Theme::built_in(Depth::Mono);
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| {
            let area = frame.area();
            for y in 0..height {
                frame.buffer_mut().set_string(
                    0,
                    y,
                    "~".repeat(usize::from(width)),
                    ratatui::style::Style::new(),
                );
            }
            draw(
                area,
                frame.buffer_mut(),
                Look {
                    theme: &theme,
                    glyphs,
                },
            );
        })
        .unwrap();
    terminal.backend().clone()
}

/// One snapshot with the box at its usual size, at the smallest, and in ASCII.
macro_rules! snapshot {
    ($draw:expr) => {{
        let sizes = [
            (80, 24, &UNICODE),
            (20, 5, &UNICODE),
            (80, 24, &ASCII),
            (20, 5, &ASCII),
        ];
        let screens =
            sizes.map(|(width, height, glyphs)| screen(width, height, glyphs, $draw).to_string());
        insta::assert_snapshot!(screens.join("\n"));
    }};
}

// Behind the macro it uses.
mod role;

#[test]
fn help_screen() {
    snapshot!(|area, buf, look| {
        help().draw(area, buf, look);
    });
}

#[test]
fn help_screen_while_searching() {
    let mut help = help();
    press("s c r o l l", |key, keys| help.key(key, keys));
    snapshot!(|area, buf, look| {
        help.draw(area, buf, look);
    });
}

#[test]
fn palette_screen() {
    snapshot!(|area, buf, look| {
        palette().draw(area, buf, look);
    });
}

#[test]
fn palette_screen_while_searching() {
    let mut palette = palette();
    press("w e down", |key, keys| palette.key(key, keys));
    snapshot!(|area, buf, look| {
        palette.draw(area, buf, look);
    });
}

#[test]
fn confirm_screen() {
    snapshot!(|area, buf, look| {
        confirm().draw(area, buf, look);
    });
}

#[test]
fn notices_screen() {
    snapshot!(|area, buf, look| NoticesView::default().draw(area, buf, look, &notices()));
}

#[test]
fn search_screen() {
    snapshot!(|area: Rect, buf, look| {
        search().draw(
            Rect {
                y: area.height - 1,
                ..area
            },
            buf,
            look,
        );
    });
}

#[test]
fn help_tells_the_keys_of_the_place_and_does_what_is_chosen() {
    let mut help = help();
    assert_eq!(
        press("z o o m enter", |key, keys| help.key(key, keys)),
        Outcome::Ask(Action::Zoom)
    );
    assert_eq!(
        press("x y z z y enter", |key, keys| help.key(key, keys)),
        Outcome::Taken
    );
    assert_eq!(
        press("esc", |key, keys| help.key(key, keys)),
        Outcome::Close
    );
    // Leaving raw mode is explained, but means nothing outside of it.
    let mut help = self::help();
    help.paste("stop sending");
    assert_eq!(
        press("enter", |key, keys| help.key(key, keys)),
        Outcome::Taken
    );
}

#[test]
fn help_follows_a_changed_key_map() {
    let keys = KeyMap::with_changes([("zoom", ["ctrl+v"])]).unwrap();
    let help = Help::new(Context::Pane, &keys, false);
    let text = screen(100, 200, &ASCII, |area, buf, look| {
        help.draw(area, buf, look);
    })
    .to_string();
    let line = text
        .lines()
        .find(|line| line.contains("the whole screen"))
        .unwrap();
    assert!(line.contains("ctrl+v"), "{line}");
}

#[test]
fn every_action_is_in_the_help() {
    for context in [
        Context::Rack,
        Context::Pane,
        Context::CommandLine,
        Context::Raw,
    ] {
        let help = Help::new(context, &KeyMap::default(), false);
        let text = screen(100, 300, &ASCII, |area, buf, look| {
            help.draw(area, buf, look);
        })
        .to_string();
        for row in crate::ui::action::ROWS {
            assert!(text.contains(row.help), "{} in {context}", row.name);
        }
    }
}

#[test]
fn the_palette_finds_names_before_help_and_gives_back_what_was_chosen() {
    let mut palette = palette();
    assert_eq!(
        press("z o m enter", |key, keys| palette.key(key, keys)),
        Outcome::Ask(Action::Zoom)
    );
    press("ctrl+u", |key, keys| palette.key(key, keys));
    assert_eq!(
        press(". r e l enter", |key, keys| palette.key(key, keys)),
        Outcome::Command(".reload".to_owned())
    );
    press("ctrl+u", |key, keys| palette.key(key, keys));
    assert_eq!(
        press("w e b 0 1 enter", |key, keys| palette.key(key, keys)),
        Outcome::Target("web01".to_owned())
    );
    press("ctrl+u", |key, keys| palette.key(key, keys));
    assert_eq!(
        press("q q q enter", |key, keys| palette.key(key, keys)),
        Outcome::Taken
    );
    assert_eq!(
        press("esc", |key, keys| palette.key(key, keys)),
        Outcome::Close
    );
}

#[test]
fn matched_letters_are_shown_where_they_are() {
    let mut palette = palette();
    palette.paste("web库");
    let backend = screen(60, 10, &UNICODE, |area, buf, look| {
        palette.draw(area, buf, look);
    });
    let buffer = backend.buffer();
    let matched: String = (0..60)
        .filter_map(|x| buffer.cell((x, 2)))
        .filter(|cell| cell.modifier.contains(Modifier::UNDERLINED))
        .map(|cell| cell.symbol())
        .filter(|symbol| *symbol != " ")
        .collect();
    assert_eq!(matched, "web库");
}

#[test]
fn a_question_is_answered_no_unless_yes_is_said() {
    for (keys, outcome) in [
        ("enter", Outcome::Close),
        ("esc", Outcome::Close),
        ("ctrl+c", Outcome::Close),
        ("n", Outcome::Close),
        ("y", Outcome::Accept),
        ("tab enter", Outcome::Accept),
        ("right enter", Outcome::Accept),
        ("right left enter", Outcome::Close),
        ("down down enter", Outcome::Close),
        ("x", Outcome::Ignored),
    ] {
        let mut confirm = confirm();
        assert_eq!(
            press(keys, |key, map| confirm.key(key, map)),
            outcome,
            "{keys}"
        );
    }
}

#[test]
fn notices_are_bounded_counted_when_repeated_and_hold_still_while_read() {
    let mut all = notices();
    let texts: Vec<_> = all.iter().map(|notice| notice.times).collect();
    assert_eq!((texts, all.unseen()), (vec![1, 2, 1], 2));
    all.seen();
    let mut view = NoticesView::default();
    let keys = KeyMap::default();
    assert_eq!(view.key(key("up"), &keys, &all), Outcome::Taken);
    let time = all.last().unwrap().time.clone();
    let shown = |view: NoticesView, all: &Notices| {
        screen(120, 40, &ASCII, |area, buf, look| {
            view.draw(area, buf, look, all)
        })
        .to_string()
    };
    for number in 0..NOTICES_KEPT - 2 {
        all.push(time.clone(), Severity::Info, &format!("number {number}"));
    }
    assert_eq!(all.iter().count(), NOTICES_KEPT);
    assert!(shown(view, &all).contains("(2 times) t003"));
    assert!(shown(view, &all).contains("1 older ones dropped"));
    assert!(shown(NoticesView::default(), &all).contains(&format!("number {}", NOTICES_KEPT - 3)));
    assert_eq!(all.unseen(), 0, "they only inform");
    all.push(time.clone(), Severity::Error, "again");
    all.seen();
    all.push(time.clone(), Severity::Error, "again");
    assert_eq!(all.unseen(), 1);
    all.push(time, Severity::Error, &"é".repeat(2000));
    assert!(all.last().unwrap().text.len() <= notices::NOTICE_BYTES_MAX);
}

const NOTICES_KEPT: usize = notices::NOTICES_MAX;

#[test]
fn the_search_prompt_holds_the_pattern_and_its_remark_until_it_changes() {
    let mut search = search();
    let shown = |search: &Search| {
        screen(60, 1, &ASCII, |area, buf, look| {
            search.draw(area, buf, look);
        })
        .to_string()
    };
    assert!(shown(&search).contains("unclosed group"));
    assert_eq!(
        press(")", |key, keys| search.key(key, keys)),
        Outcome::Taken
    );
    assert_eq!(search.text(), "panic()");
    assert!(!shown(&search).contains("unclosed group"));
    assert_eq!(
        press("enter", |key, keys| search.key(key, keys)),
        Outcome::Accept
    );
}

#[test]
fn what_is_chosen_differs_from_the_rest_in_every_theme_and_depth() {
    for (name, _) in BUILT_IN {
        for depth in [Depth::Mono, Depth::Ansi16, Depth::Ansi256, Depth::True] {
            let theme = Theme::load(name, None, depth).unwrap();
            let area = Rect::new(0, 0, 60, 12);
            let mut buf = Buffer::empty(area);
            palette().draw(
                area,
                &mut buf,
                Look {
                    theme: &theme,
                    glyphs: &ASCII,
                },
            );
            assert_ne!(buf[(5, 2)].style(), buf[(5, 3)].style(), "{name} {depth:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn every_box_fits_every_screen(width in 0u16..250, height in 0u16..75, down in 0usize..20, typed in "\\PC{0,6}") {
        let (mut help, mut palette, mut search) = (help(), palette(), search());
        help.paste(&typed);
        palette.paste(&typed);
        search.paste(&typed);
        let (mut confirm, mut role, mut view) = (confirm(), RoleSwitcher::new(&role::of_a_client()), NoticesView::default());
        let (company, mut connect) = (role::of_a_client(), Connect::new(&typed));
        connect.ask(JoinQuestion::ChangedCertificate {
            server: typed.clone(),
            known: "aa".repeat(32),
            shown: typed.repeat(20),
        });
        let filling = Connect::new(&typed);
        let (keys, notices) = (KeyMap::default(), notices());
        for _ in 0..down {
            help.key(key("down"), &keys);
            palette.key(key("down"), &keys);
            confirm.key(key("down"), &keys);
            role.key(key("down"), &keys, &company);
            connect.key(key("down"), &keys, false);
            view.key(key("up"), &keys, &notices);
        }
        let theme = Theme::built_in(Depth::True);
        for glyphs in [&UNICODE, &ASCII] {
            let look = Look { theme: &theme, glyphs };
            let area = Rect::new(0, 0, width, height);
            let mut buf = Buffer::empty(area);
            let cursors = [
                help.draw(area, &mut buf, look),
                palette.draw(area, &mut buf, look),
                confirm.draw(area, &mut buf, look),
                search.draw(area, &mut buf, look),
            ];
            let more = [
                role.draw(area, &mut buf, look, role::around(&company, 3)),
                connect.draw(area, &mut buf, look, None),
                filling.draw(area, &mut buf, look, Some(&typed)),
            ];
            prop_assert!(more.into_iter().flatten().all(|cursor| area.contains(cursor)));
            view.draw(area, &mut buf, look, &notices);
            prop_assert!(cursors.into_iter().flatten().all(|cursor| area.contains(cursor)));
        }
    }
}
