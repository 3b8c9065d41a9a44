//! Setting up network debugging of Windows kernels: keys and the lines that install them, and what is wrong when a
//! target does not call.
//!
//! Values in, text out; only [`addresses`] and [`secret_file`] touch the machine. The facts are those of Microsoft's pages "Setting up a network debugging connection" and "BCDEdit /dbgsettings".

pub mod addresses;
pub mod bcdedit;
pub mod diagnose;
pub mod keygen;
pub mod secret_file;

use std::fmt;
use std::net::IpAddr;

use crate::config::Severity;

/// Something that stands in the way of a connection, or may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether it certainly does.
    pub severity: Severity,
    /// What is so: one line, no full stop.
    pub what: String,
    /// What to do about it, a line each, most promising first; among them lines to be typed.
    pub remedies: Vec<String>,
}

impl Finding {
    fn error(what: impl Into<String>) -> Self {
        Self::new(Severity::Error, what)
    }

    fn warning(what: impl Into<String>) -> Self {
        Self::new(Severity::Warning, what)
    }

    fn new(severity: Severity, what: impl Into<String>) -> Self {
        Self {
            severity,
            what: what.into(),
            remedies: Vec::new(),
        }
    }

    fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedies.push(remedy.into());
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity, self.what)?;
        for remedy in &self.remedies {
            write!(f, "\n  = {remedy}")?;
        }
        Ok(())
    }
}

/// The line that tells a target about its host; `key` as it is to be typed.
fn settings_line(host: IpAddr, port: u16, key: &str) -> String {
    let option = match host {
        IpAddr::V4(_) => "hostip",
        IpAddr::V6(_) => "hostipv6",
    };
    format!("bcdedit /dbgsettings net {option}:{host} port:{port} key:{key}")
}

/// Switches debugging on; without it the settings do nothing.
const DEBUG_ON: &str = "bcdedit /debug on";
/// Restarts a target, which is when it reads its settings.
const RESTART: &str = "shutdown -r -t 0";
/// Ports that the documentation recommends.
const RECOMMENDED_PORTS: std::ops::RangeInclusive<u16> = 50_000..=50_039;
/// Ports that the documentation allows.
const ALLOWED_PORTS: std::ops::RangeInclusive<u16> = 49_152..=65_535;
