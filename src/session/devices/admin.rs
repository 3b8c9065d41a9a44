//! What the people at the host do with devices: list, disconnect, block, mute, import.
//!
//! All but disconnecting reads or writes the device file where the port is closed, and may block. Who did it is recorded
//! where commands are carried out.

use std::collections::HashSet;
use std::net::IpAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::device::Device;
use super::import::{self, import};
use super::record::Record;
use super::{Devices, State};
use crate::link;
use crate::proto::rawchat::name::same;
use crate::transcript::Time;

/// A device as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceEntry {
    /// Its address, with `#name` behind it where several people share one.
    pub address: String,
    /// Its name; empty if it has none.
    pub name: String,
    /// It is not let in.
    pub blocked: bool,
    /// It may not chat.
    pub muted: bool,
    /// Connections that are open now.
    pub connections: usize,
    /// Since when the first of them is.
    pub since: Option<Time>,
}

impl Devices {
    /// Every device that is known, those that are connected first.
    ///
    /// # Errors
    /// When the device file cannot be used.
    pub fn list(&self) -> Result<Vec<DeviceEntry>, String> {
        self.load()?;
        let state = self.state();
        let live: Vec<_> = state
            .live
            .iter()
            .map(|device| (device.key(), device.since))
            .collect();
        let entry = |record: &Record| {
            let own = live.iter().filter(|(key, _)| *key == record.address);
            DeviceEntry {
                address: record.address.clone(),
                name: record.name.clone(),
                blocked: record.blocked,
                muted: record.muted,
                connections: own.clone().count(),
                since: own.map(|(_, since)| *since).min(),
            }
        };
        let mut entries: Vec<DeviceEntry> = state.file.all().iter().map(entry).collect();
        entries.sort_by_key(|entry| entry.connections == 0);
        Ok(entries)
    }

    /// Disconnects whoever has that name or address. Tells how many connections that were.
    ///
    /// # Errors
    /// When nobody has it who is connected.
    pub fn kick(&self, who: &str) -> Result<String, String> {
        let why = ">> You were disconnected by the host.";
        let count = self.cut(&self.state(), who, |_| false, why);
        if count == 0 {
            return Err(format!("no device {who} is connected; .devices lists them"));
        }
        Ok(format!("{who} is disconnected"))
    }

    /// Keeps the devices of that name or address out, or lets them in again; with them, whoever is of the same
    /// [`network`](link::network).
    ///
    /// # Errors
    /// When none is known and it is no address, or the device file cannot be used.
    pub fn block(&self, who: &str, blocked: bool) -> Result<String, String> {
        self.load()?;
        let mut guard = self.state();
        let state = &mut *guard;
        if blocked && let Ok(ip) = who.parse::<IpAddr>() {
            // One that never came can be kept out, too.
            let live = &state.live;
            let key = ip.to_canonical().to_string();
            state.file.enter(&key, |key| State::is_live(live, key));
        }
        let meant = |record: &&Record| is_meant(who, &record.name, &record.address);
        let meant = state.file.all().iter().filter(meant);
        let itself = who.parse().ok().map(link::network);
        let networks: HashSet<IpAddr> = meant.filter_map(Record::network).chain(itself).collect();
        let is_there = |ip: Option<IpAddr>| ip.is_some_and(|ip| networks.contains(&ip));
        self.change(
            state,
            who,
            |record| is_there(record.network()),
            |record| record.blocked = blocked,
        )?;
        if blocked {
            let is_there = |device: &Device| is_there(Some(link::network(device.ip)));
            self.cut(state, who, is_there, ">> This device is blocked.");
        }
        drop(guard);
        self.keep()?;
        let word = if blocked { "blocked" } else { "let in again" };
        let wide: Vec<String> = networks
            .iter()
            .filter(|network| network.is_ipv6() && !network.is_loopback())
            .map(|network| format!("{network}/64"))
            .collect();
        Ok(match wide.join(", ") {
            wide if wide.is_empty() => format!("{who} is {word}"),
            wide => format!("{who} is {word}, as is whoever comes from {wide}"),
        })
    }

    /// Lets the devices of that name or address not chat, or chat again.
    ///
    /// # Errors
    /// When none is known, or the device file cannot be used.
    pub fn mute(&self, who: &str, muted: bool) -> Result<String, String> {
        self.load()?;
        let nobody_else = |_: &Record| false;
        self.change(&mut self.state(), who, nobody_else, |record| {
            record.muted = muted;
        })?;
        self.keep()?;
        let word = if muted { "muted" } else { "not muted any more" };
        Ok(format!("{who} is {word}"))
    }

    /// Adds the devices of a file of the Nitrocid kernel.
    ///
    /// # Errors
    /// When it cannot be read, or is no such file, or the device file cannot be used.
    pub fn import(&self, path: &Path) -> Result<String, String> {
        let shown = path.display();
        let failed = |error: String| format!("{shown}: {error}");
        let size = std::fs::metadata(path)
            .map_err(|error| failed(error.to_string()))?
            .len();
        if size > import::FILE_BYTES_MAX {
            return Err(failed(format!("{size} bytes are no device file")));
        }
        let json = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        self.load()?;
        let mut guard = self.state();
        let state = &mut *guard;
        let live = &state.live;
        let told =
            import(&json, &mut state.file, |key| State::is_live(live, key)).map_err(failed)?;
        state.change_file(self);
        drop(guard);
        self.keep()?;
        Ok(told)
    }

    /// Changes every record of that name or address, and those that are meant as well.
    fn change(
        &self,
        state: &mut State,
        who: &str,
        as_well: impl Fn(&Record) -> bool,
        change: impl Fn(&mut Record),
    ) -> Result<(), String> {
        let keys: Vec<String> = state
            .file
            .all()
            .iter()
            .filter(|record| is_meant(who, &record.name, &record.address) || as_well(record))
            .map(|record| record.address.clone())
            .collect();
        if keys.is_empty() {
            return Err(format!("no device {who} is known; .devices lists them"));
        }
        for key in keys {
            if let Some(record) = state.file.at_mut(&key) {
                change(record);
            }
        }
        state.change_file(self);
        Ok(())
    }

    /// Ends the connections of that name or address, and those that are meant as well; how many.
    fn cut(&self, state: &State, who: &str, as_well: impl Fn(&Device) -> bool, why: &str) -> usize {
        let meant = state.live.iter().filter(|device| {
            let name = device.name().unwrap_or_default();
            let named = is_meant(who, &name, &device.key()) || device.ip.to_string() == who;
            named || as_well(device)
        });
        meant
            .map(|device| {
                device.say(why);
                device.stop.cancel();
            })
            .count()
    }
}

/// Whether a device of this name and address is meant.
fn is_meant(who: &str, name: &str, address: &str) -> bool {
    address == who || (!name.is_empty() && same(name, who))
}
