//! Commands about the session: servers, people, chat, who steers.
//!
//! What they print is in the form of "Controlling a remote debugging session", ".clients", ".servers" and ".endsrv" of
//! Microsoft's debugger documentation, where these have one.

use std::sync::Arc;
use std::time::Instant;

use super::{Call, Replies, Reply, line, ready};
use crate::connect::ServerString;
use crate::deck::{Deck, counted, obstacle};
use crate::host::Host;
use crate::proto::rawchat::Verdict;
use crate::rack::Target;
use crate::session::chat::{Chat, LINE_CHARS_MAX};
use crate::session::people::Seated;
use crate::session::server::ServerEntry;
use crate::session::{Permission, Person, machine_name};
use crate::transcript::Time;

/// `.server STRING`
pub(super) fn server(call: Call) -> Replies {
    let host = match call.host() {
        Ok(host) => host.clone(),
        Err(reason) => return ready(Err(reason)),
    };
    if call.argument.is_empty() {
        return ready(Err(
            "how? a server string belongs behind .server, as in .server tcp:port=5005 or .server npipe:pipe=lab"
                .to_owned(),
        ));
    }
    let string: ServerString = match call.argument.parse() {
        Ok(string) => string,
        Err(error) => return ready(Err(format!("{error}"))),
    };
    Box::pin(async move { vec![Reply::new(host.open_server(string).await)] })
}

/// `.servers`
pub(super) fn servers(call: Call) -> Replies {
    let listed = call.host().map(|host| list(&host.servers()));
    ready(listed)
}

fn list(servers: &[ServerEntry]) -> String {
    if servers.is_empty() {
        return "this host has no servers; .server STRING opens one".to_owned();
    }
    let line = |server: &ServerEntry| match server.ending {
        true => format!("{} - <Disabled, exit pending>", server.id),
        false => {
            let badge = if server.open { " OPEN TO ANYBODY" } else { "" };
            format!("{} - Debugger Server - {}{badge}", server.id, server.string)
        }
    };
    servers.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// `.endsrv N [/disconnect]`
pub(super) fn endsrv(call: Call) -> Replies {
    let mut words = call.argument.split_whitespace();
    let id = words.next().map(str::parse);
    let disconnect = words.next();
    let result = match (id, disconnect, words.next()) {
        (Some(Ok(id)), None | Some("/disconnect"), None) => call
            .host()
            .and_then(|host| host.end_server(id, disconnect.is_some())),
        _ => Err(
            "which? .endsrv N ends the server of that number; .endsrv N /disconnect cuts who came through it, too"
                .to_owned(),
        ),
    };
    ready(result)
}

/// `.clients`
pub(super) fn clients(call: Call) -> Replies {
    let listed = call.host().map(|host| {
        let people = host.people().all();
        let lines = people.iter().map(client);
        lines.collect::<Vec<_>>().join("\n")
    });
    ready(listed)
}

/// `BOX18\alice, last active Mon Mar 04 16:05:21 2002 [operator, tcp 10.0.0.18:51733, server 0]`
fn client(person: &Person) -> String {
    let account = match person.account.as_str() {
        "" => format!("{}\\{}", machine_name(), person.name),
        account => account.to_owned(),
    };
    let mut about = Vec::new();
    if !account.ends_with(&format!("\\{}", person.name)) {
        about.push(person.name.clone());
    }
    about.push(person.permission.to_string());
    about.push(whence(person));
    about.extend(person.server.map(|server| format!("server {server}")));
    if person.away {
        about.push("away".to_owned());
    }
    let active = local(person.active).strftime("%a %b %d %H:%M:%S %Y");
    format!("{account}, last active {active} [{}]", about.join(", "))
}

/// `.who`
pub(super) fn who(call: Call) -> Replies {
    let people = call.deck.people();
    let columns = |text: &dyn Fn(&Person) -> usize| people.iter().map(text).max().unwrap_or(0);
    let name_columns = columns(&|person| person.name.chars().count());
    let line = |person: &Person| {
        let since = local(person.since).strftime("%H:%M");
        let away = if person.away { ", away" } else { "" };
        format!(
            "{:name_columns$}  {:8}  since {since}, {}{away}",
            person.name,
            person.permission.word(),
            whence(person),
        )
    };
    let lines: Vec<String> = people.iter().map(line).collect();
    ready(Ok(lines.join("\n")))
}

/// `.names`
pub(super) fn names(call: Call) -> Replies {
    let names: Vec<String> = call.deck.people().into_iter().map(|it| it.name).collect();
    ready(Ok(names.join(" ")))
}

fn whence(person: &Person) -> String {
    match (person.seated, person.origin.as_str()) {
        (Seated::Console, "") => "at the host itself".to_owned(),
        (Seated::Device, origin) => format!("device {origin}"),
        (_, origin) => origin.to_owned(),
    }
}

/// `.kick NAME [REASON]`
pub(super) fn kick(call: Call) -> Replies {
    let (name, reason) = call
        .argument
        .split_once(char::is_whitespace)
        .unwrap_or((&call.argument, ""));
    if name.is_empty() {
        return ready(Err("whom? .who tells who is here".to_owned()));
    }
    let kicked = call
        .host()
        .and_then(|host| host.kick(&call.author, name, reason.trim()));
    ready(kicked)
}

/// `.echo TEXT`, `.chat TEXT`
pub(super) fn say(call: Call) -> Replies {
    speak(&call, None, false, &call.argument)
}

/// `.me TEXT`
pub(super) fn me(call: Call) -> Replies {
    speak(&call, None, true, &call.argument)
}

/// `.msg NAME TEXT`
pub(super) fn msg(call: Call) -> Replies {
    let Some((name, text)) = call.argument.split_once(char::is_whitespace) else {
        return ready(Err(
            "to whom, and what? as in .msg alice look at web01".to_owned()
        ));
    };
    let person = call
        .deck
        .people()
        .into_iter()
        .find(|person| person.name.to_lowercase() == name.to_lowercase());
    match person {
        Some(person) => speak(&call, Some(&person.name), false, text),
        None => ready(Err(format!(
            "nobody here is called {name}; .names tells who is"
        ))),
    }
}

fn speak(call: &Call, to: Option<&str>, action: bool, text: &str) -> Replies {
    let text = text.trim();
    if text.is_empty() {
        return ready(Err(format!("what? as in {} hello", call.name)));
    }
    let posted = call.host().and_then(|host| {
        match host.chat().allows(call.author.person, Instant::now()) {
            Verdict::Post => {}
            Verdict::Disconnect if call.author.permission == Permission::Observer => {
                host.audit("chat-flooded", &[("person", &call.author.name)]);
                let is_author = |person: &Person| Some(person.id) == call.author.person;
                host.people().put_out(is_author, "too much chat at once");
                return Err(TOO_FAST.to_owned());
            }
            Verdict::Refuse | Verdict::Disconnect => return Err(TOO_FAST.to_owned()),
        }
        host.chat().say(&call.author.name, to, action, text);
        Ok(if Chat::fits(text) {
            String::new()
        } else {
            format!("that was cut: {LINE_CHARS_MAX} characters are the most")
        })
    });
    ready(posted)
}

/// Whoever chats faster than everybody else can read is told this.
const TOO_FAST: &str = "not so fast: that was not posted; say it again in a few seconds";

/// `.take [NAME...] [/force]`
pub(super) fn take(call: Call) -> Replies {
    let force = call
        .argument
        .split_whitespace()
        .any(|word| word == "/force");
    steer(&call, |host, target| host.take(target, &call.author, force))
}

/// `.release [NAME...]`
pub(super) fn release(call: Call) -> Replies {
    steer(&call, |host, target| host.release(target, &call.author))
}

/// Does something with the targets that are named behind the command, else with those it is for.
fn steer(call: &Call, act: impl Fn(&Arc<Host>, &Arc<Target>) -> Result<String, String>) -> Replies {
    let host = match call.host() {
        Ok(host) => host,
        Err(reason) => return ready(Err(reason)),
    };
    let rack = host.rack();
    let named = call.argument.split_whitespace();
    let mut targets = Vec::new();
    for name in named.filter(|word| *word != "/force") {
        match rack.named(name.trim_start_matches('@')) {
            Some(target) => targets.push(target.clone()),
            None => return ready(Err(format!("there is no target {name}"))),
        }
    }
    if targets.is_empty() {
        targets.clone_from(&call.targets);
    }
    if targets.is_empty() {
        return ready(Err(line::NOBODY.to_owned()));
    }
    let reply = |target: &Arc<Target>| Reply::about(target.id, act(host, target));
    let replies: Vec<Reply> = targets.iter().map(reply).collect();
    Box::pin(std::future::ready(replies))
}

/// `.role [host|server|client]`
pub(super) fn role(call: Call) -> Replies {
    ready(match &call.deck {
        Deck::Host(host) => host_role(host, &call.argument),
        Deck::Client(client) => match call.argument.as_str() {
            "" => Ok(format!("client: joined to {}", client.server())),
            "client" => Ok("this is a client already".to_owned()),
            "host" | "server" => Err(
                "this is a client: it has no targets and servers of its own; .remote_exit leaves the session first"
                    .to_owned(),
            ),
            _ => Err(ROLES.to_owned()),
        },
    })
}

const ROLES: &str = "the roles are host, server and client";

fn host_role(host: &Host, wanted: &str) -> Result<String, String> {
    let (targets, servers) = (host.rack().targets().len(), host.servers());
    let has = format!("this process holds {}", counted(targets, "target"));
    let ids: Vec<String> = servers.iter().map(|server| server.id.to_string()).collect();
    let role = if servers.is_empty() { "host" } else { "server" };
    match wanted {
        "" if servers.is_empty() => Ok(format!("host: {has}; nobody else can join")),
        "" => Ok(format!(
            "server: {has}; others join through {}",
            counted(servers.len(), "server")
        )),
        "host" if servers.is_empty() => Ok("this is a host already".to_owned()),
        "host" => Err(format!(
            "a host has no servers: end {} first, with .endsrv N",
            plural("server", &ids)
        )),
        "server" if servers.is_empty() => Err(
            "a server lets others join: .server STRING opens one, as in .server tcp:port=5005 or .server npipe:pipe=lab"
                .to_owned(),
        ),
        "server" => Ok("this is a server already".to_owned()),
        "client" => Err(match obstacle(targets, &servers) {
            None => "a client is joined to somebody else's session: .remote STRING joins one".to_owned(),
            Some(what) => format!(
                "a {role} is no client at the same time: end {what} first (@all .remove, .endsrv N /disconnect), then \
                 .remote STRING joins somebody else's session"
            ),
        }),
        _ => Err(ROLES.to_owned()),
    }
}

/// `server 0`, `servers 0, 2`
fn plural(what: &str, ids: &[String]) -> String {
    let s = if ids.len() == 1 { "" } else { "s" };
    format!("{what}{s} {}", ids.join(", "))
}

fn local(time: Time) -> jiff::Zoned {
    time.timestamp().to_zoned(jiff::tz::TimeZone::system())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::people::PersonId;

    fn entry(id: u32, string: &str, ending: bool) -> ServerEntry {
        ServerEntry {
            id,
            string: string.to_owned(),
            join: string.to_owned(),
            clients: 0,
            ending,
            open: string.ends_with("=none"),
        }
    }

    #[test]
    fn servers_are_listed_as_debuggers_list_them() {
        let servers = [
            entry(0, "npipe:Pipe=rabbit", true),
            entry(1, "tcp:Port=7", false),
            entry(2, "npipe:Pipe=tiger,Password=*", false),
            entry(3, "tcp:Port=8,Password=none", false),
        ];
        insta::assert_snapshot!(list(&servers), @r"
        0 - <Disabled, exit pending>
        1 - Debugger Server - tcp:Port=7
        2 - Debugger Server - npipe:Pipe=tiger,Password=*
        3 - Debugger Server - tcp:Port=8,Password=none OPEN TO ANYBODY
        ");
        assert!(list(&[]).contains(".server"));
    }

    #[test]
    fn clients_are_told_with_account_time_and_way() {
        let time = Time(1_015_257_921_000_000);
        let mut person = Person {
            id: PersonId(1),
            name: "alice-2".to_owned(),
            permission: Permission::Operator,
            seated: Seated::Client,
            account: "BOX18\\alice".to_owned(),
            origin: "tcp 10.0.0.18:51733".to_owned(),
            server: Some(0),
            since: time,
            active: time,
            away: false,
        };
        let told = client(&person);
        let (account, rest) = told.split_once(", last active ").unwrap();
        assert_eq!(account, "BOX18\\alice");
        assert!(
            rest.contains(" Mar 0")
                && rest.contains(" 2002 [alice-2, operator, tcp 10.0.0.18:51733, server 0]"),
            "{rest}"
        );
        person.name = "alice".to_owned();
        assert!(client(&person).ends_with("2002 [operator, tcp 10.0.0.18:51733, server 0]"));
    }
}
