//! The events of a headless run, as JSON or as lines for people.
//!
//! JSON: one object a line, `type` first, times as RFC 3339 with microseconds. Text of targets and people is made safe:
//! it holds no control characters.

use std::io::{self, Write};

use crate::command::Reply;
use crate::deck::Role;
use crate::rack::State;
use crate::session::{Change, Person, Said};
use crate::transcript::{Seq, Time, safe};

/// The types of events, by their word in the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the contract")]
pub enum Type {
    Target,
    Output,
    Command,
    Reply,
    Notice,
    Missed,
    Chat,
    Person,
    Role,
    Error,
}

impl Type {
    /// All types.
    pub const ALL: [Self; 10] = [
        Self::Target,
        Self::Output,
        Self::Command,
        Self::Reply,
        Self::Notice,
        Self::Missed,
        Self::Chat,
        Self::Person,
        Self::Role,
        Self::Error,
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Output => "output",
            Self::Command => "command",
            Self::Reply => "reply",
            Self::Notice => "notice",
            Self::Missed => "missed",
            Self::Chat => "chat",
            Self::Person => "person",
            Self::Role => "role",
            Self::Error => "error",
        }
    }
}

/// The output, gathered: [`Out::flush`] writes.
pub struct Out {
    output: Box<dyn Write + Send>,
    json: bool,
    wanted: [bool; Type::ALL.len()],
    buffer: Vec<u8>,
    /// The last time that was printed, and how.
    stamp: (Time, String),
}

impl Out {
    /// Prints events of the types `only`, or all if that is empty.
    pub fn new(json: bool, only: &[String], output: Box<dyn Write + Send>) -> Self {
        let wanted =
            Type::ALL.map(|kind| only.is_empty() || only.iter().any(|word| word == kind.word()));
        Self {
            output,
            json,
            wanted,
            buffer: Vec::new(),
            stamp: (Time(i64::MIN), String::new()),
        }
    }

    /// Whether one of these types is printed.
    pub fn wants_any(&self, types: &[Type]) -> bool {
        types.iter().any(|kind| self.wants(*kind))
    }

    /// Bytes that wait to be written.
    pub fn waiting(&self) -> usize {
        self.buffer.len()
    }

    /// Writes what was gathered.
    ///
    /// # Errors
    /// Those of the output.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.output.write_all(&self.buffer)?;
        self.buffer.clear();
        self.output.flush()
    }

    /// A target's state.
    pub fn state(&mut self, time: Time, target: &str, state: State, detail: &str) {
        let detail = &*safe::plain(detail.as_bytes());
        if self.json {
            self.object(Type::Target, time, |o| {
                o.text("target", target)
                    .text("state", state.word())
                    .text("detail", detail)
            });
        } else {
            self.line(
                Type::Target,
                &[
                    target,
                    ": ",
                    state.word(),
                    if detail.is_empty() { "" } else { ": " },
                    detail,
                ],
            );
        }
    }

    /// A line that a target printed, or the part of it that is there.
    pub fn output(&mut self, time: Time, target: &str, seq: Seq, bytes: &[u8], partial: bool) {
        if !self.wants(Type::Output) {
            return;
        }
        let text = safe::plain(bytes);
        if self.json {
            self.object(Type::Output, time, |o| {
                let o = o
                    .text("target", target)
                    .number("seq", seq)
                    .text("text", &text);
                if partial { o.flag("partial", true) } else { o }
            });
        } else if !partial {
            self.line(Type::Output, &[target, "  ", &text]);
        }
    }

    /// What somebody typed.
    pub fn command(&mut self, time: Time, target: &str, seq: Seq, who: Option<&str>, bytes: &[u8]) {
        let (who, text) = (who.unwrap_or(""), safe::plain(bytes));
        if self.json {
            self.object(Type::Command, time, |o| {
                o.text("target", target)
                    .number("seq", seq)
                    .text("who", who)
                    .text("text", &text)
            });
        } else {
            self.line(Type::Command, &[target, "  ", who, "> ", &text]);
        }
    }

    /// The end of a command.
    pub fn reply(&mut self, time: Time, id: u64, target: Option<&str>, reply: &Reply) {
        let text = safe::plain_lines(reply.text.as_bytes());
        if self.json {
            self.object(Type::Reply, time, |mut o| {
                if let Some(target) = target {
                    o = o.text("target", target);
                }
                if let Some(seq) = reply.seq {
                    o = o.number("seq", seq);
                }
                o.number("id", id).flag("ok", reply.ok).text("text", &text)
            });
        } else if !reply.text.is_empty() {
            let sign = if reply.ok { "= " } else { "! " };
            let (target, gap) = target.map_or(("", ""), |target| (target, "  "));
            for line in text.split('\n') {
                self.line(Type::Reply, &[target, gap, sign, line]);
            }
        }
    }

    /// What happened at the rack or in the session.
    pub fn news(&mut self, time: Time, text: &str) {
        let text = safe::plain_lines(text.as_bytes());
        if self.json {
            self.object(Type::Notice, time, |o| o.text("text", &text));
        } else {
            for line in text.split('\n') {
                self.line(Type::Notice, &["-- ", line]);
            }
        }
    }

    /// What happened to a target.
    pub fn notice(&mut self, time: Time, target: &str, seq: Seq, bytes: &[u8]) {
        let text = safe::plain_lines(bytes);
        if self.json {
            self.object(Type::Notice, time, |o| {
                o.text("target", target)
                    .number("seq", seq)
                    .text("text", &text)
            });
        } else {
            for line in text.split('\n') {
                self.line(Type::Notice, &[target, "  -- ", line]);
            }
        }
    }

    /// Entries that left a history before they could be printed.
    pub fn missed(&mut self, time: Time, target: &str, count: u64) {
        if self.json {
            self.object(Type::Missed, time, |o| {
                o.text("target", target).number("count", count)
            });
        } else {
            self.line(
                Type::Missed,
                &[target, "  -- ", &count.to_string(), " lines missed"],
            );
        }
    }

    /// What somebody said, to everybody or to the one who reads this.
    pub fn chat(&mut self, said: &Said) {
        let (from, text) = (
            &*safe::plain(said.from.as_bytes()),
            &*safe::plain(said.text.as_bytes()),
        );
        if self.json {
            self.object(Type::Chat, said.time, |mut o| {
                o = o.text("from", from).text("text", text);
                if let Some(to) = &said.to {
                    o = o.text("to", to);
                }
                if said.action {
                    o = o.flag("action", true);
                }
                o
            });
            return;
        }
        let to = said.to.as_ref().map(|to| format!(" to {to}"));
        let sign = if said.action { " " } else { "> " };
        self.line(
            Type::Chat,
            &["chat  ", from, to.as_deref().unwrap_or(""), sign, text],
        );
    }

    /// Somebody came, went or is called otherwise.
    pub fn person(&mut self, time: Time, person: &Person, change: &Change) {
        let why = match change {
            Change::Left(why) | Change::Renamed(why) => safe::plain(why.as_bytes()),
            _ => "".into(),
        };
        if self.json {
            self.object(Type::Person, time, |mut o| {
                o = o
                    .text("name", &person.name)
                    .text("event", change.word())
                    .text("permission", person.permission.word())
                    .text("origin", &person.origin);
                match change {
                    Change::Renamed(_) => o.text("was", &why),
                    Change::Left(_) if !why.is_empty() => o.text("reason", &why),
                    _ => o,
                }
            });
            return;
        }
        let more = match change {
            Change::Renamed(_) => format!(" from {why}"),
            Change::Left(_) if !why.is_empty() => format!(": {why}"),
            Change::Joined if !person.origin.is_empty() => {
                format!(" ({}, {})", person.permission, person.origin)
            }
            _ => String::new(),
        };
        self.line(
            Type::Person,
            &["-- ", &person.name, " ", change.word(), &more],
        );
    }

    /// What this process is, and through what people join.
    pub fn role(&mut self, role: Role, servers: &[String]) {
        if self.json {
            self.object(Type::Role, Time::now(), |o| {
                o.text("role", role.word()).list("servers", servers)
            });
        } else {
            let servers = servers.join(" ");
            let gap = if servers.is_empty() { "" } else { " " };
            self.line(Type::Role, &["role: ", role.word(), gap, &servers]);
        }
    }

    /// Something that failed and belongs to no command; of a target, if it is one's.
    pub fn error(&mut self, time: Time, target: Option<&str>, text: &str) {
        let text = text.split('\n').map(|line| safe::plain(line.as_bytes()));
        let text = text.collect::<Vec<_>>().join("\n");
        let text = target.map_or(text.clone(), |target| format!("{target}: {text}"));
        if self.json {
            self.object(Type::Error, time, |mut o| {
                if let Some(target) = target {
                    o = o.text("target", target);
                }
                o.text("text", &text)
            });
        } else {
            self.line(Type::Error, &["error: ", &text]);
        }
    }

    fn wants(&self, kind: Type) -> bool {
        self.wanted.get(kind as usize).copied().unwrap_or(true)
    }

    fn line(&mut self, kind: Type, parts: &[&str]) {
        if self.wants(kind) {
            for part in parts {
                self.buffer.extend_from_slice(part.as_bytes());
            }
            self.buffer.push(b'\n');
        }
    }

    fn object(&mut self, kind: Type, time: Time, fill: impl FnOnce(Object<'_>) -> Object<'_>) {
        if !self.wants(kind) {
            return;
        }
        if self.stamp.0 != time {
            self.stamp = (
                time,
                time.timestamp()
                    .strftime("%Y-%m-%dT%H:%M:%S.%6fZ")
                    .to_string(),
            );
        }
        self.buffer.extend_from_slice(b"{\"type\":\"");
        self.buffer.extend_from_slice(kind.word().as_bytes());
        self.buffer.push(b'"');
        fill(Object(&mut self.buffer).text("time", &self.stamp.1));
        self.buffer.extend_from_slice(b"}\n");
    }
}

impl std::fmt::Debug for Out {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Out")
            .field("json", &self.json)
            .field("waiting", &self.buffer.len())
            .finish_non_exhaustive()
    }
}

/// An object being written, behind its type.
struct Object<'a>(&'a mut Vec<u8>);

impl Object<'_> {
    fn text(mut self, key: &str, value: &str) -> Self {
        self.key(key);
        // Writing to memory does not fail, and every string is JSON.
        serde_json::to_writer(&mut *self.0, value).ok();
        self
    }

    fn number(mut self, key: &str, value: u64) -> Self {
        self.key(key);
        write!(self.0, "{value}").ok();
        self
    }

    fn flag(mut self, key: &str, value: bool) -> Self {
        self.key(key);
        write!(self.0, "{value}").ok();
        self
    }

    fn list(mut self, key: &str, values: &[String]) -> Self {
        self.key(key);
        // As of a text.
        serde_json::to_writer(&mut *self.0, values).ok();
        self
    }

    /// Keys are words of ours and need no escapes.
    fn key(&mut self, key: &str) {
        write!(self.0, ",\"{key}\":").ok();
    }
}

#[cfg(test)]
mod tests;
