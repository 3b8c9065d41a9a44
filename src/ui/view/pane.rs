//! One pane: its title, the rows of its target's history or the target's own screen, the signs of what is not in sight.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Style};
use ratatui::widgets::Widget;

use super::header::state_role;
use super::spans;
use crate::rack::status::{ALERT_LETTER, Status};
use crate::transcript::Kind;
use crate::transcript::log::Health;
use crate::transcript::safe::Pen;
use crate::ui::action::{Action, Context};
use crate::ui::fit::columns;
use crate::ui::layout::PanePlan;
use crate::ui::look::Look;
use crate::ui::model::{Focus, Model};
use crate::ui::panes::{Pane, Scroll};
use crate::ui::pen;
use crate::ui::picture::{Picture, Shown, Slot};
use crate::ui::raw::Raw;
use crate::ui::rows::Row;
use crate::ui::theme::{Depth, Role};

/// One pane to draw.
pub(super) struct PaneView<'a> {
    pub pane: &'a Pane,
    pub plan: &'a PanePlan,
    pub slot: Slot,
    pub front: bool,
}

/// Draws it. Returns where the cursor of the target's own screen is.
pub(super) fn draw(
    area: Rect,
    buf: &mut Buffer,
    model: &Model,
    picture: &Picture,
    view: &PaneView<'_>,
) -> Option<Position> {
    let look = model.look();
    let shown = picture.pane(view.slot);
    let text = view.plan.text.intersection(area);
    title(view.plan.title.intersection(area), buf, model, view, shown);
    if let Some(edge) = view.plan.edge.map(|edge| edge.intersection(area)) {
        for y in edge.top()..edge.bottom() {
            buf.set_stringn(edge.x, y, look.glyphs.vertical, 1, look.style(Role::Border));
        }
    }
    if view.pane.raw {
        return draw_raw(text, buf, model, picture.raw(view.pane.target)?);
    }
    let shown = shown?;
    for (y, row) in (text.top()..text.bottom()).zip(&shown.rows) {
        let place = Rect {
            y,
            height: 1,
            ..text
        };
        draw_row(place, buf, look, row, model.name(), model.settings.depth);
        if view.pane.selects(row.place) {
            buf.set_style(place, look.style(Role::Selection));
        }
    }
    None
}

/// The target's own screen. Returns where its cursor is.
fn draw_raw(text: Rect, buf: &mut Buffer, model: &Model, raw: &Raw) -> Option<Position> {
    raw.emulator().render(text, buf);
    let plain = model.look().style(Role::Text);
    for position in text.positions() {
        let Some(cell) = buf.cell_mut(position) else {
            continue;
        };
        let own = |colour| {
            Some(colour)
                .filter(|colour| *colour != Color::Reset)
                .and_then(|colour| model.settings.depth.nearest(colour))
        };
        cell.fg = own(cell.fg).or(plain.fg).unwrap_or(Color::Reset);
        cell.bg = own(cell.bg).or(plain.bg).unwrap_or(Color::Reset);
    }
    let cursor = raw.emulator().cursor()?;
    let at = Position::new(text.x.checked_add(cursor.x)?, text.y.checked_add(cursor.y)?);
    text.contains(at).then_some(at)
}

/// How it is with the target: its state, who holds it, its log.
fn about(status: &Status, model: &Model) -> Vec<(Role, String)> {
    let look = model.look();
    let mut left = Vec::new();
    let words = if status.detail.is_empty() || status.detail == status.alert {
        status.state.word().to_owned()
    } else {
        format!("{}: {}", status.state.word(), status.detail)
    };
    left.push((Role::Dim, format!(" {} ", look.glyphs.dot)));
    if !status.alert.is_empty() {
        left.push((Role::Alert, format!("{ALERT_LETTER} {}", status.alert)));
        left.push((Role::Dim, format!(" {} ", look.glyphs.dot)));
    }
    left.push((state_role(status.state), words));
    if status.holder == model.name() {
        left.push((Role::Me, " you hold it".to_owned()));
    } else if !status.holder.is_empty() {
        left.push((Role::Warning, format!(" {} holds it", status.holder)));
    }
    match &status.log {
        Health::Failing { reason } => left.push((Role::Error, format!(" LOG FAILS: {reason}"))),
        Health::Gap { missed } => {
            left.push((Role::Missed, format!(" LOG: {missed} lines missing")))
        }
        Health::Off | Health::Writing => {}
    }
    left
}

fn title(place: Rect, buf: &mut Buffer, model: &Model, view: &PaneView<'_>, shown: Option<&Shown>) {
    let look = model.look();
    let pane = view.pane;
    let focused = view.front && model.overlay.is_none();
    let (border, line) = if focused {
        (
            Role::BorderFocused,
            look.glyphs.border_focused.horizontal_top,
        )
    } else {
        (Role::Border, look.glyphs.horizontal)
    };
    spans(
        place,
        buf,
        look,
        [(border, line.repeat(usize::from(place.width)).as_str())],
    );
    let mut left: Vec<(Role, String)> = Vec::new();
    if let Slot::Pane(index) = view.slot {
        left.push((
            if focused { Role::Title } else { Role::Dim },
            format!(" {}", index + 1),
        ));
    }
    left.push((Role::Title, format!(" {}", pane.name)));
    match shown.and_then(|shown| shown.status.as_ref()) {
        Some(status) => left.extend(about(status, model)),
        None if shown.is_some() => left.push((Role::Missed, " removed".to_owned())),
        None => {}
    }
    left.push((Role::Dim, format!(" {} {} ", look.glyphs.dot, pane.address)));
    let mut right = marks(model, view, shown);
    // The name and the newest of the marks are the last to go.
    let name = columns(&pane.name, look.glyphs) + 3;
    while right.len() > 1 && total(&right, look) + name > usize::from(place.width) {
        right.remove(0);
    }
    let wanted = u16::try_from(total(&right, look))
        .unwrap_or(u16::MAX)
        .min(place.width);
    let inner = Rect {
        width: place.width - wanted,
        ..place
    };
    spans(
        inner,
        buf,
        look,
        left.iter().map(|(role, text)| (*role, text.as_str())),
    );
    spans(
        Rect {
            x: inner.right(),
            width: wanted,
            ..place
        },
        buf,
        look,
        right.iter().map(|(role, text)| (*role, text.as_str())),
    );
}

fn total(texts: &[(Role, String)], look: Look<'_>) -> usize {
    texts
        .iter()
        .map(|(_, text)| columns(text, look.glyphs))
        .sum()
}

/// What is not in sight, at the right of the title.
fn marks(model: &Model, view: &PaneView<'_>, shown: Option<&Shown>) -> Vec<(Role, String)> {
    let look = model.look();
    let pane = view.pane;
    let mut marks = Vec::new();
    if let Some(search) = &pane.search {
        let words = search.words();
        if !words.is_empty() {
            marks.push((Role::Warning, format!(" {words} ")));
        }
    }
    if pane.raw {
        let leave = model.settings.keys.keys(Context::Raw, Action::LeaveRaw);
        let leave = leave.first().map(ToString::to_string).unwrap_or_default();
        let words = if model.focus == Focus::Main && view.front {
            format!(" RAW, {leave} leaves ")
        } else {
            " RAW ".to_owned()
        };
        marks.push((Role::Alert, words));
    }
    let Some(shown) = shown else { return marks };
    if shown.dropped > 0 {
        marks.push((
            Role::Missed,
            format!(" {} older lines dropped ", shown.dropped),
        ));
    }
    if matches!(pane.scroll, Scroll::At(_)) && !pane.raw {
        let words = match shown.below {
            0 => format!(" {} paused ", look.glyphs.down),
            1 => format!(" {} 1 line below ", look.glyphs.down),
            below => format!(" {} {below} lines below ", look.glyphs.down),
        };
        marks.push((Role::NewLines, words));
    }
    marks
}

fn draw_row(place: Rect, buf: &mut Buffer, look: Look<'_>, row: &Row, me: &str, depth: Depth) {
    let (prefix, text) = match row.kind {
        Kind::Output => (Role::Text, None),
        Kind::Command if row.prefix.strip_suffix("> ") == Some(me) => {
            (Role::Me, Some(Role::Command))
        }
        Kind::Command => (Role::Other, Some(Role::Command)),
        Kind::Reply => (Role::Dim, Some(Role::Reply)),
        Kind::Notice => (Role::Dim, Some(Role::Dim)),
    };
    let used = spans(
        place,
        buf,
        look,
        [
            (Role::Dim, row.stamp.as_str()),
            (prefix, row.prefix.as_str()),
        ],
    );
    let mut x = place.x + used;
    for span in row.line.spans() {
        let room = place.right().saturating_sub(x);
        if room == 0 {
            break;
        }
        // What a target wrote in no colour is in the theme's.
        let style = match text {
            Some(role) => look.style(role),
            None => look.style(Role::Text).patch(ink(span.style, depth)),
        };
        x = put(buf, x, place, &span.text, style);
    }
    if row.line.is_cut() || row.unfinished && x < place.right() {
        let at = x.min(place.right().saturating_sub(1));
        buf.set_stringn(at, place.y, look.glyphs.cut, 1, look.style(Role::Dim));
    }
}

/// A target's pen in the colours that this terminal has; without colours of its own it takes the theme's.
fn ink(pen: Pen, depth: Depth) -> Style {
    let style = pen::style(pen);
    let own = |colour: Option<Color>| {
        colour
            .filter(|colour| *colour != Color::Reset)
            .and_then(|colour| depth.nearest(colour))
    };
    Style {
        fg: own(style.fg),
        bg: own(style.bg),
        underline_color: None,
        ..style
    }
}

/// Puts safe text into cells, a character with its marks in each, so that no width but the line's own counts.
pub(super) fn put(
    buf: &mut Buffer,
    mut x: u16,
    place: Rect,
    text: &str,
    style: ratatui::style::Style,
) -> u16 {
    for (cluster, width) in crate::transcript::safe::clusters(text) {
        let width = u16::try_from(width).unwrap_or(1);
        if width == 0 || x.saturating_add(width) > place.right() {
            break;
        }
        if let Some(cell) = buf.cell_mut((x, place.y)) {
            cell.set_symbol(cluster).set_style(style);
        }
        if let Some(cell) = buf.cell_mut((x + 1, place.y)).filter(|_| width == 2) {
            cell.reset();
            cell.set_style(style);
        }
        x += width;
    }
    x
}
