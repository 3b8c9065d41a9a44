//! The tasks of one server: the one that accepts, and one for each who came in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::feed::append;
use super::{Guest, peer};
use crate::deck::{Event, Severity};
use crate::host::Host;
use crate::proto::session::message::ToClient;
use crate::session::door::{Caller, Door, Refusal, RefusalKind};
use crate::session::people::{Person, Seated};
use crate::session::transport::{Duplex, Incoming, Listener};
use crate::session::{Permission, machine_name};
use crate::transcript::Time;

/// How long nobody is accepted when the system is out of something: it may have it again soon, and asking without pause
/// would keep a processor busy.
const PAUSE: Duration = Duration::from_millis(250);

/// Clients at once, through all servers of a host. Each costs two tasks and its buffers, some 200 KiB.
const CLIENTS_MAX: usize = 256;
/// Of these, so many are for operators: observers cannot keep them out.
const FOR_OPERATORS: usize = 32;
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
                Ok(guest) => match room(&host, guest.permission) {
                    Ok(()) => {
                        let _counted = Counted::new(clients, &host);
                        peer::run(host.clone(), guest).await;
                    }
                    Err(reason) => {
                        let server = id.to_string();
                        let fields = [
                            ("server", server.as_str()),
                            ("from", &guest.origin),
                            ("why", RefusalKind::TooMany.word()),
                            ("because", &reason),
                            ("said-person", &guest.name),
                        ];
                        host.audit("refused", &fields);
                        turn_away(guest, reason).await;
                    }
                },
            }
        }
    }
}

/// Whether there is room for one more of that permission.
///
/// # Errors
/// A sentence for them.
fn room(host: &Host, permission: Permission) -> Result<(), String> {
    let people = host.people().all();
    let is_client = |person: &&Person| person.seated == Seated::Client && !person.away;
    let clients = people.iter().filter(is_client).count();
    let most = match permission {
        Permission::Observer => CLIENTS_MAX - FOR_OPERATORS,
        Permission::Operator | Permission::Owner => CLIENTS_MAX,
    };
    if clients < most {
        return Ok(());
    }
    Err(format!(
        "{clients} clients are here already, as many as there is room for"
    ))
}

/// Tells somebody who was let in that there is no room for them.
async fn turn_away<S: AsyncWrite + Unpin>(mut guest: Guest<S>, reason: String) {
    let mut bye = Vec::new();
    append(&ToClient::Bye { reason }, &mut bye);
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
    use crate::config::{Config, Places};
    use crate::deck::News;
    use crate::proto::session::frame::{Decoder, SERVER_BYTES_MAX};
    use crate::session::people::Arrival;

    #[tokio::test]
    async fn observers_leave_room_for_operators_and_there_is_an_end_to_it() {
        let home = tempfile::tempdir().unwrap();
        let user = Some(home.path().to_path_buf());
        let places = Places::find_in(|_: &str| None, user, home.path(), None).unwrap();
        let source = Box::new(|| Ok(Config::default()));
        let runtime = tokio::runtime::Handle::current();
        let host =
            Host::start(Config::default(), places, source, runtime, News::default()).unwrap();
        let come = |permission| {
            host.people().join(Arrival {
                name: "a".to_owned(),
                permission,
                seated: Seated::Client,
                account: String::new(),
                origin: String::new(),
                server: Some(0),
            })
        };
        let mut here: Vec<_> = (0..CLIENTS_MAX - FOR_OPERATORS)
            .map(|_| come(Permission::Observer))
            .collect();
        assert!(room(&host, Permission::Observer).is_err());
        assert_eq!(room(&host, Permission::Operator), Ok(()));
        here.extend((0..FOR_OPERATORS).map(|_| come(Permission::Operator)));
        assert!(room(&host, Permission::Operator).is_err());
        here.truncate(1);
        assert_eq!(room(&host, Permission::Observer), Ok(()));
    }

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
        assert_eq!(ToClient::decode(body), Ok(Some(ToClient::Bye { reason })));
    }
}
