//! What time is it, and who says so?
//!
//! The caller says so: the stack has no clock. Every [`Stack::step`](crate::Stack::step) is told the
//! time, as the [`Instant`] of an epoch that the caller chose (boot, the Unix epoch, the start of a
//! simulation).

use core::fmt;
use core::ops::Add;

pub use core::time::Duration;

/// A point in time: microseconds since an epoch of the caller's choice.
///
/// The range is 584,000 years; arithmetic saturates at its ends and never wraps.
///
/// # Examples
/// ```
/// use smolsock::time::{Duration, Instant};
/// let start = Instant::from_secs(2);
/// let end = start + Duration::from_millis(1);
/// assert_eq!(end.as_micros(), 2_001_000);
/// assert_eq!(end.saturating_duration_since(start), Duration::from_millis(1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant {
    micros: u64,
}

impl Instant {
    /// The epoch.
    pub const ZERO: Self = Self::from_micros(0);
    /// The end of time.
    pub const MAX: Self = Self::from_micros(u64::MAX);

    /// The instant `micros` microseconds after the epoch.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self { micros }
    }

    /// The instant `millis` milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self { micros: millis.saturating_mul(1_000) }
    }

    /// The instant `secs` seconds after the epoch.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self { micros: secs.saturating_mul(1_000_000) }
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.micros
    }

    /// `duration` later, in whole microseconds, or `None` beyond [`Instant::MAX`].
    #[must_use]
    pub fn checked_add(self, duration: Duration) -> Option<Self> {
        let micros = u64::try_from(duration.as_micros()).ok()?;
        Some(Self { micros: self.micros.checked_add(micros)? })
    }

    /// `duration` later, in whole microseconds, and at most [`Instant::MAX`].
    #[must_use]
    #[inline]
    pub const fn saturating_add(self, duration: Duration) -> Self {
        // `Duration::as_micros` counts in 128 bits; deadlines are computed for every frame.
        let micros = duration.as_secs().saturating_mul(1_000_000).saturating_add(duration.subsec_micros() as u64);
        self.saturating_add_micros(micros)
    }

    /// `micros` microseconds later, and at most [`Instant::MAX`].
    #[must_use]
    #[inline]
    pub(crate) const fn saturating_add_micros(self, micros: u64) -> Self {
        Self { micros: self.micros.saturating_add(micros) }
    }

    /// The time since `earlier`; zero if that is not earlier.
    #[must_use]
    pub const fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.micros.saturating_sub(earlier.micros))
    }

    pub(crate) fn to_smoltcp(self) -> smoltcp::time::Instant {
        smoltcp::time::Instant::from_micros(self.micros.min(SMOLTCP_MAX_US) as i64)
    }

    /// Whether smoltcp's time stands still by now: none of its timers will ever fire. Ours do.
    pub(crate) fn is_beyond_smoltcp(self) -> bool {
        self.micros >= SMOLTCP_MAX_US
    }

    /// Times before the epoch (smoltcp's are signed) become the epoch.
    pub(crate) fn from_smoltcp(instant: smoltcp::time::Instant) -> Self {
        Self { micros: u64::try_from(instant.total_micros()).unwrap_or(0) }
    }
}

/// The earlier of two deadlines, of which either may be missing.
#[inline]
pub(crate) fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (some, None) | (None, some) => some,
    }
}

/// Saturates at [`Instant::MAX`].
impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        self.saturating_add(duration)
    }
}

/// Seconds since the epoch, to the microsecond: `2.001000`.
impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.micros / 1_000_000, self.micros % 1_000_000)
    }
}

/// smoltcp counts in `i64` and adds timeouts without a check: 146,000 years are left for those.
const SMOLTCP_MAX_US: u64 = i64::MAX as u64 / 2;

#[cfg(test)]
mod tests {
    use super::*;

    extern crate std;
    use std::string::ToString;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(Instant::MAX + Duration::from_micros(1), Instant::MAX);
        assert_eq!(Instant::ZERO + Duration::MAX, Instant::MAX);
        assert_eq!(Instant::MAX.checked_add(Duration::from_micros(1)), None);
        assert_eq!(Instant::from_secs(u64::MAX), Instant::MAX);
        assert_eq!(Instant::from_millis(u64::MAX), Instant::MAX);
        assert_eq!(Instant::ZERO.saturating_duration_since(Instant::MAX), Duration::ZERO);
    }

    #[test]
    fn less_than_a_microsecond_is_cut_off() {
        assert_eq!(Instant::ZERO + Duration::from_nanos(1_999), Instant::from_micros(1));
    }

    #[test]
    fn smoltcp_can_add_timeouts_to_any_instant() {
        let last = Instant::MAX.to_smoltcp();
        assert!(last + smoltcp::time::Duration::from_secs(1 << 40) > last);
        let usual = Instant::from_millis(1_500);
        assert_eq!(Instant::from_smoltcp(usual.to_smoltcp()), usual);
        assert_eq!(Instant::from_smoltcp(smoltcp::time::Instant::from_micros(-1)), Instant::ZERO);
    }

    #[test]
    fn display_is_in_seconds() {
        assert_eq!(Instant::from_micros(2_001_000).to_string(), "2.001000");
    }
}
