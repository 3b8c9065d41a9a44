//! The key map: context and key to action, and back.
//!
//! It starts with [`DEFAULTS`] and takes the changes of the configuration file. The help, the footer and the palette
//! read the same table the keys are looked up in, so that what they show is what happens.

use super::defaults::DEFAULTS;
use super::key::{Key, KeyError};
use crate::ui::action::{Action, Context, ROWS};

/// What each key asks for in each context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyMap {
    bindings: Vec<Binding>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Binding {
    context: Context,
    key: Key,
    action: Action,
    /// Asked for by the configuration, which wins over a default.
    configured: bool,
}

/// Why a change of the key map was refused. The configuration is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No action has this name.
    #[error("no action is called `{name}`{}", nearest.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
    UnknownAction {
        /// What was written.
        name: String,
        /// The known name most like it.
        nearest: Option<&'static str>,
    },
    /// No context has this name.
    #[error("no context is called `{name}`; there are global, rack, pane, line, raw and overlay")]
    UnknownContext {
        /// What was written.
        name: String,
    },
    /// The action means nothing in that context.
    #[error("`{action}` does nothing in `{context}`; it is for {}", places(*action))]
    NotThere {
        /// The action.
        action: Action,
        /// The context that was named.
        context: Context,
    },
    /// The key's name was refused.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key is text in that context.
    #[error("`{key}` is text in `{context}`; use a key with ctrl, alt or a name")]
    Text {
        /// The key.
        key: Key,
        /// The context.
        context: Context,
    },
    /// The configuration gives the key to two actions in one context.
    #[error("`{key}` is already the key of `{action}` in `{context}`")]
    Conflict {
        /// The key.
        key: Key,
        /// Where.
        context: Context,
        /// Who has it.
        action: Action,
    },
    /// Without a key for this action there would be no way on.
    #[error("`{action}` needs a key in `{context}`, there would be no way out without it")]
    Trapped {
        /// The action.
        action: Action,
        /// Where.
        context: Context,
    },
}

/// One entry of the configuration that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("keys.{entry}: {error}")]
pub struct Problem {
    /// The entry's name, as written.
    pub entry: String,
    /// What is wrong with it.
    #[source]
    pub error: Error,
}

/// Actions that lead out of where they are; they keep at least one key.
const WAYS_OUT: [(Context, Action); 3] = [
    (Context::Raw, Action::LeaveRaw),
    (Context::Overlay, Action::CloseOverlay),
    (Context::Overlay, Action::Accept),
];

/// Names less alike than this (0 to 1) are not offered as what was meant.
const LIKENESS_MIN: f64 = 0.5;

impl Default for KeyMap {
    fn default() -> Self {
        let mut bindings = Vec::new();
        for (context, action, keys) in DEFAULTS {
            for key in *keys {
                let key = key.parse().expect("the default keys are tested to be keys");
                bindings.push(Binding {
                    context: *context,
                    key,
                    action: *action,
                    configured: false,
                });
            }
        }
        Self { bindings }
    }
}

impl KeyMap {
    /// The default key map with the changes of a configuration: entries of an action's name and its keys, `none` or an
    /// empty list for no key. An entry replaces all default keys of its action. Plain characters for an action that
    /// works everywhere are bound in the rack and in the panes, since they are text elsewhere. `pane.zoom` instead of
    /// `zoom` changes one context only.
    ///
    /// # Errors
    /// Every problem of every entry.
    pub fn with_changes<E, K, S>(entries: E) -> Result<Self, Vec<Problem>>
    where
        E: IntoIterator<Item = (S, K)>,
        S: AsRef<str>,
        K: IntoIterator<Item: AsRef<str>>,
    {
        let mut map = Self::default();
        let mut problems = Vec::new();
        for (entry, keys) in entries {
            let entry = entry.as_ref();
            let mut refused = |error| {
                problems.push(Problem {
                    entry: entry.to_owned(),
                    error,
                })
            };
            match named(entry) {
                Ok((action, only)) => {
                    map.bindings.retain(|b| {
                        b.configured || b.action != action || only.is_some_and(|c| c != b.context)
                    });
                    for key in keys.into_iter().filter(|key| key.as_ref() != "none") {
                        match key.as_ref().parse() {
                            Ok(key) => map
                                .bind(action, only, key)
                                .into_iter()
                                .for_each(&mut refused),
                            Err(error) => refused(Error::Key(error)),
                        }
                    }
                }
                Err(error) => refused(error),
            }
        }
        for (context, action) in WAYS_OUT {
            if !map
                .bindings
                .iter()
                .any(|b| b.context == context && b.action == action)
            {
                problems.push(Problem {
                    entry: action.name().to_owned(),
                    error: Error::Trapped { action, context },
                });
            }
        }
        if problems.is_empty() {
            Ok(map)
        } else {
            Err(problems)
        }
    }

    /// What this key asks for here, if anything.
    #[must_use]
    pub fn action(&self, context: Context, key: impl Into<Key>) -> Option<Action> {
        let key = key.into();
        let bound = |context| {
            self.bindings
                .iter()
                .find(|b| b.context == context && b.key == key)
                .map(|b| b.action)
        };
        bound(context).or_else(|| {
            context
                .falls_to_global()
                .then(|| bound(Context::Global))
                .flatten()
        })
    }

    /// The keys that ask for this action here, those of the context itself first.
    #[must_use]
    pub fn keys(&self, context: Context, action: Action) -> Vec<Key> {
        let mut keys = Vec::new();
        for place in [context, Context::Global] {
            for binding in self
                .bindings
                .iter()
                .filter(|b| b.context == place && b.action == action)
            {
                if self.action(context, binding.key) == Some(action) && !keys.contains(&binding.key)
                {
                    keys.push(binding.key);
                }
            }
        }
        keys
    }

    /// The key to show for this action here where columns are few, in its short spelling.
    #[must_use]
    pub fn hint(&self, context: Context, action: Action) -> Option<String> {
        self.keys(context, action).first().map(|key| key.short())
    }

    /// The actions bound in this very context, with their keys, in the order of the action table.
    #[must_use]
    pub fn bound(&self, context: Context) -> Vec<(Action, Vec<Key>)> {
        let keys = |action| {
            let own = self
                .bindings
                .iter()
                .filter(|b| b.context == context && b.action == action);
            own.map(|b| b.key).collect::<Vec<_>>()
        };
        ROWS.iter()
            .map(|row| (row.action, keys(row.action)))
            .filter(|(_, keys)| !keys.is_empty())
            .collect()
    }

    /// Binds a configured key in every context it is meant for; what cannot be is returned.
    fn bind(&mut self, action: Action, only: Option<Context>, key: Key) -> Vec<Error> {
        let mut errors = Vec::new();
        let contexts = only.map_or_else(|| action.row().contexts.to_vec(), |context| vec![context]);
        for context in contexts {
            if key.typed().is_none() || !context.takes_text() {
                errors.extend(self.bind_in(action, context, key));
            } else if context == Context::Global && only.is_none() {
                errors.extend(self.bind_in(action, Context::Rack, key));
                errors.extend(self.bind_in(action, Context::Pane, key));
            } else {
                errors.push(Error::Text { key, context });
            }
        }
        errors
    }

    fn bind_in(&mut self, action: Action, context: Context, key: Key) -> Option<Error> {
        let same = |b: &Binding| b.context == context && b.key == key;
        if let Some(other) = self
            .bindings
            .iter()
            .find(|b| same(b) && b.configured && b.action != action)
        {
            return Some(Error::Conflict {
                key,
                context,
                action: other.action,
            });
        }
        // A key asked for everywhere must not be hidden by a default of one place.
        let hides =
            |b: &Binding| context == Context::Global && b.context.falls_to_global() && b.key == key;
        self.bindings
            .retain(|b| b.configured || !(same(b) || hides(b)));
        if !self.bindings.iter().any(same) {
            self.bindings.push(Binding {
                context,
                key,
                action,
                configured: true,
            });
        }
        None
    }
}

/// What an entry's name means: an action, and the one context if it names one.
fn named(entry: &str) -> Result<(Action, Option<Context>), Error> {
    let (context, name) = match entry.split_once('.') {
        Some((context, name)) => {
            let known = Context::named(context);
            (
                Some(known.ok_or_else(|| Error::UnknownContext {
                    name: context.to_owned(),
                })?),
                name,
            )
        }
        None => (None, entry),
    };
    let action = Action::named(name).ok_or_else(|| Error::UnknownAction {
        name: name.to_owned(),
        nearest: nearest_action(name),
    })?;
    match context {
        Some(context) if !action.applies_in(context) => Err(Error::NotThere { action, context }),
        context => Ok((action, context)),
    }
}

fn nearest_action(name: &str) -> Option<&'static str> {
    ROWS.iter()
        .map(|row| {
            (
                strsim::normalized_damerau_levenshtein(name, row.name),
                row.name,
            )
        })
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

fn places(action: Action) -> String {
    Context::ALL
        .into_iter()
        .filter(|c| action.applies_in(*c))
        .map(Context::name)
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests;
