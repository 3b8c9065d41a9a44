//! Servers of other accounts of this machine, which told of them.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::listener::{ANSWER_WITHIN, PAUSE, Turn};
use super::{GREETING, wire};

/// Processes that register at once. Each costs a task, a socket and its list, at most 32 KiB.
const OTHERS_MAX: usize = 32;

/// What they told, each until its connection ends.
#[derive(Debug, Default)]
pub(super) struct Others(Mutex<Lists>);

#[derive(Debug, Default)]
struct Lists {
    next: u64,
    lists: BTreeMap<u64, Vec<String>>,
}

impl Others {
    /// Who came in `turn` tells of its servers over `stream` from now on. Ends with the stream, or by what is wrong with it.
    pub(super) async fn hold(
        self: &Arc<Self>,
        mut stream: BufReader<TcpStream>,
        turn: Turn,
    ) -> io::Result<()> {
        let Some(entry) = self.enter() else {
            return Ok(());
        };
        entry.tells(timeout(ANSWER_WITHIN, wire::list(&mut stream)).await??);
        stream.get_mut().write_all(GREETING.as_bytes()).await?;
        drop(turn);
        // Silent as long as nothing changes.
        while !stream.fill_buf().await?.is_empty() {
            entry.tells(timeout(ANSWER_WITHIN, wire::list(&mut stream)).await??);
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// All of it, in the order in which they came.
    pub(super) fn strings(&self) -> Vec<String> {
        self.lists().lists.values().flatten().cloned().collect()
    }

    fn enter(self: &Arc<Self>) -> Option<Entry> {
        let mut lists = self.lists();
        if lists.lists.len() >= OTHERS_MAX {
            return None;
        }
        let number = lists.next;
        lists.next += 1;
        lists.lists.insert(number, Vec::new());
        Some(Entry {
            others: self.clone(),
            number,
        })
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The list of one of them, until it is dropped.
struct Entry {
    others: Arc<Others>,
    number: u64,
}

impl Entry {
    fn tells(&self, strings: Vec<String>) {
        self.others.lists().lists.insert(self.number, strings);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.others.lists().lists.remove(&self.number);
    }
}
