//! Everything a key, the palette or the mouse can ask the screen to do.
//!
//! One table carries the name, the help and the contexts of each action; the key map, the help overlay, the palette and
//! the configuration file all read it. What an action does is decided by whoever is asked, not here.

use std::fmt;

use Context::{Chat, CommandLine, Global, Overlay, Pane, Rack, Raw};

/// Where the keyboard is, which decides what a key means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Context {
    /// Everywhere but in raw mode and in an overlay, unless the place itself uses the key.
    Global,
    /// The overview of all targets has the focus.
    Rack,
    /// A pane has the focus: its history is read.
    Pane,
    /// The command line has the focus: text is typed.
    CommandLine,
    /// The chat has the focus: something is said.
    Chat,
    /// Every key goes to the target, but for the ones that lead out.
    Raw,
    /// A box is open over the screen.
    Overlay,
}

impl Context {
    /// All contexts, in the order the help shows them.
    pub const ALL: [Self; 7] = [Global, Rack, Pane, CommandLine, Chat, Raw, Overlay];

    /// The name in the configuration file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Global => "global",
            Rack => "rack",
            Pane => "pane",
            CommandLine => "line",
            Chat => "chat",
            Raw => "raw",
            Overlay => "overlay",
        }
    }

    /// The heading over its keys in the help.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Global => "Everywhere",
            Rack => "Rack",
            Pane => "Pane",
            CommandLine => "Command line",
            Chat => "Chat",
            Raw => "Raw mode",
            Overlay => "In a box",
        }
    }

    /// The context of this name, if there is one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|context| context.name() == name)
    }

    /// Whether plain characters are text here, so that no action can have them as a key.
    #[must_use]
    pub const fn takes_text(self) -> bool {
        !matches!(self, Rack | Pane)
    }

    /// Whether keys unused here are looked up in [`Context::Global`] too.
    #[must_use]
    pub const fn falls_to_global(self) -> bool {
        matches!(self, Rack | Pane | CommandLine | Chat)
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What to do with one action in the help, in the palette and in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The action itself.
    pub action: Action,
    /// Its stable name, in kebab case.
    pub name: &'static str,
    /// One line for people, without a full stop.
    pub help: &'static str,
    /// Where its keys are looked up; never empty.
    pub contexts: &'static [Context],
}

macro_rules! actions {
    ($($action:ident $name:literal $help:literal [$($context:ident),+];)+) => {
        /// One thing the screen can be asked to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action {
            $(#[doc = $help] $action,)+
        }

        /// Every action, in the order the help and the palette show them.
        pub const ROWS: &[Row] = &[
            $(Row { action: Action::$action, name: $name, help: $help, contexts: &[$($context),+] },)+
        ];
    };
}

actions! {
    Help "help" "Show the keys that work here" [Global];
    Palette "palette" "Find an action, a command or a target by name" [Global];
    Role "role" "Show the role of this console: host, server or client" [Global];
    ToggleChat "toggle-chat" "Go to the chat, or close it" [Global];
    JoinSession "join-session" "Join somebody else's session" [Global];
    LeaveSession "leave-session" "Leave the session this console joined; it goes on" [Global];
    ToggleView "toggle-view" "Switch between the rack and the panes" [Global];
    FocusNext "focus-next" "Move the focus to the next region" [Global];
    FocusPrevious "focus-previous" "Move the focus to the previous region" [Global];
    FocusCommandLine "focus-command-line" "Type a command" [Global];
    ChooseTarget "choose-target" "Find a target by name and show it" [Global];
    AddressNext "address-next" "Let the command line talk to the next target" [Global];
    SendBreak "send-break" "Interrupt the focused target (break or Ctrl-C)" [Global];
    Go "go" "Let the debug target in front go on (g)" [Global];
    StepOver "step-over" "Step the debug target in front, over calls (p)" [Global];
    StepInto "step-into" "Step the debug target in front, into calls (t)" [Global];
    StepOut "step-out" "Run the debug target in front to its caller (gu)" [Global];
    EnterRaw "enter-raw" "Send every key to the focused target" [Global];
    LeaveRaw "leave-raw" "Stop sending every key to the target" [Raw];
    SendRawKey "send-raw-key" "Send the key that leaves raw mode to the target itself" [Global];
    Connect "connect" "Connect the target" [Global];
    Disconnect "disconnect" "Disconnect the target, and leave it so" [Global];
    Notices "notices" "Show the notices of this console" [Global];

    Up "up" "Move up" [Rack, Overlay];
    Down "down" "Move down" [Rack, Overlay];
    Left "left" "Move left" [Rack, Overlay];
    Right "right" "Move right" [Rack, Overlay];
    PageUp "page-up" "Move up a page" [Rack, Overlay];
    PageDown "page-down" "Move down a page" [Rack, Overlay];
    First "first" "Move to the first" [Rack, Overlay];
    Last "last" "Move to the last" [Rack, Overlay];
    Accept "accept" "Take what is chosen" [Overlay];
    CloseOverlay "close-overlay" "Close the box and change nothing" [Overlay];
    OpenTarget "open-target" "Show the target in a pane" [Rack];
    Mark "mark" "Mark or unmark the target, to talk to several" [Rack];
    ClearMarks "clear-marks" "Drop the filter and all marks" [Rack];
    NextAttention "next-attention" "Go to the next target that needs somebody" [Global];
    FilterRack "filter-rack" "Show only targets that match" [Rack];
    SortRack "sort-rack" "Sort the rack by order, name, state or activity" [Rack];
    GroupRack "group-rack" "Show the rack by groups, or as one list" [Rack];

    PaneNext "pane-next" "Go to the next pane" [Global];
    PanePrevious "pane-previous" "Go to the previous pane" [Global];
    ClosePane "close-pane" "Close the pane; the target goes on" [Pane];
    Zoom "zoom" "Give the pane the whole screen, or give it back" [Rack, Pane];
    NextLayout "next-layout" "Arrange the panes otherwise" [Rack, Pane];
    ScrollUp "scroll-up" "Scroll up a line" [Pane];
    ScrollDown "scroll-down" "Scroll down a line" [Pane];
    ScrollPageUp "scroll-page-up" "Scroll up a page" [Pane, CommandLine, Chat];
    ScrollPageDown "scroll-page-down" "Scroll down a page" [Pane, CommandLine, Chat];
    ScrollTop "scroll-top" "Go to the oldest line kept" [Pane];
    Follow "follow" "Go to the newest line and follow" [Pane];
    Search "search" "Search the history of the pane" [Pane];
    SearchNext "search-next" "Go to the next match" [Pane];
    SearchPrevious "search-previous" "Go to the previous match" [Pane];
    Copy "copy" "Copy the selected or visible lines" [Pane];
    ToggleTimes "toggle-times" "Show or hide the time of each line" [Pane];
    ToggleWrap "toggle-wrap" "Wrap long lines, or cut them" [Pane];
    ToggleControls "toggle-controls" "Show or hide control characters" [Pane];
    Pane1 "pane-1" "Go to pane 1" [Global];
    Pane2 "pane-2" "Go to pane 2" [Global];
    Pane3 "pane-3" "Go to pane 3" [Global];
    Pane4 "pane-4" "Go to pane 4" [Global];
    Pane5 "pane-5" "Go to pane 5" [Global];
    Pane6 "pane-6" "Go to pane 6" [Global];
    Pane7 "pane-7" "Go to pane 7" [Global];
    Pane8 "pane-8" "Go to pane 8" [Global];
    Pane9 "pane-9" "Go to pane 9" [Global];

    Submit "submit" "Send the line" [CommandLine, Chat];
    LeaveCommandLine "leave-command-line" "Clear the line; leave it when it is empty" [CommandLine];
    LeaveChat "leave-chat" "Leave the chat to itself" [Chat];
    HistoryPrevious "history-previous" "Bring back the line before" [CommandLine, Chat];
    HistoryNext "history-next" "Bring back the line after" [CommandLine, Chat];
    HistorySearch "history-search" "Search the lines typed before" [CommandLine];
    Complete "complete" "Complete the word, then the next way" [CommandLine, Chat];
    CompleteBack "complete-back" "Complete the word the previous way" [CommandLine, Chat];

    ToggleMouse "toggle-mouse" "Use the mouse, or leave it to the terminal" [Global];
    NextTheme "next-theme" "Try the next theme" [Global];
    ReloadConfig "reload-config" "Read the configuration file again" [Global];
    Redraw "redraw" "Draw the whole screen again" [Global];
    Suspend "suspend" "Put the console into the background" [Global];
    Quit "quit" "Quit; asks while targets are connected" [Global];
}

impl Action {
    /// Its row of the table.
    #[must_use]
    pub fn row(self) -> &'static Row {
        ROWS.get(self as usize)
            .expect("the enum and the table come from one list")
    }

    /// Its stable name, in kebab case.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// One line of help.
    #[must_use]
    pub fn help(self) -> &'static str {
        self.row().help
    }

    /// The action of this name, if there is one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        ROWS.iter()
            .find(|row| row.name == name)
            .map(|row| row.action)
    }

    /// Whether keys can be bound to it in this context.
    #[must_use]
    pub fn applies_in(self, context: Context) -> bool {
        let contexts = self.row().contexts;
        contexts.contains(&context) || (context.falls_to_global() && contexts.contains(&Global))
    }

    /// The pane this action goes to, from 1 to 9.
    #[must_use]
    pub fn pane_number(self) -> Option<u8> {
        let first = Self::Pane1 as usize;
        let offset = (self as usize).checked_sub(first)?;
        u8::try_from(offset)
            .ok()
            .filter(|offset| *offset < 9)
            .map(|offset| offset + 1)
    }

    /// The debugger's command it gives to the debug target in front.
    #[must_use]
    pub fn debugger_line(self) -> Option<&'static str> {
        match self {
            Self::Go => Some("g"),
            Self::StepOver => Some("p"),
            Self::StepInto => Some("t"),
            Self::StepOut => Some("gu"),
            _ => None,
        }
    }

    /// Whether it means something outside of boxes and raw mode, so that the palette offers it.
    #[must_use]
    pub fn in_palette(self) -> bool {
        self != Self::Palette
            && self
                .row()
                .contexts
                .iter()
                .any(|c| matches!(c, Global | Rack | Pane))
            && !self.moves()
    }

    /// Whether it only moves a cursor or the view: too small a thing to be looked up by name.
    fn moves(self) -> bool {
        (Self::Up..=Self::Last).contains(&self)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_action_has_its_own_name_help_and_a_context() {
        let mut names = HashSet::new();
        for (place, row) in ROWS.iter().enumerate() {
            assert_eq!(row.action as usize, place);
            assert!(names.insert(row.name), "{} twice", row.name);
            assert!(
                row.name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
                "{}",
                row.name
            );
            assert!(
                !row.help.is_empty() && row.help.len() <= 60 && !row.help.ends_with('.'),
                "{}",
                row.name
            );
            assert!(!row.contexts.is_empty(), "{}", row.name);
            assert_eq!(Action::named(row.name), Some(row.action));
        }
    }

    #[test]
    fn pane_actions_carry_their_number() {
        assert_eq!(Action::Pane1.pane_number(), Some(1));
        assert_eq!(Action::Pane9.pane_number(), Some(9));
        assert_eq!(Action::PanePrevious.pane_number(), None);
        assert_eq!(Action::ClosePane.pane_number(), None);
    }
}
