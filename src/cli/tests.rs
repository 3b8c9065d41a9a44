//! The command line from outside.

use clap::Command;

use super::arguments::Options;
use super::*;
use crate::sim::Wire;
use crate::sim::text::{Behaviour, Habit};

fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

fn read(line: &str) -> Result<Cli, clap::Error> {
    parse(words(line))
}

fn normal(line: &str) -> String {
    let words: Vec<_> = normalise(words(line))
        .into_iter()
        .map(|word| word.into_string().unwrap())
        .collect();
    words.join(" ")
}

fn walk(command: &Command, visit: &mut dyn FnMut(&Command)) {
    visit(command);
    for subcommand in command.get_subcommands() {
        walk(subcommand, visit);
    }
}

#[test]
fn the_description_of_the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_option_and_command_has_help() {
    walk(&Cli::command(), &mut |command| {
        assert!(command.get_about().is_some(), "{}", command.get_name());
        for argument in command.get_arguments() {
            assert!(
                argument.get_help().is_some(),
                "{} {}",
                command.get_name(),
                argument.get_id()
            );
        }
    });
}

#[test]
fn no_option_takes_a_value_in_one_command_and_none_in_another() {
    let mut seen = Options::default();
    walk(&Cli::command(), &mut |command| {
        let mut own = Options::default();
        own.collect(command);
        for (name, takes_value) in own.0 {
            assert_eq!(
                *seen.0.entry(name.clone()).or_insert(takes_value),
                takes_value,
                "{name}"
            );
        }
    });
}

#[test]
fn help_reads_well() {
    let help = |command: &mut Command| command.clone().term_width(100).render_help().to_string();
    let mut command = Cli::command();
    command.build();
    insta::assert_snapshot!("help", help(&mut command));
    let demo = command.find_subcommand_mut("demo").unwrap();
    insta::assert_snapshot!("help_demo", help(demo));
    let sim = command.find_subcommand_mut("sim").unwrap();
    insta::assert_snapshot!("help_sim", help(sim));
    for (kind, name) in [
        ("text", "help_sim_text"),
        ("kdnet", "help_sim_kdnet"),
        ("kdcom", "help_sim_kdcom"),
    ] {
        let kind = sim.find_subcommand_mut(kind).unwrap();
        insta::assert_snapshot!(name, help(kind));
    }
}

#[test]
fn long_options_work_with_one_dash() {
    assert_eq!(
        normal("kdeck -server tcp:port=1"),
        "kdeck --server tcp:port=1"
    );
    assert_eq!(
        normal("kdeck -remote=tcp:port=1"),
        "kdeck --remote=tcp:port=1"
    );
    assert_eq!(
        normal("kdeck -QR lab01 -headless"),
        "kdeck --QR lab01 --headless"
    );
    assert_eq!(
        normal("kdeck sim text -count 5"),
        "kdeck sim text --count 5"
    );
    assert_eq!(normal("kdeck -no-mouse -help"), "kdeck --no-mouse --help");
}

#[test]
fn short_options_values_and_what_follows_two_dashes_stay() {
    for line in [
        "-server",
        "",
        "kdeck -k raw:port=1 -knet:port=2 -k=x -h -V -hV -",
        "kdeck -k -server --theme -remote",
        "kdeck --server -headless",
        "kdeck -- -server -headless",
        "kdeck check -5",
    ] {
        assert_eq!(normal(line), line);
    }
    assert_eq!(normal("kdeck --theme=x -ascii"), "kdeck --theme=x --ascii");
    assert_eq!(
        normal("kdeck -theme -ascii -ascii"),
        "kdeck --theme -ascii --ascii"
    );
}

#[cfg(unix)]
#[test]
fn arguments_that_are_no_text_survive() {
    use std::os::unix::ffi::OsStringExt;
    let odd = OsString::from_vec(b"-\xff\xfe".to_vec());
    let args = vec!["kdeck".into(), "-config".into(), odd.clone(), odd.clone()];
    assert_eq!(
        normalise(args),
        ["kdeck".into(), OsString::from("--config"), odd.clone(), odd]
    );
}

#[test]
fn a_misspelt_option_is_told_the_nearest() {
    let error = read("kdeck -servr tcp:port=1").unwrap_err();
    assert!(error.to_string().contains("'--server'"), "{error}");
    assert_eq!(error.exit_code(), 2);
}

#[test]
fn targets_and_options_are_read() {
    let cli = read("kdeck -k a -k b -config rack.toml -frame-rate 10 -color never").unwrap();
    assert_eq!(cli.targets, ["a", "b"]);
    assert_eq!(cli.config, Some("rack.toml".into()));
    assert_eq!(
        (cli.console.frame_rate, cli.console.color),
        (Some(10), Some(Color::Never))
    );
    let cli = read("kdeck -headless -json -only output,reply -linger").unwrap();
    assert_eq!(cli.console.only, ["output", "reply"]);
    assert!(cli.console.headless && cli.console.json && cli.console.linger);
}

#[test]
fn options_of_the_debuggers_take_a_slash_for_their_hyphen() {
    for (line, meant) in [
        (
            "kdeck /server tcp:port=5005 /noio",
            "kdeck --server tcp:port=5005 --noio",
        ),
        (
            "kdeck /remote tcp:port=1 /clines 5",
            "kdeck --remote tcp:port=1 --clines 5",
        ),
        ("kdeck /QR lab01", "kdeck --QR lab01"),
        ("kdeck /k /dev/x /ascii", "kdeck -k /dev/x /ascii"),
        ("kdeck check /server", "kdeck check /server"),
        ("kdeck -config /remote", "kdeck --config /remote"),
    ] {
        assert_eq!(normal(line), meant);
    }
    for line in ["kdeck -premote tcp:port=1", "kdeck /premote tcp:port=1"] {
        let error = read(line).unwrap_err().to_string();
        assert!(
            error.contains("process server") && error.contains("-remote joins"),
            "{error}"
        );
    }
}

#[test]
fn options_of_the_console_work_on_both_sides_of_demo() {
    let cli = read("kdeck -ascii -theme dark demo -headless -json -theme light -count 7").unwrap();
    let console = &cli.console;
    assert!(console.ascii && console.headless && console.json);
    assert_eq!(console.theme.as_deref(), Some("light"));
    let Some(Action::Demo(demo)) = &cli.action else {
        panic!("{cli:?}")
    };
    assert_eq!(demo.plans().len(), 7);
    assert_eq!(demo.ports(), Ports::FirstFree(50_000));
}

#[test]
fn bad_usage_ends_with_status_2() {
    for line in [
        "kdeck --json",
        "kdeck --linger demo",
        "kdeck demo --only output",
        "kdeck --headless --only everything",
        "kdeck --no-log --log-dir x",
        "kdeck demo --observe",
        "kdeck demo --clines 5",
        "kdeck --no-log demo --log-dir x",
        "kdeck --frame-rate 0",
        "kdeck demo --count 0",
        "kdeck demo --rate nan",
        "kdeck demo --rate -1",
        "kdeck sim text --behaviour odd",
        "kdeck sim",
        "kdeck frobnicate",
        "kdeck -k",
    ] {
        let error = read(line).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}: {error}");
    }
    assert_eq!(read("kdeck --help").unwrap_err().exit_code(), 0);
    assert_eq!(read("kdeck -version").unwrap_err().exit_code(), 0);
}

#[test]
fn what_cannot_be_is_understood_and_refused() {
    let both = read("kdeck -server npipe:pipe=a demo -server npipe:pipe=b").unwrap();
    assert_eq!(both.console.servers, ["npipe:pipe=a", "npipe:pipe=b"]);
    assert!(read("kdeck sim text -server tcp:port=5005").is_err());
    for (line, refusal) in [
        ("kdeck -server tcp:port=5005", None),
        ("kdeck -server tcp:port=5005 demo", None),
        ("kdeck demo -server tcp:port=5005", None),
        (
            "kdeck -server tcp:port=5005 check",
            Some(Refusal::ServerAndCommand),
        ),
        (
            "kdeck -remote tcp:Port=5005,Server=lab01 -k x",
            Some(Refusal::TargetsAndClient),
        ),
        ("kdeck -remote tcp:Port=5005,Server=lab01", None),
        (
            "kdeck -server tcp:port=1 -remote tcp:port=2",
            Some(Refusal::ServerAndClient),
        ),
        ("kdeck -QR lab01", None),
        ("kdeck -QR lab01 -k x", Some(Refusal::QueryAlone)),
        (
            "kdeck -QR lab01 -remote tcp:port=2",
            Some(Refusal::QueryAlone),
        ),
        ("kdeck -QR lab01 demo", Some(Refusal::QueryAlone)),
        ("kdeck -noshell -server tcp:port=5005 demo", None),
        (
            "kdeck -remote tcp:Port=5005,Server=lab01 -noshell",
            Some(Refusal::NoShellAndClient),
        ),
        ("kdeck -noshell attach", Some(Refusal::NoShellAndClient)),
        ("kdeck pipe lab", None),
        ("kdeck attach", None),
        ("kdeck -k x demo", None),
        ("kdeck", None),
    ] {
        assert_eq!(read(line).unwrap().refusal(), refusal, "{line}");
    }
}

#[test]
fn simulated_racks_are_what_was_asked_for() {
    let line = "kdeck sim text -count 3 -port 0 -rate 100 -behaviour flood -telnet -booted";
    let Some(Action::Sim {
        kind: Sim::Text(text),
    }) = read(line).unwrap().action
    else {
        panic!()
    };
    assert_eq!((text.ports(), text.wire()), (Ports::Any, Wire::Telnet));
    let plans = text.plans();
    let wanted = Behaviour {
        habit: Habit::Flood,
        rate: 100.0,
        booted: true,
    };
    assert_eq!((plans.len(), plans[0].behaviour), (3, wanted));
}

#[test]
fn the_manual_names_every_command_and_option() {
    let page = String::from_utf8(man()).unwrap().replace("\\-", "-");
    assert!(page.contains(".TH kdeck 1"), "{page}");
    for section in ["ENVIRONMENT", "FILES", "NOTES", "EXAMPLES"] {
        assert!(page.contains(&format!(".SH {section}\n")), "{section}");
    }
    assert!(!page.contains(".SH EXTRA"), "{page}");
    for word in ["KDECK_RUNTIME_DIR", "KDECK_NAME", "KDECK_LOG", "audit.log"] {
        assert!(page.contains(word), "{word}");
    }
    walk(&Cli::command(), &mut |command| {
        assert!(page.contains(command.get_name()), "{}", command.get_name());
        for long in command
            .get_arguments()
            .filter_map(|argument| argument.get_long())
        {
            assert!(page.contains(&format!("--{long}")), "--{long}");
        }
    });
}

#[test]
fn every_shell_gets_completions() {
    for shell in clap_complete::Shell::value_variants() {
        let mut script = Vec::new();
        completions(*shell, &mut script).unwrap();
        let script = String::from_utf8(script).unwrap();
        assert!(
            script.contains("headless") && script.contains("demo"),
            "{shell}"
        );
    }
}

#[test]
fn simulated_windows_targets_are_planned_as_asked() {
    let simulated = |line: &str| match read(line).unwrap().action {
        Some(Action::Sim { kind }) => kind,
        other => panic!("{other:?}"),
    };
    let Sim::Kdnet(net) = simulated(
        "kdeck sim kdnet --count 3 --key 1.2.3.4 --loss 30 --delay 5 --bugcheck-after 1.5",
    ) else {
        panic!("not KDNET")
    };
    let plans = net.plans();
    assert_eq!(plans.len(), 3);
    assert!(plans.iter().all(|plan| plan.key.to_string() == "1.2.3.4"));
    assert!((plans[0].faults.loss - 0.3).abs() < 1e-9);
    let behaviour = plans[0].settings.behaviour;
    assert_eq!(
        behaviour.bug_checks,
        Some(std::time::Duration::from_millis(1500))
    );
    let Sim::Kdcom(com) = simulated("kdeck sim kdcom --count 2 --unix /tmp/d") else {
        panic!("not a byte stream")
    };
    let places: Vec<_> = com
        .plans()
        .iter()
        .map(|(_, place)| place.to_string())
        .collect();
    assert_eq!(
        places,
        [
            "com:pipe,port=/tmp/d/w000,reconnect",
            "com:pipe,port=/tmp/d/w001,reconnect"
        ]
    );
    for line in [
        "kdeck sim kdnet --key 1.2.3",
        "kdeck sim kdnet --loss 101",
        "kdeck sim kdnet --processors 65",
        "kdeck sim kdcom --unix a --pty b",
        "kdeck sim kdcom --prompt-every 0",
    ] {
        assert!(read(line).is_err(), "{line}");
    }
}
