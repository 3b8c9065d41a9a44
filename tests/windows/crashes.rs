//! Bug checks: the state, the alert, what is told of them, and the way out.

use super::{Lab, W};

#[test]
fn a_bug_check_stops_it_and_alerts_everybody() {
    let mut lab = Lab::net(&["--bugcheck-after", "0.3"]);
    let name = "DRIVER_IRQL_NOT_LESS_OR_EQUAL";
    let stop = lab.broken(&format!(
        "Bugcheck 0xD1 {name} (0000000000000018,0000000000000002,"
    ));
    assert!(
        stop.detail().ends_with(", at nt!DbgBreakPointWithStatus"),
        "{}",
        stop.detail()
    );
    let alert = lab.deck.wait("an alert", |event| event.kind() == "error");
    assert!(
        alert
            .text()
            .starts_with(&format!("w000: BUGCHECK D1 {name} (18,2,0,")),
        "{}",
        alert.text()
    );
    lab.deck
        .wait_output(W, "*** Fatal System Error: 0x000000d1");
    let notice = lab.deck.wait_notice(W, "Bugcheck 0xD1");
    assert_eq!(
        notice.text().lines().nth(1),
        Some("nt!DbgBreakPointWithStatus:")
    );
    assert!(
        lab.done(".status")
            .contains(&format!("alert   BUGCHECK D1 {name}"))
    );

    let text = lab.done(".bugcheck");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "Bugcheck code 000000D1");
    assert!(
        lines[1].starts_with(
            "Arguments 00000000`00000018 00000000`00000002 00000000`00000000 fffff801`"
        )
    );
    assert_eq!(lines[2], name);
    let text = lab.done("!analyze -v");
    for part in [
        "Bugcheck Analysis",
        &format!("\n{name} (d1)\nArguments:\nArg1: 0000000000000018, "),
        "\nFAULTING_IP:  mydrv!MyDispatch+0x",
        "\nMODULE_NAME:  mydrv\nIMAGE_NAME:  mydrv.sys\n",
        "\nSTACK_TEXT:\n",
        "nt!KeBugCheckEx+0x",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(lab.refused(".crash").contains("already"));
    // It does not come back from there.
    lab.go_until("Bugcheck 0xD1");
    lab.done(".reboot");
    lab.deck.wait_state(W, "running");
    assert!(!lab.done(".status").contains("alert"));
}

#[test]
fn a_target_is_crashed_by_hand() {
    let mut lab = Lab::stopped();
    assert_eq!(
        lab.done(".crash"),
        "the target was told to stop with bug check E2"
    );
    lab.broken("Bugcheck 0xE2 MANUALLY_INITIATED_CRASH (");
    assert!(
        lab.done(".bugcheck")
            .starts_with("Bugcheck code 000000E2\n")
    );
    let shown = lab.done("!analyze -show a 1 2 3 4");
    assert!(
        shown.contains("\nIRQL_NOT_LESS_OR_EQUAL (a)\nArguments:\nArg1: 0000000000000001, "),
        "{shown}"
    );
}
