//! The host's logs: what the configuration says of them, and telling people when they fail.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast;

use crate::config::{Config, LogFormat, LogTime, Places};
use crate::deck::{Event, Severity};
use crate::rack::Target;
use crate::transcript::log::format::Stamp;
use crate::transcript::log::{Health, LogWriter, Settings, Source};
use crate::transcript::{Pulse, Time};

/// The log writer and what is known of its failures.
#[derive(Debug)]
pub(super) struct Logs {
    writer: Mutex<Option<LogWriter>>,
    failing: Arc<Mutex<HashSet<String>>>,
    events: broadcast::Sender<Event>,
    pulse: Arc<Pulse>,
}

impl Logs {
    pub(super) fn new(
        writer: LogWriter,
        events: broadcast::Sender<Event>,
        pulse: Arc<Pulse>,
    ) -> Self {
        Self {
            writer: Mutex::new(Some(writer)),
            failing: Arc::default(),
            events,
            pulse,
        }
    }

    /// Begins to log a target.
    pub(super) fn add(&self, target: &Arc<Target>) {
        let (events, pulse, failing) = (
            self.events.clone(),
            self.pulse.clone(),
            self.failing.clone(),
        );
        let about = target.clone();
        let report = move |health: Health| {
            if about.status.set_log(health.clone()) {
                pulse.ring();
            }
            let text = {
                let mut failing = failing.lock().unwrap_or_else(PoisonError::into_inner);
                tell(&mut failing, &about.name, &health)
            };
            if let Some((severity, text)) = text {
                events
                    .send(Event::Notice {
                        time: Time::now(),
                        severity,
                        text,
                    })
                    .ok();
            }
        };
        let transcript = target.transcript.clone();
        self.with(|writer| {
            writer.add(Source {
                name: target.name.clone(),
                transcript,
                report: Box::new(report),
            })
        });
    }

    /// Writes the rest and stops to log that target.
    pub(super) fn remove(&self, name: &str) {
        self.with(|writer| writer.remove(name));
    }

    /// Goes on with other settings.
    pub(super) fn change(&self, settings: Settings) {
        self.with(|writer| writer.change(settings));
    }

    /// Writes all there is; gives up after `patience`.
    pub(super) fn stop(&self, patience: Duration) {
        let writer = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(writer) = writer {
            writer.stop(patience);
        }
    }

    fn with(&self, act: impl FnOnce(&LogWriter)) {
        if let Some(writer) = &*self.writer.lock().unwrap_or_else(PoisonError::into_inner) {
            act(writer);
        }
    }
}

/// What people should be told when a log's health changed. A disk that fails fails for all: the first is told, and the
/// last to work again.
fn tell(failing: &mut HashSet<String>, name: &str, health: &Health) -> Option<(Severity, String)> {
    match health {
        Health::Failing { reason } => {
            let first = failing.is_empty();
            failing.insert(name.to_owned());
            let text = format!("logs fail, nothing is lost yet: {reason} ({name})");
            first.then_some((Severity::Error, text))
        }
        Health::Off | Health::Writing | Health::Gap { .. } => {
            let last = failing.remove(name) && failing.is_empty();
            let text = match health {
                Health::Gap { missed } => {
                    format!("logs are written again; {missed} entries of {name} are missing")
                }
                _ => "logs are written again".to_owned(),
            };
            last.then_some((Severity::Warning, text))
        }
    }
}

/// What the configuration says of the logs.
pub(super) fn settings(config: &Config, places: &Places) -> Settings {
    Settings {
        directory: places.log_dir(config),
        raw: config.log.format == LogFormat::Raw,
        stamp: match &config.log.time {
            LogTime::Iso => Stamp::Iso,
            LogTime::Off => Stamp::Off,
            LogTime::Format(format) => Stamp::Custom(format.clone()),
        },
        rotate_bytes: config.log.rotate_size_bytes,
        rotate_count: config.log.rotate_count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_disk_is_told_once_and_so_is_its_end() {
        let mut failing = HashSet::new();
        let bad = Health::Failing {
            reason: "no space".into(),
        };
        assert!(tell(&mut failing, "a", &bad).is_some());
        assert!(tell(&mut failing, "b", &bad).is_none());
        assert!(tell(&mut failing, "a", &Health::Writing).is_none());
        assert!(
            tell(&mut failing, "b", &Health::Gap { missed: 3 })
                .unwrap()
                .1
                .contains('3')
        );
        assert!(tell(&mut failing, "c", &Health::Writing).is_none());
    }
}
