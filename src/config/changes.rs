//! Changes between two readings of the file: what `.reload` has to do.

use std::collections::HashMap;

use super::{Config, Target};

/// What differs between two configurations, by the names of the targets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Targets that are new, in the order of the new file.
    pub added: Vec<Target>,
    /// Names of those that are gone, in the order of the old file.
    pub removed: Vec<String>,
    /// Targets that are there in both but not the same, as they are to be.
    pub changed: Vec<Change>,
    /// Names of the tables, other than `[[target]]`, that say something else.
    pub tables: Vec<&'static str>,
}

/// A target that is not what it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// As it is to be.
    pub target: Target,
    /// Whether it has to be connected anew; if not, only its name tags change.
    pub new_link: bool,
}

impl Changes {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        *self == Changes::default()
    }
}

impl Config {
    /// What has to be done to get from `old` to `new`. Costs their sizes, not the product.
    pub fn difference(old: &Config, new: &Config) -> Changes {
        let before: HashMap<&str, &Target> = by_name(old);
        let after: HashMap<&str, &Target> = by_name(new);
        let mut changes = Changes::default();
        for target in &new.targets {
            match before.get(target.name.as_str()) {
                None => changes.added.push(target.clone()),
                Some(old) if !old.is_same_as(target) => changes.changed.push(Change {
                    target: target.clone(),
                    new_link: old.connect.link != target.connect.link,
                }),
                Some(_) => {}
            }
        }
        let gone = old
            .targets
            .iter()
            .filter(|target| !after.contains_key(target.name.as_str()));
        changes.removed = gone.map(|target| target.name.clone()).collect();

        let keys = |config: &Config| -> Vec<(String, Vec<String>)> {
            let texts =
                |words: &[super::Word]| words.iter().map(|word| word.text.clone()).collect();
            config
                .keys
                .iter()
                .map(|change| (change.action.text.clone(), texts(&change.keys)))
                .collect()
        };
        let tables = [
            (
                "server",
                old.servers != new.servers
                    || old.sessions.directory != new.sessions.directory
                    || old.transport.ssh != new.transport.ssh
                    || old.transport.ssh_remote != new.transport.ssh_remote,
            ),
            ("server.allow", old.sessions.allow != new.sessions.allow),
            ("tls", old.transport.tls != new.transport.tls),
            ("chat", old.chat != new.chat),
            ("log", old.log != new.log),
            ("history", old.history != new.history),
            ("screen", old.screen != new.screen),
            ("keys", keys(old) != keys(new)),
            ("reconnect", old.reconnect != new.reconnect),
        ];
        changes.tables = tables
            .into_iter()
            .filter(|(_, differs)| *differs)
            .map(|(name, _)| name)
            .collect();
        changes
    }
}

fn by_name(config: &Config) -> HashMap<&str, &Target> {
    config
        .targets
        .iter()
        .map(|target| (target.name.as_str(), target))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        Config::from_str("kdeck.toml", text, &()).unwrap().0
    }

    #[test]
    fn targets_are_compared_by_name() {
        let old = config(
            r#"
            target = [
                { name = "kept", connect = "raw:server=lab,port=1" },
                { name = "gone", connect = "raw:server=lab,port=2" },
                { name = "moved", connect = "raw:server=lab,port=3" },
                { name = "tagged", connect = "raw:server=lab,port=4" },
            ]
            "#,
        );
        let new = config(
            r#"
            # A comment shifts every line.
            target = [
                { name = "tagged", connect = "raw:server=lab,port=4", tags = "arm64", group = "rack-a" },
                { name = "moved", connect = "raw:server=lab,port=33" },
                { name = "new", connect = "raw:server=lab,port=2" },
                { name = "kept", connect = "raw:server=lab,port=1" },
            ]
            "#,
        );
        let changes = Config::difference(&old, &new);
        let names: Vec<&str> = changes
            .added
            .iter()
            .map(|target| target.name.as_str())
            .collect();
        assert_eq!(names, ["new"]);
        assert_eq!(changes.removed, ["gone"]);
        let changed: Vec<(&str, bool)> = changes
            .changed
            .iter()
            .map(|change| (change.target.name.as_str(), change.new_link))
            .collect();
        assert_eq!(changed, [("tagged", false), ("moved", true)]);
        assert!(changes.tables.is_empty());
        assert!(!changes.is_empty());
    }

    #[test]
    fn a_file_that_only_looks_different_changes_nothing() {
        let old = config("[keys]\nquit = \"q\"\n[history]\ntotal = \"1GiB\"\n");
        let new = config("\n\n[history]\ntotal = 1073741824\n\n[keys]\nquit = [ 'q' ]\n");
        assert!(Config::difference(&old, &new).is_empty());
    }

    #[test]
    fn changed_tables_are_named() {
        let new = config(
            "[keys]\nquit = 'q'\n[history]\ntotal = '2GiB'\n[log]\ntime = 'off'\n[screen]\nmouse = false\n[reconnect]\nfirst = '1s'",
        );
        let changes = Config::difference(&Config::default(), &new);
        assert_eq!(
            changes.tables,
            ["log", "history", "screen", "keys", "reconnect"]
        );
    }
}
