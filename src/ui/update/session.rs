//! Roles and sessions: what this console is part of, joining and leaving, opening and ending servers, and what `q` means.

use std::sync::Arc;

use crate::deck::{self, Severity, counted, obstacle};
use crate::rack::{Rack, State};
use crate::ui::action::Action;
use crate::ui::chat::rows::clean;
use crate::ui::company::{Company, machine};
use crate::ui::frame::Fresh;
use crate::ui::message::{Effect, FoundServer, JoinAnswer, JoinQuestion};
use crate::ui::model::{Focus, Model, Overlay, Pending, View};
use crate::ui::overlay::{Connect, RoleSwitcher, Wish};
use crate::ui::panes::Panes;

/// The command that ends a session.
pub(super) const END_SESSION: &str = ".qq";

impl Model {
    /// This console is part of that now. What is shown of another session's targets goes: their numbers mean others.
    pub(super) fn company_is(&mut self, company: Company) -> Vec<Effect> {
        if self.company == company {
            return Vec::new();
        }
        let other = self.company.session() != company.session();
        self.company = company;
        if !other {
            return vec![Effect::Draw(Fresh::Known)];
        }
        self.session += 1;
        self.rack = Arc::new(Rack::new(Vec::new()));
        self.panes = Panes {
            arrangement: self.panes.arrangement,
            ..Panes::default()
        };
        self.preview = None;
        self.view = View::Rack;
        self.overview.marks.clear();
        self.overview.filter.clear();
        self.overview.arrange(&self.rack);
        self.line.address = None;
        self.chat.forget();
        if self.focus == Focus::Line {
            self.focus = Focus::Main;
        }
        self.before_chat = Focus::Main;
        // A question about a target of before must not be answered now.
        if matches!(
            self.overlay,
            Some(
                Overlay::Confirm(..)
                    | Overlay::Palette(_)
                    | Overlay::Search(_)
                    | Overlay::Filter(_)
            )
        ) {
            self.overlay = None;
        }
        vec![Effect::Chat, Effect::Draw(Fresh::All)]
    }

    /// What the role switcher or the connect dialog want.
    pub(super) fn wish(&mut self, wish: Wish) -> Vec<Effect> {
        match wish {
            Wish::NewServer(string) => {
                self.overlay = None;
                let line = format!(".server {string}");
                vec![
                    Effect::Submit { focus: None, line },
                    Effect::Draw(Fresh::Known),
                ]
            }
            Wish::EndServer { id, cut } => self.ask_to_end_server(id, cut),
            Wish::EndServers => self.ask_to_clear(false, None),
            Wish::ClearWay => {
                let then = match &self.overlay {
                    Some(Overlay::Connect(connect)) => Some(connect.clone()),
                    _ => None,
                };
                self.ask_to_clear(true, then)
            }
            Wish::Connect if self.way_is_blocked() => {
                self.ask_to_clear(true, Some(Box::new(Connect::new(""))))
            }
            Wish::Connect => self.open_connect(""),
            Wish::Leave => {
                self.overlay = None;
                self.leave_session()
            }
            Wish::Browse(machine) => {
                if let Some(Overlay::Connect(connect)) = &mut self.overlay {
                    connect.look_for();
                }
                vec![Effect::Browse(machine), Effect::Draw(Fresh::Known)]
            }
            Wish::Join(client) => {
                if self.way_is_blocked() {
                    return self.wish(Wish::ClearWay);
                }
                // The dialog says it all the time it is so.
                if self.company.is_client() {
                    return vec![Effect::Draw(Fresh::Known)];
                }
                let Some(Overlay::Connect(connect)) = &mut self.overlay else {
                    return Vec::new();
                };
                connect.begin();
                vec![Effect::Join(client), Effect::Draw(Fresh::Known)]
            }
            Wish::Answer(answer) => {
                if let Some(Overlay::Connect(connect)) = &mut self.overlay
                    && answer == JoinAnswer::Cancel
                {
                    connect.fail("given up");
                }
                vec![Effect::JoinAnswer(answer), Effect::Draw(Fresh::Known)]
            }
        }
    }

    fn ask_to_end_server(&mut self, id: u32, cut: bool) -> Vec<Effect> {
        let server = self.company.servers.iter().find(|server| server.id == id);
        let Some(server) = server else {
            return Vec::new();
        };
        let clients = counted(server.clients, "client");
        let lines = vec![
            clean(&server.string),
            if cut {
                format!("Cut off: {clients}. The targets stay.")
            } else {
                format!("Nobody new comes in; who is here through it stays: {clients}.")
            },
        ];
        let how = if cut { " /disconnect" } else { "" };
        let line = format!(".endsrv {id}{how}");
        self.confirm(
            &format!("End server {id}?"),
            lines,
            "Yes, end it",
            Pending::Session(vec![line]),
        )
    }

    /// Whether targets or servers of this console keep it from joining a session.
    pub(super) fn way_is_blocked(&self) -> bool {
        let targets = self.rack.targets().len();
        !self.company.is_client() && self.company.in_the_way(targets).is_some()
    }

    /// Asks to end the servers, and the targets too; what it was for goes on then.
    fn ask_to_clear(&mut self, targets: bool, then: Option<Box<Connect>>) -> Vec<Effect> {
        let count = if targets {
            self.rack.targets().len()
        } else {
            0
        };
        let Some(what) = obstacle(count, &self.company.servers) else {
            self.tell(Severity::Info, "nothing has to end");
            return vec![Effect::Draw(Fresh::Known)];
        };
        let clients: u32 = self.company.servers.iter().map(|s| s.clients).sum();
        let mut lines = Vec::new();
        if clients > 0 {
            lines.push(format!("Cut off: {}.", counted(clients, "client")));
        }
        if count > 0 {
            lines.push("The targets are disconnected and removed, their logs end.".to_owned());
        }
        let stopped = |target: &&Arc<crate::rack::Target>| target.status.state() == State::Broken;
        let stopped = self.rack.targets().iter().filter(stopped).count();
        if count > 0 && stopped > 0 {
            lines.push(format!(
                "{stopped} are stopped, and stay so until a debugger lets them go on."
            ));
        }
        let servers = self.company.servers.iter();
        let mut commands: Vec<String> = servers
            .map(|server| format!(".endsrv {} /disconnect", server.id))
            .collect();
        if count > 0 {
            commands.push("@all .remove".to_owned());
        }
        self.confirm(
            &format!("End {what}?"),
            lines,
            "Yes, end them",
            Pending::ClearWay(commands, then),
        )
    }

    /// Opens the connect dialog.
    pub(super) fn open_connect(&mut self, string: &str) -> Vec<Effect> {
        self.overlay = Some(Overlay::Connect(Box::new(Connect::new(string))));
        vec![Effect::Draw(Fresh::Known)]
    }

    /// `.remote`: with a string, joins at once where that can be read.
    fn remote(&mut self, string: &str) -> Vec<Effect> {
        let mut effects = self.open_connect(string);
        if let Some(Overlay::Connect(connect)) = &self.overlay
            && !string.is_empty()
            && let Ok(client) = connect.wanted()
        {
            effects.extend(self.wish(Wish::Join(Box::new(client))));
        }
        effects
    }

    /// Leaves the session that was joined.
    pub(super) fn leave_session(&mut self) -> Vec<Effect> {
        if !self.company.is_client() {
            self.tell(
                Severity::Info,
                "this console joined no session; .quit leaves kdeck",
            );
            return vec![Effect::Draw(Fresh::Known)];
        }
        vec![Effect::Leave, Effect::Draw(Fresh::Known)]
    }

    pub(super) fn join_stage(&mut self, stage: String) -> Vec<Effect> {
        if let Some(Overlay::Connect(connect)) = &mut self.overlay
            && connect.is_joining()
        {
            connect.stage(stage);
        }
        vec![Effect::Draw(Fresh::Known)]
    }

    /// A question of joining is asked even if the box was closed meanwhile.
    pub(super) fn join_asks(&mut self, question: JoinQuestion) -> Vec<Effect> {
        if !matches!(self.overlay, Some(Overlay::Connect(_))) {
            self.open_connect("");
        }
        if let Some(Overlay::Connect(connect)) = &mut self.overlay {
            connect.ask(question);
        }
        vec![Effect::Draw(Fresh::Known)]
    }

    pub(super) fn joined(&mut self, result: Result<(), String>) -> Vec<Effect> {
        match (result, &mut self.overlay) {
            (Ok(()), overlay) => {
                if matches!(overlay, Some(Overlay::Connect(_))) {
                    *overlay = None;
                }
                let leave = self.key_of(Action::LeaveSession);
                self.tell(
                    Severity::Info,
                    &format!("joined; {leave} leaves, the session goes on"),
                );
                vec![Effect::Refresh, Effect::Chat, Effect::Draw(Fresh::All)]
            }
            (Err(reason), Some(Overlay::Connect(connect))) => {
                connect.fail(&clean_lines(&reason));
                vec![Effect::Draw(Fresh::Known)]
            }
            (Err(reason), _) => {
                let first = reason.lines().next().unwrap_or_default();
                self.tell(Severity::Error, &clean(first));
                vec![Effect::Draw(Fresh::Known)]
            }
        }
    }

    pub(super) fn found(&mut self, found: Result<Vec<FoundServer>, String>) -> Vec<Effect> {
        if let Some(Overlay::Connect(connect)) = &mut self.overlay {
            connect.found(found);
        }
        vec![Effect::Draw(Fresh::Known)]
    }

    /// Lines about the session that the screen takes itself, whatever target is in front.
    pub(super) fn session_line(&mut self, typed: &str) -> Option<Vec<Effect>> {
        let (word, rest) = typed.split_once(char::is_whitespace).unwrap_or((typed, ""));
        let rest = rest.trim();
        let client = self.company.is_client();
        Some(match (word, rest) {
            (".chat", text) => self.chat_command(text),
            (".role", wanted) => {
                let roles = [deck::Role::Host, deck::Role::Server, deck::Role::Client];
                let wanted = match wanted {
                    "" => self.company.role,
                    word => roles.into_iter().find(|role| role.word() == word)?,
                };
                self.overlay = Some(Overlay::Role(RoleSwitcher::at(wanted)));
                vec![Effect::Draw(Fresh::Known)]
            }
            (".remote", string) => self.remote(string),
            (".remote_exit", "") => self.leave_session(),
            ("q" | ".quit" | ".exit", _) if client && (rest.is_empty() || word != "q") => {
                let own = if word == "q" {
                    "; .send q is for the target"
                } else {
                    ""
                };
                let text = format!(
                    "{} leaves, the session goes on; qq ends it for all{own}",
                    self.key_of(Action::LeaveSession)
                );
                self.tell(Severity::Warning, &text);
                vec![Effect::Draw(Fresh::Known)]
            }
            _ => return None,
        })
    }

    /// Leaves kdeck; asks where that takes something from somebody.
    pub(super) fn quit(&mut self) -> Vec<Effect> {
        if self.company.role == deck::Role::Client {
            let machine = machine(self.company.session().unwrap_or_default());
            let lines = vec![
                format!(
                    "You leave the session of {}, which goes on.",
                    clean(&machine)
                ),
                format!(
                    "{} leaves it too, and stays in kdeck.",
                    self.key_of(Action::LeaveSession)
                ),
            ];
            return self.confirm("Quit kdeck?", lines, "Yes, quit", Pending::Quit);
        }
        let lines = self.lost_by_quitting();
        if lines.is_empty() {
            return vec![Effect::Quit];
        }
        self.confirm("Quit kdeck?", lines, "Yes, quit", Pending::Quit)
    }

    /// What ends with this host, and for whom.
    fn lost_by_quitting(&self) -> Vec<String> {
        let targets = self.rack.targets();
        let is_connected = |state| matches!(state, State::Running | State::Broken);
        let connected = targets.iter().filter(|t| is_connected(t.status.state()));
        let mut lines = Vec::new();
        match connected.count() {
            0 => {}
            count => lines.push(format!(
                "{count} targets are connected. Quitting disconnects them and ends their logs."
            )),
        }
        let stopped = targets.iter().filter(|t| t.status.state() == State::Broken);
        match stopped.count() {
            0 => {}
            1 => lines
                .push("One is stopped, and stays so until a debugger lets it go on.".to_owned()),
            stopped => lines.push(format!(
                "{stopped} are stopped, and stay so until a debugger lets them go on."
            )),
        }
        match self.company.others() {
            0 => {}
            1 => lines.push("One person is here, and is put out.".to_owned()),
            others => lines.push(format!("{others} people are here, and are put out.")),
        }
        lines
    }

    /// Ends the session for everybody; asks where that takes something from somebody.
    pub(super) fn ask_to_end_session(&mut self) -> Vec<Effect> {
        let lines = if self.company.is_client() {
            vec![
                format!(
                    "All {} who are here are put out.",
                    self.company.people.len()
                ),
                format!(
                    "The host ends, and its {} with it.",
                    counted(self.rack.targets().len(), "target")
                ),
                format!(
                    "{} leaves it to the others instead.",
                    self.key_of(Action::LeaveSession)
                ),
            ]
        } else {
            self.lost_by_quitting()
        };
        let line = END_SESSION.to_owned();
        if lines.is_empty() {
            return vec![
                Effect::Submit { focus: None, line },
                Effect::Draw(Fresh::Known),
            ];
        }
        self.confirm(
            "End the session for everybody?",
            lines,
            "Yes, end it for all",
            Pending::Session(vec![line]),
        )
    }

    /// Whether a key means to leave the session although text is typed where the keyboard is: only while none is.
    pub(super) fn leaves_session(&self, key: crate::ui::keys::Key) -> bool {
        let empty = match self.focus {
            Focus::Line => self.line.is_empty(),
            Focus::Chat => self.chat.input.is_empty(),
            Focus::Main => false,
        };
        let leave = self
            .settings
            .keys
            .action(crate::ui::action::Context::Rack, key);
        self.company.is_client() && empty && leave == Some(Action::LeaveSession)
    }
}

fn clean_lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(clean).collect();
    lines.join("\n")
}
