//! The other side of `ssh:` strings: joins standard input and output to a server on a pipe of this machine.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::thread;

use tokio::sync::mpsc;

use super::super::pipe as pipes;
use super::THROUGH;
use crate::config::Places;

/// Connects standard input and output to the server on pipe `name`, or to the only one there is, and carries bytes until
/// either end is closed. A thread may still be reading standard input afterwards: the process is to end.
///
/// # Errors
/// In words, for standard error: there is no such server, or several to choose from.
pub async fn pipe(places: &Places, name: Option<&str>) -> Result<(), String> {
    relay(places, name, io::stdin(), io::stdout()).await
}

/// The same between any two ends.
pub(in super::super) async fn relay(
    places: &Places,
    name: Option<&str>,
    input: impl Read + Send + 'static,
    mut output: impl Write + Send + 'static,
) -> Result<(), String> {
    let name = match name {
        Some(name) => name.to_owned(),
        // whether a server answers is found out by connecting to it, which it notices: only if there is a choice
        None => match pipes::sockets(places, pipes::Kind::Npipe) {
            several if several.len() > 1 => only(pipes::served(places, pipes::Kind::Npipe))?,
            one => only(one)?,
        },
    };
    let (stream, _) = pipes::dial(places, pipes::Kind::Npipe, &name).await?;
    let blocking = || {
        let stream = stream.into_std()?;
        stream.set_nonblocking(false)?;
        Ok((stream.try_clone()?, stream))
    };
    let (to, from) = blocking().map_err(|error: io::Error| error.to_string())?;
    output
        .write_all(THROUGH)
        .and_then(|()| output.flush())
        .map_err(|error| format!("standard output: {error}"))?;
    let (done, mut ended) = mpsc::channel::<()>(2);
    let finish = done.clone();
    // threads: standard input cannot be waited for in any other way, whatever it is
    thread::spawn(move || {
        // either end may close first: that is how a session ends
        copy(input, &to).ok();
        to.shutdown(Shutdown::Both).ok();
        finish.blocking_send(()).ok();
    });
    thread::spawn(move || {
        copy(&from, output).ok();
        from.shutdown(Shutdown::Both).ok();
        done.blocking_send(()).ok();
    });
    ended.recv().await;
    Ok(())
}

/// As [`io::copy`], but what was read is handed on at once.
fn copy(mut from: impl Read, mut to: impl Write) -> io::Result<()> {
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        let length = match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        to.write_all(buffer.get(..length).unwrap_or_default())?;
        to.flush()?;
    }
}

fn only(mut names: Vec<String>) -> Result<String, String> {
    match (names.pop(), names.is_empty()) {
        (Some(name), true) => Ok(name),
        (Some(last), false) => Err(format!(
            "several servers are open on pipes here, name one of them: pipe={}, pipe={last}",
            names.join(", pipe=")
        )),
        (None, _) => Err(
            "no server of yours is open on a pipe here: open one with `kdeck -server npipe:pipe=lab`"
                .to_owned(),
        ),
    }
}

/// What is carried at once. Bytes: as much as TLS puts into one record.
const COPY_BYTES: usize = 16 * 1024;
