//! The last lines: the command line with whom it talks to and what that one asks, and what keys do, or the newest
//! notice.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Widget;

use super::header::state_role;
use super::spans;
use crate::rack::State;
use crate::ui::action::{Action, Context};
use crate::ui::fit::{columns, fit};
use crate::ui::model::{Focus, Model, Whom};
use crate::ui::picture::Picture;
use crate::ui::theme::Role;

/// Columns that what is typed keeps, however long the address is; a third where columns are few.
const TEXT_COLUMNS_MIN: u16 = 12;

/// What is worth a place in the last line, most useful first; `debugged` is the state of a debug target in front,
/// `company` whether others are here.
fn offered(
    context: Context,
    debugged: Option<State>,
    company: bool,
) -> Vec<(Action, &'static str)> {
    let mut offered = always_offered(context).to_vec();
    if company
        && matches!(
            context,
            Context::Rack | Context::Pane | Context::CommandLine
        )
    {
        offered.retain(|(action, _)| *action != Action::ToggleChat);
        offered.insert(1, (Action::ToggleChat, "chat"));
    }
    let of_debuggers: &[(Action, &str)] = match debugged {
        Some(State::Broken) => &[
            (Action::Go, "go"),
            (Action::StepOver, "over"),
            (Action::StepInto, "into"),
            (Action::StepOut, "out"),
        ],
        Some(State::Running) => &[(Action::SendBreak, "break")],
        _ => &[],
    };
    if matches!(context, Context::Raw | Context::Overlay | Context::Chat) || of_debuggers.is_empty()
    {
        return offered;
    }
    offered.retain(|(action, _)| *action != Action::SendBreak);
    let after_help = offered.len().min(1);
    offered.splice(after_help..after_help, of_debuggers.iter().copied());
    offered
}

fn always_offered(context: Context) -> &'static [(Action, &'static str)] {
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
            (Action::ToggleChat, "chat"),
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
            (Action::ToggleChat, "chat"),
            (Action::HistorySearch, "history"),
            (Action::SendBreak, "interrupt"),
            (Action::Palette, "find"),
            (Action::Quit, "quit"),
        ],
        Context::Chat => &[
            (Action::Help, "help"),
            (Action::Submit, "say"),
            (Action::LeaveChat, "back"),
            (Action::Complete, "names"),
            (Action::ScrollPageUp, "scroll"),
            (Action::ToggleChat, "close"),
            (Action::Palette, "find"),
        ],
        Context::Raw => &[(Action::LeaveRaw, "leaves raw mode")],
        Context::Overlay => &[(Action::Accept, "take"), (Action::CloseOverlay, "close")],
        Context::Global => &[],
    }
}

pub(super) fn draw_footer(place: Rect, buf: &mut Buffer, model: &Model, picture: &Picture) {
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
    for (action, word) in offered(context, picture.debugged, model.company.others() > 0) {
        let Some(key) = model.settings.keys.hint(context, action) else {
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
pub(super) fn draw_line(
    place: Rect,
    buf: &mut Buffer,
    model: &Model,
    picture: &Picture,
) -> Option<Position> {
    let look = model.look();
    let text = TEXT_COLUMNS_MIN.min(place.width / 3);
    let most = usize::from(place.width.saturating_sub(text));
    let (whom, role) = whom(model);
    let prompt = picture.prompt.as_ref().map(|prompt| {
        let text = format!(" {}", prompt.text);
        (state_role(prompt.state), fit(&text, most, look.glyphs))
    });
    // What the target asks stays; the name is cut, which stands in other places too.
    let (asking, asked) = prompt.unwrap_or((role, String::new()));
    let whom = fit(&whom, most - columns(&asked, look.glyphs), look.glyphs);
    let parts = [
        (role, whom.as_str()),
        (asking, asked.as_str()),
        (Role::CommandLine, " "),
    ];
    let used = spans(place, buf, look, parts);
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
fn whom(model: &Model) -> (String, Role) {
    let dim = if model.focus == Focus::Line {
        Role::Prompt
    } else {
        Role::Dim
    };
    match model.talks_to() {
        Whom::Nobody => ("no target".to_owned(), Role::Dim),
        Whom::Unsaid => ("@".to_owned(), dim),
        Whom::Unknown(pattern) => (format!("{pattern} nobody"), Role::Error),
        Whom::One(target) => {
            let secret = if model.line.is_secret() {
                " secret"
            } else {
                ""
            };
            (format!("@{}{secret}", target.name), dim)
        }
        // More than one is never to be overlooked.
        Whom::Several(pattern, targets) => {
            (format!("{pattern} {} targets", targets.len()), Role::Badge)
        }
    }
}
