//! One record of the extended format: its header, its text and its properties.
//!
//! Order, loss and fragments are not judged here. Facts: the kernel's `Documentation/networking/netconsole.rst` and
//! `Documentation/ABI/testing/dev-kmsg`.

use std::io::Write as _;

/// Properties kept of one record. The kernel writes two or three, a user up to some dozen.
pub const PROPERTIES_MAX: usize = 64;
/// How far into a datagram the end of its header is looked for, in bytes. Real headers take about 60.
pub const HEADER_BYTES_MAX: usize = 256;

/// One line of a kernel's log.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Line {
    /// 0 (emergency) to 7 (debug). Only the extended format tells.
    pub level: Option<u8>,
    /// Who logged: 0 the kernel, 1 a program through `/dev/kmsg`. Only the extended format tells.
    pub facility: Option<u32>,
    /// Number of the record since the kernel started. Only the extended format tells.
    pub sequence: Option<u64>,
    /// The kernel's monotonic clock in microseconds. `None` for the plain format, whose text has it.
    pub monotonic_us: Option<u64>,
    /// The text without its newline, escapes decoded: any bytes, newlines included.
    pub text: Vec<u8>,
    /// Subsystem, device and what users add.
    pub properties: Vec<Property>,
    /// A piece of a line that is logged in pieces.
    pub continued: bool,
    /// Bytes of the (escaped) record that were never received; `text` shows where.
    pub missing_bytes: usize,
}

/// One `KEY=VALUE` of a record.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Property {
    /// What stands before the first `=`.
    pub key: Vec<u8>,
    /// What stands after it.
    pub value: Vec<u8>,
}

impl Line {
    /// Appends the line as the kernel's own console shows it, each line of it with the time: `[   12.345678] text\n`.
    pub fn render(&self, out: &mut Vec<u8>) {
        for line in self.text.split(|&byte| byte == b'\n') {
            if let Some(us) = self.monotonic_us {
                let (seconds, rest) = (us / 1_000_000, us % 1_000_000);
                write!(out, "[{seconds:5}.{rest:06}] ").expect("a Vec takes every byte");
            }
            out.extend_from_slice(line);
            out.push(b'\n');
        }
    }
}

/// The header of an extended datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    prefix: u32,
    pub(super) sequence: u64,
    pub(super) monotonic_us: u64,
    continued: bool,
    pub(super) fragment: Fragment,
}

/// Which part of a record a datagram holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fragment {
    Whole,
    /// Bytes from `offset` on, of `total`.
    Part {
        offset: usize,
        total: usize,
    },
    /// Says it is a part, but not which.
    Bad,
}

impl Header {
    /// Splits an extended datagram into header and body. `None`: it is plain text.
    pub(super) fn split(datagram: &[u8]) -> Option<(Self, &[u8])> {
        let head = datagram.get(..HEADER_BYTES_MAX).unwrap_or(datagram);
        let end = memchr::memchr(b';', head)?;
        let header = std::str::from_utf8(datagram.get(..end)?).ok()?;
        let body = datagram.get(end + 1..)?;
        let mut fields = header.split(',');
        let mut first = fields.next()?;
        if first.contains('.') {
            // The kernel's release, which some put first.
            first = fields.next()?;
        }
        let mut parsed = Self {
            prefix: number(first)?.try_into().ok()?,
            sequence: number(fields.next()?)?,
            monotonic_us: number(fields.next()?)?,
            continued: matches!(fields.next()?, "c" | "+"),
            fragment: Fragment::Whole,
        };
        for field in fields {
            if let Some(value) = field.strip_prefix("ncfrag=") {
                parsed.fragment = fragment(value);
            }
        }
        Some((parsed, body))
    }

    /// The line, its body given as runs of bytes with the number of missing bytes after each.
    pub(super) fn line(&self, runs: &[(&[u8], usize)]) -> Line {
        let mut line = Line {
            level: Some((self.prefix & 7) as u8),
            facility: Some(self.prefix >> 3),
            sequence: Some(self.sequence),
            monotonic_us: Some(self.monotonic_us),
            continued: self.continued,
            ..Line::default()
        };
        let mut in_text = true;
        for &(run, missing) in runs {
            let mut parts = run.split(|&byte| byte == b'\n');
            if in_text {
                // A run always has a first part, if an empty one.
                unescape(parts.next().unwrap_or_default(), &mut line.text);
            } else {
                // What is left of a property whose beginning is missing.
                parts.next();
            }
            for part in parts {
                in_text = false;
                if let Some(property) = part.strip_prefix(b" ")
                    && line.properties.len() < PROPERTIES_MAX
                {
                    line.properties.push(Property::read(property));
                }
            }
            if missing > 0 {
                line.missing_bytes += missing;
                if in_text {
                    write!(line.text, " <{missing} bytes not received> ")
                        .expect("a Vec takes every byte");
                }
            }
        }
        line
    }
}

impl Property {
    fn read(bytes: &[u8]) -> Self {
        let mut halves = bytes.splitn(2, |&byte| byte == b'=');
        let mut property = Self::default();
        unescape(halves.next().unwrap_or_default(), &mut property.key);
        unescape(halves.next().unwrap_or_default(), &mut property.value);
        property
    }
}

/// Decimal digits and nothing else; `parse` alone would take a sign.
fn number(digits: &str) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

fn fragment(value: &str) -> Fragment {
    let part = || {
        let (offset, total) = value.split_once('/')?;
        Some(Fragment::Part {
            offset: number(offset)?.try_into().ok()?,
            total: number(total)?.try_into().ok()?,
        })
    };
    part().unwrap_or(Fragment::Bad)
}

/// Appends `bytes` with `\xNN` decoded; any other backslash stays.
fn unescape(bytes: &[u8], out: &mut Vec<u8>) {
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (plain, escape) = rest.split_at(at);
        out.extend_from_slice(plain);
        if let [b'\\', b'x', high, low, after @ ..] = escape
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            out.push(high << 4 | low);
            rest = after;
        } else {
            out.push(b'\\');
            rest = escape.get(1..).unwrap_or_default();
        }
    }
    out.extend_from_slice(rest);
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| value.try_into().ok())
}
