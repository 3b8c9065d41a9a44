//! The role switcher: what this console is, what else it could be and what that needs, and the servers.
//!
//! What is wanted is done by whoever is asked ([`Wish`]); here it is only said.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::cursor::Cursor;
use super::frame::{Frame, legible, row, write};
use super::{Outcome, Wish};
use crate::connect::ServerString;
use crate::deck::{self, counted};
use crate::session::Person;
use crate::session::server::ServerEntry;
use crate::ui::action::{Action, Context};
use crate::ui::chat::rows::clean;
use crate::ui::company::{Company, machine};
use crate::ui::entry::Entry;
use crate::ui::fit::wrap;
use crate::ui::keys::{Key, KeyMap};
use crate::ui::look::Look;
use crate::ui::theme::Role;

const ROLES: [deck::Role; 3] = [deck::Role::Host, deck::Role::Server, deck::Role::Client];
/// Columns that hold most connection strings.
const COLUMNS_MAX: u16 = 76;
/// Rows that hold the three roles, an empty row and the first row of what is said about the chosen one. Where there are
/// fewer, one is shown at a time.
const ROWS_WHOLE: u16 = 5;
/// People named; a command lists all.
const PEOPLE_MAX: usize = 8;
/// What a new server begins as: the one that can be reached from everywhere.
const NEW_SERVER: &str = "tcp:port=5005";

/// The role switcher's state: what is looked at, and a new server's string while one is typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleSwitcher {
    cursor: Cursor,
    typing: Option<Entry>,
    /// What is wrong with the string that was typed.
    wrong: Vec<String>,
}

/// What the switcher tells of.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// What this console is part of.
    pub company: &'a Company,
    /// How many targets it has.
    pub targets: usize,
    /// The key that leaves a session.
    pub leave: &'a str,
}

/// What the cursor is on.
enum Chosen<'a> {
    Role(deck::Role),
    Server(&'a ServerEntry),
}

impl RoleSwitcher {
    /// A switcher that begins at the role in force, where Enter changes nothing.
    #[must_use]
    pub fn new(company: &Company) -> Self {
        Self::at(company.role)
    }

    /// A switcher that begins at that role.
    #[must_use]
    pub fn at(wanted: deck::Role) -> Self {
        let mut switcher = Self::default();
        let row = ROLES.iter().position(|role| *role == wanted);
        switcher.cursor.go(row.unwrap_or(0));
        switcher
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key, keys: &KeyMap, company: &Company) -> Outcome {
        if self.typing.is_some() {
            return self.key_typed(key, keys);
        }
        let count = ROLES.len() + company.servers.len();
        match (keys.action(Context::Overlay, key), key.typed()) {
            (Some(Action::CloseOverlay), _) => Outcome::Close,
            (Some(Action::Accept), _) => self.choose(company),
            (Some(action), _) if self.cursor.act(action, count) => Outcome::Taken,
            (_, Some('n')) if !company.is_observer() => {
                self.typing = Some(Entry::new(NEW_SERVER));
                Outcome::Taken
            }
            (_, Some(letter @ ('x' | 'X'))) if !company.is_observer() => {
                let server = match self.chosen(company) {
                    Chosen::Server(server) => Some(server),
                    Chosen::Role(_) => match company.servers.as_slice() {
                        [only] => Some(only),
                        _ => None,
                    },
                };
                server.map_or(Outcome::Ignored, |server| {
                    Outcome::Wish(Wish::EndServer {
                        id: server.id,
                        cut: letter == 'X',
                    })
                })
            }
            (_, Some('e')) if !company.is_client() => Outcome::Wish(Wish::ClearWay),
            _ => Outcome::Ignored,
        }
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) {
        if let Some(entry) = &mut self.typing {
            entry.insert(text);
        }
    }

    fn key_typed(&mut self, key: Key, keys: &KeyMap) -> Outcome {
        let Some(entry) = &mut self.typing else {
            return Outcome::Ignored;
        };
        match keys.action(Context::Overlay, key) {
            Some(Action::CloseOverlay) => {
                (self.typing, self.wrong) = (None, Vec::new());
                Outcome::Taken
            }
            Some(Action::Accept) => {
                let text = entry.text();
                let text = text.trim();
                let text = text.trim_start_matches("-server").trim_start();
                match text.parse::<ServerString>() {
                    Ok(_) => Outcome::Wish(Wish::NewServer(text.to_owned())),
                    Err(error) => {
                        self.wrong = error.to_string().lines().map(str::to_owned).collect();
                        Outcome::Taken
                    }
                }
            }
            _ if entry.key(key) => {
                self.wrong.clear();
                Outcome::Taken
            }
            _ => Outcome::Ignored,
        }
    }

    /// Enter: towards the role that is looked at.
    fn choose(&mut self, company: &Company) -> Outcome {
        match (self.chosen(company), company.role) {
            (Chosen::Role(role), now) if role == now => Outcome::Close,
            (Chosen::Role(deck::Role::Host), deck::Role::Client) => Outcome::Wish(Wish::Leave),
            (Chosen::Role(deck::Role::Host), _) => Outcome::Wish(Wish::EndServers),
            (Chosen::Role(deck::Role::Server), deck::Role::Host) => {
                self.typing = Some(Entry::new(NEW_SERVER));
                Outcome::Taken
            }
            (Chosen::Role(deck::Role::Client), _) => Outcome::Wish(Wish::Connect),
            (Chosen::Role(deck::Role::Server) | Chosen::Server(_), _) => Outcome::Taken,
        }
    }

    fn chosen<'a>(&self, company: &'a Company) -> Chosen<'a> {
        let row = self.cursor.row(ROLES.len() + company.servers.len());
        let row = row.unwrap_or(0);
        let server = row.checked_sub(ROLES.len());
        match server.and_then(|place| company.servers.get(place)) {
            Some(server) => Chosen::Server(server),
            None => Chosen::Role(ROLES.get(row).copied().unwrap_or(company.role)),
        }
    }

    /// Draws it. Returns where the terminal's cursor belongs.
    pub fn draw(
        &self,
        area: Rect,
        buf: &mut Buffer,
        look: Look<'_>,
        around: Around<'_>,
    ) -> Option<Position> {
        let company = around.company;
        let inner = COLUMNS_MAX.min(area.width.saturating_sub(2));
        let detail = self.detail(around);
        let detail: Vec<String> = detail
            .iter()
            .flat_map(|line| wrap(line, inner.into(), look.glyphs))
            .collect();
        let people = people(company);
        let wrong = legible(&self.wrong, inner, look);
        let typing = if self.typing.is_some() {
            2 + wrong.len()
        } else {
            0
        };
        let rows = ROLES.len() + company.servers.len() + 1 + detail.len() + people.len() + typing;
        let hint = match (&self.typing, company.is_client()) {
            (Some(_), _) => "Enter opens it, Esc goes back",
            (None, true) => "Enter chooses, n new server, x ends one, Esc closes",
            (None, false) => "Enter chooses, n new server, x ends one, e ends all, Esc closes",
        };
        let room = Frame {
            title: "Role",
            hint,
            columns: COLUMNS_MAX,
            rows: u16::try_from(rows).unwrap_or(u16::MAX),
        }
        .open(area, buf, look);
        // What is typed is never out of sight.
        let typing_rows = u16::try_from(typing).unwrap_or(u16::MAX).min(room.height);
        let list = Rect {
            height: room.height - typing_rows,
            ..room
        };
        self.draw_list(list, buf, look, around, [&detail, &people]);
        let entry = self.typing.as_ref()?;
        let bottom = Rect {
            y: list.bottom(),
            height: typing_rows,
            ..room
        };
        let place = row(bottom, u16::from(typing_rows > 1))?;
        if typing_rows > 1 {
            let rule = look.glyphs.horizontal.repeat(room.width.into());
            write(&rule, Role::Border, row(bottom, 0)?, buf, look);
        }
        let prompt = "new server ";
        let used = u16::try_from(prompt.len())
            .unwrap_or(0)
            .min(place.width / 2);
        let before = Rect {
            width: used,
            ..place
        };
        write(prompt, Role::Prompt, before, buf, look);
        let rest = Rect {
            x: place.x + used,
            width: place.width - used,
            ..place
        };
        let (text, cursor) = entry.view(rest.width, look.glyphs);
        write(&text, Role::CommandLine, rest, buf, look);
        for (at, line) in (2..).zip(&wrong) {
            if let Some(place) = row(bottom, at) {
                write(line, Role::Error, place, buf, look);
            }
        }
        Some(Position {
            x: (rest.x + cursor).min(place.right().saturating_sub(1)),
            y: place.y,
        })
    }

    fn draw_list(
        &self,
        room: Rect,
        buf: &mut Buffer,
        look: Look<'_>,
        around: Around<'_>,
        [detail, people]: [&[String]; 2],
    ) {
        let company = around.company;
        let count = ROLES.len() + company.servers.len();
        let whole = room.height >= ROWS_WHOLE;
        let fixed = u16::try_from(1 + detail.len() + people.len()).unwrap_or(u16::MAX);
        let list_rows = if whole {
            room.height
                .saturating_sub(fixed)
                .max(ROLES.len().try_into().unwrap_or(3))
        } else {
            1
        };
        let chosen = self.cursor.row(count);
        let mut place = 0;
        for at in self.cursor.window(count, list_rows) {
            let Some(rect) = row(room, place) else { return };
            let (text, role) = match ROLES.get(at) {
                Some(role) => role_line(*role, around),
                None => {
                    let at = at - ROLES.len();
                    let server = company.servers.get(at);
                    (
                        server.map(|s| server_line(s, at == 0)).unwrap_or_default(),
                        Role::Text,
                    )
                }
            };
            write(&text, role, rect, buf, look);
            if chosen == Some(at) {
                buf.set_style(rect, look.style(Role::Selection));
            }
            place += 1;
        }
        place += u16::from(whole);
        for (line, role) in detail
            .iter()
            .map(|line| (line, Role::Text))
            .chain(people.iter().map(|line| (line, Role::Dim)))
        {
            let Some(rect) = row(room, place) else { return };
            write(line, role, rect, buf, look);
            place += 1;
        }
    }

    /// What is said about what the cursor is on.
    fn detail(&self, around: Around<'_>) -> Vec<String> {
        let Around { company, leave, .. } = around;
        let text = match (self.chosen(company), company.role) {
            (Chosen::Server(server), _) => {
                return vec![
                    format!("Clients join with  -remote {}", clean(&server.join)),
                    "x: nobody new comes in, those who are here stay. X: they are cut off too."
                        .to_owned(),
                ];
            }
            (Chosen::Role(deck::Role::Host), deck::Role::Host) => {
                "This console holds the targets, and nobody else can join."
            }
            (Chosen::Role(deck::Role::Host), deck::Role::Server) => {
                "Nobody else could join. Enter asks, and ends the servers; the targets stay."
            }
            (Chosen::Role(deck::Role::Host), deck::Role::Client) => {
                return vec![format!(
                    "Enter leaves the session, as {leave} and .remote_exit do. It goes on without you."
                )];
            }
            (Chosen::Role(deck::Role::Server), deck::Role::Host) => {
                "Others could join this rack. Enter or n opens a server; there may be several."
            }
            (Chosen::Role(deck::Role::Server), deck::Role::Server) => {
                "Others can join this rack. n opens one more server."
            }
            (Chosen::Role(deck::Role::Server), deck::Role::Client) => {
                "Not now: a console is never client and server. n opens one more server at the host."
            }
            (Chosen::Role(deck::Role::Client), deck::Role::Client) => {
                let server = clean(company.session().unwrap_or_default());
                return vec![format!(
                    "Joined to {server}. {leave} or .remote_exit leaves it; it goes on without you."
                )];
            }
            (Chosen::Role(deck::Role::Client), _) => match company.in_the_way(around.targets) {
                None => "Enter asks for the server of somebody else's session, and joins it.",
                Some(what) => {
                    return vec![format!(
                        "Not now: a console is never client and server, and a client holds no targets; {what}. Enter asks, \
                         and ends them."
                    )];
                }
            },
        };
        vec![text.to_owned()]
    }
}

fn role_line(role: deck::Role, around: Around<'_>) -> (String, Role) {
    let company = around.company;
    let now = role == company.role;
    let brief = match (role, company.role) {
        (deck::Role::Host, deck::Role::Host) => "nobody else can join".to_owned(),
        (deck::Role::Host, _) => "nobody else could join".to_owned(),
        (deck::Role::Server, deck::Role::Server) => {
            let clients: u32 = company.servers.iter().map(|s| s.clients).sum();
            format!(
                "others can join this rack; {} here",
                counted(clients, "client")
            )
        }
        (deck::Role::Server, deck::Role::Host) => "others join this rack".to_owned(),
        (deck::Role::Server, deck::Role::Client) => "not while this is a client".to_owned(),
        (deck::Role::Client, deck::Role::Client) => {
            format!(
                "joined to {}",
                machine(company.session().unwrap_or_default())
            )
        }
        (deck::Role::Client, _) => match company.in_the_way(around.targets) {
            None => "join somebody else's session".to_owned(),
            Some(what) => format!("not now: {what}"),
        },
    };
    let sign = if now { "(*)" } else { "( )" };
    let text = format!("{sign} {:<6}  {brief}", role.word());
    (text, if now { Role::Text } else { Role::Dim })
}

fn server_line(server: &ServerEntry, first: bool) -> String {
    let head = if first { "servers" } else { "" };
    let string = clean(&server.string);
    let ending = if server.ending { ", ending" } else { "" };
    let open = if server.open { ", OPEN to anybody" } else { "" };
    let clients = counted(server.clients, "client");
    format!(
        "{head:<8}{:>2}  {string}  {clients}{ending}{open}",
        server.id
    )
}

/// Who is here, for whoever is not alone.
fn people(company: &Company) -> Vec<String> {
    if company.others() == 0 {
        return Vec::new();
    }
    let me = company.me.as_ref().map(|me| me.id);
    let line = |(place, person): (usize, &Person)| {
        let head = if place == 0 { "people" } else { "" };
        let you = if Some(person.id) == me { ", you" } else { "" };
        let away = if person.away { ", away" } else { "" };
        let (name, origin) = (clean(&person.name), clean(&person.origin));
        let origin = if origin.is_empty() {
            "at the host"
        } else {
            &origin
        };
        format!(
            "{head:<8}  {name} ({}{you}{away})  {origin}",
            person.permission
        )
    };
    let shown = company.people.iter().take(PEOPLE_MAX).enumerate();
    let mut lines: Vec<String> = shown.map(line).collect();
    if let Some(more) = company.people.len().checked_sub(PEOPLE_MAX + 1) {
        lines.push(format!("          and {} more: .who lists all", more + 1));
    }
    lines
}
