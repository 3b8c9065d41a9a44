//! Keys made for targets, and targets' settings held against the configuration, with the real program.

mod support;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Output, Stdio};

use support::home::Home;

fn run(home: &Home, arguments: &[&str]) -> Output {
    let mut command = home.kdeck();
    command.args(arguments).stdin(Stdio::null());
    command.output().expect("kdeck starts")
}

/// What it printed, with its complaints behind.
fn told(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8(text).expect("it prints text")
}

fn printed(home: &Home, arguments: &[&str]) -> String {
    let output = run(home, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", told(&output));
    told(&output)
}

/// What is behind `start` in the first line that has it.
fn behind<'a>(text: &'a str, start: &str) -> &'a str {
    let mut lines = text.lines().map(str::trim);
    lines
        .find_map(|line| line.strip_prefix(start))
        .unwrap_or_else(|| panic!("{start}: {text}"))
}

/// What bcdedit prints for such settings.
fn settings(port: u16, key: &str) -> String {
    format!(
        "busparams               1.0.0\r\nkey                     {key}\r\ndebugtype               NET\r\n\
         hostip                  203.0.113.2\r\nport                    {port}\r\ndhcp                    Yes\r\n\
         The operation completed successfully.\r\n"
    )
}

#[test]
fn a_key_is_made_with_what_to_type_on_both_sides_and_no_two_are_alike() {
    let home = Home::new();
    let arguments = ["keygen", "--host", "203.0.113.2", "--name", "web01"];
    let text = printed(&home, &arguments);
    let line = "bcdedit /dbgsettings net hostip:203.0.113.2 port:50000 key:";
    let key = behind(&text, line);
    assert_eq!(key.split('.').count(), 4);
    let target = behind(&text, "kdeck -k ");
    assert_eq!(target, format!("net:port=50000,key={key},name=web01"));
    let other = printed(&home, &arguments);
    assert_ne!(behind(&other, line), key);
    assert!(
        fs::read_dir(home.path())
            .expect("a directory")
            .next()
            .is_none()
    );
}

#[test]
fn keys_of_a_rack_are_written_for_their_owner_and_are_a_configuration_in_order() {
    let home = Home::new();
    let arguments = [
        "keygen",
        "--count",
        "45",
        "--port",
        "50000",
        "--host",
        "203.0.113.2",
        "--name",
        "lab",
        "--out",
        "rack.toml",
    ];
    let text = printed(&home, &arguments);
    assert!(
        text.contains("warning: ports 50040-50044: beyond"),
        "{text}"
    );
    assert_eq!(text.matches("bcdedit /dbgsettings").count(), 45);
    let file = home.path().join("rack.toml");
    let mode = fs::metadata(&file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let written = fs::read_to_string(&file).expect("a file");
    assert_eq!(written.matches("[[target]]").count(), 45);
    let check = run(&home, &["check", "rack.toml"]);
    assert!(!told(&check).contains("error"), "{}", told(&check));

    let refused = run(&home, &arguments);
    assert_eq!(refused.status.code(), Some(2));
    assert!(told(&refused).contains("--force"), "{}", told(&refused));
    assert_eq!(fs::read_to_string(&file).expect("a file"), written);
    let forced = [&arguments[..], &["--force"]].concat();
    printed(&home, &forced);
    assert_ne!(fs::read_to_string(&file).expect("a file"), written);
}

#[test]
fn keys_for_what_cannot_be_are_refused() {
    let home = Home::new();
    for (arguments, words) in [
        (
            &["keygen", "--host", "127.0.0.1"][..],
            "no address of this machine that a target could",
        ),
        (&["keygen", "--host", "lab"], "--host"),
        (
            &[
                "keygen",
                "--host",
                "203.0.113.2",
                "--port",
                "65535",
                "--count",
                "2",
            ],
            "1 to 65535",
        ),
        (&["keygen", "--host", "203.0.113.2", "--name", "a b"], "a b"),
        (&["keygen", "--force"], "--out"),
    ] {
        let output = run(&home, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(told(&output).contains(words), "{}", told(&output));
    }
    let arguments = ["keygen", "--host", "203.0.113.2", "--out", "no/where.toml"];
    assert_eq!(run(&home, &arguments).status.code(), Some(1));
}

#[test]
fn settings_that_do_not_match_are_told_with_the_line_that_repairs_them_and_without_keys() {
    let home = Home::new();
    home.configure("[[target]]\nname = \"web01\"\nconnect = \"net:port=50000,key=1.2.3.4\"\n");
    let file = home.path().join("settings.txt");
    fs::write(&file, settings(50007, "1a2b3c.5.6.7")).expect("a file");
    let output = run(&home, &["check", "--bcdedit", "settings.txt"]);
    let text = told(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    for words in [
        "port is 50007, but web01 is waited for on port 50000",
        "key is none that is configured",
        "hostip 203.0.113.2 is no address of this machine",
        "port:50000 key:<the key of web01>",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(
        !text.contains("1a2b3c") && !text.contains("1.2.3.4"),
        "{text}"
    );

    let output = run(&home, &["check", "--bcdedit", "nowhere.txt"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("nowhere.txt"));
}

#[test]
fn settings_are_read_from_standard_input_as_powershell_writes_them() {
    let home = Home::new();
    let mut command = home.kdeck();
    command.args(["-k", "net:port=50000,key=1.2.3.4,name=web01"]);
    command.args(["check", "--bcdedit", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut kdeck = command.spawn().expect("kdeck starts");
    let text = ["\u{feff}", &settings(50000, "1.2.3.4")].concat();
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut input = kdeck.stdin.take().expect("a pipe");
    input.write_all(&wide).expect("it reads");
    drop(input);
    let text = told(&kdeck.wait_with_output().expect("it ends"));
    assert!(text.contains("hostip 203.0.113.2 is no address"), "{text}");
    assert!(
        !text.contains("key is") && !text.contains("port is"),
        "{text}"
    );
}
