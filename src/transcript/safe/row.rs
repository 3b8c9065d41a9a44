//! A line while it is being written: text at a cursor that carriage returns, backspaces and a few editing sequences
//! move about, all within this one line and within a limit of columns.
//!
//! Nearly every line is written left to right; it goes straight into a [`Line`]. The first thing that writes over
//! text already there turns it into cells.

use memchr::memchr2;
use vte::{Params, Perform};

use super::glyph::{self, Glyph};
use super::line::clusters;
use super::{EDIT_COLUMNS_MAX, Line, MARKS_MAX, Pen, TAB_COLUMNS};

/// A line being written. Fed with text by [`Row::text`] and with escape sequences by the parser.
pub(super) struct Row {
    pen: Pen,
    /// Whether the pen follows the target; text that is not drawn needs no styles.
    styled: bool,
    /// Columns kept; what lies right of them is counted but not stored.
    limit: usize,
    column: usize,
    /// Marks on the character left of the cursor.
    marks: usize,
    line: Line,
    /// Takes the place of `line` once something has been written over.
    cells: Option<Vec<Cell>>,
    /// Whether the parser is outside any escape sequence, as far as its calls tell; never true while it is inside.
    pub(super) ground: bool,
}

/// One column. The second half of a wide character has no base.
#[derive(Clone, Copy)]
struct Cell {
    base: Option<char>,
    marks: [Option<char>; MARKS_MAX],
    pen: Pen,
}

const BLANK: Cell = Cell {
    base: Some(' '),
    marks: [None; MARKS_MAX],
    pen: PLAIN,
};

const PLAIN: Pen = Pen {
    fg: super::Colour::Default,
    bg: super::Colour::Default,
    bold: false,
    dim: false,
    italic: false,
    underline: false,
    reverse: false,
    strike: false,
};

impl Row {
    pub(super) fn new(pen: Pen, limit: usize) -> Self {
        Self {
            pen,
            styled: true,
            limit,
            column: 0,
            marks: 0,
            line: Line::default(),
            cells: None,
            ground: true,
        }
    }

    /// The same without styles: one pen throughout.
    pub(super) fn unstyled(limit: usize) -> Self {
        Self {
            styled: false,
            ..Self::new(PLAIN, limit)
        }
    }

    /// Writes bytes that contain no escape character. What is not UTF-8 is replaced, one stand-in per flaw.
    pub(super) fn text(&mut self, bytes: &[u8]) {
        if self.column >= self.limit && memchr2(b'\r', b'\x08', bytes).is_none() {
            // Out of sight. Counted by bytes, which is exact for plain text; only a backspace over it would notice.
            if !bytes.is_empty() {
                self.line.mark_cut();
            }
            self.column = self.column.saturating_add(bytes.len());
            return;
        }
        for chunk in bytes.utf8_chunks() {
            self.valid_text(chunk.valid());
            if !chunk.invalid().is_empty() {
                self.put(glyph::REPLACEMENT, 1, self.pen);
            }
        }
    }

    /// Writes text in a pen of its own, regardless of what the target chose.
    pub(super) fn note(&mut self, text: &str, pen: Pen) {
        for character in text.chars() {
            self.put(character, 1, pen);
        }
    }

    /// The finished line and the pen for the next one.
    pub(super) fn finish(mut self) -> (Line, Pen) {
        let Some(mut cells) = self.cells.take() else {
            return (self.line, self.pen);
        };
        // Blanks that were rubbed out at the end are not text; those left of the cursor may be, as after a prompt.
        while cells.len() > self.column && cells.last().is_some_and(Cell::is_blank) {
            cells.pop();
        }
        let mut line = Line::default();
        let mut cells = cells.into_iter().peekable();
        while let Some(cell) = cells.next() {
            let Some(base) = cell.base else { continue };
            let wide = cells.next_if(|next| next.base.is_none()).is_some();
            line.push_str(
                base.encode_utf8(&mut [0; 4]),
                if wide { 2 } else { 1 },
                cell.pen,
            );
            cell.marks
                .into_iter()
                .flatten()
                .for_each(|mark| line.push_mark(mark));
        }
        if self.line.is_cut() {
            line.mark_cut();
        }
        (line, self.pen)
    }

    fn valid_text(&mut self, mut text: &str) {
        while !text.is_empty() {
            let plain = printable_prefix(text.as_bytes());
            let (run, rest) = text.split_at(plain);
            self.put_ascii(run);
            let mut characters = rest.chars();
            if let Some(character) = characters.next() {
                self.character(character);
            }
            text = characters.as_str();
        }
    }

    fn character(&mut self, character: char) {
        match character {
            '\r' => self.column = 0,
            '\x08' => self.column = self.column.saturating_sub(1),
            '\t' => self.tab(),
            _ => match Glyph::of(character) {
                Glyph::Nothing => {}
                Glyph::Mark(mark) => self.mark(mark),
                Glyph::Narrow(drawn) => self.put(drawn, 1, self.pen),
                Glyph::Wide(drawn) => self.put(drawn, 2, self.pen),
            },
        }
    }

    /// Whether the next character goes behind all others.
    fn appends(&self) -> bool {
        self.cells.is_none() && self.column >= self.line.width()
    }

    fn put_ascii(&mut self, run: &str) {
        if run.is_empty() {
            return;
        }
        if !self.appends() || self.column != self.line.width() {
            run.chars()
                .for_each(|character| self.put(character, 1, self.pen));
            return;
        }
        let fits = run.len().min(self.limit.saturating_sub(self.column));
        self.line
            .push_str(run.get(..fits).unwrap_or_default(), fits, self.pen);
        if fits < run.len() {
            self.line.mark_cut();
        }
        self.column = self.column.saturating_add(run.len());
        self.marks = 0;
    }

    fn put(&mut self, character: char, width: usize, pen: Pen) {
        let (start, end) = (self.column, self.column.saturating_add(width));
        self.column = end;
        self.marks = 0;
        if end > self.limit {
            self.line.mark_cut();
        } else if self.cells.is_none() && start == self.line.width() {
            self.line
                .push_str(character.encode_utf8(&mut [0; 4]), width, pen);
        } else {
            let cells = self.cells();
            part_at(cells, start);
            part_at(cells, end);
            if cells.len() < end {
                cells.resize(end, BLANK);
            }
            for (place, cell) in cells.iter_mut().skip(start).take(width).enumerate() {
                *cell = Cell {
                    base: (place == 0).then_some(character),
                    marks: [None; MARKS_MAX],
                    pen,
                };
            }
        }
    }

    fn mark(&mut self, mark: char) {
        if self.column == 0 || self.column > self.limit {
            return;
        }
        if self.appends() {
            if self.marks < MARKS_MAX && self.column == self.line.width() {
                self.line.push_mark(mark);
                self.marks += 1;
            }
            return;
        }
        let column = self.column;
        let cells = self.cells();
        let base = cells
            .iter_mut()
            .take(column)
            .skip(column.saturating_sub(2))
            .rev()
            .find(|cell| cell.base.is_some());
        if let Some(free) = base.and_then(|cell| cell.marks.iter_mut().find(|mark| mark.is_none()))
        {
            *free = Some(mark);
        }
    }

    fn tab(&mut self) {
        let next = (self.column / TAB_COLUMNS + 1).saturating_mul(TAB_COLUMNS);
        if self.appends() {
            while self.column < next {
                self.put(' ', 1, PLAIN);
            }
        }
        self.column = next;
    }

    /// An editing sequence that stays within the line.
    fn edit(&mut self, action: char, count: usize) {
        let (column, times) = (self.column, count.max(1));
        // Erasing to the end where nothing follows is by far the most frequent, and changes nothing.
        if action == 'K' && count == 0 && self.appends() {
            return;
        }
        if column.max(self.line.width()) > EDIT_COLUMNS_MAX
            && !matches!((action, count), ('K', 0 | 2) | ('G' | '`', _))
        {
            return;
        }
        match action {
            'C' => self.column = (column + times).min(EDIT_COLUMNS_MAX),
            'D' => self.column = column.saturating_sub(times),
            'G' | '`' => self.column = (times - 1).min(EDIT_COLUMNS_MAX),
            _ => self.edit_cells(action, count),
        }
        self.marks = 0;
    }

    fn edit_cells(&mut self, action: char, count: usize) {
        let (column, limit) = (self.column, self.limit);
        let cells = self.cells();
        let times = count.clamp(1, EDIT_COLUMNS_MAX);
        let end = column.saturating_add(times).min(cells.len());
        if cells.len() > EDIT_COLUMNS_MAX && !matches!((action, count), ('K', 0 | 2)) {
            return;
        }
        part_at(cells, column);
        part_at(cells, end);
        match (action, count) {
            ('K', 0) => cells.truncate(column),
            ('K', 1) => {
                part_at(cells, column.saturating_add(1));
                cells
                    .iter_mut()
                    .take(column.saturating_add(1))
                    .for_each(|cell| *cell = BLANK);
            }
            ('K', 2) => cells.clear(),
            ('X', _) => cells
                .iter_mut()
                .take(end)
                .skip(column)
                .for_each(|cell| *cell = BLANK),
            ('P', _) if column < end => drop(cells.drain(column..end)),
            ('@', _) if column < cells.len() => {
                cells.splice(column..column, std::iter::repeat_n(BLANK, times));
                part_at(cells, limit);
                cells.truncate(limit);
            }
            _ => {}
        }
    }

    /// The line as cells, from now on.
    fn cells(&mut self) -> &mut Vec<Cell> {
        self.cells.get_or_insert_with(|| {
            let mut cells = Vec::with_capacity(self.line.width());
            for span in self.line.spans() {
                for (cluster, width) in clusters(&span.text) {
                    let mut characters = cluster.chars();
                    let mut cell = Cell {
                        base: characters.next(),
                        marks: [None; MARKS_MAX],
                        pen: span.style,
                    };
                    cell.marks
                        .iter_mut()
                        .zip(characters)
                        .for_each(|(free, mark)| *free = Some(mark));
                    cells.push(cell);
                    if width == 2 {
                        cells.push(Cell {
                            base: None,
                            marks: [None; MARKS_MAX],
                            pen: span.style,
                        });
                    }
                }
            }
            cells
        })
    }
}

impl Cell {
    /// Whatever its pen: the text kept must not depend on styles.
    fn is_blank(&self) -> bool {
        self.base == Some(' ') && self.marks.iter().all(Option::is_none)
    }
}

/// Makes sure that no wide character lies across the edge left of `column`: both its halves become blanks.
fn part_at(cells: &mut [Cell], column: usize) {
    if cells.get(column).is_some_and(|cell| cell.base.is_none()) {
        cells
            .iter_mut()
            .skip(column.saturating_sub(1))
            .take(2)
            .for_each(|cell| *cell = BLANK);
    }
}

/// Length of the printable ASCII at the start of `bytes`.
pub(super) fn printable_prefix(bytes: &[u8]) -> usize {
    const STRIDE: usize = 32;
    let printable = |byte: &u8| matches!(byte, b' '..=b'~');
    let whole: usize = bytes
        .chunks_exact(STRIDE)
        .take_while(|chunk| chunk.iter().fold(true, |all, byte| all & printable(byte)))
        .map(<[u8]>::len)
        .sum();
    whole
        + bytes
            .iter()
            .skip(whole)
            .take_while(|byte| printable(byte))
            .count()
}

/// What the parser finds in an escape sequence. It sees single bytes from the escape character on, until
/// [`Row::ground`] says that the sequence is over; after a sequence which ends without a call (one with nonsense for
/// parameters) it goes on seeing single bytes, and text arrives here.
impl Perform for Row {
    fn print(&mut self, character: char) {
        self.character(character);
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\r' | b'\x08' | b'\t' => self.character(char::from(byte)),
            // Cancel and substitute end any sequence.
            0x18 | 0x1a => self.ground = true,
            0x80.. => self.put(glyph::REPLACEMENT, 1, self.pen),
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        self.ground = true;
        if ignore || !intermediates.is_empty() {
            return;
        }
        match action {
            'm' if self.styled => self.pen.select(params),
            'C' | 'D' | 'G' | '`' | 'K' | 'P' | 'X' | '@' => {
                let count = params
                    .iter()
                    .next()
                    .and_then(|param| param.first())
                    .copied()
                    .unwrap_or(0);
                self.edit(action, usize::from(count));
            }
            _ => {}
        }
    }

    fn esc_dispatch(&mut self, _: &[u8], _: bool, _: u8) {
        self.ground = true;
    }

    fn osc_dispatch(&mut self, _: &[&[u8]], bell_terminated: bool) {
        // Any other end is an escape character, which begins the next sequence, or a cancel, reported besides.
        self.ground = bell_terminated;
    }
}
