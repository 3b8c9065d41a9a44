//! ser2net, conserver and conman, with shells behind them.

use std::process::Command;

use crate::rig::Rig;
use crate::support::deadline::Deadline;
use crate::support::headless::Headless;
use crate::support::ports::free_ports;

const PROGRAMS: [&str; 7] = [
    "ser2net",
    "conserver",
    "console",
    "conmand",
    "conman",
    "socat",
    "busybox",
];

const NAMES: [&str; 5] = ["raw", "telnet", "rfc2217", "conserver", "conman"];

#[test]
fn terminal_servers_and_console_servers_are_talked_through() {
    let Some(rig) = Rig::find("console servers", "console-servers", &PROGRAMS) else {
        return;
    };
    let port = free_ports(30);
    rig.run("up", ["-p", &port.to_string()]);
    let mut kdeck = Headless::watching([
        format!("raw:server=127.0.0.1,port={port},name=raw"),
        format!("telnet:server=127.0.0.1,port={},name=telnet", port + 1),
        format!("telnet:server=127.0.0.1,port={},name=rfc2217", port + 2),
        format!(
            "exec:console -M 127.0.0.1 -p {} sh,name=conserver",
            port + 10
        ),
        format!("exec:conman -d 127.0.0.1:{} e,name=conman", port + 20),
    ]);
    // What a console client says when it is through.
    kdeck.wait_output("conserver", "[Enter `^Ec?' for help]");
    kdeck.wait_output("conman", "Connection to console [e] opened");
    for name in NAMES {
        kdeck.wait_state(name, "running");
    }
    for name in NAMES {
        kdeck.forget();
        kdeck.done(&format!("@{name} echo kdeck-$((6*7))"));
        kdeck.wait("the shell's answer", |event| {
            event.is_output(name) && event.text().starts_with("kdeck-42")
        });
    }
    kdeck.done("@telnet .break");
    kdeck.done("@telnet echo after the $((1+1))nd");
    kdeck.wait_output("telnet", "after the 2nd");

    // Only the one that speaks RFC 2217 has a serial line to set.
    kdeck.done("@telnet .baud 38400");
    kdeck.wait_notice("telnet", "does not let the serial line be set");
    kdeck.done("@rfc2217 .baud 38400");
    let notice = kdeck.wait_notice("rfc2217", "the line is set");
    assert!(notice.text().contains("38400"), "{notice:?}");
    let device = rig.state().join("console-servers/tty-c");
    let deadline = Deadline::soon();
    loop {
        let speed = Command::new("stty")
            .arg("-F")
            .arg(&device)
            .arg("speed")
            .output();
        let speed = speed.expect("stty(1) is there").stdout;
        if speed == b"38400\n" {
            break;
        }
        assert!(
            deadline.left().is_some(),
            "the device has {}",
            speed.escape_ascii()
        );
    }
    kdeck.done("@rfc2217 .break");
    kdeck.wait_notice("rfc2217", "break sent");
    let status = kdeck.done("@rfc2217 .status");
    assert!(status.contains("lets its serial line be set"), "{status}");
}

#[test]
fn a_terminal_server_that_restarts_is_found_again() {
    let Some(rig) = Rig::find("a restarted terminal server", "console-servers", &PROGRAMS) else {
        return;
    };
    let port = free_ports(30);
    let ports = port.to_string();
    rig.run("up", ["-p", &ports]);
    let mut kdeck =
        Headless::watching([format!("telnet:server=127.0.0.1,port={},name=a", port + 1)]);
    kdeck.wait_state("a", "running");
    rig.run("down", [""; 0]);
    kdeck.wait_state("a", "lost");
    kdeck.forget();
    rig.run("up", ["-p", &ports]);
    kdeck.done("@a .connect");
    kdeck.wait_state("a", "running");
    kdeck.done("@a echo kdeck-$((6*7))");
    kdeck.wait_output("a", "kdeck-42");
}
