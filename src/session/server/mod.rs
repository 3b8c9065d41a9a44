//! The servers of a host: opening and ending them, what they are called, who came through them.
//!
//! Each server has one task that accepts, and one for each who came in: the transport's handshake, the
//! [`door`](super::door), then their own task, [`serve`]. The words are those of "Activating a debugging server" and
//! "Controlling a remote debugging session" of Microsoft's debugger documentation.

mod accept;
mod allowance;
mod answers;
mod crew;
mod feed;
mod feeds;
mod guest;
mod inbox;
pub mod lobby;
mod pace;
mod peer;
mod secret;
mod start;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use self::start::Lines;
use super::door::Door;
use super::guard::Guard;
use super::people::Person;
use super::transport::Listener;
use crate::connect::{Listen, ServerString, ServerTransport};
use crate::deck::Event;
use crate::host::Host;
use crate::transcript::Time;

pub use self::accept::serve;
pub use self::guest::Guest;

/// Servers of one host at once. More than there are transports and networks to keep apart.
pub const SERVERS_MAX: usize = 32;

/// Answered to `.endsrv`, as debuggers do.
const TOLD_TO_EXIT: &str =
    "Server told to exit.  Actual exit may be delayed until\nthe next connection attempt.";

/// A server as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerEntry {
    /// The number that `.endsrv` takes.
    pub id: u32,
    /// Its connection string as debuggers print it, passwords masked, without the host's name.
    pub string: String,
    /// The string with which clients join: with the host's name where one is needed, passwords masked.
    pub join: String,
    /// How many are here through it.
    pub clients: u32,
    /// It was told to end: nobody new comes in.
    pub ending: bool,
    /// Whether anybody may join without a password.
    pub open: bool,
}

/// The servers of a host.
#[derive(Debug, Default)]
pub struct Servers {
    guard: Arc<Guard>,
    list: Mutex<BTreeMap<u32, Server>>,
}

/// One that is open, or that is ending.
#[derive(Debug)]
struct Server {
    lines: Lines,
    hidden: bool,
    network: bool,
    open: bool,
    /// Cancelled: nobody new comes in.
    closing: CancellationToken,
    clients: Arc<AtomicU32>,
}

impl Servers {
    /// Opens a server. Returns the text that debuggers print then, with the line to type for every server; the password
    /// of the new one is in it, this once.
    ///
    /// # Errors
    /// In words: the string, why it cannot be opened, what helps.
    pub async fn open(&self, host: &Arc<Host>, mut string: ServerString) -> Result<String, String> {
        let typed = string.masked();
        let failed = |reason: String| format!("{typed}: {reason}");
        if host.ending().is_cancelled() {
            return Err(failed("this host is ending".to_owned()));
        }
        let too_many =
            || format!("{SERVERS_MAX} servers are open, the most there can be; .endsrv ends one");
        if self.list().len() >= SERVERS_MAX {
            return Err(failed(too_many()));
        }
        host.open_audit().map_err(failed)?;
        let warnings = string.warnings();
        let made = secret::complete(&mut string).map_err(failed)?;
        let trust = host.trust().await.map_err(failed)?;
        let listener = Listener::open(&string, &trust, host.places())
            .await
            .map_err(failed)?;
        let shown = listener.shown().clone();
        let passwords = secret::passwords(&string).await.map_err(failed)?;
        // Whoever sits here may have become a client meanwhile.
        if host.ending().is_cancelled() {
            return Err(failed("this host is ending".to_owned()));
        }
        let door = Door::new(passwords, self.guard.clone());
        let crew = crew::crew().map_err(|error| failed(error.to_string()))?;
        let server = Server {
            lines: Lines::new(&shown, &super::machine_name()),
            hidden: shown.hidden || calls(&shown).is_some(),
            network: matches!(
                shown.transport,
                ServerTransport::Tcp { .. } | ServerTransport::Ssl { .. }
            ),
            open: is_open_to_anybody(&shown),
            closing: host.ending().child_token(),
            clients: Arc::default(),
        };
        let accepting = accept::Accepting {
            host: host.clone(),
            door,
            listener,
            calls: calls(&shown),
            closing: server.closing.clone(),
            clients: server.clients.clone(),
        };
        let id = {
            let mut list = self.list();
            // Others may have been opened meanwhile.
            if list.len() >= SERVERS_MAX {
                return Err(failed(too_many()));
            }
            let id = (0..).find(|id| !list.contains_key(id));
            let id = id.expect("fewer servers than numbers");
            list.insert(id, server);
            id
        };
        host.audit(
            "server-opened",
            &[("server", &id.to_string()), ("string", &shown.masked())],
        );
        let text = self.start_text(
            id,
            &shown,
            &start::Notes::new(&shown, &trust, made, warnings),
        );
        host.spawn_on(accepting.run(id), &crew);
        self.changed(host);
        Ok(text)
    }

    /// The servers, by number; also those that were told to end and still have clients.
    #[must_use]
    pub fn list_entries(&self) -> Vec<ServerEntry> {
        let list = self.list();
        let entry = |(id, server): (&u32, &Server)| ServerEntry {
            id: *id,
            string: server.lines.listed.clone(),
            join: server.lines.join.clone(),
            clients: server.clients.load(Ordering::Relaxed),
            ending: server.closing.is_cancelled(),
            open: server.open,
        };
        list.iter().map(entry).collect()
    }

    /// Ends a server: nobody new comes in; who is here stays, unless `disconnect` cuts them. Tells what debuggers tell.
    ///
    /// # Errors
    /// When there is no server of that number.
    pub fn end(&self, host: &Host, id: u32, disconnect: bool) -> Result<String, String> {
        let told = {
            let list = self.list();
            let Some(server) = list.get(&id) else {
                return Err(match list.keys().map(u32::to_string).collect::<Vec<_>>() {
                    none if none.is_empty() => format!("there is no server {id}, nor any other"),
                    ids => format!("there is no server {id}; there are: {}", ids.join(", ")),
                });
            };
            server.closing.cancel();
            if disconnect {
                let through = |person: &Person| person.server == Some(id);
                host.people().put_out(through, "the server was ended");
            }
            match server.clients.load(Ordering::Relaxed) {
                0 => TOLD_TO_EXIT.to_owned(),
                clients if disconnect => format!("{TOLD_TO_EXIT}\n{clients} disconnected."),
                clients => format!(
                    "{TOLD_TO_EXIT}\n{clients} stay joined; .endsrv {id} /disconnect cuts them."
                ),
            }
        };
        host.audit("server-ended", &[("server", &id.to_string())]);
        self.changed(host);
        Ok(told)
    }

    /// What others can find when they look for servers: those that are not hidden and let people in, as lists show them,
    /// and whether one of them is reached through a network.
    #[must_use]
    pub fn found(&self) -> (Vec<String>, bool) {
        let list = self.list();
        let shown = list
            .values()
            .filter(|server| !server.hidden && !server.closing.is_cancelled());
        let (mut strings, mut network) = (Vec::new(), false);
        for server in shown {
            strings.push(server.lines.listed.clone());
            network |= server.network;
        }
        (strings, network)
    }

    /// The last who came through it has left, and nobody new comes.
    pub(crate) fn gone(&self, host: &Host, id: u32) {
        self.list().remove(&id);
        self.changed(host);
    }

    /// Everybody is told that the list is another one.
    fn changed(&self, host: &Host) {
        host.servers_changed();
        host.news().tell(Event::Role { time: Time::now() });
    }

    fn start_text(&self, new: u32, string: &ServerString, notes: &start::Notes) -> String {
        let list = self.list();
        let active = list
            .iter()
            .filter(|(_, server)| !server.closing.is_cancelled())
            .map(|(id, server)| (*id, &server.lines));
        start::text(active, new, string, notes)
    }

    fn list(&self) -> MutexGuard<'_, BTreeMap<u32, Server>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whom the server dials, if it is the one who dials.
fn calls(string: &ServerString) -> Option<String> {
    match &string.transport {
        ServerTransport::Tcp { listen, .. } | ServerTransport::Ssl { listen, .. } => match listen {
            Listen::Call { host, port } => Some(format!("{host}:{port}")),
            Listen::On(_) => None,
        },
        _ => None,
    }
}

/// Whether whoever reaches it may join: a pipe without a password is for its own account alone.
fn is_open_to_anybody(string: &ServerString) -> bool {
    let none = string
        .password
        .as_ref()
        .is_none_or(|password| password.reveal().is_none());
    let local = matches!(string.transport, ServerTransport::Npipe { .. });
    none && !local
}
