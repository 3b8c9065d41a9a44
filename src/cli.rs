//! The command line: options, subcommands, their help, the manual page, shell completions.
//!
//! It says what was asked for and refuses what contradicts itself. What connection strings mean is
//! in [`crate::connect`]; strings stay strings here. The spellings `-k`, `-server`, `-remote` and
//! `-QR` are those of the Windows debuggers' documentation.

mod arguments;
pub mod asking;
mod keygen;
mod manual;
mod refusal;
mod sim_text;
mod simulated;
mod surroundings;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum, ValueHint};

use crate::headless::print::Type;
use crate::sim::{Ports, demo};

pub use arguments::normalise;
pub use keygen::Keygen;
pub use manual::{completions, man};
pub use refusal::Refusal;
pub use sim_text::{RackKind, SimText};
pub use simulated::{Sim, SimKdcom, SimKdnet};
pub use surroundings::{LOG_VARIABLE, NAME_VARIABLE};

/// A full-screen console for one host and a rack of debug targets.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "kdeck",
    version,
    after_help = format!("{NOTES}\n\nExamples:\n{EXAMPLES}"),
    max_term_width = HELP_COLUMNS,
    subcommand_help_heading = "Commands",
    disable_help_subcommand = true
)]
pub struct Cli {
    /// What to do instead of opening the console on the targets given.
    #[command(subcommand)]
    pub action: Option<Action>,

    /// A target, as a connection string; once for each
    ///
    /// For example net:port=50000,key=1.2.3.4,name=web01 for a Windows kernel, or
    /// raw:server=10.0.0.7,port=7001,name=db01,group=db for a console. Targets given here come
    /// after those of the configuration file.
    #[arg(short = 'k', value_name = "STRING", help_heading = TARGETS)]
    pub targets: Vec<String>,

    /// Configuration file [default: ./kdeck.toml, else kdeck/kdeck.toml among the user's settings]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = TARGETS)]
    pub config: Option<PathBuf>,

    /// Join somebody else's session, for example tcp:Port=5005,Server=lab01
    #[arg(long, value_name = "STRING", help_heading = SESSIONS)]
    pub remote: Option<String>,

    /// Entries of each target's history that are wanted on joining, or all [default: 1000]
    #[arg(long, value_name = "N", help_heading = SESSIONS)]
    pub clines: Option<Clines>,

    /// Only watch the session that is joined, whatever the password gives
    #[arg(long, help_heading = SESSIONS)]
    pub observe: bool,

    /// List the servers on a host, and do nothing else; a dot is this machine
    #[arg(long = "QR", value_name = "HOST", help_heading = SESSIONS)]
    pub query: Option<String>,

    /// How the console looks and where it writes.
    #[command(flatten)]
    pub console: Console,
}

/// Options of a console, with its own targets or with those of the demo.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct Console {
    /// Let others join through this server; once for each
    ///
    /// For example tcp:port=5005, npipe:pipe=lab, ssl:port=5443, spipe:pipe=lab or
    /// com:port=/dev/ttyS1,baud=115200,channel=7. A password is made and shown once, unless password= gives
    /// one; viewpassword= lets observers in. The line for clients to type is printed.
    #[arg(long = "server", value_name = "STRING", help_heading = SESSIONS, display_order = 0)]
    pub servers: Vec<String>,

    /// Your name, as it stands beside what you do [default: that of KDECK_NAME or USER]
    #[arg(long, value_name = "NAME", help_heading = SESSIONS)]
    pub name: Option<String>,

    /// How much history is wanted on joining.
    #[arg(skip)]
    pub clines: Option<Clines>,

    /// Whether the session that is joined is only watched.
    #[arg(skip)]
    pub observe: bool,

    /// Forbid .shell for everybody at this rack, here and joined, as long as this process runs
    #[arg(long, help_heading = SESSIONS)]
    pub noshell: bool,

    /// No screen: commands from standard input, events to standard output
    #[arg(long, help_heading = SCRIPTS)]
    pub headless: bool,

    /// With --headless: print events as JSON, one object a line
    #[arg(long, help_heading = SCRIPTS)]
    pub json: bool,

    /// With --headless: print only these types of event
    #[arg(
        long,
        value_name = "TYPE,...",
        value_delimiter = ',',
        value_parser = PossibleValuesParser::new(Type::ALL.map(Type::word)),
        help_heading = SCRIPTS
    )]
    pub only: Vec<String>,

    /// With --headless: go on after the end of standard input
    #[arg(long, help_heading = SCRIPTS)]
    pub linger: bool,

    /// Serve and nothing else: --headless --linger, without reading standard input, telling errors alone
    #[arg(long, help_heading = SCRIPTS)]
    pub noio: bool,

    /// Colours of the screen: a built-in theme or one of your own
    #[arg(long, value_name = "NAME", help_heading = SCREEN)]
    pub theme: Option<String>,

    /// Draw with ASCII characters only
    #[arg(long, help_heading = SCREEN)]
    pub ascii: bool,

    /// Whether to use colour [default: auto, which heeds NO_COLOR and the terminal]
    #[arg(long, value_name = "WHEN", help_heading = SCREEN)]
    pub color: Option<Color>,

    /// Most frames a second [default: 30]
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..=FRAME_RATE_MAX),
        help_heading = SCREEN
    )]
    pub frame_rate: Option<u16>,

    /// Leave the mouse to the terminal
    #[arg(long, help_heading = SCREEN)]
    pub no_mouse: bool,

    /// Directory of the targets' log files
    #[arg(
        long,
        value_name = "DIR",
        value_hint = ValueHint::DirPath,
        conflicts_with = "no_log",
        help_heading = LOGS
    )]
    pub log_dir: Option<PathBuf>,

    /// Write no log files
    #[arg(long, help_heading = LOGS)]
    pub no_log: bool,
}

/// How much history is wanted: a number of entries, or `all`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clines(pub Option<u64>);

impl std::str::FromStr for Clines {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self(None)),
            number => {
                let number = number.parse().map(Some).map(Self);
                number.map_err(|_| "a number of entries, or all".to_owned())
            }
        }
    }
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// If the terminal has it and NO_COLOR is not set
    Auto,
    /// Even if NO_COLOR is set
    Always,
    /// Shapes and weights only
    Never,
}

/// A subcommand.
#[derive(Debug, Clone, Subcommand)]
pub enum Action {
    /// Watch a rack of simulated targets, on real sockets of this machine
    Demo(Demo),
    /// Read the configuration, and report everything that is wrong with it
    Check {
        /// Configuration file [default: the one the console would read]
        #[arg(value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,

        /// Hold what `bcdedit /dbgsettings` printed on a target against it instead; - for standard input
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        bcdedit: Option<PathBuf>,
    },
    /// Serve simulated targets for other programs to connect to
    Sim {
        /// What kind of target.
        #[command(subcommand)]
        kind: Sim,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell that will read it
        shell: clap_complete::Shell,
    },
    /// Print the manual page, in roff
    Man,
    /// Print every path that is read or written
    Paths,
    /// Take back the console of a host whose terminal was lost, or that runs without one
    Attach {
        /// The number of its process [default: the only one there is]
        process: Option<String>,
    },
    /// Join standard input and output to a server on a pipe of this machine: the other end of ssh: strings
    Pipe {
        /// The pipe [default: the only one there is]
        name: Option<String>,
    },
    /// Make keys for network kernel targets, and print what to type there and here
    Keygen(Keygen),
}

/// The demo's rack, and the console on it.
#[derive(Debug, Clone, Args)]
pub struct Demo {
    /// How many targets
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = count())]
    pub count: u16,

    /// About how many lines a second each target prints
    #[arg(long, value_name = "LINES_PER_S", default_value_t = 1.0, value_parser = rate)]
    pub rate: f64,

    /// Where random choices start: the same seed makes the same rack
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// First of the consecutive ports [default: 50000, or the first free block after it]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,

    /// How the console looks and where it writes.
    #[command(flatten)]
    pub console: Console,
}

impl Demo {
    /// The machines to simulate.
    #[must_use]
    pub fn plans(&self) -> Vec<demo::Machine> {
        demo::plans(self.count, self.rate, self.seed)
    }

    /// The ports to put them on.
    #[must_use]
    pub fn ports(&self) -> Ports {
        self.port.map_or(Ports::FirstFree(DEMO_PORT), Ports::From)
    }
}

/// Reads the command line `args`, the program's name first.
///
/// # Errors
/// What is wrong with it, for [`clap::Error::exit`]: that prints it and ends the program with
/// status 2, or 0 where help or the version was asked for.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let args = normalise(args);
    if args
        .iter()
        .take_while(|arg| *arg != "--")
        .any(|arg| arg == "--premote")
    {
        return Err(Cli::command().error(ErrorKind::UnknownArgument, PREMOTE));
    }
    let mut cli = Cli::try_parse_from(args)?;
    if let Some(Action::Demo(demo)) = &mut cli.action {
        cli.console = std::mem::take(&mut demo.console).or(cli.console);
    }
    (cli.console.clines, cli.console.observe) = (cli.clines, cli.observe);
    if cli.console.noio {
        cli.console.headless = true;
        cli.console.linger = true;
        if cli.console.only.is_empty() {
            cli.console.only = vec![Type::Error.word().to_owned()];
        }
    }
    let Console {
        headless,
        json,
        linger,
        only,
        log_dir,
        no_log,
        ..
    } = &cli.console;
    let conflict = if !headless && (*json || *linger || !only.is_empty()) {
        Some((
            ErrorKind::MissingRequiredArgument,
            "--json, --only and --linger need --headless",
        ))
    } else if *no_log && log_dir.is_some() {
        Some((
            ErrorKind::ArgumentConflict,
            "--log-dir and --no-log contradict each other",
        ))
    } else {
        None
    };
    match conflict {
        Some((kind, message)) => Err(Cli::command().error(kind, message)),
        None => Ok(cli),
    }
}

impl Console {
    /// These options, and those of `other` where these leave a choice: the two places they can
    /// stand in `kdeck --ascii demo --headless`.
    fn or(self, other: Self) -> Self {
        Self {
            servers: other.servers.into_iter().chain(self.servers).collect(),
            name: self.name.or(other.name),
            clines: other.clines,
            observe: other.observe,
            noshell: self.noshell || other.noshell,
            headless: self.headless || other.headless,
            json: self.json || other.json,
            only: self.only.into_iter().chain(other.only).collect(),
            linger: self.linger || other.linger,
            noio: self.noio || other.noio,
            theme: self.theme.or(other.theme),
            ascii: self.ascii || other.ascii,
            color: self.color.or(other.color),
            frame_rate: self.frame_rate.or(other.frame_rate),
            no_mouse: self.no_mouse || other.no_mouse,
            log_dir: self.log_dir.or(other.log_dir),
            no_log: self.no_log || other.no_log,
        }
    }
}

fn count() -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(1..=TARGETS_MAX)
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.0..=RATE_MAX).contains(&rate) => Ok(rate),
        _ => Err(format!("a number from 0 to {RATE_MAX} is expected")),
    }
}

const TARGETS: &str = "Targets";
const SESSIONS: &str = "Sessions";
const SCRIPTS: &str = "Scripts";
const SCREEN: &str = "Screen";
const LOGS: &str = "Logs";

/// Where the demo's ports begin if they are free.
const DEMO_PORT: u16 = 50_000;

/// Most simulated targets. Ten times the rack this is made for.
const TARGETS_MAX: i64 = 1000;

/// Most lines a second of a simulated target; see [`crate::sim::text::FLOOD_LINES_PER_S`].
const RATE_MAX: f64 = crate::sim::text::FLOOD_LINES_PER_S;

/// More frames than any terminal shows in a second.
const FRAME_RATE_MAX: i64 = 240;

/// Widest help. Columns; longer lines are hard to read.
const HELP_COLUMNS: usize = 100;

const PREMOTE: &str = "-premote joins a process server, through which each debugger has user-mode programs of its own; \
                       kdeck has kernels and consoles, which everybody shares: -remote joins such a session";

const NOTES: &str = "\
Long options work with one dash or two, those of the Windows debuggers with a slash too: -server, --server, /server. `kdeck man` tells what variables and files there are.";

const EXAMPLES: &str =
    "  kdeck                                    the targets of the configuration file
  kdeck -k telnet:server=ts1,port=7001,name=web01 -k exec:\"ssh lab01\"
                                           two targets of your choice
  kdeck demo                               a hundred simulated ones
  kdeck -server tcp:port=5005 -k ...       let others join, too
  kdeck -remote tcp:Port=5005,Password=...,Server=lab01
                                           join them
  kdeck -QR lab01                          which servers are there?
  kdeck --headless --json --only output    their output for a program to read
  kdeck check rack.toml                    is this file in order?
  kdeck keygen --count 20 --out rack.toml  keys for twenty Windows kernels";
