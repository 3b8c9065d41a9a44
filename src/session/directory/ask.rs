//! Looking for servers, on this machine or on another.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{ANSWER_BYTES_MAX, Found, GREETING, QUESTION, listening, merged, registry};
use crate::config::Places;
use crate::session::machine_name;
use crate::transcript::safe;

/// How long each stage of asking another machine may take.
const STAGE_WITHIN: Duration = Duration::from_secs(5);
/// How long asking this machine may take: whoever has its port is not far.
const HERE_WITHIN: Duration = Duration::from_secs(2);
/// A server that has not let itself be connected to by then does not respond.
const RESPONDS_WITHIN: Duration = Duration::from_secs(2);
/// Servers of one machine that are tried.
const TRIED_MAX: usize = 64;

/// The servers on `machine`, in their order: of this one for `.`, `localhost` and its own name those of one's own account
/// and those that who answers at `port` tells of others; else those that the machine's answerer tells. Backslashes in
/// front are taken off.
///
/// # Errors
/// In words: at which stage it failed, and why.
pub async fn find(machine: &str, places: &Places, port: u16) -> Result<Vec<Found>, String> {
    let name = machine.trim_start_matches('\\');
    if name.is_empty() {
        return Err("which machine? -QR HOST; a dot is this one".to_owned());
    }
    if is_here(name) {
        return find_here(places, port).await;
    }
    let strings = ask(name, port).await?;
    let found = |string: String| Found {
        join: join(&string, name, Whose::Elsewhere),
        string,
        responds: true,
    };
    let mut found: Vec<Found> = strings.into_iter().map(found).collect();
    try_all(&mut found, name).await;
    Ok(found)
}

/// The servers on this machine. None of them is connected to: what is published has a process that lives, and its system
/// tells which ports are listened on.
async fn find_here(places: &Places, port: u16) -> Result<Vec<Found>, String> {
    let places = places.clone();
    let known = tokio::task::spawn_blocking(move || (registry::read(&places), listening::ports()));
    let loopback = Ipv4Addr::LOCALHOST.to_string();
    let (known, asked) = tokio::join!(known, timeout(HERE_WITHIN, ask(&loopback, port)));
    let (own, listening) = known.map_err(|error| error.to_string())?;
    // Nobody answers there unless a server is reached through a network, and our own are known.
    let answered = asked.map_or(Ok(Vec::new()), |answer| answer);
    let counted = own.len();
    let strings = merged(own, answered.unwrap_or_default());
    let found = strings.into_iter().enumerate().map(|(index, string)| {
        let whose = match index < counted {
            true => Whose::Own,
            false => Whose::OtherAccount,
        };
        Found {
            join: join(&string, "localhost", whose),
            responds: is_listened_on(&string, listening.as_ref().ok()),
            string,
        }
    });
    Ok(found.collect())
}

/// Whether something listens where the server should be; taken for granted where nobody can tell.
fn is_listened_on(string: &str, listening: Option<&HashSet<u16>>) -> bool {
    match (port(string), listening) {
        (Some(port), Some(listening)) => listening.contains(&port),
        _ => true,
    }
}

/// Asks another machine.
async fn ask(name: &str, port: u16) -> Result<Vec<String>, String> {
    let late = |stage: &str| {
        let seconds = STAGE_WITHIN.as_secs();
        format!("{stage}: nothing came of it in {seconds} s")
    };
    let stage = format!("resolving {name}");
    let addresses = timeout(STAGE_WITHIN, tokio::net::lookup_host((name, port)))
        .await
        .map_err(|_| late(&stage))?
        .map_err(|error| format!("{stage}: {error}"))?;
    let addresses: Vec<_> = addresses.collect();
    let stage = format!("connecting to port {port} of {name}");
    let mut stream = timeout(STAGE_WITHIN, TcpStream::connect(addresses.as_slice()))
        .await
        .map_err(|_| late(&stage))?
        .map_err(|error| {
            format!(
                "{stage}: {error}; no kdeck there has a server that is not hidden, its directory is off, or a \
                 firewall is between"
            )
        })?;
    let stage = format!("asking the directory of {name}");
    let mut answer = Vec::new();
    let asked = async {
        stream.write_all(QUESTION).await?;
        let most = u64::try_from(ANSWER_BYTES_MAX).unwrap_or(u64::MAX) + 1;
        stream.take(most).read_to_end(&mut answer).await
    };
    timeout(STAGE_WITHIN, asked)
        .await
        .map_err(|_| late(&stage))?
        .map_err(|error| format!("{stage}: {error}"))?;
    read(&answer).map_err(|reason| format!("{stage}: {reason}"))
}

/// The strings of an answer.
pub(super) fn read(answer: &[u8]) -> Result<Vec<String>, String> {
    if answer.len() > ANSWER_BYTES_MAX {
        return Err("the answer is too long".to_owned());
    }
    if answer.is_empty() {
        return Err("it hung up: others are asking, or it is no kdeck; try again".to_owned());
    }
    let text = String::from_utf8_lossy(answer);
    let Some(lines) = text.strip_prefix(GREETING) else {
        return Err("something else than a kdeck answers there".to_owned());
    };
    let lines = lines.lines().filter(|line| !line.is_empty());
    Ok(lines
        .map(|line| safe::plain(line.as_bytes()).into_owned())
        .collect())
}

/// Whether this machine is meant.
fn is_here(name: &str) -> bool {
    let is_loopback = name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    name == "."
        || is_loopback
        || name.eq_ignore_ascii_case("localhost")
        || name.eq_ignore_ascii_case(&machine_name())
}

/// Whose server it is, seen from who looks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// One's own, on this machine.
    Own,
    /// Another account's of this machine, whose pipes are for that one alone.
    OtherAccount,
    /// On another machine.
    Elsewhere,
}

/// What to join a listed server with.
pub(super) fn join(string: &str, host: &str, whose: Whose) -> Option<String> {
    let (kind, options) = string.split_once(':')?;
    let mut parts: Vec<&str> = options.split(',').collect();
    let belongs_to_servers = |part: &str| {
        let name = part.split_once('=').map_or(part, |(name, _)| name);
        let names = ["password", "viewpassword", "hidden", "icfenable"];
        names.iter().any(|known| known.eq_ignore_ascii_case(name))
    };
    parts.retain(|part| !belongs_to_servers(part));
    let options = parts.join(",");
    match kind {
        "tcp" | "ssl" => Some(format!("{kind}:{options},Server={host}")),
        "npipe" if whose == Whose::Elsewhere => Some(format!("ssh:Server={host},{options}")),
        "npipe" | "spipe" if whose == Whose::Own => Some(format!("{kind}:{options}")),
        "com" => Some(format!("{kind}:{options}")),
        _ => None,
    }
}

/// The port of a listed server on a network: of a range the one in use.
fn port(string: &str) -> Option<u16> {
    let (kind, options) = string.split_once(':')?;
    if !["tcp", "ssl"].contains(&kind) {
        return None;
    }
    let port = options
        .split(',')
        .find_map(|option| option.strip_prefix("Port="))?;
    port.split(':').next()?.parse().ok()
}

/// Tries which servers can be connected to, all at once.
async fn try_all(found: &mut [Found], host: &str) {
    let mut tries = JoinSet::new();
    for (index, server) in found.iter().enumerate().take(TRIED_MAX) {
        if let Some(port) = port(&server.string) {
            let host = host.to_owned();
            tries.spawn(async move {
                let connected = timeout(RESPONDS_WITHIN, TcpStream::connect((host, port))).await;
                (index, matches!(connected, Ok(Ok(_))))
            });
        }
    }
    while let Some(tried) = tries.join_next().await {
        if let Ok((index, responds)) = tried
            && let Some(server) = found.get_mut(index)
        {
            server.responds = responds;
        }
    }
}
