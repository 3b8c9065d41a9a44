//! Start-up: arguments, logging, error hooks, the configuration; then it hands over to the screen or to headless mode.

#[path = "main/console.rs"]
mod console;
#[path = "main/tools.rs"]
mod tools;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;

use color_eyre::Result;
use color_eyre::eyre::WrapErr as _;
use kdeck::cli::{self, Action, Cli};
use kdeck::config::{Config, Overrides, Places, Problems};
use kdeck::connect::{ClientString, ServerString, TargetString};
use kdeck::session::client::Way;
use tokio::runtime::{Builder, Runtime};

use self::console::{console, host_to_attach};
use self::tools::{check_bcdedit, check_file, make_keys, paths, pipe, query, simulate};

/// Exit status for bad usage and a bad configuration.
const USAGE: u8 = 2;
/// Open files that the most targets there can be may need. Not all that the system allows: programs that are started
/// inherit the limit, and some count to it.
const FILES: u64 = 32_768;
/// Our own log is for its owner: it names machines and people.
const OWNER_ONLY: u32 = 0o600;
/// Threads of the engine: reading a rack is mostly the kernel's work.
const ENGINE_THREADS: usize = 4;

fn main() -> ExitCode {
    let cli = match cli::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            // Help is no error, and a closed pipe no reason to fail.
            error.print().ok();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE));
        }
    };
    match start(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("kdeck: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(cli: Cli) -> Result<ExitCode> {
    color_eyre::config::HookBuilder::default()
        .display_env_section(false)
        .install()?;
    let (targets, servers) = match strings(&cli) {
        Ok(strings) => strings,
        Err(message) => return Ok(refuse(&message)),
    };
    if let Some(refusal) = cli.refusal() {
        return Ok(refuse(&refusal.to_string()));
    }
    let places = match Places::find(cli.config.as_deref()) {
        Ok(places) => places,
        Err(error) => return Ok(refuse(&error.to_string())),
    };
    if let Some(machine) = &cli.query {
        return query(machine, &places);
    }
    let remote = cli.remote.as_deref().map(str::parse).transpose()?;
    let remote = remote.map(Way::Server);
    match cli.action {
        None => console(&cli.console, targets, servers, remote, places, None),
        Some(Action::Demo(demo)) => {
            console(&cli.console, targets, servers, None, places, Some(&demo))
        }
        Some(Action::Check {
            file,
            bcdedit: Some(bcdedit),
        }) => check_bcdedit(&bcdedit, file.as_deref(), targets, &places),
        Some(Action::Check {
            file,
            bcdedit: None,
        }) => check_file(file.as_deref(), places),
        Some(Action::Sim { kind }) => simulate(&kind),
        Some(Action::Completions { shell }) => {
            let mut script = Vec::new();
            cli::completions(shell, &mut script)?;
            print(&script)
        }
        Some(Action::Man) => print(&cli::man()),
        Some(Action::Paths) => print(paths(&places, cli.console.log_dir).as_bytes()),
        Some(Action::Pipe { name }) => pipe(&places, name.as_deref()),
        Some(Action::Keygen(keygen)) => make_keys(&keygen),
        Some(Action::Attach { process }) => match host_to_attach(process, &places) {
            Ok(host) => console(&cli.console, targets, servers, Some(host), places, None),
            Err(message) => Ok(refuse(&message)),
        },
    }
}

/// Parses the connection strings of the command line: targets and servers.
fn strings(cli: &Cli) -> Result<(Vec<TargetString>, Vec<ServerString>), String> {
    let servers = cli.console.servers.iter();
    let servers = servers.map(|server| server.parse().map_err(|error| format!("-server\n{error}")));
    let servers = servers.collect::<Result<Vec<ServerString>, String>>()?;
    if let Some(remote) = &cli.remote {
        remote
            .parse::<ClientString>()
            .map_err(|error| format!("-remote\n{error}"))?;
    }
    let targets = cli.targets.iter();
    let targets = targets.map(|target| target.parse().map_err(|error| format!("-k\n{error}")));
    Ok((targets.collect::<Result<_, String>>()?, servers))
}

/// Reads the configuration: the file, if there is one, and over it what the command line says. With the warnings.
fn read(file: Option<&Path>, overrides: Overrides) -> Result<(Config, Problems), Problems> {
    let (mut config, mut problems) = match file {
        Some(file) => Config::load(file, &())?,
        None => (Config::default(), Problems::default()),
    };
    problems.0.extend(config.override_with(overrides).0);
    if problems.has_errors() {
        Err(problems)
    } else {
        Ok((config, problems))
    }
}

/// The runtime on which targets live.
fn engine() -> Result<Runtime> {
    let threads = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(ENGINE_THREADS);
    Ok(Builder::new_multi_thread()
        .enable_all()
        .worker_threads(threads)
        .thread_name("engine")
        .build()?)
}

/// Sends our own log to its file; the level is that of `KDECK_LOG`.
fn log_to(places: &Places) -> Result<()> {
    places.make_state_dir()?;
    let path = places.own_log_file();
    let open = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(OWNER_ONLY)
        .open(&path);
    let file = open.wrap_err_with(|| format!("kdeck's own log {}", path.display()))?;
    let filter = tracing_subscriber::EnvFilter::try_from_env(cli::LOG_VARIABLE)
        .unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(Mutex::new(file))
        .init();
    Ok(())
}

/// Asks for enough open files: a target has a link and a log.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(FILES, |most| most.min(FILES));
    // No limit at all is as good.
    limit.current = limit.current.map(|now| now.max(wanted));
    // With the limit as it is, links beyond it fail and say so.
    setrlimit(Resource::Nofile, limit).ok();
}

/// The name under which this person types.
fn user_name() -> String {
    let name = [cli::NAME_VARIABLE, "USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok());
    name.filter(|name| !name.is_empty())
        .unwrap_or_else(|| "me".to_owned())
}

fn print(bytes: &[u8]) -> Result<ExitCode> {
    match std::io::stdout().write_all(bytes) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn refuse(message: &str) -> ExitCode {
    eprintln!("kdeck: {message}");
    ExitCode::from(USAGE)
}
