//! What do the options mean to one connection?

pub use crate::socket::options::Congestion;
use crate::socket::options::Options;
use crate::time::Duration;

/// The part of the options that timers and egress ask for at every turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) keep_alive: bool,
    pub(crate) no_delay: bool,
    pub(crate) cork: bool,
    pub(crate) keep_count: u8,
    pub(crate) syn_count: u8,
    pub(crate) congestion: Congestion,
    keep_idle_secs: u16,
    keep_interval_secs: u16,
    max_segment: u16,
    linger2_secs: i16,
    user_timeout_ms: u32,
}

impl Settings {
    pub(crate) const NEW: Self = Self::of(&Options::NEW);

    pub(crate) const fn of(options: &Options) -> Self {
        Self {
            keep_alive: options.keep_alive,
            no_delay: options.no_delay,
            cork: options.cork,
            keep_count: options.keep_count,
            syn_count: options.syn_count,
            congestion: match options.congestion {
                Some(chosen) => chosen,
                None => Congestion::DEFAULT,
            },
            keep_idle_secs: options.keep_idle_secs,
            keep_interval_secs: options.keep_interval_secs,
            max_segment: options.max_segment,
            // At most 120 (see the options table).
            linger2_secs: options.linger2_secs as i16,
            user_timeout_ms: options.user_timeout_ms,
        }
    }

    /// `TCP_KEEPIDLE`.
    pub(crate) fn keep_idle(&self) -> Duration {
        Duration::from_secs(u64::from(self.keep_idle_secs))
    }

    /// `TCP_KEEPINTVL`.
    pub(crate) fn keep_interval(&self) -> Duration {
        Duration::from_secs(u64::from(self.keep_interval_secs))
    }

    /// `TCP_USER_TIMEOUT`, if it was set.
    pub(crate) fn own_user_timeout(&self) -> Option<Duration> {
        (self.user_timeout_ms != 0).then(|| Duration::from_millis(u64::from(self.user_timeout_ms)))
    }

    /// Whether a closed window puts R2 off (RFC 9293 §3.8.6.1). Linux, tcp(7): `TCP_USER_TIMEOUT` also bounds how long
    /// data may wait for a window.
    #[inline]
    pub(crate) fn is_patient_with_closed_windows(&self) -> bool {
        self.user_timeout_ms == 0
    }

    /// R2: `TCP_USER_TIMEOUT`, or as configured.
    #[inline]
    pub(crate) fn user_timeout(&self, configured: Duration) -> Duration {
        self.own_user_timeout().unwrap_or(configured)
    }

    /// How long `connect` tries. Linux: `TCP_USER_TIMEOUT` may end it earlier.
    pub(crate) fn connect_timeout(&self, configured: Duration) -> Duration {
        let all_syns = if self.syn_count == 0 { configured } else { patience_of(self.syn_count) };
        self.own_user_timeout().map_or(all_syns, |limit| all_syns.min(limit))
    }

    /// How long an orphan waits in FIN-WAIT-2.
    pub(crate) fn fin_wait_2_timeout(&self, configured: Duration) -> Duration {
        match u64::try_from(self.linger2_secs) {
            Ok(0) | Err(_) => configured,
            Ok(secs) => Duration::from_secs(secs),
        }
    }

    /// Whether an orphan does not wait in FIN-WAIT-2 at all.
    pub(crate) fn skips_fin_wait_2(&self) -> bool {
        self.linger2_secs < 0
    }

    /// The largest payload of a segment where the MTU allows `bytes`.
    pub(crate) fn segment_limit(&self, bytes: usize) -> usize {
        if self.max_segment == 0 { bytes } else { bytes.min(usize::from(self.max_segment)) }
    }
}

/// How long `retries` repeated SYNs and the wait after the last take: the time-out begins at 1 s and doubles
/// (RFC 6298 §5.5), and smoltcp's ends at 60 s.
pub(crate) fn patience_of(retries: u8) -> Duration {
    let mut wait = RTO_FIRST;
    let mut all = wait;
    for _ in 0..retries {
        wait = wait.saturating_mul(2).min(RTO_MAX);
        all = all.saturating_add(wait);
    }
    all
}

/// How many repeated SYNs `patience` has room for: what `TCP_SYNCNT` tells where it was not set.
pub(crate) fn retries_within(patience: Duration) -> u8 {
    (1..=SYN_COUNT_MAX).rev().find(|retries| patience_of(*retries) <= patience).unwrap_or(0)
}

/// As on Linux (`MAX_TCP_SYNCNT`).
pub(crate) const SYN_COUNT_MAX: u8 = 127;
const RTO_FIRST: Duration = Duration::from_secs(1);
const RTO_MAX: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syns_are_repeated_at_doubled_intervals_of_a_minute_at_most() {
        let secs = |retries| patience_of(retries).as_secs();
        assert_eq!([0, 1, 2, 5].map(secs), [1, 3, 7, 63]);
        assert_eq!([6, 7].map(secs), [123, 183]);
        assert_eq!(retries_within(Duration::from_secs(180)), 6);
        assert_eq!(retries_within(Duration::from_secs(1)), 0);
    }
}
