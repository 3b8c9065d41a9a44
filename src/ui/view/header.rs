//! The first line: what this process is and who is here, how many targets are in which state, what there is to read, the time.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::spans;
use crate::deck::{self, counted};
use crate::rack::State;
use crate::rack::status::ALERT_LETTER;
use crate::session::client::Line;
use crate::ui::chat::rows::clean;
use crate::ui::company::{machine, short};
use crate::ui::fit::{columns, fit};
use crate::ui::model::Model;
use crate::ui::picture::Picture;
use crate::ui::theme::Role;

/// Columns from which the other roles are named too.
const ROLES_COLUMNS_MIN: u16 = 100;

/// Columns of what this process is; a long address is cut.
const BADGE_COLUMNS_MAX: usize = 32;

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

/// What this process is, and what else to know of it before anything is typed.
fn standing(place: Rect, model: &Model) -> Vec<(Role, String)> {
    let company = &model.company;
    let (badge, others) = match company.role {
        deck::Role::Host => ("HOST".to_owned(), "server  client"),
        deck::Role::Server => {
            let mut servers = company.servers.iter();
            let first = servers.next().map(|server| short(&server.string));
            let first = first.unwrap_or_default();
            let more = match servers.count() {
                0 => String::new(),
                count => format!(" +{count}"),
            };
            (format!("SERVER {}{more}", clean(&first)), "host  client")
        }
        deck::Role::Client => {
            let machine = machine(company.session().unwrap_or_default());
            (format!("CLIENT of {}", clean(&machine)), "host  server")
        }
    };
    let badge = fit(&badge, BADGE_COLUMNS_MAX, model.settings.glyphs);
    let mut left = vec![
        (Role::Title, " kdeck ".to_owned()),
        (Role::Badge, format!(" {badge} ")),
    ];
    match company.joined.as_ref().map(|joined| &joined.line) {
        None | Some(Line::Up) => {}
        Some(Line::Down(why)) => {
            left.push((Role::Alert, format!(" reconnecting... {} ", clean(why))));
            return left;
        }
        Some(Line::Left) => {
            left.push((Role::Alert, " SESSION LEFT ".to_owned()));
            return left;
        }
        Some(Line::Over(why) | Line::PutOut(why)) => {
            left.push((Role::Alert, format!(" SESSION OVER: {} ", clean(why))));
            return left;
        }
    }
    if company.is_open() {
        left.push((Role::Warning, " OPEN".to_owned()));
    }
    if company.is_observer() {
        left.push((Role::Warning, " observer".to_owned()));
    }
    if company.others() > 0 {
        left.push((Role::Header, format!("  {} people", company.people.len())));
    }
    if place.width >= ROLES_COLUMNS_MIN {
        left.push((Role::Dim, format!("  {others}")));
    }
    left
}

/// How much there is to read in the chat.
fn unread(model: &Model) -> Option<(Role, String)> {
    let chat = &model.chat;
    match (chat.unread(), chat.mentions()) {
        (0, _) => None,
        (unread, 0) => Some((Role::NewLines, format!(" chat {unread} "))),
        (unread, mentions) => Some((Role::Alert, format!(" chat {unread} @{mentions} "))),
    }
}

/// How it is with the targets, what there is to read, and the time; and where in that the alerts are.
fn news(model: &Model, picture: &Picture) -> (Vec<(Role, String)>, Range<usize>) {
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
    if let Some(unread) = unread(model) {
        right.push(unread);
        right.push((Role::Header, "  ".to_owned()));
    }
    let count = model.rack.targets().len();
    right.push((Role::Header, counted(count, "target")));
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
        right.push((Role::Warning, counted(unseen, "notice")));
    }
    if !model.settings.reduced_motion {
        let now = model.now.timestamp().to_zoned(model.settings.zone.clone());
        right.push((
            Role::Dim,
            format!("  {:02}:{:02} ", now.hour(), now.minute()),
        ));
    }
    (right, before_alerts..after_alerts)
}

pub(super) fn draw(place: Rect, buf: &mut Buffer, model: &Model, picture: &Picture) {
    let look = model.look();
    buf.set_style(place, look.style(Role::Header));
    let left = standing(place, model);
    let (mut right, alerts) = news(model, picture);
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
        let alerts: Vec<_> = right.drain(alerts).rev().collect();
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
