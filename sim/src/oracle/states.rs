//! States move along the edges of RFC 9293.
//!
//! Figure 5 of §3.3.2, with what its text adds: every state may end in CLOSED (ABORT, a reset, a time-out), and one segment
//! may bring two steps at once (an ACK of our FIN with a FIN: FIN-WAIT-1 to TIME-WAIT).

use std::collections::BTreeMap;

use smolsock::inspect::{Happened, Inspection};
use smolsock::{SocketId, TcpState};

use super::{Findings, Oracle};
use crate::time::Time;
use crate::trace::NodeId;

/// The last state of each socket.
#[derive(Debug, Default)]
pub(super) struct States {
    last: BTreeMap<(NodeId, SocketId), TcpState>,
}

impl States {
    pub(super) fn on_socket(&mut self, now: Time, node: NodeId, inspection: &Inspection<'_>, findings: &mut Findings) {
        let Happened::State { before, after } = inspection.what else { return };
        let name = |addr: Option<std::net::SocketAddr>| addr.map_or_else(|| "?".into(), |addr| addr.to_string());
        let mut found = |wrong: String| {
            let (local, remote) = (name(inspection.local), name(inspection.remote));
            findings.found(Oracle::States, now, node, format!("{local} to {remote}: {wrong}"));
        };
        if !is_edge(before, after) {
            found(format!("{} to {} is no edge", before.rfc_name(), after.rfc_name()));
        }
        // In TIME-WAIT a connection leaves its socket.
        let Some(socket) = inspection.socket else { return };
        let known = match after {
            TcpState::Closed | TcpState::TimeWait => self.last.remove(&(node, socket)),
            _ => self.last.insert((node, socket), after),
        };
        // A child of a listener begins as its listener stands.
        let is_child = known.is_none() && before == TcpState::Listen;
        // It may be reset before it has left.
        let unknown = if before == TcpState::TimeWait { before } else { TcpState::Closed };
        let known = known.unwrap_or(unknown);
        if known != before && !is_child {
            found(format!("from {} it went on in {}", known.rfc_name(), before.rfc_name()));
        }
    }

    /// The sockets of a host are gone.
    pub(super) fn forget(&mut self, node: NodeId) {
        self.last.retain(|(of, _), _| *of != node);
    }
}

/// Whether a connection may go from one state to the other.
fn is_edge(before: TcpState, after: TcpState) -> bool {
    use TcpState::*;
    match after {
        Closed => before != Closed,
        Listen => matches!(before, Closed | SynReceived),
        SynSent => matches!(before, Closed | Listen),
        SynReceived => matches!(before, Listen | SynSent),
        Established => matches!(before, SynSent | SynReceived),
        FinWait1 => matches!(before, Established | SynReceived),
        FinWait2 => before == FinWait1,
        CloseWait => matches!(before, Established | SynReceived | SynSent),
        Closing => before == FinWait1,
        LastAck => before == CloseWait,
        TimeWait => matches!(before, FinWait1 | FinWait2 | Closing),
    }
}
