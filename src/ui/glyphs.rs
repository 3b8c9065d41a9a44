//! The signs the screen draws with: a Unicode set and an ASCII set.
//!
//! The Unicode set keeps to characters that are one column wide also where East Asian ambiguous characters take two
//! (UAX #11). Box-drawing characters and bars are the judged exception: there is nothing else to draw them with, and
//! terminals set to wide ambiguous characters have the ASCII set to turn to.

use ratatui::symbols::border;

/// One set of signs. Each is one column wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glyphs {
    /// A frame without the focus.
    pub border: border::Set<'static>,
    /// The frame that has the focus, told from the others without colour.
    pub border_focused: border::Set<'static>,
    /// Bars for activity, from least to most.
    pub bars: [&'static str; BAR_LEVELS],
    /// Stands for text that was cut off.
    pub cut: &'static str,
    /// Stands for a character that must not reach the terminal.
    pub replacement: &'static str,
    /// There is more above.
    pub up: &'static str,
    /// There is more below.
    pub down: &'static str,
    /// Points at what is chosen.
    pub pointer: &'static str,
    /// Separates things in a line of small facts.
    pub dot: &'static str,
    /// A line between regions.
    pub horizontal: &'static str,
    /// A line between columns.
    pub vertical: &'static str,
}

impl Glyphs {
    /// Whether nothing beyond ASCII is to be drawn.
    #[must_use]
    pub fn is_ascii(&self) -> bool {
        self.replacement.is_ascii()
    }
}

/// How many heights of a bar there are.
pub const BAR_LEVELS: usize = 8;

const ASCII_BORDER: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

const ASCII_BORDER_FOCUSED: border::Set<'static> = border::Set {
    horizontal_top: "=",
    horizontal_bottom: "=",
    vertical_left: "#",
    vertical_right: "#",
    ..ASCII_BORDER
};

/// For terminals that show Unicode.
pub const UNICODE: Glyphs = Glyphs {
    border: border::PLAIN,
    border_focused: border::THICK,
    bars: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    cut: "»",
    replacement: "\u{fffd}",
    up: "▴",
    down: "▾",
    pointer: "►",
    dot: "∙",
    horizontal: "─",
    vertical: "│",
};

/// For terminals that show only ASCII.
pub const ASCII: Glyphs = Glyphs {
    border: ASCII_BORDER,
    border_focused: ASCII_BORDER_FOCUSED,
    bars: [".", ":", "-", "=", "+", "*", "#", "%"],
    cut: ">",
    replacement: "?",
    up: "^",
    down: "v",
    pointer: ">",
    dot: "-",
    horizontal: "-",
    vertical: "|",
};

impl Glyphs {
    /// The set to use, by the user's wish (`ascii`) and the environment as `env` tells it.
    #[must_use]
    pub fn chosen(ascii: bool, env: impl Fn(&str) -> Option<String>) -> &'static Self {
        if ascii || !shows_unicode(env) {
            &ASCII
        } else {
            &UNICODE
        }
    }

    /// The bar for a share of the most there is, both counted in the same unit. `None` if nothing happened.
    #[must_use]
    pub fn bar(&self, count: u64, most: u64) -> Option<&'static str> {
        if count == 0 {
            return None;
        }
        let levels = BAR_LEVELS as u128;
        let level = (u128::from(count) * levels)
            .div_ceil(u128::from(most.max(1)))
            .clamp(1, levels);
        usize::try_from(level - 1)
            .ok()
            .and_then(|level| self.bars.get(level).copied())
    }
}

/// Whether the locale is a UTF-8 one and the terminal has the characters. The Linux console has a font of 256 or 512.
fn shows_unicode(env: impl Fn(&str) -> Option<String>) -> bool {
    if matches!(env("TERM").as_deref(), Some("linux" | "dumb")) {
        return false;
    }
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(env)
        .find(|value| !value.is_empty());
    locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    fn signs(glyphs: &Glyphs) -> [&'static str; 5] {
        [
            glyphs.cut,
            glyphs.up,
            glyphs.down,
            glyphs.pointer,
            glyphs.dot,
        ]
    }

    fn lines(glyphs: &Glyphs) -> Vec<&'static str> {
        let mut all = vec![glyphs.horizontal, glyphs.vertical];
        for set in [glyphs.border, glyphs.border_focused] {
            all.extend([
                set.top_left,
                set.top_right,
                set.bottom_left,
                set.bottom_right,
            ]);
            all.extend([
                set.vertical_left,
                set.vertical_right,
                set.horizontal_top,
                set.horizontal_bottom,
            ]);
        }
        all.extend(glyphs.bars);
        all
    }

    #[test]
    fn signs_are_one_column_also_where_ambiguous_characters_are_wide() {
        for sign in signs(&UNICODE) {
            assert_eq!((sign.width(), sign.width_cjk()), (1, 1), "{sign}");
        }
        assert!(
            lines(&UNICODE)
                .iter()
                .chain(&[UNICODE.replacement])
                .all(|line| line.width() == 1)
        );
    }

    #[test]
    fn the_ascii_set_is_ascii() {
        for sign in lines(&ASCII)
            .into_iter()
            .chain(signs(&ASCII))
            .chain([ASCII.replacement])
        {
            assert!(sign.is_ascii() && sign.len() == 1, "{sign}");
        }
    }

    #[test]
    fn frames_with_the_focus_differ_without_colour() {
        for glyphs in [&UNICODE, &ASCII] {
            assert_ne!(
                glyphs.border.horizontal_top,
                glyphs.border_focused.horizontal_top
            );
            assert_ne!(
                glyphs.border.vertical_left,
                glyphs.border_focused.vertical_left
            );
        }
    }

    #[test]
    fn the_set_follows_the_locale_the_terminal_and_the_wish() {
        let chosen = |ascii: bool, vars: &[(&str, &str)]| {
            let env = |name: &str| {
                vars.iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, v)| (*v).to_owned())
            };
            *Glyphs::chosen(ascii, env) == UNICODE
        };
        assert!(chosen(
            false,
            &[("LANG", "en_US.UTF-8"), ("TERM", "xterm-256color")]
        ));
        assert!(chosen(
            false,
            &[("LC_ALL", ""), ("LC_CTYPE", "C.utf8"), ("LANG", "C")]
        ));
        assert!(!chosen(false, &[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]));
        assert!(!chosen(
            false,
            &[("LANG", "en_US.UTF-8"), ("TERM", "linux")]
        ));
        assert!(!chosen(true, &[("LANG", "en_US.UTF-8")]));
        assert!(!chosen(false, &[]));
    }

    #[test]
    fn bars_show_that_something_happened_and_never_pass_the_top() {
        assert_eq!(ASCII.bar(0, 100), None);
        assert_eq!(ASCII.bar(1, 1_000_000), Some("."));
        assert_eq!(ASCII.bar(50, 100), Some("="));
        assert_eq!(ASCII.bar(100, 100), Some("%"));
        assert_eq!(ASCII.bar(u64::MAX, 1), Some("%"));
        assert_eq!(ASCII.bar(3, 0), Some("%"));
    }
}
