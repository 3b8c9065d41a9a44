//! The raw debug-and-chat port: people with PuTTY or `nc` see what happens at the rack, and chat once they have a name.
//!
//! Read and chat only: nothing that a device sends gets to a target. The port is closed until somebody asks for it. What
//! its lines mean is in [`proto::rawchat`](crate::proto::rawchat); here are its sockets (`port`), its people
//! (`identity`, `speech`), what they are shown (`feed`) and what is remembered of them (`file`, `store`).
//!
//! One task for each device, one that reads the transcripts for all of them, one that writes the file as long as the
//! host runs. What waits for a
//! device is bounded, and lines of logs are shared between the devices: one that does not read disturbs nobody.

mod admin;
mod device;
mod feed;
pub mod file;
mod identity;
pub mod import;
mod lines;
mod port;
pub mod record;
mod rules;
mod speech;
mod store;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::admin::DeviceEntry;
use self::device::Device;
use self::file::DeviceFile;
use self::rules::Rules;
use crate::config;
use crate::connect::ChatPort;
use crate::deck::{News, Severity};
use crate::host::Host;
use crate::link;
use crate::proto::rawchat::Arrivals;
use crate::rack::{Pattern, Rack};
use crate::session::people::Presence;
use crate::transcript::Time;

/// What the port is made of.
#[derive(Debug)]
pub struct Parts {
    /// Where its tasks run.
    pub runtime: Handle,
    /// What happens.
    pub news: News,
    /// The tasks of the host.
    pub tasks: TaskTracker,
    /// The end of the host.
    pub stop: CancellationToken,
    /// The device file.
    pub file: PathBuf,
}

/// The devices of a host, and the port through which they come.
pub struct Devices {
    parts: Parts,
    host: OnceLock<Weak<Host>>,
    state: Mutex<State>,
    /// Devices came, went, or want to see something else.
    changed: Notify,
    /// The device file is to be written.
    dirty: Notify,
    /// Held by who reads or writes the device file: what was written last is what is read next. Taken before `state`.
    disk: Mutex<()>,
}

#[derive(Default)]
struct State {
    open: Option<Open>,
    /// It is being opened.
    opening: bool,
    settings: config::Chat,
    /// Targets whose whole output devices see without asking for it.
    broadcast: Rules,
    /// What is remembered; see [`Devices::load`].
    file: DeviceFile,
    /// It was changed and not written.
    unsaved: bool,
    live: Vec<Arc<Device>>,
    /// The people of records that are here.
    present: HashMap<String, Weak<Presence>>,
    arrivals: Arrivals,
    /// The last crashes of targets, newest first.
    crashes: VecDeque<Arc<str>>,
    last_id: u64,
}

/// The port while it is open.
#[derive(Debug)]
struct Open {
    port: ChatPort,
    since: Time,
    stop: CancellationToken,
}

impl Devices {
    /// A port that is closed.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            parts,
            host: OnceLock::new(),
            state: Mutex::default(),
            changed: Notify::new(),
            dirty: Notify::new(),
            disk: Mutex::default(),
        })
    }

    /// Says whose port it is, once. From now on what changes is written to the device file.
    pub fn belong_to(self: &Arc<Self>, host: &Arc<Host>) {
        // A second time it would be the same host.
        if self.host.set(Arc::downgrade(host)).is_ok() {
            self.spawn(self.clone().save_until_the_end());
        }
    }

    /// Takes up what is configured: the form of chat, what is broadcast, and whether the port is open. Failures are told
    /// as notices.
    pub fn configure(self: &Arc<Self>, settings: &config::Chat) {
        let before = {
            let mut state = self.state();
            state.broadcast = settings.broadcast.iter().cloned().collect();
            std::mem::replace(&mut state.settings, settings.clone())
        };
        self.changed.notify_one();
        if before.port == settings.port {
            return;
        }
        if before.port.is_some() {
            self.close();
        }
        if let Some(port) = settings.port.clone() {
            let devices = self.clone();
            let open = async move {
                if let Err(reason) = devices.open(&port).await {
                    let text = format!("the chat port is not open: {reason}");
                    devices.parts.news.notice(Severity::Warning, text);
                }
            };
            self.parts.tasks.spawn_on(open, &self.parts.runtime);
        }
    }

    /// Opens the port. Tells what to type where people come from.
    ///
    /// # Errors
    /// When it is open already, cannot be had, or the device file cannot be read.
    pub async fn open(self: &Arc<Self>, port: &ChatPort) -> Result<String, String> {
        {
            let mut state = self.state();
            if let Some(open) = &state.open {
                return Err(format!(
                    "the chat port is open already, as {}; .chatport off closes it",
                    open.port
                ));
            }
            if std::mem::replace(&mut state.opening, true) {
                return Err("the chat port is being opened already".to_owned());
            }
        }
        let opened = self.prepare(port).await;
        self.state().opening = false;
        let (listeners, stop) = opened?;
        for (listener, chat_only) in listeners {
            self.spawn(port::listen(
                self.clone(),
                listener,
                chat_only,
                stop.clone(),
            ));
        }
        self.spawn(feed::run(self.clone(), stop));
        Ok(self.describe())
    }

    async fn prepare(
        self: &Arc<Self>,
        port: &ChatPort,
    ) -> Result<(Vec<(link::Listener, bool)>, CancellationToken), String> {
        let (devices, host) = (self.clone(), self.host());
        let prepare = move || {
            // Whoever comes in is recorded.
            host.map_or(Ok(()), |host| host.open_audit())?;
            devices.load()
        };
        let prepared = tokio::task::spawn_blocking(prepare).await;
        prepared.unwrap_or_else(|error| Err(error.to_string()))?;
        let mut listeners = Vec::new();
        for (number, chat_only) in [(Some(port.port), false), (port.chat_port, true)] {
            let Some(number) = number else { continue };
            let listener = link::listen_tcp(port.address, number).await;
            listeners.push((listener.map_err(|error| error.to_string())?, chat_only));
        }
        let stop = self.parts.stop.child_token();
        self.state().open = Some(Open {
            port: port.clone(),
            since: Time::now(),
            stop: stop.clone(),
        });
        Ok((listeners, stop))
    }

    /// Closes the port; the devices are told. False if it was not open.
    pub fn close(&self) -> bool {
        let mut state = self.state();
        let Some(open) = state.open.take() else {
            return false;
        };
        for device in &state.live {
            device.say(">> The port is closed.");
        }
        drop(state);
        open.stop.cancel();
        true
    }

    /// The port, while it is open.
    #[must_use]
    pub fn port(&self) -> Option<ChatPort> {
        let state = self.state();
        state.open.as_ref().map(|open| open.port.clone())
    }

    /// How the port is, in a few lines.
    #[must_use]
    pub fn describe(&self) -> String {
        let state = self.state();
        let Some(open) = &state.open else {
            return "the chat port is closed; .chatport tcp:port=3014 opens it to this machine"
                .to_owned();
        };
        let name = match open.port.address {
            address if address.is_loopback() => "127.0.0.1".to_owned(),
            address if address.is_unspecified() => super::machine_name(),
            address => address.to_string(),
        };
        let since = open.since.timestamp();
        let since = since.to_zoned(jiff::tz::TimeZone::system());
        let mut text = format!(
            "the chat port is open since {}: {}, {} devices connected\njoin with: nc {name} {}",
            since.strftime("%H:%M:%S"),
            open.port,
            state.live.len(),
            open.port.port
        );
        if let Some(second) = open.port.chat_port {
            text.push_str(&format!("\nchat alone: nc {name} {second}"));
        }
        text
    }

    /// Has devices see the whole output of the targets that `pattern` means, or only what those ask for.
    ///
    /// # Errors
    /// When too much was chosen already.
    pub fn broadcast(&self, pattern: Pattern, on: bool) -> Result<(), String> {
        self.state().broadcast.set(pattern, on)?;
        self.changed.notify_one();
        Ok(())
    }

    /// The names of the targets whose whole output devices see.
    #[must_use]
    pub fn broadcasting(&self, rack: &Rack) -> Vec<String> {
        let state = self.state();
        let targets = rack.targets().iter();
        let chosen = targets.filter(|target| state.broadcast.choice(target) == Some(true));
        chosen.map(|target| target.name.clone()).collect()
    }

    fn host(&self) -> Option<Arc<Host>> {
        self.host.get()?.upgrade()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.parts.tasks.spawn_on(task, &self.parts.runtime);
    }

    fn audit(&self, what: &'static str, fields: &[(&'static str, &str)]) {
        if let Some(host) = self.host() {
            host.audit(what, fields);
        }
    }
}

impl State {
    /// The device file is to be written.
    fn change_file(&mut self, devices: &Devices) {
        self.unsaved = true;
        devices.dirty.notify_one();
    }

    /// Whether a record is in use.
    fn is_live(live: &[Arc<Device>], key: &str) -> bool {
        live.iter().any(|device| device.key() == key)
    }
}

impl fmt::Debug for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Devices").finish_non_exhaustive()
    }
}
