//! Server strings: how a debugging server lets clients in (`-server`).
//!
//! Facts from "Activating a debugging server" of Microsoft's debugger documentation.

use std::fmt;
use std::str::FromStr;

use super::error::{Error, Fault};
use super::family::{Family, not_a_session, or_a_kernel};
use super::grammar::{Kind, Source, Spanned, Spec, find_option, flag, value};
use super::host::{host, port};
use super::options::Options;
use super::password::Password;
use super::target::TARGET_KINDS;
use super::transport::{
    COM, Certificate, ComChannel, PASSWORD, PortRange, TARGET_COM, TLS, ipv6_only, password, pipe,
};
use super::written::Written;

/// A server to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerString {
    /// How clients come in.
    pub transport: ServerTransport,
    /// What they have to know; `None` if nothing was said about it.
    pub password: Option<Password>,
    /// What they have to know to watch only; our own.
    pub viewpassword: Option<Password>,
    /// Kept out of the lists of servers.
    pub hidden: bool,
    /// `IcfEnable`: on Windows, opens the firewall.
    pub icf_enable: bool,
    /// `server=`, which belongs to the client's string. People write it here too; it has no effect.
    pub server: Option<String>,
}

/// How clients come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerTransport {
    /// TCP.
    Tcp {
        /// Who dials.
        listen: Listen,
        /// `ipversion=6`.
        ipv6_only: bool,
    },
    /// A Unix socket of this machine.
    Npipe {
        /// Its name; `%d` and `%x` stand for numbers of the process.
        pipe: String,
    },
    /// TLS over a Unix socket of this machine.
    Spipe {
        /// The certificate to show; the server's own if `None`.
        certificate: Option<Certificate>,
        /// The socket's name.
        pipe: String,
    },
    /// TLS over TCP.
    Ssl {
        /// The certificate to show; the server's own if `None`.
        certificate: Option<Certificate>,
        /// Who dials.
        listen: Listen,
    },
    /// A channel of a serial line.
    Com(ComChannel),
}

/// Who dials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Clients do; the first free port is taken.
    On(PortRange),
    /// The server does, for one client that waits (`clicon=`).
    Call {
        /// Where the client waits.
        host: String,
        /// Its port.
        port: u16,
    },
}

impl ServerString {
    /// The form for lists: capitals as debuggers print them, `Password=*`.
    #[must_use]
    pub fn masked(&self) -> String {
        self.write(false).listed()
    }

    /// The string with which clients join this server of the machine `server`, as debuggers print it: the address, the
    /// password (in clear if `reveal`), the machine where one is needed. `None` if it is the server that dials.
    #[must_use]
    pub fn for_clients(&self, server: &str, reveal: bool) -> Option<String> {
        let mut written = match &self.transport {
            ServerTransport::Tcp {
                listen: Listen::Call { .. },
                ..
            }
            | ServerTransport::Ssl {
                listen: Listen::Call { .. },
                ..
            } => return None,
            _ => self.write_transport(),
        };
        written.password(self.password.as_ref());
        let here = !matches!(self.transport, ServerTransport::Com(_));
        written.some("server", here.then_some(server));
        Some(if reveal {
            written.pasted()
        } else {
            written.listed()
        })
    }

    /// The string with which clients join a server on a pipe of the machine `server` through its SSH server.
    #[must_use]
    pub fn for_clients_by_ssh(&self, server: &str, reveal: bool) -> Option<String> {
        let ServerTransport::Npipe { pipe } = &self.transport else {
            return None;
        };
        let mut written = Written::new("ssh");
        written.value("server", server).value("pipe", pipe);
        written.password(self.password.as_ref());
        Some(if reveal {
            written.pasted()
        } else {
            written.listed()
        })
    }

    /// What is odd about it, though it works. Whole sentences without their full stop.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(server) = &self.server {
            warnings.push(format!(
                "server={server} belongs to the client's string and has no effect here"
            ));
        }
        if self.icf_enable {
            warnings.push(
                "IcfEnable opens the firewall of Windows; here, open the port in your own"
                    .to_owned(),
            );
        }
        warnings
    }

    fn write_transport(&self) -> Written {
        match &self.transport {
            ServerTransport::Tcp { listen, ipv6_only } => {
                let mut written = Written::new("tcp");
                listen.write(&mut written);
                written.some("ipversion", ipv6_only.then_some(6));
                written
            }
            ServerTransport::Npipe { pipe } => {
                let mut written = Written::new("npipe");
                written.value("pipe", pipe);
                written
            }
            ServerTransport::Spipe { certificate, pipe } => {
                let mut written = Written::new("spipe");
                Certificate::write(certificate.as_ref(), &mut written);
                written.value("pipe", pipe);
                written
            }
            ServerTransport::Ssl {
                certificate,
                listen,
            } => {
                let mut written = Written::new("ssl");
                Certificate::write(certificate.as_ref(), &mut written);
                listen.write(&mut written);
                written
            }
            ServerTransport::Com(channel) => {
                let mut written = Written::new("com");
                channel.write(&mut written);
                written
            }
        }
    }

    fn write(&self, with_server: bool) -> Written {
        let mut written = self.write_transport();
        written.password(self.password.as_ref());
        if let Some(password) = &self.viewpassword {
            written.secret("viewpassword", password.written());
        }
        written
            .flag("hidden", self.hidden)
            .flag("IcfEnable", self.icf_enable);
        written.some("server", self.server.as_ref().filter(|_| with_server));
        written
    }
}

impl Listen {
    fn read(options: &Options<'_, '_>) -> Result<Self, Error> {
        let ports = options.need("port", "port=N")?;
        let Some(client) = options.value("clicon") else {
            return PortRange::read(options, ports).map(Self::On);
        };
        options.refuse(&["hidden", "IcfEnable", "server"], "clicon")?;
        if ports.text.contains(':') {
            return Err(options.bad(
                ports,
                "with clicon the server dials, so it needs one port; the client may search a range",
            ));
        }
        Ok(Self::Call {
            host: host(options, client)?,
            port: port(options, ports)?,
        })
    }

    fn write(&self, written: &mut Written) {
        match self {
            Self::On(ports) => written.value("port", ports),
            Self::Call { host, port } => written.value("port", port).value("clicon", host),
        };
    }
}

impl FromStr for ServerString {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let source = Source::new(text, Family::Server)?;
        let (kind, rest) = source.split()?;
        match kind.text.to_ascii_lowercase().as_str() {
            "tcp" => read(&source, rest, &TCP),
            "npipe" => read(&source, rest, &NPIPE),
            "spipe" => read(&source, rest, &SPIPE),
            "ssl" => read(&source, rest, &SSL),
            "com" => match find_option(rest, TARGET_COM) {
                Some(option) => Err(not_a_session(&source, option, Family::Server)),
                None if find_option(rest, &["channel"]).is_none() => {
                    read(&source, rest, &COM_SERVER).map_err(|error| or_a_kernel(&source, error))
                }
                None => read(&source, rest, &COM_SERVER),
            },
            "ssh" => Err(source
                .error(
                    kind.span(),
                    Fault::Refused("ssh opens no server of its own: it joins one that listens on a pipe of its machine"),
                )
                .with_note(format!("server: {}", Family::Server.command_line("npipe:pipe=lab")))
                .with_note(format!("client: {}", Family::Client.command_line("ssh:server=lab01,pipe=lab")))),
            other if other == "kdsrv" || TARGET_KINDS.contains(&other) => Err(not_a_session(&source, kind, Family::Server)),
            _ => Err(source.unknown_kind(kind, SERVER_KINDS)),
        }
    }
}

/// Reads back as the same value, and so holds the password: for a command line to paste, never for a list or a log
/// ([`ServerString::masked`]).
impl fmt::Display for ServerString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.write(true).whole())
    }
}

fn read(
    source: &Source<'_>,
    rest: Spanned<'_>,
    kind: &'static Kind,
) -> Result<ServerString, Error> {
    let options = Options::read(source, rest, kind)?;
    let transport = match kind.name {
        "tcp" => ServerTransport::Tcp {
            listen: Listen::read(&options)?,
            ipv6_only: ipv6_only(&options)?,
        },
        "npipe" => ServerTransport::Npipe {
            pipe: pipe(&options)?,
        },
        "spipe" => ServerTransport::Spipe {
            certificate: Certificate::read(&options)?,
            pipe: pipe(&options)?,
        },
        "ssl" => ServerTransport::Ssl {
            certificate: Certificate::read(&options)?,
            listen: Listen::read(&options)?,
        },
        _ => ServerTransport::Com(ComChannel::read(&options)?),
    };
    Ok(ServerString {
        transport,
        password: password(&options)?,
        viewpassword: viewpassword(&options)?,
        hidden: options.has("hidden"),
        icf_enable: options.has("IcfEnable"),
        server: options
            .value("server")
            .map(|value| host(&options, value))
            .transpose()?,
    })
}

/// The observers' password, which makes sense only where operators have to know one that is not the same.
fn viewpassword(options: &Options<'_, '_>) -> Result<Option<Password>, Error> {
    let Some(value) = options.value("viewpassword") else {
        return Ok(None);
    };
    let password = Password::new(value.text).map_err(|reason| options.bad(value, reason))?;
    if password.reveal().is_none() {
        return Err(options.bad(
            value,
            "watching without a password is not served; leave password= out and give observers one of their own",
        ));
    }
    match options.value("password") {
        Some(operators) if operators.text == "none" => Err(options.bad(
            value,
            "with password=none anybody may join as an operator; give operators a password as well",
        )),
        Some(operators) if operators.text == value.text => Err(options.bad(
            value,
            "the same as password=: operators and observers are told apart by theirs",
        )),
        _ => Ok(Some(password)),
    }
}

const SERVER_KINDS: &[&str] = &["tcp", "npipe", "spipe", "ssl", "com"];

const TCP: Kind = Kind {
    name: "tcp",
    example: "tcp:port=5005,password=Lab12",
    forms: &[("clicon", "tcp:port=5005,clicon=lab02")],
    options: &[
        PORT,
        &[value("ipversion", "6"), flag("IcfEnable")],
        COMMON,
        PASSWORD,
    ],
};
const NPIPE: Kind = Kind {
    name: "npipe",
    example: "npipe:pipe=lab",
    forms: &[],
    options: &[
        &[value("pipe", "NAME"), flag("IcfEnable")],
        COMMON,
        PASSWORD,
    ],
};
const SPIPE: Kind = Kind {
    name: "spipe",
    example: "spipe:pipe=lab,password=Lab12",
    forms: &[],
    options: &[&[value("pipe", "NAME")], TLS, COMMON, PASSWORD],
};
const SSL: Kind = Kind {
    name: "ssl",
    example: "ssl:port=5443,password=Lab12",
    forms: &[("clicon", "ssl:port=5005,clicon=lab02")],
    options: &[PORT, TLS, COMMON, PASSWORD],
};
const COM_SERVER: Kind = Kind {
    name: "com",
    example: "com:port=/dev/ttyS1,baud=115200,channel=7",
    forms: &[],
    options: &[COM, COMMON, PASSWORD],
};

const PORT: &[Spec] = &[value("port", "N"), value("clicon", "HOST")];
const COMMON: &[Spec] = &[
    value("viewpassword", "PASSWORD"),
    flag("hidden"),
    value("server", "HOST"),
];
