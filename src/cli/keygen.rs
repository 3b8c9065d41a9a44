//! `kdeck keygen`: its options.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::setup::keygen::Request;

/// New keys for network kernel targets.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Keygen {
    /// How many targets, each with a key and a port of its own
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = super::count())]
    pub count: u16,

    /// First of the consecutive ports
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = super::DEMO_PORT,
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    pub port: u16,

    /// The address of this machine that the targets call [default: the only one it has]
    #[arg(long, value_name = "ADDR")]
    pub host: Option<IpAddr>,

    /// Name of the target; of several, what their names begin with [default: t]
    #[arg(long, value_name = "PREFIX")]
    pub name: Option<String>,

    /// Write the targets to this configuration file, readable by you alone
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,

    /// Replace the file if there is one
    #[arg(long, requires = "out")]
    pub force: bool,
}

impl Keygen {
    /// What is asked for, where `addresses` are those of this machine that targets can call.
    ///
    /// # Errors
    /// No address was given, and there is not exactly one to choose; the message lists them.
    pub fn request(&self, addresses: &[IpAddr]) -> Result<Request, String> {
        let host = match (self.host, addresses) {
            (Some(host), _) | (None, &[host]) => host,
            (None, []) => {
                return Err(
                    "which address do the targets call? This machine has none that is known; say it with --host"
                        .to_owned(),
                );
            }
            (None, several) => {
                let several: Vec<String> = several.iter().map(ToString::to_string).collect();
                return Err(format!(
                    "which address do the targets call? Say it with --host; this machine has {}",
                    several.join(", ")
                ));
            }
        };
        Ok(Request {
            count: self.count,
            port: self.port,
            host,
            name: self.name.clone(),
        })
    }
}
