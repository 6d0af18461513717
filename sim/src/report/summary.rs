//! What happened, in numbers?

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::Style;
use super::text::{Tone, counted, line, span, thousands};
use crate::observe::Observation;
use crate::observe::flows::Connection;
use crate::observe::half::{Counts, Half};
use smolsock::TcpState as State;

use crate::observe::states::StatePath;
use crate::time::Time;

/// Connections that are told one by one; of more, only totals.
const TOLD_MAX: usize = 4;

/// The numbers of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// From the start to the end of the run, in virtual time.
    pub virtual_duration_ns: u64,
    /// Frames on all cables.
    pub frames: FrameTotals,
    /// All connections together.
    pub tcp: TcpTotals,
    /// Each connection, in the order of their first segment.
    pub connections: Vec<ConnectionSummary>,
}

/// Frames put on cables; one that a switch forwards counts once for each cable. `sent` is `delivered` and `dropped`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FrameTotals {
    /// Handed to a cable.
    pub sent: u64,
    /// Arrived at its far end, whole or corrupted.
    pub delivered: u64,
    /// Did not.
    pub dropped: u64,
    /// Why not.
    pub dropped_by_reason: BTreeMap<String, u64>,
    /// Copies that the network made.
    pub duplicated: u64,
    /// Copies with flipped bits.
    pub corrupted: u64,
    /// Copies that were held back on purpose.
    pub held_back: u64,
}

/// Sums over all connections and both sides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TcpTotals {
    /// Connections, and attempts at one.
    pub connections: u64,
    /// Of these, the ones that both sides saw open.
    pub established: u64,
    /// Payload that arrived, in order, each byte counted once.
    pub delivered_bytes: u64,
    /// Segments, repeats included.
    pub segments: u64,
    /// Segments that begin with something sent before; neither probes nor keep-alives.
    pub retransmissions: u64,
    /// Questions whether a closed window has opened.
    pub zero_window_probes: u64,
}

/// One connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConnectionSummary {
    /// The side that asked for it.
    pub client: HalfSummary,
    /// The side that was asked.
    pub server: HalfSummary,
    /// When its first segment was sent.
    pub begin_ns: u64,
    /// When its last segment was sent.
    pub end_ns: u64,
}

/// One side of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HalfSummary {
    /// Name of the host; empty if the trace does not tell.
    pub host: String,
    /// Address and port.
    pub addr: String,
    /// The states that it went through, as far as segments tell.
    pub states: StatePath,
    /// Payload that it sent, each byte counted once.
    pub sent_bytes: u64,
    /// Of that, what reached the other side without a gap.
    pub delivered_bytes: u64,
    /// What was delivered, from the sending of its first byte to the arrival of its last, per second of virtual time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goodput_bps: Option<u64>,
    /// Counts of the segments that it sent.
    #[serde(flatten)]
    pub counts: Counts,
}

impl Summary {
    /// Adds everything up. `end`: the end of the run.
    #[must_use]
    pub fn of(observation: &Observation<'_>, end: Time) -> Self {
        let connections: Vec<ConnectionSummary> =
            observation.connections.iter().map(|connection| ConnectionSummary::of(observation, connection)).collect();
        let halves = || connections.iter().flat_map(|connection| [&connection.client, &connection.server]);
        let is_established = |half: &Half| half.states().steps.iter().any(|step| step.state == State::Established);
        let established = observation.connections.iter();
        let established = established.filter(|one| is_established(&one.client) && is_established(&one.server)).count();
        let tcp = TcpTotals {
            connections: connections.len() as u64,
            established: established as u64,
            delivered_bytes: halves().map(|half| half.delivered_bytes).sum(),
            segments: halves().map(|half| half.counts.segments).sum(),
            retransmissions: halves().map(|half| half.counts.retransmissions).sum(),
            zero_window_probes: halves().map(|half| half.counts.zero_window_probes).sum(),
        };
        Self { virtual_duration_ns: end.as_nanos(), frames: FrameTotals::of(observation), tcp, connections }
    }

    /// Writes it as text.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write(&self, out: &mut impl Write, style: Style) -> io::Result<()> {
        line(out, style, Tone::Strong, "Summary")?;
        self.write_totals(out)?;
        if self.connections.len() > TOLD_MAX {
            let more = self.connections.len() - TOLD_MAX;
            self.connections[..TOLD_MAX].iter().try_for_each(|one| one.write(out))?;
            return writeln!(out, "  … and {}; --json has them all", counted(more as u64, "more connection"));
        }
        self.connections.iter().try_for_each(|one| one.write(out))
    }

    fn write_totals(&self, out: &mut impl Write) -> io::Result<()> {
        let frames = &self.frames;
        writeln!(out, "  virtual time  {}", span(self.virtual_duration_ns))?;
        write!(out, "  frames        {} sent, {} delivered", thousands(frames.sent), thousands(frames.delivered))?;
        let reasons = frames.dropped_by_reason.iter();
        let reasons: Vec<String> = reasons.map(|(reason, count)| format!("{} {reason}", thousands(*count))).collect();
        match frames.dropped {
            0 => write!(out, ", 0 dropped")?,
            dropped => write!(out, ", {} dropped ({})", thousands(dropped), reasons.join(", "))?,
        }
        let kinds =
            [(frames.duplicated, "duplicated"), (frames.corrupted, "corrupted"), (frames.held_back, "held back")];
        for (count, kind) in kinds.into_iter().filter(|(count, _)| *count > 0) {
            write!(out, ", {} {kind}", thousands(count))?;
        }
        writeln!(out)?;
        let tcp = &self.tcp;
        if tcp.connections < 2 {
            return Ok(());
        }
        writeln!(
            out,
            "  TCP           {}, {} established; {} delivered; {}, {}",
            counted(tcp.connections, "connection"),
            thousands(tcp.established),
            counted(tcp.delivered_bytes, "byte"),
            counted(tcp.segments, "segment"),
            counted(tcp.retransmissions, "retransmission"),
        )
    }
}

impl FrameTotals {
    fn of(observation: &Observation<'_>) -> Self {
        let mut totals = Self::default();
        for record in &observation.trace.frames {
            totals.sent += 1;
            match record.fate.drop {
                None => totals.delivered += 1,
                Some(reason) => {
                    totals.dropped += 1;
                    *totals.dropped_by_reason.entry(reason.to_string()).or_default() += 1;
                }
            }
            for copy in &record.fate.copies {
                totals.duplicated += u64::from(copy.duplicate);
                totals.corrupted += u64::from(!copy.corrupted.is_empty());
                totals.held_back += u64::from(copy.reordered_ns > 0);
            }
        }
        totals
    }
}

impl ConnectionSummary {
    fn of(observation: &Observation<'_>, connection: &Connection) -> Self {
        Self {
            client: HalfSummary::of(observation, &connection.client),
            server: HalfSummary::of(observation, &connection.server),
            begin_ns: connection.begins.as_nanos(),
            end_ns: connection.ends.as_nanos(),
        }
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let (client, server) = (&self.client, &self.server);
        writeln!(out, "  connection    {} {} → {} {}", client.host, client.addr, server.host, server.addr)?;
        for half in [client, server] {
            writeln!(out, "    {:<11} {}", half.host, half.states)?;
        }
        for (half, to) in [(client, server), (server, client)] {
            half.write_stream(out, to)?;
        }
        Ok(())
    }
}

impl HalfSummary {
    fn of(observation: &Observation<'_>, half: &Half) -> Self {
        Self {
            host: half.node.map_or_else(String::new, |node| observation.name(node).to_owned()),
            addr: half.addr.to_string(),
            states: half.states().clone(),
            sent_bytes: half.stream.len() as u64,
            delivered_bytes: half.delivered_bytes,
            goodput_bps: half.goodput_bps(),
            counts: half.counts,
        }
    }

    /// `client → server: 4,596 bytes delivered at 10,400 bit/s`, then what it took.
    fn write_stream(&self, out: &mut impl Write, to: &Self) -> io::Result<()> {
        let way = format!("{} → {}", self.host, to.host);
        let bytes = match self.delivered_bytes {
            all if all == self.sent_bytes => counted(all, "byte"),
            some => format!("{} of {}", thousands(some), counted(self.sent_bytes, "byte")),
        };
        write!(out, "    {way}: {bytes} delivered")?;
        if let Some(goodput_bps) = self.goodput_bps {
            write!(out, " at {} bit/s", thousands(goodput_bps))?;
        }
        let counts = &self.counts;
        write!(out, "\n      {}", counted(counts.segments, "segment"))?;
        if counts.retransmissions > 0 {
            write!(out, ", {}", counted(counts.retransmissions, "retransmission"))?;
            if counts.retransmitted_bytes > 0 {
                write!(out, " ({})", counted(counts.retransmitted_bytes, "byte"))?;
            }
        }
        let kinds = [
            (counts.zero_window_probes, "zero-window probe"),
            (counts.keep_alives, "keep-alive"),
            (counts.duplicate_acks, "duplicate ACK"),
        ];
        for (count, kind) in kinds.into_iter().filter(|(count, _)| *count > 0) {
            write!(out, ", {}", counted(count, kind))?;
        }
        if counts.out_of_order_arrivals > 0 {
            write!(out, ", {} out of order", counted(counts.out_of_order_arrivals, "arrival"))?;
        }
        writeln!(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::fixture::story;
    use crate::observe::observe;

    fn summary() -> Summary {
        Summary::of(&observe(&story().trace), Time::from_millis(3_640))
    }

    #[test]
    fn every_frame_is_delivered_or_dropped_with_a_reason() {
        let frames = summary().frames;
        assert_eq!(frames.sent, frames.delivered + frames.dropped);
        assert_eq!(frames.dropped, frames.dropped_by_reason.values().sum::<u64>());
        assert_eq!((frames.duplicated, frames.corrupted, frames.held_back), (1, 1, 1));
    }

    #[test]
    fn the_summary_of_a_story_reads_well() {
        let mut out = Vec::new();
        summary().write(&mut out, Style::default()).expect("a vector takes everything");
        let text = String::from_utf8(out).expect("text");
        assert_eq!(text, include_str!("golden/summary_of_story.txt"), "\n{text}");
    }
}
