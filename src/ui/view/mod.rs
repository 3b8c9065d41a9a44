//! The screen drawn from the model and the collected picture. Changes nothing.

mod bottom;
mod chat;
mod header;
mod pane;
mod rack;
#[cfg(test)]
mod tests;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::action::Action;
use super::layout::{Main, Plan};
use super::look::Look;
use super::model::{Focus, Model, Overlay};
use super::overlay::Around;
use super::picture::{Picture, Slot};
use super::theme::Role;

/// Draws everything and puts the cursor where it belongs.
pub fn draw(frame: &mut Frame<'_>, model: &Model, picture: &Picture) {
    let area = frame.area();
    if let Some(cursor) =
        render(area, frame.buffer_mut(), model, picture).filter(|cursor| area.contains(*cursor))
    {
        frame.set_cursor_position(cursor);
    }
}

/// Draws everything into `buf`. Returns where the cursor belongs.
pub fn render(area: Rect, buf: &mut Buffer, model: &Model, picture: &Picture) -> Option<Position> {
    let (look, plan) = (model.look(), model.plan());
    buf.set_style(area, look.style(Role::Text));
    let within = |rect: Rect| rect.intersection(area);
    if let Main::TooSmall(small) = plan.main {
        return too_small(within(small), buf, look);
    }
    if let Some(place) = plan.header {
        header::draw(within(place), buf, model, picture);
    }
    let mut cursor = draw_main(area, buf, model, picture, &plan);
    let line = bottom::draw_line(within(plan.line), buf, model, picture);
    if let Some(place) = plan.footer {
        bottom::draw_footer(within(place), buf, model, picture);
    }
    let said = chat::draw(area, buf, model);
    match model.focus {
        Focus::Main => {}
        Focus::Line => cursor = line,
        Focus::Chat => cursor = said,
    }
    if let Some(overlay) = &model.overlay {
        cursor = draw_overlay(area, within(plan.line), buf, model, overlay);
    }
    if look.glyphs.is_ascii() {
        only_ascii(area, buf, look);
    }
    cursor
}

/// Replaces what this terminal cannot show, in what targets wrote and in their names too.
fn only_ascii(area: Rect, buf: &mut Buffer, look: Look<'_>) {
    for position in area.positions() {
        if let Some(cell) = buf.cell_mut(position)
            && !cell.symbol().is_ascii()
        {
            cell.set_symbol(look.glyphs.replacement);
        }
    }
}

fn draw_main(
    area: Rect,
    buf: &mut Buffer,
    model: &Model,
    picture: &Picture,
    plan: &Plan,
) -> Option<Position> {
    match &plan.main {
        Main::Rack(rack) => {
            rack::draw(area, buf, model, picture, rack);
            if let (Some(plan), Some(pane)) = (&rack.preview, &model.preview) {
                pane::draw(
                    area,
                    buf,
                    model,
                    picture,
                    &pane::PaneView {
                        pane,
                        plan,
                        slot: Slot::Preview,
                        front: false,
                    },
                );
            }
            None
        }
        Main::Panes(panes) => {
            let mut cursor = None;
            for (index, plan) in panes {
                let Some(pane) = model.panes.list.get(*index) else {
                    continue;
                };
                let front = *index == model.panes.front;
                let view = pane::PaneView {
                    pane,
                    plan,
                    slot: Slot::Pane(*index),
                    front,
                };
                let at = pane::draw(area, buf, model, picture, &view);
                cursor = if front { at } else { cursor };
            }
            cursor
        }
        Main::TooSmall(_) => None,
    }
}

fn draw_overlay(
    area: Rect,
    line: Rect,
    buf: &mut Buffer,
    model: &Model,
    overlay: &Overlay,
) -> Option<Position> {
    let look = model.look();
    match overlay {
        Overlay::Help(help) => help.draw(area, buf, look),
        Overlay::Palette(palette) => palette.draw(area, buf, look),
        Overlay::Confirm(confirm, _) => confirm.draw(area, buf, look),
        Overlay::Filter(search) | Overlay::Search(search) | Overlay::History(search, _) => {
            search.draw(line, buf, look)
        }
        Overlay::Role(role) => {
            let around = Around {
                company: &model.company,
                targets: model.rack.targets().len(),
                leave: &model.key_of(Action::LeaveSession),
            };
            role.draw(area, buf, look, around)
        }
        Overlay::Connect(connect) => connect.draw(area, buf, look, model.cannot_join().as_deref()),
        Overlay::Notices(view) => {
            view.draw(area, buf, look, &model.notices);
            None
        }
        Overlay::Text(text) => {
            text.draw(area, buf, look);
            None
        }
    }
}

/// As much of the words as there is room for.
fn too_small(area: Rect, buf: &mut Buffer, look: Look<'_>) -> Option<Position> {
    let mut letters = "too small".chars();
    for y in area.top()..area.bottom() {
        let row: String = letters.by_ref().take(area.width.into()).collect();
        if row.is_empty() {
            break;
        }
        buf.set_stringn(area.x, y, row, area.width.into(), look.style(Role::Warning));
    }
    None
}

/// Draws texts one after the other in a row, as far as there is room; returns the columns used.
fn spans<'a>(
    place: Rect,
    buf: &mut Buffer,
    look: Look<'_>,
    texts: impl IntoIterator<Item = (Role, &'a str)>,
) -> u16 {
    let mut x = place.x;
    for (role, text) in texts {
        let room = place.right().saturating_sub(x);
        if room == 0 || place.height == 0 {
            break;
        }
        let (end, _) = buf.set_stringn(
            x,
            place.y,
            look.fit(text, room),
            room.into(),
            look.style(role),
        );
        x = end;
    }
    x - place.x
}
