//! What a running machine says unasked.

use fastrand::Rng;

use super::template::pick;

/// One line, and whether it is the kernel's.
pub(super) fn line(random: &mut Rng) -> (bool, &'static str) {
    let kernel = random.u8(0..4) != 0;
    (kernel, pick(if kernel { KERNEL } else { PLAIN }, random))
}

/// Lines of the kernel.
pub(super) const KERNEL: &[&str] = &[
    "usb 1-{digit}: new high-speed USB device number {small} using xhci_hcd",
    "usb 1-{digit}: New USB device found, idVendor={hex4}, idProduct={hex4}, bcdDevice= 1.00",
    "usb 1-{digit}: USB disconnect, device number {small}",
    "{nic}: link is down",
    "{nic}: link is up at 1000 Mbps, full duplex, flow control: rx/tx",
    "{nic}: transmit queue {digit} timed out after {large} ms",
    "TCP: request_sock_TCP: Possible SYN flooding on port {port}. Sending cookies.",
    "IPv6: ADDRCONF(NETDEV_CHANGE): {nic}: link becomes ready",
    "nf_conntrack: table full, dropping packet from {peer}",
    "EXT4-fs ({disk}{digit}): mounted filesystem {hex8}-{hex4} r/w with ordered data mode",
    "EXT4-fs warning ({disk}2): directory index {large} is full, reach max htree level 2",
    "EXT4-fs ({disk}{digit}): unmounting filesystem {hex8}-{hex4}.",
    "blk_update_request: I/O error, dev {disk}, sector {large} op 0x0:(READ) flags 0x0",
    "{disk}: p1 p2 p3",
    "audit: type=1400 audit({large}.{small}:{pid}): apparmor=\"ALLOWED\" comm=\"{program}\"",
    "audit: type=1326 audit({large}.{small}:{pid}): uid=0 pid={pid} comm=\"{program}\" sig=31",
    "{program}[{pid}]: segfault at {hex8} ip {hex16} sp {hex16} error 4 in libshelf.so",
    "perf: interrupt took too long ({large} > {large}), lowering the sampling rate",
    "CPU{cpu}: Core temperature above threshold, cpu clock throttled (total events = {small})",
    "CPU{cpu}: Core temperature/speed normal",
    "mce: [Hardware Error]: Machine check events logged",
    "EDAC MC0: {digit} CE memory read error on DIMM_{digit} (page:0x{hex8} offset:0x{hex4})",
    "rcu: INFO: rcu_preempt self-detected stall on CPU {cpu} (t={large} jiffies)",
    "watchdog: BUG: soft lockup - CPU#{cpu} stuck for {small}s! [{program}:{pid}]",
    "INFO: task {program}:{pid} blocked for more than 120 seconds.",
    "Out of memory: Killed process {pid} ({program}) total-vm:{large}kB, anon-rss:{large}kB",
    "clocksource: timekeeping watchdog on CPU{cpu}: clock skew {large} ns, within limits",
    "shelf: slot {small}: inventory changed, generation {large}",
    "belt {digit}: resumed at {small} items/s",
    "label: printer {digit} out of paper, {large} labels queued",
    "systemd[1]: Started {service}.",
    "systemd[1]: {program}.service: Scheduled restart job, restart counter is at {small}.",
    "systemd-journald[{pid}]: Suppressed {large} messages from {program}.service",
    "random: {program}: uninitialized urandom read ({small} bytes read)",
];

/// Lines of programs that write to the console.
pub(super) const PLAIN: &[&str] = &[
    "[\x1b[0;32m  OK  \x1b[0m] Started {service}.",
    "[\x1b[0;32m  OK  \x1b[0m] Finished {service}.",
    "[\x1b[0;1;31mFAILED\x1b[0m] Failed to start {service}.",
    "[\x1b[0;1;33mDEPEND\x1b[0m] Dependency failed for {service}.",
    "{host} {program}[{pid}]: accepted connection from {peer} port {port}",
    "{host} {program}[{pid}]: \x1b[33mwarning\x1b[0m: queue {digit} is {small}% full",
    "{host} {program}[{pid}]: \x1b[31merror\x1b[0m: no answer from {peer}:{port} in {large} ms",
    "{host} {program}[{pid}]: stored {large} items in {small} ms",
    "{host} {program}[{pid}]: GET /slots/{large} 200 {large} {small}ms",
    "{host} cron[{pid}]: (root) CMD (rackstat --shelf {small})",
    "{host} sshd[{pid}]: Connection closed by {peer} port {port} [preauth]",
];
