//! The overview: a tile for each target, the sections of its groups, and the line that says who needs somebody.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::header::state_role;
use super::spans;
use crate::rack::status::ALERT_LETTER;
use crate::ui::action::{Action, Context};
use crate::ui::fit::{columns, fit};
use crate::ui::layout::RackPlan;
use crate::ui::look::Look;
use crate::ui::model::{Focus, Model};
use crate::ui::overview::{Item, Need};
use crate::ui::picture::Picture;
use crate::ui::theme::Role;
use crate::ui::tile::Tile;

/// Columns a name takes at most.
const NAME_COLUMNS_MAX: usize = 16;
/// Columns of a tile from which bars are drawn: text matters more.
const BARS_COLUMNS_MIN: u16 = 44;

pub(super) fn draw(
    area: Rect,
    buf: &mut Buffer,
    model: &Model,
    picture: &Picture,
    plan: &RackPlan,
) {
    let look = model.look();
    let names = model
        .rack
        .targets()
        .iter()
        .map(|target| columns(&target.name, look.glyphs));
    let name_columns = names.max().unwrap_or(0).min(NAME_COLUMNS_MAX);
    let room = usize::from(plan.columns) * usize::from(plan.rows());
    for (place, item) in model
        .overview
        .items()
        .iter()
        .skip(model.overview.top)
        .take(room)
        .enumerate()
    {
        let Some(place) = plan.tile(place).map(|place| place.intersection(area)) else {
            break;
        };
        match item {
            Item::Section(name, count) => {
                let text = format!("{} {name} {count} ", look.glyphs.horizontal.repeat(2));
                let used = spans(place, buf, look, [(Role::Title, text.as_str())]);
                let line = look
                    .glyphs
                    .horizontal
                    .repeat(usize::from(place.width.saturating_sub(used)));
                spans(
                    Rect {
                        x: place.x + used,
                        width: place.width - used,
                        ..place
                    },
                    buf,
                    look,
                    [(Role::Border, line.as_str())],
                );
            }
            Item::Target(id) => {
                let Some(target) = model.rack.target(*id) else {
                    continue;
                };
                let tile = picture.tile(*id);
                let selected = model.overview.selected == Some(*id);
                let marked = model.overview.marks.contains(id);
                let view = TileView {
                    name: &target.name,
                    name_columns,
                    tile,
                    selected,
                    marked,
                    focused: model.focus == Focus::Main,
                };
                view.draw(place, buf, look, model.settings.reduced_motion);
            }
        }
    }
    if model.overview.items().is_empty() {
        let text = if model.overview.filter.is_empty() {
            " no targets yet; .add STRING adds one, and -k on the command line"
        } else {
            " no target matches the filter; Esc shows all"
        };
        spans(plan.list.intersection(area), buf, look, [(Role::Dim, text)]);
    }
    if let Some(place) = plan.attention {
        attention(place.intersection(area), buf, model, picture);
    }
}

struct TileView<'a> {
    name: &'a str,
    name_columns: usize,
    tile: Option<&'a Tile>,
    selected: bool,
    marked: bool,
    focused: bool,
}

impl TileView<'_> {
    fn draw(&self, place: Rect, buf: &mut Buffer, look: Look<'_>, still: bool) {
        let name = fit(self.name, self.name_columns, look.glyphs);
        let pad = self
            .name_columns
            .saturating_sub(columns(&name, look.glyphs));
        let sign = match (self.selected, self.marked) {
            (true, true) => "*",
            (true, false) => look.glyphs.pointer,
            (false, true) => "*",
            (false, false) => " ",
        };
        let name = format!("{name}{} ", " ".repeat(pad));
        let Some(tile) = self.tile else {
            spans(
                place,
                buf,
                look,
                [
                    (Role::Text, sign),
                    (Role::Text, "  "),
                    (Role::Text, name.as_str()),
                ],
            );
            return;
        };
        let (state, letter) = if tile.alert {
            (Role::Alert, ALERT_LETTER)
        } else {
            (state_role(tile.state), tile.state.letter())
        };
        let letter = letter.to_string();
        let bars: String = if still || place.width < BARS_COLUMNS_MIN {
            String::new()
        } else {
            let bar = |level: &u8| {
                usize::from(*level)
                    .checked_sub(1)
                    .and_then(|at| look.glyphs.bars.get(at))
                    .copied()
                    .unwrap_or(" ")
            };
            tile.bars.iter().map(bar).chain([" "]).collect()
        };
        let role = if tile.reason { state } else { Role::Text };
        let name_role = if self.marked { Role::Mark } else { Role::Text };
        let texts = [
            (if self.marked { Role::Mark } else { Role::Text }, sign),
            (state, letter.as_str()),
            (Role::Text, " "),
            (name_role, name.as_str()),
            (Role::Activity, bars.as_str()),
            (role, tile.text.as_str()),
        ];
        spans(place, buf, look, texts);
        if self.selected {
            // The whole tile if the keyboard is here, else the name alone.
            let width = if self.focused {
                place.width
            } else {
                u16::try_from(self.name_columns + 3)
                    .unwrap_or(place.width)
                    .min(place.width)
            };
            buf.set_style(Rect { width, ..place }, look.style(Role::Selection));
        }
    }
}

/// `-- 4 need you: L t077 lost  B t002 -- n next`, as far as there is room.
fn attention(place: Rect, buf: &mut Buffer, model: &Model, picture: &Picture) {
    let look = model.look();
    let line = look.glyphs.horizontal.repeat(usize::from(place.width));
    spans(place, buf, look, [(Role::Border, line.as_str())]);
    let inner = Rect {
        x: place.x + 2.min(place.width),
        width: place.width.saturating_sub(4),
        ..place
    };
    let mut notes = Vec::new();
    if !model.overview.filter.is_empty() {
        let shown = model.overview.targets().count();
        notes.push((
            Role::Prompt,
            format!(
                " filter {}: {shown} of {} ",
                model.overview.filter,
                model.rack.targets().len()
            ),
        ));
    }
    if !model.overview.marks.is_empty() {
        notes.push((
            Role::Mark,
            format!(" {} marked ", model.overview.marks.len()),
        ));
    }
    let needing = &picture.attention;
    if needing.is_empty() {
        notes.push((Role::Dim, " nobody needs you ".to_owned()));
    } else {
        let count = if needing.len() == 1 {
            " 1 needs you:".to_owned()
        } else {
            format!(" {} need you:", needing.len())
        };
        notes.push((Role::Alert, count));
        let hint = model
            .settings
            .keys
            .hint(Context::Rack, Action::NextAttention)
            .map(|key| format!("  {key} next "))
            .unwrap_or_default();
        let used: usize = notes
            .iter()
            .map(|(_, text)| columns(text, look.glyphs))
            .sum();
        let mut room = usize::from(inner.width).saturating_sub(used + columns(&hint, look.glyphs));
        for (id, need) in needing {
            let Some(target) = model.rack.target(*id) else {
                continue;
            };
            let name = fit(&target.name, NAME_COLUMNS_MAX, look.glyphs);
            let (role, text) = match need {
                Need::State(state) => (state_role(*state), format!(" {} {name}", state.letter())),
                Need::Alert => (Role::Alert, format!(" {ALERT_LETTER} {name}")),
                Need::Log => (Role::Error, format!(" log {name}")),
            };
            let wanted = columns(&text, look.glyphs);
            if wanted > room {
                break;
            }
            room -= wanted;
            notes.push((role, text));
        }
        notes.push((Role::Dim, hint));
    }
    spans(
        inner,
        buf,
        look,
        notes.iter().map(|(role, text)| (*role, text.as_str())),
    );
}
