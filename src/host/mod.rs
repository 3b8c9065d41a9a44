//! The engine that owns the targets; it runs with or without a screen.

mod logs;
mod minding;
mod seats;
mod sessions;
mod steering;
#[cfg(test)]
mod tests;
mod typing;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, Overrides, Places, Problems};
use crate::connect::TargetString;
use crate::deck::{Asked, News};
use crate::rack::{Rack, TargetId};
use crate::session::audit::Audit;
use crate::session::devices::{self, Devices};
use crate::session::directory::Directory;
use crate::session::people::{Arrival, Eviction, Presence, Seated};
use crate::session::server::Servers;
use crate::session::server::lobby::Lobby;
use crate::session::transport::Trust;
use crate::session::{Author, Chat, People, Permission, Person};
use crate::target::netconsole::Ports;
use crate::target::{Request, debugger};
use crate::transcript::log::LogWriter;
use crate::transcript::{Kind, Time};

use self::logs::Logs;
use self::seats::Seats;
use self::steering::Steering;
use self::typing::Typing;

pub(crate) use self::sessions::may;

/// How long targets have to close their links when the host ends.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long the audit log has to be written when the host ends.
const LAST_RECORDS: Duration = Duration::from_secs(2);
/// How long the logs have to be written when the host ends.
const LAST_WRITE: Duration = Duration::from_secs(5);

/// Why everybody leaves in the end, if nobody wanted it so.
const ENDED: &str = "the host ended";
/// Said to an observer who writes.
pub(crate) const OBSERVER: &str = "you watch: an observer does not steer targets";
/// Said to an operator who uses files of the host's machine.
const FILES: &str = "files of the host are for its owner alone; [server] allow = [\"files\"] of its configuration lets operators use them";

/// Reads the configuration anew, command line included.
pub type Source = Box<dyn Fn() -> Result<Config, Problems> + Send + Sync>;

/// All targets of this process and what belongs to them.
pub struct Host {
    runtime: Handle,
    news: News,
    people: Arc<People>,
    chat: Arc<Chat>,
    /// The person at this process itself.
    me: Mutex<Option<Presence>>,
    devices: Arc<Devices>,
    lobby: Arc<Lobby>,
    /// The end of the session for everybody, and who wanted it.
    over: Eviction,
    /// Differs from that of any other host.
    run: u64,
    tasks: TaskTracker,
    stop: CancellationToken,
    ports: Ports,
    places: Places,
    source: Source,
    logs: Arc<Logs>,
    servers: Servers,
    directory: Directory,
    steering: Steering,
    typing: Typing,
    audit: OnceLock<Audit>,
    trust: OnceCell<Arc<Trust>>,
    /// `.shell` is forbidden for good.
    no_shell: AtomicBool,
    seats: Mutex<Seats>,
}

impl Host {
    /// A host with the targets of `config`, whose actors run on `runtime`. `source` reads the configuration again; what
    /// happens is told to `news`.
    ///
    /// # Errors
    /// When the system has no thread for the logs.
    pub fn start(
        config: Config,
        places: Places,
        source: Source,
        runtime: Handle,
        news: News,
    ) -> std::io::Result<Arc<Self>> {
        let events = news.sender();
        let minded = events.subscribe();
        let writer = LogWriter::start(logs::settings(&config, &places), &news.pulse())?;
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let devices = Devices::new(devices::Parts {
            runtime: runtime.clone(),
            news: news.clone(),
            tasks: tasks.clone(),
            stop: stop.clone(),
            file: places.device_file(),
        });
        let people = Arc::new(People::new(events.clone()));
        let host = Arc::new(Self {
            logs: Arc::new(Logs::new(writer, news.clone())),
            runtime,
            devices,
            chat: Arc::new(Chat::among(people.clone(), events)),
            people,
            news,
            me: Mutex::default(),
            lobby: Arc::default(),
            over: Eviction::default(),
            run: run_number(),
            tasks,
            stop,
            ports: Ports::default(),
            places,
            source,
            servers: Servers::default(),
            directory: Directory::default(),
            steering: Steering::default(),
            typing: Typing::default(),
            audit: OnceLock::new(),
            trust: OnceCell::new(),
            no_shell: AtomicBool::new(config.sessions.no_shell),
            seats: Mutex::default(),
        });
        host.begin_minding(minded);
        host.devices.belong_to(&host);
        host.seats().change(&host, config);
        Ok(host)
    }

    /// The targets as they are now.
    pub fn rack(&self) -> Arc<Rack> {
        self.seats().rack()
    }

    /// The bell and the events.
    pub fn news(&self) -> &News {
        &self.news
    }

    /// Somebody sits down at this process itself: its owner.
    pub fn sit(&self, name: &str) {
        let presence = self.people.join(Arrival {
            name: name.to_owned(),
            permission: Permission::Owner,
            seated: Seated::Console,
            account: String::new(),
            origin: String::new(),
            server: None,
        });
        *lock(&self.me) = Some(presence);
    }

    /// Nobody sits at this process itself any more.
    pub fn stand_up(&self) {
        let presence = lock(&self.me).take();
        if let Some(presence) = presence {
            presence.leave("lost the terminal");
        }
    }

    /// The person at this process itself.
    pub fn me(&self) -> Option<Person> {
        lock(&self.me).as_ref().map(Presence::person)
    }

    /// Everybody who is here.
    pub fn people(&self) -> &Arc<People> {
        &self.people
    }

    /// What people said.
    pub fn chat(&self) -> &Arc<Chat> {
        &self.chat
    }

    /// The seats of clients.
    pub fn lobby(&self) -> &Arc<Lobby> {
        &self.lobby
    }

    /// Somebody ends the session for everybody: whoever runs this host is told to stop it.
    pub fn finish(&self, author: &Author) {
        self.over.put_out(&ended_by(&author.name));
    }

    /// Why the session is over, for those who are in it.
    pub fn why_over(&self) -> &str {
        self.over.reason().unwrap_or(ENDED)
    }

    /// The guest who ended the session, if one did, in words.
    pub fn ended_by_guest(&self) -> Option<&str> {
        let own = self.me().map(|me| ended_by(&me.name));
        self.over
            .reason()
            .filter(|reason| own.as_deref() != Some(reason))
    }

    /// Waits until somebody ended the session; who, in words.
    pub async fn over(&self) -> String {
        self.over.out().await
    }

    /// Differs from that of any other host, this one started anew included.
    pub fn run(&self) -> u64 {
        self.run
    }

    /// The debug-and-chat port, and the devices that come in by it.
    pub fn devices(&self) -> &Arc<Devices> {
        &self.devices
    }

    /// Asks a target for something, as `author`. What is sent is recorded in the transcript first, keys of raw mode when
    /// they end a line. Observers may ask for
    /// nothing but a description: whatever their client says, this is where it ends.
    pub fn ask(&self, id: TargetId, author: &Author, request: Request) -> Asked {
        if author.permission < Permission::Operator && request != Request::Describe {
            self.audit_line(author, "(a request to a target)", Some(OBSERVER));
            return Asked::refused(OBSERVER);
        }
        let seats = self.seats();
        let Some((target, control)) = seats.seat(id) else {
            return Asked::refused("the target was removed");
        };
        if let Request::Line(text) | Request::Debugger(text) = &request
            && target.debugger
            && debugger::touches_files(text)
            && !may(author, seats.config().sessions.allow.files)
        {
            self.audit_line(author, text, Some(FILES));
            return Asked::refused(FILES);
        }
        let is_input = !matches!(request, Request::Describe | Request::Resize { .. });
        let writes = match &request {
            Request::Line(text) | Request::Debugger(text) => {
                !target.debugger || debugger::changes(text)
            }
            _ => is_input,
        };
        if is_input {
            self.acts(author);
            if let Err(held) = self.may_steer(target, author) {
                return Asked::refused(&held);
            }
        }
        // The record and the queue get it under one lock, so that both have the same order.
        let note = |text: std::borrow::Cow<'_, str>| {
            target
                .transcript
                .note(Time::now(), Kind::Command, Some(&author.name), &text)
        };
        let shown = match &request {
            Request::Line(_) | Request::Escaped(_) if target.transcript.asks_for_secret() => {
                Some(typing::SECRET.into())
            }
            Request::Keys(keys) => self.typed_keys(target, author, keys).map(Into::into),
            _ => request.typed(),
        };
        if let Some(shown) = &shown {
            self.audit_request(author, target, shown);
        }
        let seq = shown.map(note);
        let answer = control.ask(request);
        if writes {
            self.steers(target, author);
        }
        Asked { seq, answer }
    }

    /// Adds a target, given as on the command line. Tells what came of it.
    ///
    /// # Errors
    /// What is wrong with the string, or what is taken.
    pub fn add(&self, string: &str) -> Result<String, String> {
        let string: TargetString = string
            .parse()
            .map_err(|error: crate::connect::Error| error.to_string())?;
        let mut seats = self.seats();
        let mut config = seats.config().clone();
        let problems = config.override_with(Overrides {
            targets: vec![string.clone()],
            ..Overrides::default()
        });
        if problems.has_errors() {
            return Err(problems.to_string());
        }
        if let Some(target) = config.targets.last() {
            seats.remember(string, target.name.clone());
        }
        let told = seats.change(self, config);
        Ok(if problems.0.is_empty() {
            told
        } else {
            format!("{told}\n{problems}")
        })
    }

    /// Removes the targets of these names for somebody. Tells what came of it.
    ///
    /// # Errors
    /// When one is not there, or somebody else holds it; the owner removes it all the same.
    pub fn remove(&self, author: &Author, names: &[&str]) -> Result<String, String> {
        let mut seats = self.seats();
        let mut config = seats.config().clone();
        for name in names {
            if !config.targets.iter().any(|target| target.name == *name) {
                return Err(format!("there is no target {name}"));
            }
            let rack = seats.rack();
            if let Some(target) = rack.named(name)
                && author.permission < Permission::Owner
            {
                self.may_steer(target, author)?;
            }
        }
        config
            .targets
            .retain(|target| !names.contains(&target.name.as_str()));
        seats.forget(names);
        Ok(seats.change(self, config))
    }

    /// Reads the configuration again and changes what is different. Tells what that was.
    ///
    /// # Errors
    /// What is wrong with the configuration; nothing is changed then.
    pub fn reload(&self) -> Result<String, String> {
        let mut config = (self.source)().map_err(|problems| problems.to_string())?;
        let mut seats = self.seats();
        let problems = config.override_with(Overrides {
            targets: seats.added().to_vec(),
            ..Overrides::default()
        });
        if problems.has_errors() {
            return Err(problems.to_string());
        }
        Ok(seats.change(self, config))
    }

    /// Tells all targets to end: what they were asked for is answered soon.
    pub fn end(&self) {
        self.stop.cancel();
        self.tasks.close();
    }

    /// Cancelled when the targets are told to end.
    pub fn ending(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Ends all targets, politely, and writes the logs. The host is of no use afterwards.
    ///
    /// # Errors
    /// Which logs are not complete, in words.
    pub async fn stop(&self) -> Result<(), String> {
        self.end();
        tokio::time::timeout(FAREWELL, self.tasks.wait()).await.ok();
        self.directory.withdraw();
        self.record_typed(None);
        let why = self.over.reason().map(|reason| ("because", reason));
        self.audit("ended", why.as_slice());
        let (logs, audit) = (self.logs.clone(), self.audit.get().cloned());
        tokio::task::spawn_blocking(move || {
            if let Some(audit) = audit {
                audit.finish(LAST_RECORDS);
            }
            logs.stop(LAST_WRITE)
        })
        .await
        .unwrap_or_else(|_| Err("the logs may not be complete".to_owned()))
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        lock(&self.seats)
    }
}

/// Why everybody leaves whom somebody of that name puts out.
fn ended_by(name: &str) -> String {
    format!("{name} ended the session")
}

fn run_number() -> u64 {
    let mut bytes = [0; 8];
    // Without random numbers the time has to do.
    match getrandom::fill(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes),
        Err(_) => Time::now().0.unsigned_abs(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host")
            .field("seats", &self.seats)
            .finish_non_exhaustive()
    }
}
