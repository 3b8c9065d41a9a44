//! Clients' ends: joining a server.

use std::net::SocketAddr;

use tokio::net::UnixStream;
use tokio_rustls::rustls::pki_types::CertificateDer;

use super::{Binding, Channel, Duplex, Fingerprint, Peer, Trust, pipe, ssh, tcp, tls};
use crate::config::Places;
use crate::connect::{ClientString, ClientTransport, Join};

/// Why a server was not joined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// Nobody vouches for the certificate, and the server was never seen before. Ask, then [`Trust::pin`] and dial again.
    #[error(
        "the certificate of {server} is not known yet: {fingerprint}; compare it with the one the server shows \
         before you trust it"
    )]
    UnknownCertificate {
        /// The name to pin it under.
        server: String,
        /// What was shown.
        fingerprint: Fingerprint,
    },
    /// Not the certificate that was expected: a new server, or somebody in the middle.
    #[error(
        "THE CERTIFICATE OF {server} HAS CHANGED: known is {known}, shown was {shown}. Somebody may be listening in \
         between. If the server was set up anew, compare the fingerprints and trust the new one"
    )]
    ChangedCertificate {
        /// The name it is pinned under.
        server: String,
        /// What it is known to show.
        known: Fingerprint,
        /// What was shown.
        shown: Fingerprint,
    },
    /// Anything else, in words: at which stage, why, and what helps.
    #[error("{0}")]
    Failed(String),
}

/// Joins the server that `client` describes. Each stage is told to `stage` as it begins: `resolving lab01`,
/// `connecting to 10.0.0.7:5005`, `TLS handshake`. With `clicon=` it waits for the server as long as it takes; anything
/// else ends by itself. Dropped, it leaves nothing behind.
///
/// A server of `tcp` and `com` may have shown any certificate: the password vouches for it, or else [`Trust::check`] of
/// `peer.certificate` under the name of [`pin_name`].
///
/// # Errors
/// [`DialError`].
pub async fn dial(
    client: &ClientString,
    trust: &Trust,
    places: &Places,
    stage: &mut (dyn FnMut(&str) + Send),
) -> Result<Channel, DialError> {
    let name = pin_name(client);
    match &client.transport {
        ClientTransport::Tcp { join, ipv6_only } => {
            let dialled = Dialled {
                transport: "tcp",
                join,
                ipv6_only: *ipv6_only,
            };
            dialled
                .secured(trust, stage)
                .await
                .map(|(channel, _)| channel)
        }
        ClientTransport::Ssl { certificate, join } => {
            let dialled = Dialled {
                transport: "ssl",
                join,
                ipv6_only: false,
            };
            let (channel, chain) = dialled.secured(trust, stage).await?;
            stage("checking the certificate");
            trust.judge(&name, Some(server(join)), certificate.as_ref(), &chain)?;
            Ok(channel)
        }
        ClientTransport::Npipe { server, pipe } => {
            stage(&format!("connecting to pipe {pipe}"));
            let dialled = dial_pipe(places, pipe::Kind::Npipe, pipe).await;
            let (stream, peer) = dialled.map_err(|error| elsewhere(error, server, pipe))?;
            Ok(Channel {
                stream: Box::new(stream),
                peer,
                binding: Binding::local(),
            })
        }
        ClientTransport::Spipe {
            certificate,
            server,
            pipe,
        } => {
            stage(&format!("connecting to pipe {pipe}"));
            let dialled = dial_pipe(places, pipe::Kind::Spipe, pipe).await;
            let (stream, peer) = dialled.map_err(|error| elsewhere(error, server, pipe))?;
            let (channel, chain) = secure(Box::new(stream), peer, trust, stage).await?;
            stage("checking the certificate");
            trust.judge(&name, None, certificate.as_ref(), &chain)?;
            Ok(channel)
        }
        ClientTransport::Com(com) => {
            let address = format!("{} channel {}", com.device.display(), com.channel);
            stage(&format!(
                "asking for channel {} on {}",
                com.channel,
                com.device.display()
            ));
            let stream = trust
                .lines
                .open(com)
                .await
                .map_err(|error| DialError::Failed(format!("asking for {address}: {error}")))?;
            let peer = peer("com", address);
            let (channel, _) = secure(Box::new(stream), peer, trust, stage).await?;
            Ok(channel)
        }
        ClientTransport::Ssh {
            user,
            server,
            port,
            pipe,
        } => {
            let to = ssh::Destination {
                user: user.as_deref(),
                host: server,
                port: *port,
                pipe: pipe.as_deref(),
            };
            let stream = ssh::dial(to, &trust.settings, stage).await;
            Ok(Channel {
                stream: Box::new(stream.map_err(DialError::Failed)?),
                peer: peer("ssh", server.clone()),
                binding: Binding::local(),
            })
        }
    }
}

/// The name under which the certificate of the server that `client` describes is pinned: `lab01:5443`, `pipe lab`,
/// `com /dev/ttyS1 channel 7`; `clicon lab01` of a server that calls. Empty for `npipe` and `ssh`, where there is none.
#[must_use]
pub fn pin_name(client: &ClientString) -> String {
    match &client.transport {
        ClientTransport::Tcp { join, .. } | ClientTransport::Ssl { join, .. } => {
            let host = server(join).to_ascii_lowercase();
            match join {
                Join::Dial { port, .. } if host.contains(':') => format!("[{host}]:{port}"),
                Join::Dial { port, .. } => format!("{host}:{port}"),
                Join::Await { .. } => format!("clicon {host}"),
            }
        }
        ClientTransport::Spipe { pipe, .. } => format!("pipe {pipe}"),
        ClientTransport::Com(com) => {
            format!("com {} channel {}", com.device.display(), com.channel)
        }
        ClientTransport::Npipe { .. } | ClientTransport::Ssh { .. } => String::new(),
    }
}

/// What is reached over TCP and TLS.
struct Dialled<'a> {
    transport: &'static str,
    join: &'a Join,
    ipv6_only: bool,
}

impl Dialled<'_> {
    async fn secured(
        &self,
        trust: &Trust,
        stage: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(Channel, Vec<CertificateDer<'static>>), DialError> {
        match self.join {
            Join::Dial { server, port } => {
                let dialled = tcp::dial(server, *port, self.ipv6_only, stage).await;
                let (stream, address) = dialled.map_err(DialError::Failed)?;
                secure(Box::new(stream), self.peer(address), trust, stage).await
            }
            Join::Await { server, ports } => {
                let (listener, port) =
                    tcp::listen(*ports, self.ipv6_only).map_err(DialError::Failed)?;
                loop {
                    stage(&format!("waiting on port {port} for {server} to call"));
                    let accepted = tcp::accept(&listener).await;
                    let (stream, address) = accepted.map_err(|error| {
                        DialError::Failed(format!("waiting on port {port}: {error}"))
                    })?;
                    match secure(Box::new(stream), self.peer(address), trust, stage).await {
                        // a passer-by; who was waited for may still come
                        Err(DialError::Failed(error)) => stage(&format!("{address}: {error}")),
                        secured => return secured,
                    }
                }
            }
        }
    }

    fn peer(&self, address: SocketAddr) -> Peer {
        Peer {
            ip: Some(address.ip()),
            ..peer(self.transport, address.to_string())
        }
    }
}

/// The machine of the server, as it was named.
fn server(join: &Join) -> &str {
    match join {
        Join::Dial { server, .. } | Join::Await { server, .. } => server,
    }
}

async fn secure(
    stream: Box<dyn Duplex>,
    mut peer: Peer,
    trust: &Trust,
    stage: &mut (dyn FnMut(&str) + Send),
) -> Result<(Channel, Vec<CertificateDer<'static>>), DialError> {
    stage("TLS handshake");
    let secured = tls::join(stream, trust).await.map_err(|error| {
        DialError::Failed(format!("TLS handshake with {}: {error}", peer.address))
    })?;
    peer.certificate = secured.chain.first().map(|leaf| Fingerprint::of(leaf));
    let channel = Channel {
        stream: secured.stream,
        peer,
        binding: secured.binding,
    };
    Ok((channel, secured.chain))
}

async fn dial_pipe(
    places: &Places,
    kind: pipe::Kind,
    name: &str,
) -> Result<(UnixStream, Peer), String> {
    let (stream, user) = pipe::dial(places, kind, name).await?;
    let transport = match kind {
        pipe::Kind::Npipe => "npipe",
        pipe::Kind::Spipe => "spipe",
        pipe::Kind::Console => "attach",
    };
    let address = user
        .pid
        .map_or_else(|| name.to_owned(), |pid| format!("pid {pid}"));
    let peer = Peer {
        user: Some(user),
        ..peer(transport, address)
    };
    Ok((stream, peer))
}

/// Adds what to do if the pipe was meant to be on another machine.
fn elsewhere(error: String, server: &Option<String>, pipe: &str) -> DialError {
    DialError::Failed(match server {
        Some(server) => format!(
            "{error}; a pipe is reached on its own machine only: if {server} is another one, use ssh:server={server},pipe={pipe}"
        ),
        None => error,
    })
}

fn peer(transport: &'static str, address: String) -> Peer {
    Peer {
        transport,
        address,
        ip: None,
        user: None,
        certificate: None,
    }
}
