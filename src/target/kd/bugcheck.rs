//! Bug checks: what a Windows kernel stops with for good.

use std::fmt;

use crate::code::bugchecks;

/// A bug check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bugcheck {
    /// Its code.
    pub code: u32,
    /// What it tells about itself.
    pub parameters: [u64; 4],
}

/// How a kernel announces a bug check before it breaks in.
const ANNOUNCEMENT: &str = "*** Fatal System Error: 0x";

impl Bugcheck {
    /// Of the kernel's own record: code and four parameters. `None` if there was none.
    pub fn new([code, a, b, c, d]: [u64; 5]) -> Option<Self> {
        let code = u32::try_from(code & u64::from(u32::MAX)).ok()?;
        (code != 0).then_some(Self {
            code,
            parameters: [a, b, c, d],
        })
    }

    /// Of what the target printed last: `*** Fatal System Error: 0x0000000a` and four numbers in parentheses.
    pub fn announced(prints: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(prints);
        let (_, rest) = text.rsplit_once(ANNOUNCEMENT)?;
        let digits = rest.split(|c: char| !c.is_ascii_hexdigit()).next()?;
        let code = u32::from_str_radix(digits, 16).ok()?;
        let inner = rest.split_once('(')?.1.split_once(')')?.0;
        let mut parameters = [0; 4];
        for (slot, number) in parameters.iter_mut().zip(inner.split(',')) {
            *slot = u64::from_str_radix(number.trim().trim_start_matches("0x"), 16).ok()?;
        }
        Some(Self { code, parameters })
    }

    /// In a few words, for a narrow place.
    pub fn alert(&self) -> String {
        let [a, b, c, d] = self.parameters;
        let name = bugchecks::name(self.code).unwrap_or("unknown");
        format!("BUGCHECK {:X} {name} ({a:x},{b:x},{c:x},{d:x})", self.code)
    }
}

impl fmt::Display for Bugcheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.parameters;
        let name = bugchecks::name(self.code).unwrap_or("a code that is not known here");
        write!(
            f,
            "Bugcheck 0x{:X} {name} ({a:016x},{b:016x},{c:016x},{d:016x})",
            self.code
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bug_check_is_found_in_what_was_printed() {
        let prints = b"loading\n\n*** Fatal System Error: 0x000000d1\n                       \
            (0x0000000000000018,0x0000000000000002,0x0000000000000000,0xFFFFF80312341234)\n\n";
        let found = Bugcheck::announced(prints).unwrap();
        assert_eq!(found.code, 0xd1);
        assert_eq!(found.parameters, [0x18, 2, 0, 0xffff_f803_1234_1234]);
        assert_eq!(
            found.alert(),
            "BUGCHECK D1 DRIVER_IRQL_NOT_LESS_OR_EQUAL (18,2,0,fffff80312341234)"
        );
        for none in [
            &b"all is well"[..],
            b"*** Fatal System Error: 0x",
            b"*** Fatal System Error: 0x1 (0x1,",
        ] {
            assert_eq!(Bugcheck::announced(none), None);
        }
        assert_eq!(Bugcheck::new([0, 1, 2, 3, 4]), None);
    }
}
