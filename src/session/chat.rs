//! What people said: the last of it, numbered, so that whoever was away gets each line once.

mod pace;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use self::pace::Pace;
use super::Permission;
use super::people::{People, Person, PersonId};
use crate::deck::Event;
use crate::proto::rawchat::Verdict;
use crate::transcript::{Time, safe};

/// Lines that are kept.
pub const LINES: usize = 1000;
/// Of these, what observers said makes room first where it is more: they push no more than that of the others' out.
const OBSERVED_MAX: usize = LINES / 2;
/// Characters of the longest line; what is longer is cut.
pub const LINE_CHARS_MAX: usize = 2000;

/// One line of chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Its number, from 1.
    pub id: u64,
    /// When.
    pub time: Time,
    /// Who.
    pub from: String,
    /// For whom alone; everybody if `None`.
    pub to: Option<String>,
    /// Whether it is what they do (`/me`) instead of what they say.
    pub action: bool,
    /// What, without control characters.
    pub text: String,
}

impl Said {
    /// Whether somebody of that name may read it.
    #[must_use]
    pub fn is_for(&self, name: &str) -> bool {
        self.to
            .as_deref()
            .is_none_or(|to| to == name || self.from == name)
    }
}

/// The last lines of chat.
#[derive(Debug)]
pub struct Chat {
    lines: Mutex<Lines>,
    pace: Mutex<Pace>,
    /// Those who chat, at their host: a name is somebody else's when they have left.
    people: Option<Arc<People>>,
    events: broadcast::Sender<Event>,
}

#[derive(Debug, Default)]
struct Lines {
    kept: VecDeque<Kept>,
    last: u64,
}

#[derive(Debug)]
struct Kept {
    said: Said,
    /// An observer said it.
    observed: bool,
    /// Of a line for one person: who said it and who they are, as far as they were here.
    between: [Option<PersonId>; 2],
}

impl Chat {
    /// Nothing yet. What is said is told to `events`.
    #[must_use]
    pub fn new(events: broadcast::Sender<Event>) -> Self {
        Self {
            lines: Mutex::default(),
            pace: Mutex::default(),
            people: None,
            events,
        }
    }

    /// The same, where these people are: what is said to one of them is kept from whoever has their name later.
    #[must_use]
    pub fn among(people: Arc<People>, events: broadcast::Sender<Event>) -> Self {
        Self {
            people: Some(people),
            ..Self::new(events)
        }
    }

    /// Whether somebody may say something now, which counts then. Whoever owns the host always may; nobody is whoever sits
    /// at the host itself.
    pub fn allows(&self, person: Option<PersonId>, now: Instant) -> Verdict {
        let (Some(people), Some(id)) = (&self.people, person) else {
            return Verdict::Post;
        };
        let here = people.all();
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        match here.iter().find(|person| person.id == id) {
            Some(person) => pace.say(person, now, &here),
            // They have just left.
            None => Verdict::Refuse,
        }
    }

    /// Whether that is not too long to be said in one line.
    #[must_use]
    pub fn fits(text: &str) -> bool {
        let text = safe::plain(text.as_bytes());
        text.chars().nth(LINE_CHARS_MAX).is_none()
    }

    /// Somebody says something, to one person or to everybody. Whether they may is [asked](Self::allows) before.
    pub fn say(&self, from: &str, to: Option<&str>, action: bool, text: &str) -> Said {
        let text = safe::plain(text.as_bytes());
        let author = self.named(from);
        let observed = author
            .as_ref()
            .is_some_and(|author| author.permission == Permission::Observer);
        let between = match to {
            Some(to) => [author, self.named(to)].map(|person| person.map(|person| person.id)),
            None => [None, None],
        };
        let mut lines = self.lines();
        lines.last += 1;
        let said = Said {
            id: lines.last,
            time: Time::now(),
            from: from.to_owned(),
            to: to.map(String::from),
            action,
            text: text.chars().take(LINE_CHARS_MAX).collect(),
        };
        lines.keep(Kept {
            said: said.clone(),
            observed,
            between,
        });
        // Under the lock, so that all hear it in the order of the numbers. Nobody may be listening.
        self.events.send(Event::Chat(said.clone())).ok();
        said
    }

    /// Takes a line that was said elsewhere, at the host this client is joined to, by somebody who is an observer there or
    /// not. One that is known is not told again.
    pub fn hear(&self, said: Said, observed: bool) {
        let mut lines = self.lines();
        if said.id > lines.last {
            lines.last = said.id;
            lines.keep(Kept {
                said: said.clone(),
                observed,
                between: [None, None],
            });
            self.events.send(Event::Chat(said)).ok();
        }
    }

    /// Forgets everything: the host it was said at was started anew.
    pub fn forget(&self) {
        *self.lines() = Lines::default();
    }

    /// The lines after the one of that number, which whoever has that name now may read.
    #[must_use]
    pub fn since(&self, id: u64, name: &str) -> Vec<Said> {
        let reader = self.named(name).map(|person| person.id);
        let lines = self.lines();
        let new = lines.kept.iter().filter(|kept| kept.said.id > id);
        let readable = new.filter(|kept| kept.is_for(name, reader));
        readable.map(|kept| kept.said.clone()).collect()
    }

    /// The number of the last line.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.lines().last
    }

    fn named(&self, name: &str) -> Option<Person> {
        self.people.as_ref()?.named(name)
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    fn keep(&mut self, kept: Kept) {
        if self.kept.len() >= LINES {
            let observed = || self.kept.iter().filter(|kept| kept.observed);
            let oldest = self.kept.iter().position(|kept| kept.observed);
            let oldest = oldest.filter(|_| observed().count() > OBSERVED_MAX);
            self.kept.remove(oldest.unwrap_or(0));
        }
        self.kept.push_back(kept);
    }
}

impl Kept {
    /// Whether `reader`, of that name, may read it.
    fn is_for(&self, name: &str, reader: Option<PersonId>) -> bool {
        let Some(to) = &self.said.to else {
            return true;
        };
        let [by, whom] = self.between;
        let is_reader =
            |known: &str, id: Option<PersonId>| known == name && (id.is_none() || id == reader);
        is_reader(&self.said.from, by) || is_reader(to, whom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Permission;
    use crate::session::people::{Arrival, Presence, Seated};

    #[test]
    fn what_is_said_is_numbered_harmless_and_private_where_it_is_meant_to_be() {
        let chat = Chat::new(broadcast::Sender::new(16));
        chat.say("alice", None, false, "hello\x1b[2J\x07");
        chat.say("alice", Some("bob"), false, "psst");
        let texts = |name| {
            let said = chat.since(0, name).into_iter();
            said.map(|said| said.text).collect::<Vec<_>>()
        };
        assert_eq!(texts("bob").len(), 2);
        assert_eq!(texts("alice").len(), 2);
        assert_eq!(texts("carol").len(), 1);
        assert!(texts("carol").iter().all(|text| !text.contains('\x1b')));
        assert!(chat.since(2, "bob").is_empty());
    }

    #[test]
    fn what_was_said_to_somebody_is_not_for_the_next_of_that_name() {
        let events = broadcast::Sender::new(64);
        let people = Arc::new(People::new(events.clone()));
        let chat = Chat::among(people.clone(), events);
        let come =
            |name: &str| people.join(Arrival::named(name, Seated::Client, Permission::Observer));
        let (alice, _bob) = (come("alice"), come("bob"));
        chat.say("alice", Some("bob"), false, "psst");
        chat.say("bob", Some("alice"), false, "yes?");
        chat.say("bob", None, false, "hello");
        assert_eq!(chat.since(0, "alice").len(), 3);
        alice.leave("");
        let _mallory = come("alice");
        let heard = chat.since(0, "alice");
        let texts: Vec<&str> = heard.iter().map(|said| said.text.as_str()).collect();
        assert_eq!(texts, ["hello"]);
        assert_eq!(chat.since(0, "bob").len(), 3);
    }

    #[test]
    fn a_line_that_comes_twice_is_told_once() {
        let events = broadcast::Sender::new(16);
        let mut heard = events.subscribe();
        let chat = Chat::new(events);
        let said = Chat::new(broadcast::Sender::new(1)).say("a", None, true, "waves");
        chat.hear(said.clone(), false);
        chat.hear(said, false);
        assert!(heard.try_recv().is_ok());
        assert!(heard.try_recv().is_err());
    }

    #[test]
    fn an_observer_who_talks_and_talks_pushes_half_of_the_others_words_out_and_no_more() {
        let events = broadcast::Sender::new(1);
        let people = Arc::new(People::new(events.clone()));
        let chat = Chat::among(people.clone(), events);
        let come =
            |name: &str, permission| people.join(Arrival::named(name, Seated::Client, permission));
        let _alice = come("alice", Permission::Operator);
        let _eve = come("eve", Permission::Observer);
        let said = |name: &str, count: usize| {
            for _ in 0..count {
                chat.say(name, None, false, "x");
            }
            let kept = chat.since(0, "alice");
            assert_eq!(kept.len(), LINES);
            kept.iter().filter(|said| said.from == "alice").count()
        };
        assert_eq!(said("alice", LINES), LINES);
        assert_eq!(said("eve", 3 * LINES), LINES - OBSERVED_MAX - 1);
        assert_eq!(said("alice", LINES), LINES, "nobody's words stay for ever");
    }

    #[test]
    fn a_person_says_so_much_and_no_more_and_the_owner_what_they_like() {
        let events = broadcast::Sender::new(1);
        let people = Arc::new(People::new(events.clone()));
        let chat = Chat::among(people.clone(), events);
        let come =
            |name: &str, seated, permission| people.join(Arrival::named(name, seated, permission));
        let owner = come("owner", Seated::Console, Permission::Owner);
        let alice = come("alice", Seated::Client, Permission::Operator);
        let box1 = come("box1", Seated::Device, Permission::Observer);
        let now = Instant::now();
        let posted = |who: &Presence, now| {
            let verdicts = (0..100).map(|_| chat.allows(Some(who.id()), now));
            verdicts.filter(|verdict| *verdict == Verdict::Post).count()
        };
        assert_eq!(posted(&owner, now), 100);
        assert_eq!(posted(&alice, now), 20);
        assert_eq!(posted(&box1, now), 5);
        assert_eq!(chat.allows(Some(alice.id()), now), Verdict::Disconnect);
        let later = now + std::time::Duration::from_secs(3);
        assert_eq!(posted(&alice, later), 3);
        let gone = alice.id();
        alice.leave("");
        assert_eq!(chat.allows(Some(gone), later), Verdict::Refuse);
    }

    #[test]
    fn old_lines_go() {
        let chat = Chat::new(broadcast::Sender::new(1));
        for _ in 0..LINES + 5 {
            chat.say("a", None, false, "x");
        }
        let kept = chat.since(0, "a");
        assert_eq!(kept.len(), LINES);
        assert_eq!(kept.first().map(|said| said.id), Some(6));
    }
}
