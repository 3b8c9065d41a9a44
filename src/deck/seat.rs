//! The seat itself: it stays when its deck changes from a host's to a client's and back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::runtime::Handle;

use super::{Deck, Event, News, Severity};
use crate::connect::ClientString;
use crate::host::Host;
use crate::session::client::{self, Interest, JoinError, Joining, Visitor, Way};
use crate::transcript::Time;

/// Makes a host without targets, for when a session is left that was joined from one.
pub type Home = Box<dyn Fn(News) -> Result<Arc<Host>, String> + Send + Sync>;

/// Where somebody sits. Cheap to clone; all clones are the same seat.
#[derive(Clone)]
pub struct Seat(Arc<Inner>);

struct Inner {
    deck: RwLock<Deck>,
    news: News,
    visitor: Option<Visitor>,
    home: Option<Home>,
    leaving: tokio::sync::Mutex<()>,
    /// Whether a host that sat here forbade `.shell`: that holds as long as the process runs, whatever is joined between.
    no_shell: AtomicBool,
    runtime: Handle,
}

impl Seat {
    /// A seat at that deck, from which no session can be joined.
    #[must_use]
    pub fn new(deck: Deck, runtime: Handle) -> Self {
        Self::with(deck, runtime, None, None)
    }

    /// A seat at that deck. `visitor` joins sessions from here; with a `home`, leaving one leads back to a host.
    #[must_use]
    pub fn with(deck: Deck, runtime: Handle, visitor: Option<Visitor>, home: Option<Home>) -> Self {
        let news = deck.news();
        Self(Arc::new(Inner {
            deck: RwLock::new(deck),
            news,
            visitor,
            home,
            leaving: tokio::sync::Mutex::default(),
            no_shell: AtomicBool::default(),
            runtime,
        }))
    }

    /// The deck in force.
    #[must_use]
    pub fn deck(&self) -> Deck {
        let deck = self.0.deck.read().unwrap_or_else(PoisonError::into_inner);
        deck.clone()
    }

    /// The bell and the events, whatever the deck.
    #[must_use]
    pub fn news(&self) -> &News {
        &self.0.news
    }

    /// Who joins sessions from here, if that can be done.
    #[must_use]
    pub fn visitor(&self) -> Option<&Visitor> {
        self.0.visitor.as_ref()
    }

    /// Becomes a client of that server. Each stage is told to `stage` as it begins. The host that sat here, which holds
    /// nothing, ends.
    ///
    /// # Errors
    /// [`JoinError::Refused`] with what has to end first, or why the server was not joined; the seat is as it was.
    pub async fn join(
        &self,
        string: ClientString,
        interest: Interest,
        stage: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), JoinError> {
        let refused = |reason: String| Err(JoinError::Refused(reason));
        if let Some(obstacle) = self.deck().obstacle_to_joining() {
            return refused(obstacle);
        }
        let Some(visitor) = self.0.visitor.clone() else {
            return refused("no session can be joined from here".to_owned());
        };
        let joining = Joining {
            way: Way::Server(string),
            interest,
            visitor,
        };
        let joined = client::join(joining, self.0.news.clone(), &self.0.runtime, stage).await?;
        // Meanwhile somebody may have added a target.
        if let Some(obstacle) = self.deck().obstacle_to_joining() {
            joined.leave().await;
            return refused(obstacle);
        }
        if let Deck::Host(host) = self.change(Deck::Client(joined)) {
            let forbidden = host.is_shell_forbidden();
            self.0.no_shell.store(forbidden, Ordering::Relaxed);
            // In a task of its own: the seat is taken already, and an empty host has nothing to wait for.
            let news = self.0.news.clone();
            self.0.runtime.spawn(async move {
                if let Err(text) = host.stop().await {
                    news.notice(Severity::Warning, text);
                }
            });
        }
        Ok(())
    }

    /// Leaves the session, which goes on without us. True if the seat is at a host of its own now; false if there is
    /// none, and nothing more to do here.
    ///
    /// # Errors
    /// Why there is no host to return to.
    pub async fn leave(&self) -> Result<bool, String> {
        let Deck::Client(client) = self.deck() else {
            return Ok(true);
        };
        client.leave().await;
        let Some(home) = &self.0.home else {
            return Ok(false);
        };
        // Two may leave at once: there is one host to return to.
        let _one = self.0.leaving.lock().await;
        if matches!(self.deck(), Deck::Client(now) if Arc::ptr_eq(&now, &client)) {
            let host = home(self.0.news.clone())?;
            if self.0.no_shell.load(Ordering::Relaxed) {
                host.forbid_shell();
            }
            self.change(Deck::Host(host));
        }
        Ok(true)
    }

    /// Sits down at another deck; returns the one that is left.
    fn change(&self, deck: Deck) -> Deck {
        let old = {
            let mut current = self.0.deck.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, deck)
        };
        self.news().tell(Event::Role { time: Time::now() });
        self.news().tell(Event::Rack);
        old
    }
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seat")
            .field("deck", &self.0.deck)
            .finish_non_exhaustive()
    }
}
