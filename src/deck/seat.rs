//! The seat itself: it stays when its deck changes from a host's to a client's and back.

use std::sync::{Arc, PoisonError, RwLock};

use super::{Deck, Event, News};
use crate::transcript::Time;

/// Where somebody sits. Cheap to clone; all clones are the same seat.
#[derive(Debug, Clone)]
pub struct Seat {
    deck: Arc<RwLock<Deck>>,
    news: News,
}

impl Seat {
    /// A seat at that deck.
    #[must_use]
    pub fn new(deck: Deck) -> Self {
        let news = deck.news();
        Self {
            deck: Arc::new(RwLock::new(deck)),
            news,
        }
    }

    /// The deck in force.
    #[must_use]
    pub fn deck(&self) -> Deck {
        let deck = self.deck.read().unwrap_or_else(PoisonError::into_inner);
        deck.clone()
    }

    /// The bell and the events, whatever the deck.
    #[must_use]
    pub fn news(&self) -> &News {
        &self.news
    }

    /// Sits down at another deck, which was made with this seat's [`News`]; returns the one that is left, which is for
    /// the caller to end.
    pub fn change(&self, deck: Deck) -> Deck {
        let old = {
            let mut current = self.deck.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, deck)
        };
        self.news.tell(Event::Role { time: Time::now() });
        self.news.tell(Event::Rack);
        old
    }
}
