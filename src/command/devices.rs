//! Commands about the debug-and-chat port and its devices.

use std::path::Path;

use super::{Call, Replies, Reply, ready};
use crate::connect::ChatPort;
use crate::rack::Pattern;
use crate::session::devices::{DeviceEntry, Devices};

/// What `.device` can do.
const VERBS: &str = "say .device kick|block|unblock|mute|unmute NAME, or .device import FILE";

/// `.chatport [STRING|off]`
pub(super) fn chat_port(call: Call) -> Replies {
    let host = match call.host() {
        Ok(host) => host.clone(),
        Err(reason) => return ready(Err(reason)),
    };
    let devices = host.devices();
    match call.argument.as_str() {
        "" => ready(Ok(devices.describe())),
        "off" if devices.close() => ready(Ok("the chat port is closed".to_owned())),
        "off" => ready(Err("the chat port is not open".to_owned())),
        string => match string.parse::<ChatPort>() {
            Ok(port) => {
                let devices = devices.clone();
                Box::pin(async move { vec![Reply::new(devices.open(&port).await)] })
            }
            Err(error) => ready(Err(error.to_string())),
        },
    }
}

/// `.devices`
pub(super) fn list(call: Call) -> Replies {
    with_devices(&call, |devices| devices.list().map(|list| table(&list)))
}

fn table(devices: &[DeviceEntry]) -> String {
    if devices.is_empty() {
        return "no devices; they come in by .chatport tcp:port=3014".to_owned();
    }
    let width = |of: fn(&DeviceEntry) -> &str| {
        let widths = devices.iter().map(|device| of(device).chars().count());
        widths.max().unwrap_or(0)
    };
    let (addresses, names) = (width(|d| &d.address), width(|d| &d.name));
    let line = |device: &DeviceEntry| {
        let mut words = Vec::new();
        if let Some(since) = device.since {
            let since = since.timestamp().to_zoned(jiff::tz::TimeZone::system());
            let times = match device.connections {
                1 => String::new(),
                count => format!(" {count} times"),
            };
            words.push(format!(
                "connected{times} since {}",
                since.strftime("%H:%M:%S")
            ));
        }
        let marks = [(device.blocked, "blocked"), (device.muted, "muted")];
        let marks = marks.into_iter().filter(|(on, _)| *on);
        words.extend(marks.map(|(_, word)| word.to_owned()));
        let (address, name, words) = (&device.address, &device.name, words.join(", "));
        let line = format!("{address:addresses$}  {name:names$}  {words}");
        line.trim_end().to_owned()
    };
    devices.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// `.device VERB WHO`
pub(super) fn device(call: Call) -> Replies {
    let (verb, who) = call
        .argument
        .split_once(' ')
        .unwrap_or((&call.argument, ""));
    let who = who.trim().to_owned();
    if who.is_empty() {
        return ready(Err(VERBS.to_owned()));
    }
    match verb {
        "kick" => with_devices(&call, move |devices| devices.kick(&who)),
        "block" => with_devices(&call, move |devices| devices.block(&who, true)),
        "unblock" => with_devices(&call, move |devices| devices.block(&who, false)),
        "mute" => with_devices(&call, move |devices| devices.mute(&who, true)),
        "unmute" => with_devices(&call, move |devices| devices.mute(&who, false)),
        "import" => with_devices(&call, move |devices| devices.import(Path::new(&who))),
        _ => ready(Err(format!("{verb}? {VERBS}"))),
    }
}

/// Does something with the devices that may read and write files.
fn with_devices(
    call: &Call,
    act: impl FnOnce(&Devices) -> Result<String, String> + Send + 'static,
) -> Replies {
    let devices = match call.host() {
        Ok(host) => host.devices().clone(),
        Err(reason) => return ready(Err(reason)),
    };
    Box::pin(async move {
        let acted = tokio::task::spawn_blocking(move || act(&devices)).await;
        vec![Reply::new(acted.unwrap_or_else(|_| {
            Err("that failed inside; the program's log tells more".to_owned())
        }))]
    })
}

/// `.broadcast [NAME on|off]`, or with targets addressed `.broadcast on|off`
pub(super) fn broadcast(call: Call) -> Replies {
    ready(change_broadcast(&call))
}

fn change_broadcast(call: &Call) -> Result<String, String> {
    let host = call.host()?;
    let (devices, rack) = (host.devices(), host.rack());
    if !call.argument.is_empty() {
        let (names, word) = match call.argument.split_once(' ') {
            Some((name, word)) => (vec![name.trim_start_matches('@')], word.trim()),
            None => {
                let names = call.targets.iter().map(|target| target.name.as_str());
                (names.collect(), call.argument.as_str())
            }
        };
        let on = match word {
            "on" => true,
            "off" => false,
            _ => return Err("say .broadcast NAME on, or off".to_owned()),
        };
        let pattern = Pattern::new(&names.join(",")).ok_or(super::line::NOBODY)?;
        if let Some(part) = pattern.unmatched(rack.targets()) {
            return Err(format!("no target or group is called {part}"));
        }
        devices.broadcast(pattern, on)?;
    }
    let names = devices.broadcasting(&rack);
    Ok(if names.is_empty() {
        "devices see the events of all targets, and the output of those that they watch".to_owned()
    } else {
        format!("devices see all that these print: {}", names.join(" "))
    })
}
