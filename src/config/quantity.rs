//! Quantities: byte sizes ("16MiB", "64k") and durations ("500ms", "2s"), as text and back.

use std::time::Duration;

/// Why a text is no quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// There is no number at the start.
    #[error("`{0}` does not start with a number")]
    NoNumber(String),
    /// There is a number without the unit it needs.
    #[error("`{0}` has no unit")]
    NoUnit(String),
    /// The unit is not one of those that are known.
    #[error("`{0}` is no unit")]
    Unit(String),
    /// The number cannot be represented.
    #[error("`{0}` is too large")]
    TooLarge(String),
}

/// Bytes in `text`: "4096", "64k", "16MiB", "1.5GiB"; `k`, `M`, `G`, `T` and `KiB`.. are powers of 1024, `kB`.. of 1000.
///
/// # Errors
/// [`QuantityError`] if there is no number, an unknown unit, or more than 2^64 bytes.
pub fn parse_size(text: &str) -> Result<u64, QuantityError> {
    let (number, unit) = Number::split(text)?;
    let bytes = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return Err(QuantityError::Unit(unit.to_owned())),
    };
    number
        .times(bytes)
        .ok_or_else(|| QuantityError::TooLarge(text.to_owned()))
}

/// `bytes` in the largest unit that shows them without a fraction: "16MiB".
pub fn show_size(bytes: u64) -> String {
    for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if bytes != 0 && bytes.trailing_zeros() >= shift {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    format!("{bytes}B")
}

/// The time in `text`: "500ms", "0.5s", "2s", "5m", "1h"; resolution a microsecond.
///
/// # Errors
/// [`QuantityError`] if there is no number, no or an unknown unit, or more than 2^64 microseconds.
pub fn parse_duration(text: &str) -> Result<Duration, QuantityError> {
    let (number, unit) = Number::split(text)?;
    let microseconds = match unit {
        "" => return Err(QuantityError::NoUnit(text.to_owned())),
        "ms" => 1_000,
        "s" | "sec" => 1_000_000,
        "m" | "min" => 60_000_000,
        "h" => 3_600_000_000,
        _ => return Err(QuantityError::Unit(unit.to_owned())),
    };
    let total = number
        .times(microseconds)
        .ok_or_else(|| QuantityError::TooLarge(text.to_owned()))?;
    Ok(Duration::from_micros(total))
}

/// `duration` as it is written in the file: "500ms", "90s", "5m".
pub fn show_duration(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    for (size, unit) in [(3_600_000, "h"), (60_000, "m"), (1_000, "s")] {
        if milliseconds != 0 && milliseconds.is_multiple_of(size) {
            return format!("{}{unit}", milliseconds / size);
        }
    }
    format!("{milliseconds}ms")
}

/// A decimal number, exact: `digits` over ten to the `places`.
struct Number {
    digits: u64,
    places: u32,
}

impl Number {
    /// The number at the start of `text`, and the unit after it.
    fn split(text: &str) -> Result<(Number, &str), QuantityError> {
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty()
            || fraction.contains('.')
            || (number.contains('.') && fraction.is_empty())
        {
            return Err(QuantityError::NoNumber(text.to_owned()));
        }
        let too_large = || QuantityError::TooLarge(text.to_owned());
        let digits = format!("{whole}{fraction}")
            .parse()
            .map_err(|_| too_large())?;
        let places = u32::try_from(fraction.len()).map_err(|_| too_large())?;
        Ok((Number { digits, places }, unit.trim()))
    }

    /// The number times `unit`, rounded down.
    fn times(&self, unit: u64) -> Option<u64> {
        let scale = 10u128.checked_pow(self.places)?;
        u64::try_from(u128::from(self.digits) * u128::from(unit) / scale).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_read_in_every_spelling() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("64k", 65_536),
            ("64K", 65_536),
            ("16MiB", 16 << 20),
            ("16 MiB", 16 << 20),
            ("1.5GiB", 3 << 29),
            ("2T", 2 << 40),
            ("10kB", 10_000),
            ("1gb", 1_000_000_000),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn durations_are_read_in_every_spelling() {
        for (text, milliseconds) in [
            ("500ms", 500),
            ("0.5s", 500),
            ("2s", 2_000),
            ("5m", 300_000),
            ("1.5 h", 5_400_000),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_bad_quantity_says_what_is_bad_about_it() {
        let of = |text: &str| text.to_owned();
        assert_eq!(parse_size(""), Err(QuantityError::NoNumber(of(""))));
        assert_eq!(parse_size("much"), Err(QuantityError::NoNumber(of("much"))));
        assert_eq!(parse_size("-1k"), Err(QuantityError::NoNumber(of("-1k"))));
        assert_eq!(
            parse_size("1.2.3k"),
            Err(QuantityError::NoNumber(of("1.2.3k")))
        );
        assert_eq!(parse_size("1.k"), Err(QuantityError::NoNumber(of("1.k"))));
        assert_eq!(
            parse_size("16 pages"),
            Err(QuantityError::Unit(of("pages")))
        );
        assert_eq!(
            parse_size("99999999999999999999"),
            Err(QuantityError::TooLarge(of("99999999999999999999")))
        );
        assert_eq!(
            parse_size("99999999T"),
            Err(QuantityError::TooLarge(of("99999999T")))
        );
        assert_eq!(parse_duration("5"), Err(QuantityError::NoUnit(of("5"))));
        assert_eq!(
            parse_duration("5 fortnights"),
            Err(QuantityError::Unit(of("fortnights")))
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_text_is_a_quantity_or_an_error(text in "[0-9.]{0,40}.{0,4}") {
            let _ = parse_size(&text);
            let _ = parse_duration(&text);
        }

        #[test]
        fn what_is_shown_reads_the_same_again(bytes: u64, milliseconds in 0u64..1 << 40) {
            prop_assert_eq!(parse_size(&show_size(bytes)), Ok(bytes));
            let duration = Duration::from_millis(milliseconds);
            prop_assert_eq!(parse_duration(&show_duration(duration)), Ok(duration));
        }
    }
}
