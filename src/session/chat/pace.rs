//! How much each person may say: nobody floods the chat of all, nor pushes what others said out of what is kept.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::proto::rawchat::budget::{CHAT_BURST, CHAT_PAUSE};
use crate::proto::rawchat::{ChatBudget, Verdict};
use crate::session::Permission;
use crate::session::people::{Person, PersonId, Seated};

/// Lines that may follow each other at once at a client: a pasted page of them, or the end of a script.
const CLIENT_BURST: u32 = 20;
/// After them, one in this time: faster than anybody types for long, and so slow that what is kept lasts.
const CLIENT_PAUSE: Duration = Duration::from_secs(1);

/// What everybody may still say. One entry for each who is here and said something.
#[derive(Debug, Default)]
pub(super) struct Pace(HashMap<PersonId, ChatBudget>);

impl Pace {
    /// Somebody says something; `here` are all who could.
    pub(super) fn say(&mut self, person: &Person, now: Instant, here: &[Person]) -> Verdict {
        if person.permission == Permission::Owner {
            return Verdict::Post;
        }
        if !self.0.contains_key(&person.id) {
            let is_here = |id| here.iter().any(|person| person.id == id);
            self.0.retain(|id, _| is_here(*id));
        }
        let budget = self.0.entry(person.id).or_insert_with(|| {
            let (burst, pause) = match person.seated {
                Seated::Device => (CHAT_BURST, CHAT_PAUSE),
                Seated::Console | Seated::Client => (CLIENT_BURST, CLIENT_PAUSE),
            };
            ChatBudget::new(burst, pause)
        });
        budget.say(now)
    }
}
