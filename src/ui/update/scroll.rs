//! Moving through a history: by rows, by pages, to matches.

use crate::transcript::Seq;
use crate::transcript::search::Pattern;
use crate::ui::frame::Fresh;
use crate::ui::layout::{Main, PanePlan};
use crate::ui::message::Effect;
use crate::ui::model::{Model, View};
use crate::ui::panes::{Pane, Scroll};
use crate::ui::rows::{Format, Place};
use crate::ui::search::{Search, Way};

/// Where to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    /// So many rows; upwards if negative.
    Rows(isize),
    /// So many pages.
    Pages(isize),
    /// To the oldest.
    Top,
    /// To the newest.
    Bottom,
}

impl Pane {
    /// How its history is made into rows of so many columns.
    pub fn format<'a>(&'a self, width: u16, zone: &'a jiff::tz::TimeZone) -> Format<'a> {
        Format {
            width: width.into(),
            times: self.times,
            zone,
            wrap: self.wrap,
            controls: self.controls,
            pattern: self.search.as_ref().map(|search| &search.pattern),
            current: self.search.as_ref().and_then(|search| search.current),
        }
    }
}

impl Model {
    /// Where the pane in front is.
    pub(super) fn front_plan(&self) -> Option<PanePlan> {
        match self.plan().main {
            Main::Rack(rack) => rack.preview,
            Main::Panes(panes) => panes
                .into_iter()
                .find(|(index, _)| *index == self.panes.front)
                .map(|(_, plan)| plan),
            Main::TooSmall(_) => None,
        }
    }

    /// Moves the pane in front.
    pub(super) fn scroll(&mut self, way: Move) -> Vec<Effect> {
        let (Some(plan), Some(target), Some(pane)) =
            (self.front_plan(), self.target(), self.front())
        else {
            return Vec::new();
        };
        let height = usize::from(plan.text.height.max(1));
        let format = pane.format(plan.text.width, &self.settings.zone);
        let page = height.saturating_sub(1).max(1);
        let rows = match way {
            Move::Rows(rows) => rows,
            Move::Pages(pages) => pages.saturating_mul(isize::try_from(page).unwrap_or(isize::MAX)),
            Move::Top | Move::Bottom => 0,
        };
        let by = rows.unsigned_abs();
        let scroll = target.transcript.with(|ring| {
            let oldest = Place {
                seq: ring.first(),
                row: 0,
            };
            match (way, pane.scroll) {
                (Move::Bottom, _) => Scroll::Follow,
                (Move::Top, _) => Scroll::At(oldest),
                (_, Scroll::Follow) if rows >= 0 => Scroll::Follow,
                (_, Scroll::Follow) => {
                    let top = format.bottom(ring, height);
                    let above = format.above(ring, top, by);
                    // What fits the pane whole has nothing above.
                    if above == top {
                        Scroll::Follow
                    } else {
                        Scroll::At(above)
                    }
                }
                (_, Scroll::At(top)) if rows < 0 => {
                    Scroll::At(format.above(ring, top.max(oldest), by))
                }
                (_, Scroll::At(top)) => format
                    .below(ring, top.max(oldest), by, height)
                    .map_or(Scroll::Follow, Scroll::At),
            }
        });
        if let Some(pane) = self.front_mut() {
            pane.scroll = scroll;
        }
        vec![Effect::Draw(Fresh::Front)]
    }

    /// Begins a search in the pane in front, from the bottom of what it shows towards the oldest.
    pub(super) fn search(&mut self, typed: &str) -> Vec<Effect> {
        let from = self.last_seen();
        if let Some(pane) = self.front_mut() {
            pane.search =
                (!typed.is_empty()).then(|| Search::new(Pattern::new(typed), Way::Older, from));
        }
        vec![Effect::Draw(Fresh::Front)]
    }

    /// Looks for the next match.
    pub(super) fn search_on(&mut self, way: Way) -> Vec<Effect> {
        match self.front_mut().and_then(|pane| pane.search.as_mut()) {
            Some(search) => search.go_on(way),
            None => self.tell(crate::deck::Severity::Info, "nothing is searched for yet"),
        }
        vec![Effect::Draw(Fresh::Known)]
    }

    /// Goes on with searches, a slice each.
    pub(super) fn work(&mut self) -> Vec<Effect> {
        let Some(plan) = self.front_plan() else {
            return Vec::new();
        };
        let (zone, rack) = (self.settings.zone.clone(), self.rack.clone());
        let panes = match self.view {
            View::Rack => self.preview.as_mut_slice(),
            View::Panes => self.panes.list.as_mut_slice(),
        };
        let (mut effects, mut said) = (Vec::new(), String::new());
        for pane in panes {
            let Some(target) = rack.target(pane.target) else {
                continue;
            };
            let Some(search) = pane.search.as_mut().filter(|search| search.is_looking()) else {
                continue;
            };
            let found = target.transcript.with(|ring| search.look(ring));
            if !search.is_looking() {
                effects = vec![Effect::Draw(Fresh::Front)];
                said = search.words();
            }
            if let Some(seq) = found {
                show(pane, target, seq, plan, &zone);
            }
        }
        // A small pane has no room for it in its title.
        if !said.is_empty() {
            self.tell(crate::deck::Severity::Info, &said);
        }
        effects
    }

    /// The newest entry that the pane in front shows.
    fn last_seen(&self) -> Seq {
        let (Some(plan), Some(target), Some(pane)) =
            (self.front_plan(), self.target(), self.front())
        else {
            return Seq::MAX;
        };
        let Scroll::At(top) = pane.scroll else {
            return Seq::MAX;
        };
        let format = pane.format(plan.text.width, &self.settings.zone);
        let rows = target
            .transcript
            .with(|ring| format.window(ring, top, plan.text.height.into()));
        rows.last().map_or(Seq::MAX, |row| row.place.seq)
    }
}

/// Scrolls so that an entry is in sight, a third down if it was not.
fn show(
    pane: &mut Pane,
    target: &crate::rack::Target,
    seq: Seq,
    plan: PanePlan,
    zone: &jiff::tz::TimeZone,
) {
    let height = usize::from(plan.text.height.max(1));
    let format = pane.format(plan.text.width, zone);
    let scroll = target.transcript.with(|ring| {
        let rows = match pane.scroll {
            Scroll::Follow => format.tail(ring, height),
            Scroll::At(top) => format.window(ring, top, height),
        };
        if rows.iter().any(|row| row.place.seq == seq) {
            // The view stays where it is, also if more comes.
            return rows
                .first()
                .map_or(pane.scroll, |row| Scroll::At(row.place));
        }
        Scroll::At(format.above(ring, Place { seq, row: 0 }, height / 3))
    });
    pane.scroll = scroll;
}
