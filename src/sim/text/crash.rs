//! What a kernel prints when it panics, until it starts again.

use super::boot::{Step, Text};

const fn kernel(line: &'static str) -> Step {
    Step {
        pause_ms: 1,
        text: Text::Kernel(line),
    }
}

/// A page fault in an interrupt, its trace, and the reboot a quarter of a minute later.
pub(super) const PANIC: &[Step] = &[
    kernel("BUG: unable to handle page fault for address: {address16}"),
    kernel("#PF: supervisor write access in kernel mode"),
    kernel("#PF: error_code(0x0002) - not-present page"),
    kernel("PGD {hex8} P4D {hex8} PUD 0"),
    kernel("Oops: Oops: 0002 [#1] PREEMPT SMP"),
    kernel("CPU: {cpu} UID: 0 PID: {pid} Comm: {program} Not tainted {release} #{small}"),
    kernel("Hardware name: Slab S{large}/Board {digit}, firmware 2.14"),
    kernel("RIP: 0010:{function}"),
    kernel("Code: 48 89 e5 41 54 53 48 89 fb 4c 8b 67 18 <49> 89 04 24 5b 41 5c 5d c3"),
    kernel("RSP: 0018:{address16} EFLAGS: 00010046"),
    kernel("RAX: {hex16} RBX: {address16} RCX: {hex16}"),
    kernel("RDX: 0000000000000001 RSI: {address16} RDI: {address16}"),
    kernel("RBP: {address16} R08: {hex16} R09: 0000000000000000"),
    kernel("R10: 0000000000000000 R11: {hex16} R12: {address16}"),
    kernel("R13: {address16} R14: {address16} R15: 0000000000000000"),
    kernel("FS:  0000000000000000(0000) GS:{address16}(0000) knlGS:0000000000000000"),
    kernel("CR2: {address16} CR3: 00000000{hex8} CR4: 0000000000350ef0"),
    kernel("Call Trace:"),
    kernel(" <IRQ>"),
    kernel(" ? {function}"),
    kernel(" {function}"),
    kernel(" {function}"),
    kernel(" {function}"),
    kernel(" </IRQ>"),
    kernel(" <TASK>"),
    kernel(" {function}"),
    kernel(" ? {function}"),
    kernel(" {function}"),
    kernel(" </TASK>"),
    kernel("Modules linked in: shelf belt label xhci_pci ext4 slab_gbe"),
    kernel("---[ end trace 0000000000000000 ]---"),
    kernel("Kernel panic - not syncing: Fatal exception in interrupt"),
    kernel("Kernel Offset: 0x{hex8} from 0xffffffff81000000"),
    kernel("---[ end Kernel panic - not syncing: Fatal exception in interrupt ]---"),
    kernel("Rebooting in 15 seconds.."),
    Step {
        pause_ms: 15_000,
        text: Text::Plain(""),
    },
];
