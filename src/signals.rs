//! The signals that end a run in an orderly way.

use std::io;

use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that is cancelled when the process is told to end (SIGTERM, SIGINT) or loses its terminal (SIGHUP).
///
/// # Errors
/// When the system does not let signals be caught.
pub fn stop_token(engine: &Handle) -> io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let _inside = engine.enter();
    for kind in [
        SignalKind::terminate(),
        SignalKind::interrupt(),
        SignalKind::hangup(),
    ] {
        let (mut signal, token) = (signal(kind)?, token.clone());
        engine.spawn(async move {
            signal.recv().await;
            token.cancel();
        });
    }
    Ok(token)
}
