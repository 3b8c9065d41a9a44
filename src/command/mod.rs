//! What people type: one table of all commands, their parser, and whom they address.
//!
//! A line is text for a target, or a dot command; `@WHOM` in front of either says which targets it is for, else it is for
//! the one in front of the person.

pub mod devices;
mod entry;
mod help;
pub mod history;
pub mod line;
pub mod link;
mod quitting;
pub mod rack;
mod right;
pub mod session;
pub mod shell;
pub mod table;

use std::pin::Pin;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::deck::{Asked, Deck};
use crate::host::Host;
use crate::rack::{Target, TargetId};
use crate::session::{Allowed, Author, Permission};
use crate::target::Request;
use crate::transcript::Seq;

pub use entry::{Command, Completes, Place, Right};
pub use line::{Line, Verb};
pub use quitting::{Quitting, is_word, quitting};
pub use table::TABLE;

/// Said of a request whose target ended before it was done.
const GONE: &str = "the target was removed or changed before it was done";
/// Said of a command that waited when the program was told to end.
const ENDING: &str = "kdeck was told to end";

/// Longest that a command waits because it was told to. Seconds: a day, after which nobody is expected to look.
const WAIT_SECONDS_MAX: f64 = 86_400.0;

/// What came of a command, for one target or for none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The target it concerns.
    pub target: Option<TargetId>,
    /// The number of the command's entry in the target's transcript, if it is recorded there.
    pub seq: Option<Seq>,
    /// Whether it was done.
    pub ok: bool,
    /// What it printed, or why it was not done; may have several lines.
    pub text: String,
}

impl Reply {
    /// An answer that concerns no target.
    pub fn new(result: Result<String, String>) -> Self {
        let ok = result.is_ok();
        let (Ok(text) | Err(text)) = result;
        Self {
            target: None,
            seq: None,
            ok,
            text,
        }
    }

    /// An answer about one target.
    pub fn about(target: TargetId, result: Result<String, String>) -> Self {
        Self {
            target: Some(target),
            ..Self::new(result)
        }
    }
}

/// The answers to a command, once they are there: one for each target it was for, or one that concerns none.
pub type Replies = Pin<Box<dyn Future<Output = Vec<Reply>> + Send>>;

/// One command as it is carried out.
#[derive(Debug, Clone)]
pub struct Call {
    /// Where.
    pub deck: Deck,
    /// By whom.
    pub author: Author,
    /// For which targets; empty if none was addressed and none is in front of the person.
    pub targets: Vec<Arc<Target>>,
    /// The command's name; empty for text.
    pub name: &'static str,
    /// What stood behind the command's name.
    pub argument: String,
}

impl Call {
    /// The host, for what only it can do.
    fn host(&self) -> Result<&Arc<Host>, String> {
        match &self.deck {
            Deck::Host(host) => Ok(host),
            Deck::Client(_) => Err(format!("{} is carried out by the host", self.name)),
        }
    }
}

/// Carries out one line typed by `author` while `focus` was the target in front of them. A client has its host carry it
/// out, as whoever it is joined as.
///
/// What the line sends is queued before this returns, so lines go out in the order of the calls; the future ends when
/// the answers are there.
pub fn submit(deck: &Deck, author: &Author, focus: Option<TargetId>, line: &str) -> Replies {
    let line = match about_session(deck, author, focus, line) {
        Some(Quitting::Ends) => ".qq",
        Some(Quitting::Explained(text)) => return ready(Err(text.to_owned())),
        None => line,
    };
    let parsed = match Line::parse(line) {
        Ok(parsed) => parsed,
        Err(reason) => return ready(Err(reason)),
    };
    if parsed.is_comment(&deck.rack(), focus) {
        return ready(Ok(String::new()));
    }
    if let Deck::Client(client) = deck
        && !parsed.stays_here()
    {
        return client.submit(focus, line);
    }
    if let Some((echoes, behind)) = parsed.echoes(&deck.rack(), focus) {
        let said = echoes.into_iter();
        let said = said.map(|line| submit(deck, author, None, &line)).collect();
        return after(said, submit(deck, author, focus, &behind));
    }
    let allowed = match deck {
        Deck::Host(host) => host.allowed(),
        Deck::Client(_) => Allowed::default(),
    };
    let checked = parsed.check(author, allowed);
    if let Deck::Host(host) = deck {
        host.acts(author);
        match (&parsed.verb, &checked) {
            // It may be a password.
            (Verb::Text(_), Err(reason)) => {
                host.audit_line(author, "(a line for targets)", Some(reason));
            }
            (Verb::Command(..), Err(reason)) => host.audit_line(author, line, Some(reason)),
            // What targets are asked is recorded with each of them.
            (Verb::Command(command, _), Ok(()))
                if parsed.right() != Right::Look && !command.asks =>
            {
                host.audit_line(author, line, None);
            }
            _ => {}
        }
    }
    let is_announced = match &parsed.verb {
        Verb::Command(command, _) => command.announced && parsed.right() != Right::Look,
        Verb::Text(_) => false,
    };
    let prepared = checked
        .and_then(|()| parsed.targets(&deck.rack(), focus))
        .map(|targets| (parsed.verb, targets));
    let call = |targets, name, argument| Call {
        deck: deck.clone(),
        author: author.clone(),
        targets,
        name,
        argument,
    };
    match prepared {
        Err(reason) => ready(Err(reason)),
        Ok((Verb::Text(text), targets))
            if is_word(&text) && targets.iter().all(|target| target.debugger) =>
        {
            ready(Err(quitting::ADDRESSED.to_owned()))
        }
        Ok((Verb::Text(text), targets)) => link::send(call(targets, "", text)),
        Ok((Verb::Command(command, argument), targets)) => match command.place {
            Place::Deck(run) => {
                let line = match command.writes && !line.starts_with('@') {
                    true => format!("@{} {line}", names(&targets)),
                    false => line.to_owned(),
                };
                let replies = run(call(targets, command.name, argument));
                match deck {
                    Deck::Host(host) if is_announced && host.is_guest(author) => {
                        announced(host.clone(), author.clone(), line, replies)
                    }
                    _ => replies,
                }
            }
            Place::Debugger => link::debugger(call(targets, command.name, argument)),
            Place::Screen => ready(Err(format!("{} is a command of the screen", command.name))),
        },
    }
}

/// Tells everybody of a command once it was carried out.
fn announced(host: Arc<Host>, author: Author, line: String, replies: Replies) -> Replies {
    Box::pin(async move {
        let replies = replies.await;
        if replies.iter().any(|reply| reply.ok) {
            host.announce(&author, &line);
        }
        replies
    })
}

/// As they are addressed: `web01,web02`.
fn names(targets: &[Arc<Target>]) -> String {
    let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
    names.join(",")
}

/// What a line is that is about the session and not for the target in focus.
fn about_session(
    deck: &Deck,
    author: &Author,
    focus: Option<TargetId>,
    line: &str,
) -> Option<Quitting> {
    if !is_word(line) {
        return None;
    }
    let rack = deck.rack();
    let is_console = |id| rack.target(id).is_some_and(|target| !target.debugger);
    let console = focus.is_some_and(is_console);
    match deck {
        Deck::Client(_) => quitting(line, true, console),
        // A console's input came here through a client that knew what it did.
        Deck::Host(_) if console => None,
        Deck::Host(_) => quitting(line, author.permission < Permission::Owner, console),
    }
}

/// The answers to the last of several commands, and to those before it that were not done.
fn after(before: Vec<Replies>, last: Replies) -> Replies {
    Box::pin(async move {
        let mut replies = Vec::new();
        for before in before {
            replies.extend(before.await.into_iter().filter(|reply| !reply.ok));
        }
        replies.extend(last.await);
        replies
    })
}

/// An answer that is there already and concerns no target.
fn ready(result: Result<String, String>) -> Replies {
    Box::pin(std::future::ready(vec![Reply::new(result)]))
}

/// Asks every target of the call the same; the questions are queued at once.
fn ask_all(call: &Call, request: &Request) -> Replies {
    if call.targets.is_empty() {
        return ready(Err(line::NOBODY.to_owned()));
    }
    let ask = |target: &Arc<Target>| {
        (
            target.id,
            call.deck.ask(target.id, &call.author, request.clone()),
        )
    };
    let asked: Vec<(TargetId, Asked)> = call.targets.iter().map(ask).collect();
    Box::pin(async move {
        let mut replies = Vec::with_capacity(asked.len());
        for (id, asked) in asked {
            let result = asked.answer.await.unwrap_or_else(|_| Err(GONE.to_owned()));
            replies.push(Reply {
                seq: asked.seq,
                ..Reply::about(id, result)
            });
        }
        replies
    })
}

#[cfg(test)]
mod tests;
