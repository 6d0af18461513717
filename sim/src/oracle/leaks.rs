//! When all applications have ended and all timers have run out, no socket and no buffer is left.
//!
//! The daemons were stopped by then. A socket that its application never closed is a leak as well, of the application.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use smolsock::SocketId;
use smolsock::inspect::{Happened, Holdings, Inspection};

use super::{Findings, Oracle};
use crate::time::Time;
use crate::trace::NodeId;

/// The sockets that applications hold.
#[derive(Debug, Default)]
pub(super) struct Leaks {
    open: BTreeMap<(NodeId, SocketId), Option<SocketAddr>>,
}

impl Leaks {
    pub(super) fn on_socket(&mut self, node: NodeId, inspection: &Inspection<'_>) {
        let Some(socket) = inspection.socket else { return };
        match inspection.what {
            Happened::Opened { .. } | Happened::Accepted { .. } => {
                self.open.insert((node, socket), inspection.local);
            }
            Happened::Closed => drop(self.open.remove(&(node, socket))),
            _ => {}
        }
    }

    /// The sockets of a host are gone.
    pub(super) fn forget(&mut self, node: NodeId) {
        self.open.retain(|(of, _), _| *of != node);
    }

    /// The run is over, and nothing is left to happen: what a host still holds.
    pub(super) fn on_end(&mut self, now: Time, node: NodeId, holdings: Holdings, findings: &mut Findings) {
        let mut open = self.open.iter().filter(|((of, _), _)| *of == node).map(|(_, local)| local).peekable();
        if open.peek().is_some() {
            let names: Vec<String> = open
                .map(|local| local.map_or_else(|| "one without an address".into(), |local| local.to_string()))
                .collect();
            let what = format!("sockets that no application has closed: {}", names.join(", "));
            findings.found(Oracle::Leaks, now, node, what);
        } else if holdings != Holdings::default() {
            findings.found(
                Oracle::Leaks,
                now,
                node,
                format!("every socket is closed, and the stack holds {holdings:?}"),
            );
        }
    }
}
