//! A typed line: whom it is for, whether to ask first, and what the screen does itself.

use crate::command::{Line, Place, Quitting, Verb, quitting};
use crate::config::secrets::secrets;
use crate::deck::Severity;
use crate::rack::Pattern;
use crate::target::Request;
use crate::ui::action::Action;
use crate::ui::frame::Fresh;
use crate::ui::message::Effect;
use crate::ui::model::{Model, Pending, View};
use crate::ui::panes::{Arrangement, Scroll};
use crate::ui::update::session::END_SESSION;

/// Names listed when asking about a line for several targets.
const NAMES_SHOWN: usize = 12;

impl Model {
    /// Enter was pressed at the command line.
    pub(super) fn submit(&mut self) -> Vec<Effect> {
        let secret = self.line.is_secret();
        let typed = self.line.text().to_owned();
        // An address alone says whom to talk to from now on.
        if let Some(whom) = typed
            .trim_end()
            .strip_prefix('@')
            .filter(|whom| !whom.contains(char::is_whitespace))
        {
            return self.talk_to(whom);
        }
        if !secret && let Some(effects) = self.session_line(typed.trim()) {
            self.line.take();
            return self.remembered(typed, effects);
        }
        let line = self.addressed(&typed);
        if !secret && let Some(effects) = self.about_session(&line) {
            self.line.take();
            return self.remembered(typed, effects);
        }
        let parsed = match Line::parse(&line) {
            Ok(parsed) => parsed,
            Err(reason) => {
                self.tell(Severity::Error, &reason);
                return vec![Effect::Draw(Fresh::Known)];
            }
        };
        let targets = match parsed.targets(&self.rack, self.target().map(|target| target.id)) {
            Ok(targets) => targets,
            Err(reason) => {
                self.tell(Severity::Error, &reason);
                return vec![Effect::Draw(Fresh::Known)];
            }
        };
        self.line.take();
        self.line.set_secret(false);
        let mut effects = Vec::new();
        if !secret {
            effects = self.remembered(typed, effects);
        }
        if targets.len() > 1 && parsed.writes(&targets) && self.settings.confirm_many {
            let mut names: Vec<String> = targets
                .iter()
                .take(NAMES_SHOWN)
                .map(|target| target.name.clone())
                .collect();
            if targets.len() > NAMES_SHOWN {
                names.push(format!("and {} more", targets.len() - NAMES_SHOWN));
            }
            let text = line
                .strip_prefix('@')
                .and_then(|rest| rest.split_once(char::is_whitespace))
                .map_or(line.as_str(), |(_, text)| text);
            let title = format!("Send to {} targets?", targets.len());
            let lines = vec![format!("> {text}"), names.join(" ")];
            effects.extend(self.confirm(&title, lines, "Yes, send", Pending::Submit(line)));
        } else {
            effects.extend(self.carry_out(line));
        }
        effects
    }

    /// What was typed is kept, and the rest done. With a password or a key in it, it does not get into the file.
    fn remembered(&mut self, typed: String, mut effects: Vec<Effect>) -> Vec<Effect> {
        if self.line.history.add(&typed) && secrets(&typed).is_empty() {
            effects.insert(0, Effect::Remember(typed));
        }
        effects
    }

    /// The line with the address that is talked to in front, unless it has one or needs none.
    fn addressed(&self, typed: &str) -> String {
        match self.address().filter(|_| !typed.starts_with('@')) {
            Some(address) => format!("{address} {typed}"),
            None => typed.to_owned(),
        }
    }

    /// Carries a line out, without asking.
    pub(super) fn send(&mut self, line: &str) -> Vec<Effect> {
        let line = self.addressed(line);
        if let Some(effects) = self.about_session(&line) {
            return effects;
        }
        self.carry_out(line)
    }

    /// A line that ends the session, or says why it does not, is no target's, wherever it came from.
    fn about_session(&mut self, line: &str) -> Option<Vec<Effect>> {
        let ends = match Line::parse(line).ok()? {
            Line {
                verb: Verb::Command(command, _),
                ..
            } => (command.name == END_SESSION).then_some(Quitting::Ends),
            Line {
                verb: Verb::Text(text),
                address: None,
            } => {
                let console = self.target().is_some_and(|target| !target.debugger);
                quitting(&text, self.company.is_client(), console)
            }
            _ => None,
        };
        match ends? {
            Quitting::Ends => Some(self.ask_to_end_session()),
            Quitting::Explained(text) => {
                self.tell(Severity::Warning, text);
                Some(vec![Effect::Draw(Fresh::Known)])
            }
        }
    }

    /// Carries out a line that has its address.
    fn carry_out(&mut self, line: String) -> Vec<Effect> {
        if let Ok(Line {
            verb: Verb::Command(command, argument),
            address,
        }) = Line::parse(&line)
            && let Place::Screen = command.place
        {
            return self.screen_command(command.name, &argument, address.as_ref());
        }
        // What was typed is to be seen, and its answer.
        if let Some(pane) = self.front_mut() {
            pane.scroll = Scroll::Follow;
        }
        let focus = self.target().map(|target| target.id);
        let submit = match (line.is_empty(), focus) {
            (true, Some(id)) => Effect::Ask {
                id,
                request: Request::Line(String::new()),
            },
            _ => Effect::Submit { focus, line },
        };
        vec![submit, Effect::Draw(Fresh::Front)]
    }

    /// Whom a line would go to, in words.
    pub(super) fn whom(&self, line: &str) -> String {
        let parsed = Line::parse(&self.addressed(line)).ok();
        let targets = parsed.and_then(|line| {
            line.targets(&self.rack, self.target().map(|target| target.id))
                .ok()
        });
        match targets.as_deref() {
            Some([target]) => target.name.clone(),
            Some(targets) => format!("{} targets", targets.len()),
            None => "nobody".to_owned(),
        }
    }

    fn talk_to(&mut self, whom: &str) -> Vec<Effect> {
        match Pattern::new(whom) {
            None => {
                self.line.address = None;
                self.overview.marks.clear();
                self.tell(Severity::Info, "talking to the target in front");
            }
            Some(pattern) => {
                let count = self.rack.matching(&pattern).len();
                if count == 0 {
                    self.tell(
                        Severity::Error,
                        &format!("no target or group is called {pattern}"),
                    );
                    return vec![Effect::Draw(Fresh::Known)];
                }
                let text = format!("talking to {pattern} ({count} targets) until @ alone");
                self.line.address = Some(pattern);
                self.tell(Severity::Info, &text);
            }
        }
        self.line.take();
        vec![Effect::Draw(Fresh::Known)]
    }

    /// What the screen does itself.
    fn screen_command(
        &mut self,
        name: &str,
        argument: &str,
        address: Option<&Pattern>,
    ) -> Vec<Effect> {
        match name {
            ".remote" | ".remote_exit" => {
                let line = format!("{name} {argument}");
                self.session_line(line.trim()).unwrap_or_default()
            }
            ".quit" => self.act(Action::Quit),
            ".rack" => {
                self.view = View::Rack;
                vec![Effect::Draw(Fresh::All)]
            }
            ".raw" => self.act(Action::EnterRaw),
            ".close" => self.act(Action::ClosePane),
            ".filter" => {
                self.filter(argument);
                self.view = View::Rack;
                vec![Effect::Draw(Fresh::All)]
            }
            ".open" => self.open_all(argument, address),
            ".layout" if argument.is_empty() => self.act(Action::NextLayout),
            ".layout" => {
                match Arrangement::named(argument) {
                    Some(arrangement) => self.panes.arrangement = arrangement,
                    None => self.tell(Severity::Error, "a layout is 1, columns, rows or grid"),
                }
                vec![Effect::Draw(Fresh::All)]
            }
            ".theme" if argument.is_empty() => self.act(Action::NextTheme),
            ".theme" => {
                match self
                    .settings
                    .themes
                    .iter()
                    .position(|theme| theme.name() == argument)
                {
                    Some(place) => self.settings.theme = place,
                    None => {
                        let names: Vec<&str> = self
                            .settings
                            .themes
                            .iter()
                            .map(|theme| theme.name())
                            .collect();
                        let text = format!(
                            "no theme is called {argument}; there are {}",
                            names.join(", ")
                        );
                        self.tell(Severity::Error, &text);
                    }
                }
                vec![Effect::Draw(Fresh::Known)]
            }
            other => {
                self.tell(Severity::Error, &format!("{other} is not for this screen"));
                vec![Effect::Draw(Fresh::Known)]
            }
        }
    }

    fn open_all(&mut self, argument: &str, address: Option<&Pattern>) -> Vec<Effect> {
        let named = argument
            .split([' ', ','])
            .filter_map(|word| Pattern::new(word.trim_start_matches('@')));
        let patterns: Vec<Pattern> = named.chain(address.cloned()).collect();
        let mut targets = Vec::new();
        for pattern in &patterns {
            let matching = self.rack.matching(pattern);
            if matching.is_empty() {
                self.tell(
                    Severity::Error,
                    &format!("no target or group is called {pattern}"),
                );
            }
            targets.extend(matching);
        }
        if patterns.is_empty() {
            targets.extend(self.target().cloned());
        }
        if targets.len() > crate::ui::panes::PANES_MAX {
            let text = format!(
                "{} targets match; the first {} are open",
                targets.len(),
                crate::ui::panes::PANES_MAX
            );
            self.tell(Severity::Warning, &text);
            targets.truncate(crate::ui::panes::PANES_MAX);
        }
        targets.iter().for_each(|target| self.open(target));
        vec![Effect::Draw(Fresh::All)]
    }
}
