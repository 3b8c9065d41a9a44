//! Targets that restart, vanish, or are found again elsewhere.

use super::support::windows::{Line, Windows};
use super::{Lab, W};

const AT: &str = "nt!KeWaitForSingleObject";

#[test]
fn a_restarted_target_has_its_breakpoints_again() {
    for windows in [Windows::net(&[]), Windows::line(Line::Unix, &[])] {
        let mut lab = Lab::broken_into(Lab::new(windows));
        lab.done(&format!("bp {AT}"));
        let before = lab.value(AT);
        lab.deck.forget();
        assert_eq!(
            lab.done(".reboot"),
            "the target was told to restart at once; it is met again when it calls"
        );
        let lost = lab
            .deck
            .wait("it is waited for", |event| event.is_state(W, "lost"));
        assert_eq!(lost.detail(), "restarts; waits to hear of it again");
        lab.deck.wait_notice(W, "ModLoad: ");
        lab.broken(&format!("Breakpoint 0 hit, at {AT}"));
        assert_ne!(lab.value(AT), before, "it lies elsewhere");
        assert!(lab.done("bl").contains(AT));
    }
}

#[test]
fn a_target_that_restarts_by_itself_is_waited_for_and_met_again() {
    let mut lab = Lab::net(&["--reboot-every", "0.6"]);
    lab.done(".break");
    lab.done(&format!("bp {AT}"));
    lab.done("bd 0");
    lab.done("g");
    lab.deck.wait_notice(
        W,
        "the target shuts down or hands over: its modules are gone",
    );
    let lost = lab
        .deck
        .wait("it is waited for", |event| event.is_state(W, "lost"));
    assert_eq!(
        lost.detail(),
        "shut down, or restarts; waits to hear of it again"
    );
    lab.deck
        .wait_output(W, "KDTARGET: Refreshing KD connection");
    lab.deck.wait_notice(W, "ModLoad: ");
    lab.deck.wait_state(W, "running");
    assert!(lab.done("bl").starts_with(" 0 d"), "disabled as it was");
}

#[test]
fn a_break_in_outlasts_a_restart() {
    let mut lab = Lab::net(&["--boot"]);
    lab.done(".break");
    lab.done(".reboot");
    assert!(
        lab.done(".break")
            .starts_with("Break instruction exception")
    );
    lab.done("r rip");
}

#[test]
fn a_machine_in_the_place_of_one_that_vanished_is_met() {
    let mut lab = Lab::stopped();
    let (port, key) = (
        lab.windows.value(0, "port").to_owned(),
        lab.windows.value(0, "key").to_owned(),
    );
    // As when power fails, and the machine boots with another address.
    lab.windows.sim.0.kill().expect("it runs");
    lab.windows.sim.0.wait().expect("a child");
    lab.deck.forget();
    let other = Windows::at(&port, &key, &["--seed", "9", "--boot"]);
    lab.deck.wait_notice(W, "the target restarted");
    lab.deck.wait_notice(W, "ModLoad: ");
    lab.deck.wait_state(W, "running");
    lab.done(".break");
    lab.done("k");
    drop(other);
}

#[test]
fn a_byte_stream_that_closes_is_opened_again() {
    let mut lab = Lab::line(Line::Tcp, &[]);
    let port = lab.windows.value(0, "ipport").to_owned();
    lab.windows.sim.0.kill().expect("it runs");
    lab.windows.sim.0.wait().expect("a child");
    let lost = lab
        .deck
        .wait("it is lost", |event| event.is_state(W, "lost"));
    let (closed, reset) = ("closed by the other side", "reset by peer");
    assert!(
        lost.detail().contains(closed) || lost.detail().contains(reset),
        "{}",
        lost.detail()
    );
    assert_eq!(
        lab.refused("r"),
        format!("w000 is not connected: {}", lost.detail())
    );
    let other = Windows::listening(&port, &["--boot"]);
    lab.deck.forget();
    lab.deck.wait_notice(W, "ModLoad: ");
    lab.done(".break");
    lab.done("g");
    drop(other);
}

#[test]
fn a_breakpoint_that_it_stands_on_is_known_again_after_a_disconnect() {
    let mut lab = Lab::stopped();
    lab.done("bp mydrv!MyDispatch");
    lab.go_until("Breakpoint 0 hit, at mydrv!MyDispatch");
    lab.done(".disconnect");
    lab.deck.forget();
    lab.done(".connect");
    lab.broken("Breakpoint 0 hit, at mydrv!MyDispatch");
}
