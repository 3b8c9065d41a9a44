//! All the screen knows. Changed by [`super::update`] alone; views borrow it.

use std::sync::Arc;

use jiff::tz::TimeZone;
use ratatui::layout::Size;

use super::action::{Action, Context};
use super::chat::rows::Writer;
use super::chat::{Chat, Reader};
use super::company::{Company, machine};
use super::glyphs::Glyphs;
use super::history::History;
use super::keys::KeyMap;
use super::layout::{CHAT_BESIDE_COLUMNS_MIN, ChatPlan, Main, Plan, Shown};
use super::line::CommandLine;
use super::look::Look;
use super::overlay::{Confirm, Connect, Help, Notices, NoticesView, Palette, RoleSwitcher, Search};
use super::overview::Overview;
use super::panes::{Arrangement, Pane, Panes};
use super::text_box::TextBox;
use super::theme::{Depth, Theme};
use crate::deck::Severity;
use crate::rack::{Pattern, Rack, Target, TargetId};
use crate::transcript::Time;

/// How long a notice stands in the last line, one that ought to be read twice as long. Microseconds.
pub const NOTICE_MICROS: i64 = 6_000_000;

/// What does not change while the screen runs, or only by the person's wish.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The name of the person here.
    pub who: String,
    /// What keys do.
    pub keys: KeyMap,
    /// The themes there are, the one in use among them.
    pub themes: Vec<Theme>,
    /// The place of the one in use.
    pub theme: usize,
    /// The colours of this terminal.
    pub depth: Depth,
    /// The signs of this terminal.
    pub glyphs: &'static Glyphs,
    /// Whether lines of new panes show their time.
    pub times: bool,
    /// Whether a line for several targets is asked about first.
    pub confirm_many: bool,
    /// Whether nothing moves that does not have to.
    pub reduced_motion: bool,
    /// Whether the mouse is used.
    pub mouse: bool,
    /// The time zone of the person here.
    pub zone: TimeZone,
}

/// What the large part of the screen shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// All targets.
    Rack,
    /// Panes.
    Panes,
}

/// Which part has the keyboard, when no box is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    /// The rack, or the pane in front.
    Main,
    /// The command line.
    Line,
    /// The chat.
    Chat,
}

/// A box over the screen.
#[derive(Debug, Clone)]
pub enum Overlay {
    /// What keys do.
    Help(Help),
    /// Everything that can be done, or all targets.
    Palette(Palette),
    /// What this process is.
    Role(RoleSwitcher),
    /// Joining a session.
    Connect(Box<Connect>),
    /// A question, and what a yes leads to.
    Confirm(Confirm, Pending),
    /// What there was to tell.
    Notices(NoticesView),
    /// A text to read.
    Text(TextBox),
    /// Words the shown targets have.
    Filter(Search),
    /// What to search for in the pane in front.
    Search(Search),
    /// A part of a line typed before, and how many matches to pass over.
    History(Search, usize),
}

/// What a yes leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pending {
    /// Carry out a line.
    Submit(String),
    /// Carry out lines, one after the other.
    Lines(Vec<String>),
    /// Carry out lines that are for no target, as they are.
    Session(Vec<String>),
    /// End targets and servers with such lines, and go on with what that was for.
    ClearWay(Vec<String>, Option<Box<Connect>>),
    /// Type pasted text to a target.
    Keys(TargetId, Vec<u8>),
    /// Disconnect a target.
    Disconnect(TargetId),
    /// End.
    Quit,
}

/// Whom the command line talks to.
#[derive(Debug, Clone)]
pub enum Whom {
    /// There is no target in front.
    Nobody,
    /// An address is begun.
    Unsaid,
    /// An address that means no target.
    Unknown(Pattern),
    /// One target.
    One(Arc<Target>),
    /// Several targets, by this address.
    Several(Pattern, Vec<Arc<Target>>),
}

impl Whom {
    /// Whether there is a debug target among them.
    pub fn has_debugger(&self) -> bool {
        match self {
            Self::Nobody | Self::Unsaid | Self::Unknown(_) => false,
            Self::One(target) => target.debugger,
            Self::Several(_, targets) => targets.iter().any(|target| target.debugger),
        }
    }
}

/// All the screen knows.
#[derive(Debug, Clone)]
pub struct Model {
    /// What does not change.
    pub settings: Settings,
    /// The targets.
    pub rack: Arc<Rack>,
    /// What this console is part of.
    pub company: Company,
    /// How many sessions were joined or left: what is known of targets is of one of them.
    pub session: u64,
    /// The terminal's size.
    pub size: Size,
    /// What is shown.
    pub view: View,
    /// What has the keyboard.
    pub focus: Focus,
    /// The rack's view.
    pub overview: Overview,
    /// The last lines of the target chosen in the rack.
    pub preview: Option<Pane>,
    /// The panes' view.
    pub panes: Panes,
    /// The command line.
    pub line: CommandLine,
    /// The chat.
    pub chat: Chat,
    /// What had the keyboard before the chat.
    pub before_chat: Focus,
    /// The box over the screen.
    pub overlay: Option<Overlay>,
    /// Long answers that came while a box was open; shown when it closes.
    pub answers: Vec<String>,
    /// What there was to tell.
    pub notices: Notices,
    /// Until when the newest notice stands in the last line.
    pub notice_until: Option<Time>,
    /// When the model was changed last, for clocks.
    pub now: Time,
}

impl Model {
    /// A screen on these targets, in front of the rack.
    pub fn new(
        settings: Settings,
        rack: Arc<Rack>,
        history: History,
        size: Size,
        now: Time,
    ) -> Self {
        let overview = Overview::new(true);
        let mut model = Self {
            settings,
            rack,
            company: Company::default(),
            session: 0,
            size,
            view: View::Rack,
            focus: Focus::Main,
            overview,
            preview: None,
            panes: Panes::default(),
            line: CommandLine::new(history),
            chat: Chat::default(),
            before_chat: Focus::Main,
            overlay: None,
            answers: Vec::new(),
            notices: Notices::default(),
            notice_until: None,
            now,
        };
        model.overview.arrange(&model.rack);
        model.settle();
        model
    }

    /// How things look.
    pub fn look(&self) -> Look<'_> {
        let theme = self
            .settings
            .themes
            .get(self.settings.theme)
            .expect("there is a theme, and the place is of one");
        Look {
            theme,
            glyphs: self.settings.glyphs,
        }
    }

    /// Where everything is.
    pub fn plan(&self) -> Plan {
        let arrangement = if self.panes.zoomed {
            Arrangement::Single
        } else {
            self.panes.arrangement
        };
        let shown = match self.view {
            View::Rack => Shown::Rack(self.overview.items().len()),
            View::Panes => Shown::Panes(self.panes.list.len(), self.panes.front, arrangement),
        };
        Plan::new(self.size, shown, self.shows_chat())
    }

    /// Whether the chat is shown. Beside the rest it is by itself where the rack is and there is company; over the rest
    /// only while it has the keyboard.
    fn shows_chat(&self) -> bool {
        let company =
            self.view == View::Rack && (self.company.others() > 0 || !self.chat.is_silent());
        let beside =
            self.size.width >= CHAT_BESIDE_COLUMNS_MIN && self.chat.open.unwrap_or(company);
        beside || self.focus == Focus::Chat
    }

    /// Where the chat is and how its lines are written there.
    pub fn chat_writer(&self) -> Option<(ChatPlan, Writer<'_>)> {
        let plan = self.plan().chat?;
        let writer = Writer {
            width: plan.text.width.into(),
            me: self.name(),
            zone: &self.settings.zone,
            glyphs: self.settings.glyphs,
        };
        Some((plan, writer))
    }

    /// The name of the person here, as everybody sees it.
    pub fn name(&self) -> &str {
        let me = self.company.me.as_ref();
        me.map_or(&self.settings.who, |me| &me.name)
    }

    /// The key that does it, everywhere or else where targets are shown, for what is said about it.
    pub fn key_of(&self, action: Action) -> String {
        let places = [Context::CommandLine, Context::Rack];
        let mut hints = places
            .iter()
            .filter_map(|place| self.settings.keys.hint(*place, action));
        hints.next().unwrap_or_else(|| action.name().to_owned())
    }

    /// Why this console cannot join a session now, and what to do about it.
    pub fn cannot_join(&self) -> Option<String> {
        if let Some(server) = self.company.session() {
            let machine = machine(server);
            return Some(format!(
                "joined to {machine} already: {} or .remote_exit leaves it first",
                self.key_of(Action::LeaveSession)
            ));
        }
        let what = self.company.in_the_way(self.rack.targets().len())?;
        Some(format!(
            "not now, a client holds no targets and no servers: {what}; Enter asks, and ends them"
        ))
    }

    /// Who reads the chat here.
    pub fn reader(&self) -> Reader {
        Reader {
            name: self.name().to_owned(),
            since: self.company.me.as_ref().map(|me| me.since),
            watches: self.plan().chat.is_some(),
        }
    }

    /// The targets whose output is on the screen, in the order of their numbers.
    pub fn looks_at(&self) -> Vec<TargetId> {
        let mut ids: Vec<TargetId> = match self.plan().main {
            Main::Rack(rack) => {
                let preview = rack.preview.and(self.preview.as_ref());
                preview.map(|pane| pane.target).into_iter().collect()
            }
            Main::Panes(panes) => {
                let panes = panes.iter().filter_map(|(at, _)| self.panes.list.get(*at));
                panes.map(|pane| pane.target).collect()
            }
            Main::TooSmall(_) => Vec::new(),
        };
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Where the keyboard is.
    pub fn context(&self) -> Context {
        match (&self.overlay, self.focus, self.view) {
            (Some(_), ..) => Context::Overlay,
            (None, Focus::Line, _) => Context::CommandLine,
            (None, Focus::Chat, _) => Context::Chat,
            (None, Focus::Main, View::Rack) => Context::Rack,
            (None, Focus::Main, View::Panes) if self.front().is_some_and(|pane| pane.raw) => {
                Context::Raw
            }
            (None, Focus::Main, View::Panes) => Context::Pane,
        }
    }

    /// The pane in front: the preview in the rack's view.
    pub fn front(&self) -> Option<&Pane> {
        match self.view {
            View::Rack => self.preview.as_ref(),
            View::Panes => self.panes.current(),
        }
    }

    /// The pane in front, to change it.
    pub fn front_mut(&mut self) -> Option<&mut Pane> {
        match self.view {
            View::Rack => self.preview.as_mut(),
            View::Panes => self.panes.current_mut(),
        }
    }

    /// The target in front.
    pub fn target(&self) -> Option<&Arc<Target>> {
        self.rack.target(self.front()?.target)
    }

    /// Whom the command line talks to if nothing is said in the line itself: an address to put in front of it, if it
    /// is not the target in front.
    pub fn address(&self) -> Option<String> {
        if let Some(address) = &self.line.address {
            return Some(address.to_string());
        }
        if self.view != View::Rack || self.overview.marks.is_empty() {
            return None;
        }
        let marked = self
            .rack
            .targets()
            .iter()
            .filter(|target| self.overview.marks.contains(&target.id));
        Some(format!(
            "@{}",
            marked
                .map(|target| target.name.as_str())
                .collect::<Vec<_>>()
                .join(",")
        ))
    }

    /// Whom the command line talks to, with what is typed in it.
    pub fn talks_to(&self) -> Whom {
        let typed = self.line.text();
        let address = if typed.starts_with('@') {
            Some(typed.to_owned())
        } else {
            self.address()
        };
        let Some(address) = address else {
            return self.target().cloned().map_or(Whom::Nobody, Whom::One);
        };
        let whom = address.split_whitespace().next().unwrap_or_default();
        let Some(pattern) = Pattern::new(whom.trim_start_matches('@')) else {
            return Whom::Unsaid;
        };
        let mut targets = self.rack.matching(&pattern);
        match (targets.pop(), targets.is_empty()) {
            (None, _) => Whom::Unknown(pattern),
            (Some(target), true) => Whom::One(target),
            (Some(target), false) => {
                targets.push(target);
                Whom::Several(pattern, targets)
            }
        }
    }

    /// Tells the person something.
    pub fn tell(&mut self, severity: Severity, text: &str) {
        let severity = match severity {
            Severity::Info => super::overlay::Severity::Info,
            Severity::Warning => super::overlay::Severity::Warning,
            Severity::Error => super::overlay::Severity::Error,
        };
        let time = self.now.timestamp().to_zoned(self.settings.zone.clone());
        self.notices.push(time, severity, text);
        let times = match severity {
            super::overlay::Severity::Info => 1,
            _ => 2,
        };
        self.notice_until = Some(Time(self.now.0 + times * NOTICE_MICROS));
    }

    /// When the model wants to be told that time has passed.
    pub fn timer(&self) -> Option<Time> {
        const MINUTE: i64 = 60_000_000;
        let clock =
            (!self.settings.reduced_motion).then_some(Time((self.now.0 / MINUTE + 1) * MINUTE));
        clock.into_iter().chain(self.notice_until).min()
    }

    /// Whether there is something to go on with.
    pub fn is_working(&self) -> bool {
        self.panes.list.iter().chain(&self.preview).any(|pane| {
            pane.search
                .as_ref()
                .is_some_and(super::search::Search::is_looking)
        })
    }

    /// Makes everything fit together after a change: the preview shows the chosen target, which is in sight.
    pub fn settle(&mut self) {
        if self.view == View::Panes && self.panes.list.is_empty() {
            self.view = View::Rack;
        }
        if self.plan().chat.is_some() {
            self.chat.read();
        }
        let selected = self.overview.selected;
        if self.preview.as_ref().map(|pane| pane.target) != selected {
            let target = selected.and_then(|id| self.rack.target(id));
            self.preview = target.map(|target| Pane::new(target, self.settings.times));
        }
        if let Main::Rack(plan) = self.plan().main {
            self.overview
                .follow(plan.rows().into(), plan.columns.into());
        }
    }
}
