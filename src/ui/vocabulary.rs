//! What the screen knows and the configuration file names: themes, actions, keys.

use std::path::PathBuf;

use super::keys::KeyMap;
use super::keys::map::Problem;
use super::theme::{Depth, Theme};
use crate::config::{Fault, KeyChange, Vocabulary, Word};

/// Judges the names in a configuration by what the screen has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScreenVocabulary {
    /// Where the user's own themes are.
    pub themes_dir: PathBuf,
}

impl Vocabulary for ScreenVocabulary {
    fn theme(&self, name: &Word) -> Option<Fault> {
        let error = Theme::load(&name.text, Some(&self.themes_dir), Depth::True).err()?;
        Some(Fault {
            span: name.span.clone(),
            message: error.to_string(),
            help: String::new(),
        })
    }

    fn keys(&self, changes: &[KeyChange]) -> Vec<Fault> {
        let fault = |Problem { entry, key, error }| {
            let change = changes.get(entry)?;
            let word = key
                .and_then(|key| change.keys.get(key))
                .unwrap_or(&change.action);
            Some(Fault {
                span: word.span.clone(),
                message: error.to_string(),
                help: String::new(),
            })
        };
        let problems = key_map(changes).err().unwrap_or_default();
        problems.into_iter().filter_map(fault).collect()
    }
}

/// The key map with the changes of a configuration.
///
/// # Errors
/// Every problem of every change.
pub fn key_map(changes: &[KeyChange]) -> Result<KeyMap, Vec<Problem>> {
    let entries = changes.iter().map(|change| {
        let keys = change.keys.iter().map(|key| key.text.as_str());
        (change.action.text.as_str(), keys)
    });
    KeyMap::with_changes(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::ui::action::{Action, Context};

    fn read(text: &str) -> Result<Config, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kdeck.toml");
        std::fs::write(&path, text).unwrap();
        let vocabulary = ScreenVocabulary {
            themes_dir: directory.path().join("themes"),
        };
        let read = Config::load(&path, &vocabulary);
        read.map(|(config, _)| config)
            .map_err(|problems| problems.to_string())
    }

    #[test]
    fn names_the_screen_does_not_have_are_reported_where_they_stand() {
        let problems =
            read("[screen]\ntheme = 'drak'\n[keys]\nzom = 'z'\ncopy = ['Y', 'ctrl+m']\n")
                .unwrap_err();
        for expected in [
            "kdeck.toml:2:9",
            "`drak`",
            "kdeck.toml:4:1",
            "`zoom`",
            "kdeck.toml:5:14",
            "`enter`",
        ] {
            assert!(problems.contains(expected), "{expected} in {problems}");
        }
    }

    #[test]
    fn the_keys_of_the_sample_configuration_can_be_taken_as_they_are() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/kdeck.toml");
        let text = std::fs::read_to_string(path).unwrap();
        let (_, keys) = text.split_once("\n[keys]\n").unwrap();
        let keys: Vec<&str> = keys
            .lines()
            .map_while(|line| line.strip_prefix("# "))
            .collect();
        assert!(keys.len() > 5, "{keys:?}");
        let config = read(&format!("[keys]\n{}\n", keys.join("\n"))).unwrap();
        assert_eq!(config.keys.len(), keys.len());
        let changed = key_map(&config.keys).unwrap();
        let suspends = |map: &KeyMap| !map.keys(Context::Global, Action::Suspend).is_empty();
        assert!(!suspends(&changed) && suspends(&KeyMap::default()));
        // All the others are as they were.
        for (context, action, keys) in crate::ui::keys::defaults::DEFAULTS {
            let kept = changed.keys(*context, *action);
            let known = |key: &&str| key.parse().is_ok_and(|key| kept.contains(&key));
            if *action != Action::Suspend {
                assert!(keys.iter().all(known), "{action} {kept:?}");
            }
        }
    }

    #[test]
    fn a_good_configuration_changes_the_keys() {
        let config =
            read("[screen]\ntheme = 'dark'\n[keys]\nzoom = 'Z'\nsuspend = 'none'\n").unwrap();
        let map = key_map(&config.keys).unwrap();
        let zoom = map.action(
            crate::ui::action::Context::Pane,
            "Z".parse::<super::super::keys::Key>().unwrap(),
        );
        assert_eq!(zoom, Some(crate::ui::action::Action::Zoom));
    }
}
