//! Device files of the Nitrocid kernel: the list of records that it writes now, and the table by address of its first
//! versions.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Deserialize;

use super::file::DeviceFile;
use crate::proto::rawchat::name;
use crate::transcript::safe;

/// The largest file that is read. Bytes.
pub const FILE_BYTES_MAX: u64 = 16 << 20;

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Shape {
    List(Vec<Device>),
    ByAddress(BTreeMap<String, Device>),
}

/// A record of either shape.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Device {
    address: String,
    name: Option<String>,
    blocked: bool,
    mute_logs: bool,
    chat_history: Option<Vec<String>>,
}

/// Adds the devices of `json` to `file`; what is there already keeps its name. Tells what came of it.
///
/// # Errors
/// When it is no such file.
pub fn import(
    json: &str,
    file: &mut DeviceFile,
    is_live: impl Fn(&str) -> bool,
) -> Result<String, String> {
    let wrong = |error: serde_json::Error| {
        format!(
            "that is no device file of the Nitrocid kernel, a list of records or an object by address: {error}"
        )
    };
    let devices = match serde_json::from_str(json).map_err(wrong)? {
        Shape::List(devices) => devices,
        Shape::ByAddress(devices) => {
            let with_address = |(address, device)| Device { address, ..device };
            devices.into_iter().map(with_address).collect()
        }
    };
    let (mut imported, mut strange, mut nameless) = (0, 0, 0);
    for device in devices {
        let Ok(address) = device.address.parse::<IpAddr>() else {
            strange += 1;
            continue;
        };
        let wanted = device.name.unwrap_or_default();
        let free = name::check(&wanted).is_ok() && file.named(&wanted).is_none();
        let record = file.enter(&address.to_canonical().to_string(), &is_live);
        if record.name.is_empty() && free {
            record.name.clone_from(&wanted);
        }
        nameless += usize::from(!wanted.is_empty() && record.name != wanted);
        record.blocked |= device.blocked;
        record.mute_logs |= device.mute_logs;
        for line in device.chat_history.unwrap_or_default() {
            record.said(safe::plain(line.as_bytes()).into_owned());
        }
        imported += 1;
    }
    let mut told = format!("imported {imported} devices");
    if nameless > 0 {
        told.push_str(&format!(
            "; {nameless} names are taken or cannot be used here, those devices register again"
        ));
    }
    if strange > 0 {
        told.push_str(&format!("; {strange} without an IP address were left out"));
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_are_read() {
        let list = r#"[{"Address":"10.0.0.7","Name":"alice","Blocked":false,"MuteLogs":true,"ChatHistory":["[1] hi\u001b[2J"]},
            {"Address":"10.0.0.8","Name":"","Blocked":true,"MuteLogs":false,"ChatHistory":[]}]"#;
        let object = r#"{"10.0.0.7":{"Name":"alice","Blocked":false,"ChatHistory":["[1] hi"]},"10.0.0.8":{"Name":"","Blocked":true,"ChatHistory":null}}"#;
        for json in [list, object] {
            let mut file = DeviceFile::default();
            let told = import(json, &mut file, |_| false);
            assert_eq!(told.as_deref(), Ok("imported 2 devices"), "{json}");
            let alice = file.named("alice").unwrap();
            assert_eq!((alice.address.as_str(), alice.blocked), ("10.0.0.7", false));
            assert_eq!(alice.chat_history, ["[1] hi"]);
            assert!(file.at("10.0.0.8").unwrap().blocked);
        }
        let mut file = DeviceFile::default();
        import(list, &mut file, |_| false).unwrap();
        assert!(file.at("10.0.0.7").unwrap().mute_logs);
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let mut file = DeviceFile::default();
        file.enter("10.0.0.9", |_| false).name = "Bob".to_owned();
        let json = r#"[{"Address":"10.0.0.7","Name":"bob"},{"Address":"nowhere","Name":"x"},{"Address":"10.0.0.8","Name":"a b"}]"#;
        let told = import(json, &mut file, |_| false).unwrap();
        assert!(
            told.contains("2 devices") && told.contains("2 names") && told.contains("1 without"),
            "{told}"
        );
        assert!(import("[1, 2]", &mut file, |_| false).is_err());
        assert!(import("nothing", &mut file, |_| false).is_err());
    }
}
