//! What time is it in the simulation?

use core::fmt;
use core::ops::Add;
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// Virtual time: nanoseconds since the start of the scenario.
///
/// It has nothing to do with the wall clock: two runs of one scenario have the same times.
/// The largest value is 584 years; sums saturate there. As data it is the number of nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(u64);

/// The wall-clock time that captures show for [`Time::ZERO`], as seconds since 1970:
/// 2000-01-01T00:00:00Z. (Not 0: tools take a timestamp of 0 for "unset".)
pub const WALL_BASE: Duration = Duration::from_secs(946_684_800);

impl Time {
    /// The start of the scenario.
    pub const ZERO: Time = Time(0);

    /// The end of time; later than every event.
    pub const MAX: Time = Time(u64::MAX);

    /// `nanos` ns after the start.
    pub const fn from_nanos(nanos: u64) -> Time {
        Time(nanos)
    }

    /// `micros` µs after the start. Saturates.
    pub const fn from_micros(micros: u64) -> Time {
        Time(micros.saturating_mul(1_000))
    }

    /// `millis` ms after the start. Saturates.
    pub const fn from_millis(millis: u64) -> Time {
        Time(millis.saturating_mul(1_000_000))
    }

    /// `secs` s after the start. Saturates.
    pub const fn from_secs(secs: u64) -> Time {
        Time(secs.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds since the start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole microseconds since the start, rounded down: the clock that the hosts read.
    pub const fn as_micros(self) -> u64 {
        self.0 / 1_000
    }

    /// The time `delay_ns` later. Saturates.
    pub const fn after_ns(self, delay_ns: u64) -> Time {
        Time(self.0.saturating_add(delay_ns))
    }

    /// Nanoseconds from `earlier` to `self`; 0 if `earlier` is the later one.
    pub const fn ns_since(self, earlier: Time) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The time from `earlier` to `self`; zero if `earlier` is the later one.
    pub const fn saturating_duration_since(self, earlier: Time) -> Duration {
        Duration::from_nanos(self.ns_since(earlier))
    }

    /// The wall-clock time that captures show for this moment, since 1970-01-01T00:00:00Z.
    pub const fn wall(self) -> Duration {
        // At most 584 years after 2000, far below the largest Duration.
        WALL_BASE.saturating_add(Duration::from_nanos(self.0))
    }
}

impl Add<Duration> for Time {
    type Output = Time;

    /// The time `delay` later. Saturates.
    fn add(self, delay: Duration) -> Time {
        self.after_ns(u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX))
    }
}

/// In the largest fitting unit, exact: `1.234567s`, `12.345ms`, `80ns`, `0s`.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&in_words(self.0))
    }
}

/// A span of `nanos` ns, written as [`Time`] is: `320ms`.
pub fn in_words(nanos: u64) -> String {
    let (unit_ns, digits, unit) = match nanos {
        0 => return String::from("0s"),
        1..1_000 => (1, 0, "ns"),
        1_000..1_000_000 => (1_000, 3, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, 6, "ms"),
        _ => (1_000_000_000, 9, "s"),
    };
    let (whole, fraction) = (nanos / unit_ns, nanos % unit_ns);
    if fraction == 0 {
        return format!("{whole}{unit}");
    }
    let fraction = format!("{fraction:0digits$}");
    format!("{whole}.{}{unit}", fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_prints_exactly_in_the_largest_fitting_unit() {
        let cases = [
            (0, "0s"),
            (80, "80ns"),
            (1_500, "1.5µs"),
            (12_345_000, "12.345ms"),
            (320_000_000, "320ms"),
            (1_234_567_000, "1.234567s"),
            (1_000_000_001, "1.000000001s"),
            (60_000_000_000, "60s"),
        ];
        for (nanos, text) in cases {
            assert_eq!(Time::from_nanos(nanos).to_string(), text);
        }
        assert_eq!(format!("{:>8}|", Time::from_millis(5)), "     5ms|");
    }

    #[test]
    fn hosts_read_microseconds_rounded_down() {
        assert_eq!(Time::from_nanos(1_999).as_micros(), 1);
        assert_eq!(Time::from_micros(7).as_micros(), 7);
    }

    #[test]
    fn sums_saturate_at_the_end_of_time() {
        assert_eq!(Time::MAX + Duration::from_secs(1), Time::MAX);
        assert_eq!(Time::from_nanos(1) + Duration::MAX, Time::MAX);
        assert_eq!(Time::from_secs(u64::MAX), Time::MAX);
        assert_eq!(Time::ZERO.ns_since(Time::from_secs(1)), 0);
    }

    #[test]
    fn captures_start_in_the_year_2000() {
        // 30 years of which 7 were leap years.
        let days = 30 * 365 + 7;
        assert_eq!(Time::ZERO.wall(), Duration::from_secs(days * 86_400));
        assert_eq!(Time::from_nanos(1).wall() - WALL_BASE, Duration::from_nanos(1));
    }
}
