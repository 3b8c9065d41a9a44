//! The way back to a host whose terminal was lost: a socket of its own in the runtime directory, for its owner alone.
//!
//! It is no server: nobody else can come in by it, no list shows it, and the host does not become one. Who comes in is the
//! owner, as the person at the host itself was.

use std::sync::Arc;

use super::door::{Caller, Door, Refusal, RefusalKind};
use super::guard::Guard;
use super::permission::Permission;
use super::server::{Guest, serve};
use super::transport::pipe::{self, Kind, PipeListener};
use super::transport::{Binding, Channel, LocalUser, Peer};
use crate::config::Places;
use crate::deck::Severity;
use crate::host::Host;
use crate::proto::session::login::Passwords;

/// What an attached console is called in lists, as a transport.
const TRANSPORT: &str = "attach";

/// Lets the owner of this host come back to it, until it ends.
///
/// # Errors
/// Why there can be no socket, in words.
pub fn listen(host: &Arc<Host>) -> Result<(), String> {
    let name = std::process::id().to_string();
    let listener = PipeListener::open(host.places(), Kind::Console, &name)?;
    let passwords = Passwords::new(None, None, &mut rand_core::OsRng)
        .map_err(|error| format!("no way back can be kept: {error}"))?;
    let door = Door::new(passwords, Guard::new());
    let (serving, ending) = (host.clone(), host.ending());
    host.spawn(async move {
        loop {
            let accepted = tokio::select! {
                biased;
                () = ending.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, user)) => {
                    let (host, door) = (serving.clone(), door.clone());
                    serving.spawn(async move {
                        if let Err(refusal) = receive(&host, &door, stream, user).await {
                            host.news()
                                .notice(Severity::Warning, format!("attach: {}", refusal.text));
                        }
                    });
                }
                Err(error) => {
                    serving
                        .news()
                        .notice(Severity::Warning, format!("attach: {error}"));
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                }
            }
        }
    });
    Ok(())
}

async fn receive(
    host: &Arc<Host>,
    door: &Door,
    stream: tokio::net::UnixStream,
    user: LocalUser,
) -> Result<(), Refusal> {
    let caller = Caller {
        transport: TRANSPORT,
        address: address(&user),
        ip: None,
    };
    if let Err(text) = pipe::admit(&user, pipe::our_uid()) {
        return Err(Refusal {
            kind: RefusalKind::Account,
            caller,
            client: None,
            text,
        });
    }
    let binding = Binding::local();
    let admitted = match door.admit(stream, binding.bytes(), caller).await {
        Ok(admitted) => admitted,
        // Somebody looked whether this host is there.
        Err(refusal) if refusal.client.is_none() => return Ok(()),
        Err(refusal) => return Err(refusal),
    };
    let guest = Guest {
        stream: admitted.stream,
        name: admitted.client.person,
        account: format!("{}\\{}", super::machine_name(), user.name),
        origin: admitted.caller.to_string(),
        permission: Permission::Owner,
        resume: admitted.client.resume,
        server: None,
        warnings: admitted.warning.into_iter().collect(),
    };
    serve(host.clone(), guest).await;
    Ok(())
}

/// The hosts of this account on this machine that can be taken back, by the number of their process.
#[must_use]
pub fn hosts(places: &Places) -> Vec<String> {
    pipe::served(places, Kind::Console)
}

/// A way to the host of that process.
///
/// # Errors
/// In words.
pub(super) async fn dial(places: &Places, process: &str) -> Result<Channel, String> {
    let (stream, user) = pipe::dial(places, Kind::Console, process).await?;
    Ok(Channel {
        peer: Peer {
            transport: TRANSPORT,
            address: address(&user),
            ip: None,
            user: Some(user),
            certificate: None,
        },
        binding: Binding::local(),
        stream: Box::new(stream),
    })
}

fn address(user: &LocalUser) -> String {
    match user.pid {
        Some(pid) => format!("pid {pid}"),
        None => user.name.clone(),
    }
}
