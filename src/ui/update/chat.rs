//! The chat: what is heard and what happens, what is said, who has the keyboard.

use crossterm::event::KeyEvent;

use super::scroll::Move;
use crate::deck::Severity;
use crate::rack::{State, TargetId};
use crate::session::people::Seated;
use crate::session::{Change, Person, Said};
use crate::transcript::Time;
use crate::ui::chat::rows::clean;
use crate::ui::chat::{About, spoken};
use crate::ui::frame::Fresh;
use crate::ui::message::Effect;
use crate::ui::model::{Focus, Model};

/// Ways to complete a word that are named at once.
const WAYS_SHOWN: usize = 20;

impl Model {
    /// Somebody said something. Where the chat is not in sight it stands in the last line for a while.
    pub(super) fn hear(&mut self, said: Said) -> Vec<Effect> {
        let reader = self.reader();
        if !said.is_for(&reader.name) {
            return Vec::new();
        }
        if !reader.watches {
            self.tell(Severity::Info, &in_one_line(&said, &reader.name));
        }
        self.chat.hear(said, &reader);
        vec![Effect::Soon]
    }

    /// All that was said, as far as it is kept: some of it may have been missed.
    pub(super) fn reread_chat(&mut self, all: Vec<Said>) -> Vec<Effect> {
        let reader = self.reader();
        self.chat.reread(all, &reader);
        vec![Effect::Soon]
    }

    /// Somebody came, went or is called otherwise.
    pub(super) fn person(&mut self, time: Time, person: &Person, change: &Change) -> Vec<Effect> {
        let mut effects = vec![Effect::Company];
        // Not by the number: it may be what the host says that was left for this session.
        let me = person.name == self.name();
        let name = clean(&person.name);
        let text = match change {
            // One knows that of oneself.
            Change::Joined | Change::Left(_) | Change::Away | Change::Back if me => return effects,
            Change::Joined if person.origin.is_empty() => format!("{name} is here"),
            Change::Joined => {
                let origin = clean(&person.origin);
                let way = origin.split(' ').next().unwrap_or_default();
                format!("{name} joined ({way}, {})", person.permission)
            }
            Change::Left(why) if why.is_empty() => format!("{name} left"),
            Change::Left(why) => format!("{name} left: {}", clean(why)),
            Change::Renamed(was) => format!("{} is {name} now", clean(was)),
            Change::Away => format!("{name} is away: the line was lost"),
            Change::Back => format!("{name} is back"),
        };
        if self.plan().chat.is_none() && person.seated != Seated::Device {
            self.tell(Severity::Info, &text);
        }
        let about = match change {
            Change::Away | Change::Back => About::Line(person.id),
            _ => About::Person,
        };
        self.chat.event(time, about, text);
        effects.push(Effect::Soon);
        effects
    }

    /// A target came into a state that people ought to know of.
    pub(super) fn target_event(&mut self, time: Time, id: TargetId, state: State, detail: &str) {
        let Some(target) = self.rack.target(id) else {
            return;
        };
        if !matches!(state, State::Broken | State::Lost) {
            return;
        }
        let detail = clean(detail);
        let colon = if detail.is_empty() { "" } else { ": " };
        let text = format!("{} {}{colon}{detail}", target.name, state.word());
        self.chat.event(time, About::Target(id, state), text);
    }

    /// Goes to the chat; from there it is closed.
    pub(super) fn toggle_chat(&mut self) -> Vec<Effect> {
        if self.focus == Focus::Chat {
            self.chat.open = Some(false);
            return self.leave_chat();
        }
        self.chat.open = Some(true);
        self.before_chat = self.focus;
        self.focus = Focus::Chat;
        vec![Effect::Draw(Fresh::All)]
    }

    /// Gives the keyboard back to what had it before.
    pub(super) fn leave_chat(&mut self) -> Vec<Effect> {
        self.focus = self.before_chat;
        self.chat.follow();
        self.chat.unmark();
        vec![Effect::Draw(Fresh::All)]
    }

    /// Drops what is typed in the chat; leaves it where nothing is.
    pub(super) fn give_up_typing(&mut self) -> Vec<Effect> {
        if self.chat.input.is_empty() {
            return self.leave_chat();
        }
        self.chat.input.take();
        vec![Effect::Draw(Fresh::Known)]
    }

    /// A key that is typed in the chat.
    pub(super) fn chat_key(&mut self, event: KeyEvent) -> Vec<Effect> {
        if self.chat.input.key(event) {
            vec![Effect::Draw(Fresh::Known)]
        } else {
            Vec::new()
        }
    }

    /// Pasted text is one line of it.
    pub(super) fn paste_chat(&mut self, text: &str) -> Vec<Effect> {
        let lines: Vec<&str> = text.split(['\r', '\n']).filter(|l| !l.is_empty()).collect();
        self.chat.input.insert(&lines.join(" "));
        vec![Effect::Draw(Fresh::Known)]
    }

    /// Enter in the chat.
    pub(super) fn say_typed(&mut self) -> Vec<Effect> {
        let typed = self.chat.input.text().trim().to_owned();
        self.chat.follow();
        if typed.is_empty() {
            self.chat.input.take();
            return vec![Effect::Draw(Fresh::Known)];
        }
        match spoken::command(&typed) {
            Ok(line) => {
                self.chat.input.take();
                self.chat.input.history.add(&typed);
                self.chat.unmark();
                vec![
                    Effect::Submit { focus: None, line },
                    Effect::Draw(Fresh::Known),
                ]
            }
            Err(reason) => {
                self.tell(Severity::Error, &reason);
                vec![Effect::Draw(Fresh::Known)]
            }
        }
    }

    /// `.chat`, alone or with something to say.
    pub(super) fn chat_command(&mut self, text: &str) -> Vec<Effect> {
        if text.is_empty() {
            return if self.focus == Focus::Chat {
                Vec::new()
            } else {
                self.toggle_chat()
            };
        }
        let line = format!(".echo {text}");
        vec![
            Effect::Submit { focus: None, line },
            Effect::Draw(Fresh::Known),
        ]
    }

    /// Completes a name.
    pub(super) fn complete_chat(&mut self, back: bool) -> Vec<Effect> {
        let me = self.name().to_owned();
        let people = self
            .company
            .people
            .iter()
            .map(|person| person.name.as_str());
        let others: Vec<&str> = people.filter(|name| *name != me).collect();
        let ways = self.chat.input.complete_among(back, |head| {
            spoken::candidates(head, others.iter().copied())
        });
        if ways.len() > 1 {
            let some: Vec<&str> = ways.iter().take(WAYS_SHOWN).map(String::as_str).collect();
            self.tell(Severity::Info, &clean(&some.join(" ")));
        }
        vec![Effect::Draw(Fresh::Known)]
    }

    /// Moves the view of the chat.
    pub(super) fn scroll_chat(&mut self, way: Move) -> Vec<Effect> {
        let mut chat = std::mem::take(&mut self.chat);
        // Whether it is in sight was decided with it.
        self.chat.open = chat.open;
        if let Some((plan, writer)) = self.chat_writer() {
            let height = usize::from(plan.text.height);
            let page = isize::try_from(height.saturating_sub(1).max(1)).unwrap_or(1);
            let rows = match way {
                Move::Rows(rows) => rows,
                Move::Pages(pages) => pages.saturating_mul(page),
                Move::Top | Move::Bottom => 0,
            };
            chat.scroll(rows, &writer, height);
        }
        self.chat = chat;
        vec![Effect::Draw(Fresh::Known)]
    }
}

fn in_one_line(said: &Said, me: &str) -> String {
    let to = match said.to.as_deref() {
        None => String::new(),
        Some(to) if to == me => " (to you)".to_owned(),
        Some(to) => format!(" (to {})", clean(to)),
    };
    let (from, text) = (clean(&said.from), clean(&said.text));
    if said.action {
        format!("* {from}{to} {text}")
    } else {
        format!("{from}{to}: {text}")
    }
}
