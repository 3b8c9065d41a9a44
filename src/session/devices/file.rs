//! The device file: every device that was seen, for people to read and edit.
//!
//! Written whole, beside the old one which it then replaces. Fields that are not known are kept; comments are not. When
//! it is read and written is in `store`.

use std::fs::File;
use std::io::{self, Read as _};
use std::net::IpAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::record::Record;
use crate::proto::rawchat::name::same;
use crate::setup::secret_file;

/// Devices that are remembered. The oldest that nobody named or blocked makes room for a new one.
pub const DEVICES_MAX: usize = 1024;
/// The largest device file that is read. Bytes; as large as one with as many devices can get by itself.
pub const FILE_BYTES_MAX: u64 = 32 << 20;

/// What is in the device file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DeviceFile {
    /// What others wrote there.
    #[serde(flatten)]
    rest: toml::Table,
    #[serde(default, rename = "device")]
    devices: Vec<Record>,
}

impl DeviceFile {
    /// Reads a file; one that is not there is empty.
    ///
    /// # Errors
    /// Why it cannot be read, with the place in it.
    pub fn load(path: &Path) -> Result<Self, String> {
        let failed = |why: String| {
            let path = path.display();
            format!("the device file {path} cannot be used: {why}; correct it, or move it away")
        };
        let mut text = String::new();
        match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(failed(error.to_string())),
            Ok(file) => file
                .take(FILE_BYTES_MAX + 1)
                .read_to_string(&mut text)
                .map_err(|error| failed(error.to_string()))?,
        };
        if text.len() as u64 > FILE_BYTES_MAX {
            return Err(failed(format!("it is larger than {FILE_BYTES_MAX} bytes")));
        }
        toml::from_str(&text).map_err(|error| failed(error.to_string()))
    }

    /// Writes it, for its owner alone.
    ///
    /// # Errors
    /// Why that failed; the file is as it was then.
    pub fn save(&self, path: &Path) -> Result<(), String> {
        let failed =
            |why: String| format!("cannot write the device file {}: {why}", path.display());
        let text = toml::to_string_pretty(self).map_err(|error| failed(error.to_string()))?;
        secret_file::write(path, &text, true).map_err(|error| failed(error.to_string()))
    }

    /// Every device.
    #[must_use]
    pub fn all(&self) -> &[Record] {
        &self.devices
    }

    /// The device of that address, `#name` included.
    #[must_use]
    pub fn at(&self, address: &str) -> Option<&Record> {
        self.devices.iter().find(|record| record.address == address)
    }

    /// The same, to be changed.
    pub fn at_mut(&mut self, address: &str) -> Option<&mut Record> {
        let mut devices = self.devices.iter_mut();
        devices.find(|record| record.address == address)
    }

    /// Whether whoever comes from that network is kept out.
    #[must_use]
    pub fn is_blocked(&self, network: IpAddr) -> bool {
        let mut blocked = self.devices.iter().filter(|record| record.blocked);
        blocked.any(|record| record.network() == Some(network))
    }

    /// The device of that name, letter case aside.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Record> {
        let mut devices = self.devices.iter();
        devices.find(|record| !record.name.is_empty() && same(&record.name, name))
    }

    /// The device of that address, which is there from now on; `is_live` tells those that have to stay.
    pub fn enter(&mut self, address: &str, is_live: impl Fn(&str) -> bool) -> &mut Record {
        let at = self.devices.iter().position(|r| r.address == address);
        let at = at.unwrap_or_else(|| {
            if self.devices.len() >= DEVICES_MAX {
                self.make_room(is_live);
            }
            self.devices.push(Record::new(address.to_owned()));
            self.devices.len() - 1
        });
        self.devices
            .get_mut(at)
            .expect("it was found or put there just now")
    }

    fn make_room(&mut self, is_live: impl Fn(&str) -> bool) {
        let spare = |record: &Record| !record.blocked && !is_live(&record.address);
        let unnamed = |record: &Record| record.name.is_empty() && spare(record);
        let at = self.devices.iter().position(unnamed);
        if let Some(at) = at.or_else(|| self.devices.iter().position(spare)) {
            self.devices.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::session::devices::record::{HISTORY_BYTES_MAX, HISTORY_LINES_MAX};
    use crate::transcript::Time;

    #[test]
    fn what_others_wrote_into_the_file_stays() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("devices.toml");
        let text = "owner = 'lab'\n[[device]]\naddress = '10.0.0.7'\nroom = 12\n[device.more]\na = 1\n[[device]]\naddress = '10.0.0.8'\nblocked = true\n[notes]\nx = 'y'\n";
        std::fs::write(&path, text).unwrap();
        let mut file = DeviceFile::load(&path).unwrap();
        assert!(file.at("10.0.0.8").unwrap().blocked);
        file.at_mut("10.0.0.7").unwrap().name = "alice".to_owned();
        file.save(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = DeviceFile::load(&path).unwrap();
        assert_eq!(again, file);
        let alice = again.named("ALICE").unwrap();
        assert_eq!(alice.rest["room"].as_integer(), Some(12));
        assert_eq!(alice.rest["more"]["a"].as_integer(), Some(1));
        assert_eq!(again.rest["notes"]["x"].as_str(), Some("y"));
        assert_eq!(again.rest["owner"].as_str(), Some("lab"));
    }

    #[test]
    fn a_broken_file_is_told_and_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("devices.toml");
        assert_eq!(DeviceFile::load(&path), Ok(DeviceFile::default()));
        std::fs::write(&path, "[[device]]\nname = 'no address'\n").unwrap();
        let error = DeviceFile::load(&path).unwrap_err();
        assert!(
            error.contains("devices.toml") && error.contains("address"),
            "{error}"
        );
    }

    #[test]
    fn as_many_devices_as_may_be_and_the_named_stay() {
        let mut file = DeviceFile::default();
        file.enter("named", |_| false).name = "alice".to_owned();
        file.enter("blocked", |_| false).blocked = true;
        file.enter("live", |_| false);
        for number in 0..2 * DEVICES_MAX {
            file.enter(&number.to_string(), |address| address == "live");
        }
        assert_eq!(file.all().len(), DEVICES_MAX);
        for kept in ["named", "blocked", "live"] {
            assert!(file.at(kept).is_some(), "{kept}");
        }
    }

    #[test]
    fn what_somebody_said_is_remembered_within_bounds() {
        let mut record = Record::new("10.0.0.7".to_owned());
        for number in 0..HISTORY_LINES_MAX + 10 {
            record.said(number.to_string());
        }
        assert_eq!(record.chat_history.len(), HISTORY_LINES_MAX);
        for _ in 0..20 {
            record.said("x".repeat(HISTORY_BYTES_MAX / 8));
        }
        assert_eq!(record.chat_history.len(), 8);
        record.seen(Time(0));
        record.seen(Time(1_000_000));
        let shown = |time: Option<toml::value::Datetime>| time.map(|time| time.to_string());
        assert_eq!(
            shown(record.first_seen).as_deref(),
            Some("1970-01-01T00:00:00Z")
        );
        assert_eq!(
            shown(record.last_seen).as_deref(),
            Some("1970-01-01T00:00:01Z")
        );
    }
}
