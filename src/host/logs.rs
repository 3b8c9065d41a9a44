//! The host's logs: what the configuration says of them, and telling people when they fail.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::config::{Config, LogFormat, LogTime, Places};
use crate::deck::{News, Severity};
use crate::rack::Target;
use crate::transcript::Seq;
use crate::transcript::log::format::Stamp;
use crate::transcript::log::{Health, LogWriter, Settings, Source};

/// The log writer and what is known of its failures.
#[derive(Debug)]
pub(super) struct Logs {
    writer: Mutex<Option<LogWriter>>,
    failing: Arc<Mutex<HashSet<String>>>,
    /// Targets whose logs ended while they could not be written.
    incomplete: Arc<Mutex<BTreeSet<String>>>,
    news: News,
}

impl Logs {
    pub(super) fn new(writer: LogWriter, news: News) -> Self {
        Self {
            writer: Mutex::new(Some(writer)),
            failing: Arc::default(),
            incomplete: Arc::default(),
            news,
        }
    }

    /// Begins to log a target, from the entry `from` on.
    pub(super) fn add(&self, target: &Arc<Target>, from: Seq) {
        let news = self.news.clone();
        let (failing, incomplete) = (self.failing.clone(), self.incomplete.clone());
        let about = target.clone();
        let report = move |health: Health| {
            if about.status.set_log(health.clone()) {
                news.pulse().ring();
            }
            let text = {
                let mut failing = lock(&failing);
                if health == Health::Off && failing.contains(&about.name) {
                    lock(&incomplete).insert(about.name.clone());
                }
                tell(&mut failing, &about.name, &health)
            };
            if let Some((severity, text)) = text {
                news.notice(severity, text);
            }
        };
        let transcript = target.transcript.clone();
        self.with(|writer| {
            writer.add(Source {
                name: target.name.clone(),
                transcript,
                from,
                report: Box::new(report),
            })
        });
    }

    /// Writes the rest and stops to log that target.
    pub(super) fn remove(&self, target: &Target) {
        self.with(|writer| writer.remove(&target.transcript));
    }

    /// Goes on with other settings.
    pub(super) fn change(&self, settings: Settings) {
        self.with(|writer| writer.change(settings));
    }

    /// Writes all there is; gives up after `patience`.
    ///
    /// # Errors
    /// Which logs are not complete, in words.
    pub(super) fn stop(&self, patience: Duration) -> Result<(), String> {
        let in_time = lock(&self.writer)
            .take()
            .is_none_or(|writer| writer.stop(patience));
        let incomplete = lock(&self.incomplete);
        if !in_time {
            let seconds = patience.as_secs();
            Err(format!(
                "the logs are not complete: the disk took more than {seconds} s"
            ))
        } else if incomplete.is_empty() {
            Ok(())
        } else {
            let names: Vec<&str> = incomplete.iter().map(String::as_str).collect();
            Err(format!(
                "these logs are not complete, they could not be written: {}",
                names.join(", ")
            ))
        }
    }

    fn with(&self, act: impl FnOnce(&LogWriter)) {
        if let Some(writer) = &*lock(&self.writer) {
            act(writer);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What people should be told when a log's health changed. A disk that fails fails for all: the first is told, and the
/// last to work again.
fn tell(failing: &mut HashSet<String>, name: &str, health: &Health) -> Option<(Severity, String)> {
    if let Health::Failing { reason } = health {
        let first = failing.is_empty();
        failing.insert(name.to_owned());
        let text = format!("logs fail, nothing is lost yet: {reason} ({name})");
        return first.then_some((Severity::Error, text));
    }
    let failed = failing.remove(name);
    let last = failed && failing.is_empty();
    match health {
        Health::Off => {
            let text = format!("the log of {name} ends too early: it could not be written");
            failed.then_some((Severity::Error, text))
        }
        Health::Gap { missed } => {
            let text = format!("logs are written again; {missed} entries of {name} are missing");
            last.then_some((Severity::Warning, text))
        }
        _ => last.then(|| (Severity::Warning, "logs are written again".to_owned())),
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
        assert!(tell(&mut failing, "c", &Health::Off).is_none());
        tell(&mut failing, "c", &bad);
        let (severity, text) = tell(&mut failing, "c", &Health::Off).unwrap();
        assert_eq!(severity, Severity::Error);
        assert!(text.contains("the log of c ends too early"), "{text}");
    }
}
