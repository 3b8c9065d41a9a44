//! Serial lines that sessions share: one task a device and process drives [`proto::session::line`] and owns the device;
//! listeners, connections and whoever dials talk to it through what they share.
//!
//! [`proto::session::line`]: crate::proto::session::line

mod driver;
mod stream;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;
use std::time::Instant;

use tokio::sync::{Notify, mpsc, oneshot};

pub use self::stream::LineStream;
use crate::connect::{ComChannel, DataBits, FlowControl, Parity, SerialLine, StopBits};
use crate::link::{Stream, open_serial};
use crate::proto::session::line::{End, Id, Line};

/// The lines of this process that are open, by device.
#[derive(Clone, Debug, Default)]
pub struct Lines(Arc<Mutex<HashMap<PathBuf, Weak<Shared>>>>);

/// What a line's task shares with those who use the line.
#[derive(Debug)]
struct Shared {
    /// As it was first written.
    device: PathBuf,
    baud: u32,
    state: Mutex<State>,
    /// Tells the task that there is something to do.
    wake: Notify,
}

#[derive(Debug)]
struct State {
    line: Line,
    readers: HashMap<Id, Waker>,
    writers: HashMap<Id, Waker>,
    listeners: HashMap<u8, mpsc::Sender<LineStream>>,
    openings: HashMap<Id, oneshot::Sender<Result<(), End>>>,
    /// Why there is no device just now.
    lost: Option<String>,
}

/// Takes connections on a channel.
#[derive(Debug)]
pub struct ChannelListener {
    shared: Arc<Shared>,
    channel: u8,
    accepted: mpsc::Receiver<LineStream>,
}

impl Lines {
    /// Listens on a channel.
    ///
    /// # Errors
    /// In words: the device cannot be had, or somebody here uses the channel.
    pub fn listen(&self, com: &ComChannel) -> Result<ChannelListener, String> {
        let shared = self.shared(com)?;
        let (sender, accepted) = mpsc::channel(ACCEPTED_MAX);
        {
            let mut state = shared.lock();
            if !state.line.listen(com.channel) {
                return Err(format!(
                    "channel {} of {} already has a server",
                    com.channel,
                    com.device.display()
                ));
            }
            state.listeners.insert(com.channel, sender);
        }
        shared.wake.notify_one();
        Ok(ChannelListener {
            shared,
            channel: com.channel,
            accepted,
        })
    }

    /// Connects to whoever listens on the channel at the other end.
    ///
    /// # Errors
    /// In words: the device cannot be had, somebody here uses the channel, or the other end does not answer.
    pub async fn open(&self, com: &ComChannel) -> Result<LineStream, String> {
        let shared = self.shared(com)?;
        let id = Id {
            channel: com.channel,
            connection: fastrand::u32(..),
        };
        let (sender, opened) = oneshot::channel();
        {
            let mut state = shared.lock();
            if let Some(lost) = &state.lost {
                return Err(lost.clone());
            }
            if !state.line.open(Instant::now(), id) {
                return Err(format!(
                    "this kdeck already uses channel {} of {}",
                    com.channel,
                    com.device.display()
                ));
            }
            state.openings.insert(id, sender);
        }
        let stream = LineStream::new(shared.clone(), id);
        shared.wake.notify_one();
        match opened.await.unwrap_or(Err(End::Line)) {
            Ok(()) => Ok(stream),
            Err(end @ End::NoAnswer) => Err(format!(
                "{end}: is the other machine's server started, and is its rate {} baud too?",
                com.baud
            )),
            Err(end) => Err(end.to_string()),
        }
    }

    /// The line of the device, opened if it is not.
    fn shared(&self, com: &ComChannel) -> Result<Arc<Shared>, String> {
        // two names of one device are one line
        let key = com.device.canonicalize();
        let key = key.unwrap_or_else(|_| com.device.clone());
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lines.get(&key).and_then(Weak::upgrade);
        // an adapter that was plugged in again may be another device by now, under the link's old name
        let known = known.or_else(|| {
            let mut open = lines.values().filter_map(Weak::upgrade);
            open.find(|shared| shared.device == com.device)
        });
        if let Some(shared) = known {
            if shared.baud != com.baud {
                return Err(format!(
                    "{} is open with {} baud, which all its channels share; asked for are {}",
                    com.device.display(),
                    shared.baud,
                    com.baud
                ));
            }
            return Ok(shared);
        }
        let stream = open(&com.device, com.baud)?;
        let shared = Arc::new(Shared {
            device: com.device.clone(),
            baud: com.baud,
            state: Mutex::new(State {
                line: Line::new(com.baud),
                readers: HashMap::new(),
                writers: HashMap::new(),
                listeners: HashMap::new(),
                openings: HashMap::new(),
                lost: None,
            }),
            wake: Notify::new(),
        });
        lines.insert(key.clone(), Arc::downgrade(&shared));
        tokio::spawn(driver::drive(shared.clone(), self.clone(), key, stream));
        Ok(shared)
    }

    /// Closes the device if nobody uses it any more: nobody can begin to meanwhile. Hands it back otherwise.
    fn close(&self, key: &Path, shared: &Arc<Shared>, stream: Stream) -> Option<Stream> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::strong_count(shared) > 1 || !shared.lock().line.is_idle() {
            return Some(stream);
        }
        lines.remove(key);
        drop(stream);
        None
    }

    fn forget(&self, key: &Path) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.remove(key);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChannelListener {
    /// The next connection. Safe to cancel.
    pub async fn accept(&mut self) -> LineStream {
        match self.accepted.recv().await {
            Some(stream) => stream,
            // the sender is in what we share, and stays there as long as we do
            None => std::future::pending().await,
        }
    }
}

impl Drop for ChannelListener {
    fn drop(&mut self) {
        {
            let mut state = self.shared.lock();
            state.line.unlisten(self.channel);
            state.listeners.remove(&self.channel);
        }
        self.shared.wake.notify_one();
    }
}

fn open(device: &Path, baud: u32) -> Result<Stream, String> {
    let line = SerialLine {
        device: device.to_owned(),
        baud,
        bits: DataBits::default(),
        parity: Parity::default(),
        stop: StopBits::default(),
        flow: FlowControl::default(),
    };
    open_serial(&line)
        .map(Stream::Serial)
        .map_err(|error| error.to_string())
}

/// Connections on a channel that wait to be taken; the other end has one at a time.
const ACCEPTED_MAX: usize = 2;
