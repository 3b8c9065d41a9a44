//! A hundred streams at full speed, their logs proved complete line by line by the sender's checksums.

use std::path::PathBuf;

use crate::rig::{Rig, tell};
use crate::support::headless::Headless;
use crate::support::home::Home;
use crate::support::ports::free_ports;

const STREAMS: u16 = 100;
const LINES: u32 = 5000;
/// What a rack of these histories may take: a MiB for each of a hundred targets.
const HISTORIES: u64 = 100 << 20;
/// What the program itself may take beside the histories.
const PROGRAM: u64 = 64 << 20;

/// Short pauses, since the targets come after kdeck; small histories, so that they are full.
const CONFIGURATION: &str = concat!(
    "[reconnect]\nfirst = \"100ms\"\nlongest = \"300ms\"\n",
    "[history]\nper_target = \"1MiB\"\ntotal = \"100MiB\"\n"
);

#[test]
fn every_line_of_a_hundred_streams_is_in_its_log_once_and_in_order() {
    take_in("a flood of a hundred streams", "raw", &[], "lines");
}

#[test]
fn colours_and_utf_8_go_through_a_flood_as_they_came() {
    take_in("a flood in colour", "raw", &["-e"], "lines");
}

#[test]
fn a_flood_through_telnet_is_complete() {
    take_in("a flood through telnet", "telnet", &["-t"], "raw");
}

/// Takes in streams that begin when kdeck is there, and checks the logs.
fn take_in(check: &str, kind: &str, flags: &[&str], format: &str) {
    let Some(rig) = Rig::find(check, "flood", &["cc"]) else {
        return;
    };
    let port = free_ports(STREAMS);
    let strings: Vec<String> = (0..STREAMS)
        .map(|at| format!("{kind}:server=127.0.0.1,port={},name=c{at:04}", port + at))
        .collect();
    let mut kdeck = start(&strings, format);
    // Everybody waits for the last line before the first is sent.
    kdeck.say("@all .wait 240 ^END ");
    let (ports, count, lines) = (port.to_string(), STREAMS.to_string(), LINES.to_string());
    let arguments = ["-p", &ports, "-n", &count, "-l", &lines, "-k"];
    rig.run("up", arguments.iter().chain(flags));
    wait_for_ends(&kdeck, STREAMS);
    let memory = kdeck.memory();
    tell(&format!("{check}: {} MiB resident at most", memory >> 20));
    assert!(memory < HISTORIES + PROGRAM, "{memory} bytes resident");
    let home = kdeck.finish().home;
    prove(&rig, &home, STREAMS, LINES);
}

#[test]
fn extended_netconsole_of_many_kernels_on_one_port_is_complete() {
    const KERNELS: u16 = 20;
    const RECORDS: u32 = 2000;
    let Some(rig) = Rig::find("netconsole of many kernels", "flood", &["cc"]) else {
        return;
    };
    let port = free_ports(1);
    let strings: Vec<String> = (0..KERNELS)
        .map(|at| {
            format!(
                "netconsole:port={port},source=127.1.0.{},name=c{at:04}",
                at + 1
            )
        })
        .collect();
    let mut kdeck = start(&strings, "lines");
    for at in 0..KERNELS {
        kdeck.wait_state(&format!("c{at:04}"), "waiting");
    }
    kdeck.say("@all .wait 240 END c");
    let (to, count, lines) = (port.to_string(), KERNELS.to_string(), RECORDS.to_string());
    rig.run(
        "udp",
        ["-p", &to, "-n", &count, "-l", &lines, "-r", "200", "-x"],
    );
    wait_for_ends(&kdeck, KERNELS);
    let home = kdeck.finish().home;
    prove(&rig, &home, KERNELS, RECORDS);
}

fn start(strings: &[String], format: &str) -> Headless {
    let home = Home::new();
    home.configure(&format!("{CONFIGURATION}[log]\nformat = \"{format}\"\n"));
    let targets = strings.iter().flat_map(|string| ["-k", string]);
    let arguments: Vec<&str> = ["--only", "target,reply,error"]
        .into_iter()
        .chain(targets)
        .collect();
    let mut kdeck = Headless::start_in(home, &arguments);
    kdeck.patience = std::time::Duration::from_secs(300);
    kdeck
}

/// Waits until the last line of every stream has come.
fn wait_for_ends(kdeck: &Headless, streams: u16) {
    for at in 0..streams {
        let name = format!("c{at:04}");
        let reply = kdeck.wait(&format!("the end of {name}"), |event| {
            event.kind() == "reply" && event.target() == name
        });
        assert!(reply.ok(), "{reply:?}");
    }
    let errors = kdeck
        .events()
        .into_iter()
        .filter(|event| event.kind() == "error");
    assert_eq!(errors.collect::<Vec<_>>(), []);
}

/// Has the sender's program check every log.
fn prove(rig: &Rig, home: &Home, streams: u16, lines: u32) {
    let logs: Vec<PathBuf> = (0..streams)
        .flat_map(|at| home.log_files(&format!("c{at:04}")))
        .collect();
    assert_eq!(logs.len(), usize::from(streams));
    let verdict = rig.run("check", logs);
    let whole = format!(" lines={lines} ");
    let good = |line: &&str| line.contains(&whole) && line.ends_with(" OK");
    let proved = verdict.lines().filter(good).count();
    assert_eq!(proved, usize::from(streams), "{verdict}");
}
