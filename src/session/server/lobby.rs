//! Where people are kept who lost their line, until they come back or have been away for too long.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::proto::session::message::Token;
use crate::session::Permission;
use crate::session::people::Presence;

/// How long somebody's seat is kept.
pub const KEPT: Duration = Duration::from_secs(300);
/// People who are kept; the one who has been away longest goes first.
const PEOPLE: usize = 256;

/// The people who are away.
#[derive(Debug, Default)]
pub struct Lobby {
    away: Mutex<HashMap<Token, Away>>,
}

#[derive(Debug)]
struct Away {
    presence: Presence,
    until: Instant,
}

impl Lobby {
    /// Keeps somebody's seat for a while.
    pub fn keep(self: &Arc<Self>, token: Token, presence: Presence) {
        presence.away(true);
        let until = Instant::now() + KEPT;
        let mut away = self.away();
        if away.len() >= PEOPLE
            && let Some(oldest) = away.iter().min_by_key(|(_, away)| away.until)
        {
            let oldest = *oldest.0;
            away.remove(&oldest);
        }
        let eviction = presence.eviction();
        away.insert(token, Away { presence, until });
        let lobby = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep_until(until) => lobby.expire(),
                reason = eviction.out() => lobby.put_out(&token, &reason),
            }
        });
    }

    /// Somebody with that token is back, with that permission. A token is good for one return.
    pub fn back(&self, token: &Token, permission: Permission) -> Option<Presence> {
        let mut away = self.away();
        let known = away.get(token)?.presence.person().permission == permission;
        let presence = known.then(|| away.remove(token))??.presence;
        presence.away(false);
        Some(presence)
    }

    /// Somebody is put out while they are away.
    fn put_out(&self, token: &Token, reason: &str) {
        if let Some(away) = self.away().remove(token) {
            away.presence.leave(reason);
        }
    }

    fn expire(&self) {
        let now = Instant::now();
        let mut away = self.away();
        let over: Vec<Token> = away
            .iter()
            .filter(|(_, away)| away.until <= now)
            .map(|(token, _)| *token)
            .collect();
        for token in over {
            if let Some(away) = away.remove(&token) {
                away.presence.leave("did not come back");
            }
        }
    }

    fn away(&self) -> MutexGuard<'_, HashMap<Token, Away>> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
