//! Where everything is on a screen of a given size. Pure arithmetic; never fails, however small the screen.

use ratatui::layout::{Rect, Size};

use super::panes::Arrangement;

/// The smallest screen that more than a few letters are drawn on. Columns and rows.
pub const SCREEN_MIN: Size = Size {
    width: 20,
    height: 5,
};
/// Columns of the narrowest tile that still says something about a target.
const TILE_COLUMNS_MIN: u16 = 36;
/// Columns below which the overview is a list with one target a line.
const LIST_COLUMNS_MAX: u16 = 84;
/// Columns below which there is only the list.
const PREVIEW_COLUMNS_MIN: u16 = 40;
/// Rows of the smallest preview, its title included.
const PREVIEW_ROWS_MIN: u16 = 4;
/// The smallest pane that shares the screen with others. Columns and rows.
const PANE_MIN: Size = Size {
    width: 20,
    height: 3,
};

/// Columns from which the chat stands beside the rest; below, it lies over a part of it.
pub const CHAT_BESIDE_COLUMNS_MIN: u16 = 110;
/// Columns of the chat beside the rest, a quarter of the screen between these.
const CHAT_COLUMNS: (u16, u16) = (30, 44);
/// Columns of the chat over the rest.
const CHAT_OVER_COLUMNS: u16 = 44;
/// Rows of the smallest chat that has a line for its title.
const CHAT_TITLE_ROWS_MIN: u16 = 3;

/// Where everything is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The first line.
    pub header: Option<Rect>,
    /// What is between.
    pub main: Main,
    /// The chat, beside what is between or over a part of it.
    pub chat: Option<ChatPlan>,
    /// The command line.
    pub line: Rect,
    /// The last line.
    pub footer: Option<Rect>,
}

/// The large part of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Main {
    /// There is none.
    TooSmall(Rect),
    /// The overview.
    Rack(RackPlan),
    /// Panes: the place of each in the list of panes, and where it is.
    Panes(Vec<(usize, PanePlan)>),
}

/// Where the parts of the chat are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChatPlan {
    /// The line left of it.
    pub edge: Option<Rect>,
    /// Its title.
    pub title: Option<Rect>,
    /// What was said.
    pub text: Rect,
    /// What is being typed.
    pub input: Rect,
}

impl ChatPlan {
    fn new(area: Rect, edge: bool) -> Self {
        let left = u16::from(edge && area.width > 1);
        let inner = Rect {
            x: area.x + left,
            width: area.width - left,
            ..area
        };
        let title = u16::from(inner.height >= CHAT_TITLE_ROWS_MIN);
        let input = inner.height.min(1);
        Self {
            edge: (left > 0).then_some(Rect { width: 1, ..area }),
            title: (title > 0).then_some(Rect { height: 1, ..inner }),
            text: Rect {
                y: inner.y + title,
                height: inner.height - title - input,
                ..inner
            },
            input: Rect {
                y: inner.bottom() - input,
                height: input,
                ..inner
            },
        }
    }

    /// All of it.
    pub fn area(&self) -> Rect {
        let area = self.title.unwrap_or(self.text).union(self.input);
        self.edge.map_or(area, |edge| edge.union(area))
    }
}

/// Where the parts of the overview are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RackPlan {
    /// The tiles.
    pub list: Rect,
    /// How many tiles are beside each other.
    pub columns: u16,
    /// The line that says who needs somebody.
    pub attention: Option<Rect>,
    /// The last lines of the chosen target.
    pub preview: Option<PanePlan>,
}

/// Where the parts of a pane are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PanePlan {
    /// Its title.
    pub title: Rect,
    /// Its text.
    pub text: Rect,
    /// The line left of it.
    pub edge: Option<Rect>,
}

impl PanePlan {
    fn new(area: Rect, edge: bool) -> Self {
        let left = u16::from(edge && area.width > 1);
        let inner = Rect {
            x: area.x + left,
            width: area.width - left,
            ..area
        };
        let title = Rect {
            height: inner.height.min(1),
            ..inner
        };
        let text = Rect {
            y: inner.y + title.height,
            height: inner.height - title.height,
            ..inner
        };
        Self {
            title,
            text,
            edge: (left > 0).then_some(Rect { width: 1, ..area }),
        }
    }

    /// All of it.
    pub fn area(&self) -> Rect {
        self.edge
            .map_or(self.title, |edge| edge.union(self.title))
            .union(self.text)
    }
}

impl RackPlan {
    /// Tiles that fit below each other.
    pub fn rows(&self) -> u16 {
        self.list.height
    }

    /// Where the tile with that place on the screen is.
    pub fn tile(&self, place: usize) -> Option<Rect> {
        let rows = usize::from(self.rows().max(1));
        let (column, row) = (
            u16::try_from(place / rows).ok()?,
            u16::try_from(place % rows).ok()?,
        );
        let width = self.list.width / self.columns.max(1);
        (column < self.columns && row < self.list.height).then(|| Rect {
            x: self.list.x + column * width,
            y: self.list.y + row,
            // The last column has what the division left over; others end with a blank.
            width: if column + 1 == self.columns {
                self.list.width - column * width
            } else {
                width - 1
            },
            height: 1,
        })
    }

    /// The place on the screen of the tile there.
    pub fn hit(&self, x: u16, y: u16) -> Option<usize> {
        let inside = self.list.contains((x, y).into());
        let width = (self.list.width / self.columns.max(1)).max(1);
        inside.then(|| {
            let column = ((x - self.list.x) / width).min(self.columns.saturating_sub(1));
            usize::from(column) * usize::from(self.rows()) + usize::from(y - self.list.y)
        })
    }
}

/// What the plan depends on, besides the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// The overview with so many cells.
    Rack(usize),
    /// So many panes, the one in front, and how they are arranged.
    Panes(usize, usize, Arrangement),
}

impl Plan {
    /// The plan of a screen, with the chat or without.
    pub fn new(size: Size, shown: Shown, chat: bool) -> Self {
        let area = Rect {
            x: 0,
            y: 0,
            width: size.width,
            height: size.height,
        };
        if size.width < SCREEN_MIN.width || size.height < SCREEN_MIN.height {
            let line = Rect {
                y: size.height.saturating_sub(1),
                height: size.height.min(1),
                ..area
            };
            return Self {
                header: None,
                main: Main::TooSmall(area),
                chat: None,
                line,
                footer: None,
            };
        }
        let header = (size.height >= 6).then_some(Rect { height: 1, ..area });
        let footer = (size.height >= 9).then_some(Rect {
            y: area.bottom() - 1,
            height: 1,
            ..area
        });
        let top = u16::from(header.is_some());
        let line_y = area.bottom() - 1 - u16::from(footer.is_some());
        let line = Rect {
            y: line_y,
            height: 1,
            ..area
        };
        let body = Rect {
            y: top,
            height: line_y - top,
            ..area
        };
        let beside = size.width >= CHAT_BESIDE_COLUMNS_MIN;
        let width = if beside {
            (size.width / 4).clamp(CHAT_COLUMNS.0, CHAT_COLUMNS.1)
        } else if size.width >= CHAT_OVER_COLUMNS + TILE_COLUMNS_MIN / 2 {
            CHAT_OVER_COLUMNS
        } else {
            size.width
        };
        let chat = chat.then(|| {
            let area = Rect {
                x: body.right() - width,
                width,
                ..body
            };
            ChatPlan::new(area, width < size.width)
        });
        let body = match chat {
            Some(_) if beside => Rect {
                width: body.width - width,
                ..body
            },
            _ => body,
        };
        let main = match shown {
            Shown::Rack(count) => Main::Rack(rack(body, count)),
            Shown::Panes(count, front, arrangement) => {
                Main::Panes(panes(body, count, front, arrangement))
            }
        };
        Self {
            header,
            main,
            chat,
            line,
            footer,
        }
    }
}

fn rack(body: Rect, count: usize) -> RackPlan {
    let wide = body.width >= PREVIEW_COLUMNS_MIN;
    let attention_rows = u16::from(wide && body.height >= 6);
    let preview_min = if wide && body.height >= 4 + attention_rows + PREVIEW_ROWS_MIN {
        PREVIEW_ROWS_MIN.max(body.height * 3 / 10)
    } else {
        0
    };
    let list_max = body.height - attention_rows - preview_min;
    let columns_max = if body.width < LIST_COLUMNS_MAX {
        1
    } else {
        body.width / TILE_COLUMNS_MIN
    };
    let needed = |columns: u16| count.div_ceil(usize::from(columns));
    let columns = (1..=columns_max)
        .find(|columns| needed(*columns) <= usize::from(list_max))
        .unwrap_or(columns_max);
    let list_rows = u16::try_from(needed(columns))
        .unwrap_or(u16::MAX)
        .clamp(1, list_max.max(1));
    let list_rows = if preview_min == 0 {
        list_max
    } else {
        list_rows
    };
    let list = Rect {
        height: list_rows,
        ..body
    };
    let attention = (attention_rows > 0).then_some(Rect {
        y: list.bottom(),
        height: 1,
        ..body
    });
    let preview = (preview_min > 0).then(|| {
        let y = list.bottom() + attention_rows;
        PanePlan::new(
            Rect {
                y,
                height: body.bottom() - y,
                ..body
            },
            false,
        )
    });
    RackPlan {
        list,
        columns,
        attention,
        preview,
    }
}

fn panes(
    body: Rect,
    count: usize,
    front: usize,
    arrangement: Arrangement,
) -> Vec<(usize, PanePlan)> {
    let alone = || vec![(front, PanePlan::new(body, false))];
    let count = u16::try_from(count).unwrap_or(u16::MAX);
    let columns = match arrangement {
        _ if count == 0 => return Vec::new(),
        Arrangement::Single => return alone(),
        Arrangement::Columns => count,
        Arrangement::Rows => 1,
        Arrangement::Grid => {
            // As square as possible; a character is about twice as high as wide, and lines need columns.
            let square = (1..=count)
                .find(|columns| columns * columns >= count)
                .unwrap_or(1);
            square.min((body.width / 40).max(1))
        }
    };
    let rows = count.div_ceil(columns);
    if body.width / columns < PANE_MIN.width || body.height / rows < PANE_MIN.height {
        return alone();
    }
    let share = |total: u16, parts: u16, place: u16| {
        let at = |place: u16| u32::from(total) * u32::from(place) / u32::from(parts);
        let (from, to) = (at(place), at(place + 1));
        (
            u16::try_from(from).unwrap_or(total),
            u16::try_from(to - from).unwrap_or(total),
        )
    };
    let place = |index: u16| {
        let (row, column) = (index / columns, index % columns);
        // The last row may have fewer panes, which share its width.
        let in_row = columns.min(count - row * columns);
        let (y, height) = share(body.height, rows, row);
        let (x, width) = share(body.width, in_row, column);
        let area = Rect {
            x: body.x + x,
            y: body.y + y,
            width,
            height,
        };
        (usize::from(index), PanePlan::new(area, column > 0))
    };
    (0..count).map(place).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rack_of(width: u16, height: u16, count: usize) -> RackPlan {
        match Plan::new(Size { width, height }, Shown::Rack(count), false).main {
            Main::Rack(plan) => plan,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_hundred_targets_are_a_list_at_80_columns_and_all_in_sight_on_a_large_screen() {
        let small = rack_of(80, 24, 100);
        assert_eq!((small.columns, small.rows()), (1, 14));
        assert!(
            small
                .preview
                .is_some_and(|preview| preview.text.height >= 4)
        );
        let large = rack_of(240, 70, 100);
        assert!(usize::from(large.columns * large.rows()) >= 100);
        assert!(large.preview.is_some());
        let narrow = rack_of(39, 24, 100);
        assert_eq!(
            (narrow.attention, narrow.preview, narrow.rows()),
            (None, None, 21)
        );
    }

    #[test]
    fn panes_fall_back_to_the_one_in_front_where_they_would_be_too_small() {
        let shown = |width, height| match Plan::new(
            Size { width, height },
            Shown::Panes(9, 4, Arrangement::Grid),
            false,
        )
        .main
        {
            Main::Panes(panes) => panes.len(),
            _ => 0,
        };
        assert_eq!(
            (shown(120, 40), shown(80, 24), shown(30, 12), shown(19, 50)),
            (9, 9, 1, 0)
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nothing_is_outside_the_screen_or_on_top_of_something_else(
            width in 0u16..300, height in 0u16..120, count in 0usize..300, front in 0usize..9, way in 0usize..5,
            chat in any::<bool>(),
        ) {
            let ways = [Arrangement::Single, Arrangement::Columns, Arrangement::Rows, Arrangement::Grid];
            let shown = ways.get(way).map_or(Shown::Rack(count), |way| {
                let panes = count.min(9).max(front + 1);
                Shown::Panes(panes, front, *way)
            });
            let size = Size { width, height };
            let plan = Plan::new(size, shown, chat);
            let mut parts: Vec<Rect> = plan.header.into_iter().chain(plan.footer).chain([plan.line]).collect();
            match &plan.main {
                Main::TooSmall(_) => {}
                Main::Rack(rack) => {
                    parts.extend([Some(rack.list), rack.attention, rack.preview.map(|p| p.area())].into_iter().flatten());
                    for place in 0..usize::from(rack.columns * rack.rows()) {
                        let tile = rack.tile(place).unwrap();
                        prop_assert_eq!(rack.hit(tile.x, tile.y), Some(place));
                    }
                }
                Main::Panes(panes) => parts.extend(panes.iter().map(|(_, pane)| pane.area())),
            }
            let screen = Rect { x: 0, y: 0, width, height };
            if let Some(chat) = plan.chat {
                prop_assert_eq!(chat.area().intersection(screen), chat.area());
                prop_assert!(chat.area().intersection(plan.line).is_empty());
                if width >= CHAT_BESIDE_COLUMNS_MIN {
                    parts.push(chat.area());
                }
            }
            for (place, part) in parts.iter().enumerate() {
                prop_assert_eq!(part.intersection(screen), *part);
                for other in parts.iter().skip(place + 1) {
                    prop_assert!(part.intersection(*other).is_empty(), "{part:?} {other:?}");
                }
            }
        }
    }
}
