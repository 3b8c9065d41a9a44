//! Settings: what the tables other than `[[target]]` mean once checked, and what is so if they say nothing.

use std::path::PathBuf;
use std::time::Duration;

use super::read::Word;
use crate::connect::ChatPort;
use crate::rack::Pattern;
use crate::session::Allowed;
use crate::transcript::Limits;

/// `[log]`: what is written to disk of what targets say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Whether targets that do not say otherwise are logged.
    pub enabled: bool,
    /// Where, as written: see [`Places::log_dir`](super::Places::log_dir). `None`: the state directory.
    pub directory: Option<PathBuf>,
    /// What a log holds.
    pub format: LogFormat,
    /// What stands before each line; a raw log has no stamps.
    pub time: LogTime,
    /// A log that reaches this many bytes is rotated.
    pub rotate_size_bytes: u64,
    /// Rotated logs kept of each target and day.
    pub rotate_count: u32,
}

impl Default for Log {
    fn default() -> Self {
        Log {
            enabled: true,
            directory: None,
            format: LogFormat::Lines,
            time: LogTime::Iso,
            rotate_size_bytes: 64 << 20,
            rotate_count: 10,
        }
    }
}

/// What a log holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines of text, each with its time.
    Lines,
    /// The very bytes the target sent.
    Raw,
}

/// What stands before each line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTime {
    /// ISO 8601 with the offset from UTC.
    Iso,
    /// Nothing.
    Off,
    /// A format of strftime, known to be valid.
    Format(String),
}

/// `[history]`: bounds of the transcripts in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// Most bytes kept of one target.
    pub per_target_bytes: u64,
    /// Most bytes kept of all targets together.
    pub total_bytes: u64,
    /// A line longer than this many bytes is folded.
    pub line_limit_bytes: u64,
}

impl History {
    /// The bounds of each of so many targets' histories: its own, and its share of what all may have together.
    #[must_use]
    pub fn limits(&self, targets: usize) -> Limits {
        let share = self.total_bytes / targets.max(1) as u64;
        let bytes = share.min(self.per_target_bytes);
        let whole = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        Limits {
            bytes: whole(bytes),
            line: whole(self.line_limit_bytes),
        }
    }
}

impl Default for History {
    fn default() -> Self {
        History {
            per_target_bytes: 16 << 20,
            total_bytes: 1 << 30,
            line_limit_bytes: 16 << 10,
        }
    }
}

/// `[screen]`: how the console looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screen {
    /// The name of a theme.
    pub theme: String,
    /// Most frames drawn in a second, 1 to 60.
    pub frame_rate: u32,
    /// Bytes a second that showing output may cost on the way to the terminal, on average.
    pub bytes_per_second: u32,
    /// Whether a line for several targets is asked about first.
    pub confirm: bool,
    /// Whether the mouse is used.
    pub mouse: bool,
    /// Whether only ASCII characters are drawn.
    pub ascii: bool,
    /// Whether colours are used.
    pub color: Color,
    /// Whether lines show their time.
    pub time_stamps: bool,
    /// Whether nothing moves that does not have to.
    pub reduced_motion: bool,
}

impl Default for Screen {
    fn default() -> Self {
        Screen {
            theme: "default".to_owned(),
            frame_rate: 30,
            bytes_per_second: 32 << 10,
            confirm: true,
            mouse: true,
            ascii: false,
            color: Color::Auto,
            time_stamps: false,
            reduced_motion: false,
        }
    }
}

/// Whether colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// As the terminal and `NO_COLOR` say.
    Auto,
    /// Whatever they say.
    Always,
    /// Never.
    Never,
}

/// `[server]`, beside the servers to open: what belongs to all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sessions {
    /// What operators may do to the host's machine.
    pub allow: Allowed,
    /// The TCP port at which other machines learn which servers there are (`-QR`); `None` tells them nothing.
    pub directory: Option<u16>,
    /// Whether `.shell` is forbidden from the start, for everybody. Only the command line says so.
    pub no_shell: bool,
}

impl Default for Sessions {
    fn default() -> Self {
        Sessions {
            allow: Allowed::default(),
            directory: Some(DIRECTORY_PORT),
            no_shell: false,
        }
    }
}

/// Where servers are looked for unless the configuration says otherwise.
pub const DIRECTORY_PORT: u16 = 3013;

/// `[reconnect]`: how long a target that was lost is waited for between tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reconnect {
    /// The pause before the first try; each pause after it is longer.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
}

impl Default for Reconnect {
    fn default() -> Self {
        Reconnect {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(30),
        }
    }
}

/// `[chat]`: the debug-and-chat port for people with `nc` or PuTTY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    /// The port to open at the start; none if `None`.
    pub port: Option<ChatPort>,
    /// A line of chat on that port: `{0}` is the name, `{1}` what was said.
    pub format: String,
    /// Targets whose whole output goes to that port.
    pub broadcast: Vec<Pattern>,
}

impl Default for Chat {
    fn default() -> Self {
        Chat {
            port: None,
            format: "{0}> {1}".to_owned(),
            broadcast: Vec::new(),
        }
    }
}

/// A line of `[keys]`: the keys that do one thing, instead of those that do it by default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyChange {
    /// The name of an action.
    pub action: Word,
    /// Its keys; none at all unbinds it.
    pub keys: Vec<Word>,
}
