//! The chat: who is here, what was said, what is being typed.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Widget;

use super::pane::put;
use super::spans;
use crate::ui::action::Action;
use crate::ui::chat::rows::clean;
use crate::ui::fit::columns;
use crate::ui::model::{Focus, Model};
use crate::ui::overlay::frame::clear;
use crate::ui::theme::Role;

/// Draws it. Returns where its cursor belongs.
pub(super) fn draw(area: Rect, buf: &mut Buffer, model: &Model) -> Option<Position> {
    let look = model.look();
    let (plan, writer) = model.chat_writer()?;
    clear(plan.area().intersection(area), buf);
    buf.set_style(plan.area().intersection(area), look.style(Role::Text));
    let focused = model.focus == Focus::Chat && model.overlay.is_none();
    if let Some(edge) = plan.edge.map(|edge| edge.intersection(area)) {
        let (sign, role) = if focused {
            (
                look.glyphs.border_focused.vertical_left,
                Role::BorderFocused,
            )
        } else {
            (look.glyphs.vertical, Role::Border)
        };
        for y in edge.top()..edge.bottom() {
            buf.set_stringn(edge.x, y, sign, 1, look.style(role));
        }
    }
    let text = plan.text.intersection(area);
    let view = model.chat.view(&writer, usize::from(text.height));
    if let Some(title) = plan.title {
        draw_title(title.intersection(area), buf, model, focused, view.below);
    }
    for (y, row) in (text.top()..text.bottom()).zip(&view.rows) {
        let place = Rect {
            y,
            height: 1,
            ..text
        };
        let mut x = place.x;
        for (role, part) in row {
            x = put(buf, x, place, part, look.style(*role));
        }
    }
    draw_input(plan.input.intersection(area), buf, model, focused)
}

fn draw_title(place: Rect, buf: &mut Buffer, model: &Model, focused: bool, below: usize) {
    let look = model.look();
    let (border, line) = if focused {
        (
            Role::BorderFocused,
            look.glyphs.border_focused.horizontal_top,
        )
    } else {
        (Role::Border, look.glyphs.horizontal)
    };
    let rule = line.repeat(usize::from(place.width));
    spans(place, buf, look, [(border, rule.as_str())]);
    let right = match below {
        0 => String::new(),
        1 => format!(" {} 1 line below ", look.glyphs.down),
        below => format!(" {} {below} lines below ", look.glyphs.down),
    };
    let wanted = u16::try_from(columns(&right, look.glyphs))
        .unwrap_or(u16::MAX)
        .min(place.width);
    let left = Rect {
        width: place.width - wanted,
        ..place
    };
    let names: Vec<String> = model
        .company
        .people
        .iter()
        .map(|person| {
            let away = if person.away { " (away)" } else { "" };
            format!("{}{away}", clean(&person.name))
        })
        .collect();
    let here = match names.len() {
        0 => " chat ".to_owned(),
        _ => format!(" chat {} {} ", look.glyphs.dot, names.join(", ")),
    };
    let title = look.fit(&here, left.width);
    spans(left, buf, look, [(Role::Title, title.as_str())]);
    let rest = Rect {
        x: left.right(),
        width: wanted,
        ..place
    };
    spans(rest, buf, look, [(Role::NewLines, right.as_str())]);
}

fn draw_input(place: Rect, buf: &mut Buffer, model: &Model, focused: bool) -> Option<Position> {
    let look = model.look();
    let prompt = if focused { Role::Prompt } else { Role::Dim };
    let used = spans(place, buf, look, [(prompt, "> ")]);
    let rest = Rect {
        x: place.x + used,
        width: place.width - used,
        ..place
    };
    if rest.is_empty() {
        return None;
    }
    if !focused && model.chat.input.is_empty() {
        let key = model
            .settings
            .keys
            .hint(model.context(), Action::ToggleChat);
        let hint = key.map(|key| format!("{key} says something"));
        spans(
            rest,
            buf,
            look,
            [(Role::Dim, hint.unwrap_or_default().as_str())],
        );
        return None;
    }
    let editor = model.chat.input.editor();
    editor.render(rest, buf);
    buf.set_style(rest, look.style(Role::CommandLine));
    let column = u16::try_from(editor.screen_cursor().col)
        .unwrap_or(u16::MAX)
        .saturating_sub(editor.scroll_offset().1);
    Some(Position::new(rest.x + column.min(rest.width - 1), rest.y))
}
