//! Telling other machines: one process of an account answers for all of them.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{ANSWER_BYTES_MAX, GREETING, QUESTION, registry};
use crate::config::Places;

/// While another process answers, it is tried so often whether it still does.
const TAKE_OVER_EVERY: Duration = Duration::from_secs(2);
/// One who asks is answered within this time, or not at all.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Answered at once. Who comes then is hung up on.
const AT_ONCE: usize = 8;
/// Answers follow each other at least so far apart: twenty a second are plenty for people, and cost a machine nothing.
const PAUSE: Duration = Duration::from_millis(50);
/// Longest question that is read, bytes.
const QUESTION_BYTES_MAX: u64 = 64;
/// Connections the system keeps waiting.
const BACKLOG: i32 = 16;

/// Answers at `port` until it is dropped; waits for its turn while another process does.
pub(super) async fn answer(places: Places, port: u16) {
    let listener = loop {
        match listen(port) {
            Ok(listener) => break listener,
            Err(_) => tokio::time::sleep(TAKE_OVER_EVERY).await,
        }
    };
    serve(&listener, &places).await;
}

/// Answers whoever comes to `listener`.
pub(super) async fn serve(listener: &TcpListener, places: &Places) {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        if let Ok((stream, _)) = listener.accept().await
            && let Ok(turn) = turns.clone().try_acquire_owned()
        {
            let places = places.clone();
            tokio::spawn(async move {
                let _turn = turn;
                // Whoever asks too slowly, or asks something else, gets no answer.
                timeout(ANSWER_WITHIN, reply(stream, places)).await.ok();
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn reply(mut stream: TcpStream, places: Places) -> std::io::Result<()> {
    let mut question = Vec::new();
    let mut reader = (&mut stream).take(QUESTION_BYTES_MAX);
    while !question.ends_with(b"\n") {
        if reader.read_buf(&mut question).await? == 0 {
            break;
        }
    }
    if question != QUESTION {
        return Ok(());
    }
    let strings = tokio::task::spawn_blocking(move || registry::read(&places)).await;
    let mut text = GREETING.to_owned();
    for string in strings.unwrap_or_default() {
        if text.len() + string.len() + 1 > ANSWER_BYTES_MAX {
            break;
        }
        text.push_str(&string);
        text.push('\n');
    }
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}

/// Listens on all addresses of this machine. A process that ended a moment ago is no hindrance.
fn listen(port: u16) -> std::io::Result<TcpListener> {
    let open = |domain, address: SocketAddr| {
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        if domain == Domain::IPV6 {
            socket.set_only_v6(false)?;
        }
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        TcpListener::from_std(socket.into())
    };
    open(Domain::IPV6, (Ipv6Addr::UNSPECIFIED, port).into())
        .or_else(|_| open(Domain::IPV4, (Ipv4Addr::UNSPECIFIED, port).into()))
}
