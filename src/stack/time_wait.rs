//! Which connections are over but not forgotten?

use core::net::SocketAddr;

use managed::ManagedSlice;

use crate::socket::slots::NONE;
use crate::time::{Duration, Instant};

/// A connection in TIME-WAIT: what it takes to answer a retransmitted FIN, and no more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    /// Our next sequence number.
    pub(crate) snd_nxt: u32,
    /// The sequence number expected from the peer.
    pub(crate) rcv_nxt: u32,
    /// Whether its socket had `SO_REUSEADDR`: then another that has it may bind to the port.
    pub(crate) reuse_address: bool,
    pub(crate) expires_at: Instant,
    older: u32,
    newer: u32,
    /// A SYN was answered with an ACK: if its sender has forgotten the connection, it answers that with an RST.
    pub(crate) is_asked: bool,
}

/// Place for one connection in TIME-WAIT; see [`Storage`](crate::Storage).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place(Option<Entry>, u32);

impl Place {
    pub(crate) const EMPTY: Self = Self(None, NONE);
}

/// All connections in TIME-WAIT, in the order in which they end.
///
/// 2MSL is the same for all, so the order of arrival is the order of expiry, and a queue does what a
/// heap would.
#[derive(Debug)]
pub(crate) struct TimeWait<'a> {
    places: ManagedSlice<'a, Place>,
    max: usize,
    duration: Duration,
    free: u32,
    used: u32,
    oldest: u32,
    newest: u32,
    len: usize,
}

/// What a segment means to a connection in TIME-WAIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The peer did not get our last ACK: send it again, and wait 2MSL from now.
    AcknowledgeAndRestart,
    /// Something old or out of window: say where we stand.
    Acknowledge,
    /// The peer has forgotten the connection, and said so when it was asked.
    End,
    /// A new connection with the same addresses and ports: let it through (RFC 9293 MAY-2).
    Reopen,
    /// No answer.
    Ignore,
}

/// The facts of a segment that TIME-WAIT looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    pub(crate) syn: bool,
    pub(crate) ack: bool,
    pub(crate) fin: bool,
    pub(crate) rst: bool,
    pub(crate) seq: u32,
    pub(crate) payload_len: usize,
}

impl Entry {
    /// RFC 9293 §3.10.7.4, the lines for TIME-WAIT.
    pub(crate) fn judge(&self, facts: Facts) -> Verdict {
        // RFC 1337: a RST does not end TIME-WAIT, or an old one could. But whoever answers our ACK to its SYN so wants a new
        // connection, and knows nothing of the old one: its SYN comes again.
        if facts.rst {
            return if self.is_asked && facts.seq == self.rcv_nxt { Verdict::End } else { Verdict::Ignore };
        }
        if facts.syn && !facts.ack {
            // MAY-2: sequence numbers beyond the old connection's cannot be mistaken for it.
            return if is_after(facts.seq, self.rcv_nxt) { Verdict::Reopen } else { Verdict::Acknowledge };
        }
        // "The only thing that can arrive in this state is a retransmission of the remote FIN.
        // Acknowledge it, and restart the 2 MSL timeout."
        let end = facts.seq.wrapping_add(facts.payload_len as u32).wrapping_add(u32::from(facts.fin));
        if facts.fin && end == self.rcv_nxt {
            return Verdict::AcknowledgeAndRestart;
        }
        // Old data: say where we stand. A bare ACK gets no answer even out of window (RFC 9293 asks for
        // one), or two hosts that disagree would acknowledge each other for ever.
        if facts.payload_len > 0 || facts.fin { Verdict::Acknowledge } else { Verdict::Ignore }
    }
}

impl<'a> TimeWait<'a> {
    pub(crate) fn new(places: ManagedSlice<'a, Place>, max: usize, duration: Duration) -> Self {
        Self { places, max, duration, free: NONE, used: 0, oldest: NONE, newest: NONE, len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether the next [`TimeWait::insert`] needs [`TimeWait::oldest`] removed first.
    pub(crate) fn is_full(&self) -> bool {
        self.len >= self.max
    }

    /// A SYN for the connection is answered with an ACK.
    pub(crate) fn ask(&mut self, index: u32) {
        if let Some(Place(Some(entry), _)) = self.places.get_mut(index as usize) {
            entry.is_asked = true;
        }
    }

    /// Remembers a connection from `now` on. The caller made room.
    #[expect(clippy::arithmetic_side_effects, reason = "it counts places of a table")]
    pub(crate) fn insert(
        &mut self,
        (local, remote): (SocketAddr, SocketAddr),
        snd_nxt: u32,
        rcv_nxt: u32,
        now: Instant,
    ) -> Option<u32> {
        let index = self.place()?;
        let expires_at = now.saturating_add(self.duration);
        let entry = Entry {
            local,
            remote,
            snd_nxt,
            rcv_nxt,
            reuse_address: false,
            is_asked: false,
            expires_at,
            older: NONE,
            newer: NONE,
        };
        *self.places.get_mut(index as usize)? = Place(Some(entry), NONE);
        self.append(index);
        self.len += 1;
        Some(index)
    }

    /// Its port may be bound again by whoever has `SO_REUSEADDR` too.
    pub(crate) fn share(&mut self, index: u32) {
        if let Some(entry) = self.entry(index) {
            entry.reuse_address = true;
        }
    }

    pub(crate) fn get(&self, index: u32) -> Option<&Entry> {
        self.places.get(index as usize)?.0.as_ref()
    }

    /// Starts 2MSL again.
    pub(crate) fn restart(&mut self, index: u32, now: Instant) {
        self.unlink(index);
        let expires_at = now.saturating_add(self.duration);
        if let Some(entry) = self.entry(index) {
            entry.expires_at = expires_at;
        }
        self.append(index);
    }

    /// Forgets a connection.
    #[expect(clippy::arithmetic_side_effects, reason = "the entry was found")]
    pub(crate) fn remove(&mut self, index: u32) -> Option<Entry> {
        let entry = self.places.get(index as usize)?.0?;
        self.unlink(index);
        *self.places.get_mut(index as usize)? = Place(None, self.free);
        self.free = index;
        self.len -= 1;
        Some(entry)
    }

    /// The connection that ends first.
    pub(crate) fn oldest(&self) -> Option<u32> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    /// When the first connection ends.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        Some(self.get(self.oldest()?)?.expires_at)
    }

    /// All connections, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        let mut next = self.oldest();
        core::iter::from_fn(move || {
            let entry = self.get(next?)?;
            next = (entry.newer != NONE).then_some(entry.newer);
            Some(entry)
        })
    }

    #[expect(clippy::arithmetic_side_effects, reason = "there is a place that was never used")]
    fn place(&mut self) -> Option<u32> {
        if self.free != NONE {
            let index = self.free;
            self.free = self.places.get(index as usize)?.1;
            return Some(index);
        }
        if self.used as usize == self.places.len() {
            self.grow()?;
        }
        self.used += 1;
        Some(self.used - 1)
    }

    #[cfg(feature = "alloc")]
    fn grow(&mut self) -> Option<()> {
        match &mut self.places {
            ManagedSlice::Owned(places) if places.len() < self.max => {
                places.push(Place::EMPTY);
                Some(())
            }
            _ => None,
        }
    }

    #[cfg(not(feature = "alloc"))]
    fn grow(&mut self) -> Option<()> {
        None
    }

    fn entry(&mut self, index: u32) -> Option<&mut Entry> {
        self.places.get_mut(index as usize)?.0.as_mut()
    }

    fn append(&mut self, index: u32) {
        let older = core::mem::replace(&mut self.newest, index);
        if let Some(entry) = self.entry(index) {
            entry.older = older;
            entry.newer = NONE;
        }
        match self.entry(older) {
            Some(entry) => entry.newer = index,
            None => self.oldest = index,
        }
    }

    fn unlink(&mut self, index: u32) {
        let Some(&Entry { older, newer, .. }) = self.get(index) else { return };
        match self.entry(older) {
            Some(entry) => entry.newer = newer,
            None => self.oldest = newer,
        }
        match self.entry(newer) {
            Some(entry) => entry.older = older,
            None => self.newest = older,
        }
    }
}

/// Sequence number comparison modulo 2^32 (RFC 9293 §3.4).
fn is_after(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(port: u16) -> (SocketAddr, SocketAddr) {
        (([192, 0, 2, 1], 80).into(), ([192, 0, 2, 2], port).into())
    }

    fn table(places: &mut [Place]) -> TimeWait<'_> {
        let max = places.len();
        TimeWait::new(ManagedSlice::Borrowed(places), max, Duration::from_secs(60))
    }

    fn facts(seq: u32) -> Facts {
        Facts { syn: false, ack: true, fin: false, rst: false, seq, payload_len: 0 }
    }

    #[test]
    fn connections_end_in_order_and_a_restart_goes_to_the_end() {
        let mut places = [Place::EMPTY; 3];
        let mut table = table(&mut places);
        let first = table.insert(pair(1), 0, 0, Instant::ZERO).expect("room");
        let second = table.insert(pair(2), 0, 0, Instant::from_secs(1)).expect("room");
        assert_eq!(table.next_at(), Some(Instant::from_secs(60)));
        table.restart(first, Instant::from_secs(2));
        assert_eq!(table.oldest(), Some(second));
        assert_eq!(table.iter().map(|e| e.remote.port()).collect::<heapless::Vec<_, 3>>(), [2, 1]);
        assert!(table.remove(second).is_some());
        assert_eq!(table.next_at(), Some(Instant::from_secs(62)));
        assert!(table.remove(first).is_some());
        assert_eq!((table.len(), table.next_at()), (0, None));
    }

    #[test]
    fn a_full_table_takes_no_more_and_places_are_used_again() {
        let mut places = [Place::EMPTY; 2];
        let mut table = table(&mut places);
        for port in 1..=2 {
            assert!(table.insert(pair(port), 0, 0, Instant::ZERO).is_some());
        }
        assert!(table.is_full());
        assert_eq!(table.insert(pair(3), 0, 0, Instant::ZERO), None);
        let oldest = table.oldest().expect("two are there");
        table.remove(oldest);
        assert_eq!(table.insert(pair(3), 0, 0, Instant::ZERO), Some(oldest));
        assert_eq!(table.remove(7).map(|_| ()), None);
    }

    #[test]
    fn segments_are_judged_as_rfc_9293_says() {
        let mut places = [Place::EMPTY; 1];
        let mut table = table(&mut places);
        let index = table.insert(pair(1), 500, u32::MAX, Instant::ZERO).expect("room");
        let entry = *table.get(index).expect("just added");
        assert_eq!(entry.judge(Facts { fin: true, ..facts(u32::MAX - 1) }), Verdict::AcknowledgeAndRestart);
        assert_eq!(entry.judge(Facts { fin: true, ..facts(77) }), Verdict::Acknowledge, "another FIN restarts nothing");
        let rst = Facts { rst: true, ..facts(u32::MAX) };
        assert_eq!(entry.judge(rst), Verdict::Ignore);
        let asked = Entry { is_asked: true, ..entry };
        assert_eq!([asked.judge(rst), asked.judge(Facts { seq: 0, ..rst })], [Verdict::End, Verdict::Ignore]);
        assert_eq!(entry.judge(facts(u32::MAX)), Verdict::Ignore);
        assert_eq!(entry.judge(facts(3)), Verdict::Ignore, "a bare ACK is never answered");
        assert_eq!(entry.judge(Facts { payload_len: 1, ..facts(3) }), Verdict::Acknowledge);
        let syn = Facts { syn: true, ack: false, ..facts(5) };
        assert_eq!(entry.judge(syn), Verdict::Reopen, "5 comes after 2^32 - 1");
        assert_eq!(entry.judge(Facts { seq: u32::MAX - 9, ..syn }), Verdict::Acknowledge);
    }
}
