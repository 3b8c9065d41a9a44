//! Properties that hold for every line, however hostile.

use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::tests::{CORPUS, WIDE_ENOUGH};
use super::*;

/// Checks everything that is promised about any line.
fn check(bytes: &[u8], columns: usize, controls: bool) {
    let line = Safe::new().showing_controls(controls).line(bytes, columns);
    assert!(
        line.width() <= columns.min(bytes.len() * TAB_COLUMNS + EDIT_COLUMNS_MAX + 2),
        "{}",
        line.width()
    );
    check_line(&line);
    for row in line.wrap(7) {
        assert!(row.width() <= 7);
        check_line(&row);
    }
    let part = line.cut(3, 9);
    assert_eq!(part.width(), line.width().saturating_sub(3).min(9));
    check_line(&part);
}

fn check_line(line: &Line) {
    for character in line.text().chars() {
        let drawn = Glyph::of(character);
        assert!(
            matches!(drawn, Glyph::Mark(same) | Glyph::Narrow(same) | Glyph::Wide(same) if same == character),
            "{character:?} is not drawn as itself"
        );
    }
    assert!(line.spans().iter().all(|span| !span.text.is_empty()));
    let text = line.text();
    let marks = |cluster: &str| {
        cluster
            .chars()
            .filter(|character| glyph::columns(*character) == 0)
            .count()
    };
    assert!(
        super::line::clusters(&text)
            .all(|(cluster, width)| width > 0 && marks(cluster) <= MARKS_MAX),
        "{text:?}"
    );
    let width = u16::try_from(line.width()).unwrap();
    let guard = Rect::new(0, 0, width + 2, 1);
    let mut buffer = Buffer::filled(guard, ratatui::buffer::Cell::new("#"));
    let mut x = 1;
    for span in line.spans() {
        let (end, _) = buffer.set_stringn(x, 0, &span.text, usize::from(width), Style::default());
        let sum: usize = span.text.chars().map(glyph::columns).sum();
        assert_eq!(usize::from(end - x), sum, "{:?}", span.text);
        x = end;
    }
    assert_eq!(x, width + 1, "the columns drawn are those computed");
    assert_eq!(
        (buffer[(0, 0)].symbol(), buffer[(width + 1, 0)].symbol()),
        ("#", "#")
    );
    let drawn: String = buffer.content().iter().map(|cell| cell.symbol()).collect();
    assert!(!drawn.chars().any(char::is_control));
}

/// Bytes that reach deep into the parser: pieces of sequences, odd characters and noise.
fn hostile_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 0..8),
        4 => any::<char>().prop_map(|character| character.to_string().into_bytes()),
        3 => (0u32..0x3100).prop_filter_map("surrogate", char::from_u32).prop_map(|c| c.to_string().into_bytes()),
        3 => proptest::sample::select(CORPUS).prop_map(|(line, _)| line.to_vec()),
        4 => "\\x1b\\[[0-9;:]{0,6}[mCDGKPX@`a-z]".prop_map(String::into_bytes),
        4 => "[\\x08\\r\\t a-c漢\u{301}]{0,6}".prop_map(String::into_bytes),
        1 => proptest::sample::select(&b"\x18\x1a\x1b\x07\x9c\x90\x9b\x9d\n\0"[..]).prop_map(|byte| vec![byte]),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_is_drawn_in_the_width_computed(bytes in hostile_bytes(), columns in 0usize..200, controls: bool) {
        check(&bytes, columns, controls);
    }

    #[test]
    fn noise_is_drawn_in_the_width_computed(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        check(&bytes, 300, false);
    }

    #[test]
    fn no_line_changes_the_text_of_the_next(bytes in hostile_bytes()) {
        let mut safe = Safe::new();
        let bytes: Vec<u8> = bytes.into_iter().filter(|byte| *byte != b'\n').collect();
        safe.line(&bytes, 80);
        prop_assert_eq!(safe.line(b"next\x1b[0m!", 80).text(), "next!");
    }

    #[test]
    fn plain_text_is_the_text_shown(bytes in hostile_bytes()) {
        prop_assert_eq!(plain(&bytes), Safe::new().line(&bytes, usize::MAX).text());
    }
}

#[test]
fn every_character_is_drawn_in_the_width_computed() {
    for start in (0..=0x0010_ffff_u32).step_by(64) {
        let text: String = (start..start + 64).filter_map(char::from_u32).collect();
        check_line(&Safe::new().line(text.as_bytes(), WIDE_ENOUGH));
        let alternating: String = text
            .chars()
            .flat_map(|character| ['a', character])
            .collect();
        check_line(&Safe::new().line(alternating.as_bytes(), WIDE_ENOUGH));
    }
}
