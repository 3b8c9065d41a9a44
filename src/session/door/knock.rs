//! A client's way in.

use std::time::Duration;

use rand_core::OsRng;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use crate::proto::session::hello::{ClientHello, HelloError, ServerHello, Side, Versions};
use crate::proto::session::login::{ClientLogin, LoginError, NO_PROOF};
use crate::proto::session::{Answer, answer::AnswerError};

use super::clean;
use super::wire::{self, WireError};
use crate::session::Permission;
use crate::session::transport::DialError;

/// How long a client waits for all of it. Three times what the server gives, for lines that are slow both ways.
pub const KNOCK_WITHIN: Duration = Duration::from_secs(30);

/// Widest reason of a server that is shown. Columns.
const REASON_COLUMNS_MAX: usize = 160;

/// What users of Windows debuggers know a wrong password by.
const WRONG_PASSWORD: &str = "0x80004005";

/// Somebody was let in.
#[derive(Debug)]
pub struct Welcomed<S> {
    /// The stream; messages follow.
    pub stream: S,
    /// The versions of the server.
    pub versions: Versions,
    /// The server lets anybody in.
    pub open: bool,
    /// What was given: at most what was asked for.
    pub permission: Permission,
    /// To be shown: the versions of both sides differ.
    pub warning: Option<String>,
}

/// Why a client was not let in. Nothing in the words would be obeyed by a terminal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KnockError {
    /// None was given, and the server wants one.
    #[error("the server wants a password: add password=... to the connection string")]
    PasswordWanted,
    /// The server has another.
    #[error(
        "wrong password ({WRONG_PASSWORD}); if it is the right one, somebody sits between you and the server"
    )]
    WrongPassword,
    /// The server's reason.
    #[error("the server refused: {0}")]
    Refused(String),
    /// A kdeck of another major version.
    #[error("{0}")]
    Version(HelloError),
    /// No kdeck that could be joined answers there.
    #[error("{0}")]
    Foreign(HelloError),
    /// The server, or somebody who poses as it, claims to want none.
    #[error(
        "a password was given, but the server says that anybody may join: it may not be the server you mean; \
         to join it all the same use password=none"
    )]
    OpenAlthoughPasswordGiven,
    /// The password given cannot be one.
    #[error("{0}")]
    Unusable(LoginError),
    /// Anybody may join the server, and it was not agreed to that one enters.
    #[error("{0}")]
    Untrusted(DialError),
    /// The server sent what it must not.
    #[error("the server broke the protocol: {0}")]
    Malformed(String),
    /// The connection ended or broke, or nothing came for too long.
    #[error("{0}")]
    Lost(String),
}

/// Asks to be let in. `binding` is what only the two ends of this channel know; no `password` means that none was
/// given, or `none`. Before a server is entered that anybody may join, `trusted` says whether its certificate is to be
/// believed: nothing else vouches for it, and nobody there has seen us come.
///
/// # Errors
/// Why not.
pub async fn knock<S>(
    mut stream: S,
    binding: &[u8],
    greeting: ClientHello,
    password: Option<&str>,
    trusted: impl FnOnce() -> Result<(), DialError>,
) -> Result<Welcomed<S>, KnockError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let greeting = greeting.shortened();
    let mut heard = false;
    let talk = talk(
        &mut stream,
        binding,
        &greeting,
        password,
        trusted,
        &mut heard,
    );
    let ended = timeout(KNOCK_WITHIN, talk).await;
    let seconds = KNOCK_WITHIN.as_secs();
    let joined = match ended {
        Ok(Err(KnockError::Lost(how))) if !heard => {
            return Err(KnockError::Lost(format!(
                "{how} before it greeted: it may have too many callers, or be no kdeck session"
            )));
        }
        Ok(joined) => joined?,
        Err(_) if heard => {
            return Err(KnockError::Lost(format!(
                "the server has not answered within {seconds} s"
            )));
        }
        Err(_) => {
            return Err(KnockError::Lost(format!(
                "nothing came within {seconds} s: what listens there may be no kdeck session"
            )));
        }
    };
    let (versions, open, permission) = joined;
    Ok(Welcomed {
        stream,
        warning: versions.warning(Side::Server),
        versions,
        open,
        permission,
    })
}

async fn talk<S>(
    stream: &mut S,
    binding: &[u8],
    greeting: &ClientHello,
    password: Option<&str>,
    trusted: impl FnOnce() -> Result<(), DialError>,
    heard: &mut bool,
) -> Result<(Versions, bool, Permission), KnockError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // A server of another kind may have hung up before it read this, and have said something before that.
    let sent = wire::send(stream, &greeting.encode(&Versions::ours())).await;
    let body = wire::receive_greeting(stream).await?;
    *heard = true;
    sent?;
    let (versions, hello) = ServerHello::decode(&body)?;
    match (hello.open, password) {
        (false, None) => return Err(KnockError::PasswordWanted),
        (true, Some(_)) => return Err(KnockError::OpenAlthoughPasswordGiven),
        (false, Some(password)) => login(stream, binding, password).await?,
        (true, None) => {
            trusted().map_err(KnockError::Untrusted)?;
            wire::send(stream, &[]).await?;
        }
    }
    match receive_answer(stream).await? {
        Answer::LetIn(granted) => Ok((versions, hello.open, granted.into())),
        other => Err(unexpected(other)),
    }
}

async fn login<S>(stream: &mut S, binding: &[u8], password: &str) -> Result<(), KnockError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (login, request) =
        ClientLogin::start(password, &mut OsRng).map_err(KnockError::Unusable)?;
    wire::send(stream, &request).await?;
    let response = match receive_answer(stream).await? {
        Answer::Response(response) => response,
        other => return Err(unexpected(other)),
    };
    let binding = binding.to_vec();
    let computed =
        tokio::task::spawn_blocking(move || login.finish(&response, &binding, &mut OsRng));
    let proof = match computed.await {
        Ok(Ok(proof)) => proof,
        Ok(Err(LoginError::WrongPassword)) => {
            // The server is owed an end of the login; whatever it says, this was not our server.
            wire::send(stream, &NO_PROOF).await?;
            let _ = wire::receive(stream).await;
            return Err(KnockError::WrongPassword);
        }
        Ok(Err(error)) => return Err(KnockError::Malformed(error.to_string())),
        Err(_) => return Err(KnockError::Lost("this program is ending".to_owned())),
    };
    Ok(wire::send(stream, &proof).await?)
}

async fn receive_answer(stream: &mut (impl AsyncRead + Unpin)) -> Result<Answer, KnockError> {
    Ok(Answer::decode(&wire::receive(stream).await?)?)
}

fn unexpected(answer: Answer) -> KnockError {
    match answer {
        Answer::WrongPassword => KnockError::WrongPassword,
        Answer::Refused(reason) => KnockError::Refused(clean(&reason, REASON_COLUMNS_MAX)),
        Answer::LetIn(_) => KnockError::Malformed("it let us in before the login".to_owned()),
        Answer::Response(_) => KnockError::Malformed("it answered a login twice".to_owned()),
    }
}

impl From<HelloError> for KnockError {
    fn from(error: HelloError) -> Self {
        match error {
            HelloError::Version { .. } => Self::Version(error),
            HelloError::Foreign(_) | HelloError::SameSide(_) => Self::Foreign(error),
            HelloError::Malformed(_) => Self::Malformed(error.to_string()),
        }
    }
}

impl From<AnswerError> for KnockError {
    fn from(error: AnswerError) -> Self {
        Self::Malformed(error.to_string())
    }
}

impl From<WireError> for KnockError {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Hello(error) => error.into(),
            WireError::Frame(error) => Self::Malformed(error.to_string()),
            WireError::Gone(how) => Self::Lost(how),
        }
    }
}
