//! What a machine prints from its firmware's first line to its login, and on its way down.
//!
//! The words are ours, in the manner of a Linux boot.

/// One line of a script.
#[derive(Debug)]
pub(super) struct Step {
    /// How long the machine is busy before it, on average. Milliseconds.
    pub pause_ms: u16,
    pub text: Text,
}

/// What a step prints.
#[derive(Debug, Clone, Copy)]
pub(super) enum Text {
    /// A line of the firmware or of user space, as it stands.
    Plain(&'static str),
    /// A line of the kernel, stamped with its clock.
    Kernel(&'static str),
    /// Nothing: the kernel's clock starts.
    KernelStarts,
}

impl Text {
    #[cfg(test)]
    pub fn template(self) -> Option<&'static str> {
        match self {
            Text::Plain(line) | Text::Kernel(line) => Some(line),
            Text::KernelStarts => None,
        }
    }
}

const fn plain(pause_ms: u16, line: &'static str) -> Step {
    Step {
        pause_ms,
        text: Text::Plain(line),
    }
}

const fn kernel(pause_ms: u16, line: &'static str) -> Step {
    Step {
        pause_ms,
        text: Text::Kernel(line),
    }
}

/// From power to login, two to three seconds.
pub(super) const BOOT: &[Step] = &[
    plain(0, ""),
    plain(0, "Slab firmware 2.14 (c) nobody in particular"),
    plain(150, "{cpus} processors, {memory} MiB of memory"),
    plain(250, "Memory test: \x1b[32mpassed\x1b[0m"),
    plain(150, "Disk 0: /dev/{disk}"),
    plain(100, "Loading the kernel from disk 0 ..."),
    Step {
        pause_ms: 300,
        text: Text::KernelStarts,
    },
    kernel(
        0,
        "Linux version {release} (build@forge) (gcc 14.2.0, ld 2.44) #{small} SMP PREEMPT",
    ),
    kernel(
        0,
        "Command line: root=/dev/{disk}2 ro console=ttyS0,115200n8 panic=15",
    ),
    kernel(0, "KERNEL supported cpus: all that are fitted"),
    kernel(0, "BIOS-provided physical RAM map:"),
    kernel(
        0,
        "BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable",
    ),
    kernel(
        0,
        "BIOS-e820: [mem 0x000000000009fc00-0x00000000000fffff] reserved",
    ),
    kernel(
        0,
        "BIOS-e820: [mem 0x0000000000100000-0x00000000bffdafff] usable",
    ),
    kernel(
        0,
        "BIOS-e820: [mem 0x0000000100000000-0x00000007{hex8}] usable",
    ),
    kernel(0, "NX (Execute Disable) protection: active"),
    kernel(0, "DMI: Slab S{large}/Board {digit}, firmware 2.14"),
    kernel(2, "tsc: Detected 24{digit}{digit}.{digit}92 MHz processor"),
    kernel(2, "Memory: {memory_kib}K available, {large}K reserved"),
    kernel(3, "rcu: Preemptible hierarchical RCU, {cpus} processors"),
    kernel(5, "Console: colour dummy device 80x25"),
    kernel(5, "printk: console [ttyS0] enabled"),
    kernel(20, "smpboot: Allowing {cpus} CPUs, 0 hotplug CPUs"),
    kernel(60, "smp: Brought up 1 node, {cpus} CPUs"),
    kernel(15, "devtmpfs: initialized"),
    kernel(10, "NET: Registered PF_NETLINK/PF_ROUTE protocol family"),
    kernel(10, "thermal_sys: Registered thermal governor 'step_wise'"),
    kernel(15, "PCI: Using configuration type 1 for base access"),
    kernel(
        25,
        "pci 0000:00:1f.{digit}: [8086:{hex4}] type 00 class 0x060100",
    ),
    kernel(
        10,
        "pci 0000:0{digit}:00.0: [1af4:{hex4}] type 00 class 0x020000",
    ),
    kernel(10, "SCSI subsystem initialized"),
    kernel(10, "usbcore: registered new interface driver hub"),
    kernel(15, "clocksource: Switched to clocksource tsc-early"),
    kernel(30, "NET: Registered PF_INET protocol family"),
    kernel(
        15,
        "TCP: Hash tables configured (established {large} bind {large})",
    ),
    kernel(40, "Unpacking initramfs..."),
    kernel(250, "Freeing initrd memory: {large}K"),
    kernel(40, "audit: initializing netlink subsys (disabled)"),
    kernel(
        20,
        "Serial: 8250/16550 driver, 4 ports, IRQ sharing enabled",
    ),
    kernel(
        20,
        "00:0{digit}: ttyS0 at I/O 0x3f8 (irq = 4, base_baud = 115200) is a 16550A",
    ),
    kernel(60, "{disk}: {large} 512-byte logical blocks"),
    kernel(40, " {disk}: p1 p2 p3"),
    kernel(40, "{nic}: Slab gigabit controller at {mac}"),
    kernel(
        60,
        "xhci_hcd 0000:0{digit}:00.0: new USB bus registered, assigned bus number 1",
    ),
    kernel(20, "usb usb1: Product: xHCI Host Controller"),
    kernel(40, "hub 1-0:1.0: {digit} ports detected"),
    kernel(
        60,
        "rtc_cmos 00:04: setting system clock from the hardware clock",
    ),
    kernel(40, "Key type dns_resolver registered"),
    kernel(
        80,
        "EXT4-fs ({disk}2): mounted filesystem {hex8}-{hex4} ro with ordered data mode",
    ),
    kernel(30, "VFS: Mounted root (ext4 filesystem) readonly"),
    kernel(20, "Freeing unused kernel image (initmem) memory: {large}K"),
    kernel(20, "Run /sbin/init as init process"),
    kernel(
        120,
        "systemd[1]: System is tickless, hostname set to <{host}>.",
    ),
    kernel(
        80,
        "systemd[1]: Queued start job for default target Multi-User System.",
    ),
    plain(60, "[  OK  ] Created slice Slice for serial consoles."),
    plain(20, "[\x1b[0;32m  OK  \x1b[0m] Listening on Journal Socket."),
    plain(40, "         Starting Load Kernel Modules..."),
    plain(20, "         Starting File System Check on Root Device..."),
    plain(
        150,
        "[\x1b[0;32m  OK  \x1b[0m] Finished File System Check on Root Device.",
    ),
    kernel(
        30,
        "EXT4-fs ({disk}2): re-mounted {hex8}-{hex4} r/w. Quota mode: none.",
    ),
    plain(
        40,
        "[\x1b[0;32m  OK  \x1b[0m] Reached target Local File Systems.",
    ),
    kernel(
        60,
        "audit: type=1404 audit({large}.{small}:2): enforcing=1 auid=4294967295 ses={pid}",
    ),
    kernel(
        30,
        "usb 1-{digit}: new high-speed USB device number 2 using xhci_hcd",
    ),
    kernel(
        30,
        "usb 1-{digit}: New USB device found, idVendor={hex4}, idProduct={hex4}",
    ),
    plain(90, "[\x1b[0;32m  OK  \x1b[0m] Started {service}."),
    plain(70, "[\x1b[0;32m  OK  \x1b[0m] Started {service}."),
    kernel(
        90,
        "{nic}: link is up at 1000 Mbps, full duplex, flow control: rx/tx",
    ),
    plain(
        30,
        "[\x1b[0;1;31mFAILED\x1b[0m] Failed to start Coffee Machine Monitor.",
    ),
    plain(10, "See 'systemctl status coffee.service' for details."),
    plain(80, "[\x1b[0;32m  OK  \x1b[0m] Started {service}."),
    plain(
        60,
        "[\x1b[0;32m  OK  \x1b[0m] Reached target Network is Online ({address}).",
    ),
    plain(
        60,
        "[\x1b[0;32m  OK  \x1b[0m] Started Serial Getty on ttyS0.",
    ),
    plain(
        60,
        "[\x1b[0;32m  OK  \x1b[0m] Reached target Multi-User System.",
    ),
];

/// From `reboot` to the moment the firmware takes over.
pub(super) const SHUTDOWN: &[Step] = &[
    plain(100, "         Stopping {service}..."),
    plain(100, "[\x1b[0;32m  OK  \x1b[0m] Stopped {service}."),
    plain(
        150,
        "[\x1b[0;32m  OK  \x1b[0m] Stopped target Multi-User System.",
    ),
    plain(150, "[\x1b[0;32m  OK  \x1b[0m] Unmounted /var/lib/rack."),
    plain(
        100,
        "[\x1b[0;32m  OK  \x1b[0m] Reached target System Reboot.",
    ),
    kernel(
        200,
        "systemd-shutdown[1]: Sending SIGTERM to remaining processes...",
    ),
    kernel(
        200,
        "EXT4-fs ({disk}2): re-mounted {hex8}-{hex4} ro. Quota mode: none.",
    ),
    kernel(100, "reboot: Restarting system"),
    plain(800, ""),
];
