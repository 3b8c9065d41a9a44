//! One line of safe text: styled spans, and the arithmetic of display columns on them.
//!
//! Made by [`super::Safe`] only, so every character in it has passed [`super::glyph`] and the width of a line is
//! the sum of the widths of its characters.

use std::ops::Range;

use super::{Pen, glyph};

/// A stretch of text written with one pen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Span {
    /// The text: no control, no character of uncertain width.
    pub text: String,
    /// Its colours and attributes.
    pub style: Pen,
}

/// A line of safe text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    spans: Vec<Span>,
    width: usize,
    cut: bool,
}

impl Line {
    /// The spans, left to right, none of them empty.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The spans themselves.
    pub fn into_spans(self) -> Vec<Span> {
        self.spans
    }

    /// Display columns the line takes. Use this and not a width computed on the text of a span: libraries that
    /// measure whole strings count ligatures which no cell grid draws.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Whether text was left out on the right, at the limit the line was made with or by [`Line::cut`].
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// The text without its styles.
    pub fn text(&self) -> String {
        self.spans.iter().map(|span| span.text.as_str()).collect()
    }

    /// The part shown in `width` columns from column `start` on. Of a wide character that lies across an edge, the
    /// half inside is a blank.
    pub fn cut(&self, start: usize, width: usize) -> Self {
        let end = start.saturating_add(width);
        let mut part = Self {
            cut: self.cut || self.width > end,
            ..Self::default()
        };
        let mut column = 0;
        for span in &self.spans {
            if column >= end {
                break;
            }
            if span.text.is_ascii() {
                let (from, to) = (
                    start.saturating_sub(column),
                    (end - column).min(span.text.len()),
                );
                part.push_str(
                    span.text.get(from..to).unwrap_or_default(),
                    to.saturating_sub(from),
                    span.style,
                );
                column += span.text.len();
                continue;
            }
            for (cluster, columns) in clusters(&span.text) {
                let after = column + columns;
                if column >= start && after <= end {
                    part.push_str(cluster, columns, span.style);
                } else if after > start && column < end {
                    part.push_str(" ", 1, span.style);
                }
                column = after;
            }
        }
        part
    }

    /// The line broken into rows of at most `width` columns (at least one), at least one row. A wide character goes
    /// to the next row whole; where rows are a single column wide a replacement is drawn instead.
    pub fn wrap(&self, width: usize) -> Vec<Self> {
        let width = width.max(1);
        if self.width <= width {
            return vec![self.clone()];
        }
        let mut rows = Vec::new();
        let mut row = Self::default();
        let mut push = |text: &str, columns: usize, style: Pen| {
            if row.width + columns > width {
                rows.push(std::mem::take(&mut row));
            }
            row.push_str(text, columns, style);
        };
        for span in &self.spans {
            for (cluster, columns) in clusters(&span.text) {
                if columns > width {
                    push(glyph::REPLACEMENT.encode_utf8(&mut [0; 4]), 1, span.style);
                } else {
                    push(cluster, columns, span.style);
                }
            }
        }
        row.cut = self.cut;
        rows.push(row);
        rows
    }

    /// Changes the pen of the given columns, to show a match or a selection.
    pub fn restyle(&mut self, columns: Range<usize>, change: impl Fn(&mut Pen)) {
        let columns = columns.start.min(self.width)..columns.end.min(self.width);
        if columns.is_empty() {
            return;
        }
        let mut changed = self.cut(0, columns.start);
        for span in self.cut(columns.start, columns.len()).spans {
            let mut style = span.style;
            change(&mut style);
            let width = clusters(&span.text).map(|(_, columns)| columns).sum();
            changed.push_str(&span.text, width, style);
        }
        for span in self.cut(columns.end, self.width).spans {
            let width = clusters(&span.text).map(|(_, columns)| columns).sum();
            changed.push_str(&span.text, width, span.style);
        }
        changed.cut = self.cut;
        *self = changed;
    }

    /// Appends safe text of known width.
    pub(super) fn push_str(&mut self, text: &str, width: usize, style: Pen) {
        if text.is_empty() {
            return;
        }
        match self.spans.last_mut() {
            Some(last) if last.style == style => last.text.push_str(text),
            _ => self.spans.push(Span {
                text: text.to_owned(),
                style,
            }),
        }
        self.width += width;
    }

    /// Appends a combining mark to the last character, in that character's pen.
    pub(super) fn push_mark(&mut self, mark: char) {
        if let Some(last) = self.spans.last_mut() {
            last.text.push(mark);
        }
    }

    /// Notes that text was left out on the right.
    pub(super) fn mark_cut(&mut self) {
        self.cut = true;
    }
}

/// Every character of safe text with the marks on it, and its columns.
pub(crate) fn clusters(text: &str) -> impl Iterator<Item = (&str, usize)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut characters = rest.char_indices();
        let (_, first) = characters.next()?;
        let end = characters
            .find(|(_, next)| glyph::columns(*next) > 0)
            .map_or(rest.len(), |(at, _)| at);
        let (cluster, tail) = rest.split_at(end);
        rest = tail;
        Some((cluster, glyph::columns(first)))
    })
}
