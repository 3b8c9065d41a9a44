//! Telling whoever answers for this machine of our servers, as long as it does.

use std::io::{self, ErrorKind};
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use super::{GREETING, REGISTRATION, wire};

/// How long who holds the port may take to take our list. Longer than [`ANSWER_WITHIN`](super::listener::ANSWER_WITHIN)
/// nobody does.
const TAKEN_WITHIN: Duration = Duration::from_secs(5);

/// Tells who answers at `port` what `strings` are, and what they become, until it ends.
///
/// # Errors
/// In words: it takes no list.
pub(super) async fn register(
    port: u16,
    strings: &mut watch::Receiver<Vec<String>>,
) -> Result<(), String> {
    let told = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        let list = wire::written(&strings.borrow_and_update());
        stream.write_all(REGISTRATION).await?;
        stream.write_all(list.as_bytes()).await?;
        let mut greeting = [0; GREETING.len()];
        stream.read_exact(&mut greeting).await?;
        Ok((stream, greeting))
    };
    let (mut stream, greeting) = timeout(TAKEN_WITHIN, told)
        .await
        .map_err(|_| "it does not answer".to_owned())?
        .map_err(|error: io::Error| match error.kind() {
            ErrorKind::UnexpectedEof => "it hung up".to_owned(),
            _ => error.to_string(),
        })?;
    if greeting != GREETING.as_bytes() {
        return Err("it is no kdeck".to_owned());
    }
    loop {
        tokio::select! {
            // It says nothing more: whatever this is, it is over.
            _ = stream.read_u8() => return Ok(()),
            changed = strings.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
                let list = wire::written(&strings.borrow_and_update());
                if stream.write_all(list.as_bytes()).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
}
