//! Who sits where: the targets of a host, their actors, and how a changed configuration becomes a changed rack.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Host, logs};
use crate::config::{self, Config};
use crate::connect::TargetString;
use crate::deck::Event;
use crate::rack::{Rack, State, Target, TargetId, status};
use crate::target::backoff::Pauses;
use crate::target::report::Report;
use crate::target::{self, Ask, Control, Work};
use crate::transcript::{Limits, Time, Transcript};

/// The targets and what drives them.
#[derive(Debug, Default)]
pub(super) struct Seats {
    config: Config,
    /// Targets that were added while it ran; a reload keeps them.
    added: Vec<TargetString>,
    rack: Arc<Rack>,
    seats: HashMap<TargetId, Seat>,
    last_id: u32,
}

#[derive(Debug)]
struct Seat {
    control: Control,
    stop: CancellationToken,
}

impl Seats {
    /// The targets as they are now.
    pub(super) fn rack(&self) -> Arc<Rack> {
        self.rack.clone()
    }

    /// What they are made of.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Targets that were added while it ran.
    pub(super) fn added(&self) -> &[TargetString] {
        &self.added
    }

    /// Keeps an added target through reloads.
    pub(super) fn remember(&mut self, string: TargetString) {
        self.added.push(string);
    }

    /// Does not keep targets of these names through reloads.
    pub(super) fn forget(&mut self, names: &[&str]) {
        self.added.retain(|string| {
            let name = string.name.clone().unwrap_or_else(|| string.default_name());
            !names.contains(&name.as_str())
        });
    }

    /// A target and the way to its actor.
    pub(super) fn seat(&self, id: TargetId) -> Option<(&Arc<Target>, &Control)> {
        Some((self.rack.target(id)?, &self.seats.get(&id)?.control))
    }

    /// Makes the rack what `new` says; only what is different is touched. Tells what that was.
    pub(super) fn change(&mut self, host: &Host, new: Config) -> String {
        let changes = Config::difference(&self.config, &new);
        for name in &changes.removed {
            self.end(host, name);
        }
        let old_rack = self.rack.clone();
        let limits = limits(&new);
        if changes.tables.contains(&"log") {
            host.logs.change(logs::settings(&new, &host.places));
        }
        let mut targets = Vec::with_capacity(new.targets.len());
        for wanted in &new.targets {
            let old = old_rack.named(&wanted.name);
            let change = changes
                .changed
                .iter()
                .find(|change| change.target.name == wanted.name);
            targets.push(match (old, change) {
                (Some(old), None) => old.clone(),
                (Some(old), Some(change)) if !change.new_link => {
                    self.relabel(host, old, wanted, &new)
                }
                (old, _) => {
                    if old.is_some() {
                        self.end(host, &wanted.name);
                    }
                    // A target that moved keeps its history.
                    let transcript = old.map(|old| old.transcript.clone());
                    self.begin(host, wanted, &new, transcript, limits)
                }
            });
        }
        for target in &targets {
            if target.transcript.with(|ring| ring.limits()) != limits {
                target.transcript.set_limits(limits);
            }
        }
        self.rack = Arc::new(Rack::new(targets));
        self.config = new;
        // Nobody may be listening.
        host.events.send(Event::Rack).ok();
        host.pulse.ring();
        told(&changes)
    }

    fn begin(
        &mut self,
        host: &Host,
        wanted: &config::Target,
        new: &Config,
        transcript: Option<Arc<Transcript>>,
        limits: Limits,
    ) -> Arc<Target> {
        self.last_id += 1;
        let transcript =
            transcript.unwrap_or_else(|| Arc::new(Transcript::new(limits, host.pulse.clone())));
        let now = Time::now();
        let status = status::Shared::new(now);
        // Its actor tells more in a moment; meanwhile it should not look like one that was given up.
        status.set(now, State::Connecting, "about to begin");
        let target = Arc::new(Target {
            id: TargetId(self.last_id),
            name: wanted.name.clone(),
            address: wanted.connect.masked(),
            groups: wanted.groups.clone(),
            tags: wanted.tags.clone(),
            transcript,
            status: Arc::new(status),
        });
        if new.is_logged(wanted) {
            host.logs.add(&target);
        }
        let (control, asks) = Control::new();
        let stop = host.stop.child_token();
        let work = work(host, &target, asks, &stop, new);
        host.tasks
            .spawn_on(target::run(wanted.connect.clone(), work), &host.runtime);
        self.seats.insert(target.id, Seat { control, stop });
        target
    }

    /// The same target with other groups, tags or log.
    fn relabel(
        &self,
        host: &Host,
        old: &Arc<Target>,
        wanted: &config::Target,
        new: &Config,
    ) -> Arc<Target> {
        let target = Arc::new(Target {
            id: old.id,
            name: old.name.clone(),
            address: old.address.clone(),
            groups: wanted.groups.clone(),
            tags: wanted.tags.clone(),
            transcript: old.transcript.clone(),
            status: old.status.clone(),
        });
        let was = self
            .config
            .targets
            .iter()
            .find(|target| target.name == wanted.name);
        match (
            was.is_some_and(|was| self.config.is_logged(was)),
            new.is_logged(wanted),
        ) {
            (true, false) => host.logs.remove(&target.name),
            (false, true) => host.logs.add(&target),
            _ => {}
        }
        target
    }

    fn end(&mut self, host: &Host, name: &str) {
        if let Some(seat) = self
            .rack
            .named(name)
            .and_then(|target| self.seats.remove(&target.id))
        {
            seat.stop.cancel();
        }
        host.logs.remove(name);
    }
}

fn work(
    host: &Host,
    target: &Arc<Target>,
    asks: mpsc::Receiver<Ask>,
    stop: &CancellationToken,
    config: &Config,
) -> Work {
    let pauses = Pauses {
        first: config.reconnect.first,
        longest: config.reconnect.longest,
    };
    let report = Report::new(target.clone(), host.events.clone(), host.pulse.clone());
    Work {
        report,
        asks,
        stop: stop.clone(),
        pauses,
        ports: host.ports.clone(),
    }
}

/// The bounds of each history: its own, and its share of what all may have together.
fn limits(config: &Config) -> Limits {
    let share = config.history.total_bytes / config.targets.len().max(1) as u64;
    let bytes = share.min(config.history.per_target_bytes);
    let whole = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    Limits {
        bytes: whole(bytes),
        line: whole(config.history.line_limit_bytes),
    }
}

/// A change in words.
fn told(changes: &config::Changes) -> String {
    let mut parts = Vec::new();
    let mut tell = |what: &str, names: Vec<&str>| {
        if !names.is_empty() {
            let shown = names.iter().take(5).copied().collect::<Vec<_>>().join(", ");
            let more = names.len().saturating_sub(5);
            let rest = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            parts.push(format!("{what} {shown}{rest}"));
        }
    };
    tell(
        "added",
        changes
            .added
            .iter()
            .map(|target| target.name.as_str())
            .collect(),
    );
    tell(
        "removed",
        changes.removed.iter().map(String::as_str).collect(),
    );
    tell(
        "changed",
        changes
            .changed
            .iter()
            .map(|change| change.target.name.as_str())
            .collect(),
    );
    let (later, now): (Vec<&str>, Vec<&str>) = changes
        .tables
        .iter()
        .partition(|table| matches!(**table, "screen" | "keys" | "server"));
    tell("settings changed:", now);
    tell("these settings take effect at the next start:", later);
    if parts.is_empty() {
        "nothing is different".to_owned()
    } else {
        parts.join("; ")
    }
}
