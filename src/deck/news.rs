//! How a seat learns that something happened: the bell of all transcripts, and the rare events.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast;

use super::{EVENTS, Event, Severity};
use crate::rack::TargetId;
use crate::transcript::{Pulse, Time};

/// The bell and the events of one seat. It outlives the role: who listens goes on listening when that changes.
#[derive(Debug, Clone)]
pub struct News(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pulse: Arc<Pulse>,
    events: broadcast::Sender<Event>,
    /// For the first listener: what happened since the start.
    first: Mutex<Option<broadcast::Receiver<Event>>>,
}

impl Default for News {
    fn default() -> Self {
        let events = broadcast::Sender::new(EVENTS);
        let first = Mutex::new(Some(events.subscribe()));
        let pulse = Arc::default();
        Self(Arc::new(Inner {
            pulse,
            events,
            first,
        }))
    }
}

impl News {
    /// Rings when any transcript or status changes.
    #[must_use]
    pub fn pulse(&self) -> Arc<Pulse> {
        self.0.pulse.clone()
    }

    /// Where events are told.
    #[must_use]
    pub fn sender(&self) -> broadcast::Sender<Event> {
        self.0.events.clone()
    }

    /// Everything rare that happens from now on; the first to ask gets all since the start.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        let mut first = self.0.first.lock().unwrap_or_else(PoisonError::into_inner);
        let first = first.take();
        first.unwrap_or_else(|| self.0.events.subscribe())
    }

    /// Tells everybody something that belongs to no target.
    pub fn notice(&self, severity: Severity, text: impl Into<String>) {
        self.notice_about(None, severity, text);
    }

    /// Tells everybody something about a target, which the text does not name.
    pub fn notice_of(&self, target: TargetId, severity: Severity, text: impl Into<String>) {
        self.notice_about(Some(target), severity, text);
    }

    fn notice_about(&self, target: Option<TargetId>, severity: Severity, text: impl Into<String>) {
        self.tell(Event::Notice {
            time: Time::now(),
            severity,
            target,
            text: text.into(),
        });
    }

    /// Tells an event and rings.
    pub fn tell(&self, event: Event) {
        // Nobody may be listening.
        self.0.events.send(event).ok();
        self.0.pulse.ring();
    }
}
