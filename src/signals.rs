//! The signals that end a run in an orderly way.

use std::io;

use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What a run does when its terminal is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hangup {
    /// It ends.
    Ends,
    /// It goes on.
    Ignored,
}

/// A token that is cancelled when the process is told to end (SIGTERM, SIGINT), or loses its terminal (SIGHUP) where that
/// ends it.
///
/// # Errors
/// When the system does not let signals be caught.
pub fn stop_token(engine: &Handle, hangup: Hangup) -> io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let _inside = engine.enter();
    for kind in [
        SignalKind::terminate(),
        SignalKind::interrupt(),
        SignalKind::hangup(),
    ] {
        let (mut signal, token) = (signal(kind)?, token.clone());
        if kind == SignalKind::hangup() && hangup == Hangup::Ignored {
            // Caught, and of no consequence.
            continue;
        }
        engine.spawn(async move {
            signal.recv().await;
            token.cancel();
        });
    }
    Ok(token)
}

/// A token that is cancelled by SIGTERM. An interrupt and a hang-up mean nothing from here on.
///
/// # Errors
/// When the system does not let signals be caught.
pub fn terminated(engine: &Handle) -> io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let _inside = engine.enter();
    let (mut terminate, told) = (signal(SignalKind::terminate())?, token.clone());
    for kind in [SignalKind::interrupt(), SignalKind::hangup()] {
        // Caught from now on, whoever listens.
        drop(signal(kind)?);
    }
    engine.spawn(async move {
        terminate.recv().await;
        told.cancel();
    });
    Ok(token)
}
