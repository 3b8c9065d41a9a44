//! Text made to fit a number of columns: cut, never through a wide character, and safe to draw.
//!
//! This is for names, help and notices. Target output has its own way to the screen.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::glyphs::Glyphs;

/// The text within `columns`, its end replaced by the cut sign if it is longer. Characters that a terminal would obey
/// or that would reorder the line are replaced.
#[must_use]
pub fn fit(text: &str, columns: usize, glyphs: &Glyphs) -> String {
    let mut out = String::new();
    let mut used = 0;
    let mut room_for_cut = 0;
    for grapheme in text.graphemes(true) {
        let shown = shown(grapheme, glyphs);
        let width = shown.width();
        if used + width > columns {
            if columns > 0 {
                out.truncate(room_for_cut);
                out.push_str(glyphs.cut);
            }
            return out;
        }
        out.push_str(shown);
        used += width;
        if used < columns {
            room_for_cut = out.len();
        }
    }
    out
}

/// The last part of the text within `columns`, its start replaced by the cut sign if it is longer: for what is being
/// typed, where the end matters.
#[must_use]
pub fn fit_end(text: &str, columns: usize, glyphs: &Glyphs) -> String {
    let mut kept = Vec::new();
    let mut used = 0;
    for grapheme in text.graphemes(true).rev() {
        let shown = shown(grapheme, glyphs);
        let width = shown.width();
        if used + width > columns {
            while used >= columns.max(1) {
                used -= kept.pop().map_or(used, UnicodeWidthStr::width);
            }
            if columns > 0 {
                kept.push(glyphs.cut);
            }
            break;
        }
        kept.push(shown);
        used += width;
    }
    kept.into_iter().rev().collect()
}

/// The lines of a text wrapped at spaces to `columns`, words longer than a line broken.
#[must_use]
pub fn wrap(text: &str, columns: usize, glyphs: &Glyphs) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.width() + 1 + word.width() <= columns {
            line.push(' ');
        } else if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for grapheme in word.graphemes(true) {
            let shown = shown(grapheme, glyphs);
            if !line.is_empty() && line.width() + shown.width() > columns {
                lines.push(std::mem::take(&mut line));
            }
            line.push_str(shown);
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// As much of the text as fits in `bytes`, cut between characters.
#[must_use]
pub fn clip(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

/// How many columns a text takes once drawn.
#[must_use]
pub fn columns(text: &str, glyphs: &Glyphs) -> usize {
    text.graphemes(true)
        .map(|grapheme| shown(grapheme, glyphs).width())
        .sum()
}

/// The grapheme itself, or the replacement for one that must not reach a terminal: controls (C0, C1), and the bidi
/// controls of UAX #9.
pub(crate) fn shown<'a>(grapheme: &'a str, glyphs: &Glyphs) -> &'a str
where
    'static: 'a,
{
    let obeyed = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    if grapheme.contains(obeyed) {
        glyphs.replacement
    } else {
        grapheme
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ui::glyphs::{ASCII, UNICODE};

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        assert_eq!(fit("kernel", 6, &ASCII), "kernel");
        assert_eq!(fit("kernel", 5, &ASCII), "kern>");
        assert_eq!(fit("kernel", 1, &ASCII), ">");
        assert_eq!(fit("kernel", 0, &ASCII), "");
        assert_eq!(fit_end("kernel", 5, &ASCII), ">rnel");
        assert_eq!(fit_end("kernel", 6, &ASCII), "kernel");
        assert_eq!(fit_end("kernel", 0, &ASCII), "");
    }

    #[test]
    fn a_wide_character_is_kept_or_dropped_whole() {
        assert_eq!(fit("漢字", 4, &UNICODE), "漢字");
        assert_eq!(fit("漢字", 3, &UNICODE), "漢»");
        assert_eq!(fit("漢字", 2, &UNICODE), "»");
        assert_eq!(fit_end("漢字", 3, &UNICODE), "»字");
    }

    #[test]
    fn characters_a_terminal_obeys_are_replaced() {
        assert_eq!(fit("a\u{1b}[2Jb\u{202e}c\u{9b}", 20, &ASCII), "a?[2Jb?c?");
    }

    #[test]
    fn lines_break_at_spaces_and_long_words_break_anywhere() {
        assert_eq!(wrap("this is one line", 8, &ASCII), ["this is", "one line"]);
        assert_eq!(
            wrap("incomprehensible", 6, &ASCII),
            ["incomp", "rehens", "ible"]
        );
        assert_eq!(wrap("", 6, &ASCII), [""]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nothing_is_wider_than_its_room(text in any::<String>(), room in 0usize..30) {
            prop_assert!(columns(&fit(&text, room, &UNICODE), &UNICODE) <= room);
            prop_assert!(columns(&fit_end(&text, room, &UNICODE), &UNICODE) <= room);
        }
    }
}
