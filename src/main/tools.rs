//! What kdeck does besides: simulated targets, checks, keys, lists of servers and of paths.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use color_eyre::Result;
use color_eyre::eyre::WrapErr as _;
use kdeck::cli::{Keygen, Sim};
use kdeck::config::{self, Config, Overrides, Places, check};
use kdeck::connect::{TargetLink, TargetString};
use kdeck::session::{directory, transport};
use kdeck::setup::{self, addresses, bcdedit, keygen, secret_file};
use kdeck::sim;
use tokio::runtime::Builder;

use super::{USAGE, print, raise_file_limit, read, refuse};

/// Serves simulated targets until it is told to end.
pub(crate) fn simulate(kind: &Sim) -> Result<ExitCode> {
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
pub(crate) fn query(machine: &str, places: &Places) -> Result<ExitCode> {
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
pub(crate) fn pipe(places: &Places, name: Option<&str>) -> Result<ExitCode> {
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

/// Tells what is wrong with a configuration file.
pub(crate) fn check_file(file: Option<&Path>, places: Places) -> Result<ExitCode> {
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
pub(crate) fn check_bcdedit(
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
pub(crate) fn make_keys(options: &Keygen) -> Result<ExitCode> {
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

/// Every path that is read or written, under this configuration; what is wrong with that is told and left out.
pub(crate) fn paths(places: &Places, log_directory: Option<PathBuf>) -> String {
    let overrides = Overrides {
        log_directory,
        ..Overrides::default()
    };
    let config = match read(places.config_file.as_deref(), overrides) {
        Ok((config, _)) => config,
        Err(problems) => {
            eprintln!("{problems}");
            eprintln!("kdeck: paths that it says are not among these");
            Config::default()
        }
    };
    // A path is of use wherever one stands.
    let shown = |path: &Path| {
        let whole = std::path::absolute(path);
        let whole = whole.unwrap_or_else(|_| path.to_owned());
        whole.display().to_string()
    };
    let file = match &places.config_file {
        Some(file) => shown(file),
        None => {
            let searched = places.config_dir.join(config::FILE_NAME);
            format!("{} (is not there)", searched.display())
        }
    };
    let mut rows = vec![
        ("configuration", file),
        ("themes", shown(&places.themes_dir())),
        ("certificates", shown(&places.certificates_dir())),
        ("state", shown(&places.state_dir)),
        ("logs", shown(&places.log_dir(&config))),
        ("history", shown(&places.history_file())),
        ("audit log", shown(&places.audit_file())),
        ("devices", shown(&places.device_file())),
        ("own certificate", shown(&places.own_certificate_file())),
        ("known servers", shown(&places.known_servers_file())),
        ("own log", shown(&places.own_log_file())),
        ("sockets", shown(&places.runtime_dir)),
        ("server list", shown(&places.registry_dir())),
    ];
    let tls = &config.transport.tls;
    let named = [
        &tls.certificate,
        &tls.key,
        &tls.ca,
        &tls.client_ca,
        &tls.client_certificate,
        &tls.client_key,
    ];
    rows.extend(
        named
            .into_iter()
            .flatten()
            .map(|path| ("[tls]", shown(path))),
    );
    rows.iter()
        .map(|(what, path)| format!("{what:17}{path}\n"))
        .collect()
}
