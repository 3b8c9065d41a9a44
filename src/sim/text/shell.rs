//! The commands of a simulated machine.

use std::time::Instant;

use super::{Machine, hostile};

impl Machine {
    /// Runs `line` as a command, and prompts for the next where that makes sense.
    pub(super) fn execute(&mut self, line: &[u8], now: Instant) {
        let line = String::from_utf8_lossy(line);
        let line = line.trim();
        let (command, argument) = line.split_once(' ').unwrap_or((line, ""));
        match (command, argument.trim()) {
            ("", _) => {}
            ("help", _) => HELP.iter().for_each(|line| self.outgoing.line(line)),
            ("uname", argument) => self.uname(argument),
            ("uptime", _) => self.show_uptime(now),
            ("dmesg", _) => self.dmesg(),
            ("ls", _) => self
                .outgoing
                .line("\x1b[1;34mlabels\x1b[0m  \x1b[1;34mshelves\x1b[0m  notes.txt"),
            ("echo", argument) => self.outgoing.line(argument),
            ("whoami", _) => self.outgoing.line(self.terminal.user()),
            ("hostile", _) => {
                for attack in 0..hostile::count() {
                    hostile::write(attack, &mut self.random, &mut self.outgoing.bytes);
                    self.outgoing.end_line();
                }
            }
            ("flood", count) => match count.parse() {
                Ok(lines @ 1..=FLOOD_LINES_MAX) => return self.start_flood(lines, now),
                _ => self.complain(format_args!("flood: a number from 1 to {FLOOD_LINES_MAX}")),
            },
            ("hangup", _) => self.hang_up = true,
            ("reboot", _) => return self.reboot(now),
            ("panic", _) => return self.panic(now),
            ("exit" | "logout", _) => {
                self.outgoing.line("logout");
                return self.terminal.ask(&self.hardware.host, &mut self.outgoing);
            }
            (unknown, _) => self.complain(format_args!("{unknown}: command not found")),
        }
        self.terminal
            .prompt(&self.hardware.host, &mut self.outgoing);
    }

    fn uname(&mut self, argument: &str) {
        let (host, release) = (&self.hardware.host, &self.hardware.release);
        let text = match argument {
            "-a" => format!("Linux {host} {release} #1 SMP PREEMPT x86_64 GNU/Linux"),
            "-r" => release.clone(),
            "-n" => host.clone(),
            _ => "Linux".to_owned(),
        };
        self.outgoing.line(text);
    }

    fn show_uptime(&mut self, now: Instant) {
        let uptime = self.uptime(now).as_secs();
        let (days, hours, minutes) = (uptime / 86_400, uptime / 3600 % 24, uptime / 60 % 60);
        let load = self.random.f64() * f64::from(self.hardware.cpus);
        self.outgoing.write(format_args!(
            " up {days} days, {hours:2}:{minutes:02}, 1 user, load average: {load:.2}"
        ));
        self.outgoing.end_line();
    }

    fn dmesg(&mut self) {
        self.outgoing.bytes.extend_from_slice(&self.kernel_log);
    }

    fn complain(&mut self, text: std::fmt::Arguments<'_>) {
        self.outgoing.write(format_args!("-sh: {text}"));
        self.outgoing.end_line();
    }
}

const HELP: &[&str] = &[
    "help          this list",
    "uname -a      which system this is",
    "uptime        since when it is up",
    "dmesg         the kernel's last messages",
    "ls            the files here",
    "echo TEXT     TEXT",
    "whoami        who you are",
    "flood N       N numbered lines, as fast as the line takes them; Ctrl-C ends it",
    "hostile       every attack on a terminal this machine knows, once",
    "hangup        drops your connection",
    "reboot        restarts the system",
    "panic         crashes the kernel",
    "exit          logs you out",
];

/// Longest flood on request. Lines; at full speed a quarter of an hour.
const FLOOD_LINES_MAX: u32 = 9_999_999;
