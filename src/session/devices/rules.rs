//! Which targets somebody chose, one choice after the other: the last that concerns a target counts.

use crate::rack::{Pattern, Target};

/// Choices that are kept. A person makes a few; each costs a look at every target when the rack changes.
pub const RULES_MAX: usize = 64;

/// Choices, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Rules(Vec<(Pattern, bool)>);

impl Rules {
    /// Chooses the targets of `pattern`, or the opposite.
    ///
    /// # Errors
    /// When there are [`RULES_MAX`] already.
    pub fn set(&mut self, pattern: Pattern, on: bool) -> Result<(), String> {
        self.0.retain(|(old, _)| *old != pattern);
        if self.0.len() >= RULES_MAX {
            return Err(format!("{RULES_MAX} choices are made already"));
        }
        self.0.push((pattern, on));
        Ok(())
    }

    /// What was chosen for a target; `None` if nothing was.
    #[must_use]
    pub fn choice(&self, target: &Target) -> Option<bool> {
        let mut latest = self.0.iter().rev();
        latest
            .find(|(pattern, _)| pattern.matches(target))
            .map(|(_, on)| *on)
    }
}

impl FromIterator<Pattern> for Rules {
    fn from_iter<T: IntoIterator<Item = Pattern>>(chosen: T) -> Self {
        let rules = chosen.into_iter().map(|pattern| (pattern, true));
        Self(rules.take(RULES_MAX).collect())
    }
}
