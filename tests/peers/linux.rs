//! A Debian kernel under QEMU: its console over TCP and telnet, its log by netconsole, from the first line to its panic.

use crate::rig::Rig;
use crate::support::deadline::Deadline;
use crate::support::headless::Headless;
use crate::support::home::Home;
use crate::support::ports::free_ports;

/// Ports of one guest, as the script gives them.
const PORTS_EACH: u16 = 10;
/// Tries to have a command answered: the kernel's own messages may fall into the middle of an answer.
const TRIES: usize = 5;

#[test]
fn a_kernel_boots_answers_and_panics_in_sight() {
    let programs = ["qemu-system-x86_64", "busybox", "cpio", "socat", "apt-get"];
    let check = "a Linux kernel in QEMU";
    let Some(rig) = Rig::find(check, "linux-kernel", &programs) else {
        return;
    };
    rig.keep("linux-images");
    let raw = free_ports(2 * PORTS_EACH);
    let telnet = raw + PORTS_EACH;
    // Their processors are held, so that the first line is printed when we are there.
    let ports = raw.to_string();
    rig.run("up", ["-n", "2", "-x", "raw,telnet", "-S", "-p", &ports]);

    let home = Home::new();
    home.configure("[reconnect]\nfirst = \"50ms\"\nlongest = \"200ms\"\n");
    let targets = [
        format!("raw:server=127.0.0.1,port={raw},name=raw"),
        format!("telnet:server=127.0.0.1,port={telnet},name=telnet"),
        format!("netconsole:port={},name=plain", raw + 4),
        format!("netconsole:port={},name=extended", raw + 5),
        format!("netconsole:port={},name=other", telnet + 5),
    ];
    let arguments: Vec<&str> = targets.iter().flat_map(|target| ["-k", target]).collect();
    let mut kdeck = Headless::start_in(home, &arguments);
    kdeck.patience = BOOT;
    kdeck.wait_state("raw", "running");
    kdeck.wait_state("telnet", "running");
    for name in ["plain", "extended", "other"] {
        kdeck.wait_state(name, "waiting");
    }
    for guest in ["0", "1"] {
        rig.run("hmp", ["-i", guest, "cont"]);
    }

    for (guest, name) in ["raw", "telnet"].iter().enumerate() {
        kdeck.wait_output(name, "Linux version");
        let first = kdeck.wait("the first line", |event| {
            event.is_output(name) && !event.is_partial()
        });
        assert!(first.text().contains("Linux version"), "{first:?}");
        kdeck.wait_output(name, &format!("rig{guest}: READY"));
        let prompt = format!("rig{guest}:/# ");
        kdeck.wait("a prompt", |event| {
            event.is_output(name) && event.text().contains(&prompt)
        });
    }
    for name in ["raw", "telnet"] {
        answers(&mut kdeck, name);
    }

    // The kernel's own key: break, then a letter.
    kdeck.forget();
    kdeck.done("@telnet .break");
    kdeck.done("@telnet .keys h");
    kdeck.wait_output("telnet", "sysrq: HELP");

    for (name, guest) in [("plain", 0), ("extended", 0), ("other", 1)] {
        let tick = kdeck.wait_output(name, &format!("rig{guest}: tick"));
        // Header and time are not part of the text of an extended record.
        assert!(!tick.text().contains(';'), "{tick:?}");
        kdeck.wait_state(name, "running");
    }

    kdeck.forget();
    kdeck.done("@raw echo c >/proc/sysrq-trigger");
    for name in ["raw", "plain", "extended"] {
        kdeck.wait_output(name, "sysrq: Trigger a crash");
        kdeck.wait_output(name, "Kernel panic - not syncing: sysrq triggered crash");
        kdeck.wait_output(name, "end Kernel panic");
    }
    // It is on disk soon after, without anybody's doing.
    let deadline = Deadline::soon();
    for name in ["raw", "plain", "extended"] {
        while !kdeck.home.log(name).contains("end Kernel panic") {
            assert!(
                deadline.left().is_some(),
                "the panic is not in the log of {name}"
            );
            std::thread::yield_now();
        }
    }
    let log = kdeck.home.log("raw");
    assert!(log.contains("Linux version"), "{log}");

    kdeck.forget();
    rig.run("down", ["-i", "0"]);
    kdeck.wait_state("raw", "lost");
    answers(&mut kdeck, "telnet");
}

/// How long a kernel may take to boot beside others, without hardware support.
const BOOT: std::time::Duration = std::time::Duration::from_secs(90);

/// Types a command that the guest's shell answers.
fn answers(kdeck: &mut Headless, name: &str) {
    for _ in 0..TRIES {
        kdeck.forget();
        kdeck.feed(format!("@{name} echo kdeck-$((6*7))\n@{name} .wait 10 ^kdeck-42\n").as_bytes());
        let waited = kdeck.wait("the wait's reply", |event| {
            event.kind() == "reply" && event.0["seq"].is_null()
        });
        if waited.ok() {
            return;
        }
    }
    panic!(
        "the shell of {name} does not answer: {:?}",
        kdeck.done(&format!("@{name} .last 20"))
    );
}
