//! Keys and pastes: who gets them.

use crossterm::event::{KeyEvent, KeyEventKind};

use crate::deck::Severity;
use crate::target::Request;
use crate::ui::action::{Action, Context};
use crate::ui::emulator::{encode_key, encode_paste};
use crate::ui::frame::Fresh;
use crate::ui::keys::Key;
use crate::ui::message::Effect;
use crate::ui::model::{Focus, Model, Overlay, Pending, View};
use crate::ui::overlay::search::Remark;
use crate::ui::overlay::{Confirm, Connect, Outcome};

/// Most lines of one paste: more is a file, and has other ways to a target.
const PASTE_LINES_MAX: usize = 1_000;
/// Most bytes of one paste typed to a target in raw mode without being asked about.
const PASTE_BYTES_ASKED: usize = 4_096;
/// Lines of a paste that are shown when asking about it.
const PASTE_LINES_SHOWN: usize = 8;

impl Model {
    pub(super) fn key(&mut self, event: KeyEvent) -> Vec<Effect> {
        if event.kind == KeyEventKind::Release {
            return Vec::new();
        }
        let key = Key::new(event.code, event.modifiers);
        let context = self.context();
        if context == Context::Overlay {
            return self.overlay_key(key);
        }
        let action = self.settings.keys.action(context, key);
        match (context, action) {
            (Context::Raw, Some(action)) => self.act(action),
            (Context::Raw, None) => self.raw_key(event),
            (Context::CommandLine, Some(Action::SendBreak)) if !self.line.is_empty() => {
                self.line.set("");
                vec![Effect::Draw(Fresh::Known)]
            }
            // Who chats does not mean the target.
            (Context::Chat, Some(Action::SendBreak)) => self.give_up_typing(),
            (_, Some(action)) => self.act(action),
            (Context::CommandLine | Context::Chat, None) if self.leaves_session(key) => {
                self.leave_session()
            }
            (Context::Chat, None) => self.chat_key(event),
            (Context::CommandLine, None) => {
                self.line.set_secret(self.asks_for_secret());
                if self.line.key(event) {
                    vec![Effect::Draw(Fresh::Known)]
                } else {
                    Vec::new()
                }
            }
            // A character that is no key here begins a line: `@web01 uptime`, `.help`.
            (Context::Rack | Context::Pane, None) if key.typed().is_some() => {
                self.focus = Focus::Line;
                self.line.key(event);
                vec![Effect::Draw(Fresh::Known)]
            }
            _ => Vec::new(),
        }
    }

    /// Interrupts the target in front, as Ctrl-C does on its own terminal.
    pub(super) fn interrupt(&mut self) -> Vec<Effect> {
        let Some(id) = self.target().map(|target| target.id) else {
            return Vec::new();
        };
        vec![
            Effect::Ask {
                id,
                request: Request::Interrupt,
            },
            Effect::Draw(Fresh::Front),
        ]
    }

    fn raw_key(&mut self, event: KeyEvent) -> Vec<Effect> {
        let Some(pane) = self.front() else {
            return Vec::new();
        };
        match encode_key(event, pane.application_cursor) {
            Some(bytes) => vec![Effect::Ask {
                id: pane.target,
                request: Request::Keys(bytes),
            }],
            None => Vec::new(),
        }
    }

    fn overlay_key(&mut self, key: Key) -> Vec<Effect> {
        let blocked = self.way_is_blocked();
        let keys = &self.settings.keys;
        let Some(overlay) = &mut self.overlay else {
            return Vec::new();
        };
        let outcome = match overlay {
            Overlay::Help(help) => help.key(key, keys),
            Overlay::Palette(palette) => palette.key(key, keys),
            Overlay::Role(role) => role.key(key, keys, &self.company),
            Overlay::Connect(connect) => connect.key(key, keys, blocked),
            Overlay::Confirm(confirm, _) => confirm.key(key, keys),
            Overlay::Notices(view) => view.key(key, keys, &self.notices),
            Overlay::Text(text) => text.key(key, keys, self.size),
            Overlay::History(_, skip)
                if keys.action(Context::CommandLine, key) == Some(Action::HistorySearch) =>
            {
                *skip += 1;
                Outcome::Taken
            }
            Overlay::Filter(search) | Overlay::Search(search) | Overlay::History(search, _) => {
                search.key(key, keys)
            }
        };
        match outcome {
            Outcome::Ignored => Vec::new(),
            Outcome::Taken => self.overlay_changed(),
            Outcome::Close => {
                match self.overlay.take() {
                    Some(Overlay::Filter(_)) => self.filter(""),
                    // What was typed there is not lost by a no.
                    Some(Overlay::Confirm(_, Pending::ClearWay(_, Some(connect))))
                        if *connect != Connect::new("") =>
                    {
                        self.overlay = Some(Overlay::Connect(connect));
                    }
                    _ => {}
                }
                vec![Effect::Draw(Fresh::All)]
            }
            Outcome::Accept => self.accept(),
            Outcome::Ask(action) => {
                self.overlay = None;
                self.act(action)
            }
            Outcome::Command(text) => {
                self.overlay = None;
                self.focus = Focus::Line;
                self.line.set(&format!("{text} "));
                vec![Effect::Draw(Fresh::All)]
            }
            Outcome::Wish(wish) => self.wish(wish),
            Outcome::Target(name) => {
                self.overlay = None;
                if let Some(target) = self.rack.named(&name).cloned() {
                    self.open(&target);
                }
                vec![Effect::Draw(Fresh::All)]
            }
        }
    }

    /// What is typed in a box is followed at once.
    fn overlay_changed(&mut self) -> Vec<Effect> {
        match &mut self.overlay {
            Some(Overlay::Filter(search)) => {
                let text = search.text();
                self.filter(&text);
                return vec![Effect::Draw(Fresh::All)];
            }
            Some(Overlay::History(search, skip)) => {
                let text = search.text();
                let found = (!text.is_empty())
                    .then(|| self.line.history.containing(&text, *skip))
                    .flatten();
                if let Some(line) = found {
                    search.remark(Remark::Found(line.to_owned()));
                } else if !text.is_empty() {
                    *skip = skip.saturating_sub(1);
                    search.remark(Remark::Wrong("no older line".to_owned()));
                }
            }
            _ => {}
        }
        vec![Effect::Draw(Fresh::Known)]
    }

    /// A box was agreed to.
    fn accept(&mut self) -> Vec<Effect> {
        let mut effects = match self.overlay.take() {
            Some(Overlay::Confirm(_, pending)) => self.go_on(pending),
            Some(Overlay::Search(search)) => self.search(&search.text()),
            Some(Overlay::History(search, skip)) => {
                if let Some(line) = self
                    .line
                    .history
                    .containing(&search.text(), skip)
                    .map(str::to_owned)
                {
                    self.line.set(&line);
                }
                self.focus = Focus::Line;
                Vec::new()
            }
            _ => Vec::new(),
        };
        effects.push(Effect::Draw(Fresh::All));
        effects
    }

    fn go_on(&mut self, pending: Pending) -> Vec<Effect> {
        match pending {
            Pending::Submit(line) => self.send(&line),
            Pending::Lines(lines) => {
                self.line.take();
                lines.iter().flat_map(|line| self.send(line)).collect()
            }
            Pending::Session(lines) => of_the_session(lines),
            Pending::ClearWay(lines, then) => {
                self.overlay = then.map(Overlay::Connect);
                of_the_session(lines)
            }
            Pending::Keys(id, bytes) => vec![Effect::Ask {
                id,
                request: Request::Keys(bytes),
            }],
            Pending::Disconnect(id) => vec![Effect::Ask {
                id,
                request: Request::Disconnect,
            }],
            Pending::Quit => vec![Effect::Quit],
        }
    }

    pub(super) fn filter(&mut self, words: &str) {
        words.clone_into(&mut self.overview.filter);
        self.overview.arrange(&self.rack);
    }

    pub(super) fn paste(&mut self, text: &str) -> Vec<Effect> {
        let drawn = vec![Effect::Draw(Fresh::Known)];
        let raw = self.context() == Context::Raw;
        match &mut self.overlay {
            Some(Overlay::Help(help)) => help.paste(text),
            Some(Overlay::Palette(palette)) => palette.paste(text),
            Some(Overlay::Role(role)) => role.paste(text),
            Some(Overlay::Connect(connect)) => connect.paste(text),
            Some(
                Overlay::Filter(search) | Overlay::Search(search) | Overlay::History(search, _),
            ) => {
                search.paste(text);
                return self.overlay_changed();
            }
            Some(_) => {}
            None if raw => return self.paste_raw(text),
            None if self.focus == Focus::Chat => return self.paste_chat(text),
            None => return self.paste_line(text),
        }
        drawn
    }

    fn paste_raw(&mut self, text: &str) -> Vec<Effect> {
        let Some(pane) = self.front() else {
            return Vec::new();
        };
        let (id, bytes) = (pane.target, encode_paste(text, pane.bracketed_paste));
        let lines = lines(text).count();
        if lines <= 1 && bytes.len() <= PASTE_BYTES_ASKED {
            return vec![Effect::Ask {
                id,
                request: Request::Keys(bytes),
            }];
        }
        let title = format!("Type {lines} pasted lines to {}?", pane.name);
        self.confirm(
            &title,
            shown(text),
            "Yes, type them",
            Pending::Keys(id, bytes),
        )
    }

    fn paste_line(&mut self, text: &str) -> Vec<Effect> {
        self.focus = Focus::Line;
        let lines: Vec<&str> = lines(text).filter(|line| !line.is_empty()).collect();
        match lines.as_slice() {
            [] => {}
            [line] => self.line.insert(line),
            lines if lines.len() > PASTE_LINES_MAX => {
                let text = format!(
                    "the paste has {} lines, more than the {PASTE_LINES_MAX} sent at once",
                    lines.len()
                );
                self.tell(Severity::Error, &text);
            }
            [first, rest @ ..] => {
                let first = format!("{}{first}", self.line.text());
                let all: Vec<String> = std::iter::once(first.as_str())
                    .chain(rest.iter().copied())
                    .map(clean)
                    .collect();
                let whom = self.whom(&first);
                let title = format!("Send {} pasted lines to {whom}?", all.len());
                return self.confirm(&title, shown(text), "Yes, send", Pending::Lines(all));
            }
        }
        vec![Effect::Draw(Fresh::Known)]
    }

    /// Asks before doing something.
    pub(super) fn confirm(
        &mut self,
        title: &str,
        lines: Vec<String>,
        yes: &str,
        pending: Pending,
    ) -> Vec<Effect> {
        self.overlay = Some(Overlay::Confirm(Confirm::new(title, lines, yes), pending));
        vec![Effect::Draw(Fresh::Known)]
    }

    /// Whether what is typed now answers a prompt for a password.
    fn asks_for_secret(&self) -> bool {
        let target = self.target();
        self.address().is_none() && target.is_some_and(|target| target.transcript.asks_for_secret())
    }

    /// Opens a target in a pane in front.
    pub(super) fn open(&mut self, target: &crate::rack::Target) {
        self.panes.open(target, self.settings.times);
        self.view = View::Panes;
        self.focus = Focus::Line;
    }
}

/// Lines that are for no target, carried out as they are.
fn of_the_session(lines: Vec<String>) -> Vec<Effect> {
    let submit = |line| Effect::Submit { focus: None, line };
    lines.into_iter().map(submit).collect()
}

fn clean(line: &str) -> String {
    line.chars()
        .map(|c| if c == '\t' { ' ' } else { c })
        .filter(|c| !c.is_control())
        .collect()
}

/// The lines of pasted text: terminals end them with a carriage return, a line feed or both.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.trim_end_matches(['\r', '\n'])
        .split('\n')
        .flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

fn shown(text: &str) -> Vec<String> {
    let lines: Vec<&str> = lines(text).collect();
    let mut shown: Vec<String> = lines
        .iter()
        .take(PASTE_LINES_SHOWN)
        .map(|line| clean(line))
        .collect();
    if lines.len() > PASTE_LINES_SHOWN {
        shown.push(format!("and {} more", lines.len() - PASTE_LINES_SHOWN));
    }
    shown
}
