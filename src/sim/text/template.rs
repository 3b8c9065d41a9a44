//! Lines with gaps: `{nic}: link up` becomes what one machine says at one moment.
//!
//! The gaps are in a fixed table; a name that is not in it stays as it stands, and a test keeps
//! that from happening to a line of ours.

use std::fmt::Arguments;
use std::io::Write as _;
use std::time::Duration;

use fastrand::Rng;

/// What stays the same from boot to boot of one machine.
#[derive(Debug)]
pub(super) struct Hardware {
    pub host: String,
    pub release: String,
    pub cpus: u16,
    pub memory_mib: u32,
    mac: [u8; 6],
    address: [u8; 4],
    disk: &'static str,
    nic: &'static str,
}

impl Hardware {
    pub fn random(host: &str, random: &mut Rng) -> Self {
        Self {
            host: host.to_owned(),
            release: format!("6.{}.{}-rack", random.u8(6..18), random.u8(0..24)),
            cpus: 1 << random.u16(2..8),
            memory_mib: 1024 << random.u32(3..9),
            mac: [
                0x02,
                random.u8(..),
                random.u8(..),
                random.u8(..),
                random.u8(..),
                random.u8(..),
            ],
            address: [192, 0, 2, random.u8(1..255)],
            disk: pick(&["nvme0n1", "sda", "vda"], random),
            nic: pick(&["enp3s0", "eno1", "eth0", "ens18"], random),
        }
    }
}

/// Appends `template` with its gaps filled.
pub(super) fn expand(template: &str, hardware: &Hardware, random: &mut Rng, out: &mut Vec<u8>) {
    let mut rest = template;
    while let Some((text, after)) = rest.split_once('{') {
        out.extend_from_slice(text.as_bytes());
        let Some((gap, after)) = after.split_once('}') else {
            out.push(b'{');
            rest = after;
            continue;
        };
        if !fill(gap, hardware, random, out) {
            put(out, format_args!("{{{gap}}}"));
        }
        rest = after;
    }
    out.extend_from_slice(rest.as_bytes());
}

/// Appends the stamp of a kernel message.
pub(super) fn stamp(uptime: Duration, out: &mut Vec<u8>) {
    put(
        out,
        format_args!("[{:5}.{:06}] ", uptime.as_secs(), uptime.subsec_micros()),
    );
}

/// One of `choices`, which must not be empty.
pub(super) fn pick<T: Copy>(choices: &[T], random: &mut Rng) -> T {
    choices[random.usize(0..choices.len())]
}

fn fill(gap: &str, hardware: &Hardware, random: &mut Rng, out: &mut Vec<u8>) -> bool {
    match gap {
        "host" => out.extend_from_slice(hardware.host.as_bytes()),
        "release" => out.extend_from_slice(hardware.release.as_bytes()),
        "disk" => out.extend_from_slice(hardware.disk.as_bytes()),
        "nic" => out.extend_from_slice(hardware.nic.as_bytes()),
        "cpus" => put(out, format_args!("{}", hardware.cpus)),
        "last_cpu" => put(out, format_args!("{}", hardware.cpus - 1)),
        "memory" => put(out, format_args!("{}", hardware.memory_mib)),
        "memory_kib" => put(out, format_args!("{}", hardware.memory_mib * 1024)),
        "address" => {
            let [a, b, c, d] = hardware.address;
            put(out, format_args!("{a}.{b}.{c}.{d}"));
        }
        "mac" => {
            let [a, b, c, d, e, f] = hardware.mac;
            put(
                out,
                format_args!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}"),
            );
        }
        "peer" => put(out, format_args!("198.51.100.{}", random.u8(1..255))),
        "cpu" => put(out, format_args!("{}", random.u16(0..hardware.cpus))),
        "digit" => put(out, format_args!("{}", random.u8(1..10))),
        "small" => put(out, format_args!("{}", random.u8(1..100))),
        "large" => put(out, format_args!("{}", random.u32(100..100_000))),
        "pid" => put(out, format_args!("{}", random.u16(300..32_768))),
        "port" => put(out, format_args!("{}", random.u16(1024..65_535))),
        "hex4" => put(out, format_args!("{:04x}", random.u16(..))),
        "hex8" => put(out, format_args!("{:08x}", random.u32(..))),
        "hex16" => put(out, format_args!("{:016x}", random.u64(..))),
        "address16" => {
            put(
                out,
                format_args!(
                    "ffff{:012x}",
                    random.u64(0x8880_0000_0000..0x9000_0000_0000)
                ),
            );
        }
        "function" => {
            let (name, size) = (pick(FUNCTIONS, random), random.u16(0x40..0x900));
            put(
                out,
                format_args!("{name}+{:#x}/{size:#x}", random.u16(4..size)),
            );
        }
        "program" => out.extend_from_slice(pick(PROGRAMS, random).as_bytes()),
        "service" => out.extend_from_slice(pick(SERVICES, random).as_bytes()),
        _ => return false,
    }
    true
}

fn put(out: &mut Vec<u8>, text: Arguments<'_>) {
    out.write_fmt(text).expect("a Vec takes every byte");
}

const FUNCTIONS: &[&str] = &[
    "shelf_lookup",
    "shelf_insert",
    "drawer_commit",
    "drawer_flush_work",
    "label_alloc_slow",
    "label_put",
    "rack_walk_slots",
    "crate_read_iter",
    "crate_submit_pages",
    "belt_poll",
    "belt_receive",
    "worker_loop",
    "thread_entry",
    "syscall_enter_fast",
    "queue_run_one",
    "timer_expire_list",
];

const PROGRAMS: &[&str] = &[
    "shelfd", "beltd", "labeler", "sshd", "cron", "python3", "rackstat",
];

const SERVICES: &[&str] = &[
    "Shelf Index",
    "Belt Driver",
    "Label Printer Spooler",
    "Network Time",
    "Permit Remote Logins",
    "Rack Statistics",
    "Clean Up Of Temporary Files",
    "Message Bus",
    "Nightly Stocktaking",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(template: &str) -> String {
        let mut random = Rng::with_seed(1);
        let hardware = Hardware::random("web01", &mut random);
        let mut out = Vec::new();
        expand(template, &hardware, &mut random, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn gaps_are_filled_and_other_braces_stay() {
        assert_eq!(expanded("{host} is {host}"), "web01 is web01");
        assert_eq!(expanded("a {nobody} b"), "a {nobody} b");
        assert_eq!(expanded("open { only"), "open { only");
    }

    #[test]
    fn no_line_of_ours_has_a_gap_that_nobody_fills() {
        let scripts = [super::super::boot::BOOT, super::super::boot::SHUTDOWN];
        let scripts = scripts
            .into_iter()
            .chain([super::super::crash::PANIC])
            .flatten();
        let lines = scripts.filter_map(|step| step.text.template());
        let chatter = [super::super::chatter::KERNEL, super::super::chatter::PLAIN];
        for line in lines.chain(chatter.into_iter().flatten().copied()) {
            let text = expanded(line);
            assert!(!text.contains(['{', '}', '\n', '\r']), "{text}");
        }
    }

    #[test]
    fn stamps_have_the_width_of_a_kernels() {
        let mut out = Vec::new();
        stamp(Duration::from_micros(1_000_042), &mut out);
        assert_eq!(out, b"[    1.000042] ");
    }
}
