//! The frame of a box: centred, cleared, with a title, a hint at the bottom, and borders if there is room for them.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Block, Clear, Widget};
use unicode_width::UnicodeWidthStr;

use crate::ui::fit::wrap;
use crate::ui::look::Look;
use crate::ui::theme::Role;

/// Below this many columns or rows borders cost more than they help.
const BORDERED_MIN: (u16, u16) = (16, 5);

/// What a frame says and how much it would like to hold.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// In the upper border.
    pub title: &'a str,
    /// In the lower border: what keys do, how much there is.
    pub hint: &'a str,
    /// Columns wanted inside.
    pub columns: u16,
    /// Rows wanted inside.
    pub rows: u16,
}

impl Frame<'_> {
    /// Clears the box's place in `area`, draws the frame and returns the room inside it.
    pub fn open(self, area: Rect, buf: &mut Buffer, look: Look<'_>) -> Rect {
        let area = area.intersection(buf.area);
        let bordered = area.width >= BORDERED_MIN.0 && area.height >= BORDERED_MIN.1;
        let around = if bordered { 2 } else { 0 };
        let width = self.columns.saturating_add(around).min(area.width);
        let height = self.rows.saturating_add(around).min(area.height);
        let place = Rect {
            x: area.x + (area.width - width) / 2,
            // A third down: the eye looks there first, and the command line stays in sight.
            y: area.y + (area.height - height) / 3,
            width,
            height,
        };
        clear(place, buf);
        buf.set_style(place, look.style(Role::Text));
        if !bordered {
            return place;
        }
        Block::bordered()
            .border_set(look.glyphs.border_focused)
            .border_style(look.style(Role::BorderFocused))
            .render(place, buf);
        let room = place.width.saturating_sub(4);
        for (text, y, role) in [
            (self.title, place.top(), Role::Title),
            (self.hint, place.bottom() - 1, Role::Dim),
        ] {
            if !text.is_empty() {
                let text = look.fit(text, room);
                buf.set_string(
                    place.x + 1,
                    y,
                    format!(" {text} "),
                    look.style(Role::Text).patch(look.style(role)),
                );
            }
        }
        Rect {
            x: place.x + 1,
            y: place.y + 1,
            width: place.width - 2,
            height: place.height - 2,
        }
    }
}

/// Empties a place, and the wide characters that reach into it from the left: half of one cannot stay, and the terminal
/// would put the whole of it over the border.
pub fn clear(place: Rect, buf: &mut Buffer) {
    Clear.render(place, buf);
    let Some(x) = place.x.checked_sub(1) else {
        return;
    };
    for y in place.top()..place.bottom() {
        if let Some(cell) = buf
            .cell_mut(Position { x, y })
            .filter(|cell| cell.symbol().width() > 1)
        {
            cell.set_symbol(" ");
        }
    }
}

/// A row of the room inside a frame; `None` below its end, and where there is no column to draw in.
#[must_use]
pub fn row(room: Rect, row: u16) -> Option<Rect> {
    (row < room.height && room.width > 0).then(|| Rect {
        y: room.y + row,
        height: 1,
        ..room
    })
}

/// The lines of a connection string's error in so many columns: sentences are wrapped, but not the string with the sign
/// under what is wrong.
#[must_use]
pub fn legible(error: &[String], columns: u16, look: Look<'_>) -> Vec<String> {
    let rows = |line: &String| {
        if line.starts_with(' ') {
            vec![line.clone()]
        } else {
            wrap(line, columns.into(), look.glyphs)
        }
    };
    error.iter().flat_map(rows).collect()
}

/// Writes the text at the start of a row, cut to it.
pub fn write(text: &str, role: Role, place: Rect, buf: &mut Buffer, look: Look<'_>) {
    if place.height > 0 {
        buf.set_string(
            place.x,
            place.y,
            look.fit(text, place.width),
            look.style(role),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::glyphs::ASCII;
    use crate::ui::theme::{Depth, Theme};

    #[test]
    fn half_a_wide_character_does_not_stay_at_the_edge() {
        let theme = Theme::built_in(Depth::Mono);
        let look = Look {
            theme: &theme,
            glyphs: &ASCII,
        };
        let area = Rect::new(0, 0, 40, 9);
        let mut buf = Buffer::empty(area);
        for y in 0..9 {
            buf.set_string(1, y, "漢".repeat(19), ratatui::style::Style::new());
        }
        let room = Frame {
            title: "t",
            hint: "",
            columns: 18,
            rows: 3,
        }
        .open(area, &mut buf, look);
        assert_eq!(room, Rect::new(11, 2, 18, 3));
        for y in 1..6 {
            assert!(
                buf[(9, y)].symbol().width() == 1 && buf[(10, y)].symbol().width() == 1,
                "{y}"
            );
        }
    }

    #[test]
    fn no_room_is_too_small_for_a_frame() {
        let theme = Theme::built_in(Depth::Mono);
        let look = Look {
            theme: &theme,
            glyphs: &ASCII,
        };
        for (width, height) in [(0, 0), (1, 1), (3, 1), (15, 4), (16, 5), (300, 2)] {
            let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
            let asked = Rect::new(0, 0, width + 5, height + 5);
            let room = Frame {
                title: "title",
                hint: "hint",
                columns: 200,
                rows: 50,
            }
            .open(asked, &mut buf, look);
            assert_eq!(room.intersection(buf.area), room);
        }
    }
}
