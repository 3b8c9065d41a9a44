//! One connection of a device: what is known of it, and what waits to be written to it.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::rules::Rules;
use crate::proto::rawchat::Outbox;
use crate::session::Said;
use crate::session::people::{Eviction, PersonId, Presence};
use crate::transcript::Time;

/// Lines for somebody alone that may wait while more is read from them; beyond, they have to read first.
const ANSWERS_MAX: usize = 256;

/// One connection.
#[derive(Debug)]
pub struct Device {
    /// Its number; never used twice.
    pub id: u64,
    /// Where it comes from.
    pub ip: IpAddr,
    /// The port there.
    pub port: u16,
    /// It came in by the port for chat alone.
    pub chat_only: bool,
    /// Since when it is here.
    pub since: Time,
    /// Ends it.
    pub stop: CancellationToken,
    inside: Mutex<Inside>,
    /// It says nothing more and is about to go: others may come in its place.
    leaving: AtomicBool,
    /// Something waits to be written.
    bell: Notify,
    /// There is room for more answers.
    room: Notify,
    /// What happens from now on is shown to it.
    noticed: Notify,
    /// It is another person now.
    became: Notify,
}

/// What changes about a connection.
#[derive(Debug)]
pub struct Inside {
    /// What waits to be written.
    pub outbox: Outbox,
    /// The number of the last line of chat it was told; `None` before it was greeted.
    pub heard: Option<u64>,
    /// The address of its record.
    pub key: String,
    /// Its person, once it has a name. Connections of one record share it.
    pub presence: Option<Arc<Presence>>,
    /// The person's name.
    pub name: String,
    /// The targets it watches, and those it does not want to see.
    pub rules: Rules,
    /// It sees no logs.
    pub mute_logs: bool,
}

impl Device {
    /// A connection that was not greeted yet.
    pub fn new(
        id: u64,
        (ip, port): (IpAddr, u16),
        chat_only: bool,
        stop: CancellationToken,
    ) -> Self {
        Self {
            id,
            ip,
            port,
            chat_only,
            since: Time::now(),
            stop,
            inside: Mutex::new(Inside {
                outbox: Outbox::default(),
                heard: None,
                key: ip.to_string(),
                presence: None,
                name: String::new(),
                rules: Rules::default(),
                mute_logs: false,
            }),
            leaving: AtomicBool::new(false),
            bell: Notify::new(),
            room: Notify::new(),
            noticed: Notify::new(),
            became: Notify::new(),
        }
    }

    /// It says nothing more.
    pub fn leaves(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    /// Whether it takes up a place of its address.
    pub fn stays(&self) -> bool {
        !self.leaving.load(Ordering::Relaxed)
    }

    /// What changes. Held for moments; no other lock of the port is taken meanwhile.
    pub fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It is that person from now on, under that name, with the record of that address.
    pub fn become_person(&self, presence: Arc<Presence>, name: &str, key: &str) {
        let mut inside = self.inside();
        inside.key = key.to_owned();
        inside.name = name.to_owned();
        inside.presence = Some(presence);
        drop(inside);
        self.became.notify_one();
    }

    /// Waits until the person it is, or becomes, is put out; the reason.
    pub async fn put_out(&self) -> String {
        loop {
            let eviction = self.eviction();
            let out = async {
                match eviction {
                    Some(eviction) => eviction.out().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                reason = out => return reason,
                () = self.became.notified() => {}
            }
        }
    }

    fn eviction(&self) -> Option<Arc<Eviction>> {
        let inside = self.inside();
        inside.presence.as_ref().map(|presence| presence.eviction())
    }

    /// Its name; `None` before it registered.
    pub fn name(&self) -> Option<String> {
        let inside = self.inside();
        inside.presence.as_ref().map(|_| inside.name.clone())
    }

    /// The address of its record.
    pub fn key(&self) -> String {
        self.inside().key.clone()
    }

    /// The person it is.
    pub fn person(&self) -> Option<PersonId> {
        self.inside()
            .presence
            .as_ref()
            .map(|presence| presence.id())
    }

    /// Tells it something that is not dropped.
    pub fn say(&self, line: impl Into<Arc<str>>) {
        let fits = self.inside().outbox.say(line);
        self.ring(fits);
    }

    /// Answers its telnet client. These bytes are no line and go before all lines.
    pub fn answer(&self, bytes: Vec<u8>) {
        self.inside().outbox.answer(bytes);
        self.bell.notify_one();
    }

    /// Tells it several such lines.
    pub fn say_all(&self, lines: impl IntoIterator<Item = String>) {
        let mut fits = true;
        {
            let mut inside = self.inside();
            for line in lines {
                fits &= inside.outbox.say(line);
            }
        }
        self.ring(fits);
    }

    /// Tells it a line of chat, unless it knows it or it is for others.
    pub fn hear(&self, said: &Said, line: &Arc<str>) {
        let mut fits = true;
        {
            let mut inside = self.inside();
            if inside.heard.is_none_or(|heard| said.id <= heard) {
                return;
            }
            inside.heard = Some(said.id);
            if said.is_for(&inside.name) {
                fits = inside.outbox.say(line.clone());
            }
        }
        self.ring(fits);
    }

    /// Gives it log lines, which it may be too slow for.
    pub fn log<'a>(&self, lines: impl Iterator<Item = &'a Arc<str>>) {
        {
            let mut inside = self.inside();
            if inside.mute_logs {
                return;
            }
            for line in lines {
                inside.outbox.log(line.clone());
            }
        }
        self.bell.notify_one();
    }

    /// Waits for something to write, and moves whole lines to `out`, about `bytes`.
    pub async fn next(&self, bytes: usize, out: &mut Vec<u8>) {
        loop {
            self.take(bytes, out);
            if !out.is_empty() {
                return;
            }
            self.bell.notified().await;
        }
    }

    /// The same without waiting.
    pub fn take(&self, bytes: usize, out: &mut Vec<u8>) {
        self.inside().outbox.take(bytes, out);
        self.room.notify_one();
    }

    /// What happens from now on is shown to it.
    pub fn notice(&self) {
        self.noticed.notify_one();
    }

    /// Waits for [`Device::notice`].
    pub async fn noticed(&self) {
        self.noticed.notified().await;
    }

    /// Waits until it has read enough of what it was told for more to be taken from it.
    pub async fn room(&self) {
        while self.inside().outbox.said() > ANSWERS_MAX {
            self.room.notified().await;
        }
    }

    fn ring(&self, fits: bool) {
        if !fits {
            // It reads nothing, and what is meant for it is not dropped: it goes.
            self.stop.cancel();
        }
        self.bell.notify_one();
    }
}
