//! What this console is part of: its role, who is here, the servers, and how the line to the host is.
//!
//! A copy of what the deck tells, taken when that changed. Nothing here asks or decides anything.

use crate::connect::{listed_kind, listed_value};
use crate::deck::{Deck, Role, obstacle};
use crate::session::client::Line;
use crate::session::server::ServerEntry;
use crate::session::{Permission, Person};

/// What this console is part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Company {
    /// What this process is.
    pub role: Role,
    /// The person in this seat.
    pub me: Option<Person>,
    /// Everybody who is here.
    pub people: Vec<Person>,
    /// The servers through which people join.
    pub servers: Vec<ServerEntry>,
    /// What a client is joined to.
    pub joined: Option<Joined>,
}

/// What a client is joined to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The server's connection string, secrets masked.
    pub server: String,
    /// How the line to it is.
    pub line: Line,
}

impl Default for Company {
    /// A host alone.
    fn default() -> Self {
        Self {
            role: Role::Host,
            me: None,
            people: Vec::new(),
            servers: Vec::new(),
            joined: None,
        }
    }
}

impl Company {
    /// What that deck is part of now.
    #[must_use]
    pub fn of(deck: &Deck) -> Self {
        let joined = match deck {
            Deck::Host(_) => None,
            Deck::Client(client) => Some(Joined {
                server: client.server(),
                line: client.line(),
            }),
        };
        Self {
            role: deck.role(),
            me: deck.me(),
            people: deck.people(),
            servers: deck.servers(),
            joined,
        }
    }

    /// The server whose session this console has joined.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        self.joined.as_ref().map(|joined| joined.server.as_str())
    }

    /// Whether this console has joined somebody else's session.
    #[must_use]
    pub fn is_client(&self) -> bool {
        self.role == Role::Client
    }

    /// How many are here besides the person in this seat.
    #[must_use]
    pub fn others(&self) -> usize {
        let me = self.me.as_ref().map(|me| me.id);
        let others = self.people.iter().filter(|person| Some(person.id) != me);
        others.count()
    }

    /// Whether somebody may join without a password.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let mut servers = self.servers.iter();
        servers.any(|server| server.open && !server.ending)
    }

    /// Whether the person in this seat may only watch and chat.
    #[must_use]
    pub fn is_observer(&self) -> bool {
        let me = self.me.as_ref();
        me.is_some_and(|me| me.permission == Permission::Observer)
    }

    /// What has to end before a host with so many targets can become a client: `end 2 targets and server 0 first`.
    #[must_use]
    pub fn in_the_way(&self, targets: usize) -> Option<String> {
        obstacle(targets, &self.servers).map(|what| format!("end {what} first"))
    }
}

/// The shortest that tells a connection string from others: `tcp:5005`, `npipe:lab`.
#[must_use]
pub fn short(string: &str) -> String {
    let kind = listed_kind(string).to_ascii_lowercase();
    let place = ["port", "pipe"]
        .iter()
        .find_map(|name| listed_value(string, name));
    match place {
        Some(place) => format!("{kind}:{place}"),
        None => kind,
    }
}

/// The machine that a client's connection string names; without one, what is left to name: `npipe:lab`.
#[must_use]
pub fn machine(string: &str) -> String {
    let named = ["server", "clicon"]
        .iter()
        .find_map(|name| listed_value(string, name));
    named.map_or_else(
        || short(string),
        |name| name.trim_start_matches('\\').to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_told_apart_by_their_shortest_form() {
        assert_eq!(short("tcp:Port=5005,Password=*"), "tcp:5005");
        assert_eq!(short("npipe:Pipe=lab"), "npipe:lab");
        assert_eq!(short("COM:Port=/dev/ttyS1,Baud=9600"), "com:/dev/ttyS1");
        assert_eq!(short("ssh:Server=lab01"), "ssh");
        assert_eq!(short(""), "");
        assert_eq!(machine("tcp:Port=5005,Server=lab01"), "lab01");
        assert_eq!(machine(r"npipe:Pipe=lab,Server=\\lab01"), "lab01");
        assert_eq!(machine("npipe:Pipe=lab"), "npipe:lab");
    }
}
