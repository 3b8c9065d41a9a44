//! What each action does.

use super::scroll::Move;
use crate::command::TABLE;
use crate::deck::Severity;
use crate::target::{Request, debugger};
use crate::ui::action::Action;
use crate::ui::frame::Fresh;
use crate::ui::layout::Main;
use crate::ui::message::Effect;
use crate::ui::model::{Focus, Model, Overlay, Pending, View};
use crate::ui::overlay::{Help, Item, NoticesView, Palette, RoleSwitcher, Search};
use crate::ui::overview::{Need, attention};
use crate::ui::panes::Scroll;
use crate::ui::search::Way;

impl Model {
    /// Does what was asked for.
    pub(super) fn act(&mut self, action: Action) -> Vec<Effect> {
        let known = vec![Effect::Draw(Fresh::Known)];
        let front = vec![Effect::Draw(Fresh::Front)];
        let all = vec![Effect::Draw(Fresh::All)];
        match action {
            Action::Help => {
                self.overlay = Some(Overlay::Help(Help::new(
                    self.context(),
                    &self.settings.keys,
                    self.target().is_some_and(|target| target.debugger),
                )))
            }
            Action::Palette => self.overlay = Some(Overlay::Palette(self.palette())),
            Action::ChooseTarget => {
                self.overlay = Some(Overlay::Palette(Palette::new(
                    "Target",
                    self.target_items(),
                )))
            }
            Action::Role => self.overlay = Some(Overlay::Role(RoleSwitcher::new(&self.company))),
            Action::Notices => {
                self.notices.seen();
                self.overlay = Some(Overlay::Notices(NoticesView::default()));
            }
            Action::FilterRack => {
                self.view = View::Rack;
                self.overlay = Some(Overlay::Filter(Search::new(
                    "filter",
                    &self.overview.filter,
                )));
            }
            Action::Search if self.front().is_some() => {
                self.overlay = Some(Overlay::Search(Search::new("search", "")))
            }
            Action::HistorySearch => {
                self.overlay = Some(Overlay::History(
                    Search::new("history", self.line.text()),
                    0,
                ))
            }

            Action::ToggleChat => return self.toggle_chat(),
            Action::LeaveChat => return self.leave_chat(),
            Action::JoinSession => return self.open_connect(""),
            Action::LeaveSession => return self.leave_session(),

            Action::ToggleView => self.toggle_view(),
            Action::FocusNext | Action::FocusPrevious => {
                self.focus_on(action == Action::FocusNext);
            }
            Action::FocusCommandLine => self.focus = Focus::Line,
            Action::LeaveCommandLine => {
                if self.line.is_empty() {
                    self.focus = Focus::Main;
                } else {
                    self.line.take();
                }
            }
            Action::OpenTarget => {
                if let Some(target) = self.target().cloned() {
                    self.open(&target);
                    return all;
                }
            }
            Action::NextAttention => return self.next_attention(),
            Action::AddressNext => match self.view {
                View::Rack => self.overview.step(1),
                View::Panes => self.panes.step(1),
            },

            Action::Up => self.overview.step(-1),
            Action::Down => self.overview.step(1),
            Action::Left => self.overview.step(-self.column()),
            Action::Right => self.overview.step(self.column()),
            Action::PageUp => self.overview.step(-self.page()),
            Action::PageDown => self.overview.step(self.page()),
            Action::First => self.overview.end(false),
            Action::Last => self.overview.end(true),
            Action::Mark => self.overview.mark(),
            Action::ClearMarks => {
                self.overview.marks.clear();
                self.filter("");
                return all;
            }
            Action::SortRack => {
                self.overview.sort = self.overview.sort.next();
                self.overview.arrange(&self.rack);
                self.tell(
                    Severity::Info,
                    &format!("targets {}", self.overview.sort.word()),
                );
            }
            Action::GroupRack => {
                self.overview.grouped = !self.overview.grouped;
                self.overview.arrange(&self.rack);
            }

            Action::PaneNext => return self.go_to_pane(|panes| panes.step(1)),
            Action::PanePrevious => return self.go_to_pane(|panes| panes.step(-1)),
            Action::ClosePane if self.view == View::Panes => {
                self.panes.close();
                return all;
            }
            // From the rack it is the chosen target that gets the screen.
            Action::Zoom if self.view == View::Rack => {
                if let Some(target) = self.target().cloned() {
                    self.open(&target);
                    self.panes.zoomed = true;
                }
                return all;
            }
            Action::Zoom => {
                self.panes.zoomed = !self.panes.zoomed;
                return all;
            }
            Action::ClosePane | Action::NextLayout if self.panes.list.is_empty() => {
                self.tell(Severity::Info, "no pane is open");
            }
            Action::ClosePane => self.tell(Severity::Info, "the panes are not in front"),
            Action::NextLayout => {
                self.view = View::Panes;
                self.panes.zoomed = false;
                self.panes.arrangement = self.panes.arrangement.next();
                self.tell(
                    Severity::Info,
                    &format!("layout: {}", self.panes.arrangement.word()),
                );
                return all;
            }
            Action::ScrollUp => return self.scroll(Move::Rows(-1)),
            Action::ScrollDown => return self.scroll(Move::Rows(1)),
            Action::ScrollPageUp if self.focus == Focus::Chat => {
                return self.scroll_chat(Move::Pages(-1));
            }
            Action::ScrollPageDown if self.focus == Focus::Chat => {
                return self.scroll_chat(Move::Pages(1));
            }
            Action::ScrollPageUp => return self.scroll(Move::Pages(-1)),
            Action::ScrollPageDown => return self.scroll(Move::Pages(1)),
            Action::ScrollTop => return self.scroll(Move::Top),
            Action::Follow => {
                if let Some(pane) = self.front_mut() {
                    (pane.search, pane.selection) = (None, None);
                }
                return self.scroll(Move::Bottom);
            }
            Action::SearchNext => return self.search_on(Way::Older),
            Action::SearchPrevious => return self.search_on(Way::Newer),
            Action::Copy => return self.copy(),
            Action::ToggleTimes => self.change_pane(|pane| pane.times = !pane.times),
            Action::ToggleWrap => self.change_pane(|pane| pane.wrap = !pane.wrap),
            Action::ToggleControls => self.change_pane(|pane| pane.controls = !pane.controls),

            Action::SendBreak => return self.interrupt(),
            Action::EnterRaw => return self.enter_raw(),
            Action::LeaveRaw => {
                self.change_pane(|pane| pane.raw = false);
                return all;
            }
            Action::SendRawKey => return self.send_raw_key(),
            Action::Connect => return self.ask(Request::Connect),
            Action::Disconnect => return self.disconnect(),

            Action::Submit if self.focus == Focus::Chat => return self.say_typed(),
            Action::HistoryPrevious if self.focus == Focus::Chat => {
                self.chat.input.older();
            }
            Action::HistoryNext if self.focus == Focus::Chat => {
                self.chat.input.newer();
            }
            Action::Complete | Action::CompleteBack if self.focus == Focus::Chat => {
                return self.complete_chat(action == Action::CompleteBack);
            }
            Action::Submit => return self.submit(),
            Action::HistoryPrevious => drop(self.line.older()),
            Action::HistoryNext => drop(self.line.newer()),
            Action::Complete | Action::CompleteBack => {
                return self.complete(action == Action::CompleteBack);
            }

            Action::ToggleMouse => {
                self.settings.mouse = !self.settings.mouse;
                let on = self.settings.mouse;
                self.tell(
                    Severity::Info,
                    if on {
                        "the mouse is used; Shift-drag selects"
                    } else {
                        "the mouse is the terminal's"
                    },
                );
                return vec![Effect::Mouse(on), Effect::Draw(Fresh::Known)];
            }
            Action::NextTheme => {
                self.settings.theme = (self.settings.theme + 1) % self.settings.themes.len().max(1);
                self.tell(
                    Severity::Info,
                    &format!("theme {}", self.look().theme.name()),
                );
            }
            Action::ReloadConfig => {
                return vec![Effect::Submit {
                    focus: None,
                    line: ".reload".to_owned(),
                }];
            }
            Action::Redraw => return vec![Effect::Repaint, Effect::Draw(Fresh::All)],
            Action::Suspend => return vec![Effect::Suspend],
            Action::Quit => return self.quit(),
            step if step.debugger_line().is_some() => return self.debug(step),
            pane if pane.pane_number().is_some() => {
                let place = usize::from(pane.pane_number().unwrap_or(1)) - 1;
                return self.go_to_pane(|panes| {
                    if place < panes.list.len() {
                        panes.front = place;
                    }
                });
            }
            _ => {}
        }
        match action {
            _ if self.overlay.is_some() => known,
            Action::LeaveCommandLine
            | Action::FocusCommandLine
            | Action::HistoryPrevious
            | Action::HistoryNext => known,
            Action::SortRack | Action::GroupRack | Action::ToggleView => all,
            _ => front,
        }
    }

    /// The next region that can have the keyboard, or the one before.
    fn focus_on(&mut self, forward: bool) {
        let beside = self.plan().chat.is_some();
        let regions = [Focus::Main, Focus::Line, Focus::Chat];
        let regions = regions
            .get(..if beside { 3 } else { 2 })
            .unwrap_or(&regions);
        let here = regions.iter().position(|region| *region == self.focus);
        let step = if forward { 1 } else { regions.len() - 1 };
        let next = (here.unwrap_or(0) + step) % regions.len();
        let next = regions.get(next).copied().unwrap_or(Focus::Main);
        if self.focus == Focus::Chat {
            self.leave_chat();
        } else if next == Focus::Chat {
            self.before_chat = self.focus;
        }
        self.focus = next;
    }

    fn toggle_view(&mut self) {
        if self.view == View::Panes {
            self.overview.selected = self
                .panes
                .current()
                .map(|pane| pane.target)
                .or(self.overview.selected);
            (self.view, self.focus) = (View::Rack, Focus::Main);
        } else if self.panes.list.is_empty() {
            if let Some(target) = self.target().cloned() {
                self.open(&target);
            }
        } else {
            self.view = View::Panes;
        }
    }

    fn go_to_pane(&mut self, go: impl FnOnce(&mut crate::ui::panes::Panes)) -> Vec<Effect> {
        if self.panes.list.is_empty() {
            self.tell(Severity::Info, "no pane is open");
            return vec![Effect::Draw(Fresh::Known)];
        }
        let before = (self.view, self.panes.front);
        self.view = View::Panes;
        go(&mut self.panes);
        let alone = self.panes.zoomed || before.0 != self.view;
        vec![Effect::Draw(if alone { Fresh::All } else { Fresh::Front })]
    }

    fn change_pane(&mut self, change: impl FnOnce(&mut crate::ui::panes::Pane)) {
        if let Some(pane) = self.front_mut() {
            change(pane);
        }
    }

    /// How far one column of tiles is.
    fn column(&self) -> isize {
        match self.plan().main {
            Main::Rack(plan) if plan.columns > 1 => isize::try_from(plan.rows()).unwrap_or(1),
            _ => 1,
        }
    }

    fn page(&self) -> isize {
        match self.plan().main {
            Main::Rack(plan) => isize::try_from(plan.rows()).unwrap_or(1).max(1),
            _ => 1,
        }
    }

    /// Goes to the next target that needs somebody, in the order in which they are told, round the end. From one that
    /// does not, it is the next in the rack's order: of those with an alert, if there are any.
    fn next_attention(&mut self) -> Vec<Effect> {
        let needing = attention(&self.rack);
        let here = self.front().map(|pane| pane.target);
        let place = |id| {
            self.rack
                .targets()
                .iter()
                .position(|target| Some(target.id) == id)
        };
        let next = match needing
            .iter()
            .position(|(target, _)| Some(target.id) == here)
        {
            Some(at) => needing.get(at + 1),
            None => {
                let alert = |(_, need): &&(_, Need)| *need == Need::Alert;
                let alerts = needing.iter().filter(alert).count();
                let among = if alerts > 0 { alerts } else { needing.len() };
                needing
                    .iter()
                    .take(among)
                    .find(|(target, _)| place(Some(target.id)) > place(here))
            }
        };
        let next = next
            .or(needing.first())
            .map(|(target, _)| (*target).clone());
        let Some(next) = next else {
            self.tell(Severity::Info, "no target needs you");
            return vec![Effect::Draw(Fresh::Known)];
        };
        if self.view == View::Panes {
            self.panes.open(&next, self.settings.times);
            return vec![Effect::Draw(Fresh::All)];
        }
        if !self.overview.targets().any(|id| id == next.id) {
            self.filter("");
        }
        self.overview.selected = Some(next.id);
        vec![Effect::Draw(Fresh::Front)]
    }

    /// Gives the debug target in front a command that has a key.
    fn debug(&mut self, action: Action) -> Vec<Effect> {
        let (Some(target), Some(line)) = (self.target(), action.debugger_line()) else {
            self.tell(Severity::Info, "no target is in front");
            return vec![Effect::Draw(Fresh::Known)];
        };
        if !target.debugger {
            let key = self.settings.keys.hint(self.context(), action);
            let key = key.unwrap_or_else(|| action.name().to_owned());
            let text = format!("{key} is for debug targets; {} is a console", target.name);
            self.tell(Severity::Info, &text);
            return vec![Effect::Draw(Fresh::Known)];
        }
        // Where it stops next is to be seen.
        self.change_pane(|pane| pane.scroll = Scroll::Follow);
        self.ask(Request::Debugger(line.to_owned()))
    }

    fn ask(&mut self, request: Request) -> Vec<Effect> {
        let Some(id) = self.target().map(|target| target.id) else {
            return Vec::new();
        };
        vec![Effect::Ask { id, request }, Effect::Draw(Fresh::Front)]
    }

    fn disconnect(&mut self) -> Vec<Effect> {
        let Some(target) = self.target() else {
            return Vec::new();
        };
        let (title, id) = (format!("Disconnect {}?", target.name), target.id);
        let lines = vec!["It stays so until it is connected again.".to_owned()];
        self.confirm(&title, lines, "Yes, disconnect", Pending::Disconnect(id))
    }

    fn enter_raw(&mut self) -> Vec<Effect> {
        if self.view == View::Rack {
            let Some(target) = self.target().cloned() else {
                return Vec::new();
            };
            self.open(&target);
        }
        self.focus = Focus::Main;
        let leave = self
            .settings
            .keys
            .keys(crate::ui::action::Context::Raw, Action::LeaveRaw);
        let leave = leave.first().map(ToString::to_string).unwrap_or_default();
        self.change_pane(|pane| pane.raw = true);
        self.tell(
            Severity::Info,
            &format!("every key goes to the target; {leave} leaves"),
        );
        vec![Effect::Draw(Fresh::All)]
    }

    /// The key that leaves raw mode, sent to the target.
    fn send_raw_key(&mut self) -> Vec<Effect> {
        let keys = self
            .settings
            .keys
            .keys(crate::ui::action::Context::Raw, Action::LeaveRaw);
        let event = keys
            .first()
            .map(|key| crossterm::event::KeyEvent::new(key.code(), key.modifiers()));
        match event.and_then(|event| crate::ui::emulator::encode_key(event, false)) {
            Some(bytes) => self.ask(Request::Keys(bytes)),
            None => Vec::new(),
        }
    }

    fn complete(&mut self, back: bool) -> Vec<Effect> {
        let themes: Vec<&str> = self
            .settings
            .themes
            .iter()
            .map(|theme| theme.name())
            .collect();
        let debugger = self.talks_to().has_debugger();
        let words = self.line.complete(&self.rack, &themes, debugger, back);
        if words.len() > 1 {
            let text = words
                .iter()
                .take(20)
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(" ");
            self.tell(Severity::Info, &text);
        }
        vec![Effect::Draw(Fresh::Known)]
    }

    /// Copies the selected rows of the pane in front, or those it shows; without times and marks, wrapped lines whole.
    fn copy(&mut self) -> Vec<Effect> {
        let (Some(plan), Some(target), Some(pane)) =
            (self.front_plan(), self.target(), self.front())
        else {
            return Vec::new();
        };
        let text = super::mouse::copied(pane, target, plan, &self.settings.zone);
        let lines = text.lines().count();
        self.tell(Severity::Info, &format!("copied {lines} lines"));
        vec![Effect::Copy(text), Effect::Draw(Fresh::Known)]
    }

    fn palette(&self) -> Palette {
        let mut items = Item::actions(self.context(), &self.settings.keys);
        items.extend(
            TABLE
                .iter()
                .map(|command| Item::command(command.name, command.help)),
        );
        if self.target().is_some_and(|target| target.debugger) {
            items.extend(
                debugger::TABLE
                    .iter()
                    .map(|command| Item::command(command.name, command.help)),
            );
        }
        items.extend(self.target_items());
        Palette::new("Find", items)
    }

    fn target_items(&self) -> Vec<Item> {
        let item = |target: &std::sync::Arc<crate::rack::Target>| {
            let status = target.status.read();
            let word = match status.alert.as_str() {
                "" => status.state.word(),
                alert => alert,
            };
            Item::target(&target.name, &format!("{word} {}", target.address))
        };
        self.rack.targets().iter().map(item).collect()
    }
}
