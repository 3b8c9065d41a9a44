//! A target's pen as a style of the drawing library.
//!
//! Not fitted to what the terminal can show: fewer colours, or none, is a matter of the theme.

use ratatui::style::{Color, Modifier, Style};

use crate::transcript::safe::{Colour, Pen};

/// The style that draws text as `pen` writes it. It sets everything, so nothing of an earlier style shows through.
pub fn style(pen: Pen) -> Style {
    let attributes = [
        (pen.bold, Modifier::BOLD),
        (pen.dim, Modifier::DIM),
        (pen.italic, Modifier::ITALIC),
        (pen.underline, Modifier::UNDERLINED),
        (pen.reverse, Modifier::REVERSED),
        (pen.strike, Modifier::CROSSED_OUT),
    ];
    let chosen = attributes
        .into_iter()
        .filter(|(on, _)| *on)
        .fold(Modifier::empty(), |all, (_, modifier)| all | modifier);
    Style::reset()
        .fg(colour(pen.fg))
        .bg(colour(pen.bg))
        .remove_modifier(Modifier::all())
        .add_modifier(chosen)
}

/// The first sixteen entries of the palette by name, since terminals and themes give them colours of their own.
fn colour(colour: Colour) -> Color {
    const NAMED: [Color; 16] = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    match colour {
        Colour::Default => Color::Reset,
        Colour::Indexed(index) => NAMED
            .get(usize::from(index))
            .copied()
            .unwrap_or(Color::Indexed(index)),
        Colour::Rgb(red, green, blue) => Color::Rgb(red, green, blue),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_and_attributes_reach_the_screen() {
        let pen = Pen {
            fg: Colour::Indexed(9),
            bg: Colour::Rgb(1, 2, 3),
            bold: true,
            strike: true,
            ..Pen::default()
        };
        let cell = drawn(pen);
        assert_eq!((cell.fg, cell.bg), (Color::LightRed, Color::Rgb(1, 2, 3)));
        assert_eq!(cell.modifier, Modifier::BOLD | Modifier::CROSSED_OUT);
        assert_eq!(
            drawn(Pen {
                fg: Colour::Indexed(16),
                ..Pen::default()
            })
            .fg,
            Color::Indexed(16)
        );
    }

    #[test]
    fn the_plain_pen_leaves_nothing_of_what_was_there() {
        let cell = drawn(Pen::default());
        assert_eq!(
            (cell.fg, cell.bg, cell.modifier),
            (Color::Reset, Color::Reset, Modifier::empty())
        );
    }

    fn drawn(pen: Pen) -> ratatui::buffer::Cell {
        let mut cell = ratatui::buffer::Cell::new("x");
        cell.set_style(
            Style::new()
                .fg(Color::Green)
                .bg(Color::Blue)
                .add_modifier(Modifier::REVERSED),
        );
        cell.set_style(style(pen));
        cell
    }
}
