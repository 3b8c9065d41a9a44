//! Who steers: two people at one target are told of each other, and one can take a target for themselves.
//!
//! Somebody who holds a target is the only one whose input goes to it, until they release it, leave, are away for longer
//! than [`AWAY`], or the owner takes it by force.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Host;
use crate::deck::Severity;
use crate::rack::{Target, TargetId};
use crate::session::people::{Person, PersonId};
use crate::session::{Author, Permission};
use crate::transcript::{Kind, Time};

/// Two people who write to one target within so long are told of each other.
pub const TOGETHER: Duration = Duration::from_secs(10);
/// They are told at most so often, for each target.
pub const HINT_EVERY: Duration = Duration::from_secs(60);
/// Somebody whose line is down keeps what they hold for so long.
pub const AWAY: Duration = Duration::from_secs(60);
/// People who are remembered as having written to a target.
const WRITERS_MAX: usize = 8;

/// Who writes to which target.
#[derive(Debug, Default)]
pub(super) struct Steering(Mutex<HashMap<TargetId, Steered>>);

#[derive(Debug, Default)]
struct Steered {
    hold: Option<Hold>,
    /// Who wrote lately, and when.
    writers: Vec<(String, Instant)>,
    hinted: Option<Instant>,
}

/// Somebody has it for themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hold {
    person: PersonId,
    name: String,
    since: Time,
    /// Their line is down since then.
    away: Option<Instant>,
}

/// What came of taking a target.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Taken {
    /// Nobody had it.
    Free,
    /// They had it already.
    Already,
    /// It was taken from them.
    From(String),
    /// They have it.
    Held(Hold),
}

impl Steering {
    /// Who has a target for themselves.
    fn hold(&self, id: TargetId) -> Option<Hold> {
        let targets = self.lock();
        targets.get(&id).and_then(|target| target.hold.clone())
    }

    /// Somebody writes to a target. The others who did so lately, if they should all be told now.
    fn wrote(&self, id: TargetId, name: &str, now: Instant) -> Vec<String> {
        let mut targets = self.lock();
        let target = targets.entry(id).or_default();
        let is_lately = |at: Instant| now.duration_since(at) < TOGETHER;
        target
            .writers
            .retain(|(writer, at)| writer != name && is_lately(*at));
        let others = target.writers.iter().map(|(writer, _)| writer.clone());
        let others: Vec<String> = others.collect();
        if target.writers.len() < WRITERS_MAX {
            target.writers.push((name.to_owned(), now));
        }
        let told = target
            .hinted
            .is_some_and(|at| now.duration_since(at) < HINT_EVERY);
        if others.is_empty() || told {
            return Vec::new();
        }
        target.hinted = Some(now);
        others
    }

    fn take(&self, id: TargetId, person: &Person, force: bool) -> Taken {
        let mut targets = self.lock();
        let hold = &mut targets.entry(id).or_default().hold;
        let taken = match hold {
            Some(held) if held.person == person.id => return Taken::Already,
            Some(held) if !force => return Taken::Held(held.clone()),
            Some(held) => Taken::From(held.name.clone()),
            None => Taken::Free,
        };
        *hold = Some(Hold {
            person: person.id,
            name: person.name.clone(),
            since: Time::now(),
            away: None,
        });
        taken
    }

    /// Gives up a target. Who holds it, if that is somebody else; nothing if nobody does.
    fn release(&self, id: TargetId, person: PersonId) -> Result<(), Option<String>> {
        let mut targets = self.lock();
        let target = targets.entry(id).or_default();
        match &target.hold {
            Some(held) if held.person == person => {
                target.hold = None;
                Ok(())
            }
            Some(held) => Err(Some(held.name.clone())),
            None => Err(None),
        }
    }

    /// Forgets the targets that are not there any more.
    pub(super) fn keep(&self, is_there: impl Fn(TargetId) -> bool) {
        self.lock().retain(|id, _| is_there(*id));
    }

    /// Brings what is held in line with who is here. The targets that somebody else holds now, or nobody, with the
    /// holder's name.
    pub(super) fn people(&self, here: &[Person], now: Instant) -> Vec<(TargetId, Option<String>)> {
        let mut changed = Vec::new();
        for (id, target) in self.lock().iter_mut() {
            let Some(hold) = &mut target.hold else {
                continue;
            };
            let person = here.iter().find(|person| person.id == hold.person);
            hold.away = person
                .filter(|person| person.away)
                .map(|_| hold.away.unwrap_or(now));
            let gone = hold.away.is_some_and(|at| now.duration_since(at) >= AWAY);
            match person.filter(|_| !gone) {
                None => {
                    target.hold = None;
                    changed.push((*id, None));
                }
                Some(person) if person.name != hold.name => {
                    hold.name.clone_from(&person.name);
                    changed.push((*id, Some(person.name.clone())));
                }
                Some(_) => {}
            }
        }
        changed
    }

    /// When somebody who is away loses what they hold, if anybody does.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let targets = self.lock();
        let holds = targets.values().filter_map(|target| target.hold.as_ref());
        holds.filter_map(|hold| hold.away).min().map(|at| at + AWAY)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TargetId, Steered>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host {
    /// Somebody is about to write to a target.
    ///
    /// # Errors
    /// Who holds it.
    pub(super) fn may_steer(&self, target: &Target, author: &Author) -> Result<(), String> {
        let Some(hold) = self.steering.hold(target.id) else {
            return Ok(());
        };
        if self
            .person(author)
            .is_ok_and(|person| person.id == hold.person)
        {
            return Ok(());
        }
        let (name, since) = (&target.name, clock(hold.since));
        Err(format!(
            "{} holds {name} since {since}; .take {name} asks for it",
            hold.name
        ))
    }

    /// Somebody writes to a target: those who do so at the same time learn of each other.
    pub(super) fn steers(&self, target: &Target, author: &Author) {
        let others = self.steering.wrote(target.id, &author.name, Instant::now());
        if !others.is_empty() {
            let text = format!(
                "{} and {} type at the same time; .take {} gives it to one of them",
                author.name,
                others.join(", "),
                target.name
            );
            self.remark(target, Severity::Warning, text);
        }
    }

    /// Somebody wants a target for themselves. What came of it; who has it already is asked.
    ///
    /// # Errors
    /// Somebody else has it, or it is not theirs to force.
    pub fn take(&self, target: &Target, author: &Author, force: bool) -> Result<String, String> {
        if force && author.permission < Permission::Owner {
            return Err(
                "only the owner of the host takes by force; without /force you ask for it"
                    .to_owned(),
            );
        }
        let person = self.person(author)?;
        let name = &target.name;
        match self.steering.take(target.id, &person, force) {
            Taken::Already => Ok(format!(
                "you hold {name} already; .release {name} gives it up"
            )),
            Taken::Held(hold) => {
                let text = format!(
                    "{} asks {} for {name}; .release {name} gives it up",
                    person.name, hold.name
                );
                self.news.notice(Severity::Warning, text);
                Err(format!(
                    "{} holds {name} since {}, and was asked for it",
                    hold.name,
                    clock(hold.since)
                ))
            }
            Taken::From(loser) => {
                self.held(target, &person.name);
                let text = format!("{} took it from {loser} by force", person.name);
                self.remark(target, Severity::Warning, text);
                Ok(format!("you hold {name} now; {loser} was told"))
            }
            Taken::Free => {
                self.held(target, &person.name);
                self.note(
                    target,
                    &format!(
                        "{} has taken {name}: only their input goes to it",
                        person.name
                    ),
                );
                Ok(format!(
                    "only your input goes to {name} until .release {name}"
                ))
            }
        }
    }

    /// Somebody gives up a target that they hold.
    ///
    /// # Errors
    /// They do not hold it.
    pub fn release(&self, target: &Target, author: &Author) -> Result<String, String> {
        let person = self.person(author)?;
        let name = &target.name;
        match self.steering.release(target.id, person.id) {
            Ok(()) => {
                self.held(target, "");
                self.note(target, &format!("{} has released {name}", person.name));
                Ok(format!("everybody may type to {name} again"))
            }
            Err(Some(holder)) => Err(format!("{holder} holds {name}, not you")),
            Err(None) => Err(format!("nobody holds {name}")),
        }
    }

    /// Everybody sees who holds it.
    pub(super) fn held(&self, target: &Target, holder: &str) {
        if target.status.set_holder(holder) {
            self.news().pulse().ring();
        }
    }

    /// Whoever is behind a command, while they are here.
    fn person(&self, author: &Author) -> Result<Person, String> {
        let person = match author.person {
            Some(id) => self.people().person(id),
            None => self.me(),
        };
        person.ok_or_else(|| format!("{} is not here any more", author.name))
    }

    /// Told in the target's history, and to everybody at once.
    fn remark(&self, target: &Target, severity: Severity, text: String) {
        self.note(target, &text);
        self.news.notice_of(target.id, severity, text);
    }

    pub(super) fn note(&self, target: &Target, text: &str) {
        let now = Time::now();
        target.transcript.note(now, Kind::Notice, None, text);
    }
}

/// Hours and minutes, here.
fn clock(time: Time) -> String {
    let here = time.timestamp().to_zoned(jiff::tz::TimeZone::system());
    here.strftime("%H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::people::Seated;

    const TARGET: TargetId = TargetId(1);

    fn person(id: u32, name: &str) -> Person {
        Person {
            id: PersonId(id),
            name: name.to_owned(),
            permission: Permission::Operator,
            seated: Seated::Client,
            account: String::new(),
            origin: String::new(),
            server: None,
            since: Time(0),
            active: Time(0),
            away: false,
        }
    }

    #[test]
    fn a_held_target_takes_input_of_its_holder_alone() {
        let steering = Steering::default();
        let (alice, bob) = (person(1, "alice"), person(2, "bob"));
        assert_eq!(steering.take(TARGET, &alice, false), Taken::Free);
        assert_eq!(steering.take(TARGET, &alice, false), Taken::Already);
        let holder = |id| steering.hold(id).map(|hold| hold.person);
        assert_eq!(holder(TARGET), Some(alice.id));
        assert_eq!(holder(TargetId(2)), None);
        assert!(matches!(steering.take(TARGET, &bob, false), Taken::Held(_)));
        assert_eq!(
            steering.release(TARGET, bob.id),
            Err(Some("alice".to_owned()))
        );
        assert_eq!(
            steering.take(TARGET, &bob, true),
            Taken::From("alice".to_owned())
        );
        assert_eq!(holder(TARGET), Some(bob.id));
        assert_eq!(steering.release(TARGET, bob.id), Ok(()));
        assert_eq!(steering.release(TARGET, bob.id), Err(None));
        assert_eq!(holder(TARGET), None);
        steering.take(TARGET, &alice, false);
        steering.keep(|id| id != TARGET);
        assert_eq!(holder(TARGET), None);
    }

    #[test]
    fn a_hold_follows_a_new_name_and_ends_when_the_holder_leaves() {
        let (steering, now) = (Steering::default(), Instant::now());
        let mut alice = person(1, "alice");
        steering.take(TARGET, &alice, false);
        assert!(steering.people(&[alice.clone()], now).is_empty());
        alice.name = "ally".to_owned();
        let renamed = steering.people(&[alice.clone()], now);
        assert_eq!(renamed, [(TARGET, Some("ally".to_owned()))]);
        assert_eq!(
            steering.hold(TARGET).map(|hold| hold.person),
            Some(alice.id)
        );
        assert_eq!(steering.people(&[], now), [(TARGET, None)]);
        assert_eq!(steering.hold(TARGET), None);
    }

    #[test]
    fn who_is_away_keeps_it_for_a_minute() {
        let (steering, now) = (Steering::default(), Instant::now());
        let mut alice = person(1, "alice");
        steering.take(TARGET, &alice, false);
        assert_eq!(steering.deadline(), None);
        alice.away = true;
        let here = [alice.clone()];
        assert!(steering.people(&here, now).is_empty());
        assert_eq!(steering.deadline(), Some(now + AWAY));
        let almost = now + AWAY - Duration::from_millis(1);
        assert!(steering.people(&here, almost).is_empty());
        alice.away = false;
        assert!(steering.people(&[alice.clone()], almost).is_empty());
        assert_eq!(steering.deadline(), None);
        assert!(steering.people(&here, now + AWAY).is_empty());
        let freed = steering.people(&here, now + 2 * AWAY);
        assert_eq!(freed, [(TARGET, None)]);
    }

    #[test]
    fn two_who_write_at_once_are_told_once_a_minute() {
        let (steering, now) = (Steering::default(), Instant::now());
        let wrote = |name, after| steering.wrote(TARGET, name, now + Duration::from_secs(after));
        assert!(wrote("alice", 0).is_empty());
        assert!(wrote("alice", 1).is_empty());
        assert_eq!(wrote("bob", 2), ["alice"]);
        assert!(wrote("alice", 3).is_empty());
        assert!(wrote("carol", 61).is_empty(), "the others wrote long ago");
        assert_eq!(wrote("alice", 63), ["carol"]);
    }
}
