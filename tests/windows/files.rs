//! Files of the host that a target asks for at boot.

use super::support::headless::Headless;
use super::support::home::Home;
use super::support::windows::Windows;
use super::{Lab, W};

#[test]
fn files_are_given_from_the_directory_that_was_set_aside() {
    let (home, windows) = (Home::new(), Windows::net(&["--boot", "--files"]));
    let drivers = home.path().join("drivers");
    std::fs::create_dir(&drivers).expect("a directory");
    std::fs::write(drivers.join("NDIS.sys"), vec![7; 3000]).expect("a file");
    std::fs::write(home.path().join("tcpip.sys"), "not in it").expect("a file");
    let target = format!("{},files={}", windows.targets[0], drivers.display());
    let deck = Headless::start_in(home, &["-k", &target]);
    let given = deck.wait_notice(W, "gave the target ");
    let expected = format!(
        "gave the target {} (3000 bytes)",
        drivers.join("NDIS.sys").display()
    );
    assert_eq!(given.text(), expected);
    deck.wait_output(W, "KD: 3000 bytes of the replacement read");
    deck.wait_notice(W, "\\fltmgr.sys");
    let all = deck.events();
    let count = |text: &str| {
        all.iter()
            .filter(|event| event.text().contains(text))
            .count()
    };
    assert_eq!(
        (count("gave the target"), count("of the replacement read")),
        (1, 1)
    );
}

#[test]
fn without_a_directory_no_file_is_given() {
    let lab = Lab::new(Windows::net(&["--boot", "--files"]));
    lab.deck.wait_notice(W, "\\fltmgr.sys");
    lab.deck.wait_output(W, "is ready");
    let events = lab.deck.events();
    assert!(
        !events
            .iter()
            .any(|event| event.text().contains("gave the target"))
    );
    assert!(
        !events
            .iter()
            .any(|event| event.text().contains("of the replacement"))
    );
    let refusals = events
        .iter()
        .filter(|event| event.kind() == "notice" && event.text().contains("files=DIRECTORY"));
    assert_eq!(refusals.count(), 1, "it is told once a boot");
}
