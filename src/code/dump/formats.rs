//! One number in many spellings: `.formats` and `?`.
//!
//! Layout: KD's public documentation.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Machine;

/// The line `?` prints: `Evaluate expression: 4660 = 00000000`00001234`.
pub fn evaluated(machine: Machine, value: u64) -> String {
    let signed = machine.canonical(value).cast_signed();
    format!("Evaluate expression: {signed} = {}", machine.address(value))
}

/// The lines `.formats` prints. Times are in UTC.
pub fn formats(machine: Machine, value: u64) -> Vec<String> {
    let signed = machine.canonical(value).cast_signed();
    let [a, b, c, d, e, f, g, h] = value.to_be_bytes();
    let (low, high) = (
        f32::from_be_bytes([e, f, g, h]),
        f32::from_be_bytes([a, b, c, d]),
    );
    let (value, high, bytes, octal_digits) = if machine.is_64bit() {
        (value, high, vec![a, b, c, d, e, f, g, h], 22)
    } else {
        (value & 0xffff_ffff, 0.0, vec![e, f, g, h], 11)
    };
    let bits: Vec<String> = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let chars: String = bytes.iter().map(|&byte| character(byte)).collect();
    let mut lines = vec![
        "Evaluate expression:".to_owned(),
        format!("  Hex:     {}", machine.address(value)),
        format!("  Decimal: {signed}"),
    ];
    if signed < 0 {
        lines.push(format!("  Decimal (unsigned) : {value}"));
    }
    lines.push(format!("  Octal:   {value:0octal_digits$o}"));
    lines.push(format!("  Binary:  {}", bits.join(" ")));
    lines.push(format!("  Chars:   {chars}"));
    lines.push(format!(
        "  Time:    {}",
        time(value).as_deref().unwrap_or("***** Invalid")
    ));
    let (low, high) = (general(low.into(), 6), general(high.into(), 6));
    lines.push(format!("  Float:   low {low} high {high}"));
    lines.push(format!("  Double:  {}", general(f64::from_bits(value), 6)));
    lines
}

/// A byte as dumps show it: a dot in place of what is not printable.
pub(super) const fn character(byte: u8) -> char {
    if matches!(byte, 0x20..0x7f) {
        byte as char
    } else {
        '.'
    }
}

/// A number with so many significant digits, zeros at the end left out, and an exponent of three digits where it is
/// very large or very small.
pub(super) fn general(value: f64, digits: u8) -> String {
    if !value.is_finite() {
        return format!("{value}").to_lowercase();
    }
    let digits = usize::from(digits.max(1));
    let scientific = format!("{value:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let decimals = usize::try_from(exponent + 4)
        .ok()
        .and_then(|above| (digits + 3).checked_sub(above));
    match decimals {
        Some(decimals) => without_zeros(&format!("{value:.decimals$}")).to_owned(),
        None => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!(
                "{}e{sign}{:03}",
                without_zeros(mantissa),
                exponent.unsigned_abs()
            )
        }
    }
}

fn without_zeros(number: &str) -> &str {
    if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.')
    } else {
        number
    }
}

/// Seconds since 1970 if it has 32 bits, else 100 nanoseconds since 1601, as Windows counts.
fn time(value: u64) -> Option<String> {
    let seconds = if u32::try_from(value).is_ok() {
        i64::try_from(value).ok()?
    } else {
        i64::try_from(value / 10_000_000).ok()? - SECONDS_1601_TO_1970
    };
    let time = Timestamp::from_second(seconds)
        .ok()?
        .to_zoned(TimeZone::UTC);
    Some(time.strftime("%a %b %d %H:%M:%S %Y").to_string())
}

const SECONDS_1601_TO_1970: i64 = 11_644_473_600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_answered_signed_and_in_hex() {
        assert_eq!(
            evaluated(Machine::Amd64, 0x1234),
            "Evaluate expression: 4660 = 00000000`00001234"
        );
        assert_eq!(
            evaluated(Machine::Amd64, u64::MAX),
            "Evaluate expression: -1 = ffffffff`ffffffff"
        );
        assert_eq!(
            evaluated(Machine::X86, 0xffff_fffe),
            "Evaluate expression: -2 = fffffffe"
        );
    }

    #[test]
    fn a_number_is_spelled_in_every_way() {
        assert_eq!(
            formats(Machine::X86, 0x1c40_7e62),
            [
                "Evaluate expression:",
                "  Hex:     1c407e62",
                "  Decimal: 473988706",
                "  Octal:   03420077142",
                "  Binary:  00011100 01000000 01111110 01100010",
                "  Chars:   .@~b",
                "  Time:    Mon Jan 07 23:31:46 1985",
                "  Float:   low 6.36908e-022 high 0",
                "  Double:  2.34182e-315",
            ]
        );
        let negative = formats(Machine::Amd64, u64::MAX - 1);
        assert_eq!(
            negative.get(2..4).unwrap_or_default(),
            [
                "  Decimal: -2",
                "  Decimal (unsigned) : 18446744073709551614",
            ]
        );
        assert_eq!(negative.len(), 10);
    }

    #[test]
    fn a_long_number_is_a_time_of_windows() {
        let lines = formats(Machine::Amd64, 116_444_736_000_000_000);
        assert!(
            lines.contains(&"  Time:    Thu Jan 01 00:00:00 1970".to_owned()),
            "{lines:?}"
        );
    }

    #[test]
    fn numbers_have_as_many_digits_as_they_need() {
        let cases = [
            (0.0, "0"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (123_456.0, "123456"),
            (1_234_567.0, "1.23457e+006"),
            (0.0001, "0.0001"),
            (0.00001, "1e-005"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (value, text) in cases {
            assert_eq!(general(value, 6), text);
        }
    }
}
