//! What is known of all targets: names, groups, states, histories; the same at a host and at a client.
//!
//! A [`Rack`] is an immutable list that is replaced when targets come or go; a [`Target`] in it is shared and lives on
//! while somebody looks at it. Who drives the targets is not known here.

pub mod pattern;
pub mod status;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use pattern::Pattern;
pub use status::{State, Status};

use crate::transcript::Transcript;

/// Identifies a target for as long as its host runs; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TargetId(pub u32);

/// One target as everybody may know it.
#[derive(Debug)]
pub struct Target {
    /// Its identity.
    pub id: TargetId,
    /// Its name, unique in the rack.
    pub name: String,
    /// Its connection string, secrets masked.
    pub address: String,
    /// The groups it belongs to.
    pub groups: Vec<String>,
    /// Whether a debugger is spoken to it; a text console otherwise.
    pub debugger: bool,
    /// Free words to find it by.
    pub tags: Vec<String>,
    /// Everything that it printed and that happened to it, within bounds.
    pub transcript: Arc<Transcript>,
    /// Its state and counters.
    pub status: Arc<status::Shared>,
}

/// All targets, in the order of the configuration.
#[derive(Debug, Clone, Default)]
pub struct Rack {
    targets: Vec<Arc<Target>>,
}

impl Rack {
    /// A rack of these targets.
    pub fn new(targets: Vec<Arc<Target>>) -> Self {
        Self { targets }
    }

    /// The targets in their order.
    pub fn targets(&self) -> &[Arc<Target>] {
        &self.targets
    }

    /// The target of that name.
    pub fn named(&self, name: &str) -> Option<&Arc<Target>> {
        self.targets.iter().find(|target| target.name == name)
    }

    /// The target with that identity.
    pub fn target(&self, id: TargetId) -> Option<&Arc<Target>> {
        self.targets.iter().find(|target| target.id == id)
    }

    /// All groups, by name.
    pub fn groups(&self) -> BTreeSet<&str> {
        self.targets
            .iter()
            .flat_map(|target| &target.groups)
            .map(String::as_str)
            .collect()
    }

    /// The targets that `pattern` means, in the rack's order.
    pub fn matching(&self, pattern: &Pattern) -> Vec<Arc<Target>> {
        // A target's own name wins over a group of the same name.
        if let Some(target) = pattern.single().and_then(|name| self.named(name)) {
            return vec![target.clone()];
        }
        self.targets
            .iter()
            .filter(|target| pattern.matches(target))
            .cloned()
            .collect()
    }

    /// What somebody keeps for each target, in the rack's order: what they kept before, else what `new` makes. `of` is where
    /// it holds the target. Behind it, what they kept of targets that are gone.
    pub fn carry_over<T>(
        &self,
        kept: Vec<T>,
        of: fn(&mut T) -> &mut Arc<Target>,
        new: impl Fn(Arc<Target>) -> T,
    ) -> (Vec<T>, Vec<T>) {
        let mut old: HashMap<TargetId, T> = kept
            .into_iter()
            .map(|mut one| (of(&mut one).id, one))
            .collect();
        let carried = self.targets.iter().map(|target| {
            let Some(mut one) = old.remove(&target.id) else {
                return new(target.clone());
            };
            // Its settings may be others now.
            *of(&mut one) = target.clone();
            one
        });
        (carried.collect(), old.into_values().collect())
    }
}
