//! Names of exception codes as stop banners say them.
//!
//! Source: Microsoft's public list of NTSTATUS values and of the debugger's events.

/// A status: code, symbolic name, what KD calls it as an exception.
type Row = (u32, &'static str, Option<&'static str>);

/// What KD calls an exception: `Break instruction exception`, `Access violation`.
pub fn exception(code: u32) -> Option<&'static str> {
    row(code)?.2
}

/// The symbolic name of a status: `STATUS_ACCESS_VIOLATION`.
pub fn name(code: u32) -> Option<&'static str> {
    Some(row(code)?.1)
}

/// The line a stop begins with: `Access violation - code c0000005 (!!! second chance !!!)`.
pub fn banner(code: u32, first_chance: bool) -> String {
    let called = exception(code).unwrap_or("Unknown exception");
    let chance = if first_chance {
        "first chance"
    } else {
        "!!! second chance !!!"
    };
    format!("{called} - code {code:08x} ({chance})")
}

fn row(code: u32) -> Option<&'static Row> {
    let position = STATUSES.binary_search_by_key(&code, |row| row.0).ok()?;
    STATUSES.get(position)
}

/// Sorted by code.
const STATUSES: [Row; 65] = [
    (0x0000_0000, "STATUS_SUCCESS", None),
    (0x0000_0102, "STATUS_TIMEOUT", None),
    (0x0000_0103, "STATUS_PENDING", None),
    (0x0001_0001, "DBG_EXCEPTION_HANDLED", None),
    (0x0001_0002, "DBG_CONTINUE", None),
    (
        0x4000_0015,
        "STATUS_FATAL_APP_EXIT",
        Some("Application exit"),
    ),
    (
        0x4000_001e,
        "STATUS_WX86_SINGLE_STEP",
        Some("WOW64 single step exception"),
    ),
    (
        0x4000_001f,
        "STATUS_WX86_BREAKPOINT",
        Some("WOW64 breakpoint"),
    ),
    (0x4001_0005, "DBG_CONTROL_C", Some("Control-C exception")),
    (
        0x4001_0006,
        "DBG_PRINTEXCEPTION_C",
        Some("Debugger print exception"),
    ),
    (
        0x4001_0008,
        "DBG_CONTROL_BREAK",
        Some("Control-Break exception"),
    ),
    (
        0x4001_0009,
        "DBG_COMMAND_EXCEPTION",
        Some("Debugger command exception"),
    ),
    (
        0x406d_1388,
        "MS_VC_EXCEPTION",
        Some("Visual C++ thread naming exception"),
    ),
    (
        0x8000_0001,
        "STATUS_GUARD_PAGE_VIOLATION",
        Some("Guard page violation"),
    ),
    (
        0x8000_0002,
        "STATUS_DATATYPE_MISALIGNMENT",
        Some("Data misaligned"),
    ),
    (
        0x8000_0003,
        "STATUS_BREAKPOINT",
        Some("Break instruction exception"),
    ),
    (
        0x8000_0004,
        "STATUS_SINGLE_STEP",
        Some("Single step exception"),
    ),
    (0x8000_0005, "STATUS_BUFFER_OVERFLOW", None),
    (0x8001_0001, "DBG_EXCEPTION_NOT_HANDLED", None),
    (0xc000_0001, "STATUS_UNSUCCESSFUL", None),
    (0xc000_0002, "STATUS_NOT_IMPLEMENTED", None),
    (0xc000_0003, "STATUS_INVALID_INFO_CLASS", None),
    (0xc000_0004, "STATUS_INFO_LENGTH_MISMATCH", None),
    (
        0xc000_0005,
        "STATUS_ACCESS_VIOLATION",
        Some("Access violation"),
    ),
    (
        0xc000_0006,
        "STATUS_IN_PAGE_ERROR",
        Some("In-page I/O error"),
    ),
    (0xc000_0008, "STATUS_INVALID_HANDLE", Some("Invalid handle")),
    (0xc000_000d, "STATUS_INVALID_PARAMETER", None),
    (0xc000_000e, "STATUS_NO_SUCH_DEVICE", None),
    (0xc000_000f, "STATUS_NO_SUCH_FILE", None),
    (0xc000_0017, "STATUS_NO_MEMORY", None),
    (
        0xc000_001d,
        "STATUS_ILLEGAL_INSTRUCTION",
        Some("Illegal instruction"),
    ),
    (
        0xc000_001e,
        "STATUS_INVALID_LOCK_SEQUENCE",
        Some("Invalid lock sequence"),
    ),
    (0xc000_0022, "STATUS_ACCESS_DENIED", None),
    (0xc000_0023, "STATUS_BUFFER_TOO_SMALL", None),
    (
        0xc000_0025,
        "STATUS_NONCONTINUABLE_EXCEPTION",
        Some("Noncontinuable exception"),
    ),
    (
        0xc000_0026,
        "STATUS_INVALID_DISPOSITION",
        Some("Invalid disposition"),
    ),
    (0xc000_0034, "STATUS_OBJECT_NAME_NOT_FOUND", None),
    (
        0xc000_008c,
        "STATUS_ARRAY_BOUNDS_EXCEEDED",
        Some("Array bounds exceeded"),
    ),
    (
        0xc000_008d,
        "STATUS_FLOAT_DENORMAL_OPERAND",
        Some("Floating-point denormal operand"),
    ),
    (
        0xc000_008e,
        "STATUS_FLOAT_DIVIDE_BY_ZERO",
        Some("Floating-point divide by zero"),
    ),
    (
        0xc000_008f,
        "STATUS_FLOAT_INEXACT_RESULT",
        Some("Floating-point inexact result"),
    ),
    (
        0xc000_0090,
        "STATUS_FLOAT_INVALID_OPERATION",
        Some("Floating-point invalid operation"),
    ),
    (
        0xc000_0091,
        "STATUS_FLOAT_OVERFLOW",
        Some("Floating-point overflow"),
    ),
    (
        0xc000_0092,
        "STATUS_FLOAT_STACK_CHECK",
        Some("Floating-point stack check"),
    ),
    (
        0xc000_0093,
        "STATUS_FLOAT_UNDERFLOW",
        Some("Floating-point underflow"),
    ),
    (
        0xc000_0094,
        "STATUS_INTEGER_DIVIDE_BY_ZERO",
        Some("Integer divide-by-zero"),
    ),
    (
        0xc000_0095,
        "STATUS_INTEGER_OVERFLOW",
        Some("Integer overflow"),
    ),
    (
        0xc000_0096,
        "STATUS_PRIVILEGED_INSTRUCTION",
        Some("Privileged instruction"),
    ),
    (0xc000_009a, "STATUS_INSUFFICIENT_RESOURCES", None),
    (0xc000_00bb, "STATUS_NOT_SUPPORTED", None),
    (0xc000_00fd, "STATUS_STACK_OVERFLOW", Some("Stack overflow")),
    (0xc000_0135, "STATUS_DLL_NOT_FOUND", Some("DLL not found")),
    (
        0xc000_0138,
        "STATUS_ORDINAL_NOT_FOUND",
        Some("Ordinal not found"),
    ),
    (
        0xc000_0139,
        "STATUS_ENTRYPOINT_NOT_FOUND",
        Some("Entry point not found"),
    ),
    (0xc000_013a, "STATUS_CONTROL_C_EXIT", Some("Control-C exit")),
    (
        0xc000_0142,
        "STATUS_DLL_INIT_FAILED",
        Some("DLL initialization failed"),
    ),
    (
        0xc000_0144,
        "STATUS_UNHANDLED_EXCEPTION",
        Some("Unhandled exception"),
    ),
    (
        0xc000_0194,
        "STATUS_POSSIBLE_DEADLOCK",
        Some("Possible deadlock condition"),
    ),
    (0xc000_0218, "STATUS_CANNOT_LOAD_REGISTRY_FILE", None),
    (0xc000_021a, "STATUS_SYSTEM_PROCESS_TERMINATED", None),
    (0xc000_0221, "STATUS_IMAGE_CHECKSUM_MISMATCH", None),
    (
        0xc000_0374,
        "STATUS_HEAP_CORRUPTION",
        Some("Heap corruption"),
    ),
    (
        0xc000_0409,
        "STATUS_STACK_BUFFER_OVERRUN",
        Some("Security check failure or stack buffer overrun"),
    ),
    (
        0xc000_0420,
        "STATUS_ASSERTION_FAILURE",
        Some("Assertion failure"),
    ),
    (0xe06d_7363, "MS_CPP_EXCEPTION", Some("C++ EH exception")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_says_what_it_is_and_which_chance() {
        assert_eq!(
            banner(0x8000_0003, true),
            "Break instruction exception - code 80000003 (first chance)"
        );
        assert_eq!(
            banner(0xc000_0005, false),
            "Access violation - code c0000005 (!!! second chance !!!)"
        );
        assert_eq!(
            banner(0x1234, true),
            "Unknown exception - code 00001234 (first chance)"
        );
    }

    #[test]
    fn the_table_is_sorted() {
        assert!(STATUSES.is_sorted_by(|left, right| left.0 < right.0));
        assert_eq!(name(0xc000_0034), Some("STATUS_OBJECT_NAME_NOT_FOUND"));
    }
}
