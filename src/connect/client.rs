//! Client strings: how to join a debugging server (`-remote`).
//!
//! Facts from "Activating a debugging client" of Microsoft's debugger documentation; `ssh` is our own.

use std::fmt;
use std::str::FromStr;

use super::error::Error;
use super::family::{Family, SERVER_ONLY, not_a_client, not_a_session, or_a_kernel, or_a_server};
use super::grammar::{Kind, Source, Spanned, Spec, find_option, value};
use super::host::{host, port};
use super::options::{Options, Value};
use super::password::Password;
use super::server::ServerString;
use super::target::TARGET_KINDS;
use super::transport::{
    COM, Certificate, ComChannel, PASSWORD, PortRange, TARGET_COM, TLS, ipv6_only, password, pipe,
};
use super::written::Written;

/// A server to join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientString {
    /// How to reach it.
    pub transport: ClientTransport,
    /// What it wants to hear; `None` if nothing was said about it.
    pub password: Option<Password>,
}

/// How to reach a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientTransport {
    /// TCP.
    Tcp {
        /// Who dials.
        join: Join,
        /// `ipversion=6`.
        ipv6_only: bool,
    },
    /// A Unix socket of this machine.
    Npipe {
        /// The machine as it was named; `None` for `.` and `localhost`. Only this one can be meant.
        server: Option<String>,
        /// The socket's name.
        pipe: String,
    },
    /// TLS over a Unix socket of this machine.
    Spipe {
        /// The certificate to expect; the pinned one if `None`.
        certificate: Option<Certificate>,
        /// As for [`ClientTransport::Npipe`].
        server: Option<String>,
        /// The socket's name.
        pipe: String,
    },
    /// TLS over TCP.
    Ssl {
        /// The certificate to expect; the pinned one if `None`.
        certificate: Option<Certificate>,
        /// Who dials.
        join: Join,
    },
    /// A channel of a serial line.
    Com(ComChannel),
    /// A server on a pipe of another machine, through that machine's SSH server.
    Ssh {
        /// Account there; SSH's own choice if `None`.
        user: Option<String>,
        /// The machine, or a name SSH's configuration knows.
        server: String,
        /// Port of its SSH server; SSH's own choice if `None`.
        port: Option<u16>,
        /// Name of the pipe there; its only server's if `None`.
        pipe: Option<String>,
    },
}

/// Who dials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Join {
    /// The client does.
    Dial {
        /// Where the server is.
        server: String,
        /// Its port. Of a range, as servers list theirs, the first is the one in use.
        port: u16,
    },
    /// The server does (`clicon=`); the first free port is held for it.
    Await {
        /// The machine it will call from.
        server: String,
        /// Where to wait.
        ports: PortRange,
    },
}

impl ClientString {
    /// The form for lists: capitals as debuggers print them, `Password=*`.
    #[must_use]
    pub fn masked(&self) -> String {
        self.write().listed()
    }

    /// What may not be as it seems. Whole sentences without their full stop.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        match &self.transport {
            ClientTransport::Npipe {
                server: Some(server),
                pipe,
            }
            | ClientTransport::Spipe {
                server: Some(server),
                pipe,
                ..
            } => vec![format!(
                "a pipe is reached on its own machine only; if {server} is another one, use ssh:server={server},pipe={pipe}"
            )],
            _ => Vec::new(),
        }
    }

    fn write(&self) -> Written {
        match &self.transport {
            ClientTransport::Tcp { join, ipv6_only } => {
                let mut written = Written::new("tcp");
                written.some("ipversion", ipv6_only.then_some(6));
                join.write_port(&mut written);
                written.password(self.password.as_ref());
                join.write_server(&mut written);
                written
            }
            ClientTransport::Npipe { server, pipe } => {
                let mut written = Written::new("npipe");
                written.value("pipe", pipe);
                written.password(self.password.as_ref());
                written.some("server", server.as_ref());
                written
            }
            ClientTransport::Spipe {
                certificate,
                server,
                pipe,
            } => {
                let mut written = Written::new("spipe");
                Certificate::write(certificate.as_ref(), &mut written);
                written.value("pipe", pipe);
                written.password(self.password.as_ref());
                written.some("server", server.as_ref());
                written
            }
            ClientTransport::Ssl { certificate, join } => {
                let mut written = Written::new("ssl");
                Certificate::write(certificate.as_ref(), &mut written);
                join.write_port(&mut written);
                written.password(self.password.as_ref());
                join.write_server(&mut written);
                written
            }
            ClientTransport::Com(channel) => {
                let mut written = Written::new("com");
                channel.write(&mut written);
                written.password(self.password.as_ref());
                written
            }
            ClientTransport::Ssh {
                user,
                server,
                port,
                pipe,
            } => {
                let mut written = Written::new("ssh");
                written.some("port", *port).some("pipe", pipe.as_ref());
                written.password(self.password.as_ref());
                let user = user
                    .as_ref()
                    .map(|user| format!("{user}@"))
                    .unwrap_or_default();
                written.value("server", user + server);
                written
            }
        }
    }
}

impl Join {
    fn read(options: &Options<'_, '_>) -> Result<Self, Error> {
        if let Some(server) = options.value("clicon") {
            options.refuse(&["server"], "clicon")?;
            let ports = PortRange::read(options, options.need("port", "port=N")?)?;
            return Ok(Self::Await {
                server: host(options, server)?,
                ports,
            });
        }
        let server = host(
            options,
            options.need("server", "server=HOST, the machine to join")?,
        )?;
        let ports = PortRange::read(options, options.need("port", "port=N")?)?;
        Ok(Self::Dial {
            server,
            port: ports.first,
        })
    }

    fn write_port(&self, written: &mut Written) {
        match self {
            Self::Dial { port, .. } => written.value("port", port),
            Self::Await { ports, .. } => written.value("port", ports),
        };
    }

    fn write_server(&self, written: &mut Written) {
        match self {
            Self::Dial { server, .. } => written.value("server", server),
            Self::Await { server, .. } => written.value("clicon", server),
        };
    }
}

impl FromStr for ClientString {
    type Err = Error;

    /// Also takes the links debuggers register, `remdbgeng://tcp:server=…`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let source = Source::new(text, Family::Client)?;
        let (mut kind, mut rest) = source.split()?;
        if kind.text.eq_ignore_ascii_case(LINK) && rest.text.starts_with("//") {
            let inner = rest.split_around(1).1;
            (kind, rest) = inner
                .split_once(':')
                .ok_or_else(|| source.unknown_kind(inner, CLIENT_KINDS))?;
        }
        match kind.text.to_ascii_lowercase().as_str() {
            "tcp" if is_server(&source, rest) => {
                read(&source, rest, &TCP).map_err(|error| or_a_server(&source, error))
            }
            "tcp" => read(&source, rest, &TCP),
            "npipe" => read(&source, rest, &NPIPE),
            "spipe" => read(&source, rest, &SPIPE),
            "ssl" => read(&source, rest, &SSL),
            "com" => match find_option(rest, TARGET_COM) {
                Some(option) => Err(not_a_session(&source, option, Family::Client)),
                None if find_option(rest, &["channel"]).is_none() => {
                    read(&source, rest, &COM_CLIENT).map_err(|error| or_a_kernel(&source, error))
                }
                None => read(&source, rest, &COM_CLIENT),
            },
            "ssh" => read(&source, rest, &SSH),
            other if other == "kdsrv" || TARGET_KINDS.contains(&other) => {
                Err(not_a_session(&source, kind, Family::Client))
            }
            _ => Err(source.unknown_kind(kind, CLIENT_KINDS)),
        }
    }
}

/// Reads back as the same value, and so holds the password: for a command line to paste, never for a list or a log
/// ([`ClientString::masked`]).
impl fmt::Display for ClientString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.write().whole())
    }
}

/// Whether this is what one types to open a server: nobody to dial, and all a server needs.
fn is_server(source: &Source<'_>, rest: Spanned<'_>) -> bool {
    find_option(rest, &["server", "clicon"]).is_none()
        && source.text().parse::<ServerString>().is_ok()
}

fn read(
    source: &Source<'_>,
    rest: Spanned<'_>,
    kind: &'static Kind,
) -> Result<ClientString, Error> {
    if let Some(option) = find_option(rest, SERVER_ONLY) {
        return Err(not_a_client(source, option));
    }
    let options = Options::read(source, rest, kind)?;
    let transport = match kind.name {
        "tcp" => ClientTransport::Tcp {
            join: Join::read(&options)?,
            ipv6_only: ipv6_only(&options)?,
        },
        "npipe" => ClientTransport::Npipe {
            server: pipe_server(&options)?,
            pipe: pipe(&options)?,
        },
        "spipe" => ClientTransport::Spipe {
            certificate: Certificate::read(&options)?,
            server: pipe_server(&options)?,
            pipe: pipe(&options)?,
        },
        "ssl" => ClientTransport::Ssl {
            certificate: Certificate::read(&options)?,
            join: Join::read(&options)?,
        },
        "ssh" => ssh(&options)?,
        _ => ClientTransport::Com(ComChannel::read(&options)?),
    };
    Ok(ClientString {
        transport,
        password: password(&options)?,
    })
}

/// The machine of a pipe, `None` if it is spelled as this one.
fn pipe_server(options: &Options<'_, '_>) -> Result<Option<String>, Error> {
    let local = |value: &Value<'_>| {
        let name = value.text.strip_prefix(r"\\").unwrap_or(value.text);
        name == "." || name.eq_ignore_ascii_case("localhost")
    };
    options
        .value("server")
        .filter(|value| !local(value))
        .map(|value| host(options, value))
        .transpose()
}

fn ssh(options: &Options<'_, '_>) -> Result<ClientTransport, Error> {
    let whole = options.need("server", "server=HOST or server=USER@HOST")?;
    let (user, machine) = match whole.text.rsplit_once('@') {
        Some((user, _)) => (Some(user), whole.after(user.len() + 1)),
        None => (None, whole),
    };
    let legal = |user: &str| {
        !user.is_empty()
            && !user.starts_with('-')
            && user
                .chars()
                .all(|c| c.is_alphanumeric() || "._-".contains(c))
    };
    if user.is_some_and(|user| !legal(user)) {
        return Err(options.bad(whole, "an account's name has letters, digits and `._-`"));
    }
    Ok(ClientTransport::Ssh {
        user: user.map(str::to_owned),
        server: host(options, machine)?,
        port: options
            .value("port")
            .map(|value| port(options, value))
            .transpose()?,
        pipe: if options.has("pipe") {
            Some(pipe(options)?)
        } else {
            None
        },
    })
}

/// Scheme of the links debuggers register.
const LINK: &str = "remdbgeng";

const CLIENT_KINDS: &[&str] = &["tcp", "npipe", "spipe", "ssl", "com", "ssh"];

const TCP: Kind = Kind {
    name: "tcp",
    example: "tcp:server=lab01,port=5005",
    forms: &[("clicon", "tcp:clicon=lab01,port=5005")],
    options: &[TO_PORT, &[value("ipversion", "6")], PASSWORD],
};
const NPIPE: Kind = Kind {
    name: "npipe",
    example: "npipe:pipe=lab",
    forms: &[],
    options: &[TO_PIPE, PASSWORD],
};
const SPIPE: Kind = Kind {
    name: "spipe",
    example: "spipe:pipe=lab",
    forms: &[],
    options: &[TO_PIPE, TLS, PASSWORD],
};
const SSL: Kind = Kind {
    name: "ssl",
    example: "ssl:server=lab01,port=5443",
    forms: &[("clicon", "ssl:clicon=lab01,port=5005")],
    options: &[TO_PORT, TLS, PASSWORD],
};
const COM_CLIENT: Kind = Kind {
    name: "com",
    example: "com:port=/dev/ttyS1,baud=115200,channel=7",
    forms: &[],
    options: &[COM, PASSWORD],
};
const SSH: Kind = Kind {
    name: "ssh",
    example: "ssh:server=alice@lab01,pipe=lab",
    forms: &[],
    options: &[
        &[
            value("server", "HOST"),
            value("port", "N"),
            value("pipe", "NAME"),
        ],
        PASSWORD,
    ],
};

const TO_PORT: &[Spec] = &[
    value("server", "HOST"),
    value("port", "N"),
    value("clicon", "HOST"),
];
const TO_PIPE: &[Spec] = &[value("server", "HOST"), value("pipe", "NAME")];
