//! What the overview says of a target: its state, and its alert, the reason for its state or its last line.

use std::time::{Duration, Instant};

use super::activity::Bars;
use crate::rack::{State, Target};
use crate::transcript::{Kind, Ring, safe};

/// The last line of a target in the overview changes no more often: nobody reads faster, and a hundred of them cost
/// bytes.
const HOLD: Duration = Duration::from_millis(400);
/// Entries looked at for the last line worth showing.
const ENTRIES: u64 = 8;
/// Columns kept of a last line: wider than any tile.
const COLUMNS: usize = 240;

/// A target in the overview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// Its state.
    pub state: State,
    /// Whether there is an alert, which the text tells then.
    pub alert: bool,
    /// Its alert, the reason for its state, or its last line.
    pub text: String,
    /// Whether the text is a reason.
    pub reason: bool,
    /// How much it printed.
    pub bars: Bars,
    /// The version of the transcript that was looked at.
    version: u64,
    /// When the text changed.
    changed: Option<Instant>,
}

impl Tile {
    /// What is to be said of a target now, after what was said before; and when to look again, if what it printed is
    /// held back until then.
    pub fn new(
        target: &Target,
        bars: Bars,
        old: Option<&Self>,
        now: Instant,
    ) -> (Self, Option<Instant>) {
        let status = target.status.read();
        let version = target.transcript.version();
        let alert = !status.alert.is_empty();
        let reason = |text| Self {
            state: status.state,
            alert,
            text,
            reason: true,
            bars,
            version,
            changed: None,
        };
        let prints = match status.state {
            _ if alert => false,
            State::Running => true,
            // Why it stopped says more than what it printed before.
            State::Broken => status.detail.is_empty(),
            State::Waiting | State::Connecting | State::Lost | State::Closed => false,
        };
        if !prints {
            return (reason(status.words().to_owned()), None);
        }
        if let Some(old) = old.filter(|old| !old.reason && old.state == status.state) {
            let until = old.changed.map(|changed| changed + HOLD);
            let held = until.filter(|until| *until > now);
            if old.version == version || held.is_some() {
                let again = held.filter(|_| old.version != version);
                return (
                    Self {
                        bars,
                        ..old.clone()
                    },
                    again,
                );
            }
        }
        let tile = match target.transcript.with(last_line) {
            Some(text) => Self {
                state: status.state,
                alert,
                text,
                reason: false,
                bars,
                version,
                changed: Some(now),
            },
            None => reason(status.detail.clone()),
        };
        (tile, None)
    }
}

/// The last line of output that shows something, without the time a kernel stamped on it: a tile has room for the
/// message alone.
fn last_line(ring: &Ring) -> Option<String> {
    let from = ring.next().saturating_sub(ENTRIES).max(ring.first());
    (from..ring.next())
        .rev()
        .filter_map(|seq| ring.entry(seq))
        .filter(|entry| entry.kind == Kind::Output)
        .find_map(|entry| {
            let text = safe::Safe::new().line(entry.bytes, COLUMNS).text();
            let text = text.trim();
            (!text.is_empty()).then(|| message(text).to_owned())
        })
}

/// The text after a kernel's time stamp, `[  123.456789]`, and the caller that some kernels put behind it, `[    T1]`.
fn message(text: &str) -> &str {
    let after = |text, is: fn(&str) -> bool| {
        let (inside, rest) = str::strip_prefix(text, '[')?.split_once(']')?;
        let rest = rest.trim_start();
        (is(inside.trim_start()) && !rest.is_empty()).then_some(rest)
    };
    let Some(rest) = after(text, is_seconds) else {
        return text;
    };
    after(rest, is_caller).unwrap_or(rest)
}

fn is_seconds(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('.')
        .is_some_and(|(whole, fraction)| digits(whole) && digits(fraction))
}

/// `T` and the number of a task, or `C` and that of a processor.
fn is_caller(text: &str) -> bool {
    text.strip_prefix(['T', 'C']).is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernels_time_stamp_leaves_its_room_to_the_message() {
        for (line, shown) in [
            ("[    0.000000] Linux version 6.12", "Linux version 6.12"),
            ("[12345.678901] eth0: link up", "eth0: link up"),
            ("[    1.5] [    T1] Run /init", "Run /init"),
            ("[    1.5][   C12] tick", "tick"),
            ("[    1.5] [drm] ready", "[drm] ready"),
            ("[    1.5]", "[    1.5]"),
            ("[  OK  ] Started ssh", "[  OK  ] Started ssh"),
            ("[1.2.3] release", "[1.2.3] release"),
            ("[.] dot", "[.] dot"),
            ("login:", "login:"),
            ("[", "["),
        ] {
            assert_eq!(message(line), shown, "{line}");
        }
    }
}
