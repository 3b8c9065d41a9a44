//! How an actor tells the world about its target: state, notices, output.

use std::sync::Arc;

use crate::deck::{Event, News, Severity};
use crate::rack::{State, Target};
use crate::transcript::{Kind, Time};

/// An actor's side of its target.
#[derive(Debug, Clone)]
pub struct Report {
    target: Arc<Target>,
    news: News,
}

impl Report {
    /// For the actor of `target`.
    pub fn new(target: Arc<Target>, news: News) -> Self {
        Self { target, news }
    }

    /// The target.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The target's state is this now, for the reason given. Says nothing if that is known.
    pub fn state(&self, state: State, detail: &str) {
        let time = Time::now();
        if self.target.status.set(time, state, detail) {
            self.news.tell(Event::Target {
                time,
                id: self.target.id,
                state,
                detail: detail.to_owned(),
            });
        }
    }

    /// Something that everybody who looks at the target should read.
    pub fn notice(&self, text: &str) {
        self.target
            .transcript
            .note(Time::now(), Kind::Notice, None, text);
    }

    /// What a debugger asks with from now on, such as `0: kd>`.
    pub fn prompt(&self, prompt: &str) {
        if self.target.status.set_prompt(prompt) {
            self.news.pulse().ring();
        }
    }

    /// Something needs a person soon: everybody is told. An empty text ends it.
    pub fn alert(&self, alert: &str) {
        if self.target.status.set_alert(alert) {
            if alert.is_empty() {
                self.news.pulse().ring();
            } else {
                self.news.notice_of(self.target.id, Severity::Error, alert);
            }
        }
    }

    /// What came of a command, if it is to be seen by everybody who looks at the target.
    pub fn reply(&self, text: &str) {
        if !text.is_empty() {
            self.target
                .transcript
                .note(Time::now(), Kind::Reply, None, text);
        }
    }

    /// A recorded command that could not be carried out.
    pub fn refusal(&self, reason: &str) {
        self.target
            .transcript
            .note(Time::now(), Kind::Reply, None, reason);
    }

    /// The target printed this. True if its log should be waited for, see [`Transcript::output`].
    ///
    /// [`Transcript::output`]: crate::transcript::Transcript::output
    pub fn output(&self, bytes: &[u8]) -> bool {
        self.target.transcript.output(Time::now(), bytes)
    }
}
