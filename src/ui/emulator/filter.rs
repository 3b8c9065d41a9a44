//! What of a target's output reaches the grid: the sequences listed here, written anew, and nothing else.

use std::io::Write;

use vte::{Params, Perform};

use super::REPLIES_BYTES_MAX;
use crate::transcript::safe::glyph::{Glyph, REPLACEMENT};

/// The grid, and what is on its way there.
pub(super) struct Filter {
    pub(super) screen: vt100::Parser,
    pub(super) replies: Vec<u8>,
    passed: Vec<u8>,
    /// Whether G0 and G1 draw lines (DEC special graphics), and which of them is in use.
    lines: [bool; 2],
    shifted: bool,
}

/// Bytes collected before the grid gets them.
const PASSED_BYTES_MAX: usize = 4_096;

/// "A VT100 with advanced video": what programs of any age know how to serve.
const DEVICE_ATTRIBUTES: &[u8] = b"\x1b[?1;2c";

const DEVICE_WORKS: &[u8] = b"\x1b[0n";

impl Filter {
    pub(super) fn new(screen: vt100::Parser) -> Self {
        Self {
            screen,
            replies: Vec::new(),
            passed: Vec::new(),
            lines: [false; 2],
            shifted: false,
        }
    }

    /// Gives the grid what has been collected.
    pub(super) fn flush(&mut self) {
        self.screen.process(&self.passed);
        self.passed.clear();
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.passed.extend_from_slice(bytes);
        if self.passed.len() >= PASSED_BYTES_MAX {
            self.flush();
        }
    }

    fn pass_character(&mut self, character: char) {
        // The grid leaves no room for a replacement character at all.
        let drawn = if character == REPLACEMENT {
            '?'
        } else {
            character
        };
        self.pass(drawn.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// Writes a sequence anew, each parameter at most `most`.
    fn pass_sequence(&mut self, private: bool, params: &Params, most: u16, action: char) {
        let mut sequence = b"\x1b[".to_vec();
        if private {
            sequence.push(b'?');
        }
        for (place, param) in params.iter().enumerate() {
            if place > 0 {
                sequence.push(b';');
            }
            for (place, value) in param.iter().enumerate() {
                let separator = if place > 0 { ":" } else { "" };
                write!(sequence, "{separator}{}", value.min(&most))
                    .expect("memory takes every write");
            }
        }
        sequence.extend_from_slice(action.encode_utf8(&mut [0; 4]).as_bytes());
        self.pass(&sequence);
    }

    fn report(&mut self, params: &Params) {
        match first(params) {
            5 => self.reply(DEVICE_WORKS),
            6 => {
                self.flush();
                let (row, column) = self.screen.screen().cursor_position();
                let (_, columns) = self.screen.screen().size();
                let column = column.min(columns.get() - 1);
                self.reply(format!("\x1b[{};{}R", row + 1, column + 1).as_bytes());
            }
            _ => {}
        }
    }

    fn reply(&mut self, bytes: &[u8]) {
        if self.replies.len() + bytes.len() <= REPLIES_BYTES_MAX {
            self.replies.extend_from_slice(bytes);
        }
    }

    /// Modes that concern the grid and the keys. Mouse and focus reports are not among them: none are sent.
    fn mode(&mut self, params: &Params, action: char) {
        for param in params {
            match param {
                [1 | 6 | 25 | 47 | 1049 | 2004] => {
                    let sequence = format!("\x1b[?{}{action}", first_of(param));
                    self.pass(sequence.as_bytes());
                }
                [1047] => self.pass(format!("\x1b[?47{action}").as_bytes()),
                _ => {}
            }
        }
    }
}

impl Perform for Filter {
    fn print(&mut self, character: char) {
        let line = self
            .lines
            .get(usize::from(self.shifted))
            .is_some_and(|lines| *lines);
        match if line {
            line_drawing(character)
        } else {
            Glyph::of(character)
        } {
            Glyph::Nothing => {}
            Glyph::Mark(drawn) | Glyph::Narrow(drawn) | Glyph::Wide(drawn) => {
                self.pass_character(drawn)
            }
        }
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            0x08..=0x0d => self.pass(&[byte]),
            0x0e => self.shifted = true,
            0x0f => self.shifted = false,
            _ => {}
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _: bool, byte: u8) {
        match (intermediates, byte) {
            ([], b'7' | b'8' | b'=' | b'>' | b'M') => self.pass(&[0x1b, byte]),
            ([], b'D') => self.pass(b"\n"),
            ([], b'E') => self.pass(b"\r\n"),
            ([], b'Z') => self.reply(DEVICE_ATTRIBUTES),
            ([], b'c') => {
                (self.lines, self.shifted) = ([false; 2], false);
                self.pass(b"\x1bc");
            }
            ([b'('], set) => self.lines[0] = set == b'0',
            ([b')'], set) => self.lines[1] = set == b'0',
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        if ignore {
            return;
        }
        let (rows, columns) = self.screen.screen().size();
        let most = rows.max(columns).get();
        match (intermediates, action) {
            (
                [],
                '@'
                | 'A'..='H'
                | 'J'..='M'
                | 'P'
                | 'S'
                | 'T'
                | 'X'
                | '`'
                | 'a'
                | 'b'
                | 'd'
                | 'e'
                | 'f'
                | 'r',
            ) => {
                // Two that mean the same as others, which the grid does not know.
                let action = match action {
                    'a' => 'C',
                    'e' => 'B',
                    same => same,
                };
                self.pass_sequence(false, params, most, action);
            }
            ([], 'm') => self.pass_sequence(false, params, u16::MAX, action),
            ([], 's') => self.pass(b"\x1b7"),
            ([], 'u') => self.pass(b"\x1b8"),
            ([], 'n') => self.report(params),
            ([], 'c') if first(params) == 0 => self.reply(DEVICE_ATTRIBUTES),
            ([b'?'], 'J' | 'K') => self.pass_sequence(true, params, most, action),
            ([b'?'], 'h' | 'l') => self.mode(params, action),
            _ => {}
        }
    }
}

fn first(params: &Params) -> u16 {
    params.iter().next().map_or(0, first_of)
}

fn first_of(param: &[u16]) -> u16 {
    param.first().copied().unwrap_or(0)
}

/// DEC special graphics: the lower-case letters draw frames.
fn line_drawing(character: char) -> Glyph {
    const FRAMES: [char; 31] = [
        '\u{25c6}', '\u{2592}', '\u{2409}', '\u{240c}', '\u{240d}', '\u{240a}', '\u{b0}', '\u{b1}',
        '\u{2424}', '\u{240b}', '\u{2518}', '\u{2510}', '\u{250c}', '\u{2514}', '\u{253c}',
        '\u{23ba}', '\u{23bb}', '\u{2500}', '\u{23bc}', '\u{23bd}', '\u{251c}', '\u{2524}',
        '\u{2534}', '\u{252c}', '\u{2502}', '\u{2264}', '\u{2265}', '\u{3c0}', '\u{2260}',
        '\u{a3}', '\u{b7}',
    ];
    let place = u32::from(character)
        .checked_sub(u32::from('`'))
        .and_then(|place| usize::try_from(place).ok());
    Glyph::of(
        place
            .and_then(|place| FRAMES.get(place))
            .copied()
            .unwrap_or(character),
    )
}
