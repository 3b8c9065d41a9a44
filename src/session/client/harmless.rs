//! What a server says, made harmless as it comes in: it holds nothing that a terminal would obey. Lines of chat and lists of
//! people, which are kept, are no longer than those of our own servers; of all else the length of a frame is the bound.
//!
//! Output of targets stays as it is: it is made safe where it is shown, as at a host.

use super::PEOPLE_MAX;
use crate::command::Reply;
use crate::proto::session::message::{Piece, ToClient, Welcome};
use crate::session::Said;
use crate::session::chat::LINE_CHARS_MAX;
use crate::session::people::{Change, Person};
use crate::transcript::safe;

/// The message without control characters.
pub(super) fn harmless(mut message: ToClient<'_>) -> ToClient<'_> {
    match &mut message {
        ToClient::Welcome(welcome) => welcome_harmless(welcome),
        ToClient::Rack(infos) | ToClient::RackPart(infos) => {
            for info in infos {
                line(&mut info.name);
                line(&mut info.address);
                info.groups.iter_mut().for_each(line);
                info.tags.iter_mut().for_each(line);
            }
        }
        ToClient::Status(list) => {
            for (_, info) in list {
                line(&mut info.detail);
                line(&mut info.prompt);
                line(&mut info.alert);
                line(&mut info.holder);
                line(&mut info.log_fails);
            }
        }
        ToClient::Glances(glances) => {
            let newest = glances.iter_mut().filter_map(|it| it.newest.as_mut());
            newest.for_each(piece);
        }
        ToClient::Lines(lines) => lines.pieces.iter_mut().for_each(piece),
        ToClient::People(people) => {
            people.truncate(PEOPLE_MAX);
            people.iter_mut().for_each(person);
        }
        ToClient::Person {
            person: who,
            change,
            ..
        } => {
            person(who);
            match change {
                Change::Left(text) | Change::Renamed(text) => line(text),
                Change::Joined | Change::Away | Change::Back => {}
            }
        }
        ToClient::Chat(said) => chat(said),
        ToClient::Servers(servers) => {
            for server in servers {
                line(&mut server.string);
                line(&mut server.join);
            }
        }
        ToClient::Notice { text, .. } => lines(text),
        ToClient::Replies { replies, .. } => replies.iter_mut().for_each(reply),
        ToClient::Answer { answer, .. } => {
            let (Ok(text) | Err(text)) = answer;
            lines(text);
        }
        ToClient::Bye { reason, .. } => line(reason),
        ToClient::Target { detail, .. } => line(detail),
        ToClient::Pong => {}
    }
    message
}

fn welcome_harmless(welcome: &mut Welcome) {
    person(&mut welcome.me);
    line(&mut welcome.host);
    welcome.warnings.iter_mut().for_each(line);
}

fn person(person: &mut Person) {
    line(&mut person.name);
    line(&mut person.account);
    line(&mut person.origin);
}

fn chat(said: &mut Said) {
    line(&mut said.from);
    if let Some(to) = &mut said.to {
        line(to);
    }
    line(&mut said.text);
    if let Some((end, _)) = said.text.char_indices().nth(LINE_CHARS_MAX) {
        said.text.truncate(end);
    }
}

fn reply(reply: &mut Reply) {
    lines(&mut reply.text);
}

fn piece(piece: &mut Piece<'_>) {
    if let Piece::Entry { who: Some(who), .. } = piece
        && safe::plain(who.as_bytes()) != *who
    {
        // Our own servers have no such names.
        *who = "?";
    }
}

fn line(text: &mut String) {
    let plain = safe::plain(text.as_bytes());
    if plain != *text {
        *text = plain.into_owned();
    }
}

fn lines(text: &mut String) {
    let plain = safe::plain_lines(text.as_bytes());
    if plain != *text {
        *text = plain.into_owned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_harmless_stays_as_it_is() {
        let said = |text: &str| ToClient::Bye {
            reason: text.to_owned(),
            goes_on: false,
        };
        assert_eq!(harmless(said("schöne Grüße 🙂")), said("schöne Grüße 🙂"));
        assert_eq!(harmless(said("a\x1b[2Jb\u{9b}31mc")), said("ab31mc"));
    }
}
