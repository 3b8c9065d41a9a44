//! The pen a target writes with: colours and attributes chosen by SGR sequences.
//!
//! Independent of any drawing library. Blinking and concealing are not kept: one distracts, the other hides.
//! Parameters as in ECMA-48 8.3.117; 38, 48 and 58 as xterm and ITU-T T.416 write them.

use vte::{Params, ParamsIter};

/// A colour as the target named it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Colour {
    /// Whatever the pane's own colour is.
    #[default]
    Default,
    /// An entry of the palette: 0-7 plain, 8-15 bright, the rest the 256-colour cube and greys.
    Indexed(u8),
    /// Red, green, blue.
    Rgb(u8, u8, u8),
}

/// Colours and attributes of a stretch of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Pen {
    /// Colour of the letters.
    pub fg: Colour,
    /// Colour behind the letters.
    pub bg: Colour,
    /// Heavier or brighter.
    pub bold: bool,
    /// Fainter.
    pub dim: bool,
    /// Slanted.
    pub italic: bool,
    /// Underlined, whatever form of line was asked for.
    pub underline: bool,
    /// Foreground and background swapped.
    pub reverse: bool,
    /// Struck through.
    pub strike: bool,
}

impl Pen {
    /// Follows one SGR sequence. What it does not know it ignores, without losing its place in the parameters.
    pub(super) fn select(&mut self, params: &Params) {
        let mut params = params.iter();
        while let Some(param) = params.next() {
            let Some((&code, rest)) = param.split_first() else {
                continue;
            };
            match code {
                0 => *self = Self::default(),
                1 => self.bold = true,
                2 => self.dim = true,
                3 => self.italic = true,
                4 => self.underline = rest.first() != Some(&0),
                7 => self.reverse = true,
                9 => self.strike = true,
                21 => self.underline = true,
                22 => (self.bold, self.dim) = (false, false),
                23 => self.italic = false,
                24 => self.underline = false,
                27 => self.reverse = false,
                29 => self.strike = false,
                30..=37 => self.fg = palette(code - 30),
                38 => self.fg = extended(rest, &mut params).unwrap_or(self.fg),
                39 => self.fg = Colour::Default,
                40..=47 => self.bg = palette(code - 40),
                48 => self.bg = extended(rest, &mut params).unwrap_or(self.bg),
                49 => self.bg = Colour::Default,
                // The colour of the underline is not kept, but its parameters must not be read as attributes.
                58 => drop(extended(rest, &mut params)),
                90..=97 => self.fg = palette(code - 90 + 8),
                100..=107 => self.bg = palette(code - 100 + 8),
                _ => {}
            }
        }
    }
}

fn palette(index: u16) -> Colour {
    u8::try_from(index).map_or(Colour::Default, Colour::Indexed)
}

/// The colour after 38, 48 or 58: in sub-parameters (`38:5:n`, `38:2:r:g:b`, `38:2:space:r:g:b`), else in the
/// parameters that follow (`38;5;n`, `38;2;r;g;b`).
fn extended(inside: &[u16], after: &mut ParamsIter<'_>) -> Option<Colour> {
    match inside {
        [5, index, ..] => indexed(*index),
        [2, _, red, green, blue, ..] | [2, red, green, blue] => rgb(*red, *green, *blue),
        [] => {
            let mut following = || after.next().and_then(|param| param.first().copied());
            match following()? {
                5 => indexed(following()?),
                2 => {
                    let (red, green, blue) = (following()?, following()?, following()?);
                    rgb(red, green, blue)
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn indexed(index: u16) -> Option<Colour> {
    u8::try_from(index).ok().map(Colour::Indexed)
}

fn rgb(red: u16, green: u16, blue: u16) -> Option<Colour> {
    let part = |value| u8::try_from(value).ok();
    Some(Colour::Rgb(part(red)?, part(green)?, part(blue)?))
}
