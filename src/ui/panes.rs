//! The panes: which targets are open, how they are arranged, and where in its history each one looks.

use super::rows::Place;
use super::search::Search;
use crate::rack::{Target, TargetId};

/// Most panes at once: as many as there are digits to choose them by.
pub const PANES_MAX: usize = 9;

/// Where in its history a pane looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scroll {
    /// At the newest line, whatever comes.
    #[default]
    Follow,
    /// From this row on, whatever comes.
    At(Place),
}

/// A view of one target.
#[derive(Debug, Clone)]
pub struct Pane {
    /// The target.
    pub target: TargetId,
    /// Its name, also when it is gone.
    pub name: String,
    /// Its connection string.
    pub address: String,
    /// Where it looks.
    pub scroll: Scroll,
    /// Whether times are shown.
    pub times: bool,
    /// Whether long lines are wrapped.
    pub wrap: bool,
    /// Whether control characters are spelled out.
    pub controls: bool,
    /// What is searched for.
    pub search: Option<Search>,
    /// Whether every key goes to the target, and its own screen is shown.
    pub raw: bool,
    /// The rows that were selected with the mouse: from where, to where.
    pub selection: Option<(Place, Place)>,
    /// The row on which the mouse was pressed.
    pub pressed: Option<Place>,
    /// Whether the target's own screen asked for application cursor keys.
    pub application_cursor: bool,
    /// Whether the target's own screen asked for pastes in brackets.
    pub bracketed_paste: bool,
}

impl Pane {
    /// A pane that follows `target`.
    pub fn new(target: &Target, times: bool) -> Self {
        Self {
            target: target.id,
            name: target.name.clone(),
            address: target.address.clone(),
            scroll: Scroll::Follow,
            times,
            wrap: true,
            controls: false,
            search: None,
            raw: false,
            selection: None,
            pressed: None,
            application_cursor: false,
            bracketed_paste: false,
        }
    }

    /// Whether the row is selected.
    pub fn selects(&self, place: Place) -> bool {
        self.selection
            .is_some_and(|(a, b)| (a.min(b)..=a.max(b)).contains(&place))
    }
}

/// How panes share the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arrangement {
    /// The one in front alone.
    Single,
    /// Beside each other.
    Columns,
    /// One below the other.
    Rows,
    /// As square as possible.
    #[default]
    Grid,
}

impl Arrangement {
    /// The next way.
    pub fn next(self) -> Self {
        match self {
            Self::Grid => Self::Columns,
            Self::Columns => Self::Rows,
            Self::Rows => Self::Single,
            Self::Single => Self::Grid,
        }
    }

    /// What it is called.
    pub fn word(self) -> &'static str {
        match self {
            Self::Single => "1",
            Self::Columns => "columns",
            Self::Rows => "rows",
            Self::Grid => "grid",
        }
    }

    /// The arrangement of that name.
    pub fn named(word: &str) -> Option<Self> {
        [Self::Single, Self::Columns, Self::Rows, Self::Grid]
            .into_iter()
            .find(|way| way.word() == word)
    }
}

/// The panes that are open.
#[derive(Debug, Clone, Default)]
pub struct Panes {
    /// In the order they were opened.
    pub list: Vec<Pane>,
    /// The one in front.
    pub front: usize,
    /// How they share the screen.
    pub arrangement: Arrangement,
    /// Whether the one in front has the screen alone for now.
    pub zoomed: bool,
}

impl Panes {
    /// The pane in front.
    pub fn current(&self) -> Option<&Pane> {
        self.list.get(self.front)
    }

    /// The pane in front, to change it.
    pub fn current_mut(&mut self) -> Option<&mut Pane> {
        self.list.get_mut(self.front)
    }

    /// Brings a target to the front, in a pane of its own; where there are too many, in place of the one in front.
    pub fn open(&mut self, target: &Target, times: bool) {
        if let Some(place) = self.list.iter().position(|pane| pane.target == target.id) {
            self.front = place;
        } else if self.list.len() < PANES_MAX {
            self.list.push(Pane::new(target, times));
            self.front = self.list.len() - 1;
        } else if let Some(pane) = self.current_mut() {
            *pane = Pane::new(target, times);
        }
    }

    /// Closes the pane in front.
    pub fn close(&mut self) {
        if self.front < self.list.len() {
            self.list.remove(self.front);
            self.front = self.front.min(self.list.len().saturating_sub(1));
            self.zoomed = false;
        }
    }

    /// Goes `by` panes on, round the end.
    pub fn step(&mut self, by: isize) {
        let count = self.list.len();
        if let (Ok(all), Ok(front)) = (isize::try_from(count), isize::try_from(self.front))
            && all > 0
        {
            self.front = (front + by).rem_euclid(all).unsigned_abs();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::rack::status;
    use crate::transcript::{Limits, Time, Transcript};

    fn target(id: u32) -> Target {
        Target {
            id: TargetId(id),
            name: format!("t{id}"),
            address: String::new(),
            groups: Vec::new(),
            debugger: false,
            tags: Vec::new(),
            transcript: Arc::new(Transcript::new(Limits::default(), Arc::default())),
            status: Arc::new(status::Shared::new(Time(0))),
        }
    }

    #[test]
    fn a_target_is_open_once_and_a_tenth_takes_the_place_of_the_one_in_front() {
        let mut panes = Panes::default();
        (0..9).for_each(|id| panes.open(&target(id), false));
        panes.open(&target(3), false);
        assert_eq!((panes.list.len(), panes.front), (9, 3));
        panes.open(&target(42), false);
        assert_eq!(
            (panes.list.len(), panes.current().map(|pane| pane.target)),
            (9, Some(TargetId(42)))
        );
        panes.step(-4);
        assert_eq!(panes.front, 8);
        panes.close();
        assert_eq!(panes.front, 7);
        (0..9).for_each(|_| panes.close());
        panes.step(1);
        assert!(panes.current().is_none());
    }
}
