//! The string of the debug-and-chat port: where people with `nc` or PuTTY come in (`.chatport`).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use super::error::Error;
use super::family::Family;
use super::grammar::{Kind, Source, value};
use super::host::{address, port};
use super::options::Options;
use super::written::Written;

/// The port of the remote debuggers whose users this one is for.
pub const CHAT_PORT: u16 = 3014;

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatPort {
    /// TCP port for logs, commands and chat.
    pub port: u16,
    /// TCP port for chat alone.
    pub chat_port: Option<u16>,
    /// The address to listen on. Without a password and in clear: this machine alone unless told otherwise.
    pub address: IpAddr,
}

impl FromStr for ChatPort {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let source = Source::new(text, Family::ChatPort)?;
        let (kind, rest) = source.split()?;
        if !kind.text.eq_ignore_ascii_case(TCP.name) {
            return Err(source.unknown_kind(kind, &["tcp"]));
        }
        let options = Options::read(&source, rest, &TCP)?;
        let first = options.value("port").map(|value| port(&options, value));
        let first = first.transpose()?.unwrap_or(CHAT_PORT);
        let second = options.value("chatport");
        let chat_port = second.map(|value| port(&options, value)).transpose()?;
        if let (Some(value), Some(_)) = (second, chat_port.filter(|second| *second == first)) {
            return Err(options.bad(value, "that is the other port already"));
        }
        let bind = options.value("address");
        let bind = bind.map(|value| address(&options, value)).transpose()?;
        Ok(Self {
            port: first,
            chat_port,
            address: bind.unwrap_or(LOOPBACK),
        })
    }
}

impl fmt::Display for ChatPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut written = Written::new(TCP.name);
        written
            .value("port", self.port)
            .some("chatport", self.chat_port)
            .unless("address", self.address, LOOPBACK);
        f.write_str(&written.whole())
    }
}

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

const TCP: Kind = Kind {
    name: "tcp",
    example: "tcp:port=3014",
    forms: &[("address", "tcp:port=3014,address=0.0.0.0")],
    options: &[&[
        value("port", "N"),
        value("chatport", "N"),
        value("address", "ADDRESS"),
    ]],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_this_machine_alone_unless_told_otherwise() {
        let port: ChatPort = "tcp:port=4000".parse().unwrap();
        assert!(port.address.is_loopback());
        assert_eq!("tcp:".parse::<ChatPort>().unwrap().port, CHAT_PORT);
        for string in [
            "tcp:port=3014",
            "tcp:port=3014,chatport=3015",
            "tcp:port=3014,chatport=3015,address=0.0.0.0",
            "tcp:port=3014,address=::",
        ] {
            let port: ChatPort = string.parse().unwrap();
            assert_eq!(port.to_string(), string);
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for bad in [
            "",
            "3014",
            "ssl:port=3014",
            "tcp:port=70000",
            "tcp:port=1,chatport=1",
            "tcp:port=3014,address=lab1",
            "tcp:port=3014,password=x",
        ] {
            assert!(bad.parse::<ChatPort>().is_err(), "{bad}");
        }
    }
}
