//! Frames sent are frames delivered, frames dropped with a reason, and frames in flight.
//!
//! For each direction of each cable: every frame that is sent is decided about once; every copy that is to arrive does so
//! once, at its time, or is still on its way when the run is over. Which copies are meant is told by the sum of their
//! fingerprints, so nothing is kept of them.

use super::ways::Ways;
use super::{Findings, Oracle};
use crate::journal::Way;
use crate::time::Time;
use crate::trace::{Fate, NodeId, PacketId};

/// The accounts of all cables.
#[derive(Debug, Default)]
pub(super) struct Conservation {
    accounts: Ways<Account>,
}

#[derive(Debug, Default)]
struct Account {
    from: Option<NodeId>,
    sent: u64,
    dropped: u64,
    carried: u64,
    /// Copies that are to arrive, less those that have.
    expected: i64,
    sum: u64,
}

impl Conservation {
    pub(super) fn on_sent(&mut self, way: Way, from: NodeId) {
        let account = self.accounts.of(way);
        account.sent += 1;
        account.from = Some(from);
    }

    pub(super) fn on_fate(&mut self, way: Way, id: PacketId, fate: &Fate) {
        let account = self.accounts.of(way);
        match fate.drop {
            Some(_) => account.dropped += 1,
            None => account.carried += 1,
        }
        account.expected += fate.copies.len() as i64;
        for copy in &fate.copies {
            account.sum = account.sum.wrapping_add(fingerprint(id, copy.at));
        }
    }

    /// A copy comes out of a cable; or the run is over, and it would come out at `at`.
    pub(super) fn on_arrived(&mut self, way: Way, id: PacketId, at: Time) {
        let account = self.accounts.of(way);
        account.expected -= 1;
        account.sum = account.sum.wrapping_sub(fingerprint(id, at));
    }

    pub(super) fn finish(&mut self, now: Time, findings: &mut Findings) {
        for (way, account) in self.accounts.iter() {
            let Account { from, sent, dropped, carried, expected, sum } = *account;
            let from = from.unwrap_or(NodeId(usize::MAX));
            let mut found = |what: String| {
                let what = format!("cable {}, {}: {what}", way.cable, way.direction);
                findings.found(Oracle::Conservation, now, from, what);
            };
            if sent != dropped + carried {
                found(format!("{sent} frames were sent, {dropped} dropped and {carried} carried"));
            } else if expected != 0 {
                let (what, count) =
                    if expected > 0 { ("vanished", expected) } else { ("came from nowhere", -expected) };
                found(format!("{count} copies {what}"));
            } else if sum != 0 {
                found("other copies arrived than were carried, or at another time".into());
            }
        }
    }
}

fn fingerprint(id: PacketId, at: Time) -> u64 {
    let mixed = (id.0 ^ at.as_nanos().rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) | 1
}
