//! What is visible of the targets at one moment, collected for a frame and drawn as often as needed.
//!
//! Only what is on the screen is looked at, and only if it changed: the cost follows what is looked at. The targets in raw
//! mode have their own screens here.

use std::collections::HashMap;
use std::time::Instant;

use super::activity::Activity;
use super::frame::Fresh;
use super::layout::{Main, PanePlan, Plan};
use super::message::Effect;
use super::model::{Model, View, Whom};
use super::overview::{Item, Need, attention};
use super::panes::{Pane, Scroll};
use super::raw::Raw;
use super::rows::Row;
use super::tile::Tile;
use crate::rack::{State, Status, TargetId};
use crate::target::debugger::ANSWER_PROMPT;
use crate::transcript::{Ring, Seq};

/// What is visible.
#[derive(Default)]
pub struct Picture {
    /// How many targets without an alert are in each state, in the order of [`State::ALL`].
    pub counts: [usize; State::ALL.len()],
    /// How many targets have an alert.
    pub alerts: usize,
    /// How many targets' logs cannot be written.
    pub failing_logs: usize,
    /// The targets that need somebody, and why.
    pub attention: Vec<(TargetId, Need)>,
    /// The state of the target in front, if it is a debug target that takes commands.
    pub debugged: Option<State>,
    /// What stands in front of what is typed, if that is for one debug target.
    pub prompt: Option<Prompt>,
    /// The session that the rest is of, and what of its chat was drawn.
    session: u64,
    chat: Option<u64>,
    tiles: HashMap<TargetId, Tile>,
    panes: HashMap<Slot, Shown>,
    raws: HashMap<TargetId, Raw>,
    activity: Activity,
}

/// What a debug target asks with, or why it does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The target's state.
    pub state: State,
    /// `0: kd>`, or `running>`.
    pub text: String,
}

impl Prompt {
    fn new(status: Status) -> Self {
        let text = if status.state == State::Broken && !status.prompt.is_empty() {
            status.prompt
        } else {
            format!("{}>", status.state.word())
        };
        Self {
            state: status.state,
            text,
        }
    }
}

/// Which pane something is shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Slot {
    /// The one under the rack.
    Preview,
    /// One of the panes.
    Pane(usize),
}

/// What a pane shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    view: ViewKey,
    version: u64,
    /// The target's state, if the target is still there.
    pub status: Option<Status>,
    /// Its rows, at most as many as there is room for.
    pub rows: Vec<Row>,
    /// Entries below the last row.
    pub below: u64,
    /// Entries that came before the first one kept, told where the view is at that first one.
    pub dropped: u64,
}

/// What a pane's rows depend on, besides the transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ViewKey {
    target: TargetId,
    scroll: Scroll,
    size: (u16, u16),
    flags: [bool; 4],
    pattern: Option<String>,
    current: Option<Seq>,
}

impl ViewKey {
    fn new(pane: &Pane, plan: &PanePlan) -> Self {
        let search = pane.search.as_ref();
        Self {
            target: pane.target,
            scroll: pane.scroll,
            size: (plan.text.width, plan.text.height),
            flags: [pane.times, pane.wrap, pane.controls, pane.raw],
            pattern: search.map(|search| search.pattern.source().to_owned()),
            current: search.and_then(|search| search.current),
        }
    }
}

/// What came of collecting.
#[derive(Debug, Default)]
pub struct Collected {
    /// Whether something looks different.
    pub changed: bool,
    /// When to look again, although nothing may have changed by then.
    pub again: Option<Instant>,
    /// What is to be sent to targets for it.
    pub effects: Vec<Effect>,
}

impl Collected {
    fn again(&mut self, at: Instant) {
        self.again = Some(self.again.map_or(at, |before| before.min(at)));
    }
}

impl Picture {
    /// Looks at what is visible: at all of it, at what is in front, or at nothing.
    pub fn collect(&mut self, model: &mut Model, fresh: Fresh, now: Instant) -> Collected {
        let mut collected = Collected {
            // Whom the line is for may change with each key.
            changed: self.collect_debugger(model),
            ..Collected::default()
        };
        if self.session != model.session {
            // Numbers of targets mean others now.
            *self = Self {
                session: model.session,
                ..Self::default()
            };
            collected.changed = true;
        }
        let plan = model.plan();
        let chat = plan.chat.map(|_| model.chat.version());
        collected.changed |= self.chat != chat;
        self.chat = chat;
        if fresh == Fresh::Known {
            return collected;
        }
        self.collect_states(model, &mut collected);
        match &plan.main {
            Main::Rack(rack) => {
                self.collect_tiles(
                    model,
                    usize::from(rack.columns * rack.rows()),
                    fresh,
                    now,
                    &mut collected,
                );
                if let (Some(plan), Some(pane)) = (&rack.preview, &model.preview) {
                    let shown = self.collect_pane(model, Slot::Preview, pane, plan);
                    collected.changed |= shown;
                }
            }
            Main::Panes(panes) => {
                for (index, plan) in panes {
                    let Some(pane) = model.panes.list.get(*index) else {
                        continue;
                    };
                    let slot = Slot::Pane(*index);
                    let front = *index == model.panes.front;
                    let known = self
                        .panes
                        .get(&slot)
                        .is_some_and(|shown| shown.view == ViewKey::new(pane, plan));
                    if fresh == Fresh::Front && !front && known {
                        continue;
                    }
                    if pane.raw {
                        self.collect_raw(model, *index, plan, now, &mut collected);
                    } else {
                        collected.changed |= self.collect_pane(model, slot, pane, plan);
                    }
                }
            }
            Main::TooSmall(_) => {}
        }
        self.forget(model, &plan);
        collected
    }

    fn collect_debugger(&mut self, model: &Model) -> bool {
        let debugged = model
            .target()
            .filter(|target| target.debugger)
            .map(|target| target.status.read())
            .filter(|status| status.prompt != ANSWER_PROMPT)
            .map(|status| status.state);
        let prompt = match model.talks_to() {
            Whom::One(target) if target.debugger => Some(Prompt::new(target.status.read())),
            _ => None,
        };
        let changed = debugged != self.debugged || prompt != self.prompt;
        (self.debugged, self.prompt) = (debugged, prompt);
        changed
    }

    fn collect_states(&mut self, model: &Model, collected: &mut Collected) {
        let mut counts = [0; State::ALL.len()];
        let (mut alerts, mut failing_logs) = (0, 0);
        for target in model.rack.targets() {
            failing_logs += usize::from(target.status.log_fails());
            if target.status.is_alert() {
                alerts += 1;
                continue;
            }
            let state = target.status.state();
            if let Some(count) = State::ALL
                .iter()
                .position(|known| *known == state)
                .and_then(|place| counts.get_mut(place))
            {
                *count += 1;
            }
        }
        let needing: Vec<_> = attention(&model.rack)
            .into_iter()
            .map(|(target, need)| (target.id, need))
            .collect();
        collected.changed |= counts != self.counts
            || (alerts, failing_logs) != (self.alerts, self.failing_logs)
            || needing != self.attention;
        (self.counts, self.attention) = (counts, needing);
        (self.alerts, self.failing_logs) = (alerts, failing_logs);
    }

    fn collect_tiles(
        &mut self,
        model: &Model,
        room: usize,
        fresh: Fresh,
        now: Instant,
        collected: &mut Collected,
    ) {
        if !model.settings.reduced_motion {
            if fresh == Fresh::All {
                collected.changed |= self.activity.sample(&model.rack, now);
            }
            if let Some(next) = self.activity.next() {
                collected.again(next);
            }
        }
        for item in model
            .overview
            .items()
            .iter()
            .skip(model.overview.top)
            .take(room)
        {
            let Item::Target(id) = item else { continue };
            if fresh == Fresh::Front
                && self.tiles.contains_key(id)
                && model.overview.selected != Some(*id)
            {
                continue;
            }
            let Some(target) = model.rack.target(*id) else {
                continue;
            };
            let old = self.tiles.remove(id);
            let bars = self.activity.bars(*id);
            let (tile, again) = Tile::new(target, bars, old.as_ref(), now);
            if let Some(again) = again {
                collected.again(again);
            }
            collected.changed |= old.as_ref() != Some(&tile);
            self.tiles.insert(*id, tile);
        }
    }

    fn collect_pane(&mut self, model: &Model, slot: Slot, pane: &Pane, plan: &PanePlan) -> bool {
        let view = ViewKey::new(pane, plan);
        let old = self.panes.get(&slot);
        let shown = match model.rack.target(pane.target) {
            Some(target) => {
                let version = target.transcript.version();
                let status = Some(target.status.read());
                if old.is_some_and(|old| {
                    old.view == view && old.version == version && old.status == status
                }) {
                    return false;
                }
                let format = pane.format(plan.text.width, &model.settings.zone);
                target
                    .transcript
                    .with(|ring| shown(ring, view, version, status, pane, &format, plan))
            }
            None => Shown {
                view,
                version: 0,
                status: None,
                rows: Vec::new(),
                below: 0,
                dropped: 0,
            },
        };
        let changed = old != Some(&shown);
        self.panes.insert(slot, shown);
        changed
    }

    /// A pane in raw mode: its target's own screen, told the pane's size, its questions answered.
    fn collect_raw(
        &mut self,
        model: &mut Model,
        index: usize,
        plan: &PanePlan,
        now: Instant,
        collected: &mut Collected,
    ) {
        let Some(pane) = model.panes.list.get_mut(index) else {
            return;
        };
        let Some(target) = model.rack.target(pane.target).cloned() else {
            pane.raw = false;
            return;
        };
        let size = (plan.text.width.max(1), plan.text.height.max(1));
        let raw = self
            .raws
            .entry(pane.target)
            .or_insert_with(|| Raw::new(&target.transcript, size));
        let news = raw.read(&target.transcript, size);
        collected.changed |= news.changed;
        if news.resized {
            let request = crate::target::Request::Resize {
                columns: size.0,
                rows: size.1,
            };
            collected.effects.push(Effect::Ask {
                id: pane.target,
                request,
            });
        }
        if !news.replies.is_empty() && index == model.panes.front {
            let request = crate::target::Request::Keys(news.replies);
            collected.effects.push(Effect::Ask {
                id: pane.target,
                request,
            });
        }
        if news.more {
            collected.again(now);
        }
        (pane.application_cursor, pane.bracketed_paste) = (
            raw.emulator().application_cursor(),
            raw.emulator().bracketed_paste(),
        );
        let status = Some(target.status.read());
        let view = ViewKey::new(pane, plan);
        let shown = Shown {
            view,
            version: 0,
            status,
            rows: Vec::new(),
            below: 0,
            dropped: raw.missed(),
        };
        collected.changed |= self.panes.get(&Slot::Pane(index)) != Some(&shown);
        self.panes.insert(Slot::Pane(index), shown);
    }

    /// Keeps nothing of what is no longer shown.
    fn forget(&mut self, model: &Model, plan: &Plan) {
        let shows = |slot: &Slot| match (slot, &plan.main) {
            (Slot::Preview, Main::Rack(_)) => true,
            (Slot::Pane(index), Main::Panes(panes)) => {
                panes.iter().any(|(shown, _)| shown == index)
            }
            _ => false,
        };
        self.panes.retain(|slot, _| shows(slot));
        let raw = |id: &TargetId| {
            model
                .panes
                .list
                .iter()
                .any(|pane| pane.raw && pane.target == *id)
        };
        self.raws.retain(|id, _| raw(id));
        if model.view != View::Rack {
            self.tiles.clear();
            self.activity = Activity::default();
        }
    }

    /// A target in the overview, once it was collected.
    pub fn tile(&self, id: TargetId) -> Option<&Tile> {
        self.tiles.get(&id)
    }

    /// What a pane shows, once it was collected.
    pub fn pane(&self, slot: Slot) -> Option<&Shown> {
        self.panes.get(&slot)
    }

    /// The own screen of a target in raw mode.
    pub fn raw(&self, id: TargetId) -> Option<&Raw> {
        self.raws.get(&id)
    }
}

fn shown(
    ring: &Ring,
    view: ViewKey,
    version: u64,
    status: Option<Status>,
    pane: &Pane,
    format: &super::rows::Format<'_>,
    plan: &PanePlan,
) -> Shown {
    let height = usize::from(plan.text.height);
    let rows = match pane.scroll {
        Scroll::Follow => format.tail(ring, height),
        Scroll::At(top) => {
            let rows = format.window(ring, top, height);
            // The pane became larger than what is left below.
            if rows.len() < height {
                format.tail(ring, height)
            } else {
                rows
            }
        }
    };
    let last = rows.last().map_or(0, |row| row.place.seq);
    let below = match pane.scroll {
        Scroll::Follow => 0,
        Scroll::At(_) => ring.next().saturating_sub(1).saturating_sub(last),
    };
    let at_oldest = rows
        .first()
        .is_some_and(|row| row.place.seq == ring.first() && row.place.row == 0);
    let dropped = if at_oldest {
        ring.first().saturating_sub(1)
    } else {
        0
    };
    Shown {
        view,
        version,
        status,
        rows,
        below,
        dropped,
    }
}
