//! Who is here: people at the host's own screen, at clients, and at devices of the raw port.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::permission::{Author, Permission};
use crate::deck::Event;
use crate::transcript::{Time, safe};

/// Columns of the longest name.
pub const NAME_CHARS_MAX: usize = 32;
/// Names that nobody may take, whatever stands between and behind their letters: they stand for the program.
const RESERVED: [&str; 3] = ["host", "system", "kdeck"];
/// The owner's, where theirs is one of those; nobody else's.
const OWNER: &str = "owner";
/// Anybody else's.
const SOMEBODY: &str = "somebody";

/// Identifies a person for as long as the host runs; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PersonId(pub u32);

/// How somebody takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Seated {
    /// At the host itself.
    Console,
    /// At a client.
    Client,
    /// At a device of the raw port: reads and chats.
    Device,
}

/// Somebody who is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Identity.
    pub id: PersonId,
    /// The name everybody sees, unique among those who are here, letter case aside.
    pub name: String,
    /// What they may do.
    pub permission: Permission,
    /// How they take part.
    pub seated: Seated,
    /// Machine and account, as they said: `BOX18\alice`. Of a device, its address.
    pub account: String,
    /// Transport and address: `tcp 10.0.0.18:51733`. Empty at the host itself.
    pub origin: String,
    /// The number of the server they came through.
    pub server: Option<u32>,
    /// Since when.
    pub since: Time,
    /// When they last did something.
    pub active: Time,
    /// Whether their line is down and they are waited for.
    pub away: bool,
}

impl Person {
    /// As the author of what they do.
    #[must_use]
    pub fn author(&self) -> Author {
        Author {
            person: Some(self.id),
            name: self.name.clone(),
            permission: self.permission,
        }
    }
}

/// What changed about a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// They came.
    Joined,
    /// They went, and why in a few words; may be empty.
    Left(String),
    /// They had this name before.
    Renamed(String),
    /// Their line was lost; they may come back by themselves.
    Away,
    /// They came back.
    Back,
}

impl Change {
    /// The word of the headless contract.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Joined => "joined",
            Self::Left(_) => "left",
            Self::Renamed(_) => "renamed",
            Self::Away => "away",
            Self::Back => "back",
        }
    }
}

/// Everybody who is here.
#[derive(Debug)]
pub struct People {
    list: Mutex<List>,
    events: broadcast::Sender<Event>,
}

#[derive(Debug, Default)]
struct List {
    here: Vec<Person>,
    /// One for each who is here.
    evictions: HashMap<PersonId, Arc<Eviction>>,
    last: u32,
}

/// The way somebody is put out.
#[derive(Debug, Default)]
pub struct Eviction {
    told: CancellationToken,
    reason: OnceLock<String>,
}

impl Eviction {
    /// Puts them out, for a reason. The first reason counts.
    pub fn put_out(&self, reason: &str) {
        self.reason.set(reason.to_owned()).ok();
        self.told.cancel();
    }

    /// Why they are put out, if they are.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.reason.get().map(String::as_str)
    }

    /// Waits until they are put out; the reason.
    pub async fn out(&self) -> String {
        self.told.cancelled().await;
        self.reason.get().cloned().unwrap_or_default()
    }
}

/// Somebody's presence: they are here until it is dropped.
#[derive(Debug)]
pub struct Presence {
    people: Arc<People>,
    id: PersonId,
    eviction: Arc<Eviction>,
    /// As they were when they left, for who still asks.
    gone: OnceLock<Person>,
}

/// What is known of somebody who comes.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The name they would like.
    pub name: String,
    /// What they may do.
    pub permission: Permission,
    /// How they take part.
    pub seated: Seated,
    /// As of [`Person::account`].
    pub account: String,
    /// As of [`Person::origin`].
    pub origin: String,
    /// As of [`Person::server`].
    pub server: Option<u32>,
}

#[cfg(test)]
impl Arrival {
    /// Somebody of whom nothing else matters.
    pub(crate) fn named(name: &str, seated: Seated, permission: Permission) -> Self {
        Self {
            name: name.to_owned(),
            permission,
            seated,
            account: String::new(),
            origin: String::new(),
            server: None,
        }
    }
}

impl People {
    /// Nobody yet. Comings and goings are told to `events`.
    #[must_use]
    pub fn new(events: broadcast::Sender<Event>) -> Self {
        Self {
            list: Mutex::default(),
            events,
        }
    }

    /// Everybody, in the order they came.
    #[must_use]
    pub fn all(&self) -> Vec<Person> {
        self.list().here.clone()
    }

    /// The person of that identity.
    #[must_use]
    pub fn person(&self, id: PersonId) -> Option<Person> {
        let list = self.list();
        list.here.iter().find(|person| person.id == id).cloned()
    }

    /// The person of that name, letter case aside.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<Person> {
        let list = self.list();
        let found = list.here.iter().find(|person| same(&person.name, name));
        found.cloned()
    }

    /// Somebody came. Where the name is taken they get a number behind it.
    pub fn join(self: &Arc<Self>, arrival: Arrival) -> Presence {
        let now = Time::now();
        let mut list = self.list();
        list.last += 1;
        let person = Person {
            id: PersonId(list.last),
            name: list.free_name(&allowed(&arrival.name, arrival.permission), None),
            permission: arrival.permission,
            seated: arrival.seated,
            account: safe::plain(arrival.account.as_bytes()).into_owned(),
            origin: arrival.origin,
            server: arrival.server,
            since: now,
            active: now,
            away: false,
        };
        let (id, eviction) = (person.id, Arc::<Eviction>::default());
        list.evictions.insert(id, eviction.clone());
        list.here.push(person.clone());
        self.tell(now, person, Change::Joined);
        Presence {
            people: self.clone(),
            id,
            eviction,
            gone: OnceLock::new(),
        }
    }

    /// Somebody did something just now.
    pub fn active(&self, id: PersonId) {
        let mut list = self.list();
        if let Some(person) = list.here.iter_mut().find(|person| person.id == id) {
            person.active = Time::now();
        }
    }

    /// Puts out everybody of whom that is true, for a reason; how many those are. Nobody is put out of the host itself.
    pub fn put_out(&self, who: impl Fn(&Person) -> bool, reason: &str) -> usize {
        let list = self.list();
        let guests = list
            .here
            .iter()
            .filter(|person| person.seated != Seated::Console);
        let out = guests.filter(|person| who(person));
        let evictions = out.filter_map(|person| list.evictions.get(&person.id));
        evictions.map(|eviction| eviction.put_out(reason)).count()
    }

    fn tell(&self, time: Time, person: Person, change: Change) {
        // Nobody may be listening.
        self.events
            .send(Event::Person {
                time,
                person,
                change,
            })
            .ok();
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Presence {
    /// Their identity.
    #[must_use]
    pub fn id(&self) -> PersonId {
        self.id
    }

    /// How they are put out.
    #[must_use]
    pub fn eviction(&self) -> Arc<Eviction> {
        self.eviction.clone()
    }

    /// All about them; once they have left, as they were then.
    #[must_use]
    pub fn person(&self) -> Person {
        let list = self.people.list();
        let found = list.here.iter().find(|person| person.id == self.id);
        let found = found.or_else(|| self.gone.get());
        found.cloned().expect("they are here until they have gone")
    }

    /// They did something just now.
    pub fn active(&self) {
        self.people.active(self.id);
    }

    /// Gives them another name, with a number behind it where it is taken; the name they have now.
    pub fn rename(&self, name: &str) -> String {
        let now = Time::now();
        let mut list = self.people.list();
        let own = list.here.iter().position(|person| person.id == self.id);
        let Some(permission) = own.and_then(|at| Some(list.here.get(at)?.permission)) else {
            return clean(name);
        };
        let name = list.free_name(&allowed(name, permission), Some(self.id));
        let Some(person) = list.here.iter_mut().find(|person| person.id == self.id) else {
            return name;
        };
        let was = std::mem::replace(&mut person.name, name.clone());
        if was != name {
            let person = person.clone();
            self.people.tell(now, person, Change::Renamed(was));
        }
        name
    }

    /// Their line is lost.
    pub fn away(&self) {
        self.tell(Change::Away, |person| {
            !std::mem::replace(&mut person.away, true)
        });
    }

    /// They are there again, on another line, of which these are [`Person::origin`] and [`Person::server`].
    pub fn back(&self, origin: String, server: Option<u32>) {
        self.tell(Change::Back, |person| {
            person.away = false;
            (person.origin, person.server) = (origin, server);
            true
        });
    }

    /// They leave, for a reason.
    pub fn leave(&self, why: &str) {
        let mut list = self.people.list();
        if let Some(at) = list.here.iter().position(|person| person.id == self.id) {
            let person = list.here.remove(at);
            list.evictions.remove(&self.id);
            self.gone.set(person.clone()).ok();
            let change = Change::Left(why.to_owned());
            self.people.tell(Time::now(), person, change);
        }
    }

    /// Changes something about them, and tells everybody if `change` says that it did.
    fn tell(&self, what: Change, change: impl FnOnce(&mut Person) -> bool) {
        let mut list = self.people.list();
        let found = list.here.iter_mut().find(|person| person.id == self.id);
        if let Some(person) = found
            && change(person)
        {
            self.people.tell(Time::now(), person.clone(), what);
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.leave("");
    }
}

impl List {
    /// `wanted`, or with the first free number behind it; `own` may keep its own name.
    fn free_name(&self, wanted: &str, own: Option<PersonId>) -> String {
        let is_free = |name: &str| {
            let mut others = self.here.iter().filter(|person| Some(person.id) != own);
            !others.any(|person| same(&person.name, name))
        };
        if is_free(wanted) {
            return wanted.to_owned();
        }
        let numbered = (2..).map(|number: u32| format!("{wanted}-{number}"));
        let mut free = numbered.filter(|name| is_free(name));
        free.next().expect("there are more numbers than people")
    }
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

/// A name that somebody of that permission may have: nobody is called like the program, or like its owner.
fn allowed(name: &str, permission: Permission) -> String {
    let name = clean(name);
    let letters = name.chars().filter(|c| c.is_alphabetic());
    let letters: String = letters.flat_map(char::to_lowercase).collect();
    match permission {
        Permission::Owner if RESERVED.contains(&&*letters) => OWNER.to_owned(),
        Permission::Owner => name,
        _ if letters == OWNER || RESERVED.contains(&&*letters) => SOMEBODY.to_owned(),
        _ => name,
    }
}

/// A name as it can be shown and addressed: letters, digits and `._-`, not empty, not long.
#[must_use]
pub fn clean(name: &str) -> String {
    let kept = name
        .chars()
        .map(|c| if c.is_whitespace() { '-' } else { c });
    let kept: String = kept
        .filter(|c| c.is_alphanumeric() || "._-".contains(*c))
        .take(NAME_CHARS_MAX)
        .collect();
    if kept.is_empty() {
        SOMEBODY.to_owned()
    } else {
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(name: &str) -> Arrival {
        Arrival {
            name: name.to_owned(),
            permission: Permission::Operator,
            seated: Seated::Client,
            account: format!("BOX\\{name}"),
            origin: "tcp 127.0.0.1:1".to_owned(),
            server: Some(0),
        }
    }

    fn people() -> (Arc<People>, broadcast::Receiver<Event>) {
        let events = broadcast::Sender::new(16);
        let receiver = events.subscribe();
        (Arc::new(People::new(events)), receiver)
    }

    #[test]
    fn a_name_is_unique_and_the_program_is_nobody() {
        let (people, _) = people();
        let first = people.join(arrival("Alice"));
        let second = people.join(arrival("alice"));
        assert_eq!(second.person().name, "alice-2");
        for name in ["host", "SYSTEM", "k.deck-2", "Host2", "owner", "\u{1b}"] {
            assert_eq!(
                people.join(arrival(name)).person().name,
                "somebody",
                "{name}"
            );
        }
        assert_eq!(people.join(arrival("hostess")).person().name, "hostess");
        let owner = Arrival {
            permission: Permission::Owner,
            ..arrival("kdeck")
        };
        assert_eq!(people.join(owner).person().name, "owner");
        assert_eq!(second.rename("ALICE"), "ALICE-2");
        assert_eq!(first.rename("alice"), "alice");
    }

    #[test]
    fn who_comes_and_goes_is_told() {
        let (people, mut events) = people();
        let alice = people.join(arrival("a\x1b[2Jl ice"));
        alice.away();
        alice.away();
        alice.leave("end of input");
        assert_eq!(alice.person().name, "a2Jl-ice");
        let mut told = Vec::new();
        while let Ok(Event::Person { person, change, .. }) = events.try_recv() {
            told.push((person.name, change));
        }
        let name = || "a2Jl-ice".to_owned();
        let left = Change::Left("end of input".to_owned());
        assert_eq!(
            told,
            [
                (name(), Change::Joined),
                (name(), Change::Away),
                (name(), left)
            ]
        );
        assert!(people.all().is_empty());
    }
}
