//! The copy of the host's rack: what the server says becomes targets, states and transcripts here.
//!
//! Targets keep the host's numbers, moved by a base that grows when the host was started anew: its numbers mean other
//! targets then.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::History;
use crate::proto::session::message::{Glance, Lines, Piece, StatusInfo, TargetInfo};
use crate::rack::{Rack, State, Status, Target, TargetId, status};
use crate::transcript::log::Health;
use crate::transcript::{Entry, Pulse, Ring, Seq, Time, Transcript};

/// Entries have smaller numbers than this, so that counting on from them does not overflow; no host lives for so long.
const SEQ_MAX: Seq = 1 << 62;
/// Numbers of targets that a host is not expected to reach.
const BASE_STEP: u32 = 1 << 20;

/// The copy of the host's targets.
#[derive(Debug)]
pub(super) struct Mirror {
    /// Bounds of the histories here.
    bounds: History,
    pulse: Arc<Pulse>,
    rack: Arc<Rack>,
    base: u32,
    /// What is in the transcripts here.
    held: HashMap<TargetId, Held>,
}

/// What is in a transcript here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    /// Nothing, or only the newest line.
    Glance,
    /// The same, until the history comes that was asked for: it begins before that line.
    Awaited,
    /// The history without a hole up to a place; it grows if the flag says so.
    History(bool),
}

impl Mirror {
    pub(super) fn new(bounds: History, pulse: Arc<Pulse>) -> Self {
        Self {
            bounds,
            pulse,
            rack: Arc::default(),
            base: 0,
            held: HashMap::new(),
        }
    }

    pub(super) fn rack(&self) -> &Arc<Rack> {
        &self.rack
    }

    /// The host was started anew: its targets are others.
    pub(super) fn start_over(&mut self) {
        self.base = self.base.saturating_add(BASE_STEP);
        self.rack = Arc::default();
        self.held.clear();
    }

    /// Our number of a target of the host.
    pub(super) fn ours(&self, theirs: TargetId) -> TargetId {
        TargetId(theirs.0.saturating_add(self.base))
    }

    /// The host's number of a target.
    pub(super) fn theirs(&self, ours: TargetId) -> TargetId {
        TargetId(ours.0.saturating_sub(self.base))
    }

    /// Takes the list of targets. What is known of those that stay stays.
    pub(super) fn take_rack(&mut self, infos: Vec<TargetInfo>) {
        let limits = self.bounds.limits(infos.len());
        let target = |info: TargetInfo| {
            let id = self.ours(info.id);
            let old = self.rack.target(id);
            Arc::new(Target {
                id,
                name: info.name,
                address: info.address,
                groups: info.groups,
                debugger: info.debugger,
                tags: info.tags,
                transcript: old.map_or_else(
                    || Arc::new(Transcript::new(limits, self.pulse.clone())),
                    |old| old.transcript.clone(),
                ),
                status: old.map_or_else(
                    || Arc::new(status::Shared::new(Time::now())),
                    |old| old.status.clone(),
                ),
            })
        };
        let targets: Vec<_> = infos.into_iter().map(target).collect();
        for target in &targets {
            if target.transcript.with(|ring| ring.limits()) != limits {
                target.transcript.set_limits(limits);
            }
        }
        self.rack = Arc::new(Rack::new(targets));
        let rack = &self.rack;
        self.held.retain(|id, _| rack.target(*id).is_some());
    }

    /// The state of a target of the host, as far as it is known here.
    pub(super) fn state(&self, id: TargetId) -> Option<State> {
        let target = self.rack.target(self.ours(id))?;
        Some(target.status.state())
    }

    /// Takes how a target is. True if something is different.
    pub(super) fn take_status(&self, id: TargetId, info: StatusInfo) -> bool {
        let Some(target) = self.rack.target(self.ours(id)) else {
            return false;
        };
        target.status.copy(Status {
            state: info.state,
            detail: info.detail,
            since: info.since,
            log: if info.log_fails.is_empty() {
                Health::Off
            } else {
                Health::Failing {
                    reason: info.log_fails,
                }
            },
            prompt: info.prompt,
            alert: info.alert,
            holder: info.holder,
        })
    }

    /// A target's state changed; its status follows.
    pub(super) fn take_state(&self, id: TargetId, time: Time, state: State, detail: &str) {
        if let Some(target) = self.rack.target(self.ours(id)) {
            target.status.set(time, state, detail);
        }
    }

    /// Takes the newest line of a target that is not followed.
    pub(super) fn take_glance(&mut self, glance: &Glance<'_>) {
        let id = self.ours(glance.target);
        let Some(target) = self.rack.target(id) else {
            return;
        };
        if matches!(
            self.held.get(&id),
            Some(Held::Awaited | Held::History(true))
        ) {
            // It was on its way before the server knew that it is followed.
            return;
        }
        self.held.insert(id, Held::Glance);
        target.transcript.copy(|ring| {
            if let Some(newest) = &glance.newest
                && newest.first() < SEQ_MAX
            {
                ring.restart(newest.first());
                newest.copy_to(ring);
            }
            ring.set_totals(glance.lines.min(SEQ_MAX), glance.bytes.min(SEQ_MAX));
        });
    }

    /// Takes entries of a target that is followed.
    pub(super) fn take_lines(&mut self, lines: &Lines<'_>) {
        let id = self.ours(lines.target);
        let is_first = match self.held.get(&id) {
            Some(Held::Awaited) => true,
            Some(Held::History(true)) => false,
            _ => return,
        };
        let Some(target) = self.rack.target(id) else {
            return;
        };
        let mut pieces = lines
            .pieces
            .iter()
            .filter(|piece| piece.first() < SEQ_MAX)
            .peekable();
        let Some(first) = pieces.peek().map(|piece| piece.first()) else {
            return;
        };
        self.held.insert(id, Held::History(true));
        target.transcript.copy(|ring| {
            if is_first {
                ring.restart(first);
            }
            for piece in pieces {
                piece.copy_to(ring);
            }
            ring.set_totals(lines.lines.min(SEQ_MAX), lines.bytes.min(SEQ_MAX));
        });
    }

    /// A target is followed from now on, or no more. Where its history can go on, if it is here.
    pub(super) fn set_followed(&mut self, id: TargetId, followed: bool) -> Option<Seq> {
        let held = self.held.get(&id).copied();
        let now = match (held, followed) {
            (Some(Held::History(_)), followed) => Held::History(followed),
            (_, true) => Held::Awaited,
            (_, false) => Held::Glance,
        };
        self.held.insert(id, now);
        let target = self.rack.target(id)?;
        match held {
            Some(Held::History(_)) => Some(target.transcript.with(Ring::resume_at)),
            // What is newest stays in sight until more comes.
            _ => None,
        }
    }
}

impl Piece<'_> {
    fn first(&self) -> Seq {
        match self {
            Self::Lines { first, .. } => *first,
            Self::Entry { seq, .. } => *seq,
        }
    }

    fn copy_to(&self, ring: &mut Ring) {
        match self {
            Self::Lines { first, time, bytes } => ring.copy_lines(*first, *time, bytes),
            Self::Entry {
                seq,
                time,
                kind,
                who,
                ending,
                seen,
                bytes,
            } => {
                let entry = Entry {
                    seq: *seq,
                    time: *time,
                    kind: *kind,
                    who: *who,
                    bytes,
                    ending: *ending,
                };
                ring.copy(entry, usize::try_from(*seen).unwrap_or(usize::MAX));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_share_what_all_histories_may_have_as_they_come_and_go() {
        let bounds = History {
            per_target_bytes: 8 << 20,
            total_bytes: 16 << 20,
            ..History::default()
        };
        let mut mirror = Mirror::new(bounds, Arc::default());
        for (targets, each) in [(1, 8 << 20), (4, 4 << 20), (2, 8 << 20), (16, 1 << 20)] {
            let info = |number: u32| TargetInfo {
                id: TargetId(number),
                name: format!("t{number}"),
                address: String::new(),
                groups: Vec::new(),
                debugger: false,
                tags: Vec::new(),
            };
            mirror.take_rack((0..targets).map(info).collect());
            let rack = mirror.rack();
            let bytes = |target: &Arc<Target>| target.transcript.with(|ring| ring.limits().bytes);
            assert!(
                rack.targets().iter().all(|target| bytes(target) == each),
                "{targets}"
            );
        }
    }
}
