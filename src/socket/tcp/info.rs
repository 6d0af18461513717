//! What can be told of a connection?

use super::track::Track;
use super::{Connection, TcpState};
use crate::bytes::copy;
use crate::time::{Duration, Instant};

/// What is known of a TCP socket (`TCP_INFO`). What only smoltcp knows (the time-out, the congestion window, the
/// peer's window scale) is not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpInfo {
    /// Its state; LISTEN for a listener.
    pub state: TcpState,
    /// Repeated segments since the peer last acknowledged something new.
    pub retransmits: u8,
    /// Keep-alive or window probes that are not answered.
    pub probes: u8,
    /// The largest payload that it sends, bytes.
    pub snd_mss: u32,
    /// The largest payload that came, bytes.
    pub rcv_mss: u32,
    /// Sequence numbers sent and not acknowledged, as on the wire; for a listener: connections that `accept` can take.
    pub unacked: u32,
    /// Bytes queued and never sent.
    pub notsent: u32,
    /// For a listener: its backlog.
    pub backlog: u32,
    /// Time since data was last sent.
    pub last_data_sent: Duration,
    /// Time since data last came.
    pub last_data_recv: Duration,
    /// Time since an acknowledgement last came.
    pub last_ack_recv: Duration,
    /// Path MTU, bytes.
    pub pmtu: u32,
    /// Smoothed round-trip time (RFC 6298), once it was measured.
    pub rtt: Option<Duration>,
    /// Its variation.
    pub rttvar: Option<Duration>,
    /// Free bytes of the receive buffer: what the window can be.
    pub rcv_space: u32,
    /// Segments sent again.
    pub total_retrans: u32,
    /// Payload bytes that the peer acknowledged.
    pub bytes_acked: u64,
    /// Payload bytes that came, each counted once.
    pub bytes_received: u64,
    /// Payload bytes sent, repetitions included.
    pub bytes_sent: u64,
    /// Payload bytes sent again.
    pub bytes_retrans: u64,
    /// Segments sent.
    pub segs_out: u32,
    /// Segments that came.
    pub segs_in: u32,
    /// Segments with payload sent.
    pub data_segs_out: u32,
    /// Segments with payload that came.
    pub data_segs_in: u32,
}

impl TcpInfo {
    /// Of a listener: how many connections `accept` can take, and its backlog.
    pub(crate) fn of_listener(ready: usize, backlog: usize) -> Self {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let nothing = Track::new(Instant::ZERO);
        Self {
            unacked: count(ready),
            backlog: count(backlog),
            ..Self::of_track(&nothing, TcpState::Listen, Instant::ZERO)
        }
    }

    /// Of a connection. `pmtu`: path MTU; `segment_bytes`: payload of a full segment.
    pub(crate) fn of(connection: &Connection<'_>, now: Instant, pmtu: usize, segment_bytes: usize) -> Self {
        let base = Self::of_track(&connection.track, connection.state(), now);
        let queued = u32::try_from(connection.send_queue()).unwrap_or(u32::MAX);
        let space =
            connection.engine.as_ref().map_or(0, |engine| engine.recv_capacity().saturating_sub(engine.recv_queue()));
        Self {
            probes: connection.unanswered_probes(),
            snd_mss: segment_bytes as u32,
            notsent: queued.saturating_sub(base.unacked),
            pmtu: pmtu as u32,
            rcv_space: space as u32,
            ..base
        }
    }

    fn of_track(track: &Track, state: TcpState, now: Instant) -> Self {
        let round_trip = track.round_trip();
        Self {
            state,
            retransmits: track.retransmits,
            probes: 0,
            snd_mss: 0,
            rcv_mss: u32::from(track.largest_received),
            unacked: track.in_flight(),
            notsent: 0,
            backlog: 0,
            last_data_sent: now.saturating_duration_since(track.data_sent_at),
            last_data_recv: now.saturating_duration_since(track.data_received_at),
            last_ack_recv: now.saturating_duration_since(track.ack_received_at),
            pmtu: 0,
            rtt: round_trip.map(|(rtt, _)| rtt),
            rttvar: round_trip.map(|(_, variation)| variation),
            rcv_space: 0,
            total_retrans: track.total_retrans,
            bytes_acked: track.bytes_acked,
            bytes_received: track.bytes_received,
            bytes_sent: track.bytes_sent,
            bytes_retrans: track.bytes_retrans,
            segs_out: track.segs_out,
            segs_in: track.segs_in,
            data_segs_out: track.data_segs_out,
            data_segs_in: track.data_segs_in,
        }
    }

    /// As `struct tcp_info` of Linux (x86-64), as far as it goes. What is not known is 0.
    pub(crate) fn write(&self, bytes: &mut [u8; INFO_LEN]) {
        let millis = |span: Duration| u32::try_from(span.as_millis()).unwrap_or(u32::MAX);
        let micros =
            |span: Option<Duration>| span.map_or(0, |span| u32::try_from(span.as_micros()).unwrap_or(u32::MAX));
        let is_listener = self.state == TcpState::Listen;
        // Linux counts segments.
        let unacked = if is_listener { self.unacked } else { self.unacked.div_ceil(self.snd_mss.max(1)) };
        bytes[0] = self.state.number();
        bytes[2] = self.retransmits;
        bytes[3] = self.probes;
        let words = [
            (16, self.snd_mss),
            (20, self.rcv_mss),
            (24, unacked),
            (28, self.backlog),
            (44, millis(self.last_data_sent)),
            (52, millis(self.last_data_recv)),
            (56, millis(self.last_ack_recv)),
            (60, self.pmtu),
            (68, micros(self.rtt)),
            (72, micros(self.rttvar)),
            (96, self.rcv_space),
            (100, self.total_retrans),
            (136, self.segs_out),
            (140, self.segs_in),
            (144, self.notsent),
            (152, self.data_segs_in),
            (156, self.data_segs_out),
        ];
        for (at, word) in words {
            copy(&word.to_le_bytes(), bytes.get_mut(at..).unwrap_or_default());
        }
        let longs =
            [(120, self.bytes_acked), (128, self.bytes_received), (200, self.bytes_sent), (208, self.bytes_retrans)];
        for (at, long) in longs {
            copy(&long.to_le_bytes(), bytes.get_mut(at..).unwrap_or_default());
        }
    }
}

/// Bytes of `struct tcp_info` up to `tcpi_bytes_retrans`.
pub(crate) const INFO_LEN: usize = 216;
