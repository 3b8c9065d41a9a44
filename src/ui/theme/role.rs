//! What a style is for. Themes give each role a style; what draws names the role and never a colour.

macro_rules! roles {
    ($($role:ident $name:literal $help:literal;)+) => {
        /// What something on the screen is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Role {
            $(#[doc = $help] $role,)+
        }

        impl Role {
            /// Every role.
            pub const ALL: &[Self] = &[$(Self::$role),+];

            /// Its name in theme files.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$role => $name,)+
                }
            }
        }
    };
}

roles! {
    Text "text" "Ordinary text; its background, if any, is that of the whole screen.";
    Dim "dim" "What can be overlooked: hints, times, separators.";
    Title "title" "The title of a frame.";
    Border "border" "A frame without the focus.";
    BorderFocused "border-focused" "The frame that has the focus.";
    Header "header" "The first line of the screen.";
    Footer "footer" "The last line of the screen, which says what keys do.";
    Key "key" "The name of a key.";
    Badge "badge" "A small fact that stands out: a count, the role in force.";
    StateRunning "state-running" "A target that runs.";
    StateWaiting "state-waiting" "A target that is waited for.";
    StateConnecting "state-connecting" "A target that is being connected.";
    StateBroken "state-broken" "A target stopped in its debugger.";
    StateLost "state-lost" "A target whose link was lost.";
    StateClosed "state-closed" "A target that was closed on purpose.";
    Alert "alert" "Something that needs a person now.";
    Activity "activity" "The bars that show how much a target prints.";
    Selection "selection" "The chosen row, or selected text.";
    Mark "mark" "A target marked to be talked to with others.";
    Match "match" "The characters a filter matched.";
    SearchMatch "search-match" "A match of a search.";
    SearchCurrent "search-current" "The match the search is at.";
    NewLines "new-lines" "The sign that there are new lines below.";
    Missed "missed" "The sign that lines are missing.";
    CommandLine "command-line" "Text typed at the command line.";
    Prompt "prompt" "Whom the command line talks to.";
    Command "command" "A command in a history.";
    Reply "reply" "The answer to a command.";
    Me "me" "The name of the person at this screen.";
    Other "other-person" "The name of another person.";
    Person1 "person-1" "The name of a person in the chat, the same one for the same name.";
    Person2 "person-2" "Another one.";
    Person3 "person-3" "Another one.";
    Person4 "person-4" "Another one.";
    Person5 "person-5" "Another one.";
    Notice "notice" "A notice that only informs.";
    Warning "warning" "A notice of something to watch.";
    Error "error" "A notice of something that failed.";
}

impl Role {
    /// The role of this name, if there is one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.name() == name)
    }

    /// The role of a person's name, by the name alone: the same on every screen.
    #[must_use]
    pub fn of_person(name: &str) -> Self {
        const ROLES: [Role; 5] = [
            Role::Person1,
            Role::Person2,
            Role::Person3,
            Role::Person4,
            Role::Person5,
        ];
        // FNV-1a, which is the same in every version.
        let hash = name
            .to_lowercase()
            .bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| {
                (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
            });
        let place = usize::try_from(hash).unwrap_or(0) % ROLES.len();
        ROLES.get(place).copied().unwrap_or(Role::Other)
    }

    /// The letter that says the same as the style, so that nothing is said by colour alone.
    #[must_use]
    pub const fn letter(self) -> Option<char> {
        Some(match self {
            Self::StateRunning => 'R',
            Self::StateWaiting => 'W',
            Self::StateConnecting => 'C',
            Self::StateBroken => 'B',
            Self::StateLost => 'L',
            Self::StateClosed => 'X',
            Self::Alert => '!',
            _ => return None,
        })
    }
}
