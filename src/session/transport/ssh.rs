//! Through SSH: `ssh HOST kdeck pipe` on this side, what it runs on the other.
//!
//! The other machine's SSH server says who may; kdeck opens no port there. `kdeck pipe` says a word before the session's
//! bytes: what a shell prints when it starts is told from them, and the dialling end knows that it got through.

mod relay;

use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, Join, ReadBuf, join};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::time::{Instant, timeout_at};

pub use self::relay::pipe;
#[cfg(test)]
pub(super) use self::relay::relay;
use super::Settings;
use crate::transcript::safe::plain;

/// The session's bytes through an SSH client. Dropped, that ends.
pub struct SshStream {
    bytes: Join<ChildStdout, ChildStdin>,
    _child: Child,
}

/// What the other machine is told.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    pub user: Option<&'a str>,
    pub host: &'a str,
    pub port: Option<u16>,
    pub pipe: Option<&'a str>,
}

/// Starts SSH and waits until the other machine is through to its server. What SSH says meanwhile is told as stages.
///
/// # Errors
/// In words: what SSH, or kdeck on the other machine, said last.
pub async fn dial(
    to: Destination<'_>,
    settings: &Settings,
    stage: &mut (dyn FnMut(&str) + Send),
) -> Result<SshStream, String> {
    let (program, arguments) = settings
        .ssh
        .split_first()
        .ok_or("the settings name no SSH client: `ssh = [\"ssh\"]` is the usual one")?;
    stage(&format!("starting {program} to {}", to.host));
    let mut child = Command::new(program)
        .args(arguments)
        .args(own_arguments(to, &settings.ssh_remote))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => format!("there is no program {program}: install an SSH client, or name yours in the settings"),
            _ => format!("cannot start {program}: {error}"),
        })?;
    let taken = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(stdin), Some(mut stdout), Some(stderr)) = taken else {
        return Err(format!("cannot start {program}: it has no pipes"));
    };
    let (said, mut saying) = mpsc::channel(SAID_MAX);
    // on its own: what SSH says later must not stop it
    tokio::spawn(hear(stderr, said));
    let deadline = Instant::now() + THROUGH_WAIT;
    let mut last = String::new();
    let ended = {
        let through = through(&mut stdout);
        tokio::pin!(through);
        loop {
            tokio::select! {
                biased;
                Some(line) = saying.recv() => {
                    if !line.trim().is_empty() {
                        stage(&line);
                        last = line;
                    }
                }
                through = timeout_at(deadline, &mut through) => break through,
            }
        }
    };
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(noise)) => {
            // it is ending, and what it says last is the reason
            drop(stdin);
            let grace = Instant::now() + LAST_WORDS_WAIT;
            while let Ok(Some(line)) = timeout_at(grace, saying.recv()).await {
                if !line.trim().is_empty() {
                    stage(&line);
                    last = line;
                }
            }
            let status = match timeout_at(grace, child.wait()).await {
                Ok(Ok(status)) => status.code(),
                _ => None,
            };
            return Err(reason(to, &settings.ssh_remote, &last, &noise, status));
        }
        Err(_) => {
            return Err(format!(
                "{} did not get through to {} within {} s{}",
                program,
                to.host,
                THROUGH_WAIT.as_secs(),
                if last.is_empty() {
                    String::new()
                } else {
                    format!("; it said: {last}")
                }
            ));
        }
    }
    Ok(SshStream {
        bytes: join(stdout, stdin),
        _child: child,
    })
}

/// Hands on what SSH says, a line each, as long as somebody listens; what it says later is for the log.
async fn hear(mut stderr: ChildStderr, said: mpsc::Sender<String>) {
    let mut line = Vec::new();
    let mut buffer = [0; 1024];
    while let Ok(length @ 1..) = stderr.read(&mut buffer).await {
        for byte in buffer.iter().take(length) {
            if *byte == b'\n' {
                tell(&said, &line);
                line.clear();
            } else if line.len() < SAID_BYTES_MAX {
                line.push(*byte);
            }
        }
    }
    tell(&said, &line);
}

fn tell(said: &mpsc::Sender<String>, line: &[u8]) {
    let words = plain(line).into_owned();
    if let Err(TrySendError::Closed(words)) = said.try_send(words)
        && !words.trim().is_empty()
    {
        tracing::info!(words, "ssh");
    }
}

/// Options of our own come after those of the settings, which win.
fn own_arguments(to: Destination<'_>, remote: &str) -> Vec<String> {
    // nothing may ask on our terminal, which is a full screen
    let mut arguments: Vec<String> = ["-T", "-o", "BatchMode=yes"].map(str::to_owned).to_vec();
    if let Some(port) = to.port {
        arguments.extend(["-p".to_owned(), port.to_string()]);
    }
    if let Some(user) = to.user {
        arguments.extend(["-l".to_owned(), user.to_owned()]);
    }
    arguments.push(to.host.to_owned());
    arguments.extend([remote.to_owned(), "pipe".to_owned()]);
    arguments.extend(to.pipe.map(str::to_owned));
    arguments
}

/// Waits for the word of `kdeck pipe`; what came before the end instead is the error.
async fn through(stdout: &mut ChildStdout) -> Result<(), Vec<u8>> {
    let mut seen = Vec::new();
    while seen.len() < NOISE_BYTES_MAX {
        // byte by byte: what follows belongs to the session
        match stdout.read_u8().await {
            Ok(byte) => seen.push(byte),
            Err(_) => return Err(seen),
        }
        if seen.ends_with(THROUGH) {
            return Ok(());
        }
    }
    Err(seen)
}

fn reason(
    to: Destination<'_>,
    remote: &str,
    last: &str,
    noise: &[u8],
    status: Option<i32>,
) -> String {
    let host = to.host;
    match status {
        // how a shell says that there is no such program
        Some(127) => format!(
            "there is no program {remote} on {host}: install it there, or set `ssh_remote` to where it is"
        ),
        _ if !last.is_empty() => format!("through SSH to {host}: {last}"),
        _ => match plain(
            noise
                .split(|byte| *byte == b'\n')
                .next()
                .unwrap_or_default(),
        )
        .trim()
        {
            "" => format!("SSH to {host} ended without a word"),
            words => format!("{host} said `{words}` instead of starting {remote} pipe"),
        },
    }
}

impl AsyncRead for SshStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().bytes).poll_read(context, buffer)
    }
}

impl AsyncWrite for SshStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().bytes).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().bytes).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().bytes).poll_shutdown(context)
    }
}

/// What `kdeck pipe` says once it is connected.
const THROUGH: &[u8] = b"\nkdeck pipe 1\n";
/// What a shell may print before. Bytes.
const NOISE_BYTES_MAX: usize = 64 * 1024;
/// Lines of SSH that wait to be told.
const SAID_MAX: usize = 64;
/// The rest of a longer line is left out. Bytes.
const SAID_BYTES_MAX: usize = 1024;
/// How long an SSH client that ends is listened to.
const LAST_WORDS_WAIT: Duration = Duration::from_secs(2);
/// How long SSH may take: it has time-outs of its own, and keys that have to be touched.
const THROUGH_WAIT: Duration = Duration::from_secs(60);
