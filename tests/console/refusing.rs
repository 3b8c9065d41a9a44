//! What is refused before the terminal is touched.

use std::process::Stdio;

use super::support::home::Home;
use super::support::terminal::Terminal;

/// Starts kdeck on a terminal where it has to refuse, and returns what it says.
fn refused(home: Home, arguments: &[&str]) -> String {
    let left = Terminal::start_in(home, 80, 24, arguments).wait_end();
    assert_eq!(left.status.code(), Some(2), "{}", left.screen);
    assert!(
        !left.bytes.windows(3).any(|bytes| bytes == b"\x1b[?"),
        "the terminal was touched: {}",
        left.bytes.escape_ascii()
    );
    assert!(left.modes_restored);
    left.screen
}

#[test]
fn a_console_without_a_terminal_is_one_line_and_status_2() {
    let home = Home::new();
    let output = home
        .kdeck()
        .stdin(Stdio::null())
        .output()
        .expect("kdeck starts");
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert_eq!(output.stdout, b"");
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    assert!(complaint.contains("--headless"), "{complaint}");
}

#[test]
fn a_broken_configuration_is_told_with_its_place() {
    let home = Home::new();
    home.configure("[[target]]\nname = \"a\"\nconect = \"raw:listen,port=1\"\n");
    let said = refused(home, &[]);
    assert!(said.contains("conect") && said.contains(":3:"), "{said}");
    assert!(said.contains("connect"), "{said}");
    let home = Home::new();
    home.configure("[[target]\n");
    refused(home, &[]);
}

#[test]
fn a_theme_that_is_not_there_is_told() {
    let said = refused(Home::new(), &["--theme", "neon"]);
    assert!(said.contains("neon"), "{said}");
    let home = Home::new();
    home.configure("[screen]\ntheme = \"neon\"\n");
    let said = refused(home, &[]);
    assert!(said.contains("neon"), "{said}");
}

#[test]
fn a_key_that_is_none_is_told() {
    let home = Home::new();
    home.configure("[keys]\nquit = \"ctrl+hyper+q\"\n");
    let said = refused(home, &[]);
    assert!(said.contains("ctrl+hyper+q"), "{said}");
}

#[test]
fn a_wrong_target_or_option_is_told() {
    let said = refused(Home::new(), &["-k", "raw:server=host,prot=1"]);
    assert!(said.contains("prot") && said.contains('^'), "{said}");
    let said = refused(Home::new(), &["--frame-rate", "0"]);
    assert!(said.contains("frame-rate"), "{said}");
}
