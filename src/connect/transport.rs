//! What server and client strings have in common: certificates, pipes, port ranges, channels of a serial line.
//!
//! Facts from "Activating a debugging server" and "Activating a debugging client" of Microsoft's debugger
//! documentation.

use std::fmt;
use std::path::PathBuf;

use super::error::Error;
use super::grammar::{Spec, value};
use super::options::{Options, Value};
use super::password::Password;
use super::serial::{baud, device};
use super::written::Written;

/// The certificate named by a TLS string: on a server the one to show, on a client the one to expect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// `certuser=`: of the person.
    User(String),
    /// `machuser=`: of the machine.
    Machine(String),
}

/// TCP ports from the first to the last, both included; one port if they are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The lowest, not 0.
    pub first: u16,
    /// The highest, not below the first.
    pub last: u16,
}

/// One session on a serial line that several share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComChannel {
    /// Path of the device.
    pub device: PathBuf,
    /// Bits a second; the same on both sides.
    pub baud: u32,
    /// 0 to 254; the same on both sides.
    pub channel: u8,
}

impl Certificate {
    /// Reads `certuser=` or `machuser=` and checks `proto=`, which has one meaning left: `tls1`, today's TLS.
    pub(super) fn read(options: &Options<'_, '_>) -> Result<Option<Self>, Error> {
        if let Some(proto) = options.value("proto") {
            let dead = ["ssl2", "ssl3", "pct1"]
                .iter()
                .any(|dead| dead.eq_ignore_ascii_case(proto.text));
            if dead {
                return Err(options.bad(
                    proto,
                    "this protocol is broken and gone; tls1 stands for today's TLS",
                ));
            }
            options.choice(proto, &[("tls1", ())])?;
        }
        if let Some(user) = options.value("certuser") {
            options.refuse(&["machuser"], "certuser")?;
            return Ok(Some(Self::User(user.text.to_owned())));
        }
        Ok(options
            .value("machuser")
            .map(|machine| Self::Machine(machine.text.to_owned())))
    }

    pub(super) fn write(certificate: Option<&Self>, written: &mut Written) {
        match certificate {
            None => {}
            Some(Self::User(name)) => {
                written.value("certuser", name);
            }
            Some(Self::Machine(name)) => {
                written.value("machuser", name);
            }
        }
    }
}

impl PortRange {
    /// One port.
    #[must_use]
    pub fn one(port: u16) -> Self {
        Self {
            first: port,
            last: port,
        }
    }

    /// Reads `N` or `LOW:HIGH`.
    pub(super) fn read(options: &Options<'_, '_>, value: Value<'_>) -> Result<Self, Error> {
        let (first, last) = value
            .text
            .split_once(':')
            .unwrap_or((value.text, value.text));
        let port = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|port| digits && *port > 0)
        };
        match (port(first), port(last)) {
            (Some(first), Some(last)) if first <= last => Ok(Self { first, last }),
            (Some(_), Some(_)) => Err(options.bad(value, "the range runs backwards")),
            _ => Err(options.bad(
                value,
                "a port is a number from 1 to 65535, a range two of them as in 5005:5020",
            )),
        }
    }
}

/// `N` or `LOW:HIGH`.
impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}:{}", self.first, self.last)
        }
    }
}

impl ComChannel {
    pub(super) fn read(options: &Options<'_, '_>) -> Result<Self, Error> {
        let port = options.need("port", "port=DEVICE")?;
        let rate = options.need("baud", "baud=N")?;
        let channel = options.need("channel", "channel=N, the same on both sides")?;
        let number = options.number(channel, 0..=u32::from(CHANNEL_MAX), "a channel")?;
        Ok(Self {
            device: session_device(options, port)?,
            baud: baud(options, rate)?,
            channel: u8::try_from(number).expect("the range ends below the largest u8"),
        })
    }

    pub(super) fn write(&self, written: &mut Written) {
        written
            .value("port", self.device.display())
            .value("baud", self.baud)
            .value("channel", self.channel);
    }
}

/// The name of a pipe: a file name that is also safe to hand to a shell. `%d` and `%x` stand for numbers of the
/// process.
pub(super) fn pipe(options: &Options<'_, '_>) -> Result<String, Error> {
    let value = options.need("pipe", "pipe=NAME")?;
    if value.text.len() > PIPE_BYTES_MAX {
        return Err(options.bad(value, "a pipe's name has at most 64 bytes"));
    }
    if value.text.starts_with(['.', '-']) {
        return Err(options.bad(
            value,
            "a pipe's name starts with a letter, a digit or one of `_%`",
        ));
    }
    match value
        .text
        .chars()
        .find(|c| !c.is_ascii_alphanumeric() && !"._-%".contains(*c))
    {
        Some(c) => Err(options.bad(
            value,
            format!("`{c}` is not allowed: a pipe's name has letters, digits and `._-%`"),
        )),
        None => Ok(value.text.to_owned()),
    }
}

/// `ipversion=6`, the only one there is.
pub(super) fn ipv6_only(options: &Options<'_, '_>) -> Result<bool, Error> {
    let given = options
        .value("ipversion")
        .map(|value| options.choice(value, &[("6", true)]))
        .transpose()?;
    Ok(given.unwrap_or(false))
}

pub(super) fn password(options: &Options<'_, '_>) -> Result<Option<Password>, Error> {
    let read =
        |value: Value<'_>| Password::new(value.text).map_err(|reason| options.bad(value, reason));
    options.value("password").map(read).transpose()
}

/// The options of strings over TLS.
pub(super) const TLS: &[Spec] = &[
    value("proto", "tls1"),
    value("certuser", "CERTIFICATE"),
    value("machuser", "CERTIFICATE"),
];

/// The options of strings over a serial line.
pub(super) const COM: &[Spec] = &[
    value("port", "DEVICE"),
    value("baud", "N"),
    value("channel", "N"),
];

/// The option every string takes.
pub(super) const PASSWORD: &[Spec] = &[value("password", "PASSWORD")];

/// Options of `com` that only a target string has.
pub(super) const TARGET_COM: &[&str] = &["pipe", "ipport", "modem", "resets", "reconnect"];

/// Here, other than for a target, a bare number is a device: 2 is com2.
fn session_device(options: &Options<'_, '_>, value: Value<'_>) -> Result<PathBuf, Error> {
    let number = value
        .text
        .parse::<u8>()
        .ok()
        .filter(|_| value.text.bytes().all(|byte| byte.is_ascii_digit()));
    match number {
        Some(number @ 1..) => Ok(PathBuf::from(format!("/dev/ttyS{}", number - 1))),
        _ => device(options, value),
    }
}

/// Highest channel of a shared serial line.
const CHANNEL_MAX: u8 = 254;

/// Longest pipe name. Bytes; with its folder it has to fit the 108 of a Unix socket's address.
const PIPE_BYTES_MAX: usize = 64;
