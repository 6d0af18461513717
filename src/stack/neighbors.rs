//! Which link-layer address has a neighbour, and who is being asked for?

use core::net::IpAddr;

use heapless::Vec;

use crate::addr::MacAddr;
use crate::time::{Duration, Instant};

/// What the stack knows of its neighbours: the answers (acceptance is checked by the caller), and the
/// questions.
///
/// Not smoltcp's own cache: that sends one request per second for all targets together, and silences a socket for a second;
/// here every target has its own question, and an answer makes the waiting sockets due at once (B19).
#[derive(Debug)]
pub(crate) struct Neighbors {
    entries: Vec<Entry, NEIGHBORS_MAX>,
    questions: Vec<Question, QUESTIONS_MAX>,
}

/// A neighbour with a known link-layer address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) addr: IpAddr,
    pub(crate) mac: MacAddr,
    pub(crate) expires_at: Instant,
    /// This host has asked for it; else it came by itself.
    is_asked: bool,
}

impl Entry {
    /// Whether it is kept from those who came by themselves, and how long it lasts: the least goes first.
    fn worth(&self, now: Instant) -> (bool, Instant) {
        (self.is_asked && now < self.expires_at, self.expires_at)
    }
}

impl Entry {
    /// What would expire after the end of time never does: at the end itself nobody could be reached otherwise.
    #[inline]
    fn is_alive(&self, now: Instant) -> bool {
        now < self.expires_at || self.expires_at == Instant::MAX
    }
}

/// A neighbour that is being asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) addr: IpAddr,
    /// Requests sent.
    asked: u8,
    /// When the next request is due, or, after the last, when hope ends.
    next_at: Instant,
}

impl Question {
    /// When it needs something. At the end of time nobody is asked twice: all requests would go out at once.
    fn due_at(&self) -> Option<Instant> {
        (self.asked == 0 || self.next_at < Instant::MAX).then_some(self.next_at)
    }
}

/// What a question needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Send a request for this address.
    Ask(IpAddr),
    /// Nobody answered: this address is unreachable.
    GiveUp(IpAddr),
}

impl Neighbors {
    pub(crate) const fn new() -> Self {
        Self { entries: Vec::new(), questions: Vec::new() }
    }

    /// Where frames for `addr` go, if they can leave now.
    #[inline]
    pub(crate) fn mac(&self, addr: IpAddr, now: Instant) -> Option<MacAddr> {
        self.entries.iter().find(|entry| entry.addr == addr && entry.is_alive(now)).map(|entry| entry.mac)
    }

    /// Whether frames for `addr` can leave now.
    #[inline]
    pub(crate) fn is_known(&self, addr: IpAddr, now: Instant) -> bool {
        self.mac(addr, now).is_some()
    }

    /// Asks for `addr`, unless that is under way. `false`: too many questions are open; the caller's
    /// socket stays in line and asks again when one is settled.
    pub(crate) fn want(&mut self, addr: IpAddr, now: Instant) -> bool {
        if self.questions.iter().any(|question| question.addr == addr) {
            return true;
        }
        self.questions.push(Question { addr, asked: 0, next_at: now }).is_ok()
    }

    /// Whether any question is open.
    #[inline]
    pub(crate) fn is_asking(&self) -> bool {
        !self.questions.is_empty()
    }

    /// The next question that needs something at `now`.
    pub(crate) fn need(&mut self, now: Instant) -> Option<Need> {
        let position = self.questions.iter().position(|question| question.due_at().is_some_and(|at| at <= now))?;
        let question = *self.questions.get(position)?;
        if question.asked == REQUESTS_MAX {
            self.questions.remove(position);
            return Some(Need::GiveUp(question.addr));
        }
        Some(Need::Ask(question.addr))
    }

    /// A request for `addr` went out.
    pub(crate) fn asked(&mut self, addr: IpAddr, now: Instant) {
        if let Some(question) = self.questions.iter_mut().find(|question| question.addr == addr) {
            question.asked = question.asked.saturating_add(1);
            question.next_at = now.saturating_add(REQUEST_INTERVAL);
        }
    }

    /// When a question next needs something.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.questions.iter().filter_map(Question::due_at).min()
    }

    /// `addr` answered or asked us: remember it. Returns whether somebody waited for it.
    ///
    /// When there is no room the one that expires first goes; but whom this host has asked for is not pushed out by whom it has
    /// not (RFC 6583 §7.1): strangers can ask us as often as they like.
    pub(crate) fn learn(&mut self, addr: IpAddr, mac: MacAddr, now: Instant) -> bool {
        let waiting = self.questions.len();
        self.questions.retain(|question| question.addr != addr);
        let is_awaited = waiting != self.questions.len();
        let mut entry = Entry { addr, mac, expires_at: now.saturating_add(ENTRY_LIFETIME), is_asked: is_awaited };
        if let Some(known) = self.entries.iter_mut().find(|known| known.addr == addr) {
            entry.is_asked |= known.is_asked && now < known.expires_at;
            *known = entry;
        } else if let Err(entry) = self.entries.push(entry)
            && let Some(oldest) = self.entries.iter_mut().min_by_key(|known| known.worth(now))
            && (entry.is_asked || !oldest.worth(now).0)
        {
            *oldest = entry;
        }
        is_awaited
    }

    /// A packet of `addr` came from `mac`: if that is what we know, it is known for longer.
    #[inline]
    pub(crate) fn confirm(&mut self, addr: IpAddr, mac: MacAddr, now: Instant) {
        if let Some(known) = self.entries.iter_mut().find(|known| known.addr == addr && known.mac == mac) {
            known.expires_at = now.saturating_add(ENTRY_LIFETIME);
        }
    }

    /// Entries that have not expired.
    pub(crate) fn known(&self, now: Instant) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.is_alive(now))
    }

    /// Addresses that are being asked for.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = IpAddr> {
        self.questions.iter().map(|question| question.addr)
    }
}

/// Neighbours that are known at the same time. smoltcp's compile-time size.
const NEIGHBORS_MAX: usize = smoltcp::config::IFACE_NEIGHBOR_CACHE_COUNT;
/// Targets that are asked for at the same time.
const QUESTIONS_MAX: usize = NEIGHBORS_MAX;
/// RFC 4861 §10 MAX_MULTICAST_SOLICIT; Linux `mcast_solicit`.
const REQUESTS_MAX: u8 = 3;
/// RFC 1122 §2.3.2.1: at most one request per second and target.
const REQUEST_INTERVAL: Duration = Duration::from_secs(1);
/// How long an answer is believed without a sign of life (RFC 1122 §2.3.2.1: on the order of a minute).
const ENTRY_LIFETIME: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

    fn addr(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn a_question_is_asked_three_times_a_second_apart_and_then_given_up() {
        let mut neighbors = Neighbors::new();
        assert!(neighbors.want(addr(9), Instant::ZERO));
        for second in 0..3 {
            let now = Instant::from_secs(second);
            assert_eq!(neighbors.next_at(), Some(now));
            assert_eq!(neighbors.need(now), Some(Need::Ask(addr(9))));
            neighbors.asked(addr(9), now);
            assert_eq!(neighbors.need(now), None);
        }
        assert_eq!(neighbors.need(Instant::from_secs(3)), Some(Need::GiveUp(addr(9))));
        assert_eq!(neighbors.next_at(), None);
    }

    #[test]
    fn an_answer_settles_only_its_own_question() {
        let mut neighbors = Neighbors::new();
        neighbors.want(addr(1), Instant::ZERO);
        neighbors.want(addr(2), Instant::ZERO);
        assert!(neighbors.learn(addr(1), MAC, Instant::ZERO));
        assert!(neighbors.is_known(addr(1), Instant::ZERO));
        assert_eq!(neighbors.wanted().collect::<Vec<_, 4>>().as_slice(), [addr(2)]);
        assert!(!neighbors.learn(addr(3), MAC, Instant::ZERO), "nobody asked for it");
    }

    #[test]
    fn an_entry_lives_sixty_seconds_from_its_last_sign() {
        let mut neighbors = Neighbors::new();
        neighbors.learn(addr(1), MAC, Instant::ZERO);
        neighbors.confirm(addr(1), MacAddr([2, 0, 0, 0, 0, 9]), Instant::from_secs(30));
        assert!(neighbors.is_known(addr(1), Instant::from_secs(59)));
        assert!(!neighbors.is_known(addr(1), Instant::from_secs(60)), "another address does not confirm");
        neighbors.learn(addr(1), MAC, Instant::ZERO);
        neighbors.confirm(addr(1), MAC, Instant::from_secs(30));
        assert!(neighbors.is_known(addr(1), Instant::from_secs(89)));
    }

    #[test]
    fn who_was_asked_for_is_not_pushed_out_by_who_was_not() {
        let mut neighbors = Neighbors::new();
        neighbors.want(addr(250), Instant::ZERO);
        assert!(neighbors.learn(addr(250), MAC, Instant::ZERO));
        let now = Instant::from_secs(1);
        for i in 0..4 * NEIGHBORS_MAX {
            neighbors.learn(IpAddr::from([10, 0, 0, u8::try_from(i).unwrap_or(255)]), MAC, now);
        }
        assert!(neighbors.is_known(addr(250), now));
        assert_eq!(neighbors.known(now).count(), NEIGHBORS_MAX);
        // Asked for in its turn, a stranger is as good as anybody.
        for i in 0..NEIGHBORS_MAX {
            let other = addr(u8::try_from(i).expect("small"));
            neighbors.want(other, now);
            assert!(neighbors.learn(other, MAC, now));
        }
        assert!(!neighbors.is_known(addr(250), now), "the one that expires first");
        neighbors.learn(addr(251), MAC, now);
        assert!(!neighbors.is_known(addr(251), now), "there is no room for those who come by themselves");
        neighbors.learn(addr(251), MAC, Instant::from_secs(61));
        assert!(neighbors.is_known(addr(251), Instant::from_secs(61)), "until somebody has been silent for a minute");
    }

    #[test]
    fn a_full_cache_forgets_what_expires_first() {
        let mut neighbors = Neighbors::new();
        for i in 0..=NEIGHBORS_MAX {
            neighbors.learn(addr(u8::try_from(i).expect("small")), MAC, Instant::from_millis(i as u64));
        }
        let now = Instant::from_secs(1);
        assert!(!neighbors.is_known(addr(0), now));
        assert!(neighbors.is_known(addr(1), now));
        assert_eq!(neighbors.known(now).count(), NEIGHBORS_MAX);
    }
}
