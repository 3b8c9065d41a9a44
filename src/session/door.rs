//! Letting people in: the greeting and the login over a stream, at both ends.
//!
//! [`Door`] is a server's: it lets somebody [`enter`](Door::enter) as a [`Stranger`], who is admitted or refused within
//! a deadline. [`knock()`] is a client's. Bytes are those of [`proto::session`](crate::proto::session); what strangers may
//! cost is counted by a [`Guard`]. Neither end reads past the last frame of the login, so that the stream goes on where
//! it was left.
//!
//! What a stranger is told is short, what the audit log is told is in [`Refusal`].

mod knock;
mod refusal;
#[cfg(test)]
mod tests;
mod wire;

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rand_core::OsRng;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout_at};

use crate::proto::session::hello::{ClientHello, RESUME_BYTES, ServerHello, Side, Versions};
use crate::proto::session::login::{LoginError, Passwords, ServerLogin};
use crate::proto::session::{Answer, Granted};

use super::Permission;
use super::guard::{Attempt, Guard, Origin, SILENT_MAX, Seat};
use super::transport::Peer;

pub use knock::{KnockError, Welcomed, knock};
pub use refusal::{Refusal, RefusalKind};

/// How long a stranger has, from the first byte of the connection to the end of the login. A login over a line of 9600
/// baud takes two seconds.
pub const ADMIT_WITHIN: Duration = Duration::from_secs(10);

/// Logins computed at once for each server. Each takes about a millisecond of a processor, on a thread that may block.
pub const LOGINS_AT_ONCE: usize = 2;

/// Widest name of a person, machine or account. Columns.
pub const NAME_COLUMNS_MAX: usize = 32;

/// Where somebody comes from, known without having been told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// `tcp`, `npipe`, ...
    pub transport: &'static str,
    /// The address as it is shown, `10.0.0.18:51733` for one.
    pub address: String,
    /// The address of a network, if it is one.
    pub ip: Option<IpAddr>,
}

impl From<&Peer> for Caller {
    fn from(peer: &Peer) -> Self {
        Self {
            transport: peer.transport,
            address: peer.address.clone(),
            ip: peer.ip,
        }
    }
}

impl std::fmt::Display for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.transport, self.address)
    }
}

/// A client's greeting, cleaned: names hold nothing that a terminal would obey and fit into [`NAME_COLUMNS_MAX`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeted {
    /// How the person wants to be called; never empty.
    pub person: String,
    /// Their machine; can be empty.
    pub machine: String,
    /// Their account there; can be empty.
    pub account: String,
    /// The earlier session that is to go on. Look it up only for somebody who was admitted.
    pub resume: Option<[u8; RESUME_BYTES]>,
    /// The versions of the client.
    pub versions: Versions,
}

/// Somebody who was let in.
#[derive(Debug)]
pub struct Admitted<S> {
    /// The stream; messages follow.
    pub stream: S,
    /// Where they come from.
    pub caller: Caller,
    /// What they said of themselves.
    pub client: Greeted,
    /// What they may do: at most what the password gives, and at most what they asked for.
    pub permission: Permission,
    /// To be shown to both sides: their versions differ.
    pub warning: Option<String>,
}

/// The door of one server.
#[derive(Debug, Clone)]
pub struct Door {
    passwords: Arc<Passwords>,
    guard: Arc<Guard>,
    logins: Arc<Semaphore>,
}

impl Door {
    /// A door that opens to `passwords`. The guard is shared by all servers of a host.
    #[must_use]
    pub fn new(passwords: Passwords, guard: Arc<Guard>) -> Self {
        Self {
            passwords: Arc::new(passwords),
            guard,
            logins: Arc::new(Semaphore::new(LOGINS_AT_ONCE)),
        }
    }

    /// Nobody needs a password.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.passwords.is_open()
    }

    /// Somebody has connected. From now on they have [`ADMIT_WITHIN`].
    ///
    /// # Errors
    /// [`RefusalKind::TooMany`]: hang up at once.
    pub fn enter(&self, caller: Caller) -> Result<Stranger, Refusal> {
        match self.guard.seat(Origin::new(caller.transport, caller.ip)) {
            Ok(seat) => Ok(Stranger {
                door: self.clone(),
                seat,
                caller,
                deadline: Instant::now() + ADMIT_WITHIN,
            }),
            Err(full) => Err(Refusal {
                kind: RefusalKind::TooMany,
                caller,
                client: None,
                text: full.to_string(),
            }),
        }
    }

    /// Lets somebody in over a stream that needs nothing else first: [`Door::enter`] and [`Stranger::admit`].
    ///
    /// # Errors
    /// Who was refused and why.
    pub async fn admit<S>(
        &self,
        stream: S,
        binding: &[u8],
        caller: Caller,
    ) -> Result<Admitted<S>, Refusal>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.enter(caller)?.admit(stream, binding).await
    }
}

/// Somebody who has connected and not been let in. Counted until it is dropped.
#[derive(Debug)]
pub struct Stranger {
    door: Door,
    seat: Seat,
    caller: Caller,
    deadline: Instant,
}

impl Stranger {
    /// Does what has to be done before the greeting, a handshake of TLS for one, within the stranger's time.
    ///
    /// # Errors
    /// [`RefusalKind::TooSlow`], or [`RefusalKind::Malformed`] with the reason `work` gives.
    pub async fn within<T>(
        self,
        work: impl Future<Output = Result<T, String>>,
    ) -> Result<(Self, T), Refusal> {
        let done = tokio::select! {
            biased;
            () = self.seat.cut() => return Err(self.cut()),
            done = timeout_at(self.deadline, work) => done,
        };
        match done {
            Ok(Ok(done)) => Ok((self, done)),
            Ok(Err(text)) => Err(self.refusal(RefusalKind::Malformed, None, text)),
            Err(_) => Err(self.too_slow(None)),
        }
    }

    /// The greeting and the login. `binding` is what only the two ends of this channel know.
    ///
    /// # Errors
    /// Who was refused and why; they have been told, as far as they may know, and the stream is closed.
    pub async fn admit<S>(self, mut stream: S, binding: &[u8]) -> Result<Admitted<S>, Refusal>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut client = None;
        let talk = self.talk(&mut stream, binding, &mut client);
        let ended = tokio::select! {
            biased;
            () = self.seat.cut() => return Err(self.cut()),
            ended = timeout_at(self.deadline, talk) => ended,
        };
        match ended {
            Ok(Ok((permission, warning))) => Ok(Admitted {
                stream,
                caller: self.caller,
                client: client.expect("nobody is let in before their greeting"),
                permission,
                warning,
            }),
            Ok(Err(no)) => Err(self.refusal(no.kind, client, no.text)),
            Err(_) => Err(self.too_slow(client)),
        }
    }

    async fn talk<S>(
        &self,
        stream: &mut S,
        binding: &[u8],
        client: &mut Option<Greeted>,
    ) -> Result<(Permission, Option<String>), No>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let body = wire::receive_greeting(stream).await?;
        let ours = ServerHello {
            open: self.door.is_open(),
        }
        .encode(&Versions::ours());
        let (versions, hello) = match ClientHello::decode(&body) {
            Ok(greeting) => greeting,
            Err(error) => {
                // So that another version can tell its user about ours.
                if error.is_kdeck() {
                    wire::send_last(stream, &ours).await;
                }
                return Err(error.into());
            }
        };
        self.seat.greeted();
        let warning = versions.warning(Side::Client);
        let observe_only = hello.observe_only;
        *client = Some(Greeted::new(hello, versions));
        wire::send(stream, &ours).await?;

        let granted = if self.door.is_open() {
            // They may not want to, once they have seen that nobody vouches for this server.
            match wire::receive(stream).await?.as_slice() {
                [] => Granted::Operator,
                _ => return Err(No::unasked()),
            }
        } else {
            match self.login(stream, binding).await {
                Ok(granted) => granted,
                Err(no) => {
                    if let Some(answer) = &no.told {
                        wire::send_last(stream, &answer.encode()).await;
                    }
                    return Err(no);
                }
            }
        };
        let granted = if observe_only {
            Granted::Observer
        } else {
            granted
        };
        wire::send(stream, &Answer::LetIn(granted).encode()).await?;
        Ok((granted.into(), warning))
    }

    async fn login<S>(&self, stream: &mut S, binding: &[u8]) -> Result<Granted, No>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let request = wire::receive(stream).await?;
        let attempt = self.wait_for_a_turn().await?;
        let (login, response) = self.respond(request, binding).await?;
        wire::send(stream, &Answer::Response(response).encode()).await?;
        let proof = wire::receive(stream).await?;
        let granted = login.finish(&proof)?;
        attempt.succeeded();
        Ok(granted)
    }

    async fn wait_for_a_turn(&self) -> Result<Attempt, No> {
        match self.seat.attempt() {
            Ok((wait, attempt)) => {
                if !wait.is_zero() {
                    sleep(wait).await;
                }
                Ok(attempt)
            }
            Err(wait) => Err(No::guessing(wait)),
        }
    }

    /// Computed where blocking is allowed, so that guessing does not slow what else the host does.
    async fn respond(
        &self,
        request: Vec<u8>,
        binding: &[u8],
    ) -> Result<(ServerLogin, Vec<u8>), No> {
        let permit = Arc::clone(&self.door.logins).acquire_owned().await;
        let passwords = Arc::clone(&self.door.passwords);
        let binding = binding.to_vec();
        let computed = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            ServerLogin::start(&passwords, &request, &binding, &mut OsRng)
        });
        match computed.await {
            Ok(response) => Ok(response?),
            Err(_) => Err(No {
                kind: RefusalKind::Gone,
                text: "the host is ending".to_owned(),
                told: None,
            }),
        }
    }

    /// Silent for too long where others wait.
    fn cut(self) -> Refusal {
        let text = format!(
            "silent for {} s or more; another has the place",
            SILENT_MAX.as_secs()
        );
        self.refusal(RefusalKind::TooSlow, None, text)
    }

    fn too_slow(self, client: Option<Greeted>) -> Refusal {
        let text = format!("not done after {} seconds", ADMIT_WITHIN.as_secs());
        self.refusal(RefusalKind::TooSlow, client, text)
    }

    fn refusal(self, kind: RefusalKind, client: Option<Greeted>, text: String) -> Refusal {
        Refusal {
            kind,
            caller: self.caller,
            client: client.map(Box::new),
            text,
        }
    }
}

/// Why a talk ended without anybody let in.
struct No {
    kind: RefusalKind,
    /// For the audit log.
    text: String,
    /// For the stranger.
    told: Option<Answer>,
}

impl No {
    fn unasked() -> Self {
        Self {
            kind: RefusalKind::Malformed,
            text: "a login came where no password is wanted".to_owned(),
            told: None,
        }
    }

    fn guessing(wait: Duration) -> Self {
        let seconds = wait.as_secs() + 1;
        Self {
            kind: RefusalKind::TooMany,
            text: format!("too many wrong passwords: the next is heard in {seconds} s"),
            told: Some(Answer::Refused(format!(
                "too many wrong passwords, try again in {seconds} s"
            ))),
        }
    }
}

impl From<LoginError> for No {
    fn from(error: LoginError) -> Self {
        let wrong = error == LoginError::WrongPassword;
        Self {
            kind: if wrong {
                RefusalKind::WrongPassword
            } else {
                RefusalKind::Malformed
            },
            text: error.to_string(),
            told: wrong.then_some(Answer::WrongPassword),
        }
    }
}

impl Greeted {
    fn new(hello: ClientHello, versions: Versions) -> Self {
        let person = clean(&hello.person, NAME_COLUMNS_MAX);
        Self {
            person: if person.is_empty() {
                NOBODY.to_owned()
            } else {
                person
            },
            machine: clean(&hello.machine, NAME_COLUMNS_MAX),
            account: clean(&hello.account, NAME_COLUMNS_MAX),
            resume: hello.resume,
            versions,
        }
    }
}

/// Who gave no name that can be shown.
const NOBODY: &str = "somebody";

/// `text` on one line, without anything a terminal would obey, no wider than `columns`.
fn clean(text: &str, columns: usize) -> String {
    let plain = crate::transcript::safe::plain(text.as_bytes());
    let words = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = crate::transcript::safe::Safe::new().line(words.as_bytes(), columns);
    line.text().trim_end().to_owned()
}
