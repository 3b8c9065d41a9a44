//! The key map: context and key to action, and back.
//!
//! It starts with [`DEFAULTS`] and takes the changes of the configuration file. The help, the footer and the palette
//! read the same table the keys are looked up in, so that what they show is what happens.

use super::defaults::DEFAULTS;
use super::key::{Key, KeyError};
use crate::connect::nearest;
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
    #[error(
        "no context is called `{name}`; there are global, rack, pane, line, chat, raw and overlay"
    )]
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

/// What is wrong with one entry of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which entry, counted from 0 in the order given.
    pub entry: usize,
    /// Which of its keys, counted from 0, if it is about one.
    pub key: Option<usize>,
    /// What is wrong.
    pub error: Error,
}

/// Actions that lead out of where they are; they keep at least one key.
const WAYS_OUT: [(Context, Action); 3] = [
    (Context::Raw, Action::LeaveRaw),
    (Context::Overlay, Action::CloseOverlay),
    (Context::Overlay, Action::Accept),
];

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
    /// empty list for no key. The keys replace the default ones, except where none of them can be had: a plain character is
    /// text in most places, so that an action for everywhere gets it in the rack and in the panes. `pane.zoom` instead of
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
        let mut actions = Vec::new();
        for (entry, (name, keys)) in entries.into_iter().enumerate() {
            match named(name.as_ref()) {
                Ok((action, only)) => {
                    actions.push((entry, action));
                    let refused = |(key, error)| Problem {
                        entry,
                        key: Some(key),
                        error,
                    };
                    problems.extend(map.change(action, only, keys).into_iter().map(refused));
                }
                Err(error) => problems.push(Problem {
                    entry,
                    key: None,
                    error,
                }),
            }
        }
        for (context, action) in WAYS_OUT {
            if !map
                .bindings
                .iter()
                .any(|b| b.context == context && b.action == action)
            {
                let culprit = actions
                    .iter()
                    .find(|(_, changed)| *changed == action)
                    .or(actions.last());
                let entry = culprit.map_or(0, |(entry, _)| *entry);
                problems.push(Problem {
                    entry,
                    key: None,
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

    /// The actions bound in this very context, with their keys: its own ones first, then those of everywhere, both in the
    /// order of the action table.
    #[must_use]
    pub fn bound(&self, context: Context) -> Vec<(Action, Vec<Key>)> {
        let keys = |action| {
            let own = self
                .bindings
                .iter()
                .filter(|b| b.context == context && b.action == action);
            own.map(|b| b.key).collect::<Vec<_>>()
        };
        let rows = ROWS.iter().map(|row| (row.action, keys(row.action)));
        let mut bound: Vec<_> = rows.filter(|(_, keys)| !keys.is_empty()).collect();
        bound.sort_by_key(|(action, _)| !action.row().contexts.contains(&context));
        bound
    }

    /// Gives an action the keys of one entry. What is refused is returned with the place of its key in the entry.
    fn change<K>(&mut self, action: Action, only: Option<Context>, names: K) -> Vec<(usize, Error)>
    where
        K: IntoIterator<Item: AsRef<str>>,
    {
        let mut errors = Vec::new();
        let mut places = Vec::new();
        let mut unbind = true;
        for (at, name) in names
            .into_iter()
            .enumerate()
            .filter(|(_, name)| name.as_ref() != "none")
        {
            unbind = false;
            match name
                .as_ref()
                .parse::<Key>()
                .map_err(Error::from)
                .and_then(|key| contexts(action, only, key))
            {
                Ok((key, contexts)) => {
                    places.extend(contexts.into_iter().map(|context| (at, context, key)))
                }
                Err(error) => errors.push((at, error)),
            }
        }
        let reached = |there: Context| {
            let reaches = |place: Context| {
                place == there || (place == Context::Global && there.falls_to_global())
            };
            unbind || places.iter().any(|(_, place, _)| reaches(*place))
        };
        self.bindings.retain(|b| {
            let named = b.action == action && only.is_none_or(|only| only == b.context);
            b.configured || !named || !reached(b.context)
        });
        for (at, context, key) in places {
            errors.extend(self.bind_in(action, context, key).map(|error| (at, error)));
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

/// Where a key of an entry is bound: wherever the action is meant for and the key is not text.
fn contexts(action: Action, only: Option<Context>, key: Key) -> Result<(Key, Vec<Context>), Error> {
    let meant = only.map_or_else(|| action.row().contexts.to_vec(), |context| vec![context]);
    let mut contexts = Vec::new();
    for context in &meant {
        if key.typed().is_none() || !context.takes_text() {
            contexts.push(*context);
        } else if *context == Context::Global && only.is_none() {
            contexts.extend([Context::Rack, Context::Pane]);
        }
    }
    match meant.first() {
        Some(context) if contexts.is_empty() => Err(Error::Text {
            key,
            context: *context,
        }),
        _ => Ok((key, contexts)),
    }
}

fn nearest_action(name: &str) -> Option<&'static str> {
    let names: Vec<&'static str> = ROWS.iter().map(|row| row.name).collect();
    nearest(name, &names)
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
