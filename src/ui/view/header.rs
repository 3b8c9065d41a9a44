//! The first line: what this process is, how many targets are in which state, what there is to read, the time.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::spans;
use crate::rack::State;
use crate::rack::status::ALERT_LETTER;
use crate::ui::fit::columns;
use crate::ui::model::Model;
use crate::ui::picture::Picture;
use crate::ui::theme::Role;

/// Columns from which the other roles are named too.
const ROLES_COLUMNS_MIN: u16 = 100;

/// The role a state is drawn in.
pub(super) fn state_role(state: State) -> Role {
    match state {
        State::Running => Role::StateRunning,
        State::Waiting => Role::StateWaiting,
        State::Connecting => Role::StateConnecting,
        State::Broken => Role::StateBroken,
        State::Lost => Role::StateLost,
        State::Closed => Role::StateClosed,
    }
}

pub(super) fn draw(place: Rect, buf: &mut Buffer, model: &Model, picture: &Picture) {
    let look = model.look();
    buf.set_style(place, look.style(Role::Header));
    let mut left = vec![
        (Role::Title, " kdeck ".to_owned()),
        (Role::Badge, " HOST ".to_owned()),
    ];
    if place.width >= ROLES_COLUMNS_MIN {
        left.push((Role::Dim, "  server  client".to_owned()));
    }
    let mut right = Vec::new();
    // First, so that it is the last to be cut.
    if picture.failing_logs > 0 {
        let words = match picture.failing_logs {
            1 => "1 LOG FAILS".to_owned(),
            count => format!("{count} LOGS FAIL"),
        };
        right.push((Role::Error, words));
        right.push((Role::Header, "  ".to_owned()));
    }
    let count = model.rack.targets().len();
    right.push((
        Role::Header,
        if count == 1 {
            "1 target".to_owned()
        } else {
            format!("{count} targets")
        },
    ));
    for (state, count) in State::ALL
        .into_iter()
        .zip(picture.counts)
        .filter(|(_, count)| *count > 0)
    {
        right.push((Role::Header, "  ".to_owned()));
        right.push((state_role(state), format!("{} {count}", state.letter())));
    }
    let before_alerts = right.len();
    if picture.alerts > 0 {
        right.push((Role::Header, "  ".to_owned()));
        right.push((Role::Alert, format!("{ALERT_LETTER} {}", picture.alerts)));
    }
    let after_alerts = right.len();
    let unseen = model.notices.unseen();
    if unseen > 0 {
        right.push((Role::Header, "  ".to_owned()));
        right.push((
            Role::Warning,
            if unseen == 1 {
                "1 notice".to_owned()
            } else {
                format!("{unseen} notices")
            },
        ));
    }
    if !model.settings.reduced_motion {
        let now = model.now.timestamp().to_zoned(model.settings.zone.clone());
        right.push((
            Role::Dim,
            format!("  {:02}:{:02} ", now.hour(), now.minute()),
        ));
    }
    let used = spans(
        place,
        buf,
        look,
        left.iter().map(|(role, text)| (*role, text.as_str())),
    );
    let wanted: usize = right
        .iter()
        .map(|(_, text)| columns(text, look.glyphs))
        .sum();
    let wanted = u16::try_from(wanted).unwrap_or(u16::MAX);
    if wanted > place.width.saturating_sub(used + 1) {
        // What is cut is at the end.
        let alerts: Vec<_> = right.drain(before_alerts..after_alerts).rev().collect();
        right.splice(0..0, alerts);
    }
    let x = place
        .right()
        .saturating_sub(wanted)
        .max(place.x + used + 1)
        .min(place.right());
    let rest = Rect {
        x,
        width: place.right() - x,
        ..place
    };
    spans(
        rest,
        buf,
        look,
        right.iter().map(|(role, text)| (*role, text.as_str())),
    );
}
