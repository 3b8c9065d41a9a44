//! The overview of the rack: which targets, in which order, which is chosen, which are marked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::rack::{Rack, State, Target, TargetId};

/// What the targets are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// As in the configuration.
    #[default]
    Given,
    /// By name.
    Name,
    /// What needs somebody first.
    State,
    /// Those that printed most first, as it was when the order was asked for.
    Activity,
}

impl Sort {
    /// The next way.
    pub fn next(self) -> Self {
        match self {
            Self::Given => Self::Name,
            Self::Name => Self::State,
            Self::State => Self::Activity,
            Self::Activity => Self::Given,
        }
    }

    /// What it is called.
    pub fn word(self) -> &'static str {
        match self {
            Self::Given => "as configured",
            Self::Name => "by name",
            Self::State => "by state",
            Self::Activity => "by activity",
        }
    }
}

/// One cell of the overview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// The heading of a group, with the count of its targets.
    Section(String, usize),
    /// A target.
    Target(TargetId),
}

/// The state of the overview.
#[derive(Debug, Clone, Default)]
pub struct Overview {
    items: Vec<Item>,
    /// The chosen target.
    pub selected: Option<TargetId>,
    /// The targets that are marked, to be talked to together.
    pub marks: BTreeSet<TargetId>,
    /// Words that shown targets have.
    pub filter: String,
    /// Their order.
    pub sort: Sort,
    /// Whether groups are shown as sections.
    pub grouped: bool,
    /// The first item on the screen.
    pub top: usize,
}

/// How urgently a target needs somebody; less is more.
fn urgency(target: &Target) -> u8 {
    if target.status.is_alert() {
        return 0;
    }
    match target.status.state() {
        State::Broken => 1,
        State::Lost => 2,
        State::Closed => 3,
        State::Connecting => 4,
        State::Waiting => 5,
        State::Running => 6,
    }
}

/// Why a target needs somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Something happened to it that cannot wait.
    Alert,
    /// It is stopped, lost or closed.
    State(State),
    /// It is well, but its log cannot be written.
    Log,
}

/// The targets that need somebody: those with an alert first, all in the rack's order.
pub fn attention(rack: &Rack) -> Vec<(&Arc<Target>, Need)> {
    let need = |target: &Target| match target.status.state() {
        _ if target.status.is_alert() => Some(Need::Alert),
        state @ (State::Broken | State::Lost | State::Closed) => Some(Need::State(state)),
        _ => target.status.log_fails().then_some(Need::Log),
    };
    let mut needing: Vec<_> = rack
        .targets()
        .iter()
        .filter_map(|target| Some((target, need(target)?)))
        .collect();
    needing.sort_by_key(|(_, need)| *need != Need::Alert);
    needing
}

impl Overview {
    /// An overview of nothing yet, with groups as sections or without.
    pub fn new(grouped: bool) -> Self {
        Self {
            grouped,
            ..Self::default()
        }
    }

    /// The cells, in order.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The targets shown, in order.
    pub fn targets(&self) -> impl DoubleEndedIterator<Item = TargetId> {
        self.items.iter().filter_map(|item| match item {
            Item::Target(id) => Some(*id),
            Item::Section(..) => None,
        })
    }

    /// Puts the targets into order anew: they, the filter or the order changed.
    pub fn arrange(&mut self, rack: &Rack) {
        let mut targets: Vec<&Arc<Target>> = rack
            .targets()
            .iter()
            .filter(|target| self.shows(target))
            .collect();
        match self.sort {
            Sort::Given => {}
            Sort::Name => targets.sort_by(|a, b| a.name.cmp(&b.name)),
            Sort::State => targets.sort_by_cached_key(|target| urgency(target)),
            Sort::Activity => {
                targets.sort_by_cached_key(|target| {
                    std::cmp::Reverse(
                        target
                            .transcript
                            .with(crate::transcript::Ring::output_lines),
                    )
                });
            }
        }
        let ids = |targets: &[&Arc<Target>]| {
            targets
                .iter()
                .map(|target| Item::Target(target.id))
                .collect::<Vec<_>>()
        };
        self.items = if self.grouped && targets.iter().any(|target| !target.groups.is_empty()) {
            let mut groups: BTreeMap<(bool, &str), Vec<&Arc<Target>>> = BTreeMap::new();
            for target in targets {
                let group = target.groups.first().map_or("", String::as_str);
                groups
                    .entry((group.is_empty(), group))
                    .or_default()
                    .push(target);
            }
            let section = |((_, name), targets): (&(bool, &str), &Vec<&Arc<Target>>)| {
                let name = if name.is_empty() { "no group" } else { name };
                let mut items = vec![Item::Section(name.to_owned(), targets.len())];
                items.append(&mut ids(targets));
                items
            };
            groups.iter().flat_map(section).collect()
        } else {
            ids(&targets)
        };
        self.marks.retain(|id| rack.target(*id).is_some());
        if self
            .selected
            .is_none_or(|id| !self.targets().any(|shown| shown == id))
        {
            let first = self.targets().next();
            self.selected = first;
        }
    }

    /// The place of the chosen target among the items.
    pub fn place(&self) -> Option<usize> {
        self.items
            .iter()
            .position(|item| matches!(item, Item::Target(id) if Some(*id) == self.selected))
    }

    /// Chooses the target `by` cells on, over headings to the next target that way.
    pub fn step(&mut self, by: isize) {
        let Some(place) = self.place() else { return };
        let last = self.items.len().saturating_sub(1);
        let wanted = place.saturating_add_signed(by).min(last);
        let target = |item: &Item| match item {
            Item::Target(id) => Some(*id),
            Item::Section(..) => None,
        };
        let found = if by < 0 {
            self.items
                .iter()
                .take(wanted + 1)
                .rev()
                .find_map(target)
                .or_else(|| self.targets().next())
        } else {
            self.items.iter().skip(wanted).find_map(target)
        };
        self.selected = found.or(self.selected);
    }

    /// Chooses the first or the last.
    pub fn end(&mut self, last: bool) {
        let end = if last {
            self.targets().next_back()
        } else {
            self.targets().next()
        };
        self.selected = end.or(self.selected);
    }

    /// Marks the chosen target, or takes the mark away, and goes on to the next.
    pub fn mark(&mut self) {
        let Some(id) = self.selected else { return };
        if !self.marks.remove(&id) {
            self.marks.insert(id);
        }
        self.step(1);
    }

    /// Moves what is on the screen so that the chosen target is, in `rows` rows of `columns` columns.
    pub fn follow(&mut self, rows: usize, columns: usize) {
        let room = (rows * columns).max(1);
        // With several columns the view moves by whole ones, so that cells keep their rows.
        let grain = if columns > 1 { rows.max(1) } else { 1 };
        let most = self
            .items
            .len()
            .saturating_sub(room)
            .next_multiple_of(grain);
        let place = self.place().unwrap_or(0);
        if place < self.top {
            self.top = place - place % grain;
        } else if place >= self.top + room {
            self.top = (place + 1 - room).next_multiple_of(grain);
        }
        self.top = self.top.min(most);
        // The heading over the first target belongs to it.
        if self.top == 1
            && grain == 1
            && matches!(self.items.first(), Some(Item::Section(..)))
            && place < room
        {
            self.top = 0;
        }
    }

    fn shows(&self, target: &Target) -> bool {
        let fold = !self.filter.chars().any(char::is_uppercase);
        let has = |text: &str, word: &str| {
            if fold {
                text.to_lowercase().contains(word)
            } else {
                text.contains(word)
            }
        };
        let status = target.status.read();
        let told = [status.state.word(), status.alert.as_str()];
        self.filter.split_whitespace().all(|word| {
            let words = [&target.name, &target.address]
                .into_iter()
                .chain(&target.groups)
                .chain(&target.tags);
            words
                .map(String::as_str)
                .chain(told)
                .any(|text| has(text, word))
        })
    }
}
