//! Telling other machines: one process of a machine answers for all of its account and for others that register with it.

use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::others::Others;
use super::register::register;
use super::{ANSWER_BYTES_MAX, GREETING, QUESTION, REGISTRATION, registry, wire};
use crate::config::Places;
use crate::session::guard::Origin;
use crate::session::transport::tcp;

/// While neither the port can be had nor who has it takes our list, both are tried so often.
const TAKE_OVER_EVERY: Duration = Duration::from_secs(2);
/// Who took our list has ended: its port is free, and several may be after it.
const ENDED_PAUSE: Duration = Duration::from_millis(250);
/// So many failures in a row are told of: one may be that others were asking just then.
const TELL_AFTER: u32 = 2;
/// One who asks is answered within this time, or not at all.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Answered at once. Who comes then is hung up on.
const AT_ONCE: usize = 8;
/// Of these, so many from one address of a network: who asks and then says nothing keeps out nobody but himself.
const AT_ONCE_EACH: usize = 2;
/// And so many from this machine, where several accounts may ask and register.
const AT_ONCE_HERE: usize = 4;
/// Answers follow each other at least so far apart: twenty a second are plenty for people, and cost a machine nothing.
pub(super) const PAUSE: Duration = Duration::from_millis(50);
/// Longest question that is read, bytes.
const QUESTION_BYTES_MAX: usize = 64;

/// Answers at `port` until it is dropped. While another process does, it has `strings`, and is told what they become.
/// What keeps others from finding them is told to `complain`, once until it goes well again.
pub(super) async fn answer(
    places: Places,
    port: u16,
    mut strings: watch::Receiver<Vec<String>>,
    complain: impl Fn(String),
) {
    let mut failures = 0;
    loop {
        let reason = match tcp::bind(port, false) {
            Ok(listener) => return serve(&listener, &places).await,
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                match register(port, &mut strings).await {
                    Ok(()) => {
                        failures = 0;
                        sleep(ENDED_PAUSE).await;
                        continue;
                    }
                    Err(reason) => format!(
                        "another program holds TCP port {port} and takes no list of servers ({reason}); \
                         `ss -ltnp` shows it"
                    ),
                }
            }
            Err(error) => format!("TCP port {port} cannot be opened: {error}"),
        };
        failures += 1;
        if failures == TELL_AFTER {
            complain(format!(
                "others will not find the servers of this host: {reason}. `directory` in [server] sets another port, \
                 or false"
            ));
        }
        sleep(TAKE_OVER_EVERY).await;
    }
}

/// Answers whoever comes to `listener`. Dropped, it hangs up on all, so that who registered looks for another.
pub(super) async fn serve(listener: &TcpListener, places: &Places) {
    let turns = Arc::<Turns>::default();
    let others = Arc::<Others>::default();
    let mut tasks = JoinSet::new();
    loop {
        if let Ok((stream, address)) = listener.accept().await {
            let origin = Origin::new("tcp", Some(address.ip()));
            if let Some(turn) = turns.take(origin) {
                let asking = Asking {
                    stream: BufReader::new(stream),
                    turn,
                    places: places.clone(),
                    others: others.clone(),
                };
                // Whoever asks too slowly, or asks something else, gets no answer.
                tasks.spawn(async move { asking.answer().await.ok() });
            }
        }
        while tasks.try_join_next().is_some() {}
        sleep(PAUSE).await;
    }
}

/// One who came.
struct Asking {
    stream: BufReader<TcpStream>,
    turn: Turn,
    places: Places,
    others: Arc<Others>,
}

impl Asking {
    async fn answer(mut self) -> io::Result<()> {
        let asked = wire::line(&mut self.stream, QUESTION_BYTES_MAX);
        let question = timeout(ANSWER_WITHIN, asked).await??;
        if question == QUESTION {
            return timeout(ANSWER_WITHIN, self.tell()).await?;
        }
        if question == REGISTRATION && self.turn.origin.is_here() {
            return self.others.hold(self.stream, self.turn).await;
        }
        Ok(())
    }

    async fn tell(self) -> io::Result<()> {
        let places = self.places;
        let own = tokio::task::spawn_blocking(move || registry::read(&places)).await;
        let strings = super::merged(own.unwrap_or_default(), self.others.strings());
        let mut text = GREETING.to_owned();
        for string in strings {
            if text.len() + string.len() + 1 > ANSWER_BYTES_MAX {
                break;
            }
            text.push_str(&string);
            text.push('\n');
        }
        let mut stream = self.stream.into_inner();
        stream.write_all(text.as_bytes()).await?;
        stream.shutdown().await
    }
}

/// Whom is being answered.
#[derive(Debug, Default)]
struct Turns(Mutex<Vec<Origin>>);

impl Turns {
    /// A turn for one from there, unless there are too many.
    fn take(self: &Arc<Self>, origin: Origin) -> Option<Turn> {
        let mut taken = self.taken();
        let most = match origin.is_here() {
            true => AT_ONCE_HERE,
            false => AT_ONCE_EACH,
        };
        let same = taken.iter().filter(|other| **other == origin).count();
        if taken.len() >= AT_ONCE || same >= most {
            return None;
        }
        taken.push(origin);
        Some(Turn {
            turns: self.clone(),
            origin,
        })
    }

    fn taken(&self) -> MutexGuard<'_, Vec<Origin>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A turn; the next one's when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Arc<Turns>,
    origin: Origin,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut taken = self.turns.taken();
        if let Some(at) = taken.iter().position(|origin| *origin == self.origin) {
            taken.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_few_turns_and_leaves_some_to_others() {
        let turns = Arc::<Turns>::default();
        let from = |last: u8| Origin::new("tcp", Some([10, 0, 0, last].into()));
        let mut held: Vec<Turn> = (0..20).filter_map(|_| turns.take(from(1))).collect();
        assert_eq!(held.len(), AT_ONCE_EACH);
        held.extend(turns.take(from(2)));
        held.extend((3..20).filter_map(|last| turns.take(from(last))));
        assert_eq!(held.len(), AT_ONCE);
        held.remove(0);
        assert!(turns.take(from(1)).is_some());
    }
}
