//! Start-up: arguments, logging, error hooks, the configuration; then it hands over to the screen or to headless mode.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use color_eyre::Result;
use color_eyre::eyre::WrapErr as _;
use kdeck::cli::{self, Action, Cli, Color, Console, Demo, Keygen, Sim, asking};
use kdeck::config::{self, Config, Overrides, Places, Problems, check};
use kdeck::connect::{ClientString, ServerString, TargetLink, TargetString};
use kdeck::deck::{Deck, Home, News, Seat};
use kdeck::headless;
use kdeck::host::Host;
use kdeck::session::client::{Interest, Joining, Line, Visitor, Way};
use kdeck::session::{Author, attach, directory, transport};
use kdeck::setup::{self, addresses, bcdedit, keygen, secret_file};
use kdeck::signals::{self, Hangup};
use kdeck::sim;
use kdeck::transcript::Limits;
use kdeck::ui::{self, console::End, terminal};
use tokio::runtime::{Builder, Runtime};

/// Exit status for bad usage and a bad configuration.
const USAGE: u8 = 2;
/// Open files that the most targets there can be may need. Not all that the system allows: programs that are started
/// inherit the limit, and some count to it.
const FILES: u64 = 32_768;
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
        Some(Action::Paths) => print(paths(&places).as_bytes()),
        Some(Action::Pipe { name }) => pipe(&places, name.as_deref()),
        Some(Action::Keygen(keygen)) => make_keys(&keygen),
        Some(Action::Attach { process }) => match host_to_attach(process, &places) {
            Ok(host) => console(&cli.console, targets, servers, Some(host), places, None),
            Err(message) => Ok(refuse(&message)),
        },
    }
}

/// Serves simulated targets until it is told to end.
fn simulate(kind: &Sim) -> Result<ExitCode> {
    raise_file_limit();
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .worker_threads(1)
        .build()?;
    let out = &mut std::io::stdout();
    match kind {
        Sim::Text(text) => {
            let (plans, ports, wire) = (text.plans(), text.ports(), text.wire());
            runtime.block_on(sim::run_text(&plans, ports, wire, out))?;
        }
        Sim::Kdnet(net) => {
            let (plans, host) = (net.plans(), (net.host, net.port));
            runtime.block_on(sim::run_kdnet(&plans, host, net.offer_every, out))?;
        }
        Sim::Kdcom(com) => runtime.block_on(sim::run_kdcom(&com.plans(), out))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Lists the servers on a machine.
fn query(machine: &str, places: &Places) -> Result<ExitCode> {
    let config = read(places.config_file.as_deref(), Overrides::default());
    // What is wrong with the file is told where it is needed.
    let port = config
        .ok()
        .and_then(|(config, _)| config.sessions.directory);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let found = directory::find(machine, places, port.unwrap_or(config::DIRECTORY_PORT));
    match runtime.block_on(found) {
        Ok(found) => print(directory::text(machine, &found).as_bytes()),
        Err(reason) => {
            eprintln!("kdeck: -QR {machine}: {reason}");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Joins standard input and output to a server on a pipe of this machine.
fn pipe(places: &Places, name: Option<&str>) -> Result<ExitCode> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let joined = runtime.block_on(transport::pipe(places, name));
    // A thread that waits for standard input must not hold us up.
    runtime.shutdown_background();
    match joined {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(reason) => {
            eprintln!("kdeck: {reason}");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Parses the connection strings of the command line: targets and servers.
fn strings(cli: &Cli) -> Result<(Vec<TargetString>, Vec<ServerString>), String> {
    let servers = cli.servers.iter();
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

/// Runs a host or a client with its console, or without one.
fn console(
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
    let screen = match ui::options::Options::new(&config, &places, who.clone(), |name| {
        std::env::var(name).ok()
    }) {
        Ok(screen) => screen,
        Err(error) => return Ok(refuse(&error)),
    };
    let mut usage = false;
    let visitor = visitor(options, &who, &config, &places);
    let may_ask = !options.headless;
    let seat = match remote {
        Some(way) => {
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
            let news = News::default();
            match asking::join(joining, &news, &engine, may_ask) {
                Ok(client) => {
                    let handle = engine.handle().clone();
                    Seat::with(Deck::Client(client), handle, Some(visitor), None)
                }
                Err(reason) => {
                    eprintln!("kdeck: {reason}");
                    engine.shutdown_background();
                    return Ok(ExitCode::FAILURE);
                }
            }
        }
        None => host_seat(config, places, source, visitor, &engine)?,
    };
    if let Deck::Host(host) = seat.deck() {
        let _inside = engine.enter();
        if let Err(problem) = attach::listen(&host) {
            eprintln!("kdeck: {problem}; this host cannot be attached to");
        }
        if !open_servers(&host, &servers, &engine) {
            engine.block_on(end(seat.deck()));
            engine.shutdown_background();
            return Ok(ExitCode::FAILURE);
        }
    }
    let mut lost_terminal = false;
    let result = if options.headless {
        let options = headless::Options {
            json: options.json,
            only: options.only.clone(),
            linger: options.linger,
            no_input: options.noio,
            author: Author::owner(who),
        };
        let hangup = if options.linger {
            Hangup::Ignored
        } else {
            Hangup::Ends
        };
        let stop = signals::stop_token(engine.handle(), hangup)?;
        engine
            .block_on(headless::run(
                seat.clone(),
                options,
                engine.handle().clone(),
                stop,
            ))
            .wrap_err("standard output")
    } else {
        match ui::console::run(&seat, screen, engine.handle()) {
            Err(error @ (terminal::Error::NotATerminal(_) | terminal::Error::Dumb)) => {
                usage = true;
                eprintln!("kdeck: {error}");
                Ok(())
            }
            Ok(End::Detached) => {
                lost_terminal = true;
                go_on_without_screen(&seat, &engine)
            }
            result => result.map(|_| ()).map_err(Into::into),
        }
    };
    let problem = engine.block_on(end(seat.deck()));
    match problem {
        // Writing to a terminal that is gone fails.
        Some(problem) if lost_terminal => tracing::warn!(problem),
        Some(problem) => eprintln!("kdeck: {problem}"),
        None => {}
    }
    if let Some(rack) = rack {
        engine.block_on(rack.stop());
    }
    // A thread that waits for standard input must not hold us up.
    engine.shutdown_background();
    result.map(|()| {
        if usage {
            ExitCode::from(USAGE)
        } else {
            ExitCode::SUCCESS
        }
    })
}

/// The host that is meant, or the only one there is.
fn host_to_attach(process: Option<String>, places: &Places) -> Result<Way, String> {
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

/// Opens the servers of the configuration and of the command line, and prints the lines for clients. False if one that
/// the command line asks for cannot be opened; with one of the configuration, the targets go on without.
fn open_servers(host: &Arc<Host>, wanted: &[ServerString], engine: &Runtime) -> bool {
    let mut good = true;
    for (string, opened) in engine.block_on(host.open_configured()) {
        match opened {
            // On standard error: events are on standard output, and the password in it is no event.
            Ok(text) => eprintln!("{text}"),
            Err(reason) => {
                eprintln!("kdeck: -server {reason}");
                good &= !wanted.contains(&string);
            }
        }
    }
    good
}

/// Who joins sessions from here.
fn visitor(options: &Console, who: &str, config: &Config, places: &Places) -> Visitor {
    let whole = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    let mut visitor = Visitor::new(who, places.clone(), config.transport.clone());
    visitor.observe = options.observe;
    if let Some(clines) = options.clines {
        visitor.history = clines.0;
    }
    visitor.limits = Limits {
        bytes: whole(config.history.per_target_bytes),
        line: whole(config.history.line_limit_bytes),
    };
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

/// Ends what is sat at; what there is to tell about it.
async fn end(deck: Deck) -> Option<String> {
    match deck {
        Deck::Host(host) => host.stop().await.err(),
        Deck::Client(client) => {
            let line = client.line();
            client.leave().await;
            match line {
                Line::Over(reason) => Some(format!("the session is over here: {reason}")),
                _ => None,
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

fn overrides(
    options: &Console,
    targets: Vec<TargetString>,
    servers: Vec<ServerString>,
) -> Overrides {
    Overrides {
        targets,
        servers,
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

/// Tells what is wrong with a configuration file.
fn check_file(file: Option<&Path>, places: Places) -> Result<ExitCode> {
    let Some(file) = file.or(places.config_file.as_deref()) else {
        let searched = places.config_dir.join(config::FILE_NAME);
        return Ok(refuse(&format!(
            "there is no {} here and no {}",
            config::FILE_NAME,
            searched.display()
        )));
    };
    let problems = match Config::load(file, &()) {
        Ok((config, mut problems)) => {
            problems.0.extend(check::check(&config, &places).0);
            problems
        }
        Err(problems) => problems,
    };
    if problems.0.is_empty() {
        println!("{}: in order", file.display());
        return Ok(ExitCode::SUCCESS);
    }
    println!("{problems}");
    Ok(if problems.has_errors() {
        ExitCode::from(USAGE)
    } else {
        ExitCode::SUCCESS
    })
}

/// Tells what in a target's settings does not match the configuration and this machine.
fn check_bcdedit(
    settings: &Path,
    file: Option<&Path>,
    targets: Vec<TargetString>,
    places: &Places,
) -> Result<ExitCode> {
    let text = match read_settings(settings) {
        Ok(text) => text,
        Err(error) => return Ok(refuse(&format!("{}: {error}", settings.display()))),
    };
    let overrides = Overrides {
        targets,
        ..Overrides::default()
    };
    let (config, _) = match read(file.or(places.config_file.as_deref()), overrides) {
        Ok(read) => read,
        Err(problems) => return Ok(refuse(&problems.to_string())),
    };
    let net = config.targets.iter().filter_map(|target| {
        let TargetLink::Net(net) = &target.connect.link else {
            return None;
        };
        Some((target.name.as_str(), net))
    });
    let host = bcdedit::Host {
        targets: &net.collect::<Vec<_>>(),
        addresses: &addresses::of_this_machine(),
    };
    let (target, findings) = bcdedit::compare(&bcdedit::Settings::read(&text), host);
    let is_error = |finding: &setup::Finding| finding.severity == config::Severity::Error;
    let mut told = String::new();
    for finding in &findings {
        told.push_str(&format!("{finding}\n"));
    }
    if !findings.iter().any(is_error) {
        let whose = target.map_or("nothing".to_owned(), |name| format!("nothing for {name}"));
        told.push_str(&format!(
            "{}: {whose} that does not match\n",
            settings.display()
        ));
    }
    print(told.as_bytes())?;
    Ok(if findings.iter().any(is_error) {
        ExitCode::from(USAGE)
    } else {
        ExitCode::SUCCESS
    })
}

/// What bcdedit printed, from a file or from standard input.
fn read_settings(path: &Path) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    let from: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(File::open(path)?)
    };
    from.take(bcdedit::FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bcdedit::decode(&bytes))
}

/// Makes keys, writes them where that was asked for, and tells what to type.
fn make_keys(options: &Keygen) -> Result<ExitCode> {
    let own = addresses::reachable(&addresses::of_this_machine());
    let mut random = Ok(());
    let mut fill = |bytes: &mut [u8]| {
        if let Err(error) = getrandom::fill(bytes) {
            random = Err(error);
        }
    };
    let rack = match options
        .request(&own)
        .map(|request| keygen::Rack::new(&request, &mut fill))
    {
        Ok(Ok(rack)) => rack,
        Ok(Err(error)) => return Ok(refuse(&format!("keygen: {error}"))),
        Err(message) => return Ok(refuse(&format!("keygen: {message}"))),
    };
    random.wrap_err("random bytes")?;
    for warning in rack.warnings() {
        eprintln!("warning: {warning}");
    }
    let Some(file) = &options.out else {
        return print(rack.instructions(None).as_bytes());
    };
    let shown = file.display().to_string();
    match secret_file::write(file, &rack.toml(), options.force) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Ok(refuse(&format!(
                "keygen: {shown} is there already, and may have keys in it that are in use; --force replaces it"
            )));
        }
        written => written.wrap_err(shown.clone())?,
    }
    print(rack.instructions(Some(&shown)).as_bytes())
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
    let open = OpenOptions::new().create(true).append(true).open(&path);
    let file = open.wrap_err_with(|| format!("kdeck's own log {}", path.display()))?;
    let filter =
        tracing_subscriber::EnvFilter::try_from_env("KDECK_LOG").unwrap_or_else(|_| "info".into());
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

/// Every path in use.
fn paths(places: &Places) -> String {
    let config = match &places.config_file {
        Some(file) => file.display().to_string(),
        None => format!(
            "{} (is not there)",
            places.config_dir.join(config::FILE_NAME).display()
        ),
    };
    let rows = [
        ("configuration", config),
        ("themes", places.themes_dir().display().to_string()),
        ("state", places.state_dir.display().to_string()),
        (
            "logs",
            places.log_dir(&Config::default()).display().to_string(),
        ),
        ("history", places.history_file().display().to_string()),
        ("own log", places.own_log_file().display().to_string()),
        ("sockets", places.runtime_dir.display().to_string()),
    ];
    rows.iter()
        .map(|(what, path)| format!("{what:14}{path}\n"))
        .collect()
}

/// The name under which this person types.
fn user_name() -> String {
    let name = ["KDECK_NAME", "USER", "LOGNAME"]
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
