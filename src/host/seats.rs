//! Who sits where: the targets of a host, their actors, and how a changed configuration becomes a changed rack.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{FAREWELL, Host, logs};
use crate::config::{self, Config};
use crate::connect::TargetString;
use crate::deck::Event;
use crate::rack::{Rack, State, Target, TargetId, status};
use crate::session::directory;
use crate::target::backoff::Pauses;
use crate::target::report::Report;
use crate::target::{self, Control, Holders, Work};
use crate::transcript::{Limits, Time, Transcript};

/// The targets and what drives them.
#[derive(Debug, Default)]
pub(super) struct Seats {
    config: Config,
    /// Targets that were added while it ran; a reload keeps them.
    added: Vec<TargetString>,
    rack: Arc<Rack>,
    seats: HashMap<TargetId, Seat>,
    /// Actors that were told to end; each token says when one has.
    leaving: Vec<CancellationToken>,
    /// The pauses between tries to connect, for all actors.
    pauses: watch::Sender<Pauses>,
    last_id: u32,
}

/// A target that needs an actor, and the link it is to make.
type Starting = (Arc<Target>, TargetString);

#[derive(Debug)]
struct Seat {
    control: Control,
    stop: CancellationToken,
    /// The actor has ended: its link is closed, its local port free.
    done: CancellationToken,
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

    /// Keeps an added target through reloads, under the name it was given.
    pub(super) fn remember(&mut self, string: TargetString, name: String) {
        self.forget(&[&name]);
        self.added.push(TargetString {
            name: Some(name),
            ..string
        });
    }

    /// Does not keep targets of these names through reloads.
    pub(super) fn forget(&mut self, names: &[&str]) {
        self.added.retain(|string| {
            string
                .name
                .as_deref()
                .is_none_or(|name| !names.contains(&name))
        });
    }

    /// A target and the way to its actor.
    pub(super) fn seat(&self, id: TargetId) -> Option<(&Arc<Target>, &Control)> {
        Some((self.rack.target(id)?, &self.seats.get(&id)?.control))
    }

    /// Makes the rack what `new` says; only what is different is touched. Tells what that was.
    ///
    /// A target whose link changes is the same target still: it keeps its identity, its history and its log. New
    /// actors begin when the rack is known that they belong to, and when those that end have closed their links.
    pub(super) fn change(&mut self, host: &Host, new: Config) -> String {
        let changes = Config::difference(&self.config, &new);
        if changes.tables.contains(&"log") {
            host.logs.change(logs::settings(&new, &host.places));
        }
        if changes.tables.contains(&"chat") {
            host.devices.configure(&new.chat);
        }
        self.pauses.send_replace(Pauses {
            first: new.reconnect.first,
            longest: new.reconnect.longest,
        });
        for name in &changes.removed {
            self.remove(host, name);
        }
        let limits = new.history.limits(new.targets.len());
        let (targets, starting) = self.place(host, &new, &changes, limits);
        for target in &targets {
            if target.transcript.with(|ring| ring.limits()) != limits {
                target.transcript.set_limits(limits);
            }
        }
        self.rack = Arc::new(Rack::new(targets));
        self.config = new;
        host.news.tell(Event::Rack);
        self.leaving.retain(|done| !done.is_cancelled());
        for (target, connect) in starting {
            self.begin(host, target, connect);
        }
        told(&changes)
    }

    /// The targets that `new` wants, and those among them that need an actor, with their links.
    fn place(
        &mut self,
        host: &Host,
        new: &Config,
        changes: &config::Changes,
        limits: Limits,
    ) -> (Vec<Arc<Target>>, Vec<Starting>) {
        let changed: HashMap<&str, &config::Change> = changes
            .changed
            .iter()
            .map(|change| (change.target.name.as_str(), change))
            .collect();
        let old_rack = self.rack.clone();
        let old_config = std::mem::take(&mut self.config);
        let old: HashMap<&str, (&Arc<Target>, &config::Target)> = old_rack
            .targets()
            .iter()
            .zip(&old_config.targets)
            .map(|(target, was)| (was.name.as_str(), (target, was)))
            .collect();
        let mut starting = Vec::new();
        let mut place = |wanted: &config::Target| {
            let Some(&(old, was)) = old.get(wanted.name.as_str()) else {
                let target = self.make(host, wanted, limits);
                if new.is_logged(wanted) {
                    host.logs.add(&target, 1);
                }
                await_actor(&target);
                starting.push((target.clone(), wanted.connect.clone()));
                return target;
            };
            let target = match changed.get(wanted.name.as_str()) {
                None => old.clone(),
                Some(change) => {
                    let target = relabelled(old, wanted);
                    if change.new_link {
                        self.end(target.id);
                        await_actor(&target);
                        starting.push((target.clone(), wanted.connect.clone()));
                    }
                    target
                }
            };
            match (old_config.is_logged(was), new.is_logged(wanted)) {
                (true, false) => host.logs.remove(&target),
                // What was printed before was logged before, or was not to be.
                (false, true) => host
                    .logs
                    .add(&target, target.transcript.with(|ring| ring.next())),
                _ => {}
            }
            target
        };
        let targets = new.targets.iter().map(&mut place).collect();
        (targets, starting)
    }

    /// A target that was not there before.
    fn make(&mut self, host: &Host, wanted: &config::Target, limits: Limits) -> Arc<Target> {
        self.last_id += 1;
        Arc::new(Target {
            id: TargetId(self.last_id),
            name: wanted.name.clone(),
            address: wanted.connect.masked(),
            groups: wanted.groups.clone(),
            debugger: wanted.connect.link.is_debugger(),
            tags: wanted.tags.clone(),
            transcript: Arc::new(Transcript::new(limits, host.news.pulse())),
            status: Arc::new(status::Shared::new(Time::now())),
        })
    }

    /// Starts the actor of a target, once those that are leaving have let go of what it may need.
    fn begin(&mut self, host: &Host, target: Arc<Target>, connect: TargetString) {
        let (control, asks) = Control::new();
        let (stop, done) = (host.stop.child_token(), CancellationToken::new());
        let seat = Seat {
            control,
            stop: stop.clone(),
            done: done.clone(),
        };
        self.seats.insert(target.id, seat);
        let places = host.places().clone();
        let work = Work {
            report: Report::new(target, host.news.clone()),
            asks,
            stop,
            pauses: self.pauses.subscribe(),
            ports: host.ports.clone(),
            holders: Holders::new(move |port| directory::holder(&places, port)),
        };
        let leaving = self.leaving.clone();
        let actor = async move {
            let _done = done.drop_guard();
            let left = async {
                for other in leaving {
                    other.cancelled().await;
                }
            };
            tokio::time::timeout(FAREWELL, left).await.ok();
            target::run(connect, work).await;
        };
        host.tasks.spawn_on(actor, &host.runtime);
    }

    /// Ends the actor of a target.
    fn end(&mut self, id: TargetId) -> Option<CancellationToken> {
        let seat = self.seats.remove(&id)?;
        seat.stop.cancel();
        self.leaving.push(seat.done.clone());
        Some(seat.done)
    }

    /// Ends a target, and its log when its actor has written the last of it.
    fn remove(&mut self, host: &Host, name: &str) {
        let Some(target) = self.rack.named(name).cloned() else {
            return;
        };
        let (done, logs) = (self.end(target.id), host.logs.clone());
        let finish = async move {
            if let Some(done) = done {
                tokio::time::timeout(FAREWELL, done.cancelled()).await.ok();
            }
            logs.remove(&target);
        };
        host.tasks.spawn_on(finish, &host.runtime);
    }
}

/// The target's new actor tells more in a moment; meanwhile it should not look like one that was given up.
fn await_actor(target: &Target) {
    target.status.set_prompt("");
    target.status.set_alert("");
    target
        .status
        .set(Time::now(), State::Connecting, "about to begin");
}

/// The same target with other groups, tags and address.
fn relabelled(old: &Target, wanted: &config::Target) -> Arc<Target> {
    Arc::new(Target {
        id: old.id,
        name: old.name.clone(),
        address: wanted.connect.masked(),
        groups: wanted.groups.clone(),
        debugger: wanted.connect.link.is_debugger(),
        tags: wanted.tags.clone(),
        transcript: old.transcript.clone(),
        status: old.status.clone(),
    })
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
        .partition(|table| matches!(**table, "screen" | "keys" | "server" | "tls"));
    tell("settings changed:", now);
    tell("these settings take effect at the next start:", later);
    if parts.is_empty() {
        "nothing is different".to_owned()
    } else {
        parts.join("; ")
    }
}
