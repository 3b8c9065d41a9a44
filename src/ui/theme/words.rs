//! A style in words: `bold green`, `black on yellow`, `reverse`, `#c0c0c0 on 236 underline`.

use std::str::FromStr;

use ratatui::style::{Color, Modifier, Style};

/// A style that was read from words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Words(pub Style);

/// Why the words are no style.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// The word is neither a colour nor an attribute.
    #[error(
        "`{0}` is neither a colour (a name of the terminal's sixteen, 0 to 255, #rrggbb, default) nor bold, dim, italic, \
         underline or reverse"
    )]
    Unknown(String),
    /// A second colour without `on` before it, or a second one after it.
    #[error("`{0}` is one colour too many; a background is written after `on`")]
    TwoColors(String),
    /// Nothing after `on`.
    #[error("a background colour is missing after `on`")]
    NoBackground,
}

impl FromStr for Words {
    type Err = WordsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut style = Style::new();
        let mut words = text.split_whitespace();
        while let Some(word) = words.next() {
            if word == "on" {
                let name = words.next().ok_or(WordsError::NoBackground)?;
                let color = color(name).ok_or_else(|| WordsError::Unknown(name.to_owned()))?;
                if style.bg.replace(color).is_some() {
                    return Err(WordsError::TwoColors(name.to_owned()));
                }
            } else if let Some(attribute) = attribute(word) {
                style = style.add_modifier(attribute);
            } else {
                let color = color(word).ok_or_else(|| WordsError::Unknown(word.to_owned()))?;
                if style.fg.replace(color).is_some() {
                    return Err(WordsError::TwoColors(word.to_owned()));
                }
            }
        }
        Ok(Self(style))
    }
}

fn attribute(word: &str) -> Option<Modifier> {
    Some(match word {
        "bold" => Modifier::BOLD,
        "dim" => Modifier::DIM,
        "italic" => Modifier::ITALIC,
        "underline" => Modifier::UNDERLINED,
        "reverse" => Modifier::REVERSED,
        _ => return None,
    })
}

fn color(word: &str) -> Option<Color> {
    Some(match word {
        "default" => Color::Reset,
        "black" => Color::Black,
        "red" => Color::Red,
        "green" => Color::Green,
        "yellow" => Color::Yellow,
        "blue" => Color::Blue,
        "magenta" => Color::Magenta,
        "cyan" => Color::Cyan,
        "gray" => Color::Gray,
        "dark-gray" => Color::DarkGray,
        "light-red" => Color::LightRed,
        "light-green" => Color::LightGreen,
        "light-yellow" => Color::LightYellow,
        "light-blue" => Color::LightBlue,
        "light-magenta" => Color::LightMagenta,
        "light-cyan" => Color::LightCyan,
        "white" => Color::White,
        number_or_hex => match number_or_hex.strip_prefix('#') {
            Some(hex) if hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()) => {
                let [_, r, g, b] = u32::from_str_radix(hex, 16).ok()?.to_be_bytes();
                Color::Rgb(r, g, b)
            }
            Some(_) => return None,
            None => Color::Indexed(number_or_hex.parse().ok()?),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_make_a_style() {
        let style = |words: &str| words.parse::<Words>().unwrap().0;
        assert_eq!(style(""), Style::new());
        assert_eq!(style("bold green"), Style::new().green().bold());
        assert_eq!(
            style("light-red on #102030 underline"),
            Style::new()
                .light_red()
                .bg(Color::Rgb(0x10, 0x20, 0x30))
                .underlined()
        );
        assert_eq!(
            style("252 on default reverse dim italic").fg,
            Some(Color::Indexed(252))
        );
    }

    #[test]
    fn words_that_are_no_style_say_which_word() {
        let error = |words: &str| words.parse::<Words>().unwrap_err();
        assert_eq!(error("bold gren"), WordsError::Unknown("gren".to_owned()));
        assert_eq!(error("red blue"), WordsError::TwoColors("blue".to_owned()));
        assert_eq!(
            error("on red on blue"),
            WordsError::TwoColors("blue".to_owned())
        );
        assert_eq!(error("red on"), WordsError::NoBackground);
        for word in ["#12345", "#12345g", "256", "-1", "#+12345"] {
            assert_eq!(error(word), WordsError::Unknown(word.to_owned()));
        }
    }
}
