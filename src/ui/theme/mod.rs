//! Themes: a style for every [`Role`], read from files, fitted to the colours the terminal has.
//!
//! The five themes in `themes/` are part of the program. A file of the user's themes directory, called by its bare name
//! without `.toml`, comes before the built-in theme of that name.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;
use toml::Spanned;

use crate::connect::nearest;

pub mod depth;
pub mod role;
pub mod words;

pub use depth::Depth;
pub use role::Role;
use words::{Words, WordsError};

/// A style for every role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    name: String,
    styles: Vec<Style>,
}

/// The theme that is used when none is asked for.
pub const DEFAULT_THEME: &str = "default";

/// The theme that is used where there are no colours.
pub const MONOCHROME_THEME: &str = "monochrome";

/// Themes that are part of the program: name and file.
pub const BUILT_IN: [(&str, &str); 5] = [
    (DEFAULT_THEME, include_str!("../../../themes/default.toml")),
    ("dark", include_str!("../../../themes/dark.toml")),
    ("light", include_str!("../../../themes/light.toml")),
    (
        "high-contrast",
        include_str!("../../../themes/high-contrast.toml"),
    ),
    (
        MONOCHROME_THEME,
        include_str!("../../../themes/monochrome.toml"),
    ),
];

/// Largest theme file that is read: fifty times the built-in ones, so that a wrong path is not read into memory.
pub const THEME_BYTES_MAX: u64 = 64 * 1024;

/// The entry that names the built-in theme a file takes its other roles from.
const BASED_ON: &str = "based-on";

/// Why there is no theme. The name or the file is at fault.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no theme of this name.
    #[error("no theme is called `{name}`; there are {}{}", known.join(", "), searched(directory.as_deref()))]
    Unknown {
        /// What was asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
        /// Where files were looked for.
        directory: Option<PathBuf>,
    },
    /// The file could not be read.
    #[error("{}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The file says something that is no theme.
    #[error("{file}:{line}: {problem}")]
    Bad {
        /// The file, or the name of a built-in theme.
        file: String,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        problem: Problem,
    },
}

/// What is wrong in a theme file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is not TOML, or a value is not text.
    #[error("{0}")]
    Syntax(String),
    /// There is no such role.
    #[error("no role is called `{name}`{}", nearest.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
    UnknownRole {
        /// What was written.
        name: String,
        /// The known name most like it.
        nearest: Option<&'static str>,
    },
    /// The base is not a built-in theme.
    #[error(
        "`{0}` is not a built-in theme; those are default, dark, light, high-contrast and monochrome"
    )]
    UnknownBase(String),
    /// The words are no style.
    #[error(transparent)]
    Words(#[from] WordsError),
}

impl Theme {
    /// The theme of this name with the colours this terminal has: a file in `directory`, else a built-in one. Without
    /// colours it is always the monochrome theme, since others may say things by colours side by side.
    ///
    /// # Errors
    /// No such theme, or a file that cannot be read or used.
    pub fn load(name: &str, directory: Option<&Path>, depth: Depth) -> Result<Self, Error> {
        let theme = Self::find(name, directory)?;
        let theme = if depth == Depth::Mono {
            Self::find(MONOCHROME_THEME, directory)?
        } else {
            theme
        };
        Ok(theme.at(depth))
    }

    /// The built-in default with the colours this terminal has, for when there is no other.
    #[must_use]
    pub fn built_in(depth: Depth) -> Self {
        let name = if depth == Depth::Mono {
            MONOCHROME_THEME
        } else {
            DEFAULT_THEME
        };
        base(name)
            .expect("the built-in themes are tested")
            .at(depth)
    }

    /// The name it was loaded by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The style of a role.
    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }

    /// Reads a theme from the text of a file, with all its colours; `file` is what errors call it.
    ///
    /// # Errors
    /// [`Error::Bad`] with the line of the first problem.
    pub fn parse(name: &str, text: &str, file: &str) -> Result<Self, Error> {
        let bad = |at: usize, problem| {
            let line = 1 + text.bytes().take(at).filter(|b| *b == b'\n').count();
            Error::Bad {
                file: file.to_owned(),
                line,
                problem,
            }
        };
        let entries = Entries::deserialize(
            toml::Deserializer::parse(text).map_err(|e| bad(start(&e), syntax(&e)))?,
        )
        .map_err(|e| bad(start(&e), syntax(&e)))?;
        let mut styles = match entries.iter().find(|(key, _)| key.get_ref() == BASED_ON) {
            Some((_, value)) => {
                let unknown = || {
                    bad(
                        value.span().start,
                        Problem::UnknownBase(value.get_ref().clone()),
                    )
                };
                base(value.get_ref()).ok_or_else(unknown)?.styles
            }
            None if BUILT_IN.iter().any(|(_, known)| *known == text) => {
                vec![Style::new(); Role::ALL.len()]
            }
            None => {
                base(DEFAULT_THEME)
                    .expect("the built-in themes are tested")
                    .styles
            }
        };
        for (key, value) in entries.iter().filter(|(key, _)| key.get_ref() != BASED_ON) {
            let role = Role::named(key.get_ref()).ok_or_else(|| {
                let name = key.get_ref().clone();
                bad(
                    key.span().start,
                    Problem::UnknownRole {
                        nearest: nearest_role(&name),
                        name,
                    },
                )
            })?;
            let Words(style) = value
                .get_ref()
                .parse()
                .map_err(|e: WordsError| bad(value.span().start, e.into()))?;
            if let Some(place) = styles.get_mut(role as usize) {
                *place = style;
            }
        }
        Ok(Self {
            name: name.to_owned(),
            styles,
        })
    }

    /// The names that can be loaded: the built-in ones and the files of the directory, sorted, each once.
    #[must_use]
    pub fn known(directory: Option<&Path>) -> Vec<String> {
        let mut names: Vec<String> = BUILT_IN
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect();
        let files = directory
            .and_then(|directory| fs::read_dir(directory).ok())
            .into_iter()
            .flatten()
            .flatten();
        for path in files
            .map(|file| file.path())
            .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        {
            names.extend(
                path.file_stem()
                    .and_then(|stem| stem.to_str())
                    .filter(|n| is_bare(n))
                    .map(str::to_owned),
            );
        }
        names.sort();
        names.dedup();
        names
    }

    fn find(name: &str, directory: Option<&Path>) -> Result<Self, Error> {
        if let Some(path) = directory
            .filter(|_| is_bare(name))
            .map(|d| d.join(format!("{name}.toml")))
        {
            match read(&path) {
                Ok(text) => return Self::parse(name, &text, &path.display().to_string()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::Unreadable { path, error }),
            }
        }
        base(name).ok_or_else(|| Error::Unknown {
            name: name.to_owned(),
            known: Self::known(directory),
            directory: directory.map(Path::to_owned),
        })
    }

    /// The theme with colours this depth has. Where a background is lost, the text is reversed instead.
    fn at(mut self, depth: Depth) -> Self {
        for style in &mut self.styles {
            let had_background = style.bg.is_some_and(|bg| bg != Color::Reset);
            style.fg = style.fg.and_then(|color| depth.nearest(color));
            style.bg = style.bg.and_then(|color| depth.nearest(color));
            if had_background && style.bg.is_none() {
                *style = style.add_modifier(Modifier::REVERSED);
            }
        }
        self
    }
}

type Entries = BTreeMap<Spanned<String>, Spanned<String>>;

fn base(name: &str) -> Option<Theme> {
    let (name, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
    Theme::parse(name, text, name).ok()
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?
        .take(THEME_BYTES_MAX + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > THEME_BYTES_MAX {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("larger than {THEME_BYTES_MAX} bytes, which no theme is"),
        ));
    }
    Ok(text)
}

/// Whether it is a name and not a path.
fn is_bare(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
}

fn start(error: &toml::de::Error) -> usize {
    error.span().map_or(0, |span| span.start)
}

fn syntax(error: &toml::de::Error) -> Problem {
    Problem::Syntax(error.message().to_owned())
}

fn searched(directory: Option<&Path>) -> String {
    directory.map_or_else(String::new, |directory| {
        format!(
            "; files of that name were looked for in {}",
            directory.display()
        )
    })
}

fn nearest_role(name: &str) -> Option<&'static str> {
    let names: Vec<&'static str> = Role::ALL.iter().map(|role| role.name()).collect();
    nearest(name, &names)
}

#[cfg(test)]
mod tests;
