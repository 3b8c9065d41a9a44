//! How the connect dialog looks.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::super::frame::{Frame, legible, row, write};
use super::{Connect, FIELDS, Field, Found};
use crate::config::secrets::secrets;
use crate::ui::fit::wrap;
use crate::ui::look::Look;
use crate::ui::theme::Role;

/// Columns that hold most connection strings beside the word before them.
const COLUMNS_MAX: u16 = 76;
/// Columns of the words before the fields.
const LABEL_COLUMNS: u16 = 11;
/// Rows of servers shown at once.
const FOUND_ROWS_MAX: u16 = 8;

impl Connect {
    /// Draws it; `blocked` says why nothing can be joined now. Returns where the terminal's cursor belongs.
    pub fn draw(
        &self,
        area: Rect,
        buf: &mut Buffer,
        look: Look<'_>,
        blocked: Option<&str>,
    ) -> Option<Position> {
        let columns = COLUMNS_MAX.min(area.width.saturating_sub(2));
        if let Some(question) = &self.question {
            let lines = question.lines(columns, look);
            let typed = u16::from(question.is_typed());
            let room = Frame {
                title: question.title(),
                hint: question.hint(),
                columns,
                rows: u16::try_from(lines.len())
                    .unwrap_or(u16::MAX)
                    .saturating_add(typed),
            }
            .open(area, buf, look);
            let text = Rect {
                height: room.height.saturating_sub(typed),
                ..room
            };
            draw_lines(text, buf, look, &lines);
            return question.draw_entry(room, buf, look);
        }
        if let Some(stage) = &self.stage {
            let mut lines = vec![(Role::Title, self.shown_string())];
            let rows = wrap(stage, columns.into(), look.glyphs);
            lines.extend(rows.into_iter().map(|row| (Role::Text, row)));
            let room = Frame {
                title: "Joining",
                hint: "Esc gives up",
                columns,
                rows: u16::try_from(lines.len()).unwrap_or(u16::MAX),
            }
            .open(area, buf, look);
            draw_lines(room, buf, look, &lines);
            return None;
        }
        self.draw_fields(area, buf, look, columns, blocked)
    }

    fn draw_fields(
        &self,
        area: Rect,
        buf: &mut Buffer,
        look: Look<'_>,
        columns: u16,
        blocked: Option<&str>,
    ) -> Option<Position> {
        let mut said: Vec<(Role, String)> = Vec::new();
        let wrong = legible(&self.wrong, columns, look);
        said.extend(wrong.into_iter().map(|line| (Role::Error, line)));
        if let Some(blocked) = blocked {
            let rows = wrap(blocked, columns.into(), look.glyphs);
            said.extend(rows.into_iter().map(|row| (Role::Warning, row)));
        }
        let found = self.found_lines();
        let found_rows = u16::try_from(found.len())
            .unwrap_or(u16::MAX)
            .min(FOUND_ROWS_MAX);
        let fields = u16::try_from(FIELDS.len()).unwrap_or(u16::MAX);
        let said_rows = u16::try_from(said.len()).unwrap_or(u16::MAX);
        let room = Frame {
            title: "Join a session",
            hint: "Enter joins, Up and Down or Tab go on, Esc closes",
            columns: COLUMNS_MAX,
            rows: fields.saturating_add(found_rows).saturating_add(said_rows),
        }
        .open(area, buf, look);
        // What is wrong stays in sight, then the field that is typed in.
        let said_rows = said_rows.min(room.height.saturating_sub(1));
        let list = Rect {
            height: room.height - said_rows,
            ..room
        };
        let below = Rect {
            y: list.bottom(),
            height: said_rows,
            ..room
        };
        draw_lines(below, buf, look, &said);
        let count = FIELDS.len() + found.len();
        let chosen = self.cursor.row(self.count());
        let mut cursor = None;
        for (place, at) in (0..).zip(self.cursor.window(count, list.height)) {
            let Some(place) = row(list, place) else { break };
            let at_cursor = chosen == Some(at);
            match FIELDS.get(at) {
                Some(field) => {
                    let at = self.draw_field(*field, place, buf, look, at_cursor);
                    cursor = if at_cursor { at } else { cursor };
                }
                None => {
                    let line = found.get(at - FIELDS.len());
                    if let Some((role, text)) = line {
                        write(text, *role, place, buf, look);
                    }
                    if at_cursor {
                        buf.set_style(place, look.style(Role::Selection));
                    }
                }
            }
        }
        cursor
    }

    fn draw_field(
        &self,
        field: Field,
        place: Rect,
        buf: &mut Buffer,
        look: Look<'_>,
        chosen: bool,
    ) -> Option<Position> {
        let (kind, option) = self.transport();
        let by_string = !self.string.text().trim().is_empty();
        let label = match field {
            Field::String => "string",
            Field::Transport => "or  kind",
            Field::Server => "    server",
            Field::Place if option == "pipe" => "    pipe",
            Field::Place => "    port",
            Field::Password => "password",
            Field::Browse => "find",
        };
        let beside = matches!(field, Field::Transport | Field::Server | Field::Place) && by_string;
        let role = match (chosen, beside) {
            (true, _) => Role::Prompt,
            (false, true) => Role::Dim,
            (false, false) => Role::Text,
        };
        write(label, role, place, buf, look);
        let used = LABEL_COLUMNS.min(place.width / 2);
        let rest = Rect {
            x: place.x + used,
            width: place.width - used,
            ..place
        };
        let entry = match field {
            Field::String => self.string.covered(&secrets(&self.string.text())),
            Field::Server => self.server.clone(),
            Field::Place => self.place.clone(),
            Field::Password => self.password.masked(),
            Field::Transport => {
                let role = if beside { Role::Dim } else { Role::Text };
                write(&format!("< {kind} >"), role, rest, buf, look);
                if chosen {
                    buf.set_style(rest, look.style(Role::Selection));
                }
                return None;
            }
            Field::Browse => {
                let machine = match self.server.text().trim() {
                    "" => "this machine".to_owned(),
                    machine => machine.to_owned(),
                };
                write(
                    &format!("[ servers on {machine} ]"),
                    Role::Text,
                    rest,
                    buf,
                    look,
                );
                if chosen {
                    buf.set_style(rest, look.style(Role::Selection));
                }
                return None;
            }
        };
        let role = if beside { Role::Dim } else { Role::CommandLine };
        let (text, cursor) = entry.view(rest.width, look.glyphs);
        if text.is_empty() && !chosen {
            let hint = match field {
                Field::String => "tcp:server=lab01,port=5005",
                Field::Password => "asked for when it is needed",
                _ => "",
            };
            write(hint, Role::Dim, rest, buf, look);
        }
        write(&text, role, rest, buf, look);
        Some(Position {
            x: (rest.x + cursor).min(place.right().saturating_sub(1)),
            y: place.y,
        })
    }

    fn found_lines(&self) -> Vec<(Role, String)> {
        match &self.found {
            Found::Nothing => Vec::new(),
            Found::Looking => vec![(Role::Dim, "  looking...".to_owned())],
            Found::Failed(reason) => vec![(Role::Warning, format!("  {reason}"))],
            Found::Servers(servers) if servers.is_empty() => {
                vec![(Role::Dim, "  no server answers there".to_owned())]
            }
            Found::Servers(servers) => servers
                .iter()
                .map(|server| {
                    let text = format!("  {}  {}", server.string, server.note);
                    (Role::Text, text.trim_end().to_owned())
                })
                .collect(),
        }
    }

    /// The string, its password masked.
    fn shown_string(&self) -> String {
        self.wanted()
            .map(|client| client.masked())
            .unwrap_or_default()
    }
}

fn draw_lines(room: Rect, buf: &mut Buffer, look: Look<'_>, lines: &[(Role, String)]) {
    for (place, (role, line)) in (0..).zip(lines) {
        let Some(place) = row(room, place) else {
            return;
        };
        write(line, *role, place, buf, look);
    }
}
