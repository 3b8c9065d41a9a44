//! The seats of clients: who is at which line, and who lost theirs and is waited for.
//!
//! A seat outlives its line. Who shows its token comes back to it as the same person, also where the host still takes the
//! earlier line for a good one: a line can be dead at one end alone, for a minute or for good.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::proto::session::message::Token;
use crate::session::Permission;
use crate::session::people::{Arrival, People, Presence};

/// How long the seat of somebody who lost their line is kept.
pub const KEPT: Duration = Duration::from_secs(300);
/// People who are waited for. Observers have to go first, and among equals who has been away longest.
const AWAY_MAX: usize = 256;
/// Clients at once, through all servers of a host. Each costs two tasks and its buffers, some 200 KiB, and with
/// answers that it does not read some two megabytes.
const CLIENTS_MAX: usize = 256;
/// Of these, so many are for operators: observers cannot keep them out.
const FOR_OPERATORS: usize = 32;
/// Consoles of the owner above that: nobody keeps the owner out of their own host.
const FOR_OWNERS: usize = 8;

/// All seats of a host.
#[derive(Debug, Default)]
pub struct Lobby {
    seats: Mutex<HashMap<Token, Place>>,
}

#[derive(Debug)]
struct Place {
    presence: Arc<Presence>,
    permission: Permission,
    /// Cancelled when it is another line's, or nobody's.
    taken: CancellationToken,
    /// Until when they are waited for, if their line is lost.
    until: Option<Instant>,
}

/// Somebody's seat, in the hands of the task that serves their line. They leave when it is dropped, unless they are waited
/// for or have come back on another line.
#[derive(Debug)]
pub(super) struct Seat {
    lobby: Arc<Lobby>,
    token: Token,
    presence: Arc<Presence>,
    taken: CancellationToken,
}

impl Lobby {
    /// Somebody who was let in sits down. A `token` leads to the seat they had: whoever still serves that loses it, and
    /// nobody learns more than that they are back. It is good for as long as they are here or waited for, since the line
    /// can end before a new one has reached them.
    ///
    /// # Errors
    /// A sentence for them: why there is no seat.
    pub(super) fn sit(
        self: &Arc<Self>,
        people: &Arc<People>,
        arrival: Arrival,
        token: Option<Token>,
    ) -> Result<Seat, String> {
        let mut seats = self.seats();
        let theirs = token.filter(|token| {
            let place = seats.get(token);
            place.is_some_and(|place| place.permission == arrival.permission)
        });
        let clients = seats.values().filter(|place| place.until.is_none()).count();
        let counted = theirs.and_then(|token| seats.get(&token));
        let is_counted = counted.is_some_and(|place| place.until.is_none());
        if !is_counted && clients >= most(arrival.permission) {
            return Err(format!(
                "{clients} clients are here already, as many as there is room for"
            ));
        }
        let taken = CancellationToken::new();
        if let Some(token) = theirs
            && let Some(place) = seats.get_mut(&token)
        {
            std::mem::replace(&mut place.taken, taken.clone()).cancel();
            place.until = None;
            place.presence.back(arrival.origin, arrival.server);
            let presence = place.presence.clone();
            return Ok(self.seat(token, presence, taken));
        }
        let token = new_token().ok_or("the host's system has no random numbers")?;
        let permission = arrival.permission;
        let presence = Arc::new(people.join(arrival));
        let place = Place {
            presence: presence.clone(),
            permission,
            taken: taken.clone(),
            until: None,
        };
        seats.insert(token, place);
        Ok(self.seat(token, presence, taken))
    }

    fn seat(
        self: &Arc<Self>,
        token: Token,
        presence: Arc<Presence>,
        taken: CancellationToken,
    ) -> Seat {
        Seat {
            lobby: self.clone(),
            token,
            presence,
            taken,
        }
    }

    /// Waits for somebody who lost their line.
    fn keep(self: &Arc<Self>, seat: &Seat) {
        let until = Instant::now() + KEPT;
        let mut seats = self.seats();
        if seat.taken.is_cancelled() {
            return;
        }
        make_room(&mut seats);
        if let Some(place) = seats.get_mut(&seat.token) {
            place.until = Some(until);
        }
        seat.presence.away();
        let (lobby, token, taken) = (self.clone(), seat.token, seat.taken.clone());
        let eviction = seat.presence.eviction();
        tokio::spawn(async move {
            let why = tokio::select! {
                biased;
                () = taken.cancelled() => return,
                reason = eviction.out() => reason,
                () = tokio::time::sleep_until(until) => "did not come back".to_owned(),
            };
            end(&mut lobby.seats(), &token, &taken, &why);
        });
    }

    fn seats(&self) -> MutexGuard<'_, HashMap<Token, Place>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// The person.
    pub(super) fn presence(&self) -> &Presence {
        &self.presence
    }

    /// What leads back to it.
    pub(super) fn token(&self) -> Token {
        self.token
    }

    /// Cancelled when they have come back on another line: this one serves nobody any more.
    pub(super) fn taken(&self) -> &CancellationToken {
        &self.taken
    }

    /// They leave for a reason, unless they have come back on another line.
    pub(super) fn leave(self, why: &str) {
        end(&mut self.lobby.seats(), &self.token, &self.taken, why);
    }

    /// Their line is lost; they are waited for.
    pub(super) fn keep(self) {
        self.lobby.keep(&self);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.lobby.seats();
        let place = seats.get(&self.token);
        if place.is_some_and(|place| place.until.is_none()) {
            end(&mut seats, &self.token, &self.taken, "");
        }
    }
}

/// Nobody sits there any more, if it is still the seat of the line of which `taken` is.
fn end(seats: &mut HashMap<Token, Place>, token: &Token, taken: &CancellationToken, why: &str) {
    if !taken.is_cancelled()
        && let Some(place) = seats.remove(token)
    {
        taken.cancel();
        place.presence.leave(why);
    }
}

/// Makes room for one more who is waited for.
fn make_room(seats: &mut HashMap<Token, Place>) {
    let away = || {
        seats
            .iter()
            .filter_map(|(token, place)| Some((token, place, place.until?)))
    };
    if away().count() < AWAY_MAX {
        return;
    }
    let first = away().min_by_key(|(_, place, until)| (place.permission, *until));
    if let Some((token, taken)) = first.map(|(token, place, _)| (*token, place.taken.clone())) {
        end(seats, &token, &taken, "too many others are waited for");
    }
}

/// Clients at once, when one more of that permission comes.
fn most(permission: Permission) -> usize {
    match permission {
        Permission::Observer => CLIENTS_MAX - FOR_OPERATORS,
        Permission::Operator => CLIENTS_MAX,
        Permission::Owner => CLIENTS_MAX + FOR_OWNERS,
    }
}

/// What nobody can guess; `None` if the system has no random numbers.
fn new_token() -> Option<Token> {
    let mut token = Token::default();
    getrandom::fill(&mut token).is_ok().then_some(token)
}

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast;

    use super::*;
    use crate::deck::Event;
    use crate::session::Change;
    use crate::session::people::Seated;

    /// A lobby with nobody in it.
    struct Rig {
        lobby: Arc<Lobby>,
        people: Arc<People>,
        events: broadcast::Receiver<Event>,
    }

    impl Rig {
        fn new() -> Self {
            let sender = broadcast::Sender::new(1024);
            let events = sender.subscribe();
            Self {
                lobby: Arc::default(),
                people: Arc::new(People::new(sender)),
                events,
            }
        }

        fn come(&self, permission: Permission, token: Option<Token>) -> Result<Seat, String> {
            let arrival = Arrival {
                name: "dave".to_owned(),
                permission,
                seated: Seated::Client,
                account: String::new(),
                origin: "tcp".to_owned(),
                server: Some(0),
            };
            self.lobby.sit(&self.people, arrival, token)
        }

        fn told(&mut self) -> Vec<(String, Change)> {
            let mut told = Vec::new();
            while let Ok(Event::Person { person, change, .. }) = self.events.try_recv() {
                told.push((person.name, change));
            }
            told
        }
    }

    #[tokio::test]
    async fn observers_leave_room_for_operators_and_there_is_an_end_to_it() {
        let rig = Rig::new();
        let come = |permission| rig.come(permission, None);
        let mut here: Vec<Seat> = (0..CLIENTS_MAX - FOR_OPERATORS)
            .map(|_| come(Permission::Observer).unwrap())
            .collect();
        assert!(come(Permission::Observer).is_err());
        here.extend((0..FOR_OPERATORS).map(|_| come(Permission::Operator).unwrap()));
        let refused = come(Permission::Operator).unwrap_err();
        assert!(
            refused.contains("256 clients are here already"),
            "{refused}"
        );
        drop(come(Permission::Owner).unwrap());
        // Who comes back on another line takes no more room than before.
        let again = rig.come(Permission::Observer, Some(here[0].token()));
        here[0] = again.unwrap();
        here.truncate(1);
        assert!(come(Permission::Observer).is_ok());
    }

    #[tokio::test]
    async fn who_comes_back_on_another_line_is_the_same_person_and_the_first_line_is_nobodys() {
        let mut rig = Rig::new();
        let first = rig.come(Permission::Operator, None).unwrap();
        let (token, id) = (first.token(), first.presence().id());
        let second = rig.come(Permission::Operator, Some(token)).unwrap();
        assert!(first.taken().is_cancelled());
        assert_eq!((second.token(), second.presence().id()), (token, id));
        // However the first line ends now, they stay.
        let third = rig.come(Permission::Operator, Some(token)).unwrap();
        first.leave("left");
        second.keep();
        assert_eq!(rig.people.all().len(), 1);
        third.leave("");
        let dave = |change| ("dave".to_owned(), change);
        let wanted = [
            Change::Joined,
            Change::Back,
            Change::Back,
            Change::Left(String::new()),
        ];
        assert_eq!(rig.told(), wanted.map(dave));
        let late = rig.come(Permission::Operator, Some(token)).unwrap();
        assert_ne!(late.token(), token, "nobody is left of that token");
    }

    #[tokio::test]
    async fn a_token_gives_nobody_more_than_they_were_let_in_for() {
        let rig = Rig::new();
        let steers = rig.come(Permission::Operator, None).unwrap();
        let watches = rig
            .come(Permission::Observer, Some(steers.token()))
            .unwrap();
        assert!(!steers.taken().is_cancelled());
        assert_eq!(watches.presence().person().name, "dave-2");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_away_is_waited_for_until_it_takes_too_long() {
        let mut rig = Rig::new();
        let seat = rig.come(Permission::Operator, None).unwrap();
        let token = seat.token();
        seat.keep();
        tokio::time::sleep(KEPT - Duration::from_secs(1)).await;
        let back = rig.come(Permission::Operator, Some(token)).unwrap();
        // What was waited for at first is not waited for any more.
        tokio::time::sleep(KEPT).await;
        back.keep();
        tokio::time::sleep(KEPT + Duration::from_secs(1)).await;
        let dave = |change| ("dave".to_owned(), change);
        let gone = Change::Left("did not come back".to_owned());
        let wanted = [
            Change::Joined,
            Change::Away,
            Change::Back,
            Change::Away,
            gone,
        ];
        assert_eq!(rig.told(), wanted.map(dave));
    }

    #[tokio::test(start_paused = true)]
    async fn of_those_who_are_away_observers_go_first() {
        let rig = Rig::new();
        let away = |permission| {
            let seat = rig.come(permission, None).unwrap();
            let id = seat.presence().id();
            seat.keep();
            id
        };
        let operator = away(Permission::Operator);
        for _ in 0..2 * AWAY_MAX {
            tokio::time::sleep(Duration::from_millis(1)).await;
            away(Permission::Observer);
        }
        let people = rig.people.all();
        assert_eq!(people.len(), AWAY_MAX);
        assert!(people.iter().any(|person| person.id == operator));
    }
}
