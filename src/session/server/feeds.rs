//! What one client is sent of all targets: their states, what it follows, and the newest of the others.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::feed::{Feed, append};
use crate::proto::session::message::{From, StatusInfo, TargetInfo, ToClient};
use crate::rack::{Rack, Target, TargetId};

/// Bytes of text in one frame of bulk.
const BULK_BYTES: usize = 32 << 10;
/// Bytes of one target before the next one has its turn, at least: on a slow line about a second.
const SHARE_BYTES: usize = 1 << 10;
/// Bytes a client may let us owe it.
const CREDIT_MAX: u64 = 16 << 20;
/// How often the newest line of targets that are not followed is sent.
const GLANCE_EVERY: Duration = Duration::from_millis(250);

/// Bytes of a list of targets in one frame; a longer one goes in parts.
const LIST_BYTES: usize = 256 << 10;
/// Bytes of one of its entries beside the texts, about.
const LIST_ENTRY_BYTES: usize = 32;

/// One client's places in all targets, and how much it can take.
#[derive(Debug)]
pub(super) struct Feeds {
    /// One for each target of the rack, in its order.
    list: Vec<Feed>,
    /// The feed that is read next.
    turn: usize,
    /// Bytes that are left of its turn; 0 if the turn is to begin.
    share: usize,
    /// Bytes of bulk the client can take.
    credit: u64,
    next_glance: Instant,
}

impl Feeds {
    /// Of no target yet.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            list: Vec::new(),
            turn: 0,
            share: 0,
            credit: 0,
            next_glance: now,
        }
    }

    /// The targets are these now; places in those that stay are kept.
    pub(super) fn take_rack(&mut self, rack: &Rack) {
        let mut old: HashMap<TargetId, Feed> = std::mem::take(&mut self.list)
            .into_iter()
            .map(|feed| (feed.target.id, feed))
            .collect();
        let feed = |target: &Arc<Target>| match old.remove(&target.id) {
            Some(mut feed) => {
                feed.relabel(target.clone());
                feed
            }
            None => Feed::new(target.clone()),
        };
        self.list = rack.targets().iter().map(feed).collect();
    }

    /// The client wants everything of a target, from there on.
    pub(super) fn follow(&mut self, target: TargetId, from: From) {
        if let Some(feed) = self.feed(target) {
            feed.follow(from);
        }
    }

    /// The client wants the newest line of a target.
    pub(super) fn unfollow(&mut self, target: TargetId) {
        if let Some(feed) = self.feed(target) {
            feed.unfollow();
        }
    }

    /// The client can take so many bytes more.
    pub(super) fn grant(&mut self, bytes: u32) {
        self.credit = (self.credit + u64::from(bytes)).min(CREDIT_MAX);
    }

    /// When there is more to send of what is followed, if there is more.
    pub(super) fn next_bulk(&self, now: Instant) -> Option<Instant> {
        let due = self.list.iter().filter_map(|feed| feed.due(now)).min();
        due.filter(|_| self.credit > 0)
    }

    /// When the newest lines are to be sent, if there are such.
    pub(super) fn next_glance(&self) -> Option<Instant> {
        let is_new = |feed: &Feed| !feed.is_followed() && feed.is_behind();
        (self.credit > 0 && self.list.iter().any(is_new)).then_some(self.next_glance)
    }

    /// Appends the states that changed.
    pub(super) fn append_statuses(&mut self, out: &mut Vec<u8>) {
        let changed = self
            .list
            .iter_mut()
            .filter_map(|feed| Some((feed.target.id, feed.changed_status()?)));
        let bytes = |(_, info): &(TargetId, StatusInfo)| {
            let texts = [&info.detail, &info.prompt, &info.alert, &info.holder];
            texts.iter().map(|text| text.len()).sum::<usize>() + info.log_fails.len()
        };
        for part in parts(changed, bytes) {
            append(&ToClient::Status(part), out);
        }
    }

    /// Appends what was printed, as far as the client can take it and up to `most` bytes: what it follows, each target in
    /// turn, then the newest of the others.
    pub(super) fn append_bulk(&mut self, most: usize, out: &mut Vec<u8>) {
        let count = self.list.len();
        let now = Instant::now();
        let behind = self.list.iter().filter(|feed| feed.is_due(now)).count();
        let mut idle = 0;
        while behind > 0 && idle < count && self.credit > 0 && out.len() < most {
            let at = self.turn % count;
            let Some(feed) = self.list.get_mut(at).filter(|feed| feed.is_due(now)) else {
                (self.turn, self.share) = (at + 1, 0);
                idle += 1;
                continue;
            };
            idle = 0;
            if self.share == 0 {
                // A turn goes on when there is credit again: else who happens to come first gets all of it.
                let share = usize::try_from(self.credit).unwrap_or(BULK_BYTES) / behind;
                self.share = share.clamp(SHARE_BYTES, BULK_BYTES);
            }
            let budget = usize::try_from(self.credit).unwrap_or(BULK_BYTES);
            let sent = feed.read(budget.min(self.share), now, out);
            self.credit = self.credit.saturating_sub(sent as u64);
            self.share = self.share.saturating_sub(sent);
            if self.share == 0 || !feed.is_behind() {
                (self.turn, self.share) = (at + 1, 0);
            }
        }
        if now >= self.next_glance {
            self.next_glance = now + GLANCE_EVERY;
            self.append_glances(most, out);
        }
    }

    fn append_glances(&mut self, most: usize, out: &mut Vec<u8>) {
        for feed in &mut self.list {
            if self.credit == 0 || out.len() >= most {
                return;
            }
            if feed.is_followed() || !feed.is_behind() {
                continue;
            }
            let before = out.len();
            feed.glance(|glance| append(&ToClient::Glances(vec![glance]), out));
            let sent = out.len() - before;
            self.credit = self.credit.saturating_sub(sent as u64);
        }
    }

    fn feed(&mut self, id: TargetId) -> Option<&mut Feed> {
        self.list.iter_mut().find(|feed| feed.target.id == id)
    }
}

/// Appends the list of targets.
pub(super) fn append_rack(rack: &Rack, out: &mut Vec<u8>) {
    let infos = rack.targets().iter().map(|target| TargetInfo {
        id: target.id,
        name: target.name.clone(),
        address: target.address.clone(),
        groups: target.groups.clone(),
        debugger: target.debugger,
        tags: target.tags.clone(),
    });
    let bytes = |info: &TargetInfo| {
        let lists = info.groups.iter().chain(&info.tags);
        info.name.len() + info.address.len() + lists.map(|text| text.len() + 2).sum::<usize>()
    };
    let mut parts = parts(infos, bytes);
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        append(&ToClient::RackPart(part), out);
    }
    append(&ToClient::Rack(last), out);
}

/// A list in parts that each fit in a frame; `bytes` is about what the texts of an entry need.
fn parts<T>(list: impl Iterator<Item = T>, bytes: impl Fn(&T) -> usize) -> Vec<Vec<T>> {
    let (mut parts, mut room) = (Vec::new(), 0);
    for entry in list {
        let needs = bytes(&entry) + LIST_ENTRY_BYTES;
        match parts.last_mut() {
            Some(part) if needs <= room => Vec::push(part, entry),
            _ => {
                parts.push(vec![entry]);
                room = LIST_BYTES;
            }
        }
        room = room.saturating_sub(needs);
    }
    parts
}
