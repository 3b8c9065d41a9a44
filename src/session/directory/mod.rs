//! The directory: which servers there are on a machine (`-QR`).
//!
//! On this machine it is read from files of the runtime directory; another machine is asked at a TCP port, where one
//! kdeck of an account answers for all of them as long as it has a server that is reached through a network and is not
//! hidden. What is told are the strings that `.servers` lists, nothing else. The form of the answer is that of
//! "Searching for debugging servers" of Microsoft's debugger documentation.
//!
//! ```text
//! -> kdeck-directory 1
//! <- kdeck-directory 1
//! <- tcp:Port=5005,Password=*       a line for each, then the end
//! ```

mod ask;
mod listener;
mod registry;
#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use self::registry::Published;
use crate::config::Places;

pub use self::ask::find;

/// What is asked.
const QUESTION: &[u8] = b"kdeck-directory 1\n";
/// How the answer begins.
const GREETING: &str = "kdeck-directory 1\n";
/// Longest answer, bytes: some hundreds of servers.
const ANSWER_BYTES_MAX: usize = 16 << 10;

/// A server that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// As `.servers` lists it.
    pub string: String,
    /// What to join it with, without its password; `None` if it cannot be joined from here.
    pub join: Option<String>,
    /// Whether something answers where it should be; always true of what cannot be tried.
    pub responds: bool,
}

/// What this process tells of its servers.
#[derive(Debug, Default)]
pub struct Directory(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    published: Option<Published>,
    /// Ends the answering of other machines.
    answering: Option<CancellationToken>,
    withdrawn: bool,
}

/// A task for whoever owns the directory to run.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Directory {
    /// Tells of these servers, in place of those told of before. Other machines are answered at `port` if one of the
    /// servers is reached through a `network`.
    ///
    /// # Errors
    /// In words: the file cannot be written.
    pub(crate) fn publish(
        &self,
        places: &Places,
        strings: &[String],
        network: bool,
        port: Option<u16>,
        spawn: impl FnOnce(Task),
    ) -> Result<(), String> {
        let mut state = self.state();
        if state.withdrawn {
            return Ok(());
        }
        match port.filter(|_| network) {
            Some(port) if state.answering.is_none() => {
                let stop = CancellationToken::new();
                let (places, stopped) = (places.clone(), stop.clone());
                state.answering = Some(stop);
                spawn(Box::pin(async move {
                    stopped
                        .run_until_cancelled(listener::answer(places, port))
                        .await;
                }));
            }
            Some(_) => {}
            None => stop(&mut state),
        }
        if strings.is_empty() {
            state.published = None;
            return Ok(());
        }
        let published = Published::write(places, strings).map_err(|error| {
            let place = places.runtime_dir.display();
            format!("others will not find the servers of this host: {place}: {error}")
        })?;
        if let Some(old) = state.published.replace(published) {
            old.replaced();
        }
        Ok(())
    }

    /// Tells nothing any more.
    pub(crate) fn withdraw(&self) {
        let mut state = self.state();
        state.withdrawn = true;
        state.published = None;
        stop(&mut state);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stop(state: &mut State) {
    if let Some(answering) = state.answering.take() {
        answering.cancel();
    }
}

/// What `-QR` prints: the machine as it was typed, and its servers.
#[must_use]
pub fn text(machine: &str, found: &[Found]) -> String {
    let mut text = format!("Servers on {machine}:\n");
    for server in found {
        let note = if server.responds {
            ""
        } else {
            " <not responding>"
        };
        text.push_str(&format!("Debugger Server - {}{note}\n", server.string));
    }
    text
}
