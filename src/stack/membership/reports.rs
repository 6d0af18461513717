//! What do routers have to be told of the groups of this host, and when?

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use managed::ManagedSlice;

use super::{igmp, mld};
use crate::config::mix;
use crate::time::{Duration, Instant, earliest};

/// The host's side of IGMPv2 (RFC 2236, with IGMPv1 routers) and of MLDv2 (RFC 3810).
///
/// [`join`](Self::join) and [`leave`](Self::leave) when the first member comes and the last one goes;
/// [`on_igmp`](Self::on_igmp) and [`on_mld_query`](Self::on_mld_query) with what arrives;
/// [`poll`](Self::poll) until it says `None` whenever one of these was called and at
/// [`next_at`](Self::next_at), but only if the report can be sent then: it counts as sent.
///
/// Every report is about one group. MLDv2 queries for sources are answered with the whole group's record,
/// since nothing here asks for sources; queries of MLDv1 routers are answered in MLDv2.
#[derive(Debug)]
pub(crate) struct Reports<'a> {
    topics: ManagedSlice<'a, Topic>,
    len: usize,
    max: usize,
    seed: u64,
    draws: u64,
    /// Until when an IGMPv1 router is taken to be there (RFC 2236 §4).
    igmp_v1_until: Option<Instant>,
}

/// What is to be told about one group; see [`Storage`](crate::Storage).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Topic {
    group: IpAddr,
    is_member: bool,
    /// Routers may believe, because of us, that there is a member (RFC 2236 §6: "flag").
    is_told: bool,
    /// How often the change has still to be told.
    changes: u8,
    /// When next, unless that is 0.
    change_at: Instant,
    /// When a query is to be answered.
    answer_at: Option<Instant>,
}

impl Topic {
    /// Room for one.
    pub(crate) const EMPTY: Self = Self {
        group: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        is_member: false,
        is_told: false,
        changes: 0,
        change_at: Instant::ZERO,
        answer_at: None,
    };

    fn next_at(&self) -> Option<Instant> {
        earliest((self.changes > 0).then_some(self.change_at), self.answer_at)
    }
}

/// A packet to send: [`igmp::write`] or [`mld::write`] makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Report {
    /// IGMP, about this group.
    Igmp(igmp::Kind, Ipv4Addr),
    /// MLD, about this group.
    Mld(mld::Kind, Ipv6Addr),
}

impl<'a> Reports<'a> {
    /// Nothing to tell. `topics`: lent ones are all used; owned ones grow to `max`. Each group with members
    /// needs one, and those just left, for a second. `seed`: what the delays are drawn from.
    pub(crate) fn new(topics: ManagedSlice<'a, Topic>, max: usize, seed: u64) -> Self {
        Self { topics, len: 0, max, seed, draws: 0, igmp_v1_until: None }
    }

    /// The first member of `group` came. `false`: there is no room, and no router will know.
    pub(crate) fn join(&mut self, group: IpAddr, now: Instant) -> bool {
        if !is_reported(group) {
            return true;
        }
        let index = match self.all().iter().position(|topic| topic.group == group) {
            Some(index) => index,
            None => match self.place() {
                Some(index) => {
                    self.put(index, Topic { group, ..Topic::EMPTY });
                    index
                }
                None => return false,
            },
        };
        if let Some(topic) = self.topics.get_mut(index) {
            *topic = Topic { is_member: true, changes: CHANGES, change_at: now, answer_at: None, ..*topic };
        }
        true
    }

    /// The host is a member by itself: routers that ask are told, and nothing is told unasked. `false`: as above.
    pub(crate) fn join_silently(&mut self, group: IpAddr) -> bool {
        let Some(index) = self.place() else { return false };
        self.put(index, Topic { group, is_member: true, ..Topic::EMPTY });
        true
    }

    /// The last member of `group` went.
    pub(crate) fn leave(&mut self, group: IpAddr, now: Instant) {
        let Some(index) = self.all().iter().position(|topic| topic.group == group) else { return };
        let has_igmp_v1 = self.has_igmp_v1(now);
        let Some(topic) = self.topics.get_mut(index) else { return };
        *topic = Topic { is_member: false, changes: CHANGES, change_at: now, answer_at: None, ..*topic };
        if group.is_ipv4() {
            // RFC 2236 §3: once, and not in the presence of an IGMPv1 router (§4).
            topic.changes = 1;
        }
        if !topic.is_told || (group.is_ipv4() && has_igmp_v1) {
            self.remove(index);
        }
    }

    /// An IGMP message arrived.
    pub(crate) fn on_igmp(&mut self, heard: igmp::Heard, now: Instant) {
        match heard {
            igmp::Heard::QueryV1 => {
                self.igmp_v1_until = Some(now.saturating_add(IGMP_V1_TIMEOUT));
                self.on_query(Ipv4Addr::UNSPECIFIED.into(), IGMP_V1_DELAY_MAX, now);
            }
            igmp::Heard::Query { group, delay_max } => self.on_query(group.into(), delay_max, now),
            igmp::Heard::Report { group } => self.on_igmp_report(group),
        }
    }

    /// A query of MLD arrived.
    pub(crate) fn on_mld_query(&mut self, query: mld::Query, now: Instant) {
        self.on_query(query.group.into(), query.delay_max, now);
    }

    /// When something next has to be told.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.all().iter().filter_map(Topic::next_at).min()
    }

    /// What has to be told at `now`.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Report> {
        let due = self.all().iter().enumerate().filter_map(|(index, topic)| Some((topic.next_at()?, index)));
        let (_, index) = due.filter(|(at, _)| *at <= now).min()?;
        let topic = *self.topics.get(index)?;
        let is_change = topic.changes > 0 && topic.change_at <= now;
        let report = self.report(&topic, is_change, now);
        if !is_change {
            self.put(index, Topic { is_told: true, answer_at: None, ..topic });
        } else if topic.changes > 1 {
            let delay = self.draw(repeat_delay_max(topic.group));
            let (changes, change_at) = (topic.changes.saturating_sub(1), now.saturating_add(delay));
            self.put(index, Topic { is_told: true, changes, change_at, ..topic });
        } else if topic.is_member {
            self.put(index, Topic { is_told: true, changes: 0, ..topic });
        } else {
            self.remove(index);
        }
        Some(report)
    }

    fn report(&self, topic: &Topic, is_change: bool, now: Instant) -> Report {
        match topic.group {
            IpAddr::V4(group) => {
                let kind = match topic.is_member {
                    true if self.has_igmp_v1(now) => igmp::Kind::ReportV1,
                    true => igmp::Kind::Report,
                    false => igmp::Kind::Leave,
                };
                Report::Igmp(kind, group)
            }
            IpAddr::V6(group) => {
                let kind = match (is_change, topic.is_member) {
                    (true, true) => mld::Kind::Join,
                    (true, false) => mld::Kind::Leave,
                    (false, _) => mld::Kind::Present,
                };
                Report::Mld(kind, group)
            }
        }
    }

    /// A router asks for the members of `group`, or of all groups of its family if that is unspecified.
    fn on_query(&mut self, group: IpAddr, delay_max: Duration, now: Instant) {
        for index in 0..self.len {
            let Some(topic) = self.topics.get(index).copied() else { return };
            let is_meant = topic.group == group || (group.is_unspecified() && topic.group.is_ipv4() == group.is_ipv4());
            if !is_meant || !topic.is_member {
                continue;
            }
            // RFC 2236 §3, RFC 3810 §6.2: a timer that runs is only ever shortened. IGMP has one timer for
            // answers and for what is told unasked: both say the same.
            let is_joint = topic.group.is_ipv4() && topic.changes > 0;
            let running = if is_joint { Some(topic.change_at) } else { topic.answer_at };
            if running.is_some_and(|at| at <= now.saturating_add(delay_max)) {
                continue;
            }
            let at = now.saturating_add(self.draw(delay_max));
            let topic =
                if is_joint { Topic { change_at: at, ..topic } } else { Topic { answer_at: Some(at), ..topic } };
            self.put(index, topic);
        }
    }

    /// Another host told what we would have (RFC 2236 §3): the last to tell is the one to say goodbye.
    fn on_igmp_report(&mut self, group: Ipv4Addr) {
        let mut topics = self.topics.iter_mut().take(self.len);
        let Some(topic) = topics.find(|topic| topic.group == group && topic.is_member) else { return };
        // What is told at once is told in any case.
        if topic.changes < CHANGES {
            *topic = Topic { is_told: false, changes: 0, answer_at: None, ..*topic };
        }
    }

    fn has_igmp_v1(&self, now: Instant) -> bool {
        self.igmp_v1_until.is_some_and(|until| now < until)
    }

    /// A random time, at least a microsecond and at most `max`.
    #[expect(clippy::arithmetic_side_effects, reason = "a remainder is less than `max_us`, which is not zero")]
    fn draw(&mut self, max: Duration) -> Duration {
        self.draws = self.draws.wrapping_add(1);
        // At most 2^28 s (MLD has 2^28 ms): this fits.
        let max_us = max.as_micros().clamp(1, u64::MAX.into()) as u64;
        Duration::from_micros(1 + mix(self.seed ^ mix(self.draws)) % max_us)
    }

    fn all(&self) -> &[Topic] {
        self.topics.get(..self.len).unwrap_or_default()
    }

    /// Room for one more: a group that was left gives way, since its members are gone already.
    #[expect(clippy::arithmetic_side_effects, reason = "there is room for one more")]
    fn place(&mut self) -> Option<usize> {
        if self.len == self.topics.len() && self.grow().is_none() {
            return self.all().iter().position(|topic| !topic.is_member);
        }
        self.len += 1;
        Some(self.len - 1)
    }

    #[expect(clippy::arithmetic_side_effects, reason = "the topic is one of them")]
    fn remove(&mut self, index: usize) {
        self.len -= 1;
        if let Some(last) = self.topics.get(self.len).copied() {
            self.put(index, last);
        }
    }

    fn put(&mut self, index: usize, topic: Topic) {
        if let Some(place) = self.topics.get_mut(index) {
            *place = topic;
        }
    }

    #[cfg(feature = "alloc")]
    fn grow(&mut self) -> Option<()> {
        match &mut self.topics {
            ManagedSlice::Owned(topics) if topics.len() < self.max => {
                topics.push(Topic::EMPTY);
                Some(())
            }
            ManagedSlice::Owned(_) | ManagedSlice::Borrowed(_) => None,
        }
    }

    #[cfg(not(feature = "alloc"))]
    fn grow(&mut self) -> Option<()> {
        debug_assert!(self.max >= self.topics.len(), "lent topics are all used");
        None
    }
}

/// Whether routers want to hear of `group` at all: not of all nodes' (RFC 2236 §6, RFC 3810 §6), nor of
/// those that no router has to do with, of interface-local scope or none.
fn is_reported(group: IpAddr) -> bool {
    match group {
        IpAddr::V4(group) => group != igmp::ALL_SYSTEMS,
        IpAddr::V6(group) => group != mld::ALL_NODES && group.octets()[1] & 0xf > 1,
    }
}

/// Unsolicited Report Interval: RFC 2236 §8.10, RFC 3810 §9.11.
fn repeat_delay_max(group: IpAddr) -> Duration {
    Duration::from_secs(if group.is_ipv4() { 10 } else { 1 })
}

/// Times that a change is told: RFC 2236 §3 "repeated once or twice", RFC 3810 §9.1 robustness.
const CHANGES: u8 = 2;
/// RFC 2236 §8.11 Version 1 Router Present Timeout.
const IGMP_V1_TIMEOUT: Duration = Duration::from_secs(400);
/// RFC 2236 §4: a query without a response time means this.
const IGMP_V1_DELAY_MAX: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
