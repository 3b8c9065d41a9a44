//! Servers' ends: what listens, and what came in.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::ServerConfig;

use super::line::ChannelListener;
use super::pipe::{self, PipeListener};
use super::{Binding, Channel, Duplex, Fingerprint, Peer, Trust, tcp, tls};
use crate::config::Places;
use crate::connect::{Listen, PortRange, ServerString, ServerTransport};

/// An open server. Dropped, it no longer listens; channels go on.
#[derive(Debug)]
pub struct Listener {
    shown: ServerString,
    transport: &'static str,
    source: Source,
    /// `None` on `npipe`.
    tls: Option<Arc<ServerConfig>>,
}

/// Somebody who came in, before the first byte was read.
pub struct Incoming {
    peer: Peer,
    stream: Box<dyn Duplex>,
    tls: Option<Arc<ServerConfig>>,
}

#[derive(Debug)]
enum Source {
    Tcp(TcpListener),
    /// The client that was dialled, until it is taken.
    Called(Option<(TcpStream, SocketAddr)>),
    Pipe(PipeListener),
    Line {
        listener: ChannelListener,
        address: String,
    },
}

impl Listener {
    /// Opens the server that `server` describes: the first free port of a range, the pipe if nobody has it, the channel
    /// of the serial line. With `clicon=` the client is dialled, which has to wait already.
    ///
    /// # Errors
    /// In words: what could not be had, why, and what helps.
    pub async fn open(
        server: &ServerString,
        trust: &Arc<Trust>,
        places: &Places,
    ) -> Result<Self, String> {
        let mut shown = server.clone();
        let own = || tls::server(trust, &*trust.select(None)?, None);
        let (transport, source, tls) = match &mut shown.transport {
            ServerTransport::Tcp { listen, ipv6_only } => {
                let tls = own()?;
                ("tcp", listen_tcp(listen, *ipv6_only).await?, Some(tls))
            }
            ServerTransport::Ssl {
                certificate,
                listen,
            } => {
                let identity = trust.select(certificate.as_ref())?;
                let tls = tls::server(trust, &identity, trust.client_verifier())?;
                ("ssl", listen_tcp(listen, false).await?, Some(tls))
            }
            ServerTransport::Npipe { pipe } => {
                *pipe = pipe::expand(pipe);
                let listener = PipeListener::open(places, pipe::Kind::Npipe, pipe)?;
                ("npipe", Source::Pipe(listener), None)
            }
            ServerTransport::Spipe { certificate, pipe } => {
                let identity = trust.select(certificate.as_ref())?;
                let tls = tls::server(trust, &identity, trust.client_verifier())?;
                *pipe = pipe::expand(pipe);
                let listener = PipeListener::open(places, pipe::Kind::Spipe, pipe)?;
                ("spipe", Source::Pipe(listener), Some(tls))
            }
            ServerTransport::Com(com) => {
                let source = Source::Line {
                    listener: trust.lines.listen(com)?,
                    address: format!("{} channel {}", com.device.display(), com.channel),
                };
                ("com", source, Some(own()?))
            }
        };
        Ok(Self {
            shown,
            transport,
            source,
            tls,
        })
    }

    /// What it is in lists and in the lines for clients: the port it got (and the end of the range, as in `53:60`), the
    /// pipe's name with its numbers in place.
    #[must_use]
    pub fn shown(&self) -> &ServerString {
        &self.shown
    }

    /// Waits for the next who comes in. Safe to cancel. With `clicon=` that is the dialled client, at once, and after it
    /// nobody ever: it waits until it is cancelled.
    ///
    /// # Errors
    /// The system is out of something, which passes: wait a little and go on.
    pub async fn accept(&mut self) -> io::Result<Incoming> {
        let transport = self.transport;
        let peer = |address: String| Peer {
            transport,
            address,
            ip: None,
            user: None,
            certificate: None,
        };
        let (peer, stream): (Peer, Box<dyn Duplex>) = match &mut self.source {
            Source::Tcp(listener) => {
                let (stream, address) = tcp::accept(listener).await?;
                (of_network(peer, address), Box::new(stream))
            }
            Source::Called(client) => match client.take() {
                Some((stream, address)) => (of_network(peer, address), Box::new(stream)),
                None => std::future::pending().await,
            },
            Source::Pipe(listener) => {
                let (stream, user) = listener.accept().await?;
                let address = user.pid.map(|pid| format!("pid {pid}"));
                let peer = Peer {
                    user: Some(user),
                    ..peer(address.unwrap_or_else(|| "this machine".to_owned()))
                };
                (peer, Box::new(stream))
            }
            Source::Line { listener, address } => {
                let stream = listener.accept().await;
                (peer(address.clone()), Box::new(stream))
            }
        };
        Ok(Incoming {
            peer,
            stream,
            tls: self.tls.clone(),
        })
    }
}

impl Incoming {
    /// Who it is, as far as it is known: not yet what it shows.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Makes a channel of it: TLS, except on `npipe`. Waits as long as the other end likes; the deadline is the caller's.
    ///
    /// # Errors
    /// In words, fit to be logged: what the other end did, or that it is another account's.
    pub async fn shake(self) -> Result<Channel, String> {
        let mut peer = self.peer;
        if let Some(user) = &peer.user {
            pipe::admit(user, pipe::our_uid())?;
        }
        let Some(tls) = self.tls else {
            return Ok(Channel {
                stream: self.stream,
                peer,
                binding: Binding::local(),
            });
        };
        let secured = tls::accept(self.stream, tls).await?;
        peer.certificate = secured.chain.first().map(|leaf| Fingerprint::of(leaf));
        Ok(Channel {
            stream: secured.stream,
            peer,
            binding: secured.binding,
        })
    }
}

async fn listen_tcp(listen: &mut Listen, ipv6_only: bool) -> Result<Source, String> {
    match listen {
        Listen::On(ports) => {
            let (listener, port) = tcp::listen(*ports, ipv6_only)?;
            *ports = PortRange {
                first: port,
                last: ports.last.max(port),
            };
            Ok(Source::Tcp(listener))
        }
        Listen::Call { host, port } => {
            let called = tcp::dial(host, *port, ipv6_only, &mut |_| {}).await;
            let called = called.map_err(|error| {
                format!("{error}; with clicon the client waits first, and the server calls it once")
            })?;
            Ok(Source::Called(Some(called)))
        }
    }
}

fn of_network(peer: impl FnOnce(String) -> Peer, address: SocketAddr) -> Peer {
    Peer {
        ip: Some(address.ip()),
        ..peer(address.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::super::LocalUser;
    use super::*;

    #[tokio::test]
    async fn somebody_from_another_account_gets_no_channel() {
        let (stream, _other) = tokio::io::duplex(64);
        let user = LocalUser {
            uid: pipe::our_uid() + 1,
            name: "bob".to_owned(),
            pid: Some(7),
        };
        let incoming = Incoming {
            peer: Peer {
                transport: "npipe",
                address: "pid 7".to_owned(),
                ip: None,
                user: Some(user),
                certificate: None,
            },
            stream: Box::new(stream),
            tls: None,
        };
        let refused = incoming.shake().await.unwrap_err();
        assert!(refused.starts_with("bob is another account"), "{refused}");
    }
}
