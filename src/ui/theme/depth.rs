//! How many colours the terminal shows, and what becomes of a colour it does not have.
//!
//! Found out from the environment alone: asking the terminal costs a round trip, and its answer can arrive as typed text.
//! `NO_COLOR` as on no-color.org; the 256-colour palette is xterm's.

use ratatui::style::Color;

use crate::config::Color as Choice;

/// How many colours the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// None: bold, underlined and reversed only.
    Mono,
    /// The terminal's own sixteen.
    Ansi16,
    /// xterm's 256.
    Ansi256,
    /// Red, green and blue of 8 bits each.
    True,
}

impl Depth {
    /// The depth to draw with, by the user's choice and the environment as `env` tells it.
    #[must_use]
    pub fn detect(choice: Choice, env: impl Fn(&str) -> Option<String>) -> Self {
        match choice {
            Choice::Never => Self::Mono,
            Choice::Always => terminal_depth(env).max(Self::Ansi16),
            Choice::Auto if env("NO_COLOR").is_some_and(|value| !value.is_empty()) => Self::Mono,
            Choice::Auto => terminal_depth(env),
        }
    }

    /// The nearest colour this depth has; `None` where there are no colours.
    #[must_use]
    pub fn nearest(self, color: Color) -> Option<Color> {
        match (self, color) {
            (Self::Mono, _) => None,
            (Self::Ansi256, Color::Rgb(r, g, b)) => {
                Some(Color::Indexed(nearest_indexed([r, g, b])))
            }
            (Self::Ansi16, Color::Rgb(r, g, b)) => Some(nearest_ansi([r, g, b])),
            (Self::Ansi16, Color::Indexed(index)) => Some(match ANSI.get(usize::from(index)) {
                Some((color, _)) => *color,
                None => nearest_ansi(indexed_rgb(index)),
            }),
            (_, color) => Some(color),
        }
    }
}

fn terminal_depth(env: impl Fn(&str) -> Option<String>) -> Depth {
    let term = env("TERM").unwrap_or_default();
    if term.is_empty()
        || term == "dumb"
        || term.ends_with("-mono")
        || term.ends_with("-m")
        || is_video_terminal(&term)
    {
        return Depth::Mono;
    }
    let true_color = matches!(env("COLORTERM").as_deref(), Some("truecolor" | "24bit"));
    if term.ends_with("-direct") || (true_color && !matches!(term.as_str(), "linux" | "screen")) {
        Depth::True
    } else if term.contains("256color") {
        Depth::Ansi256
    } else {
        Depth::Ansi16
    }
}

/// Whether it is one of DEC's terminals without colour (vt100, vt220, vt320-w and the like).
fn is_video_terminal(term: &str) -> bool {
    term.strip_prefix("vt")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Steps of red, green and blue in the colour cube of the 256 (indices 16 to 231).
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// The sixteen with the values xterm gives them; terminals differ, which is the point of using them by name.
const ANSI: [(Color, [u8; 3]); 16] = [
    (Color::Black, [0, 0, 0]),
    (Color::Red, [205, 0, 0]),
    (Color::Green, [0, 205, 0]),
    (Color::Yellow, [205, 205, 0]),
    (Color::Blue, [0, 0, 238]),
    (Color::Magenta, [205, 0, 205]),
    (Color::Cyan, [0, 205, 205]),
    (Color::Gray, [229, 229, 229]),
    (Color::DarkGray, [127, 127, 127]),
    (Color::LightRed, [255, 0, 0]),
    (Color::LightGreen, [0, 255, 0]),
    (Color::LightYellow, [255, 255, 0]),
    (Color::LightBlue, [92, 92, 255]),
    (Color::LightMagenta, [255, 0, 255]),
    (Color::LightCyan, [0, 255, 255]),
    (Color::White, [255, 255, 255]),
];

/// The red, green and blue of a colour, by xterm's palette; `None` for the terminal's default colour.
#[must_use]
pub fn rgb(color: Color) -> Option<[u8; 3]> {
    match color {
        Color::Reset => None,
        Color::Rgb(r, g, b) => Some([r, g, b]),
        Color::Indexed(index) => Some(indexed_rgb(index)),
        named => ANSI
            .iter()
            .find(|(color, _)| *color == named)
            .map(|(_, rgb)| *rgb),
    }
}

fn indexed_rgb(index: u8) -> [u8; 3] {
    if let Some((_, rgb)) = ANSI.get(usize::from(index)) {
        return *rgb;
    }
    if index >= 232 {
        return [8 + 10 * (index - 232); 3];
    }
    let cube = index - 16;
    [cube / 36, cube / 6 % 6, cube % 6].map(|step| CUBE[usize::from(step)])
}

fn nearest_indexed(color: [u8; 3]) -> u8 {
    (16..=255u8)
        .min_by_key(|index| distance(color, indexed_rgb(*index)))
        .unwrap_or(16)
}

fn nearest_ansi(color: [u8; 3]) -> Color {
    let nearest = ANSI.iter().min_by_key(|(_, rgb)| distance(color, *rgb));
    nearest.map_or(Color::Reset, |(color, _)| *color)
}

/// How different two colours look: squared distance, weighted by what the eye makes of each part.
fn distance(a: [u8; 3], b: [u8; 3]) -> u32 {
    let squared = |i: usize| u32::from(a[i].abs_diff(b[i])).pow(2);
    2 * squared(0) + 4 * squared(1) + 3 * squared(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected(choice: Choice, vars: &[(&str, &str)]) -> Depth {
        Depth::detect(choice, |name| {
            vars.iter()
                .find(|(n, _)| *n == name)
                .map(|(_, v)| (*v).to_owned())
        })
    }

    #[test]
    fn the_environment_says_how_many_colours_there_are() {
        let auto = |vars: &[(&str, &str)]| detected(Choice::Auto, vars);
        assert_eq!(
            auto(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")]),
            Depth::True
        );
        assert_eq!(auto(&[("TERM", "xterm-256color")]), Depth::Ansi256);
        assert_eq!(auto(&[("TERM", "screen")]), Depth::Ansi16);
        assert_eq!(
            auto(&[("TERM", "linux"), ("COLORTERM", "truecolor")]),
            Depth::Ansi16
        );
        assert_eq!(auto(&[("TERM", "xterm-direct")]), Depth::True);
        for term in ["vt100", "vt220", "dumb", "", "xterm-mono"] {
            assert_eq!(auto(&[("TERM", term)]), Depth::Mono, "{term}");
        }
    }

    #[test]
    fn no_color_and_never_mean_none_and_always_means_some() {
        let color = [("TERM", "xterm-256color"), ("NO_COLOR", "1")];
        assert_eq!(detected(Choice::Auto, &color), Depth::Mono);
        assert_eq!(detected(Choice::Always, &color), Depth::Ansi256);
        assert_eq!(
            detected(Choice::Auto, &[("TERM", "xterm"), ("NO_COLOR", "")]),
            Depth::Ansi16
        );
        assert_eq!(
            detected(Choice::Never, &[("TERM", "xterm"), ("COLORTERM", "24bit")]),
            Depth::Mono
        );
        assert_eq!(
            detected(Choice::Always, &[("TERM", "vt100")]),
            Depth::Ansi16
        );
    }

    #[test]
    fn a_colour_becomes_the_nearest_there_is() {
        assert_eq!(
            Depth::True.nearest(Color::Rgb(1, 2, 3)),
            Some(Color::Rgb(1, 2, 3))
        );
        assert_eq!(
            Depth::Ansi256.nearest(Color::Rgb(255, 0, 0)),
            Some(Color::Indexed(196))
        );
        assert_eq!(
            Depth::Ansi256.nearest(Color::Rgb(128, 128, 128)),
            Some(Color::Indexed(244))
        );
        assert_eq!(
            Depth::Ansi16.nearest(Color::Rgb(250, 10, 10)),
            Some(Color::LightRed)
        );
        assert_eq!(Depth::Ansi16.nearest(Color::Indexed(2)), Some(Color::Green));
        assert_eq!(
            Depth::Ansi16.nearest(Color::Indexed(255)),
            Some(Color::Gray)
        );
        assert_eq!(Depth::Ansi16.nearest(Color::Reset), Some(Color::Reset));
        assert_eq!(Depth::Mono.nearest(Color::Red), None);
        for index in 16..=255 {
            let rgb = indexed_rgb(index);
            assert_eq!(indexed_rgb(nearest_indexed(rgb)), rgb);
        }
    }
}
