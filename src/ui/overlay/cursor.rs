//! Which row of a list is chosen, and which rows are shown for it.

use std::ops::Range;

use crate::ui::action::Action;

/// Rows a page key moves by: what the smaller boxes show, so that no row is jumped over.
pub const PAGE_ROWS: usize = 10;

/// The chosen row of a list. The list itself is elsewhere and may change its length at any time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor {
    row: usize,
}

impl Cursor {
    /// The chosen row of a list of `count` rows; `None` if it is empty.
    #[must_use]
    pub fn row(self, count: usize) -> Option<usize> {
        count.checked_sub(1).map(|last| self.row.min(last))
    }

    /// Goes to a row.
    pub fn go(&mut self, row: usize) {
        self.row = row;
    }

    /// Moves as the action says. Says whether it was a movement.
    pub fn act(&mut self, action: Action, count: usize) -> bool {
        let last = count.saturating_sub(1);
        let row = self.row.min(last);
        self.row = match action {
            Action::Up => row.saturating_sub(1),
            Action::Down => row + 1,
            Action::PageUp => row.saturating_sub(PAGE_ROWS),
            Action::PageDown => row + PAGE_ROWS,
            Action::First => 0,
            Action::Last => last,
            _ => return false,
        }
        .min(last);
        true
    }

    /// The rows to show in `room` rows: the chosen one is among them, in the middle if the list goes on at both ends.
    #[must_use]
    pub fn window(self, count: usize, room: u16) -> Range<usize> {
        let room = usize::from(room);
        let row = self.row(count).unwrap_or(0);
        let start = row.saturating_sub(room / 2).min(count.saturating_sub(room));
        start..count.min(start + room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_row_stays_in_the_list_and_in_sight() {
        let mut cursor = Cursor::default();
        assert_eq!(cursor.row(0), None);
        for action in [Action::Last, Action::Down, Action::PageDown] {
            assert!(cursor.act(action, 25));
            assert_eq!(cursor.row(25), Some(24));
        }
        assert_eq!(cursor.window(25, 5), 20..25);
        assert_eq!(cursor.row(3), Some(2));
        assert!(cursor.act(Action::PageUp, 25));
        assert_eq!((cursor.row(25), cursor.window(25, 5)), (Some(14), 12..17));
        assert!(cursor.act(Action::First, 25) && cursor.act(Action::Up, 25));
        assert_eq!(cursor.window(25, 0), 0..0);
        assert_eq!(cursor.window(2, 5), 0..2);
        assert!(!cursor.act(Action::Accept, 25));
    }
}
