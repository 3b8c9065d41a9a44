//! New keys for one target or a rack, and everything that has to be typed because of them.
//!
//! Random bytes are given by the caller; files are written by the caller.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::{ALLOWED_PORTS, DEBUG_ON, RECOMMENDED_PORTS, RESTART, settings_line};
use crate::connect::{Key, NameFault, check_name};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// How many targets, at least one.
    pub count: u16,
    /// The first of their consecutive ports.
    pub port: u16,
    /// The address of this machine that the targets are told.
    pub host: IpAddr,
    /// The name of a single target, or what all names begin with.
    pub name: Option<String>,
}

/// Targets to be, each with a key of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rack {
    host: IpAddr,
    targets: Vec<NewTarget>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct NewTarget {
    name: String,
    port: u16,
    key: Key,
}

/// Why there are no keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeygenError {
    /// No port can be so large, or is 0.
    #[error("{count} targets from port {port} on need ports up to {last}: there are 1 to 65535")]
    Ports {
        /// How many were asked for.
        count: u16,
        /// The first port.
        port: u16,
        /// The last that would be needed.
        last: u32,
    },
    /// A target cannot be called that.
    #[error("the name `{name}`: {fault}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        fault: NameFault,
    },
    /// Nothing calls such an address from outside.
    #[error(
        "{0} is no address of this machine that a target could call; --host takes the address of \
         the interface that leads to the targets"
    )]
    Host(IpAddr),
}

impl Rack {
    /// New targets, their keys made of what `random` fills in.
    ///
    /// # Errors
    /// What was asked for cannot be.
    pub fn new(request: &Request, random: &mut dyn FnMut(&mut [u8])) -> Result<Self, KeygenError> {
        let Request {
            count, port, host, ..
        } = *request;
        if host.is_loopback() || host.is_unspecified() || host.is_multicast() {
            return Err(KeygenError::Host(host));
        }
        let last = u32::from(port) + u32::from(count.max(1)) - 1;
        if port == 0 || u16::try_from(last).is_err() {
            return Err(KeygenError::Ports { count, port, last });
        }
        let mut targets = Vec::new();
        for (index, port) in (0..count).zip(port..=u16::MAX) {
            let name = request.name_of(index);
            if let Err(fault) = check_name(&name) {
                return Err(KeygenError::Name { name, fault });
            }
            let parts = [(); 4].map(|()| {
                let mut bytes = [0; 8];
                random(&mut bytes);
                u64::from_le_bytes(bytes)
            });
            targets.push(NewTarget {
                name,
                port,
                key: Key::new(parts),
            });
        }
        Ok(Self { host, targets })
    }

    /// What to type at each target and on this host. Shows the keys: that is what it is for.
    ///
    /// `file` is the configuration that has them too, if it was written.
    #[must_use]
    pub fn instructions(&self, file: Option<&str>) -> String {
        let mut text = String::new();
        let mut line = |line: &str| {
            text.push_str(line);
            text.push('\n');
        };
        line("On the target, in a command prompt run as administrator, while kdeck waits:");
        for target in &self.targets {
            let key = target.key.to_string();
            line("");
            if self.targets.len() > 1 {
                line(&format!("  rem {}", target.name));
            }
            line(&format!("  {DEBUG_ON}"));
            line(&format!(
                "  {}",
                settings_line(self.host, target.port, &key)
            ));
            line(&format!("  {RESTART}"));
        }
        line("");
        line(BUSPARAMS_HINT);
        line("");
        line("On this host, before that:");
        line("");
        match (file, self.targets.as_slice()) {
            (Some(file), _) => line(&format!("  kdeck --config {file}")),
            (None, [target]) => line(&format!("  kdeck -k {}", target.connect(true))),
            (None, _) => {
                line("  kdeck, with this in its kdeck.toml (readable by you alone):");
                line("");
                line(self.toml().trim_end());
            }
        }
        text
    }

    /// A configuration file with these targets. Has the keys in it.
    #[must_use]
    pub fn toml(&self) -> String {
        let mut text = String::new();
        for target in &self.targets {
            let NewTarget { name, .. } = target;
            let connect = target.connect(false);
            if !text.is_empty() {
                text.push('\n');
            }
            writeln!(
                text,
                "[[target]]\nname = \"{name}\"\nconnect = \"{connect}\""
            )
            .expect("a string takes every line");
        }
        text
    }

    /// What may go wrong with the ports, a line each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let ports = || self.targets.iter().map(|target| target.port);
        let mut warnings = Vec::new();
        let refused = span(ports().filter(|port| !ALLOWED_PORTS.contains(port)));
        if let Some(refused) = refused {
            warnings.push(format!(
                "{refused}: the documentation allows {}-{} only, and targets may refuse others",
                ALLOWED_PORTS.start(),
                ALLOWED_PORTS.end()
            ));
        }
        let unusual = ports()
            .filter(|port| ALLOWED_PORTS.contains(port) && !RECOMMENDED_PORTS.contains(port));
        if let Some(unusual) = span(unusual) {
            warnings.push(format!(
                "{unusual}: beyond {}-{}, which the documentation recommends; they work, but see that firewalls let \
                 them through",
                RECOMMENDED_PORTS.start(),
                RECOMMENDED_PORTS.end()
            ));
        }
        if matches!(self.host, IpAddr::V4(host) if host.is_link_local()) {
            warnings.push(format!(
                "{}: an address that is not routed; only targets on the same switch reach it",
                self.host
            ));
        }
        warnings
    }
}

impl Request {
    fn name_of(&self, index: u16) -> String {
        match &self.name {
            Some(name) if self.count == 1 => name.clone(),
            prefix => {
                let prefix = prefix.as_deref().unwrap_or(PREFIX);
                let width = (self.count - 1).to_string().len().max(2);
                format!("{prefix}{index:0width$}")
            }
        }
    }
}

impl NewTarget {
    fn connect(&self, named: bool) -> String {
        let name = if named {
            format!(",name={}", self.name)
        } else {
            String::new()
        };
        format!("net:port={},key={}{name}", self.port, self.key)
    }
}

/// "port 50040" or "ports 50040-50099", from the first to the last.
fn span(ports: impl Iterator<Item = u16>) -> Option<String> {
    let (first, last) = ports.fold(None, |span, port| {
        Some((span.map_or(port, |(first, _)| first), port))
    })?;
    Some(if first == last {
        format!("port {first}")
    } else {
        format!("ports {first}-{last}")
    })
}

/// What names begin with unless something else is asked for.
const PREFIX: &str = "t";

const BUSPARAMS_HINT: &str = "\
A target with several network adapters has to be told which one, in decimal (bus.device.function, as in
1.0.0; PowerShell's Get-NetAdapterHardwareInfo shows them):

  bcdedit /set \"{dbgsettings}\" busparams B.D.F";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::connect::{TargetLink, TargetString};

    fn request(count: u16, port: u16) -> Request {
        Request {
            count,
            port,
            host: "10.0.0.2".parse().unwrap(),
            name: None,
        }
    }

    fn rack(request: &Request) -> Result<Rack, KeygenError> {
        let mut random = fastrand::Rng::with_seed(1);
        Rack::new(request, &mut |bytes| random.fill(bytes))
    }

    #[test]
    fn a_single_target_gets_its_lines_and_its_connection_string() {
        let text = rack(&Request {
            name: Some("web01".to_owned()),
            ..request(1, 50000)
        })
        .unwrap()
        .instructions(None);
        let line = |start: &str| {
            let mut lines = text.lines().map(str::trim);
            lines
                .find_map(|line| line.strip_prefix(start).map(str::to_owned))
                .unwrap_or_else(|| panic!("{start}: {text}"))
        };
        let key = line("bcdedit /dbgsettings net hostip:10.0.0.2 port:50000 key:");
        let target: TargetString = line("kdeck -k ").parse().unwrap();
        assert_eq!(target.name.as_deref(), Some("web01"));
        let TargetLink::Net(net) = target.link else {
            panic!("{target:?}")
        };
        assert_eq!((net.port, net.key), (50000, key.parse().unwrap()));
        assert!(text.contains("bcdedit /debug on") && text.contains("shutdown -r -t 0"));
    }

    #[test]
    fn a_host_with_an_ipv6_address_is_named_as_such() {
        let rack = rack(&Request {
            host: "2001:db8::7".parse().unwrap(),
            ..request(1, 50000)
        });
        let text = rack.unwrap().instructions(None);
        assert!(
            text.contains("net hostipv6:2001:db8::7 port:50000"),
            "{text}"
        );
    }

    #[test]
    fn a_racks_configuration_is_in_order_and_has_a_key_for_each_target() {
        let rack = rack(&request(100, 50000)).unwrap();
        let (config, _) = Config::from_str("kdeck.toml", &rack.toml(), &()).unwrap();
        let names: Vec<&str> = config.targets.iter().map(|t| t.name.as_str()).collect();
        assert_eq!((names.first(), names.last()), (Some(&"t00"), Some(&"t99")));
        let mut keys = Vec::new();
        for (target, port) in config.targets.iter().zip(50000..) {
            let TargetLink::Net(net) = &target.connect.link else {
                panic!("{target:?}")
            };
            assert_eq!(net.port, port);
            assert!(!keys.contains(&net.key));
            keys.push(net.key);
        }
        assert_eq!(keys.len(), 100);
        let text = rack.instructions(Some("rack.toml"));
        assert_eq!(text.matches("port:").count(), 100);
        assert!(text.contains("kdeck --config rack.toml"));
        assert!(!text.contains("[[target]]"));
        assert!(rack.instructions(None).contains("[[target]]"));
    }

    #[test]
    fn ports_outside_what_is_recommended_or_allowed_are_warned_of() {
        let warnings = |count, port| rack(&request(count, port)).unwrap().warnings();
        assert!(warnings(40, 50000).is_empty());
        let [beyond] = &warnings(100, 50000)[..] else {
            panic!()
        };
        assert!(beyond.starts_with("ports 50040-50099: beyond 50000-50039"));
        let [outside, beyond] = &warnings(2, 49151)[..] else {
            panic!()
        };
        assert!(outside.starts_with("port 49151: the documentation allows 49152-65535"));
        assert!(beyond.starts_with("port 49152: beyond"));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert_eq!(
            rack(&request(2, 65535)),
            Err(KeygenError::Ports {
                count: 2,
                port: 65535,
                last: 65536
            })
        );
        assert!(rack(&request(1, 65535)).is_ok());
        assert!(matches!(
            rack(&request(1, 0)),
            Err(KeygenError::Ports { .. })
        ));
        let named = Request {
            name: Some("a b".to_owned()),
            ..request(1, 50000)
        };
        assert!(matches!(rack(&named), Err(KeygenError::Name { .. })));
        let host = "127.0.0.1".parse().unwrap();
        let loopback = Request {
            host,
            ..request(1, 50000)
        };
        assert_eq!(rack(&loopback), Err(KeygenError::Host(host)));
    }
}
