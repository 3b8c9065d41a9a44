//! Whole files, read as a user would have them read.

use super::*;
use proptest::prelude::*;

fn read(text: &str) -> Config {
    let (config, problems) = Config::from_str("kdeck.toml", text, &()).unwrap();
    assert_eq!(problems, Problems::default(), "{problems}");
    config
}

fn problems(text: &str) -> Problems {
    match Config::from_str("kdeck.toml", text, &()) {
        Ok((_, problems)) | Err(problems) => problems,
    }
}

fn messages(text: &str) -> Vec<String> {
    problems(text)
        .0
        .into_iter()
        .map(|problem| problem.message)
        .collect()
}

#[test]
fn ten_mistakes_make_ten_problems_in_one_reading() {
    let problems = problems(
        r#"
[[target]]
name = "web01"
conect = "raw:server=lab1,port=7001"
connect = "raw:server=lab1,port=7001"

[[target]]
name = "web02"
connect = "raw:server=lab1,prot=7002"   # the option is misspelt

[[target]]
name = "web{03..04}"
connect = "raw:listen,port={7003..7005}"

[[target]]
name = "db{1..2}"
connect = "raw:listen,port={7010..7011}"
group = ["rack-a", 7]

[[target]]
name = "late"
connect = "raw:listen,port=7100"

[[target]]
name = "late"
connect = "raw:listen,port=7101"

[[target]]
connect = "raw:listen,port=7100"

[[target]]
name = "kernel"
connect = "net:port=50000,key=1.2.3"

[log]
rotate_size = "64 pages"
time = "sometimes"

[screen]
frame_rate = 100
"#,
    );
    assert_eq!(problems.0.len(), 10, "{problems}");
    insta::assert_snapshot!(problems);
}

#[test]
fn broken_toml_is_reported_with_all_else() {
    insta::assert_snapshot!(problems(
        r#"[log]
enabled = yes
directory = "logs
format = "xml"

[log]
time = "off"

[scren]
theme = "dark"
"#,
    ));
}

#[test]
fn every_value_of_the_wrong_type_says_what_was_expected() {
    insta::assert_snapshot!(problems(
        r#"
keys = "none"
target = "raw:listen,port=1"
[[log]]
[history]
per_target = true
total = -5
line_limit = "1B"
[screen]
theme = 1
frame_rate = "fast"
bytes_per_second = "1M/s"
confirm = "maybe"
mouse = "yes"
color = "allways"
[reconnect]
first = 2
longest = "2 days"
[server]
open = [1, "raw:listen,port=1"]
"#,
    ));
}

#[test]
fn what_this_version_does_not_do_is_a_warning() {
    let text = "[[target]]\nconnect = 'gdb:server=lab1,port=1234'\n[server]\nopen = 'tcp:port=5005,password=Lab12'\n[[trigger]]\nmatch = 'panic'\n";
    let (config, problems) = Config::from_str("kdeck.toml", text, &()).unwrap();
    assert_eq!((config.targets.len(), config.servers.len()), (1, 1));
    insta::assert_snapshot!(problems);
}

#[test]
fn servers_have_rights_a_directory_and_certificates() {
    let text = "[server]\nopen = ['tcp:port=5005']\nallow = ['programs']\ndirectory = 4013\nssh = ['ssh', '-4']\nssh_remote = '/opt/kdeck'\n[tls]\ncertificate = '/a.pem'\nkey = '/a.key'\n";
    let config = read(text);
    assert_eq!(config.servers.len(), 1);
    let allow = config.sessions.allow;
    assert!(allow.programs && !allow.files);
    assert_eq!(config.sessions.directory, Some(4013));
    assert_eq!(config.transport.ssh, ["ssh", "-4"]);
    assert_eq!(config.transport.ssh_remote, "/opt/kdeck");
    let tls = config.transport.tls;
    assert_eq!(tls.certificate.as_deref(), Some(Path::new("/a.pem")));
    assert_eq!(tls.key.as_deref(), Some(Path::new("/a.key")));
    assert_eq!(tls.ca, None);
    let directory = |value| {
        read(&format!("[server]\ndirectory = {value}"))
            .sessions
            .directory
    };
    assert_eq!((directory("false"), directory("true")), (None, Some(3013)));
    let nothing = read("");
    assert!(!nothing.sessions.allow.files && !nothing.sessions.allow.programs);
    for wrong in [
        "[server]\nallow = ['everything']",
        "[server]\ndirectory = 0",
        "[server]\nopen = ['raw:server=a,port=1']",
        "[tls]\ncertificates = 'a'",
    ] {
        assert!(
            Config::from_str("kdeck.toml", wrong, &()).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn an_empty_file_is_the_default() {
    assert_eq!(read(""), Config::default());
    assert_eq!(
        read("# nothing\n[log]\n[screen]\n[keys]\n[server]\n[history]\n[reconnect]"),
        Config::default()
    );
}

#[test]
fn what_the_file_says_is_what_is_meant() {
    let config = read(
        r#"
        [[target]]
        name = "board"
        connect = "raw:com=/dev/ttyUSB0,baud=9600,group=serial+slow"
        group = ["rack-a", "slow"]
        tags = "arm64"
        log = false
        eol = "lf"
        reconnect = false

        [[target]]
        connect = "exec:bash"
        reconnect = true

        [log]
        enabled = true
        directory = "/var/log/rack"
        format = "raw"
        time = "%H:%M:%S%.3f"
        rotate_size = 1048576
        rotate_count = 3
        [history]
        per_target = "1MiB"
        total = "64M"
        line_limit = "4k"
        [screen]
        theme = "dark"
        frame_rate = 60
        bytes_per_second = "4k"
        confirm = false
        mouse = false
        ascii = true
        color = "never"
        time_stamps = true
        reduced_motion = true
        [keys]
        zoom = ["z", "f5"]
        quit = "none"
        [reconnect]
        first = "100ms"
        longest = "5m"
        "#,
    );
    let [board, bash] = &config.targets[..] else {
        panic!("{:?}", config.targets)
    };
    assert_eq!(board.groups, ["rack-a", "slow", "serial"]);
    assert_eq!(board.tags, ["arm64"]);
    assert_eq!(
        board.connect.to_string(),
        "raw:com=/dev/ttyUSB0,baud=9600,eol=lf,reconnect=no"
    );
    assert_eq!(bash.connect.to_string(), "exec:bash,restart=always");
    assert!(config.is_logged(bash) && !config.is_logged(board));
    assert_eq!(
        config.log,
        Log {
            enabled: true,
            directory: Some("/var/log/rack".into()),
            format: LogFormat::Raw,
            time: LogTime::Format("%H:%M:%S%.3f".to_owned()),
            rotate_size_bytes: 1 << 20,
            rotate_count: 3,
        }
    );
    let history = History {
        per_target_bytes: 1 << 20,
        total_bytes: 64 << 20,
        line_limit_bytes: 4 << 10,
    };
    assert_eq!(config.history, history);
    assert_eq!(
        config.screen,
        Screen {
            theme: "dark".to_owned(),
            frame_rate: 60,
            bytes_per_second: 4 << 10,
            confirm: false,
            mouse: false,
            ascii: true,
            color: Color::Never,
            time_stamps: true,
            reduced_motion: true,
        }
    );
    let keys: Vec<(&str, Vec<&str>)> = config
        .keys
        .iter()
        .map(|change| {
            (
                change.action.text.as_str(),
                change.keys.iter().map(|key| key.text.as_str()).collect(),
            )
        })
        .collect();
    assert_eq!(keys, [("zoom", vec!["z", "f5"]), ("quit", vec![])]);
    assert_eq!(config.reconnect.first.as_millis(), 100);
    assert_eq!(config.reconnect.longest.as_secs(), 300);
}

#[test]
fn ranges_of_a_table_run_in_step_or_not_at_all() {
    let config = read(
        "[[target]]\nname = 't{00..99}'\nconnect = 'raw:server=h,port={50000..50099}'\ngroup = 'g'\n",
    );
    let last = config.targets.last().unwrap();
    assert_eq!((config.targets.len(), last.name.as_str()), (100, "t99"));
    assert_eq!(last.connect.to_string(), "raw:server=h,port=50099");

    let table = |name: &str, connect: &str| {
        messages(&format!(
            "[[target]]\nname = '{name}'\nconnect = '{connect}'\n"
        ))
    };
    assert_eq!(
        table("t{0..2}", "raw:server=h,port={1..2}"),
        ["this range has 2 steps, {0..2} has 3"]
    );
    assert_eq!(
        table("web", "raw:server=h,port={1..2}"),
        ["all 2 targets of {1..2} would have this name"]
    );
    assert_eq!(
        table("t{0..10000}", "raw:server=h,port=1"),
        ["the range {0..10000} is too long"]
    );
    assert!(table("t{0-9}", "exec:sh")[0].starts_with("\"t{0-9}\" cannot be the name of a target"));
}

#[test]
fn a_mistake_in_a_range_is_found_in_the_file_and_said_once() {
    let text = "[[target]]\nname = 't{0..9}'\nconnect = 'raw:server=h,port={65530..65539}'\n";
    let problems = problems(text);
    let [problem] = &problems.0[..] else {
        panic!("{problems}")
    };
    let at = problem.position.as_ref().unwrap();
    let pointed: String = at.excerpt.chars().skip(at.caret).take(at.carets).collect();
    assert_eq!((at.line, pointed.as_str()), (3, "{65530..65539}"));
}

#[test]
fn more_targets_than_there_can_be_are_refused() {
    let table =
        |letter: char| format!("[[target]]\nname = '{letter}{{0..9999}}'\nconnect = 'exec:sh'\n");
    assert_eq!(read(&table('a')).targets.len(), TARGETS_MAX);
    let both = table('a') + &table('b');
    assert_eq!(messages(&both), ["these are more than 10000 targets"]);
}

#[test]
fn one_udp_port_serves_targets_that_name_their_senders() {
    let config = read(
        "[[target]]\nname = 'k{1..3}'\nconnect = 'netconsole:port=6666,source=10.0.0.{1..3}'\n",
    );
    assert_eq!(config.targets.len(), 3);
    let text = "[[target]]\nname = 'k{1..3}'\nconnect = 'netconsole:port=6666'\ntags = '{a,b,c}'\n";
    assert_eq!(
        messages(text),
        ["UDP port 6666 is held by the target \"k1\" in line 3"]
    );
}

#[test]
fn keys_and_themes_are_judged_by_those_who_know_them() {
    struct Strict;
    impl Vocabulary for Strict {
        fn theme(&self, name: &Word) -> Option<Fault> {
            let help = "there are dark, light".to_owned();
            Some(Fault {
                span: name.span.clone(),
                message: "no such theme".to_owned(),
                help,
            })
        }

        fn keys(&self, changes: &[KeyChange]) -> Vec<Fault> {
            let words = changes.iter().flat_map(|change| &change.keys);
            let message = "no such key".to_owned();
            words
                .map(|key| Fault {
                    span: key.span.clone(),
                    message: message.clone(),
                    help: String::new(),
                })
                .collect()
        }
    }
    let text = "[screen]\ntheme = 'drak'\n[keys]\nzoom = ['z', 'hyper-x']\nquit = 'none'\n";
    let problems = Config::from_str("kdeck.toml", text, &Strict).unwrap_err();
    let found: Vec<(usize, usize, &str)> = problems
        .0
        .iter()
        .map(|problem| (problem.line(), problem.column(), problem.message.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (2, 9, "no such theme"),
            (4, 9, "no such key"),
            (4, 14, "no such key")
        ]
    );
}

#[test]
fn files_that_cannot_be_read_say_why() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("kdeck.toml");
    let failure = || Config::load(&file, &()).unwrap_err().0.remove(0);
    assert!(
        failure().message.starts_with("cannot be read: "),
        "{}",
        failure()
    );
    std::fs::write(&file, b"# fine\nname = \"caf\xe9\"\n").unwrap();
    let problem = failure();
    assert_eq!(
        (problem.message.as_str(), problem.line(), problem.column()),
        ("this is not UTF-8", 2, 12)
    );
    std::fs::write(&file, vec![b'#'; 5 << 20]).unwrap();
    assert!(
        failure().message.starts_with("is larger than 4MiB"),
        "{}",
        failure()
    );
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    assert!(
        failure().message.starts_with("cannot be read: "),
        "{}",
        failure()
    );
}

#[test]
fn the_examples_load_without_problems() {
    for (name, count) in [("kdeck.toml", 14), ("rack-of-100.toml", 100)] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("examples")
            .join(name);
        let (config, problems) = Config::load(&path, &()).unwrap();
        assert_eq!(problems, Problems::default(), "{problems}");
        assert_eq!(config.targets.len(), count, "{name}");
        assert_eq!(config.file, Some(path));
    }
}

#[test]
fn the_sample_says_what_is_so_anyway() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/kdeck.toml");
    let (config, _) = Config::load(&path, &()).unwrap();
    let log = Log {
        directory: config.log.directory.clone(),
        ..Log::default()
    };
    assert_eq!(config.log, log);
    assert_eq!(config.history, History::default());
    assert_eq!(config.screen, Screen::default());
    assert_eq!(config.reconnect, Reconnect::default());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_text_is_too_wild(text in "(\\[\\[target\\]\\]|\\[log\\]|\\[screen\\]|name|connect|time|=|\"|'|\\{1\\.\\.2\\}|raw:|,|\n| |1|\\[|\\]|\u{e9}|key){0,30}") {
        let _ = problems(&text);
    }
}
