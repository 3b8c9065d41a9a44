//! What is remembered of one device.

use std::collections::VecDeque;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use toml::value::Datetime;

use crate::link;
use crate::transcript::Time;

/// Lines of chat that are remembered of a device.
pub const HISTORY_LINES_MAX: usize = 200;
/// The same in bytes, so that a full file stays small enough to be written each second.
pub const HISTORY_BYTES_MAX: usize = 16 << 10;

/// One `[[device]]` of the device file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its IP address; with `#name` behind it where several people share one.
    pub address: String,
    /// The name it registered under; empty if it has none.
    #[serde(default)]
    pub name: String,
    /// It is not let in.
    #[serde(default)]
    pub blocked: bool,
    /// It may not chat.
    #[serde(default)]
    pub muted: bool,
    /// It sees no logs.
    #[serde(default)]
    pub mute_logs: bool,
    /// What it said last, each line with its time.
    #[serde(default)]
    pub chat_history: VecDeque<String>,
    /// When it came first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<Datetime>,
    /// When it came last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Datetime>,
    /// What others wrote there.
    #[serde(flatten)]
    pub rest: toml::Table,
}

impl Record {
    /// A device that was never seen.
    #[must_use]
    pub fn new(address: String) -> Self {
        Self {
            address,
            ..Self::default()
        }
    }

    /// Its IP address, as text.
    #[must_use]
    pub fn ip(&self) -> &str {
        self.address.split('#').next().unwrap_or_default()
    }

    /// The [`network`](link::network) that it stands for; `None` if it is for one of several people there.
    #[must_use]
    pub fn network(&self) -> Option<IpAddr> {
        self.address.parse().ok().map(link::network)
    }

    /// It came, now.
    pub fn seen(&mut self, now: Time) {
        let now = now.timestamp().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        self.last_seen = now.parse().ok();
        if self.first_seen.is_none() {
            self.first_seen = self.last_seen;
        }
    }

    /// It said something.
    pub fn said(&mut self, line: String) {
        self.chat_history.push_back(line);
        let mut bytes: usize = self.chat_history.iter().map(String::len).sum();
        while self.chat_history.len() > HISTORY_LINES_MAX || bytes > HISTORY_BYTES_MAX {
            bytes -= self.chat_history.pop_front().map_or(bytes, |old| old.len());
        }
    }
}
