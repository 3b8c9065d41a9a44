//! Joining a server, and joining it again: dial, let the certificate be judged, knock, be welcomed.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::runtime::Handle;

use super::harmless::harmless;
use super::run::{Connection, Runner};
use super::{Client, Interest};
use crate::config::{DIRECTORY_PORT, History, Places};
use crate::connect::{ClientString, ClientTransport};
use crate::deck::News;
use crate::proto::session::frame::{self, HEADER_BYTES, SERVER_BYTES_MAX};
use crate::proto::session::hello::ClientHello;
use crate::proto::session::message::{ToClient, Token, Welcome};
use crate::session::attach;
use crate::session::door::{KnockError, knock};
use crate::session::transport::{self, DialError, Duplex, Fingerprint, Trust, dial, pin_name};

/// How long the server has to welcome somebody whom it let in.
const WELCOME_WITHIN: Duration = Duration::from_secs(30);

/// Entries of each target's history that somebody gets who joins and did not say how many.
pub const HISTORY: u64 = 1000;

/// Where somebody wants to join, and how.
#[derive(Debug, Clone)]
pub struct Joining {
    /// Where.
    pub way: Way,
    /// Which targets' output is wanted at first.
    pub interest: Interest,
    /// Who.
    pub visitor: Visitor,
}

/// Where somebody joins.
#[derive(Debug, Clone)]
pub enum Way {
    /// A server.
    Server(ClientString),
    /// The host of that process on this machine, as its owner.
    Host(String),
}

impl Way {
    /// In words, secrets masked.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Server(string) => string.masked(),
            Self::Host(process) => format!("attach {process}"),
        }
    }

    fn password(&self) -> Option<&str> {
        match self {
            Self::Server(string) => string.password.as_ref()?.reveal(),
            Self::Host(_) => None,
        }
    }
}

/// Who joins, wherever it is.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// As whom; the server may give another name.
    pub name: String,
    /// Only to watch, whatever the password gives.
    pub observe: bool,
    /// Entries of each target's history that are wanted; `None` for all there are.
    pub history: Option<u64>,
    /// Bounds of the histories here.
    pub bounds: History,
    /// Certificates, and the SSH client.
    pub transport: transport::Settings,
    /// Sockets and pins.
    pub places: Places,
    /// The port at which other machines tell which servers they have.
    pub directory: u16,
    /// Opened when the first server is dialled.
    trust: Arc<OnceLock<Arc<Trust>>>,
}

impl Visitor {
    /// Somebody of that name, who wants a good deal of history.
    #[must_use]
    pub fn new(name: &str, places: Places, transport: transport::Settings) -> Self {
        Self {
            name: name.to_owned(),
            observe: false,
            history: Some(HISTORY),
            bounds: History::default(),
            transport,
            places,
            directory: DIRECTORY_PORT,
            trust: Arc::default(),
        }
    }

    /// The certificates that are trusted. Reads files: may block.
    ///
    /// # Errors
    /// Which file cannot be used, and why.
    pub fn trust(&self) -> Result<Arc<Trust>, String> {
        if let Some(trust) = self.trust.get() {
            return Ok(trust.clone());
        }
        let trust = Arc::new(Trust::open(&self.places, self.transport.clone())?);
        Ok(self.trust.get_or_init(|| trust).clone())
    }
}

/// Why a server was not joined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// It wants a password, or another one than was given.
    #[error("{0}")]
    Password(KnockError),
    /// Nobody vouches for its certificate, and it was never seen before.
    #[error(
        "the certificate of {server} is not known yet: {fingerprint}; compare it with the one the server shows before \
         you trust it"
    )]
    UnknownCertificate {
        /// The name to pin it under.
        server: String,
        /// What was shown.
        fingerprint: Fingerprint,
    },
    /// It shows another certificate than it did.
    #[error("{0}")]
    ChangedCertificate(DialError),
    /// Anything else, in words.
    #[error("{0}")]
    Failed(String),
    /// It was not the line: trying again by itself would not help.
    #[error("{0}")]
    Refused(String),
}

impl JoinError {
    /// In words, for somebody who cannot be asked: with what makes it work the next time.
    #[must_use]
    pub fn told(&self, way: &Way) -> String {
        let Self::UnknownCertificate {
            server,
            fingerprint,
        } = self
        else {
            return self.to_string();
        };
        let transport = match way {
            Way::Server(string) => Some(&string.transport),
            Way::Host(_) => None,
        };
        let how = match transport {
            Some(ClientTransport::Ssl { .. } | ClientTransport::Spipe { .. }) => {
                format!("add certuser={fingerprint} to the connection string")
            }
            _ => format!(
                "join once from a terminal, which asks, or add the line `{server} {fingerprint}` to known_servers in the \
                 directory that `kdeck paths` calls state"
            ),
        };
        format!("{self}; then {how}")
    }
}

impl From<DialError> for JoinError {
    fn from(error: DialError) -> Self {
        match error {
            DialError::UnknownCertificate {
                server,
                fingerprint,
            } => Self::UnknownCertificate {
                server,
                fingerprint,
            },
            DialError::ChangedCertificate { .. } => Self::ChangedCertificate(error),
            DialError::Failed(reason) => Self::Failed(reason),
        }
    }
}

impl From<KnockError> for JoinError {
    fn from(error: KnockError) -> Self {
        match error {
            KnockError::PasswordWanted | KnockError::WrongPassword => Self::Password(error),
            KnockError::Lost(reason) => Self::Failed(reason),
            KnockError::Untrusted(error) => error.into(),
            KnockError::Refused(_)
            | KnockError::Version(_)
            | KnockError::Foreign(_)
            | KnockError::OpenAlthoughPasswordGiven
            | KnockError::Unusable(_)
            | KnockError::Malformed(_) => Self::Refused(error.to_string()),
        }
    }
}

/// Joins a session. Each stage is told to `stage` as it begins. The client goes on by itself on `runtime`: when its line
/// is lost it comes back as the same person, with what was missed.
///
/// # Errors
/// [`JoinError`].
pub async fn join(
    joining: Joining,
    news: News,
    runtime: &Handle,
    stage: &mut (dyn FnMut(&str) + Send),
) -> Result<Arc<Client>, JoinError> {
    let connection = joining.connect(None, stage).await?;
    Ok(start(news, joining, connection, runtime))
}

/// A client on a line where it was welcomed.
pub(in crate::session) fn start(
    news: News,
    joining: Joining,
    connection: Connection,
    runtime: &Handle,
) -> Arc<Client> {
    let (client, asks) = Client::new(news, &joining, &connection.welcome);
    let client = Arc::new(client);
    let runner = Runner::new(client.clone(), joining, asks);
    runtime.spawn(runner.run(connection));
    client
}

impl Joining {
    /// Makes a line to the server and is welcomed there.
    pub(super) async fn connect(
        &self,
        resume: Option<Token>,
        stage: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Connection, JoinError> {
        let visitor = &self.visitor;
        let trust = visitor.trust().map_err(JoinError::Refused)?;
        let channel = match &self.way {
            Way::Server(string) => dial(string, &trust, &visitor.places, stage).await?,
            Way::Host(process) => attach::dial(&visitor.places, process)
                .await
                .map_err(JoinError::Refused)?,
        };
        stage("greeting");
        let greeting = ClientHello {
            person: visitor.name.clone(),
            machine: crate::session::machine_name(),
            account: account(),
            resume,
            observe_only: visitor.observe,
        };
        let certificate = &channel.peer.certificate;
        let trusted = || match (&self.way, certificate) {
            (Way::Server(string), Some(shown))
                if matches!(
                    string.transport,
                    ClientTransport::Tcp { .. } | ClientTransport::Com(_)
                ) =>
            {
                trust.check(&pin_name(string), shown)
            }
            // What other servers showed was judged when they were dialled.
            _ => Ok(()),
        };
        let (password, binding) = (self.way.password(), channel.binding.bytes());
        let welcomed = knock(channel.stream, binding, greeting, password, trusted).await?;
        stage("joining");
        let mut connection = Connection::receive(welcomed.stream).await?;
        connection.welcome.warnings.extend(welcomed.warning);
        Ok(connection)
    }
}

impl Connection {
    /// Waits for the server's first word to somebody whom it let in.
    pub(in crate::session) async fn receive(
        mut stream: Box<dyn Duplex>,
    ) -> Result<Self, JoinError> {
        let welcome = tokio::time::timeout(WELCOME_WITHIN, receive_welcome(&mut stream)).await;
        let welcome = welcome.map_err(|_| {
            let seconds = WELCOME_WITHIN.as_secs();
            JoinError::Failed(format!(
                "the server let us in and said nothing for {seconds} s"
            ))
        })??;
        Ok(Self { stream, welcome })
    }
}

async fn receive_welcome(stream: &mut Box<dyn Duplex>) -> Result<Welcome, JoinError> {
    let lost = |error: std::io::Error| JoinError::Failed(format!("while joining: {error}"));
    let broken =
        |reason: String| JoinError::Refused(format!("the server broke the protocol: {reason}"));
    let mut header = [0; HEADER_BYTES];
    stream.read_exact(&mut header).await.map_err(lost)?;
    let length = frame::length(header, SERVER_BYTES_MAX);
    let mut body = vec![0; length.map_err(|error| broken(error.to_string()))?];
    stream.read_exact(&mut body).await.map_err(lost)?;
    match ToClient::decode(&body).map(|message| message.map(harmless)) {
        Ok(Some(ToClient::Welcome(welcome))) => Ok(welcome),
        Ok(Some(ToClient::Bye { reason, .. })) => Err(JoinError::Refused(reason)),
        Ok(_) => Err(broken("it did not welcome us".to_owned())),
        Err(error) => Err(broken(error.to_string())),
    }
}

/// The account of whoever runs this.
fn account() -> String {
    let name = ["USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok());
    name.unwrap_or_default()
}
