//! How a target is: its state with the reason in words, its log's state, when it was last heard.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::transcript::Time;
use crate::transcript::log::Health;

/// The state of a target's link, and of the target where the protocol tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum State {
    /// Waiting for the target to come: a listening port, an unanswered offer.
    Waiting,
    /// Being dialled.
    Connecting,
    /// Connected; a debug target runs.
    Running,
    /// A debug target that is stopped in the debugger.
    Broken,
    /// The link was lost or could not be made; it is tried again by itself.
    Lost,
    /// Not connected, and not tried again until somebody asks.
    Closed,
}

impl State {
    /// The word of the headless contract.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Connecting => "connecting",
            Self::Running => "running",
            Self::Broken => "broken",
            Self::Lost => "lost",
            Self::Closed => "closed",
        }
    }

    /// The letter of the overview.
    pub fn letter(self) -> char {
        match self {
            Self::Waiting => 'W',
            Self::Connecting => 'C',
            Self::Running => 'R',
            Self::Broken => 'B',
            Self::Lost => 'L',
            Self::Closed => 'X',
        }
    }

    /// Every state, in the order in which the header counts them.
    pub const ALL: [Self; 6] = [
        Self::Running,
        Self::Broken,
        Self::Waiting,
        Self::Connecting,
        Self::Lost,
        Self::Closed,
    ];
}

/// The letter of a target with an alert, in the place of its state's.
pub const ALERT_LETTER: char = '!';

/// How a target is at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its state.
    pub state: State,
    /// The state's reason in words, for people.
    pub detail: String,
    /// Since when.
    pub since: Time,
    /// Its log.
    pub log: Health,
    /// What a debugger asks with now, such as `0: kd>`; empty where there is no debugger.
    pub prompt: String,
    /// Something that needs a person soon, in words: a bug check. Empty if nothing does.
    pub alert: String,
    /// The name of whoever has taken it for themselves; empty if nobody has.
    pub holder: String,
}

impl Status {
    /// The letter of the overview: the alert's if there is one, else that of the state.
    pub fn letter(&self) -> char {
        if self.alert.is_empty() {
            self.state.letter()
        } else {
            ALERT_LETTER
        }
    }

    /// What is to be said of it in a line: the alert, else the reason for its state, else the state.
    pub fn words(&self) -> &str {
        [self.alert.as_str(), self.detail.as_str()]
            .into_iter()
            .find(|words| !words.is_empty())
            .unwrap_or(self.state.word())
    }
}

/// A [`Status`] that its owner changes and everybody reads.
#[derive(Debug)]
pub struct Shared {
    status: Mutex<Status>,
    /// Grows with every change.
    version: AtomicU64,
}

impl Shared {
    /// The status of a target that nobody has tried to reach.
    pub fn new(time: Time) -> Self {
        Self {
            status: Mutex::new(Status {
                state: State::Closed,
                detail: String::new(),
                since: time,
                log: Health::Off,
                prompt: String::new(),
                alert: String::new(),
                holder: String::new(),
            }),
            version: AtomicU64::new(1),
        }
    }

    /// A number that differs whenever something was changed since it was last asked.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }

    /// Takes all of it from elsewhere. Returns false if nothing is different.
    pub fn copy(&self, status: Status) -> bool {
        self.change(|own| {
            let different = *own != status;
            *own = status;
            different
        })
    }

    /// The state alone: cheap, for counting.
    pub fn state(&self) -> State {
        self.lock().state
    }

    /// Whether the log cannot be written: cheap, for counting.
    pub fn log_fails(&self) -> bool {
        matches!(self.lock().log, Health::Failing { .. })
    }

    /// All of it.
    pub fn read(&self) -> Status {
        self.lock().clone()
    }

    /// Changes state and reason. Returns false if nothing is different.
    pub fn set(&self, time: Time, state: State, detail: &str) -> bool {
        self.change(|status| {
            let different = status.state != state || status.detail != detail;
            if status.state != state {
                status.since = time;
            }
            if different {
                status.state = state;
                detail.clone_into(&mut status.detail);
            }
            different
        })
    }

    /// Changes what the debugger asks with. Returns false if nothing is different.
    pub fn set_prompt(&self, prompt: &str) -> bool {
        self.change(|status| replace(&mut status.prompt, prompt))
    }

    /// Raises an alert, or ends it with an empty text. Returns false if nothing is different.
    pub fn set_alert(&self, alert: &str) -> bool {
        self.change(|status| replace(&mut status.alert, alert))
    }

    /// Changes who has taken it for themselves, an empty name for nobody. Returns false if nothing is different.
    pub fn set_holder(&self, holder: &str) -> bool {
        self.change(|status| replace(&mut status.holder, holder))
    }

    /// Whether something needs a person soon: cheap, for counting.
    pub fn is_alert(&self) -> bool {
        !self.lock().alert.is_empty()
    }

    /// Changes the log's state. Returns false if nothing is different.
    pub fn set_log(&self, log: Health) -> bool {
        self.change(|status| {
            let different = status.log != log;
            status.log = log;
            different
        })
    }

    fn change(&self, change: impl FnOnce(&mut Status) -> bool) -> bool {
        let different = change(&mut self.lock());
        if different {
            self.version.fetch_add(1, Ordering::SeqCst);
        }
        different
    }

    fn lock(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn replace(text: &mut String, new: &str) -> bool {
    let different = text != new;
    if different {
        new.clone_into(text);
    }
    different
}
