//! Minding people: what they hold is given free when they leave, and who comes and goes is recorded.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::broadcast;

use super::Host;
use crate::deck::Event;
use crate::session::people::{Change, Person, Seated};

/// When the host ends, people have so long to leave before they are no longer recorded.
const LAST_LEAVE: Duration = Duration::from_secs(1);

impl Host {
    /// Begins to mind who comes and goes.
    pub(super) fn begin_minding(self: &Arc<Self>, events: broadcast::Receiver<Event>) {
        // It must not keep a host that nobody has any more.
        let host = self.clone();
        self.spawn(async move { host.mind_people(events).await });
    }

    /// Gives free what people hold who leave, and records who comes and goes and what they typed, until the host ends and
    /// they have left.
    async fn mind_people(&self, mut events: broadcast::Receiver<Event>) {
        let ending = self.ending();
        loop {
            let deadlines = [self.steering.deadline(), self.typing.deadline()];
            let deadline = deadlines.into_iter().flatten().min();
            let late = async {
                match deadline {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = ending.cancelled() => break,
                () = late => {
                    self.free_what_is_left();
                    self.record_typed(Some(Instant::now()));
                }
                () = self.typing.begun.notified() => {}
                event = events.recv() => if !self.mind(event) {
                    return;
                },
            }
        }
        let last = tokio::time::Instant::now() + LAST_LEAVE;
        let is_guest = |person: &Person| person.seated != Seated::Console && !person.away;
        while self.people().all().iter().any(is_guest) || !events.is_empty() {
            let Ok(event) = tokio::time::timeout_at(last, events.recv()).await else {
                return;
            };
            if !self.mind(event) {
                return;
            }
        }
    }

    /// Something happened. False if nothing will happen any more.
    fn mind(&self, event: Result<Event, broadcast::error::RecvError>) -> bool {
        match event {
            Ok(Event::Person { person, change, .. }) => {
                self.audit_person(&person, &change);
                if change != Change::Joined {
                    self.free_what_is_left();
                }
            }
            Ok(Event::Rack) => {
                let rack = self.rack();
                self.steering.keep(|id| rack.target(id).is_some());
            }
            Ok(_) => {}
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                self.audit("missed", &[("events", &missed.to_string())]);
                self.free_what_is_left();
            }
            Err(broadcast::error::RecvError::Closed) => return false,
        }
        true
    }

    fn free_what_is_left(&self) {
        let rack = self.rack();
        let changed = self.steering.people(&self.people().all(), Instant::now());
        for (id, holder) in changed {
            let Some(target) = rack.target(id) else {
                continue;
            };
            self.held(target, holder.as_deref().unwrap_or_default());
            if holder.is_none() {
                let text = format!("{} is nobody's again: who held it is not here", target.name);
                self.note(target, &text);
            }
        }
    }
}
