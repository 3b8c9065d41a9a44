//! What the screen is to be like, from the configuration and the terminal's environment.

use std::path::PathBuf;

use jiff::tz::TimeZone;

use super::frame::Pace;
use super::glyphs::Glyphs;
use super::model::Settings;
use super::theme::{Depth, Theme};
use super::vocabulary::key_map;
use crate::config::{Config, Places};

/// What the screen is to be like.
#[derive(Debug, Clone)]
pub struct Options {
    /// How it looks and what keys do.
    pub settings: Settings,
    /// How often it is drawn.
    pub pace: Pace,
    /// The file of the lines typed before; `None` to keep none.
    pub history: Option<PathBuf>,
    /// Something to read first; empty if there is nothing.
    pub welcome: String,
}

impl Options {
    /// What the configuration asks for, on a terminal as `env` tells of it.
    ///
    /// # Errors
    /// A theme or a key that is not there, in words.
    pub fn new(
        config: &Config,
        places: &Places,
        who: String,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let wanted = &config.screen;
        let depth = Depth::detect(wanted.color, &env);
        let directory = places.themes_dir();
        let theme = Theme::load(&wanted.theme, Some(&directory), depth)
            .map_err(|error| error.to_string())?;
        let mut themes = vec![theme];
        if depth != Depth::Mono {
            let others = Theme::known(Some(&directory))
                .into_iter()
                .filter(|name| *name != wanted.theme);
            // One that cannot be read is told of when it is asked for.
            themes
                .extend(others.filter_map(|name| Theme::load(&name, Some(&directory), depth).ok()));
        }
        let keys = key_map(&config.keys).map_err(|problems| {
            problems
                .iter()
                .map(|problem| problem.error.to_string())
                .collect::<Vec<_>>()
                .join("; ")
        })?;
        let still = env("NO_MOTION").is_some_and(|value| !value.is_empty());
        let settings = Settings {
            who,
            keys,
            themes,
            theme: 0,
            depth,
            glyphs: Glyphs::chosen(wanted.ascii, &env),
            times: wanted.time_stamps,
            confirm_many: wanted.confirm,
            reduced_motion: wanted.reduced_motion || still,
            mouse: wanted.mouse,
            zone: TimeZone::system(),
        };
        let pace = Pace {
            frame_rate: wanted.frame_rate,
            bytes_per_second: wanted.bytes_per_second,
        };
        Ok(Self {
            settings,
            pace,
            history: Some(places.history_file()),
            welcome: String::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_the_screen_is_to_be_like_is_as_the_file_says() {
        let options = |text: &str| {
            let (config, _) = Config::from_str("kdeck.toml", text, &()).unwrap();
            let home = Path::new("/nowhere");
            let places = Places::find_in(|_| None, Some(home.into()), home, None).unwrap();
            Options::new(&config, &places, "kim".to_owned(), |_| None).unwrap()
        };
        let plain = options("");
        assert!(plain.settings.confirm_many);
        assert_eq!(plain.pace, Pace::default());
        let text =
            "[screen]\nconfirm = false\nbytes_per_second = '4k'\nframe_rate = 10\nmouse = false";
        let told = options(text);
        assert!(!told.settings.confirm_many && !told.settings.mouse);
        assert_eq!(
            (told.pace.frame_rate, told.pace.bytes_per_second),
            (10, 4 << 10)
        );
    }
}
