//! Overrides: what the command line says over the file.

use std::path::PathBuf;

use super::problem::{Problem, Problems, Severity};
use super::read::quote;
use super::taken::Taken;
use super::{Color, Config, Target};
use crate::connect::{ServerString, TargetString};

/// What the command line says; `None` and empty leave it to the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// Targets besides those of the file; one that names itself takes the place of the file's target of that name.
    pub targets: Vec<TargetString>,
    /// Servers besides those of the file.
    pub servers: Vec<ServerString>,
    /// Whether `.shell` is forbidden from the start.
    pub no_shell: bool,
    /// Whether anything is logged at all, whatever single targets say.
    pub log: Option<bool>,
    /// Where logs go, relative to the working directory.
    pub log_directory: Option<PathBuf>,
    /// The name of a theme.
    pub theme: Option<String>,
    /// Whether colours are used.
    pub color: Option<Color>,
    /// Whether only ASCII characters are drawn.
    pub ascii: Option<bool>,
    /// Whether the mouse is used.
    pub mouse: Option<bool>,
    /// Most frames a second; brought into 1 to 60.
    pub frame_rate: Option<u32>,
}

impl Config {
    /// Puts `overrides` over what the file says. With the configuration unusable or not, tells what is wrong:
    /// [`Problems::has_errors`] if a name or a local port is taken, by the file or by the command line itself; such a
    /// target is left out.
    pub fn override_with(&mut self, overrides: Overrides) -> Problems {
        let mut problems = Vec::new();
        let mut problem = |severity, message: String, help: &str| {
            let mut problem = Problem::new(severity, COMMAND_LINE, message);
            problem.help = Some(help.to_owned()).filter(|help| !help.is_empty());
            problems.push(problem);
        };
        let named: Vec<&String> = overrides
            .targets
            .iter()
            .filter_map(|connect| connect.name.as_ref())
            .collect();
        self.targets.retain(|target| !named.contains(&&target.name));
        let mut taken = Taken::default();
        for (index, target) in self.targets.iter().enumerate() {
            taken.insert(target, index);
        }
        for connect in overrides.targets {
            if let Some(message) = connect.not_served() {
                problem(
                    Severity::Warning,
                    message.to_owned(),
                    "it is listed, but not connected",
                );
            }
            for warning in connect.warnings() {
                problem(Severity::Warning, warning, "");
            }
            let is_named = connect.name.is_some();
            let mut target = Target::new(connect);
            if !is_named {
                target.name = taken.free_name(target.name);
            }
            if taken.name(&target.name).is_some() {
                let message = format!("two targets have the name {}", quote(&target.name));
                problem(Severity::Error, message, "give each a name= of its own");
                continue;
            }
            if let Some((port, index)) = taken.port(&target) {
                if let Some(other) = self.targets.get(index) {
                    let message = format!(
                        "{port} of the target {} is held by the target {} {}",
                        quote(&target.name),
                        quote(&other.name),
                        other.origin()
                    );
                    problem(
                        Severity::Error,
                        message,
                        "every target has a local port of its own",
                    );
                }
                continue;
            }
            taken.insert(&target, self.targets.len());
            self.targets.push(target);
        }
        self.servers.extend(overrides.servers);
        self.sessions.no_shell |= overrides.no_shell;

        if let Some(log) = overrides.log {
            self.log.enabled = log;
            for target in &mut self.targets {
                target.log = None;
            }
        }
        if let Some(directory) = overrides.log_directory {
            // What was typed is meant from where it was typed, not from where the file is.
            self.log.directory = Some(std::path::absolute(&directory).unwrap_or(directory));
        }
        let Overrides {
            theme,
            color,
            ascii,
            mouse,
            frame_rate,
            ..
        } = overrides;
        let screen = &mut self.screen;
        screen.theme = theme.unwrap_or(std::mem::take(&mut screen.theme));
        screen.color = color.unwrap_or(screen.color);
        screen.ascii = ascii.unwrap_or(screen.ascii);
        screen.mouse = mouse.unwrap_or(screen.mouse);
        screen.frame_rate = frame_rate.map_or(screen.frame_rate, |rate| rate.clamp(1, 60));
        Problems(problems)
    }
}

/// What stands in the place of a file's name in problems with the command line.
const COMMAND_LINE: &str = "command line";

#[cfg(test)]
mod tests {
    use super::*;

    fn overridden(file: &str, targets: &[&str]) -> (Config, Problems) {
        let mut config = Config::from_str("kdeck.toml", file, &()).unwrap().0;
        let targets = targets
            .iter()
            .map(|target| target.parse().unwrap())
            .collect();
        let problems = config.override_with(Overrides {
            targets,
            ..Overrides::default()
        });
        (config, problems)
    }

    fn names(config: &Config) -> Vec<&str> {
        config
            .targets
            .iter()
            .map(|target| target.name.as_str())
            .collect()
    }

    const FILE: &str = r#"
        [[target]]
        name = "web{01..02}"
        connect = "raw:listen,port={7001..7002}"
    "#;

    #[test]
    fn targets_of_the_command_line_join_those_of_the_file() {
        let (config, problems) = overridden(FILE, &["raw:server=lab,port=7001,name=db"]);
        assert_eq!(names(&config), ["web01", "web02", "db"]);
        assert_eq!(problems, Problems::default());
    }

    #[test]
    fn a_named_target_takes_the_place_of_the_files() {
        let (config, problems) = overridden(FILE, &["raw:listen,port=7001,name=web01"]);
        assert_eq!(names(&config), ["web02", "web01"]);
        assert_eq!(problems, Problems::default());
    }

    #[test]
    fn targets_without_a_name_are_told_apart() {
        let (config, problems) = overridden("", &["exec:bash", "exec:bash", "exec:bash"]);
        let [first, second, third] = names(&config)[..] else {
            panic!("{:?}", names(&config))
        };
        assert_eq!(
            (second, third),
            (&*format!("{first}-2"), &*format!("{first}-3"))
        );
        assert_eq!(problems, Problems::default());
    }

    #[test]
    fn a_port_or_a_name_of_another_is_refused() {
        let (_, problems) = overridden(
            FILE,
            &[
                "raw:listen,port=7002,name=db",
                "raw:server=a,port=1,name=x",
                "raw:server=b,port=1,name=x",
            ],
        );
        assert!(problems.has_errors());
        insta::assert_snapshot!(problems);
    }

    #[test]
    fn options_win_over_the_file() {
        let file = "[log]\nenabled = true\n[screen]\ntheme = 'dark'\n[[target]]\nconnect = 'exec:sh'\nlog = true\n";
        let mut config = Config::from_str("kdeck.toml", file, &()).unwrap().0;
        let problems = config.override_with(Overrides {
            log: Some(false),
            log_directory: Some(PathBuf::from("logs")),
            ascii: Some(true),
            frame_rate: Some(500),
            ..Overrides::default()
        });
        assert_eq!(problems, Problems::default());
        assert!(
            config
                .targets
                .iter()
                .all(|target| !config.is_logged(target))
        );
        assert!(
            config
                .log
                .directory
                .as_ref()
                .is_some_and(|directory| directory.is_absolute())
        );
        assert_eq!(
            (
                config.screen.theme.as_str(),
                config.screen.ascii,
                config.screen.frame_rate
            ),
            ("dark", true, 60)
        );
    }
}
