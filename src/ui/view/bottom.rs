//! The last lines: the command line with whom it talks to, and what keys do, or the newest notice.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Widget;

use super::spans;
use crate::command::Line;
use crate::ui::action::{Action, Context};
use crate::ui::fit::{columns, fit};
use crate::ui::model::{Focus, Model};
use crate::ui::theme::Role;

/// Columns that what is typed keeps, however long the address is.
const TEXT_COLUMNS_MIN: u16 = 12;

/// What is worth a place in the last line, most useful first.
fn offered(context: Context) -> &'static [(Action, &'static str)] {
    match context {
        Context::Rack => &[
            (Action::Help, "help"),
            (Action::OpenTarget, "open"),
            (Action::FocusCommandLine, "type"),
            (Action::NextAttention, "next"),
            (Action::FilterRack, "filter"),
            (Action::Mark, "mark"),
            (Action::ToggleView, "panes"),
            (Action::Palette, "find"),
            (Action::EnterRaw, "raw"),
            (Action::Role, "role"),
            (Action::Quit, "quit"),
        ],
        Context::Pane => &[
            (Action::Help, "help"),
            (Action::FocusCommandLine, "type"),
            (Action::Search, "search"),
            (Action::Follow, "follow"),
            (Action::Zoom, "zoom"),
            (Action::NextLayout, "layout"),
            (Action::ToggleTimes, "times"),
            (Action::ToggleWrap, "wrap"),
            (Action::Copy, "copy"),
            (Action::ClosePane, "close"),
            (Action::ToggleView, "rack"),
            (Action::Quit, "quit"),
        ],
        Context::CommandLine => &[
            (Action::Help, "help"),
            (Action::Submit, "send"),
            (Action::LeaveCommandLine, "leave"),
            (Action::Complete, "complete"),
            (Action::ToggleView, "rack/panes"),
            (Action::ScrollPageUp, "scroll"),
            (Action::EnterRaw, "raw"),
            (Action::HistorySearch, "history"),
            (Action::SendBreak, "interrupt"),
            (Action::Palette, "find"),
            (Action::Quit, "quit"),
        ],
        Context::Raw => &[(Action::LeaveRaw, "leaves raw mode")],
        Context::Overlay => &[(Action::Accept, "take"), (Action::CloseOverlay, "close")],
        Context::Global => &[],
    }
}

pub(super) fn draw_footer(place: Rect, buf: &mut Buffer, model: &Model) {
    let look = model.look();
    buf.set_style(place, look.style(Role::Footer));
    if let Some(notice) = model
        .notices
        .last()
        .filter(|_| model.notice_until.is_some())
    {
        let first = notice.text.lines().next().unwrap_or_default();
        let times = if notice.times > 1 {
            format!(" ({} times)", notice.times)
        } else {
            String::new()
        };
        let text = format!(" {} {first}{times}", notice.severity.letter());
        // What is cut off can be read elsewhere.
        let more = model
            .settings
            .keys
            .hint(model.context(), Action::Notices)
            .filter(|_| columns(&text, look.glyphs) > usize::from(place.width))
            .map(|key| format!(" {key} all "))
            .unwrap_or_default();
        let hint = u16::try_from(columns(&more, look.glyphs))
            .unwrap_or(u16::MAX)
            .min(place.width);
        let width = place.width - hint;
        let role = notice.severity.role();
        spans(Rect { width, ..place }, buf, look, [(role, text.as_str())]);
        let rest = Rect {
            x: place.x + width,
            width: hint,
            ..place
        };
        spans(rest, buf, look, [(Role::Key, more.as_str())]);
        return;
    }
    let context = model.context();
    let mut x = place.x;
    for (action, word) in offered(context) {
        let Some(key) = model.settings.keys.hint(context, *action) else {
            continue;
        };
        let wanted = columns(&key, look.glyphs) + columns(word, look.glyphs) + 3;
        let rest = Rect {
            x,
            width: place.right().saturating_sub(x),
            ..place
        };
        if wanted > usize::from(rest.width) {
            break;
        }
        x += spans(
            rest,
            buf,
            look,
            [
                (Role::Text, " "),
                (Role::Key, key.as_str()),
                (Role::Text, " "),
                (Role::Footer, word),
                (Role::Text, " "),
            ],
        );
    }
}

/// Draws the command line. Returns where its cursor is.
pub(super) fn draw_line(place: Rect, buf: &mut Buffer, model: &Model) -> Option<Position> {
    let look = model.look();
    let (prompt, role) = prompt(model);
    let most = place.width.saturating_sub(TEXT_COLUMNS_MIN);
    let prompt = fit(&prompt, most.into(), look.glyphs);
    let used = spans(
        place,
        buf,
        look,
        [(role, prompt.as_str()), (Role::CommandLine, " ")],
    );
    let rest = Rect {
        x: place.x + used,
        width: place.width - used,
        ..place
    };
    if rest.is_empty() {
        return None;
    }
    let editor = model.line.editor();
    editor.render(rest, buf);
    buf.set_style(rest, look.style(Role::CommandLine));
    let column = u16::try_from(editor.screen_cursor().col)
        .unwrap_or(u16::MAX)
        .saturating_sub(editor.scroll_offset().1);
    Some(Position::new(rest.x + column.min(rest.width - 1), rest.y))
}

/// Whom the line talks to: `@web01`, `@rack-a 12 targets`.
fn prompt(model: &Model) -> (String, Role) {
    let focus = model.target();
    let dim = if model.focus == Focus::Line {
        Role::Prompt
    } else {
        Role::Dim
    };
    let typed = model.line.text();
    let secret = if model.line.is_secret() {
        " secret"
    } else {
        ""
    };
    let address = if typed.starts_with('@') {
        Some(typed.to_owned())
    } else {
        model.address()
    };
    match address {
        Some(address) => {
            let parsed = Line::parse(&format!(
                "{} x",
                address.split_whitespace().next().unwrap_or("@")
            ))
            .ok();
            let Some(pattern) = parsed.and_then(|line| line.address) else {
                return ("@".to_owned(), dim);
            };
            let targets = model.rack.matching(&pattern);
            match targets.as_slice() {
                [] => (format!("{pattern} nobody"), Role::Error),
                [target] => (format!("@{}", target.name), dim),
                // More than one is never to be overlooked.
                several => (format!("{pattern} {} targets", several.len()), Role::Badge),
            }
        }
        None => match focus {
            Some(target) => (format!("@{}{secret}", target.name), dim),
            None => ("no target".to_owned(), Role::Dim),
        },
    }
}
