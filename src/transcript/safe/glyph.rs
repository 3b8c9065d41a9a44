//! What is drawn for one character: itself, a stand-in, or nothing; and how wide that is on every terminal.
//!
//! Terminals agree on the width of most characters and quarrel about the rest: emoji joined or coloured by a
//! second character, flags, spacing vowel signs, scripts younger than their tables. One character drawn wider or
//! narrower than computed shifts everything right of it, other panes included. So whatever is not certain is
//! replaced, and whatever is invisible or reorders text is dropped. Widths: Unicode Standard Annex #11;
//! clusters: Annex #29.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthChar;

/// Stands for bytes that are no text and for characters whose width is uncertain. One column.
pub const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

/// What is drawn for one character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glyph {
    /// Nothing: a control, or an invisible character.
    Nothing,
    /// A combining mark, drawn in the column of the character before it.
    Mark(char),
    /// A character one column wide.
    Narrow(char),
    /// A character two columns wide.
    Wide(char),
}

impl Glyph {
    /// What is drawn for `character`. A tab is a control here: it has no width of its own.
    #[inline]
    pub fn of(character: char) -> Self {
        if matches!(character, ' '..='~') {
            Self::Narrow(character)
        } else {
            beyond_ascii(character)
        }
    }
}

/// Columns of a character that [`Glyph::of`] has let through: 0 for a mark, else 1 or 2.
#[inline]
pub fn columns(character: char) -> usize {
    if character.is_ascii() {
        1
    } else {
        character.width().unwrap_or(0)
    }
}

fn beyond_ascii(character: char) -> Glyph {
    match character {
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => Glyph::Nothing,
        // Spaces of every width, and the two separators that would start a new line.
        '\u{a0}'
        | '\u{1680}'
        | '\u{2000}'..='\u{200a}'
        | '\u{2028}'
        | '\u{2029}'
        | '\u{202f}'
        | '\u{205f}' => Glyph::Narrow(' '),
        '\u{ad}' => Glyph::Narrow('-'),
        // A flag is two of these; its two letters say the same.
        '\u{1f1e6}'..='\u{1f1ff}' => Glyph::Narrow(letter(character)),
        // Half-width voicing marks: one column, none, or merged. The full-width ones are certain.
        '\u{ff9e}' => Glyph::Wide('\u{309b}'),
        '\u{ff9f}' => Glyph::Wide('\u{309c}'),
        _ if invisible(character) => Glyph::Nothing,
        _ => match character.width() {
            Some(0) if certain_mark(character) => Glyph::Mark(character),
            Some(1) if certain(character) => Glyph::Narrow(character),
            Some(2) if certain(character) => Glyph::Wide(character),
            _ => Glyph::Narrow(REPLACEMENT),
        },
    }
}

fn letter(regional_indicator: char) -> char {
    let place = u32::from(regional_indicator) - 0x1f1e6;
    char::from_u32(u32::from('A') + place).unwrap_or(REPLACEMENT)
}

/// Characters that draw nothing but change what is around them: joiners, fillers, direction marks and overrides,
/// variation selectors, annotations, skin tones, key caps, tags.
fn invisible(character: char) -> bool {
    matches!(character,
        '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{20e3}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0000}'..='\u{e0fff}')
}

/// A mark of no width that terminals have combined for decades, and that does not glue letters together as the
/// viramas of Indic scripts do.
fn certain_mark(character: char) -> bool {
    let old = matches!(character,
        '\u{300}'..='\u{eff}' | '\u{1ab0}'..='\u{1abd}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20f0}'
        | '\u{3099}' | '\u{309a}' | '\u{fe20}'..='\u{fe2f}');
    let virama = matches!(
        character,
        '\u{94d}'
            | '\u{9cd}'
            | '\u{a4d}'
            | '\u{acd}'
            | '\u{b4d}'
            | '\u{bcd}'
            | '\u{c4d}'
            | '\u{ccd}'
            | '\u{d3b}'
            | '\u{d3c}'
            | '\u{d4d}'
            | '\u{dca}'
    );
    old && !virama && joins_before(character)
}

/// A character with a width on which terminals agree.
fn certain(character: char) -> bool {
    match character {
        // Wide since Unicode 16 only.
        '\u{2630}'..='\u{2637}' | '\u{268a}'..='\u{268f}' | '\u{4dc0}'..='\u{4dff}' => false,
        // Latin, Greek, Cyrillic, symbols, box drawing, kana, Han, Hangul, private use, full-width forms.
        '\u{a1}'..='\u{2ff}'
        | '\u{370}'..='\u{482}'
        | '\u{2010}'..='\u{2bff}'
        | '\u{3000}'..='\u{3029}'
        | '\u{3030}'..='\u{3096}'
        | '\u{309b}'..='\u{a48c}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{e000}'..='\u{fa6d}'
        | '\u{ff01}'..='\u{ff9d}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{fffc}'
        | '\u{fffd}' => true,
        // Thai and Lao AM: spacing, and one column everywhere although it belongs to the letter before.
        '\u{e33}' | '\u{eb3}' => true,
        // Conjoining vowels and finals, non-characters.
        '\u{d7b0}'..='\u{d7ff}' | '\u{fdd0}'..='\u{fdef}' | '\u{fff0}'..='\u{ffff}' => false,
        '\u{a4}'..='\u{ffff}' => !joins_before(character) && !joins_after(character),
        // Mathematical letters, enclosed letters, emoji up to Unicode 12, Han beyond the first plane.
        '\u{1d400}'..='\u{1d7ff}'
        | '\u{1f100}'..='\u{1f1ac}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f650}'..='\u{1f6d2}'
        | '\u{1f700}'..='\u{1f773}'
        | '\u{1f780}'..='\u{1f7d8}'
        | '\u{1f800}'..='\u{1f8ad}'
        | '\u{1f90d}'..='\u{1f971}'
        | '\u{1f973}'..='\u{1f976}'
        | '\u{1f97a}'..='\u{1f9a2}'
        | '\u{1f9a5}'..='\u{1f9aa}'
        | '\u{1f9ae}'..='\u{1f9ca}'
        | '\u{1f9cd}'..='\u{1f9ff}'
        | '\u{1fb00}'..='\u{1fb92}'
        | '\u{20000}'..='\u{2a6d6}' => true,
        _ => false,
    }
}

/// Whether `character` forms one cluster with a letter before it.
fn joins_before(character: char) -> bool {
    is_one_cluster(['a', character])
}

/// Whether `character` forms one cluster with a letter after it.
fn joins_after(character: char) -> bool {
    is_one_cluster([character, 'a'])
}

fn is_one_cluster(pair: [char; 2]) -> bool {
    let mut bytes = [0; 8];
    let [first, second] = pair;
    let start = first.encode_utf8(&mut bytes).len();
    let end = start
        + second
            .encode_utf8(bytes.get_mut(start..).unwrap_or_default())
            .len();
    let text = bytes
        .get(..end)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .unwrap_or_default();
    text.graphemes(true).count() == 1
}
