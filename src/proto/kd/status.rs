//! NTSTATUS: how a request went, and with what a target is continued.
//!
//! Values and names are those of Windows' public headers.

use std::fmt;

/// An NTSTATUS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct NtStatus(pub u32);

impl NtStatus {
    /// Done.
    pub const SUCCESS: Self = Self(0);
    /// Not done yet: what debuggers put into the status of a request.
    pub const PENDING: Self = Self(0x103);
    /// A continue that says the exception was handled.
    pub const EXCEPTION_HANDLED: Self = Self(0x0001_0001);
    /// A plain continue.
    pub const CONTINUE: Self = Self(0x0001_0002);
    /// An address that is not aligned as it has to be.
    pub const DATATYPE_MISALIGNMENT: Self = Self(0x8000_0002);
    /// A continue that gives the exception to the target's own handlers.
    pub const EXCEPTION_NOT_HANDLED: Self = Self(0x8001_0001);
    /// The target could not or would not; KD's answer to nearly everything that fails.
    pub const UNSUCCESSFUL: Self = Self(0xC000_0001);
    /// The target does not know how.
    pub const NOT_IMPLEMENTED: Self = Self(0xC000_0002);
    /// Memory that is not there.
    pub const ACCESS_VIOLATION: Self = Self(0xC000_0005);
    /// A handle that nobody gave out.
    pub const INVALID_HANDLE: Self = Self(0xC000_0008);
    /// A parameter that makes no sense.
    pub const INVALID_PARAMETER: Self = Self(0xC000_000D);
    /// A device, or a model-specific register, that does not exist.
    pub const NO_SUCH_DEVICE: Self = Self(0xC000_000E);
    /// A file that does not exist: how a target's file request is refused.
    pub const NO_SUCH_FILE: Self = Self(0xC000_000F);
    /// The end of a file.
    pub const END_OF_FILE: Self = Self(0xC000_0011);
    /// Not allowed.
    pub const ACCESS_DENIED: Self = Self(0xC000_0022);
    /// A search that found nothing.
    pub const NOT_FOUND: Self = Self(0xC000_0225);

    /// Whether the request failed. Informational and success statuses are neither; warnings count as failures.
    pub fn is_failure(self) -> bool {
        self.0 & 0x8000_0000 != 0
    }

    /// Whether it is an error, and not a warning: breakpoints and steps are those.
    pub fn is_error(self) -> bool {
        self.0 >> 30 == 0b11
    }

    /// The name in public headers, where it is one that KD uses.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::SUCCESS => "STATUS_SUCCESS",
            Self::PENDING => "STATUS_PENDING",
            Self::EXCEPTION_HANDLED => "DBG_EXCEPTION_HANDLED",
            Self::CONTINUE => "DBG_CONTINUE",
            Self::DATATYPE_MISALIGNMENT => "STATUS_DATATYPE_MISALIGNMENT",
            Self::EXCEPTION_NOT_HANDLED => "DBG_EXCEPTION_NOT_HANDLED",
            Self::UNSUCCESSFUL => "STATUS_UNSUCCESSFUL",
            Self::NOT_IMPLEMENTED => "STATUS_NOT_IMPLEMENTED",
            Self::ACCESS_VIOLATION => "STATUS_ACCESS_VIOLATION",
            Self::INVALID_HANDLE => "STATUS_INVALID_HANDLE",
            Self::INVALID_PARAMETER => "STATUS_INVALID_PARAMETER",
            Self::NO_SUCH_DEVICE => "STATUS_NO_SUCH_DEVICE",
            Self::NO_SUCH_FILE => "STATUS_NO_SUCH_FILE",
            Self::END_OF_FILE => "STATUS_END_OF_FILE",
            Self::ACCESS_DENIED => "STATUS_ACCESS_DENIED",
            Self::NOT_FOUND => "STATUS_NOT_FOUND",
            _ => return None,
        })
    }
}

impl fmt::Display for NtStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} (0x{:08X})", self.0),
            None => write!(f, "0x{:08X}", self.0),
        }
    }
}
