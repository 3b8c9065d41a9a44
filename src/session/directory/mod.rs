//! The directory: which servers there are on a machine (`-QR`).
//!
//! Servers of one's own account are read from files of the runtime directory. Those of other accounts and machines are
//! asked for at a TCP port, where one kdeck of a machine answers as long as it has a server that is reached through a
//! network and is not hidden: for its account, and for other processes like it, which register over loopback. What is
//! told are the strings that `.servers` lists, nothing else. The form of the answer is that of "Searching for debugging
//! servers" of Microsoft's debugger documentation.
//!
//! ```text
//! -> kdeck-directory 1
//! <- kdeck-directory 1
//! <- tcp:Port=5005,Password=*       a line for each, then the end
//! ```
//!
//! ```text
//! -> kdeck-directory 1 register     from this machine only
//! -> tcp:Port=5006,Password=*       a line for each, then an empty one; again when they change
//! <- kdeck-directory 1              they are told from now on, until the connection ends
//! ```

mod ask;
mod holder;
mod listener;
mod listening;
mod others;
mod register;
mod registry;
#[cfg(test)]
mod tests;
mod wire;

use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::registry::Published;
use crate::config::Places;

pub use self::ask::find;
pub use self::holder::holder;

/// What is asked.
const QUESTION: &[u8] = b"kdeck-directory 1\n";
/// What is said by who has a list to tell.
const REGISTRATION: &[u8] = b"kdeck-directory 1 register\n";
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
    answering: Option<Answering>,
    withdrawn: bool,
}

/// Others are answered, by this process or by one that has its strings.
#[derive(Debug)]
struct Answering {
    strings: watch::Sender<Vec<String>>,
    stop: CancellationToken,
}

/// A task for whoever owns the directory to run.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Directory {
    /// Tells of these servers, in place of those told of before. Other machines are answered at `port` if one of the
    /// servers is reached through a `network`; what keeps them from being found is told to `complain`.
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
        complain: impl Fn(String) + Send + Sync + 'static,
    ) -> Result<(), String> {
        let mut state = self.state();
        if state.withdrawn {
            return Ok(());
        }
        match (port.filter(|_| network), &state.answering) {
            (Some(_), Some(answering)) => {
                answering.strings.send_replace(strings.to_vec());
            }
            (Some(port), None) => {
                let (told, telling) = watch::channel(strings.to_vec());
                let (places, stop) = (places.clone(), CancellationToken::new());
                let stopped = stop.clone();
                state.answering = Some(Answering {
                    strings: told,
                    stop,
                });
                spawn(Box::pin(async move {
                    stopped
                        .run_until_cancelled(listener::answer(places, port, telling, complain))
                        .await;
                }));
            }
            (None, _) => stop(&mut state),
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
        answering.stop.cancel();
    }
}

/// The strings of the one list, and those of the other that are not in it.
fn merged(mut strings: Vec<String>, more: Vec<String>) -> Vec<String> {
    for string in more {
        if !strings.contains(&string) {
            strings.push(string);
        }
    }
    strings
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
