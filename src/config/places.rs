//! Places: every path kdeck uses, from the environment, and the directories made ready.
//!
//! Facts: the XDG Base Directory Specification; relative paths in its variables are ignored, as it says.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::Config;

/// Every path in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The configuration file; `None` if there is none.
    pub config_file: Option<PathBuf>,
    /// The directory of the user's configuration.
    pub config_dir: PathBuf,
    /// Logs, history and device file are in here.
    pub state_dir: PathBuf,
    /// Sockets are in here; only its owner may enter.
    pub runtime_dir: PathBuf,
    home: PathBuf,
}

/// Why a place cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The configuration file that was asked for cannot be read.
    #[error("cannot read the configuration file {}: {error}", path.display())]
    ConfigFile {
        /// As it was asked for.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Nothing tells where the user's files are.
    #[error("cannot tell where your files are: there is no home directory; set HOME, or {}", set.join(", "))]
    NoHome {
        /// The variables that would do as well.
        set: Vec<&'static str>,
    },
    /// A directory cannot be made.
    #[error("cannot create the {what} directory {}: {error}; make it, or set {set}", path.display())]
    Create {
        /// Which: "state", "runtime".
        what: &'static str,
        /// Where it would be.
        path: PathBuf,
        /// What to set to have it elsewhere.
        set: &'static str,
        /// What the system said.
        error: io::Error,
    },
    /// A directory is there but cannot be written to.
    #[error("cannot write to the {what} directory {}: {error}; change its permissions, or set {set}", path.display())]
    NotWritable {
        /// Which: "state", "runtime".
        what: &'static str,
        /// Where it is.
        path: PathBuf,
        /// What to set to have it elsewhere.
        set: &'static str,
        /// What the system said.
        error: io::Error,
    },
    /// The directory of the sockets belongs to somebody else, who could take them over.
    #[error("the runtime directory {} belongs to another user; remove it, or set KDECK_RUNTIME_DIR", path.display())]
    NotOurs {
        /// Where it is.
        path: PathBuf,
    },
}

impl Places {
    /// Finds them from the process's environment and working directory; `config` is what `--config` says.
    ///
    /// # Errors
    /// [`PlaceError::ConfigFile`] if `config` cannot be read, [`PlaceError::NoHome`] if there is no home directory.
    pub fn find(config: Option<&Path>) -> Result<Places, PlaceError> {
        let home = etcetera::home_dir().ok();
        Places::find_in(|name| std::env::var_os(name), home, Path::new(""), config)
    }

    /// [`Places::find`] in any environment: `here` is the working directory, `home` where files go that no variable
    /// names.
    ///
    /// # Errors
    /// As [`Places::find`].
    pub fn find_in(
        environment: impl Fn(&str) -> Option<OsString>,
        home: Option<PathBuf>,
        here: &Path,
        config: Option<&Path>,
    ) -> Result<Places, PlaceError> {
        let set = |name: &str| {
            environment(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let xdg = |name: &str| set(name).filter(|path| path.is_absolute());
        let in_home = |below: &str| home.as_ref().map(|home| home.join(below));
        let dir = |own: &'static str, standard: &str, below: &str| {
            set(own)
                .or_else(|| Some(xdg(standard).or_else(|| in_home(below))?.join("kdeck")))
                .ok_or(own)
        };
        let config_dir = dir(CONFIG_VARIABLE, "XDG_CONFIG_HOME", ".config");
        let state_dir = dir(STATE_VARIABLE, "XDG_STATE_HOME", ".local/state");
        let (config_dir, state_dir) = match (config_dir, state_dir) {
            (Ok(config_dir), Ok(state_dir)) => (config_dir, state_dir),
            (config_dir, state_dir) => {
                let set = [config_dir.err(), state_dir.err()]
                    .into_iter()
                    .flatten()
                    .collect();
                return Err(PlaceError::NoHome { set });
            }
        };
        // Without a session directory, sockets go with the state: unlike one in /tmp, nobody can be there first.
        let runtime_dir = set(RUNTIME_VARIABLE)
            .or_else(|| Some(xdg("XDG_RUNTIME_DIR")?.join("kdeck")))
            .unwrap_or_else(|| state_dir.join("run"));

        let config_file = match config {
            Some(asked) => {
                let path = here.join(asked);
                fs::File::open(&path).map_err(|error| PlaceError::ConfigFile {
                    path: path.clone(),
                    error,
                })?;
                Some(path)
            }
            None => [here.join(FILE_NAME), config_dir.join(FILE_NAME)]
                .into_iter()
                .find(|path| path.is_file()),
        };
        Ok(Places {
            config_file,
            config_dir,
            state_dir,
            runtime_dir,
            home: home.unwrap_or_default(),
        })
    }

    /// Where the user's own themes are.
    pub fn themes_dir(&self) -> PathBuf {
        self.config_dir.join("themes")
    }

    /// Where logs go under `config`: `~/` is the home directory, a relative path is relative to the file it is in.
    pub fn log_dir(&self, config: &Config) -> PathBuf {
        let Some(directory) = &config.log.directory else {
            return self.state_dir.join("logs");
        };
        if let Ok(below) = directory.strip_prefix("~") {
            return self.home.join(below);
        }
        let base = config
            .file
            .as_deref()
            .and_then(Path::parent)
            .unwrap_or(Path::new(""));
        base.join(directory)
    }

    /// What was typed at the command line.
    pub fn history_file(&self) -> PathBuf {
        self.state_dir.join("history")
    }

    /// Who joined, left and was refused, and every command with its author.
    pub fn audit_file(&self) -> PathBuf {
        self.state_dir.join(AUDIT_FILE)
    }

    /// This machine's own certificate and its key.
    pub fn own_certificate_file(&self) -> PathBuf {
        self.state_dir.join("certificate.pem")
    }

    /// What servers are known to show.
    pub fn known_servers_file(&self) -> PathBuf {
        self.state_dir.join("known_servers")
    }

    /// Certificates that servers can be told to show, as `NAME.pem`.
    pub fn certificates_dir(&self) -> PathBuf {
        self.config_dir.join("certificates")
    }

    /// What servers of this machine tell of themselves to whoever looks for them.
    pub fn registry_dir(&self) -> PathBuf {
        self.runtime_dir.join("servers")
    }

    /// The devices that have been seen.
    pub fn device_file(&self) -> PathBuf {
        self.state_dir.join("devices.toml")
    }

    /// kdeck's own log.
    pub fn own_log_file(&self) -> PathBuf {
        self.state_dir.join("kdeck.log")
    }

    /// Makes the state directory.
    ///
    /// # Errors
    /// [`PlaceError`] if it cannot be made or written to.
    pub fn make_state_dir(&self) -> Result<(), PlaceError> {
        make("state", &self.state_dir, STATE_VARIABLE, 0o700)
    }

    /// Makes the directory of the sockets, which nobody else may enter, whatever the umask is.
    ///
    /// # Errors
    /// [`PlaceError`] if it cannot be made or written to, or is somebody else's.
    pub fn make_runtime_dir(&self) -> Result<(), PlaceError> {
        let path = &self.runtime_dir;
        make("runtime", path, RUNTIME_VARIABLE, 0o700)?;
        let failed = |error| PlaceError::NotWritable {
            what: "runtime",
            path: path.clone(),
            set: RUNTIME_VARIABLE,
            error,
        };
        let metadata = fs::metadata(path).map_err(failed)?;
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(PlaceError::NotOurs { path: path.clone() });
        }
        if metadata.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(failed)?;
        }
        Ok(())
    }
}

/// Makes the directory `path` and those above it, and sees to it that files can be made in it.
fn make(what: &'static str, path: &Path, set: &'static str, mode: u32) -> Result<(), PlaceError> {
    DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .map_err(|error| PlaceError::Create {
            what,
            path: path.to_owned(),
            set,
            error,
        })?;
    writable(path).map_err(|error| PlaceError::NotWritable {
        what,
        path: path.to_owned(),
        set,
        error,
    })
}

/// Whether files can be made in the directory `path`, without leaving one.
pub(super) fn writable(path: &Path) -> io::Result<()> {
    use rustix::fs::Access;
    rustix::fs::access(path, Access::WRITE_OK | Access::EXEC_OK).map_err(io::Error::from)
}

/// The name of the configuration file, here and in the configuration directory.
pub const FILE_NAME: &str = "kdeck.toml";
/// The name of the audit log, in the state directory.
pub const AUDIT_FILE: &str = "audit.log";
/// Takes the place of the XDG configuration directory.
pub const CONFIG_VARIABLE: &str = "KDECK_CONFIG_DIR";
/// Takes the place of the XDG state directory.
pub const STATE_VARIABLE: &str = "KDECK_STATE_DIR";
/// Takes the place of the XDG runtime directory.
pub const RUNTIME_VARIABLE: &str = "KDECK_RUNTIME_DIR";

#[cfg(test)]
mod tests {
    use super::*;

    fn find(
        variables: &[(&str, &str)],
        home: Option<&str>,
        here: &Path,
        config: Option<&Path>,
    ) -> Result<Places, PlaceError> {
        let environment = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| OsString::from(value))
        };
        Places::find_in(environment, home.map(PathBuf::from), here, config)
    }

    #[test]
    fn without_variables_everything_is_in_the_home_directory() {
        let here = tempfile::tempdir().unwrap();
        let places = find(&[], Some("/home/ann"), here.path(), None).unwrap();
        assert_eq!(places.config_file, None);
        assert_eq!(
            places.themes_dir(),
            Path::new("/home/ann/.config/kdeck/themes")
        );
        assert_eq!(
            places.device_file(),
            Path::new("/home/ann/.local/state/kdeck/devices.toml")
        );
        assert_eq!(
            places.runtime_dir,
            Path::new("/home/ann/.local/state/kdeck/run")
        );
    }

    #[test]
    fn our_variables_win_over_the_standard_ones() {
        let here = tempfile::tempdir().unwrap();
        let standard = [
            ("XDG_CONFIG_HOME", "/x/config"),
            ("XDG_STATE_HOME", "/x/state"),
            ("XDG_RUNTIME_DIR", "/x/run"),
        ];
        let places = find(&standard, None, here.path(), None).unwrap();
        assert_eq!(places.config_dir, Path::new("/x/config/kdeck"));
        assert_eq!(places.state_dir, Path::new("/x/state/kdeck"));
        assert_eq!(places.runtime_dir, Path::new("/x/run/kdeck"));

        let ours = [
            (CONFIG_VARIABLE, "/o/config"),
            (STATE_VARIABLE, "/o/state"),
            (RUNTIME_VARIABLE, "/o/run"),
        ];
        let places = find(&[&standard[..], &ours].concat(), None, here.path(), None).unwrap();
        assert_eq!(places.config_dir, Path::new("/o/config"));
        assert_eq!(places.state_dir, Path::new("/o/state"));
        assert_eq!(places.runtime_dir, Path::new("/o/run"));
    }

    #[test]
    fn relative_standard_variables_are_ignored() {
        let here = tempfile::tempdir().unwrap();
        let variables = [
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_STATE_HOME", ""),
            ("XDG_RUNTIME_DIR", "run"),
        ];
        let places = find(&variables, Some("/home/ann"), here.path(), None).unwrap();
        assert_eq!(
            places,
            find(&[], Some("/home/ann"), here.path(), None).unwrap()
        );
    }

    #[test]
    fn without_a_home_the_variables_that_help_are_named() {
        let here = tempfile::tempdir().unwrap();
        let error = find(&[(CONFIG_VARIABLE, "/c")], None, here.path(), None).unwrap_err();
        assert!(
            matches!(&error, PlaceError::NoHome { set } if set == &[STATE_VARIABLE]),
            "{error}"
        );
        assert!(error.to_string().contains(STATE_VARIABLE), "{error}");
    }

    #[test]
    fn the_file_is_looked_for_here_then_in_the_configuration_directory() {
        let here = tempfile::tempdir().unwrap();
        let config = tempfile::tempdir().unwrap();
        let variables = [(CONFIG_VARIABLE, config.path().to_str().unwrap())];
        let file = || {
            find(&variables, Some("/h"), here.path(), None)
                .unwrap()
                .config_file
        };
        assert_eq!(file(), None);
        fs::write(config.path().join(FILE_NAME), "").unwrap();
        assert_eq!(file(), Some(config.path().join(FILE_NAME)));
        fs::write(here.path().join(FILE_NAME), "").unwrap();
        assert_eq!(file(), Some(here.path().join(FILE_NAME)));

        fs::write(here.path().join("other.toml"), "").unwrap();
        let asked = find(
            &variables,
            Some("/h"),
            here.path(),
            Some(Path::new("other.toml")),
        )
        .unwrap();
        assert_eq!(asked.config_file, Some(here.path().join("other.toml")));
        let error = find(
            &variables,
            Some("/h"),
            here.path(),
            Some(Path::new("none.toml")),
        )
        .unwrap_err();
        assert!(
            matches!(&error, PlaceError::ConfigFile { path, .. } if path.ends_with("none.toml")),
            "{error}"
        );
    }

    #[test]
    fn logs_go_where_the_file_says() {
        let places = find(&[], Some("/home/ann"), Path::new("/lab"), None).unwrap();
        let log_dir = |directory: Option<&str>| {
            let mut config = Config {
                file: Some(PathBuf::from("/lab/kdeck.toml")),
                ..Config::default()
            };
            config.log.directory = directory.map(PathBuf::from);
            places.log_dir(&config)
        };
        assert_eq!(
            log_dir(None),
            Path::new("/home/ann/.local/state/kdeck/logs")
        );
        assert_eq!(log_dir(Some("logs")), Path::new("/lab/logs"));
        assert_eq!(log_dir(Some("~/logs")), Path::new("/home/ann/logs"));
        assert_eq!(log_dir(Some("/var/log/rack")), Path::new("/var/log/rack"));
    }

    #[test]
    fn only_we_may_enter_the_runtime_directory() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/run");
        let variables = [(RUNTIME_VARIABLE, path.to_str().unwrap())];
        let places = find(&variables, Some("/h"), dir.path(), None).unwrap();
        places.make_runtime_dir().unwrap();
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o700);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        places.make_runtime_dir().unwrap();
        assert_eq!(mode(), 0o700);
    }

    #[test]
    fn a_directory_that_cannot_be_made_says_which_and_what_to_set() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let state = file.join("state");
        let variables = [(STATE_VARIABLE, state.to_str().unwrap())];
        let places = find(&variables, Some("/h"), dir.path(), None).unwrap();
        let message = places.make_state_dir().unwrap_err().to_string();
        assert!(message.contains("state directory"), "{message}");
        assert!(message.contains(state.to_str().unwrap()), "{message}");
        assert!(message.contains(STATE_VARIABLE), "{message}");
    }
}
