//! What people type key by key: put together to what can be recorded, with who typed it.
//!
//! Raw mode sends keys as they are pressed. They are gathered for each person and target up to what ends a line, else up
//! to a pause. What is recorded is what could be typed at the command line to the same effect: the line itself if it is
//! nothing else, `.keys` with its escapes if other keys are in it. Keys that edit are told and not obeyed: what a target
//! makes of them is not known here. What is typed where a target asks for a secret is not kept at all.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::Host;
use crate::rack::{State, Target, TargetId};
use crate::session::Author;
use crate::session::people::PersonId;
use crate::target::CTRL_C;
use crate::target::keys::escape;
use crate::transcript::{Kind, Time};

/// Stands for what was typed where the target asked for a secret.
pub(super) const SECRET: &str = "(not shown)";
/// A line that is not ended is recorded when nothing was typed for so long: many programs take single keys.
const PAUSE: Duration = Duration::from_secs(5);
/// Who types keys is told at the first of them, and again after so long without any.
const TOLD_AGAIN: Duration = Duration::from_secs(60);
/// Bytes of one record; what was typed beyond that is counted in it.
const RECORD_BYTES: usize = 1000;
/// Pairs of a person and a target that are remembered. What more than that type is recorded request by request.
const TYPISTS_MAX: usize = 1024;
/// Keys after which a program takes what was typed before, or drops it: line ends, Ctrl-C, Ctrl-D, Ctrl-Z, Ctrl-\.
const LINE_ENDS: [u8; 6] = [b'\r', b'\n', CTRL_C, 0x04, 0x1a, 0x1c];

/// Who types keys to which target, and what is not recorded yet of them.
#[derive(Debug, Default)]
pub(super) struct Typing {
    typists: Mutex<HashMap<Typist, Typed>>,
    /// Something waits for a pause.
    pub(super) begun: Notify,
}

/// Somebody at a target; nobody is whoever sits at the host itself.
type Typist = (TargetId, Option<PersonId>);

#[derive(Debug)]
struct Typed {
    author: Author,
    line: Gathered,
    /// The line was begun where the target asked for a secret.
    secret: bool,
    last: Instant,
}

/// Keys that belong together.
#[derive(Debug, Default, PartialEq, Eq)]
struct Gathered {
    bytes: Vec<u8>,
    /// Bytes that came after that.
    more: usize,
}

impl Gathered {
    fn push(&mut self, keys: &[u8]) {
        let room = RECORD_BYTES.saturating_sub(self.bytes.len());
        let (kept, more) = keys.split_at(room.min(keys.len()));
        self.bytes.extend_from_slice(kept);
        self.more += more.len();
    }

    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// As it could be typed at the command line.
    fn spelled(&self) -> String {
        if self.bytes == [CTRL_C] {
            return "^C".to_owned();
        }
        if self.more > 0 {
            let more = self.more;
            return format!(".keys {} (and {more} bytes more)", escape(&self.bytes));
        }
        let line = match self.bytes.as_slice() {
            [line @ .., b'\r' | b'\n'] => std::str::from_utf8(line).ok(),
            _ => None,
        };
        match line.filter(|line| !line.contains(char::is_control)) {
            Some(line) => line.to_owned(),
            None => format!(".keys {}", escape(&self.bytes)),
        }
    }
}

/// What came of some keys.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    /// They typed no keys there for a while.
    first: bool,
    /// What is to be recorded now.
    record: Option<String>,
}

impl Typing {
    /// Somebody types these keys, where the target asks for a secret or not.
    fn take(
        &self,
        target: TargetId,
        author: &Author,
        keys: &[u8],
        secret: bool,
        now: Instant,
    ) -> Told {
        let mut typists = self.lock();
        typists.retain(|_, typed| {
            !typed.line.is_empty() || now.duration_since(typed.last) < TOLD_AGAIN
        });
        let typist = (target, author.person);
        let first = !typists.contains_key(&typist);
        if first && typists.len() >= TYPISTS_MAX {
            let mut line = Gathered::default();
            line.push(keys);
            let record = if secret {
                SECRET.to_owned()
            } else {
                line.spelled()
            };
            return Told {
                first,
                record: Some(record),
            };
        }
        let typed = typists.entry(typist).or_insert_with(|| Typed {
            author: author.clone(),
            line: Gathered::default(),
            secret: false,
            last: now,
        });
        typed.author.clone_from(author);
        typed.last = now;
        typed.secret |= secret;
        let ends = keys.iter().rposition(|key| LINE_ENDS.contains(key));
        let (ended, open) = keys.split_at(ends.map_or(0, |at| at + 1));
        let was_empty = typed.line.is_empty();
        let mut record = None;
        if !ended.is_empty() {
            typed.line.push(ended);
            record = Some(typed.recorded());
            typed.secret = false;
        }
        if !typed.secret {
            typed.line.push(open);
        }
        if typed.line.bytes.len() >= RECORD_BYTES && record.is_none() {
            record = Some(typed.recorded());
        }
        if was_empty && !typed.line.is_empty() {
            self.begun.notify_one();
        }
        Told { first, record }
    }

    /// What was typed and not ended before a pause, or at all if there is no time.
    fn left(&self, now: Option<Instant>) -> Vec<(TargetId, Author, String)> {
        let mut left = Vec::new();
        for ((target, _), typed) in self.lock().iter_mut() {
            let is_due = now.is_none_or(|now| now.duration_since(typed.last) >= PAUSE);
            if is_due && !typed.line.is_empty() {
                let author = typed.author.clone();
                // That somebody types is told already: where they went is of no interest.
                if moves_only(&typed.line.bytes) {
                    typed.line = Gathered::default();
                } else {
                    left.push((*target, author, typed.recorded()));
                }
            }
        }
        left
    }

    /// When something has waited for long enough.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let typists = self.lock();
        let open = typists.values().filter(|typed| !typed.line.is_empty());
        open.map(|typed| typed.last).min().map(|last| last + PAUSE)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Typist, Typed>> {
        self.typists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Typed {
    fn recorded(&mut self) -> String {
        let line = std::mem::take(&mut self.line);
        if self.secret {
            SECRET.to_owned()
        } else {
            line.spelled()
        }
    }
}

impl Host {
    /// Somebody types keys to a target. How that is to be recorded now, if it is.
    pub(super) fn typed_keys(
        &self,
        target: &Target,
        author: &Author,
        keys: &[u8],
    ) -> Option<String> {
        if target.debugger {
            // It takes nothing else of them.
            return keys.contains(&CTRL_C).then(|| "^C".to_owned());
        }
        if target.status.state() != State::Running || keys.is_empty() || is_report(keys) {
            return None;
        }
        let secret = target.transcript.asks_for_secret();
        let told = self
            .typing
            .take(target.id, author, keys, secret, Instant::now());
        if told.first {
            self.note(target, &format!("{} types key by key", author.name));
            let fields = [("person", author.name.as_str()), ("target", &target.name)];
            self.audit("keys", &fields);
        }
        told.record
    }

    /// Records what was typed and not ended before a pause; all of it if there is no time.
    pub(super) fn record_typed(&self, now: Option<Instant>) {
        let rack = self.rack();
        for (id, author, text) in self.typing.left(now) {
            let Some(target) = rack.target(id) else {
                continue;
            };
            self.audit_request(&author, target, &text);
            let transcript = &target.transcript;
            transcript.note(Time::now(), Kind::Command, Some(&author.name), &text);
        }
    }
}

/// Whether a terminal says this by itself when a program asks where its cursor is, what it is, or how it does.
fn is_report(keys: &[u8]) -> bool {
    let mut rest = keys;
    while let Some(after) = rest.strip_prefix(b"\x1b[") {
        let digits = after
            .iter()
            .take_while(|byte| b"?>;0123456789".contains(byte));
        let length = digits.count();
        match after.get(length) {
            Some(b'R' | b'c' | b'n') => rest = after.get(length + 1..).unwrap_or_default(),
            _ => return false,
        }
    }
    !keys.is_empty() && rest.is_empty()
}

/// Whether these are cursor and function keys alone.
fn moves_only(keys: &[u8]) -> bool {
    let mut rest = keys;
    while let [0x1b, b'[' | b'O', after @ ..] = rest {
        let Some(end) = after.iter().position(|byte| matches!(byte, 0x40..=0x7e)) else {
            return true;
        };
        rest = after.get(end + 1..).unwrap_or_default();
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Permission;

    const TARGET: TargetId = TargetId(1);

    fn author(id: u32) -> Author {
        Author {
            person: Some(PersonId(id)),
            name: format!("p{id}"),
            permission: Permission::Operator,
        }
    }

    fn texts(left: Vec<(TargetId, Author, String)>) -> Vec<String> {
        left.into_iter().map(|(_, _, text)| text).collect()
    }

    #[test]
    fn keys_of_two_people_become_two_lines() {
        let (typing, now) = (Typing::default(), Instant::now());
        let take = |who, keys: &str| typing.take(TARGET, &author(who), keys.as_bytes(), false, now);
        assert!(take(1, "l").first);
        assert!(take(2, "p").first);
        assert_eq!(take(1, "s"), Told::default());
        assert_eq!(take(2, "s\r").record.as_deref(), Some("ps"));
        assert_eq!(take(1, "\r").record.as_deref(), Some("ls"));
        assert_eq!(take(1, "\r").record.as_deref(), Some(""));
        assert_eq!(
            take(1, "mak\x7fe\t\r").record.as_deref(),
            Some(r".keys mak\x7fe\t\r")
        );
        assert_eq!(take(1, "\x1b[A\r").record.as_deref(), Some(r".keys \e[A\r"));
        assert_eq!(
            take(1, "sleep\r\x03ü").record.as_deref(),
            Some(r".keys sleep\r\x03")
        );
        assert_eq!(typing.deadline(), Some(now + PAUSE));
        assert!(typing.left(Some(now)).is_empty());
        assert_eq!(texts(typing.left(Some(now + PAUSE))), [".keys ü"]);
        assert_eq!(typing.deadline(), None);
    }

    #[test]
    fn a_secret_is_not_kept() {
        let (typing, now) = (Typing::default(), Instant::now());
        let take =
            |keys: &str, secret| typing.take(TARGET, &author(1), keys.as_bytes(), secret, now);
        take("hunt", true);
        assert!(!format!("{typing:?}").contains("104"), "{typing:?}");
        // The stars that the target shows behind its prompt are no prompt any more.
        take("er2", false);
        assert!(typing.left(None).is_empty());
        assert_eq!(take("\r", false).record.as_deref(), Some(SECRET));
        assert_eq!(take("ls\r", false).record.as_deref(), Some("ls"));
    }

    #[test]
    fn records_are_bounded_and_told_of_again_after_a_while() {
        let (typing, now) = (Typing::default(), Instant::now());
        let long = "x".repeat(RECORD_BYTES + 5);
        let told = typing.take(TARGET, &author(1), long.as_bytes(), false, now);
        assert!(told.record.unwrap().ends_with("xx (and 5 bytes more)"));
        let moved = typing.take(TARGET, &author(1), b"\x1b[A\x1bOB\x1b[15~", false, now);
        assert_eq!(moved, Told::default());
        assert!(typing.left(None).is_empty());
        let later = typing.take(TARGET, &author(1), b"q", false, now + TOLD_AGAIN);
        assert_eq!((later.first, later.record), (true, None));
        assert_eq!(texts(typing.left(None)), [".keys q"]);
    }

    #[test]
    fn more_typists_than_are_remembered_are_recorded_all_the_same() {
        let (typing, now) = (Typing::default(), Instant::now());
        for id in 0..2000 {
            let told = typing.take(TARGET, &author(id), b"y", false, now);
            assert_eq!(told.record.is_some(), id >= 1024, "{id}");
        }
        assert_eq!(typing.lock().len(), TYPISTS_MAX);
    }

    #[test]
    fn what_a_terminal_says_by_itself_was_typed_by_nobody() {
        for report in ["\x1b[3;4R", "\x1b[0n\x1b[?1;2c"] {
            assert!(is_report(report.as_bytes()), "{report:?}");
        }
        for keys in ["", "\x1b[A", "R", "\x1b[3;4Rrm\r", "\x1b["] {
            assert!(!is_report(keys.as_bytes()), "{keys:?}");
        }
    }
}
