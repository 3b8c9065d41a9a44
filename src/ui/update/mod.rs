//! What a message changes, and what is to be done for it. The only writer of the model.
//!
//! Everything here is quick and does not wait. A target's history is looked at where scrolling or searching needs it.

mod act;
mod chat;
mod keys;
mod mouse;
mod scroll;
mod session;
mod submit;
#[cfg(test)]
mod tests;

use super::chat::About;
use super::chat::rows::clean;
use super::frame::Fresh;
use super::message::{Effect, Message, Targets};
use super::model::{Model, Overlay};
use super::overview::Sort;
use super::text_box::TextBox;
use crate::command::Reply;
use crate::deck::{Event, Severity};
use crate::transcript::Time;

/// Lines of an answer up to which it is told as notices; longer ones are shown in a box.
const NOTICE_LINES_MAX: usize = 1;
/// Long answers that wait for a box to close: as many commands as a person gives before they look.
const ANSWERS_MAX: usize = 16;

impl Model {
    /// Takes a message. Returns what is to be done, in that order.
    pub fn update(&mut self, now: Time, message: Message) -> Vec<Effect> {
        self.now = now;
        let effects = match message {
            Message::Key(key) => self.key(key),
            Message::Paste(text) => self.paste(&text),
            Message::Mouse(mouse) => self.mouse(mouse),
            Message::Resize { columns, rows } => {
                (self.size.width, self.size.height) = (columns, rows);
                vec![Effect::Repaint, Effect::Draw(Fresh::All)]
            }
            Message::Event(event) => self.event(event),
            Message::Rack(Targets(rack)) => {
                self.rack = rack;
                self.overview.arrange(&self.rack);
                vec![Effect::Draw(Fresh::All)]
            }
            Message::Company(company) => self.company_is(*company),
            Message::Chat(all) => self.reread_chat(all),
            Message::Found(found) => self.found(found),
            Message::JoinStage(stage) => self.join_stage(stage),
            Message::JoinAsks(question) => self.join_asks(question),
            Message::Joined(result) => self.joined(result),
            Message::Left => vec![Effect::Quit],
            Message::Replies(replies) => self.replies(&replies),
            Message::Tell(severity, text) => {
                self.tell(severity, &text);
                vec![Effect::Draw(Fresh::Known)]
            }
            Message::Work => self.work(),
            Message::Timer => {
                self.notice_until = self.notice_until.filter(|until| *until > now);
                vec![Effect::Draw(Fresh::Known)]
            }
        };
        self.show_answers();
        self.settle();
        effects
    }

    /// Opens a box with the long answers there are, if none is open. Who closed one gets a frame anyway.
    fn show_answers(&mut self) {
        if self.overlay.is_none() && !self.answers.is_empty() {
            let text = std::mem::take(&mut self.answers).join("\n\n");
            self.overlay = Some(Overlay::Text(TextBox::new("Answer", &text)));
        }
    }

    fn event(&mut self, event: Event) -> Vec<Effect> {
        match event {
            // The pulse rings for it too: it is drawn with the next frame for output.
            Event::Target {
                time,
                id,
                state,
                detail,
            } => {
                self.follow_states();
                let before = self.chat.version();
                self.target_event(time, id, state, &detail);
                self.if_chat_changed(before)
            }
            Event::Rack => vec![Effect::Refresh],
            Event::Notice {
                time,
                severity,
                target,
                text,
            } => {
                let target = target.and_then(|id| self.rack.target(id));
                let text = target.map_or(text.clone(), |it| format!("{}: {text}", it.name));
                if target.is_some() && severity == Severity::Error {
                    self.chat.event(time, About::Alert, clean(&text));
                    self.follow_states();
                }
                self.tell(severity, &text);
                vec![Effect::Draw(Fresh::Known)]
            }
            Event::Chat(said) => self.hear(said),
            Event::Person {
                time,
                person,
                change,
            } => self.person(time, &person, &change),
            Event::Role { .. } => vec![Effect::Refresh, Effect::Chat],
        }
    }

    /// A frame where the chat is in sight and changed.
    fn if_chat_changed(&self, before: u64) -> Vec<Effect> {
        if self.chat.version() != before && self.plan().chat.is_some() {
            vec![Effect::Soon]
        } else {
            Vec::new()
        }
    }

    /// Puts the overview into order anew where that depends on how targets are.
    fn follow_states(&mut self) {
        if self.overview.sort == Sort::State || !self.overview.filter.is_empty() {
            self.overview.arrange(&self.rack);
        }
    }

    /// Whether the answer is recorded in the history of the target in front, where everybody sees it.
    fn is_in_sight(&self, reply: &Reply) -> bool {
        let front = self.target().filter(|target| target.debugger);
        reply.seq.is_some() && front.is_some_and(|target| reply.target == Some(target.id))
    }

    /// Short answers are told; the rest opens a box. What a debugger answers stands in its pane.
    fn replies(&mut self, replies: &[Reply]) -> Vec<Effect> {
        let mut long = Vec::new();
        if let [reply] = replies
            && reply.ok
            && self.is_in_sight(reply)
        {
            return vec![Effect::Draw(Fresh::Front)];
        }
        for reply in replies.iter().filter(|reply| !reply.text.trim().is_empty()) {
            let name = reply
                .target
                .and_then(|id| self.rack.target(id))
                .map(|target| target.name.clone());
            let text = reply.text.trim_end();
            let text = match &name {
                // Some answers begin with the name themselves.
                Some(name)
                    if (replies.len() > 1 || !reply.ok)
                        && text.split([' ', ':']).next() != Some(name) =>
                {
                    format!("{name}: {text}")
                }
                _ => text.to_owned(),
            };
            if text.lines().count() > NOTICE_LINES_MAX || replies.len() > 1 && reply.ok {
                long.push(text);
            } else {
                self.tell(
                    if reply.ok {
                        Severity::Info
                    } else {
                        Severity::Error
                    },
                    &text,
                );
            }
        }
        if !long.is_empty() {
            // Answers of one line each make a list.
            let apart = long.iter().any(|text| text.contains('\n'));
            self.answers
                .push(long.join(if apart { "\n\n" } else { "\n" }));
        }
        if self.answers.len() > ANSWERS_MAX {
            self.answers.remove(0);
            self.tell(
                Severity::Warning,
                "an answer was dropped: too many came while a box was open",
            );
        }
        vec![Effect::Draw(Fresh::Front)]
    }
}
