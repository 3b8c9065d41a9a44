//! The engine that owns the targets; it runs with or without a screen.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{broadcast, oneshot};

use crate::deck::{EVENTS, Event};
use crate::rack::{Rack, TargetId};
use crate::target::{Answer, Control, Request};
use crate::transcript::{Kind, Pulse, Time};

/// All targets of this process and what belongs to them.
#[derive(Debug)]
pub struct Host {
    pulse: Arc<Pulse>,
    events: broadcast::Sender<Event>,
    seats: Mutex<Seats>,
}

#[derive(Debug, Default)]
struct Seats {
    rack: Arc<Rack>,
    controls: HashMap<TargetId, Control>,
}

impl Host {
    /// A host without targets.
    pub fn new() -> Self {
        Self {
            pulse: Arc::default(),
            events: broadcast::Sender::new(EVENTS),
            seats: Mutex::default(),
        }
    }

    /// The targets as they are now.
    pub fn rack(&self) -> Arc<Rack> {
        self.seats().rack.clone()
    }

    /// Rings when any transcript or status changes.
    pub fn pulse(&self) -> Arc<Pulse> {
        self.pulse.clone()
    }

    /// Everything rare that happens from now on.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Asks a target for something, as `who`. A line that is sent is recorded in the transcript first.
    pub fn ask(&self, id: TargetId, who: &str, request: Request) -> oneshot::Receiver<Answer> {
        let seats = self.seats();
        let (Some(target), Some(control)) = (seats.rack.target(id), seats.controls.get(&id)) else {
            let (answer, receiver) = oneshot::channel();
            answer.send(Err("the target was removed".to_owned())).ok();
            return receiver;
        };
        if let Request::Line(text) = &request {
            target
                .transcript
                .note(Time::now(), Kind::Command, Some(who), text);
        }
        control.ask(request)
    }

    fn seats(&self) -> std::sync::MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
