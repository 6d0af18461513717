//! What if the end of a stream comes before the last of its data?
//!
//! RFC 9293 §3.10.7.4 has what comes early wait for what belongs ahead of it. smoltcp keeps the data of such segments and forgets their
//! FIN, and also one behind data that it has already (B16); each time the peer has to wait for its time-out. So the number of the FIN
//! is kept here, and the engine hears it as soon as all that belongs ahead of it is there.

use smoltcp::iface::Interface;
use smoltcp::wire::TcpControl;

use super::classify::{self, Segment};
use super::prompt::prompt;
use crate::socket::tcp::engine::Facts;
use crate::socket::tcp::{Connection, TcpState};
use crate::time::Instant;

/// A segment came that has a FIN, or for a connection whose FIN has come: `bytes`, with checksums that are right if `is_verified`.
/// `interface`: the connection's. Returns what the engine says when it has heard the FIN now.
#[cold]
#[inline(never)] // rare: inlined, it would only make the usual path spill
pub(super) fn hear_fin(
    connection: &mut Connection<'_>,
    interface: &mut Interface,
    segment: &Segment,
    (bytes, is_verified): (&[u8], bool),
    now: Instant,
) -> Option<Facts> {
    let waits = matches!(connection.state(), TcpState::Established | TcpState::FinWait1 | TcpState::FinWait2);
    if !waits {
        connection.early_fin = None;
        return None;
    }
    if segment.flags.fin() && connection.track.knows(segment) && (is_verified || classify::has_good_checksums(bytes)) {
        connection.early_fin = Some(segment.seq.wrapping_add(segment.payload_len as u32));
    }
    let mut bare = connection.last_heard((segment.flow.remote, segment.flow.local))?;
    let missing = connection.early_fin?.wrapping_sub(bare.seq) as i32;
    if missing < 0 {
        // The peer contradicts itself: there is data where it would stand.
        connection.early_fin = None;
    }
    if missing != 0 {
        return None;
    }
    connection.early_fin = None;
    bare.control = TcpControl::Fin;
    let engine = connection.engine.as_mut()?;
    prompt(interface, engine, &bare, 1, now);
    let facts = engine.facts();
    connection.on_end(facts.state);
    Some(facts)
}
