//! Which TCP segments does a vantage see, in the words of textbooks?

use core::fmt::Write as _;

use super::vantage::sightings;
use crate::observe::dissect::{Flags, Tcp, dissect};
use crate::trace::{NodeId, Trace};

/// A line for each TCP segment that `vantage` sent or got, in the order in which it saw them, with the numbers that stand
/// in the segment: `SYN 8000(0) ack 1 win 6144 <mss 1024>`, `1025(1024) ack 8001 win 4096`, `ack 6145 win 2048`.
///
/// The sequence number and, in parentheses, the bytes of payload are left out where there is neither payload nor SYN nor
/// FIN. PSH is not told. All options are.
pub fn segments(trace: &Trace, vantage: NodeId) -> Vec<String> {
    let seen = sightings(trace, vantage);
    seen.iter().filter_map(|seen| dissect(trace.medium, seen.bytes).tcp().map(line)).collect()
}

fn line(tcp: &Tcp) -> String {
    let named = [(Flags::SYN, "SYN "), (Flags::FIN, "FIN "), (Flags::RST, "RST ")];
    let mut line: String =
        named.into_iter().filter(|(flag, _)| tcp.flags.contains(*flag)).map(|(_, name)| name).collect();
    if tcp.seq_len() > 0 || tcp.flags.contains(Flags::RST) {
        let _ = write!(line, "{}({}) ", tcp.seq, tcp.payload_bytes);
    }
    if tcp.flags.contains(Flags::ACK) {
        let _ = write!(line, "ack {} ", tcp.ack);
    }
    let _ = write!(line, "win {}", tcp.window_raw);
    let options = options(tcp);
    if !options.is_empty() {
        let _ = write!(line, " <{}>", options.join(", "));
    }
    line
}

fn options(tcp: &Tcp) -> Vec<String> {
    let mut options = Vec::new();
    options.extend(tcp.mss_bytes.map(|bytes| format!("mss {bytes}")));
    options.extend(tcp.window_shift.map(|shift| format!("wscale {shift}")));
    options.extend(tcp.sack_permitted.then(|| "sack permitted".to_owned()));
    options.extend(tcp.sack.iter().map(|(from, to)| format!("sack {from}:{to}")));
    options.extend(tcp.timestamps.map(|(value, echo)| format!("timestamps {value} {echo}")));
    options.extend(tcp.options_malformed.then(|| "malformed".to_owned()));
    options
}
