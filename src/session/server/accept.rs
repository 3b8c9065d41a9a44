//! The tasks of one server: the one that accepts, and one for each who came in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::feed::append;
use super::lobby::Seat;
use super::{Guest, peer};
use crate::deck::{Event, Severity};
use crate::host::Host;
use crate::proto::session::message::ToClient;
use crate::session::door::{Caller, Door, Refusal, RefusalKind};
use crate::session::machine_name;
use crate::session::people::{Arrival, Seated};
use crate::session::transport::{Duplex, Incoming, Listener, pipe};
use crate::transcript::Time;

/// How long nobody is accepted when the system is out of something: it may have it again soon, and asking without pause
/// would keep a processor busy.
const PAUSE: Duration = Duration::from_millis(250);

/// How long somebody for whom there is no room has to read so.
const TURN_AWAY: Duration = Duration::from_secs(1);

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
                        self.host.news().notice(Severity::Error, text);
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
            self.host.news().notice(Severity::Info, text);
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
                    let Some((guest, seat)) = seated(&host, guest).await else {
                        return;
                    };
                    let _counted = Counted::new(clients, &host);
                    peer::run(host, guest.stream, guest.warnings, seat).await;
                }
            }
        }
    }
}

/// Serves somebody who was let in until they leave, are put out, or the host ends.
pub async fn serve<S>(host: Arc<Host>, guest: Guest<S>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    if let Some((guest, seat)) = seated(&host, guest).await {
        peer::run(host, guest.stream, guest.warnings, seat).await;
    }
}

/// Gives somebody who was let in a seat; who gets none is told why.
async fn seated<S: AsyncWrite + Unpin>(host: &Host, guest: Guest<S>) -> Option<(Guest<S>, Seat)> {
    let arrival = Arrival {
        name: guest.name.clone(),
        permission: guest.permission,
        seated: Seated::Client,
        account: guest.account.clone(),
        origin: guest.origin.clone(),
        server: guest.server,
    };
    match host.lobby().sit(host.people(), arrival, guest.resume) {
        Ok(seat) => Some((guest, seat)),
        Err(reason) => {
            let server = guest.server.map(|id| id.to_string()).unwrap_or_default();
            let fields = [
                ("server", server.as_str()),
                ("from", &guest.origin),
                ("why", RefusalKind::TooMany.word()),
                ("because", &reason),
                ("said-person", &guest.name),
            ];
            host.audit("refused", &fields);
            turn_away(guest, reason).await;
            None
        }
    }
}

/// Tells somebody who was let in that there is no room for them.
async fn turn_away<S: AsyncWrite + Unpin>(mut guest: Guest<S>, reason: String) {
    let mut bye = Vec::new();
    let goes_on = true;
    append(&ToClient::Bye { reason, goes_on }, &mut bye);
    let told = async {
        guest.stream.write_all(&bye).await?;
        guest.stream.shutdown().await
    };
    // It may not be reading.
    tokio::time::timeout(TURN_AWAY, told).await.ok();
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
    if let Some(user) = &peer.user
        && let Err(text) = pipe::admit(user, pipe::our_uid())
    {
        return Err(Refusal {
            kind: RefusalKind::Account,
            caller,
            client: None,
            text,
        });
    }
    let stranger = door.enter(caller)?;
    let (stranger, channel) = stranger.within(incoming.shake()).await?;
    let admitted = stranger
        .admit(channel.stream, channel.binding.bytes())
        .await?;
    let (client, peer) = (admitted.client, channel.peer);
    let account = match &peer.user {
        // What the system says of the other end is better than what it says itself.
        Some(user) => format!("{}\\{}", machine_name(), user.name),
        // Lists have a name there, whatever the other machine knows of its accounts.
        None if client.account.is_empty() => format!("{}\\{}", client.machine, client.person),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::session::frame::{Decoder, SERVER_BYTES_MAX};
    use crate::session::Permission;

    #[tokio::test]
    async fn who_finds_no_room_is_told_so() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 10);
        let guest = Guest {
            stream: ours,
            name: "a".to_owned(),
            account: String::new(),
            origin: String::new(),
            permission: Permission::Observer,
            resume: None,
            server: Some(0),
            warnings: Vec::new(),
        };
        let turning = tokio::spawn(turn_away(guest, "no room".to_owned()));
        let mut bytes = Vec::new();
        let reading = tokio::io::AsyncReadExt::read_to_end(&mut theirs, &mut bytes);
        tokio::time::timeout(Duration::from_secs(20), reading)
            .await
            .unwrap()
            .unwrap();
        turning.await.unwrap();
        let mut decoder = Decoder::new(SERVER_BYTES_MAX);
        let mut left = bytes.as_slice();
        let body = decoder.next(&mut left).unwrap().unwrap();
        let reason = "no room".to_owned();
        let bye = ToClient::Bye {
            reason,
            goes_on: true,
        };
        assert_eq!(ToClient::decode(body), Ok(Some(bye)));
    }
}
