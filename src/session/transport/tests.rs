//! Transports over loopback, sockets in a folder of their own and pseudo-terminals; every wait has a deadline.

mod certificates;
mod lines;
mod network;
mod pipes;
mod through_ssh;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::config::Places;
use crate::connect::{ClientString, Listen, PortRange, ServerString, ServerTransport};

/// A machine: places of its own, and what it trusts.
struct Machine {
    _folder: TempDir,
    places: Places,
    trust: Arc<Trust>,
}

impl Machine {
    fn new() -> Self {
        Self::with(|_| Settings::default())
    }

    fn with(settings: impl FnOnce(&Places) -> Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let places = places(&folder);
        let trust = Trust::open(&places, settings(&places)).unwrap();
        Self {
            _folder: folder,
            places,
            trust: Arc::new(trust),
        }
    }

    async fn listen(&self, server: &str) -> Listener {
        self.try_listen(server).await.unwrap()
    }

    async fn try_listen(&self, server: &str) -> Result<Listener, String> {
        let server = any_port(server);
        soon(Listener::open(&server, &self.trust, &self.places)).await
    }

    async fn dial(&self, client: &str) -> Result<Channel, DialError> {
        let client: ClientString = client.parse().unwrap();
        soon(dial(&client, &self.trust, &self.places, &mut |_| {})).await
    }
}

fn places(folder: &TempDir) -> Places {
    let path = |name: &str| folder.path().join(name).into_os_string();
    let environment = |name: &str| match name {
        "KDECK_CONFIG_DIR" => Some(path("config")),
        "KDECK_STATE_DIR" => Some(path("state")),
        "KDECK_RUNTIME_DIR" => Some(path("run")),
        _ => None,
    };
    Places::find_in(environment, None, folder.path(), None).unwrap()
}

/// A server string whose port 9 stands for any that is free.
fn any_port(server: &str) -> ServerString {
    let mut server: ServerString = server.parse().unwrap();
    if let ServerTransport::Tcp {
        listen: Listen::On(ports),
        ..
    }
    | ServerTransport::Ssl {
        listen: Listen::On(ports),
        ..
    } = &mut server.transport
        && ports.first == 9
    {
        *ports = PortRange { first: 0, last: 0 };
    }
    server
}

fn port(listener: &Listener) -> u16 {
    match &listener.shown().transport {
        ServerTransport::Tcp {
            listen: Listen::On(ports),
            ..
        }
        | ServerTransport::Ssl {
            listen: Listen::On(ports),
            ..
        } => ports.first,
        other => panic!("{other:?} has no port"),
    }
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future)
        .await
        .expect("it takes far less than 30 s")
}

async fn accept(listener: &mut Listener) -> Result<Channel, String> {
    soon(async { listener.accept().await.unwrap().shake().await }).await
}

/// Both ends of one channel, server's first.
async fn meet(listener: &mut Listener, client: &Machine, string: &str) -> (Channel, Channel) {
    let (server, client) = tokio::join!(accept(listener), client.dial(string));
    (server.unwrap(), client.unwrap())
}

async fn say(from: &mut Channel, to: &mut Channel, words: &[u8]) {
    let said = async {
        from.stream.write_all(words).await.unwrap();
        from.stream.flush().await.unwrap();
    };
    let mut heard = vec![0; words.len()];
    let (_, read) = soon(async { tokio::join!(said, to.stream.read_exact(&mut heard)) }).await;
    read.unwrap();
    assert!(heard == words, "what was said is not what was heard");
}

/// Bytes both ways, more than any buffer on the way holds.
async fn talk(one: &mut Channel, other: &mut Channel, length: usize) {
    let mut random = fastrand::Rng::with_seed(1);
    let words: Vec<u8> = (0..length).map(|_| random.u8(..)).collect();
    say(one, other, &words).await;
    say(other, one, &words).await;
}

fn failure(dialled: Result<Channel, DialError>) -> String {
    match dialled {
        Err(DialError::Failed(words)) => words,
        other => panic!("{other:?}"),
    }
}
