//! Times as KD writes them.

use jiff::tz::{Offset, TimeZone};

use crate::transcript::Time;

/// Between 1601, when Windows' clock begins, and 1970: microseconds.
const WINDOWS_EPOCH_US: i64 = 11_644_473_600_000_000;

/// `Sat Nov 21 09:03:00.000 2026 (UTC + 1:00)`, in the zone of this machine.
pub fn spoken(time: Time) -> String {
    spoken_in(time, &TimeZone::system())
}

fn spoken_in(time: Time, zone: &TimeZone) -> String {
    let zoned = time.timestamp().to_zoned(zone.clone());
    format!(
        "{} ({})",
        zoned.strftime("%a %b %e %H:%M:%S%.3f %Y"),
        offset(zoned.offset())
    )
}

fn offset(offset: Offset) -> String {
    let minutes = offset.seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    let minutes = minutes.abs();
    format!("UTC {sign} {}:{:02}", minutes / 60, minutes % 60)
}

/// A time of Windows: intervals of 100 ns since 1601. `None` if it lies beyond all clocks.
pub fn of_windows(intervals: u64) -> Option<Time> {
    let microseconds = i64::try_from(intervals / 10).ok()?;
    Some(Time(microseconds.checked_sub(WINDOWS_EPOCH_US)?))
}

/// A duration in intervals of 100 ns: `0 days 2:53:56.000`.
pub fn lasting(intervals: u64) -> String {
    let milliseconds = intervals / 10_000;
    let seconds = milliseconds / 1000;
    format!(
        "{} days {}:{:02}:{:02}.{:03}",
        seconds / 86_400,
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
        milliseconds % 1000
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_kd_writes_them() {
        let time = Time(1_795_251_780_000_000);
        let zone = TimeZone::fixed(Offset::from_seconds(3600).unwrap());
        assert_eq!(
            spoken_in(time, &zone),
            "Sat Nov 21 10:03:00.000 2026 (UTC + 1:00)"
        );
        assert_eq!(offset(Offset::from_seconds(-12_600).unwrap()), "UTC - 3:30");
    }

    #[test]
    fn a_time_of_windows_counts_from_1601() {
        assert_eq!(of_windows(116_444_736_000_000_000), Some(Time(0)));
        assert_eq!(of_windows(116_444_736_000_000_010), Some(Time(1)));
        assert!(of_windows(u64::MAX).is_some());
    }

    #[test]
    fn a_duration_is_counted_in_days() {
        assert_eq!(lasting(104_360_000_000), "0 days 2:53:56.000");
        assert_eq!(lasting(864_000_000_000 + 15_000), "1 days 0:00:00.001");
    }
}
