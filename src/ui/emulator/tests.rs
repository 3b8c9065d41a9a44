//! The emulator on programs that behave and on bytes that do not.

use crossterm::event::{KeyCode, KeyEvent};
use proptest::prelude::*;
use ratatui::style::{Color, Modifier};

use super::*;

fn fed(columns: u16, rows: u16, bytes: impl AsRef<[u8]>) -> Emulator {
    let mut emulator = Emulator::new(columns, rows);
    emulator.feed(bytes.as_ref());
    emulator
}

fn drawn(emulator: &Emulator, width: u16, height: u16) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    emulator.render(buffer.area, &mut buffer);
    buffer
}

fn rows(emulator: &Emulator) -> Vec<String> {
    let (columns, rows) = emulator.size();
    let buffer = drawn(emulator, columns, rows);
    let row = |cells: &[ratatui::buffer::Cell]| {
        let mut hidden = 0;
        let mut text = String::new();
        for cell in cells {
            if hidden == 0 {
                text.push_str(cell.symbol());
                hidden = width(cell.symbol());
            }
            hidden -= 1;
        }
        text.trim_end().to_owned()
    };
    buffer
        .content()
        .chunks(usize::from(columns))
        .map(row)
        .collect()
}

fn width(symbol: &str) -> usize {
    symbol
        .chars()
        .map(crate::transcript::safe::glyph::columns)
        .sum()
}

#[test]
fn text_colours_and_cursor_are_those_of_the_target() {
    let emulator = fed(10, 2, "ab\x1b[1;31;44mcd\x1b[m\r\n漢\x1b[7mx");
    assert_eq!(rows(&emulator), ["abcd", "漢x"]);
    let buffer = drawn(&emulator, 10, 2);
    assert_eq!(
        (buffer[(2, 0)].fg, buffer[(2, 0)].bg),
        (Color::Red, Color::Blue)
    );
    assert_eq!(buffer[(2, 0)].modifier, Modifier::BOLD);
    assert_eq!(buffer[(2, 1)].modifier, Modifier::REVERSED);
    assert_eq!(emulator.cursor(), Some(Position::new(3, 1)));
    assert_eq!(fed(10, 2, "\x1b[?25l").cursor(), None);
    assert_eq!(
        fed(4, 1, "abcd").cursor(),
        Some(Position::new(3, 0)),
        "a full row keeps the cursor inside"
    );
}

#[test]
fn a_menu_is_drawn_where_it_was_placed() {
    let menu = "\x1b[2J\x1b[1;1H\x1b(0lqqqk\x1b(B\x1b[2;1H\x0e\x1b)0x\x0f a \x1b(0x\x1b[3;1Hmqqqj\x1b(B\x1b[2;3Hb";
    assert_eq!(rows(&fed(6, 3, menu)), ["┌───┐", "│ b │", "└───┘"]);
}

#[test]
fn a_full_screen_program_gives_the_screen_back() {
    let mut emulator = fed(10, 2, "$ menu\x1b[?1049h\x1b[H\x1b[2Jmenu");
    assert_eq!(rows(&emulator), ["menu", ""]);
    emulator.feed(b"\x1b[?1049l");
    assert_eq!(rows(&emulator), ["$ menu", ""]);
}

#[test]
fn only_three_questions_are_answered_and_each_once() {
    let mut emulator = fed(10, 5, "\x1b[3;4H\x1b[6n\x1b[5n\x1b[c");
    assert_eq!(emulator.replies(), b"\x1b[3;4R\x1b[0n\x1b[?1;2c");
    assert_eq!(emulator.replies(), b"");
    emulator.feed(b"\x1b[>c\x1b[=c\x1b[?6n\x1b[18t\x1b[21t\x1b]52;c;?\x07\x1b]11;?\x07\x1bP$qm\x1b\\\x1b[?2004$p\x05");
    assert_eq!(emulator.replies(), b"");
    emulator.feed(&b"\x1b[6n".repeat(10_000));
    assert!(emulator.replies().len() <= REPLIES_BYTES_MAX);
}

#[test]
fn the_answer_counts_what_came_just_before_the_question() {
    assert_eq!(fed(10, 5, "abc\x1b[6n").replies(), b"\x1b[1;4R");
}

#[test]
fn modes_that_change_keys_are_known() {
    let emulator = fed(10, 5, "\x1b[?1;2004;1000h");
    assert!(emulator.application_cursor() && emulator.bracketed_paste());
    assert_eq!(
        encode_key(KeyEvent::from(KeyCode::Up), emulator.application_cursor()),
        Some(b"\x1bOA".to_vec())
    );
    let emulator = fed(10, 5, "\x1b[?1;2004h\x1b[?1;2004l");
    assert!(!emulator.application_cursor() && !emulator.bracketed_paste());
}

#[test]
fn strings_are_swallowed_whole_and_store_nothing() {
    for (start, end) in [
        ("\x1b]0;", "\x07"),
        ("\x1b]52;c;", "\x1b\\"),
        ("\x1bP", "\x1b\\"),
        ("\x1b_", "\x1b\\"),
        ("\x1b]", "\x18"),
    ] {
        let mut emulator = fed(10, 1, start);
        for _ in 0..1_000 {
            emulator.feed(&[b'x'; 1_000]);
        }
        emulator.feed(end.as_bytes());
        emulator.feed(b"after");
        assert_eq!(rows(&emulator), ["after"], "{start:?}");
    }
}

#[test]
fn a_repetition_is_no_longer_than_the_screen() {
    let emulator = fed(8, 4, "x\x1b[65535b");
    assert_eq!(
        rows(&emulator),
        ["xxxxxxxx", "x", "", ""],
        "six bytes must not cost sixty thousand characters"
    );
}

#[test]
fn characters_of_uncertain_width_take_one_column() {
    assert_eq!(
        rows(&fed(
            12,
            1,
            "a\u{26a0}\u{fe0f}b\u{202e}c\u{1fae8}d\u{200b}e"
        )),
        ["a\u{26a0}bc?de"]
    );
    assert_eq!(
        rows(&fed(12, 1, "e\u{301}\u{302}\u{303}\u{304}\u{305}x")),
        ["e\u{301}\u{302}\u{303}x"]
    );
}

#[test]
fn half_a_wide_character_at_the_edge_of_the_pane_is_blank() {
    let buffer = drawn(&fed(4, 1, "a漢b"), 2, 1);
    assert_eq!(
        (buffer[(0, 0)].symbol(), buffer[(1, 0)].symbol()),
        ("a", " ")
    );
}

#[test]
fn nothing_is_drawn_outside_the_pane() {
    let emulator = fed(8, 8, "漢".repeat(40));
    let mut buffer = Buffer::filled(Rect::new(0, 0, 7, 5), ratatui::buffer::Cell::new("#"));
    emulator.render(Rect::new(2, 1, 3, 2), &mut buffer);
    for y in 0..5 {
        for x in 0..7 {
            let inside = (2..5).contains(&x) && (1..3).contains(&y);
            assert_eq!(buffer[(x, y)].symbol() != "#", inside, "{x} {y}");
        }
    }
    emulator.render(Rect::new(5, 3, 100, 100), &mut buffer);
}

#[test]
fn sizes_are_brought_within_bounds() {
    assert_eq!(Emulator::new(0, 0).size(), (1, 1));
    let mut emulator = Emulator::new(u16::MAX, 1);
    assert_eq!(emulator.size(), (COLUMNS_MAX, 1));
    emulator.resize(0, u16::MAX);
    assert_eq!(emulator.size(), (1, ROWS_MAX));
}

/// Output that reaches every corner of the grid, and noise.
fn hostile_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => proptest::collection::vec(any::<u8>(), 0..12),
        3 => any::<char>().prop_map(|character| character.to_string().into_bytes()),
        3 => "[a-c漢字e\u{301}\u{fe0f}👩\u{200d}\u{26a0}]{0,12}".prop_map(String::into_bytes),
        8 => "\\x1b\\[[?]?[0-9]{0,5}(;[0-9]{0,5}){0,2}[@-~]".prop_map(String::into_bytes),
        2 => "\\x1b\\[\\?(6|25|47|1047|1049)[hl]".prop_map(String::into_bytes),
        3 => "\\x1b[78DEMc=>]".prop_map(String::into_bytes),
        2 => "\\x1b[\\]P_^X][a-z;]{0,9}(\\x07|\\x1b\\\\)?".prop_map(String::into_bytes),
        2 => "[\\x08\\t\\r\\n\\x0b\\x0c\\x0e\\x0f]{0,4}".prop_map(String::into_bytes),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_stays_in_its_cells(
        parts in proptest::collection::vec((hostile_bytes(), 0u16..12, 0u16..6), 1..5),
        columns in 0u16..12,
        rows in 0u16..6,
    ) {
        let mut emulator = Emulator::new(columns, rows);
        for (bytes, columns, rows) in parts {
            emulator.feed(&bytes);
            check(&emulator);
            emulator.resize(columns, rows);
            check(&emulator);
        }
    }

    #[test]
    fn cutting_the_bytes_changes_nothing(bytes in hostile_bytes(), sizes in proptest::collection::vec(1usize..9, 1..20)) {
        let mut whole = Emulator::new(11, 5);
        whole.feed(&bytes);
        let mut parts = Emulator::new(11, 5);
        let mut rest = bytes.as_slice();
        for size in sizes.iter().cycle() {
            let (now, later) = rest.split_at((*size).min(rest.len()));
            parts.feed(now);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(drawn(&whole, 11, 5), drawn(&parts, 11, 5));
        prop_assert_eq!(whole.cursor(), parts.cursor());
        prop_assert_eq!(whole.replies(), parts.replies());
    }
}

fn check(emulator: &Emulator) {
    let (columns, rows) = emulator.size();
    let buffer = drawn(emulator, columns + 1, rows);
    for row in buffer.content().chunks(usize::from(columns) + 1) {
        let mut covered = 0;
        for cell in row {
            assert!(
                !cell.symbol().chars().any(char::is_control),
                "{:?}",
                cell.symbol()
            );
            let width = width(cell.symbol());
            assert!(
                width == 1 || width == 2 && covered == 0,
                "{:?}",
                cell.symbol()
            );
            if covered > 0 {
                assert_eq!(
                    cell.symbol(),
                    " ",
                    "a column that a wide character covers is blank"
                );
                covered = 0;
            } else {
                covered = width - 1;
            }
        }
        assert_eq!(
            row.last().map(|cell| cell.symbol()),
            Some(" "),
            "nothing is drawn right of the screen"
        );
    }
    if let Some(cursor) = emulator.cursor() {
        assert!(cursor.x < columns && cursor.y < rows, "{cursor:?}");
    }
}
