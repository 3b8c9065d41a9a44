//! The threads on which clients are served: few, and after all others where processors are scarce.
//!
//! However many watch, and however much they are sent: the targets are read first, on the engine's own threads. On one
//! runtime each client would have as large a share of the processors as a target.

use std::io;
use std::sync::{Mutex, PoisonError};

use tokio::runtime::{Builder, Handle, Runtime};

/// Threads. One encrypts about a gigabyte a second; a second one, so that somebody's login holds nobody up.
const THREADS: usize = 2;
/// By how much they come after others (`nice`): some hundredths of a processor that others could use up, all of one that is
/// free.
#[cfg(target_os = "linux")]
const NICE: i32 = 15;

/// There is one crew in a process; it ends with it.
static CREW: Mutex<Option<Runtime>> = Mutex::new(None);

/// The runtime that serves clients, started when the first server is opened.
///
/// # Errors
/// The system has no thread to give.
pub(super) fn crew() -> io::Result<Handle> {
    let mut crew = CREW.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = &*crew {
        return Ok(runtime.handle().clone());
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("session")
        .on_thread_start(step_back)
        .enable_all()
        .build()?;
    Ok(crew.insert(runtime).handle().clone())
}

/// Lets the calling thread come after others. It does its work without that, too.
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "clients are served with the same priority as targets");
    }
}
