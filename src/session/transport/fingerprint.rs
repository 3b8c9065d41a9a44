//! Fingerprints: what people compare when a certificate has nobody else to vouch for it.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// SHA-256 of a certificate (DER). Reads as `SHA256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; BYTES]);

/// Why a text is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FingerprintFault {
    /// It holds something that is no hexadecimal digit, or has another length: it is probably a name.
    #[error("a fingerprint has 64 hexadecimal digits")]
    Shape,
    /// As other systems print thumbprints.
    #[error(
        "40 digits are a SHA-1 thumbprint, which can be forged; a fingerprint here is SHA-256, 64 digits \
         (`openssl x509 -noout -fingerprint -sha256 -in FILE`)"
    )]
    Sha1,
}

impl Fingerprint {
    /// That of a certificate.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }
}

/// Blanks, colons, case and the leading `SHA256:` do not count.
impl FromStr for Fingerprint {
    type Err = FingerprintFault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let digits = match text.get(..PREFIX.len()) {
            Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) => &text[PREFIX.len()..],
            _ => text,
        };
        let digits: Option<Vec<u8>> = digits
            .chars()
            .filter(|c| !c.is_whitespace() && *c != ':')
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect();
        let digits = digits.ok_or(FingerprintFault::Shape)?;
        if digits.len() == SHA1_DIGITS {
            return Err(FingerprintFault::Sha1);
        }
        let bytes: Vec<u8> = digits
            .chunks_exact(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect();
        match (digits.len(), bytes.try_into()) {
            (DIGITS, Ok(bytes)) => Ok(Self(bytes)),
            _ => Err(FingerprintFault::Shape),
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const PREFIX: &str = "SHA256:";
const BYTES: usize = 32;
const DIGITS: usize = 2 * BYTES;
/// Digits of a SHA-1 thumbprint.
const SHA1_DIGITS: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_reads_back_however_it_was_printed() {
        let known = Fingerprint::of(b"certificate");
        let shown = known.to_string();
        assert_eq!(shown.len(), 71);
        assert_eq!(shown.parse(), Ok(known));
        let digits = &shown[7..];
        let pairs: Vec<_> = (0..64).step_by(2).map(|at| &digits[at..at + 2]).collect();
        for spelling in [
            digits.to_uppercase(),
            pairs.join(":"),
            pairs.join(" "),
            format!(" sha256:{digits}"),
        ] {
            assert_eq!(spelling.parse(), Ok(known), "{spelling}");
        }
    }

    #[test]
    fn names_and_thumbprints_are_told_apart_from_fingerprints() {
        assert_eq!(
            "ab".repeat(20).parse::<Fingerprint>(),
            Err(FingerprintFault::Sha1)
        );
        for name in ["", "lab", "ab", "été", &"a".repeat(63), &"a".repeat(65)] {
            assert_eq!(
                name.parse::<Fingerprint>(),
                Err(FingerprintFault::Shape),
                "{name}"
            );
        }
    }
}
