//! What in a target's settings does not match the targets configured here, and the line that repairs it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::addresses::reachable;
use super::super::{ALLOWED_PORTS, DEBUG_ON, Finding, settings_line};
use super::read::Settings;
use crate::connect::{Key, Net};

/// What is known on this side.
#[derive(Clone, Copy, Debug)]
pub struct Host<'a> {
    /// The KDNET targets that are configured, with their names.
    pub targets: &'a [(&'a str, &'a Net)],
    /// All addresses of this machine; empty if they are not known.
    pub addresses: &'a [IpAddr],
}

/// What does not match, worst first, and the name of the target that the settings seem to belong to.
#[must_use]
pub fn compare<'a>(settings: &Settings, host: Host<'a>) -> (Option<&'a str>, Vec<Finding>) {
    if settings.is_empty() {
        let nothing = Finding::error("there is none of bcdedit's settings in it")
            .remedy("save what `bcdedit /dbgsettings` prints, run as administrator on the target");
        return (None, vec![nothing]);
    }
    let port = settings.port.as_deref().map(str::parse::<u16>);
    let key = settings.key.as_ref().map(|key| written_key(&key.0));
    let by_port = port.as_ref().and_then(|port| {
        let port = *port.as_ref().ok()?;
        host.targets.iter().find(|(_, net)| net.port == port)
    });
    let by_key = key.as_ref().and_then(|key| match key {
        WrittenKey::Key(key) => host.targets.iter().find(|(_, net)| net.key == *key),
        _ => None,
    });
    let meant = by_key
        .or(by_port)
        .or(match host.targets {
            [only] => Some(only),
            _ => None,
        })
        .copied();
    let line = Line {
        host: best_address(settings, host.addresses),
        target: meant,
        port: port.as_ref().and_then(|port| port.as_ref().ok().copied()),
    };

    let mut findings = Vec::new();
    check_kind(settings, &line, &mut findings);
    check_host(settings, host.addresses, meant, &line, &mut findings);
    check_port(settings, host.targets, meant, &line, &mut findings);
    check_key(key.as_ref(), by_key, by_port, &line, &mut findings);
    check_rest(settings, &line, &mut findings);
    if host.targets.is_empty() {
        findings.push(
            Finding::warning("no KDNET target is configured here to compare port and key with")
                .remedy("give one: kdeck -k net:port=N,key=K check --bcdedit FILE"),
        );
    }
    findings.sort_by_key(|finding| finding.severity);
    (meant.map(|(name, _)| name), findings)
}

/// The line that sets everything anew.
struct Line<'a> {
    host: Option<IpAddr>,
    target: Option<(&'a str, &'a Net)>,
    port: Option<u16>,
}

impl Line<'_> {
    fn repair(&self) -> String {
        let key = match self.target {
            Some((name, _)) => format!("<the key of {name}>"),
            None => "<the key>".to_owned(),
        };
        let port = self.target.map(|(_, net)| net.port).or(self.port);
        match (self.host, port) {
            (Some(host), Some(port)) => settings_line(host, port, &key),
            (Some(host), None) => settings_line(host, *ALLOWED_PORTS.start(), &key).replace(
                &format!("port:{}", ALLOWED_PORTS.start()),
                "port:<its port>",
            ),
            (None, port) => {
                let port = port.map_or_else(|| "<its port>".to_owned(), |port| port.to_string());
                format!(
                    "bcdedit /dbgsettings net hostip:<address of this machine> port:{port} key:{key}"
                )
            }
        }
    }
}

/// What stands for the key.
enum WrittenKey {
    Key(Key),
    /// Written over, as in `XXXX.XXXX.XXXX.XXXX`.
    Masked,
    Bad(String),
}

fn written_key(text: &str) -> WrittenKey {
    let crossed_out = |c: char| matches!(c, 'x' | 'X' | '*' | '.');
    if text.chars().all(crossed_out) {
        return WrittenKey::Masked;
    }
    match text.parse() {
        Ok(key) => WrittenKey::Key(key),
        Err(fault) => WrittenKey::Bad(fault.to_string()),
    }
}

fn check_kind(settings: &Settings, line: &Line, findings: &mut Vec<Finding>) {
    match settings.kind.as_deref() {
        Some(kind) if kind.eq_ignore_ascii_case("net") => {}
        Some(kind) => findings.push(
            Finding::error(format!(
                "debugtype is {}, not NET: the target does not use the network",
                shown(kind)
            ))
            .remedy(line.repair()),
        ),
        None => findings.push(
            Finding::error("debugtype is missing: it is LOCAL unless it is set")
                .remedy(line.repair()),
        ),
    }
    if settings
        .debug
        .as_deref()
        .is_some_and(|debug| debug.eq_ignore_ascii_case("no"))
    {
        findings.push(
            Finding::error("debug is No: the settings do nothing until it is switched on")
                .remedy(DEBUG_ON),
        );
    }
    if let [first, ..] = settings.repeated[..] {
        findings.push(
            Finding::warning(format!(
                "{first} is there more than once; the first one counts"
            ))
            .remedy("compare one machine at a time"),
        );
    }
}

fn check_host(
    settings: &Settings,
    addresses: &[IpAddr],
    meant: Option<(&str, &Net)>,
    line: &Line,
    findings: &mut Vec<Finding>,
) {
    let written = [
        ("hostip", &settings.host_ip, "0.0.0.0"),
        ("hostipv6", &settings.host_ipv6, "::"),
    ];
    if written.iter().all(|(_, value, _)| value.is_none()) {
        findings.push(
            Finding::error("hostip is missing: the target does not know whom to call")
                .remedy(line.repair()),
        );
    }
    for (name, value, forced) in written {
        let Some(value) = value.as_deref() else {
            continue;
        };
        // A link-local address may name its interface.
        let bare = value.split_once('%').map_or(value, |(bare, _)| bare);
        let address = if name == "hostip" {
            bare.parse().map(IpAddr::V4).ok()
        } else {
            bare.parse().map(IpAddr::V6).ok()
        };
        let Some(address) = address else {
            findings.push(
                Finding::error(format!("{name} {} is no address", shown(value)))
                    .remedy(line.repair()),
            );
            continue;
        };
        if address == USB_ADDRESS {
            findings.push(
                Finding::error(
                    "hostip is 169.254.255.255: kdnet took the USB controller for the network adapter",
                )
                .remedy("on the target: kdnet.exe /busparams <bus.device.function of the adapter> <this machine> <port>"),
            );
        } else if address.is_loopback() || address.is_unspecified() {
            findings.push(
                Finding::error(format!(
                    "{name} {address} leads nowhere: a target that calls it calls itself"
                ))
                .remedy(line.repair()),
            );
        } else if !addresses.is_empty() && !addresses.contains(&address) {
            let own = reachable(addresses);
            let own: Vec<String> = own.iter().map(ToString::to_string).collect();
            findings.push(
                Finding::error(format!(
                    "{name} {address} is no address of this machine, which has {}",
                    if own.is_empty() {
                        "none that can be reached".to_owned()
                    } else {
                        own.join(", ")
                    }
                ))
                .remedy(line.repair()),
            );
        }
        // The other family forced on the host's side.
        if let Some((target, net)) = meant
            && let Some(only @ ("0.0.0.0" | "::")) = net.target.as_deref()
            && only != forced
        {
            findings.push(
                Finding::error(format!(
                    "{name} is set, but target={only} of {target} keeps the host from hearing it"
                ))
                .remedy(format!("take target={only} out of its connection string"))
                .remedy(line.repair()),
            );
        }
    }
}

fn check_port(
    settings: &Settings,
    targets: &[(&str, &Net)],
    meant: Option<(&str, &Net)>,
    line: &Line,
    findings: &mut Vec<Finding>,
) {
    let configured = |found: &str| {
        let finding = match meant {
            Some((name, net)) => Finding::error(format!(
                "{found}, but {name} is waited for on port {}",
                net.port
            )),
            None if targets.is_empty() => return None,
            None => Finding::error(format!("{found}, on which no target is configured here"))
                .remedy(
                    "add one for it, as in -k net:port=N,key=K, or change the port of the target",
                ),
        };
        Some(finding.remedy(line.repair()))
    };
    match settings.port.as_deref() {
        None => {
            let default = format!("port is missing, so that it is {DEFAULT_PORT}");
            let same = meant.is_some_and(|(_, net)| net.port == DEFAULT_PORT);
            findings.extend(configured(&default).filter(|_| !same));
        }
        Some(text) => match text.parse::<u16>() {
            Ok(port) if port != 0 => {
                if meant.is_none_or(|(_, net)| net.port != port) {
                    findings.extend(configured(&format!("port is {port}")));
                }
                if !ALLOWED_PORTS.contains(&port) && port != DEFAULT_PORT {
                    findings.push(Finding::warning(format!(
                        "port {port} is outside {}-{}, which the documentation allows",
                        ALLOWED_PORTS.start(),
                        ALLOWED_PORTS.end()
                    )));
                }
            }
            _ => findings.push(
                Finding::error(format!("port {} is none", shown(text))).remedy(line.repair()),
            ),
        },
    }
}

fn check_key(
    key: Option<&WrittenKey>,
    by_key: Option<&(&str, &Net)>,
    by_port: Option<&(&str, &Net)>,
    line: &Line,
    findings: &mut Vec<Finding>,
) {
    match (key, by_key, by_port) {
        (None, ..) => findings.push(
            Finding::error("key is missing: the network was never set up, or the key is not shown")
                .remedy("run bcdedit as administrator")
                .remedy(line.repair()),
        ),
        (Some(WrittenKey::Masked), ..) => findings.push(
            Finding::warning("key is written over and cannot be compared")
                .remedy("compare it by eye on the target, as administrator: bcdedit /dbgsettings"),
        ),
        (Some(WrittenKey::Bad(fault)), ..) => {
            findings.push(Finding::error(format!("key: {fault}")).remedy(line.repair()));
        }
        // By the key it is one target, by the port another.
        (Some(WrittenKey::Key(_)), Some((owner, _)), Some((name, net))) if owner != name => {
            // The key is told by what it belongs to, and the port was found to be wrong already.
            findings.push(
                Finding::error(format!(
                    "port {} is that of {name}, but the key is that of {owner}",
                    net.port
                ))
                .remedy(line.repair()),
            );
        }
        (Some(WrittenKey::Key(_)), None, Some((name, _))) => findings.push(
            Finding::error(format!("key is not the one configured for {name}"))
                .remedy(line.repair())
                .remedy(format!("or give kdeck the target's: key= of {name}")),
        ),
        (Some(WrittenKey::Key(_)), None, None) if line.target.is_some() => findings
            .push(Finding::error("key is none that is configured here").remedy(line.repair())),
        (Some(WrittenKey::Key(_)), ..) => {}
    }
}

fn check_rest(settings: &Settings, line: &Line, findings: &mut Vec<Finding>) {
    if settings
        .dhcp
        .as_deref()
        .is_some_and(|dhcp| dhcp.eq_ignore_ascii_case("no"))
    {
        findings.push(
            Finding::warning(
                "dhcp is No: the target gives itself an address of 169.254.0.0/16, which only its own switch reaches",
            )
            .remedy(format!("where there is a DHCP server: {}", line.repair())),
        );
    }
    match settings.busparams.as_deref() {
        None => findings.push(
            Finding::warning(
                "busparams is missing: of several network adapters the wrong one may be taken",
            )
            .remedy("bcdedit /set \"{dbgsettings}\" busparams <bus.device.function, decimal>"),
        ),
        Some(text) if three_decimals(text) => {}
        Some(text) => {
            let finding = Finding::error(format!(
                "busparams {} is not three decimal numbers with dots between them",
                shown(text)
            ));
            let meant =
                three_hexadecimals(text).unwrap_or_else(|| "<bus.device.function>".to_owned());
            findings.push(finding.remedy(format!(
                "bcdedit /set \"{{dbgsettings}}\" busparams {meant}"
            )));
        }
    }
}

fn three_decimals(text: &str) -> bool {
    let mut parts = text.split('.');
    let decimal = |part: Option<&str>| part.is_some_and(|part| part.parse::<u16>().is_ok());
    decimal(parts.next())
        && decimal(parts.next())
        && decimal(parts.next())
        && parts.next().is_none()
}

/// Three hexadecimal numbers, made decimal.
fn three_hexadecimals(text: &str) -> Option<String> {
    let decimal = |part: &str| {
        let digits = part.trim_start_matches("0x").trim_start_matches("0X");
        let number = u16::from_str_radix(digits, 16).ok()?;
        Some(number.to_string())
    };
    let parts: Option<Vec<String>> = text.split('.').map(decimal).collect();
    parts
        .filter(|parts| parts.len() == 3)
        .map(|parts| parts.join("."))
}

/// The address to tell the target: the one it knows if that is ours, else the one most like it.
fn best_address(settings: &Settings, addresses: &[IpAddr]) -> Option<IpAddr> {
    let v4 = settings.host_ip.as_deref();
    let known: Option<Ipv4Addr> = v4.and_then(|text| text.parse().ok());
    let known6: Option<Ipv6Addr> = settings
        .host_ipv6
        .as_deref()
        .and_then(|text| text.parse().ok());
    let own = reachable(addresses);
    let alike = |own: &IpAddr| match (own, known, known6) {
        (IpAddr::V4(own), Some(known), _) => (own.to_bits() ^ known.to_bits()).leading_zeros(),
        (IpAddr::V6(own), None, Some(known)) => {
            32 + (own.to_bits() ^ known.to_bits()).leading_zeros()
        }
        _ => 0,
    };
    // Of those that are as good, the first.
    own.iter().rev().max_by_key(|own| alike(own)).copied()
}

/// A value as part of a sentence: in quotes, its control characters harmless, cut where it is long.
fn shown(text: &str) -> String {
    let cut: String = text.chars().take(SHOWN_CHARACTERS).collect();
    format!("{cut:?}")
}

/// What kdnet sets when it takes USB for the network.
const USB_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 255, 255));
/// The port of a target that was told none.
const DEFAULT_PORT: u16 = 5364;
/// How much of a value is shown: more than any right one has.
const SHOWN_CHARACTERS: usize = 48;

#[cfg(test)]
mod tests;
