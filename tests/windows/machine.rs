//! What the machine tells of itself, events, modules that come and go.

use super::{Lab, W};

#[test]
fn the_target_tells_what_it_is() {
    let mut lab = Lab::stopped();
    let text = lab.done("vertarget");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "Windows 10 Kernel Version 19041 MP (4 procs) Free x64"
    );
    assert_eq!(
        lines[1],
        "Built by: 19041.1.amd64fre.vb_release.191206-1406"
    );
    assert_eq!(lines[2], "Machine Name:");
    assert!(lines[3].starts_with("Kernel base = 0xfffff8"), "{text}");
    assert!(
        lines[3].contains(" PsLoadedModuleList = 0xfffff8"),
        "{text}"
    );
    assert!(lines[4].starts_with("Debug session time: "), "{text}");
    assert!(
        lines[6].starts_with("System Uptime: ") && lines[6].contains(" days "),
        "{text}"
    );
    let version = lab.done("version");
    assert!(version.starts_with(&lines[..4].join("\n")), "{version}");
    assert!(
        version.contains("Remote KD: Trans=@{NET:Port="),
        "{version}"
    );
    assert!(version.contains("\nkdeck "), "{version}");
    let time = lab.done(".time");
    assert!(
        time.starts_with("Debug session time: ") && time.contains("\nSystem Uptime: "),
        "{time}"
    );
    let event = lab.done(".lastevent");
    assert!(
        event.starts_with("Last event: Break instruction exception - code 80000003 (first chance)")
    );
    assert!(event.contains("\n  debugger time: "), "{event}");
    assert!(
        lab.done("!dbgprint")
            .contains("KDTARGET: Refreshing KD connection")
    );
    assert!(
        lab.done(".bugcheck")
            .starts_with("Bugcheck code 00000000\nArguments 00000000`00000000 ")
    );
    assert!(lab.done("!analyze").starts_with("no bug check"));
}

#[test]
fn the_key_is_printed_nowhere() {
    let mut lab = Lab::net(&["--boot"]);
    let key = lab.windows.value(0, "key").to_owned();
    for line in [
        ".break",
        "version",
        ".status",
        ".diag",
        ".targets",
        "vertarget",
        ".disconnect",
        ".connect",
        ".status",
    ] {
        lab.done(line);
    }
    let home = lab.deck.home.path().to_owned();
    let ended = lab.deck.finish();
    assert_eq!(ended.code(), 0, "{}", ended.complaints);
    let parts: Vec<&str> = key.split('.').collect();
    let printed: String = ended
        .events
        .iter()
        .map(|event| event.0.to_string())
        .collect();
    for text in [&printed, &ended.complaints, &ended.home.log(W)] {
        assert!(!parts.iter().any(|part| text.contains(part)), "{text}");
    }
    assert!(home.exists(), "the logs were looked at before they went");
}

#[test]
fn modules_that_come_and_go_are_told_and_stop_it_if_wanted() {
    let mut lab = Lab::net(&["--driver-every", "0.05"]);
    let loaded = lab.deck.wait_notice(W, "ModLoad: ");
    let words: Vec<&str> = loaded.text().split_whitespace().collect();
    assert_eq!(
        (words[1].len(), words[2].len(), words.len()),
        (17, 17, 4),
        "{words:?}"
    );
    assert!(
        words[3].starts_with("\\SystemRoot\\System32\\drivers\\"),
        "{words:?}"
    );
    let unloaded = lab.deck.wait_notice(W, "ModUnload: ");
    assert_eq!(
        unloaded.text().split_whitespace().count(),
        3,
        "{}",
        unloaded.text()
    );

    lab.done(".break");
    lab.done("sxe ld");
    lab.done("sxe ud");
    let set = lab.done("sx");
    assert!(
        set.contains("ld - Load module - break") && set.contains("ud - Unload module - break"),
        "{set}"
    );
    lab.go_until("Mod");
    lab.go_until("Mod");
    lab.done("sxd ld");
    lab.go_until("ModUnload: ");
    let listed = lab.done("lm");
    assert!(listed.lines().count() > 8, "{listed}");
    assert!(
        lab.refused("sxe xyz")
            .starts_with("the events are ld and ud: ")
    );
}
