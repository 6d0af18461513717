//! Readiness agrees with the next call.
//!
//! A call that gives EAGAIN changes nothing, so what readiness says right after it is what it said right before: then a
//! socket that is ready for this very call has lied to whoever waited for it.

use smolsock::inspect::{Call, Happened, Inspection};
use smolsock::{Errno, Readiness};

/// Returns what is wrong.
pub(super) fn on_socket(inspection: &Inspection<'_>) -> Option<String> {
    let Happened::Failed { call, errno: Errno::EAGAIN, readiness } = inspection.what else { return None };
    let promised = match call {
        Call::Recv | Call::Accept => Readiness::IN,
        Call::Send => Readiness::OUT,
        _ => return None,
    };
    if !readiness.contains(promised) {
        return None;
    }
    let local = inspection.local.map_or_else(|| "a socket without an address".into(), |local| local.to_string());
    Some(format!("{local}: {call} gave EAGAIN, and readiness is {readiness:?}"))
}
