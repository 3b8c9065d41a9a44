//! What the model wants done, and done.

use std::time::Instant;

use super::Console;
use crate::command;
use crate::deck::Severity;
use crate::rack::TargetId;
use crate::target::Request;
use crate::ui::company::Company;
use crate::ui::joining::{self, Attempt};
use crate::ui::message::{Effect, Message, Targets};
use crate::ui::terminal::Error;

impl Console {
    pub(super) fn perform(&mut self, effects: Vec<Effect>) -> Result<(), Error> {
        effects
            .into_iter()
            .try_for_each(|effect| self.perform_one(effect))
    }

    fn perform_one(&mut self, effect: Effect) -> Result<(), Error> {
        match effect {
            Effect::Draw(fresh) => self.pacer.touch(fresh),
            Effect::Soon => self.pacer.change(Instant::now()),
            Effect::Submit { focus, line } => self.submit(focus, &line),
            Effect::Ask { id, request } => self.ask(id, request),
            Effect::Company => return self.refresh_company(),
            Effect::Refresh => {
                self.refresh_company()?;
                let rack = Targets(self.seat.deck().rack());
                return self.update(Message::Rack(rack));
            }
            Effect::Chat => {
                let all = self.seat.deck().chat(0);
                return self.update(Message::Chat(all));
            }
            Effect::Browse(machine) => {
                let (seat, sender) = (self.seat.clone(), self.sender.clone());
                self.engine.spawn(async move {
                    sender.send(joining::browse(seat, machine).await).await.ok();
                });
            }
            Effect::Join(string) => {
                let (seat, sender) = (self.seat.clone(), self.sender.clone());
                self.attempt = Some(Attempt::begin(seat, *string, sender, &self.engine));
            }
            Effect::JoinAnswer(answer) => {
                if let Some(attempt) = &self.attempt {
                    attempt.answer(answer);
                }
            }
            Effect::Leave => self.leave(Severity::Info, "left the session; it goes on".to_owned()),
            Effect::Remember(line) => return self.remember(&line),
            Effect::Copy(text) => self.screen.copy(&text)?,
            Effect::Mouse(on) => self.screen.set_mouse(on)?,
            Effect::Repaint => {
                let size = self.screen.repaint()?;
                self.model.size = size;
                self.model.settle();
            }
            Effect::Suspend => self.suspend()?,
            Effect::Quit => self.ended = true,
        }
        Ok(())
    }

    fn submit(&mut self, focus: Option<TargetId>, line: &str) {
        self.pacer.expect_echo(Instant::now());
        let replies = command::submit(&self.seat.deck(), &self.author(), focus, line);
        let sender = self.sender.clone();
        self.engine.spawn(async move {
            // The screen may have ended meanwhile.
            sender.send(Message::Replies(replies.await)).await.ok();
        });
    }

    fn ask(&mut self, id: TargetId, request: Request) {
        self.pacer.expect_echo(Instant::now());
        let asked = self.seat.deck().ask(id, &self.author(), request);
        let target = self.model.rack.target(id);
        let name = target.map(|target| target.name.clone()).unwrap_or_default();
        let sender = self.sender.clone();
        self.engine.spawn(async move {
            if let Ok(Err(reason)) = asked.answer.await {
                let told = Message::Tell(Severity::Error, format!("{name}: {reason}"));
                sender.send(told).await.ok();
            }
        });
    }

    fn refresh_company(&mut self) -> Result<(), Error> {
        let company = Company::of(&self.seat.deck());
        self.update(Message::Company(Box::new(company)))
    }

    /// Appends a typed line to its file, as long as that can be written to.
    fn remember(&mut self, line: &str) -> Result<(), Error> {
        let Some(Err(error)) = self.store.as_ref().map(|store| store.append(line)) else {
            return Ok(());
        };
        self.store = None;
        let text = format!("lines typed are no longer kept in the file: {error}");
        self.update(Message::Tell(Severity::Warning, text))
    }
}
