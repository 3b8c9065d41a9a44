//! The tasks of one server: the one that accepts, and one for each who came in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Guest, peer};
use crate::deck::{Event, Severity};
use crate::host::Host;
use crate::session::door::{Caller, Door, Refusal};
use crate::session::machine_name;
use crate::session::transport::{Duplex, Incoming, Listener};
use crate::transcript::Time;

/// How long nobody is accepted when the system is out of something: it may have it again soon, and asking without pause
/// would keep a processor busy.
const PAUSE: Duration = Duration::from_millis(250);

/// What the accepting task has.
pub(super) struct Accepting {
    pub(super) host: Arc<Host>,
    pub(super) door: Door,
    pub(super) listener: Listener,
    /// Whom the server dialled: the only one who comes.
    pub(super) calls: Option<String>,
    pub(super) closing: CancellationToken,
    pub(super) clients: Arc<AtomicU32>,
}

impl Accepting {
    /// Lets people in until the server is told to end, and waits for those who are in to leave.
    pub(super) async fn run(mut self, id: u32) {
        let guests = TaskTracker::new();
        let mut failing = false;
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.closing.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok(incoming) => {
                    failing = false;
                    guests.spawn(self.visit(id, incoming));
                    if self.calls.is_some() {
                        break;
                    }
                }
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        let text = format!("server {id} lets nobody in for now: {error}");
                        self.tell(Severity::Error, text);
                    }
                    tokio::select! {
                        () = self.closing.cancelled() => break,
                        () = tokio::time::sleep(PAUSE) => {}
                    }
                }
            }
        }
        // Its port or pipe is free for another server from here on.
        drop(self.listener);
        guests.close();
        guests.wait().await;
        if let Some(client) = &self.calls
            && !self.host.ending().is_cancelled()
        {
            let text = format!(
                "{client} has left; server {id} had called it, and has to be started again to call again"
            );
            self.host.news().tell(Event::Notice {
                time: Time::now(),
                severity: Severity::Info,
                text,
            });
        }
        self.host.server_gone(id);
    }

    /// Somebody came in.
    fn visit(&self, id: u32, incoming: Incoming) -> impl Future<Output = ()> + Send + 'static {
        let (host, door, clients) = (self.host.clone(), self.door.clone(), self.clients.clone());
        // A caller's server closes as soon as it has its client.
        let closing = self.closing.clone();
        async move {
            let admitted = tokio::select! {
                biased;
                () = closing.cancelled() => return,
                admitted = admit(&door, incoming, id) => admitted,
            };
            match admitted {
                Err(refusal) => host.audit_refusal(id, &refusal),
                Ok(guest) => {
                    let _counted = Counted::new(clients, &host);
                    peer::run(host.clone(), guest).await;
                }
            }
        }
    }

    fn tell(&self, severity: Severity, text: String) {
        let time = Time::now();
        self.host.news().tell(Event::Notice {
            time,
            severity,
            text,
        });
    }
}

/// The handshake of the transport, the greeting and the login, all within the door's deadline.
async fn admit(
    door: &Door,
    incoming: Incoming,
    server: u32,
) -> Result<Guest<Box<dyn Duplex>>, Refusal> {
    let peer = incoming.peer();
    let caller = Caller {
        transport: peer.transport,
        address: peer.address.clone(),
        ip: peer.ip,
    };
    let stranger = door.enter(caller)?;
    let (stranger, channel) = stranger.within(incoming.shake()).await?;
    let admitted = stranger
        .admit(channel.stream, channel.binding.bytes())
        .await?;
    let (client, peer) = (admitted.client, channel.peer);
    let account = match &peer.user {
        // What the system says of the other end is better than what it says itself.
        Some(user) => format!("{}\\{}", machine_name(), user.name),
        None => format!("{}\\{}", client.machine, client.account),
    };
    let mut warnings: Vec<String> = admitted.warning.into_iter().collect();
    if door.is_open() && peer.user.is_none() {
        warnings.push("this server is open: anybody who reaches it may join and steer".to_owned());
    }
    Ok(Guest {
        stream: admitted.stream,
        name: client.person,
        account,
        origin: peer.to_string(),
        permission: admitted.permission,
        resume: client.resume,
        server: Some(server),
        warnings,
    })
}

/// One more client, until it is dropped; lists of servers are told.
struct Counted {
    clients: Arc<AtomicU32>,
    host: Arc<Host>,
}

impl Counted {
    fn new(clients: Arc<AtomicU32>, host: &Arc<Host>) -> Self {
        clients.fetch_add(1, Ordering::Relaxed);
        let host = host.clone();
        host.news().tell(Event::Role { time: Time::now() });
        Self { clients, host }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.clients.fetch_sub(1, Ordering::Relaxed);
        self.host.news().tell(Event::Role { time: Time::now() });
    }
}
