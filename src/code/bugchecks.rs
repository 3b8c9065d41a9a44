//! Names of bug check codes and what their parameters mean.
//!
//! Source: Microsoft's public bug check code reference.

mod codes;

use codes::NAMES;

/// The name of a bug check code: `DRIVER_IRQL_NOT_LESS_OR_EQUAL`.
pub fn name(code: u32) -> Option<&'static str> {
    let found = |code| {
        Some(
            NAMES
                .get(NAMES.binary_search_by_key(&code, |row| row.0).ok()?)?
                .1,
        )
    };
    found(code).or_else(|| found(code & !KERNEL_EXCEPTION))
}

/// What the four parameters mean, for frequent codes.
pub fn parameters(code: u32) -> Option<[&'static str; 4]> {
    let code = code & !KERNEL_EXCEPTION;
    let (_, meanings) = PARAMETERS.iter().find(|(other, _)| *other == code)?;
    Some(*meanings)
}

/// Set in the codes of some variants that mean the same: `1000007E` is `7E`.
const KERNEL_EXCEPTION: u32 = 0x1000_0000;

const PARAMETERS: [(u32, [&str; 4]); 23] = [
    (
        0xa,
        [
            "address that was referenced",
            "interrupt level at the time",
            "kind of access: bit 0 write, bit 3 execute",
            "address of the instruction",
        ],
    ),
    (
        0x1a,
        [
            "kind of violation",
            "depends on the kind",
            "depends on the kind",
            "depends on the kind",
        ],
    ),
    (
        0x1e,
        [
            "exception code",
            "address where it occurred",
            "first parameter of the exception",
            "second parameter of the exception",
        ],
    ),
    (
        0x3b,
        [
            "exception code",
            "address of the instruction",
            "address of the context record",
            "0",
        ],
    ),
    (
        0x50,
        [
            "address that was referenced",
            "kind of access: 0 read, 1 or 2 write, 0x10 execute",
            "address of the instruction, if known",
            "kind of page fault",
        ],
    ),
    (
        0x7e,
        [
            "exception code",
            "address where it occurred",
            "address of the exception record",
            "address of the context record",
        ],
    ),
    (
        0x7f,
        [
            "trap number: 0 divide error, 8 double fault, 0xd general protection",
            "depends on the trap",
            "depends on the trap",
            "depends on the trap",
        ],
    ),
    (
        0x8e,
        [
            "exception code",
            "address where it occurred",
            "address of the trap frame",
            "0",
        ],
    ),
    (
        0x9f,
        [
            "kind of failure: 3 is a device that holds an IRP for too long",
            "physical device object or thread",
            "depends on the kind",
            "IRP or depends on the kind",
        ],
    ),
    (
        0xbe,
        [
            "address that was written to",
            "contents of its page table entry",
            "reserved",
            "reserved",
        ],
    ),
    (
        0xc2,
        [
            "kind of violation",
            "depends on the kind",
            "depends on the kind",
            "depends on the kind",
        ],
    ),
    (
        0xc4,
        [
            "which rule was broken",
            "depends on the rule",
            "depends on the rule",
            "depends on the rule",
        ],
    ),
    (
        0xc5,
        [
            "address that was referenced",
            "interrupt level at the time",
            "kind of access: 0 read, 1 write",
            "address of the instruction",
        ],
    ),
    (
        0xd1,
        [
            "address that was referenced",
            "interrupt level at the time",
            "kind of access: 0 read, 1 write, 8 execute",
            "address of the instruction",
        ],
    ),
    (
        0xef,
        [
            "process object",
            "0 if a process, 1 if a thread died",
            "0",
            "0",
        ],
    ),
    (
        0xf4,
        [
            "kind of object: 3 process, 6 thread",
            "object that was terminated",
            "name of the process's image",
            "explanation, as text",
        ],
    ),
    (
        0xfc,
        [
            "address where execution was attempted",
            "contents of its page table entry",
            "reserved",
            "reserved",
        ],
    ),
    (
        0x101,
        [
            "clock interrupts the processor missed",
            "0",
            "control block of the processor that hangs",
            "0",
        ],
    ),
    (
        0x109,
        [
            "reserved",
            "reserved",
            "kind-dependent information",
            "kind of structure that was modified",
        ],
    ),
    (
        0x116,
        [
            "recovery context of the display driver",
            "address inside the responsible driver",
            "status of the last failed operation",
            "depends on the operation",
        ],
    ),
    (
        0x124,
        [
            "kind of error source: 0 machine check",
            "error record",
            "upper half of the machine check status",
            "lower half of the machine check status",
        ],
    ),
    (
        0x133,
        [
            "0: one DPC ran too long, 1: the system spent too long at DISPATCH_LEVEL",
            "time used, in ticks",
            "time allowed, in ticks",
            "depends on the kind",
        ],
    ),
    (
        0x139,
        [
            "which check failed: 2 stack cookie, 3 list entry",
            "address of the trap frame",
            "address of the exception record",
            "reserved",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_names() {
        assert_eq!(name(0xd1), Some("DRIVER_IRQL_NOT_LESS_OR_EQUAL"));
        assert_eq!(
            name(0x1000_007e),
            Some("SYSTEM_THREAD_EXCEPTION_NOT_HANDLED")
        );
        assert_eq!(name(0xc000_021a), Some("STATUS_SYSTEM_PROCESS_TERMINATED"));
        assert_eq!(name(0x1234_5678), None);
    }

    #[test]
    fn the_table_is_sorted_and_covers_every_explained_code() {
        assert!(NAMES.is_sorted_by(|left, right| left.0 < right.0));
        assert!(PARAMETERS.iter().all(|(code, _)| name(*code).is_some()));
        assert_eq!(parameters(0xd1).unwrap()[3], "address of the instruction");
    }
}
