//! A host or a client with its console, or without one: what is started, and how it ends.

use std::process::ExitCode;
use std::sync::Arc;

use color_eyre::Result;
use color_eyre::eyre::WrapErr as _;
use kdeck::cli::{Color, Console, Demo, asking};
use kdeck::config::{self, Config, Overrides, Places, Problems};
use kdeck::connect::{ServerString, TargetString};
use kdeck::deck::{Deck, Home, News, Seat, Severity};
use kdeck::headless;
use kdeck::host::Host;
use kdeck::session::client::{Interest, Joining, Line, Visitor, Way};
use kdeck::session::{Author, attach};
use kdeck::signals::{self, Hangup};
use kdeck::sim;
use kdeck::ui::{self, console::End, terminal};
use tokio::runtime::Runtime;

use super::{USAGE, engine, log_to, raise_file_limit, read, refuse, user_name};

/// Runs a host or a client with its console, or without one.
pub(crate) fn console(
    options: &Console,
    mut targets: Vec<TargetString>,
    servers: Vec<ServerString>,
    remote: Option<Way>,
    places: Places,
    demo: Option<&Demo>,
) -> Result<ExitCode> {
    log_to(&places)?;
    raise_file_limit();
    let engine = engine()?;
    let rack = demo
        .map(|demo| serve_demo(demo, &engine, &mut targets))
        .transpose()?;
    let file = places.config_file.clone().filter(|_| demo.is_none());
    let overrides = overrides(options, targets, servers.clone());
    let read = move || read(file.as_deref(), overrides.clone());
    let (config, warnings) = match read() {
        Ok(read) => read,
        Err(problems) => return Ok(refuse(&problems.to_string())),
    };
    if !warnings.0.is_empty() {
        eprintln!("{warnings}");
    }
    let who = options.name.clone().unwrap_or_else(user_name);
    let source = move || read().map(|(config, _)| config);
    let mut screen = match ui::options::Options::new(&config, &places, who.clone(), |name| {
        std::env::var(name).ok()
    }) {
        Ok(screen) => screen,
        Err(error) => return Ok(refuse(&error)),
    };
    let visitor = visitor(options, &who, &config, &places);
    let seat = match remote {
        None => host_seat(config, places, source, visitor, &engine)?,
        Some(way) => match client_seat(way, options, &config, visitor, &engine) {
            Ok(seat) => seat,
            Err(reason) => {
                eprintln!("kdeck: {reason}");
                engine.shutdown_background();
                return Ok(ExitCode::FAILURE);
            }
        },
    };
    if let Deck::Host(host) = seat.deck() {
        match open_servers(&host, &servers, &engine) {
            // The password in it is no event; on the screen it is shown once.
            Ok(told) if options.headless => told.iter().for_each(|text| eprintln!("{text}")),
            Ok(told) => screen.welcome = told.join("\n\n"),
            Err(reason) => {
                eprintln!("kdeck: {reason}");
                engine.block_on(end(seat.deck()));
                engine.shutdown_background();
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    let ran = if options.headless {
        run_headless(&seat, options, who, &engine)
    } else {
        run_screen(&seat, screen, &engine)
    };
    let (status, problem) = engine.block_on(end(seat.deck()));
    match problem {
        // Writing to a terminal that is gone fails.
        Some(problem) if matches!(ran, Ok(Ran::WithoutTerminal)) => tracing::warn!(problem),
        Some(problem) => eprintln!("kdeck: {problem}"),
        None => {}
    }
    if let Some(rack) = rack {
        engine.block_on(rack.stop());
    }
    // A thread that waits for standard input must not hold us up.
    engine.shutdown_background();
    ran.map(|ran| match ran {
        Ran::NoTerminal => ExitCode::from(USAGE),
        Ran::ToTheEnd | Ran::WithoutTerminal => status,
    })
}

/// How a run went.
enum Ran {
    /// To its end.
    ToTheEnd,
    /// Its terminal was lost, and it went on without one.
    WithoutTerminal,
    /// There was no terminal to draw on.
    NoTerminal,
}

fn run_headless(seat: &Seat, options: &Console, who: String, engine: &Runtime) -> Result<Ran> {
    let hangup = if options.linger {
        Hangup::Ignored
    } else {
        Hangup::Ends
    };
    let options = headless::Options {
        json: options.json,
        only: options.only.clone(),
        linger: options.linger,
        no_input: options.noio,
        author: Author::owner(who),
    };
    let stop = signals::stop_token(engine.handle(), hangup)?;
    let run = headless::run(seat.clone(), options, engine.handle().clone(), stop);
    engine.block_on(run).wrap_err("standard output")?;
    Ok(Ran::ToTheEnd)
}

fn run_screen(seat: &Seat, screen: ui::options::Options, engine: &Runtime) -> Result<Ran> {
    match ui::console::run(seat, screen, engine.handle()) {
        Err(error @ (terminal::Error::NotATerminal(_) | terminal::Error::Dumb)) => {
            eprintln!("kdeck: {error}");
            Ok(Ran::NoTerminal)
        }
        Ok(End::Detached) => {
            // There is nobody left to tell.
            if let Err(error) = go_on_without_screen(seat, engine) {
                tracing::error!(%error, "the host cannot go on without a terminal");
            }
            Ok(Ran::WithoutTerminal)
        }
        result => Ok(result.map(|_| Ran::ToTheEnd)?),
    }
}

/// The host that is meant, or the only one there is.
pub(crate) fn host_to_attach(process: Option<String>, places: &Places) -> Result<Way, String> {
    if let Some(process) = process {
        return Ok(Way::Host(process));
    }
    let hosts = attach::hosts(places);
    match hosts.as_slice() {
        [] => Err("attach: no host of yours runs on this machine".to_owned()),
        [host] => Ok(Way::Host(host.clone())),
        several => Err(format!(
            "attach: to which? these processes are hosts: {}",
            several.join(", ")
        )),
    }
}

/// Runs the host until it is told to end, or somebody in it ends the session.
fn go_on_without_screen(seat: &Seat, engine: &Runtime) -> Result<()> {
    // A Ctrl-C at the terminal that was left is not meant for this.
    let stop = signals::terminated(engine.handle())?;
    tracing::info!("no terminal any more; the host goes on");
    engine.block_on(async {
        if let Deck::Host(host) = seat.deck() {
            host.stand_up();
        }
        let deck = seat.deck();
        tokio::select! {
            () = stop.cancelled() => {}
            reason = deck.over() => tracing::info!(reason, "the session is over"),
        }
    });
    Ok(())
}

/// The seat at a host of its own, from which sessions can be joined when it holds nothing.
fn host_seat(
    config: Config,
    places: Places,
    source: impl Fn() -> Result<Config, Problems> + Clone + Send + Sync + 'static,
    visitor: Visitor,
    engine: &Runtime,
) -> Result<Seat> {
    let handle = engine.handle().clone();
    let who = visitor.name.clone();
    let start = move |config: Config, news: News| {
        let source = Box::new(source.clone());
        let host = Host::start(config, places.clone(), source, handle.clone(), news)?;
        host.sit(&who);
        let _inside = handle.enter();
        if let Err(problem) = attach::listen(&host) {
            let text = format!("{problem}; this host cannot be attached to");
            host.news().notice(Severity::Warning, text);
        }
        std::io::Result::Ok(host)
    };
    let empty = Config {
        targets: Vec::new(),
        servers: Vec::new(),
        ..config.clone()
    };
    let host = start(config, News::default())?;
    let home: Home = Box::new(move |news| {
        start(empty.clone(), news).map_err(|error| format!("no host can be started here: {error}"))
    });
    let handle = engine.handle().clone();
    Ok(Seat::with(
        Deck::Host(host),
        handle,
        Some(visitor),
        Some(home),
    ))
}

/// The seat in a session that is joined.
///
/// # Errors
/// Why it cannot be joined.
fn client_seat(
    way: Way,
    options: &Console,
    config: &Config,
    visitor: Visitor,
    engine: &Runtime,
) -> Result<Seat, String> {
    if !config.targets.is_empty() || !config.servers.is_empty() {
        eprintln!(
            "kdeck: a client has no targets and servers of its own: those of the configuration stay out"
        );
    }
    let joining = Joining {
        way,
        interest: interest(options),
        visitor: visitor.clone(),
    };
    let client = asking::join(joining, &News::default(), engine, !options.headless)?;
    let handle = engine.handle().clone();
    Ok(Seat::with(
        Deck::Client(client),
        handle,
        Some(visitor),
        None,
    ))
}

/// Opens the servers of the configuration and of the command line. With those that could be opened, the targets go on:
/// the lines for clients, and what failed.
///
/// # Errors
/// Why one that the command line asks for cannot be opened.
fn open_servers(
    host: &Arc<Host>,
    wanted: &[ServerString],
    engine: &Runtime,
) -> Result<Vec<String>, String> {
    let mut told = Vec::new();
    for (string, opened) in engine.block_on(host.open_configured()) {
        match opened {
            Ok(text) => told.push(text),
            Err(reason) if wanted.contains(&string) => return Err(format!("-server {reason}")),
            Err(reason) => told.push(format!("not opened: {reason}")),
        }
    }
    Ok(told)
}

/// Who joins sessions from here.
fn visitor(options: &Console, who: &str, config: &Config, places: &Places) -> Visitor {
    let mut visitor = Visitor::new(who, places.clone(), config.transport.clone());
    visitor.observe = options.observe;
    if let Some(clines) = options.clines {
        visitor.history = clines.0;
    }
    visitor.bounds = config.history;
    if let Some(port) = config.sessions.directory {
        visitor.directory = port;
    }
    visitor
}

/// Which targets' output a run wants before anybody has looked at one.
fn interest(options: &Console) -> Interest {
    let reads = ["output", "command", "notice", "missed"];
    let only = &options.only;
    let wants = only.is_empty() || only.iter().any(|kind| reads.contains(&kind.as_str()));
    if options.headless && wants {
        Interest::All
    } else {
        Interest::These(Vec::new())
    }
}

/// Ends what is sat at: how the run ended, and what there is to tell about it.
async fn end(deck: Deck) -> (ExitCode, Option<String>) {
    match deck {
        Deck::Host(host) => {
            let problem = host.stop().await.err();
            let told = host.ended_by_guest().map(str::to_owned);
            let told = match (told, problem) {
                (Some(told), Some(problem)) => Some(format!("{told}; {problem}")),
                (told, problem) => told.or(problem),
            };
            (ExitCode::SUCCESS, told)
        }
        Deck::Client(client) => {
            let line = client.line();
            client.leave().await;
            let told = |reason| Some(format!("the session is over here: {reason}"));
            match line {
                Line::Over(reason) => (ExitCode::SUCCESS, told(reason)),
                // It was to do more.
                Line::PutOut(reason) => (ExitCode::FAILURE, told(reason)),
                Line::Up | Line::Down(_) | Line::Left => (ExitCode::SUCCESS, None),
            }
        }
    }
}

/// Starts the demo's targets, and adds their connection strings to `targets`.
fn serve_demo(
    demo: &Demo,
    engine: &Runtime,
    targets: &mut Vec<TargetString>,
) -> Result<sim::demo::Rack> {
    let _inside = engine.enter();
    let rack = sim::demo::serve(&demo.plans(), demo.ports()).wrap_err("the demo's targets")?;
    for target in rack.targets() {
        targets.push(target.parse()?);
    }
    Ok(rack)
}

fn overrides(
    options: &Console,
    targets: Vec<TargetString>,
    servers: Vec<ServerString>,
) -> Overrides {
    Overrides {
        targets,
        servers,
        no_shell: options.noshell,
        log: options.no_log.then_some(false),
        log_directory: options.log_dir.clone(),
        theme: options.theme.clone(),
        color: options.color.map(|color| match color {
            Color::Auto => config::Color::Auto,
            Color::Always => config::Color::Always,
            Color::Never => config::Color::Never,
        }),
        ascii: options.ascii.then_some(true),
        mouse: options.no_mouse.then_some(false),
        frame_rate: options.frame_rate.map(u32::from),
    }
}
