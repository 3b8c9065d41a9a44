//! Who a device is: by its address, and by the name it registers under.
//!
//! A record belongs to an address, as those who know such ports expect. Where several people share one address, whoever
//! registers on another live connection gets a record of their own, `address#name`.

use std::sync::Arc;

use super::device::Device;
use super::lines::{self, Stamps};
use super::{Devices, State};
use crate::host::Host;
use crate::proto::rawchat::name;
use crate::session::Permission;
use crate::session::people::{Arrival, Presence, Seated};
use crate::transcript::Time;

/// Lines of chat that somebody who comes is shown.
const REPLAYED: usize = 20;
/// Said where the host is about to end.
const ENDING: &str = "The host is about to end.";

impl Devices {
    /// Says hello, as whoever the device is known to be.
    pub(super) fn greet(&self, device: &Device) {
        let Some(host) = self.host() else { return };
        let version = env!("CARGO_PKG_VERSION");
        let what = if device.chat_only {
            "Chat"
        } else {
            "Debug and Chat"
        };
        let mut greeting = vec![
            format!(">> Remote {what}: version {version}"),
            format!(">> Your address is {}.", device.ip),
        ];
        let name = self.recognise(&host, device);
        greeting.push(match &name {
            Some(name) => format!(">> Your name is {name}."),
            None => format!(
                ">> Welcome! This is your first time entering remote {}. Use \"/register <name>\" to register.",
                what.to_lowercase()
            ),
        });
        let counts = (host.rack().targets().len(), host.people().all().len());
        if name.is_some() {
            greeting.push(format!(
                ">> {} targets, {} people. /help lists commands.",
                counts.0, counts.1
            ));
        }
        device.say_all(greeting);
        self.replay(&host, device);
    }

    /// The last lines of chat; from here on the device hears all that follow.
    fn replay(&self, host: &Host, device: &Device) {
        let format = self.state().settings.format.clone();
        let mut stamps = Stamps::default();
        let mut inside = device.inside();
        let said = host.chat().since(0, &inside.name);
        let last = said.len().saturating_sub(REPLAYED);
        inside.heard = Some(host.chat().last());
        let mut fits = true;
        for said in said.iter().skip(last) {
            let line = lines::replayed(stamps.at(said.time), &format, said);
            fits &= inside.outbox.say(line);
        }
        drop(inside);
        if !fits {
            device.stop.cancel();
        }
    }

    /// The name that the device's address is known by; whoever has it is here from now on.
    fn recognise(&self, host: &Host, device: &Device) -> Option<String> {
        let mut guard = self.state();
        let state = &mut *guard;
        let key = device.key();
        let name = state.file.at(&key)?.name.clone();
        if name.is_empty() {
            return None;
        }
        Some(sit_down(state, host, device, &key, &name))
    }

    /// Gives the device a name; the one it has then.
    ///
    /// # Errors
    /// Why not: a sentence for them.
    pub(super) fn register(&self, device: &Device, wanted: &str) -> Result<String, String> {
        name::check(wanted)?;
        let host = self.host().ok_or(ENDING)?;
        let taken = || format!("The name {wanted} is taken.");
        let mut guard = self.state();
        let state = &mut *guard;
        let ip = device.ip.to_string();
        let own = device.key();
        let known = state.file.named(wanted);
        if known.is_some_and(|record| record.ip() != ip) {
            return Err(taken());
        }
        if known.is_some_and(|record| record.blocked) {
            return Err("That name is blocked.".to_owned());
        }
        let shared = is_shared(state, device, &own);
        let key = match known {
            // Somebody of this address who is known by that name already.
            Some(record) => record.address.clone(),
            None if shared || own.contains('#') => format!("{ip}#{wanted}"),
            None => own.clone(),
        };
        let renames = key == own || (known.is_none() && !shared);
        let present = state.present.get(&key).and_then(|known| known.upgrade());
        if let Some(other) = host.people().named(wanted) {
            let own = device.person() == Some(other.id);
            let sits_down = present.is_some_and(|present| present.id() == other.id);
            if !own && !sits_down {
                return Err(taken());
            }
        }
        if renames && let Some(record) = state.file.at_mut(&own) {
            record.address.clone_from(&key);
        }
        let live = &state.live;
        let record = state.file.enter(&key, |key| State::is_live(live, key));
        record.name = wanted.to_owned();
        record.seen(Time::now());
        let mute_logs = record.mute_logs;
        device.inside().mute_logs = mute_logs;
        state.change_file(self);
        let presence = device.inside().presence.clone();
        if let Some(presence) = presence.filter(|_| renames) {
            return Ok(rename(state, &presence, (&own, &key), wanted));
        }
        let name = sit_down(state, &host, device, &key, wanted);
        drop(guard);
        self.changed.notify_one();
        Ok(name)
    }
}

/// The person of the record `keys.0` goes on as that of `keys.1`, under another name; the name they have then.
fn rename(state: &mut State, presence: &Arc<Presence>, keys: (&str, &str), wanted: &str) -> String {
    let name = presence.rename(wanted);
    state.present.remove(keys.0);
    state
        .present
        .insert(keys.1.to_owned(), Arc::downgrade(presence));
    for device in &state.live {
        let mut inside = device.inside();
        let own = inside.presence.as_ref();
        if own.is_some_and(|own| Arc::ptr_eq(own, presence)) {
            inside.key = keys.1.to_owned();
            inside.name.clone_from(&name);
        }
    }
    name
}

/// Whether another live connection uses the record too, as somebody who has a name.
fn is_shared(state: &State, device: &Device, key: &str) -> bool {
    if state
        .file
        .at(key)
        .is_none_or(|record| record.name.is_empty())
    {
        return false;
    }
    let mut live = state.live.iter();
    live.any(|other| other.id != device.id && other.key() == key)
}

/// The device is the person of that record from now on: somebody who is here already, or who comes. Their name.
fn sit_down(state: &mut State, host: &Host, device: &Device, key: &str, name: &str) -> String {
    let present = state.present.get(key).and_then(|present| present.upgrade());
    let presence = present.unwrap_or_else(|| {
        let presence = Arc::new(host.people().join(Arrival {
            name: name.to_owned(),
            permission: Permission::Observer,
            seated: Seated::Device,
            account: device.ip.to_string(),
            origin: format!("raw {}:{}", device.ip, device.port),
            server: None,
        }));
        let known = Arc::downgrade(&presence);
        state.present.insert(key.to_owned(), known);
        presence
    });
    let name = presence.person().name;
    device.become_person(presence, &name, key);
    name
}
