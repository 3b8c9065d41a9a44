//! KDNET keys: 256 bits, written as four base-36 numbers with dots between them.
//!
//! Facts from "Setting up a network debugging connection" of Microsoft's debugger documentation.

use std::fmt;
use std::str::FromStr;

/// The secret a KDNET target and its host share. Its `Debug` hides it; its `Display` does not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key([u64; 4]);

/// Why a key was refused. Never quotes more of it than one character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Not four parts.
    #[error("a key has four parts with dots between them, as in 1.2.3.4; this has {0}")]
    Parts(usize),
    /// Nothing between two dots.
    #[error("part {part} is empty")]
    Empty {
        /// Which one, from 1.
        part: usize,
    },
    /// A character that is no base-36 digit.
    #[error("part {part} has `{character}` in it; the digits are 0-9 and a-z")]
    Digit {
        /// Which part, from 1.
        part: usize,
        /// The character at fault.
        character: char,
    },
    /// More than 13 digits.
    #[error("part {part} has {digits} digits; the limit is {PART_DIGITS_MAX}")]
    TooLong {
        /// Which part, from 1.
        part: usize,
        /// How many digits it has.
        digits: usize,
    },
    /// Thirteen digits that make more than 64 bits.
    #[error("part {part} does not fit in 64 bits (the largest is 3w5e11264sgsf)")]
    Overflow {
        /// Which part, from 1.
        part: usize,
    },
}

impl KeyFault {
    /// Which part is at fault, from 1; `None` if it is the whole key.
    #[must_use]
    pub fn part(&self) -> Option<usize> {
        match *self {
            Self::Parts(_) => None,
            Self::Empty { part }
            | Self::Digit { part, .. }
            | Self::TooLong { part, .. }
            | Self::Overflow { part } => Some(part),
        }
    }
}

impl Key {
    /// A key of its four numbers, in the order they are written.
    #[must_use]
    pub fn new(parts: [u64; 4]) -> Self {
        Self(parts)
    }

    /// The four numbers, in the order they are written.
    #[must_use]
    pub fn parts(&self) -> [u64; 4] {
        self.0
    }
}

impl FromStr for Key {
    type Err = KeyFault;

    fn from_str(text: &str) -> Result<Self, KeyFault> {
        let count = text.split('.').count();
        let mut parts = [0; 4];
        if count != parts.len() {
            return Err(KeyFault::Parts(count));
        }
        for (index, (number, digits)) in parts.iter_mut().zip(text.split('.')).enumerate() {
            *number = part(digits, index + 1)?;
        }
        Ok(Self(parts))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, number) in self.0.into_iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            f.write_str(&base36(number))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(*)")
    }
}

fn part(digits: &str, part: usize) -> Result<u64, KeyFault> {
    if digits.is_empty() {
        return Err(KeyFault::Empty { part });
    }
    if let Some(character) = digits.chars().find(|c| !c.is_ascii_alphanumeric()) {
        return Err(KeyFault::Digit { part, character });
    }
    if digits.len() > PART_DIGITS_MAX {
        return Err(KeyFault::TooLong {
            part,
            digits: digits.len(),
        });
    }
    u64::from_str_radix(digits, 36).map_err(|_| KeyFault::Overflow { part })
}

fn base36(mut number: u64) -> String {
    let mut digits = Vec::with_capacity(PART_DIGITS_MAX);
    loop {
        let digit = u32::try_from(number % 36).expect("a remainder of 36 is small");
        digits.push(char::from_digit(digit, 36).expect("a remainder of 36 is a base-36 digit"));
        number /= 36;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

/// Digits of one part: what 64 bits take in base 36.
const PART_DIGITS_MAX: usize = 13;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_base_36_numbers_are_a_key_in_either_case() {
        let key: Key = "dont.USE.previous.keys".parse().unwrap();
        assert_eq!(key.to_string(), "dont.use.previous.keys");
        assert_eq!("1.2.3.10".parse(), Ok(Key::new([1, 2, 3, 36])));
        let largest = Key::new([u64::MAX; 4]).to_string();
        assert_eq!(largest, ["3w5e11264sgsf"; 4].join("."));
        assert_eq!(largest.parse(), Ok(Key::new([u64::MAX; 4])));
    }

    #[test]
    fn each_kind_of_bad_key_is_told_apart() {
        let fault = |text: &str| text.parse::<Key>().unwrap_err();
        assert_eq!(fault("1.2.3"), KeyFault::Parts(3));
        assert_eq!(fault("1.2.3.4.5"), KeyFault::Parts(5));
        assert_eq!(fault("1..3.4"), KeyFault::Empty { part: 2 });
        assert_eq!(
            fault("1.2.3.+4"),
            KeyFault::Digit {
                part: 4,
                character: '+'
            }
        );
        assert_eq!(
            fault("1.2.é.4"),
            KeyFault::Digit {
                part: 3,
                character: 'é'
            }
        );
        assert_eq!(
            fault("12345678901234.2.3.4"),
            KeyFault::TooLong {
                part: 1,
                digits: 14
            }
        );
        assert_eq!(fault("1.3w5e11264sgsg.3.4"), KeyFault::Overflow { part: 2 });
    }

    #[test]
    fn a_key_does_not_show_in_debug_output() {
        assert_eq!(format!("{:?}", Key::new([1, 2, 3, 4])), "Key(*)");
    }
}
