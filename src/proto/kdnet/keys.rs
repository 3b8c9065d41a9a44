//! The keys of KDNET: what is made of the one that target and host share.
//!
//! Not the text form of the shared key, which is [`crate::connect::Key`]. The derivation was found in, and is tested
//! with, the packets of real targets.

use sha2::{Digest, Sha256};

use super::handshake::RESPONSE_BYTES;
use crate::connect::Key;

/// One key of KDNET, of the cipher or of the tag. Bytes.
pub const KEY_BYTES: usize = 32;

/// The keys that hold as long as the shared key does.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    control: [u8; KEY_BYTES],
    tag: [u8; KEY_BYTES],
}

impl Keys {
    /// The keys that follow from the shared `key`.
    #[must_use]
    pub fn new(key: &Key) -> Self {
        let mut control = [0; KEY_BYTES];
        for (bytes, part) in control.chunks_exact_mut(8).zip(key.parts()) {
            bytes.copy_from_slice(&part.to_le_bytes());
        }
        let tag = control.map(|byte| !byte);
        Self { control, tag }
    }

    /// Encrypts the control channel: the four numbers of the shared key, little-endian.
    #[must_use]
    pub fn control(&self) -> &[u8; KEY_BYTES] {
        &self.control
    }

    /// Authenticates both channels: the complement of the control key.
    #[must_use]
    pub fn tag(&self) -> &[u8; KEY_BYTES] {
        &self.tag
    }

    /// Encrypts the data channel of the session that the host's `response` begins.
    #[must_use]
    pub fn data(&self, response: &[u8; RESPONSE_BYTES]) -> [u8; KEY_BYTES] {
        let digest = Sha256::new().chain_update(self.control);
        digest.chain_update(response).finalize().into()
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(*)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::KeyFault;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_keys_of_real_targets_are_derived_from_their_text() {
        let Some(recorded) = crate::fixtures::read("kd/keys.json") else {
            return;
        };
        let recorded: serde_json::Value = serde_json::from_str(&recorded).unwrap();
        let valid = recorded["valid"].as_array().unwrap();
        for entry in valid {
            let text = entry["text"].as_str().unwrap();
            let keys = Keys::new(&text.parse().unwrap());
            assert_eq!(hex(keys.control()), entry["control_key"], "{text}");
            assert_eq!(hex(keys.tag()), entry["hmac_key"], "{text}");
        }
        assert!(valid.len() >= 11);
    }

    #[test]
    fn every_recorded_bad_key_is_refused_for_its_own_reason() {
        let Some(recorded) = crate::fixtures::read("kd/keys.json") else {
            return;
        };
        let recorded: serde_json::Value = serde_json::from_str(&recorded).unwrap();
        let bad_digit = |character| KeyFault::Digit { part: 4, character };
        let reason = |why: &str| match why {
            "three components" => KeyFault::Parts(3),
            "five components" | "trailing dot" => KeyFault::Parts(5),
            "empty component" => KeyFault::Empty { part: 2 },
            "empty first component" => KeyFault::Empty { part: 1 },
            "character outside 0-9a-z" => bad_digit('!'),
            "sign" => bad_digit('-'),
            "embedded space" => bad_digit(' '),
            "2^64: overflows" => KeyFault::Overflow { part: 4 },
            "13 characters but larger than 64 bits" => KeyFault::Overflow { part: 1 },
            "14 characters" => KeyFault::TooLong {
                part: 1,
                digits: 14,
            },
            "empty" => KeyFault::Parts(1),
            other => panic!("no such reason is known: {other}"),
        };
        let invalid = recorded["invalid"].as_array().unwrap();
        for entry in invalid {
            let text = entry["text"].as_str().unwrap();
            let why = entry["why"].as_str().unwrap();
            assert_eq!(text.parse::<Key>(), Err(reason(why)), "{text}: {why}");
        }
        assert!(invalid.len() >= 12);
    }

    #[test]
    fn keys_do_not_show_in_debug_output() {
        let keys = Keys::new(&Key::new([1, 2, 3, 4]));
        assert_eq!(format!("{keys:?}"), "Keys(*)");
    }
}
