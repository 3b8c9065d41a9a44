//! The mouse: clicks choose, the wheel scrolls, a drag selects rows. Nothing needs it.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::scroll::Move;
use crate::rack::Target;
use crate::transcript::{Entry, Kind};
use crate::ui::clipboard::COPY_BYTES_MAX;
use crate::ui::frame::Fresh;
use crate::ui::layout::{Main, PanePlan};
use crate::ui::message::Effect;
use crate::ui::model::{Focus, Model, Overlay};
use crate::ui::overlay::RoleSwitcher;
use crate::ui::overview::Item;
use crate::ui::panes::{Pane, Scroll};
use crate::ui::rows::{Place, Row};

/// Rows one notch of the wheel moves by.
const WHEEL_ROWS: isize = 3;

impl Model {
    pub(super) fn mouse(&mut self, event: MouseEvent) -> Vec<Effect> {
        if self.overlay.is_some() || !self.settings.mouse {
            return Vec::new();
        }
        let at = Position::new(event.column, event.row);
        match event.kind {
            MouseEventKind::Down(MouseButton::Left) => self.click(at),
            MouseEventKind::Drag(MouseButton::Left) => self.drag(at),
            MouseEventKind::ScrollUp => self.wheel(at, -WHEEL_ROWS),
            MouseEventKind::ScrollDown => self.wheel(at, WHEEL_ROWS),
            _ => Vec::new(),
        }
    }

    fn click(&mut self, at: Position) -> Vec<Effect> {
        let plan = self.plan();
        let chat = plan.chat.is_some_and(|chat| chat.area().contains(at));
        if self.focus == Focus::Chat && !chat {
            self.leave_chat();
        }
        if chat {
            if self.focus != Focus::Chat {
                self.before_chat = self.focus;
            }
            self.focus = Focus::Chat;
        } else if plan.line.contains(at) {
            self.focus = Focus::Line;
        } else if plan.header.is_some_and(|header| header.contains(at)) {
            self.overlay = Some(Overlay::Role(RoleSwitcher::new(&self.company)));
        } else {
            match plan.main {
                Main::Rack(rack) => {
                    let Some(place) = rack.hit(at.x, at.y) else {
                        return Vec::new();
                    };
                    let item = self
                        .overview
                        .items()
                        .get(self.overview.top + place)
                        .cloned();
                    let Some(Item::Target(id)) = item else {
                        return Vec::new();
                    };
                    let again = self.overview.selected == Some(id);
                    self.overview.selected = Some(id);
                    self.focus = Focus::Main;
                    if let Some(target) = self.rack.target(id).filter(|_| again).cloned() {
                        self.open(&target);
                        return vec![Effect::Draw(Fresh::All)];
                    }
                }
                Main::Panes(panes) => {
                    let Some((index, plan)) =
                        panes.into_iter().find(|(_, plan)| plan.area().contains(at))
                    else {
                        return Vec::new();
                    };
                    self.panes.front = index;
                    if self.panes.list.iter().any(|pane| pane.raw) {
                        self.focus = Focus::Main;
                    }
                    let place = self.place_at(plan, at);
                    if let Some(pane) = self.front_mut() {
                        pane.selection = None;
                        pane.pressed = place;
                    }
                }
                Main::TooSmall(_) => return Vec::new(),
            }
        }
        vec![Effect::Draw(Fresh::Front)]
    }

    fn drag(&mut self, at: Position) -> Vec<Effect> {
        let Some(plan) = self.front_plan() else {
            return Vec::new();
        };
        let inside = Position::new(
            plan.text.x,
            at.y.clamp(plan.text.y, plan.text.bottom().saturating_sub(1)),
        );
        let place = self.place_at(plan, inside);
        let Some(pane) = self.front_mut() else {
            return Vec::new();
        };
        match (pane.pressed, place) {
            (Some(from), Some(to)) if pane.selection != Some((from, to)) => {
                pane.selection = Some((from, to));
                vec![Effect::Draw(Fresh::Known)]
            }
            _ => Vec::new(),
        }
    }

    fn wheel(&mut self, at: Position, rows: isize) -> Vec<Effect> {
        let plan = self.plan();
        if plan.chat.is_some_and(|chat| chat.area().contains(at)) {
            return self.scroll_chat(Move::Rows(rows));
        }
        match plan.main {
            Main::Rack(rack) if rack.list.contains(at) => {
                self.overview.step(rows);
                return vec![Effect::Draw(Fresh::Front)];
            }
            Main::Panes(panes) => {
                if let Some((index, _)) = panes.iter().find(|(_, plan)| plan.area().contains(at)) {
                    self.panes.front = *index;
                }
            }
            _ => {}
        }
        self.scroll(Move::Rows(rows))
    }

    /// The row of the pane in front that is drawn there.
    fn place_at(&self, plan: PanePlan, at: Position) -> Option<Place> {
        let (target, pane) = (self.target()?, self.front()?);
        let row = at.y.checked_sub(plan.text.y)?;
        visible(pane, target, plan, &self.settings.zone)
            .get(usize::from(row))
            .map(|row| row.place)
    }
}

fn visible(pane: &Pane, target: &Target, plan: PanePlan, zone: &jiff::tz::TimeZone) -> Vec<Row> {
    let (format, height) = (
        pane.format(plan.text.width, zone),
        usize::from(plan.text.height),
    );
    target.transcript.with(|ring| match pane.scroll {
        Scroll::Follow => format.tail(ring, height),
        Scroll::At(top) => format.window(ring, top, height),
    })
}

/// The text of the selected rows, or of those in sight.
pub(super) fn copied(
    pane: &Pane,
    target: &Target,
    plan: PanePlan,
    zone: &jiff::tz::TimeZone,
) -> String {
    let rows = match pane.selection {
        None => visible(pane, target, plan, zone),
        Some((a, b)) => {
            let format = pane.format(plan.text.width, zone);
            let (from, to) = (a.min(b), a.max(b));
            let mut bytes = 0;
            let mut rows = target.transcript.with(|ring| {
                let fits = |entry: &Entry<'_>| {
                    bytes += entry.bytes.len() + 1;
                    entry.seq <= to.seq && bytes <= COPY_BYTES_MAX
                };
                ring.entries(from.seq)
                    .take_while(fits)
                    .flat_map(|entry| format.rows(&entry))
                    .collect::<Vec<_>>()
            });
            rows.retain(|row| pane.selects(row.place));
            rows
        }
    };
    let mut text = String::new();
    let mut last: Option<(u64, bool)> = None;
    for row in rows {
        // The rows of one output line are that line again.
        let goes_on = row.kind == Kind::Output
            && last.is_some_and(|(seq, unfinished)| seq == row.place.seq || unfinished);
        if last.is_some() && !goes_on {
            text.push('\n');
        }
        text.push_str(&row.line.text());
        last = Some((row.place.seq, false));
    }
    text.push('\n');
    text
}
