//! What has this stack seen, sent and thrown away?

/// Counts since the stack was built. They never go back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Frames taken from the device.
    pub frames_in: u64,
    /// Frames given to the device.
    pub frames_out: u64,
    /// Frames too short or inconsistent to tell what they are.
    pub dropped_malformed: u64,
    /// Frames for another link-layer or IP address.
    pub dropped_not_for_us: u64,
    /// Frames that carry neither IP nor ARP, or are on their way to another host.
    pub dropped_unknown: u64,
    /// Answers that would have been larger than a packet can be.
    pub dropped_too_large: u64,
    /// Packets to multicast groups that nobody here has joined.
    pub dropped_not_joined: u64,
    /// Packets of the host to itself that found no room.
    pub dropped_local_overflow: u64,
    /// IP fragments that were of no use: against the rules, overlapping, or without room.
    pub dropped_fragments: u64,
    /// IP packets put together from fragments.
    pub reassembled: u64,
    /// IP packets given up because fragments did not come in time, or to make room for others.
    pub reassembly_failures: u64,
    /// IP packets that were cut into fragments.
    pub fragmented: u64,
    /// TCP segments to a broadcast or multicast address (RFC 9293 MUST-57).
    pub dropped_tcp_not_unicast: u64,
    /// Segments with a FIN whose data reaches beyond the window that was told; they come again (B3).
    pub dropped_fin_beyond_window: u64,
    /// Acknowledgements of new data in segments that smoltcp did not take: old ones (B5), and bare ones that come between a FIN
    /// behind a full window and its ACK. Their number comes again.
    pub tcp_acks_not_taken: u64,
    /// SYNs that came for a connection whose own SYN waited for the device or the neighbour's address: they come again.
    pub dropped_early_syn: u64,
    /// SYNs dropped because the listener's queue of completed connections was full.
    pub dropped_syn_backlog: u64,
    /// SYNs dropped because no socket, engine or half-open place was free.
    pub dropped_syn_no_room: u64,
    /// Half-open children given up: the oldest goes when a younger one comes.
    pub half_open_evicted: u64,
    /// Connections made again from the number that their ACK brought back, after their half-open place had gone.
    pub syn_cookies_accepted: u64,
    /// Datagrams dropped because a receive queue was full.
    pub dropped_datagram_overflow: u64,
    /// Segments and datagrams that no socket wanted, answered by RST or ICMP unreachable where due.
    pub refused: u64,
    /// ICMP errors that quote nothing which is in flight, or no socket's packet (RFC 5927).
    pub dropped_icmp_errors: u64,
    /// RSTs and SYNs for a connection without the very next number: strangers guess (RFC 5961 §3, §4).
    pub dropped_guesses: u64,
    /// ACKs that ask the peer whether it meant such a segment.
    pub challenge_acks: u64,
    /// RSTs sent for segments that belong to no connection.
    pub resets_sent: u64,
    /// Sockets that smoltcp looked at for received frames: one per frame, none for unknown flows.
    pub sockets_visited_in: u64,
    /// Sockets that smoltcp looked at to send.
    pub sockets_visited_out: u64,
    /// Connections in TIME-WAIT forgotten before their time, because the table was full.
    pub time_wait_evicted: u64,
    /// Connections given up because the peer was silent: connect, half-open, FIN-WAIT-2, R2.
    pub timeouts: u64,
    /// Times that a device had no room for a frame.
    pub device_refusals: u64,
    /// Neighbours that did not answer three requests.
    pub neighbors_unreachable: u64,
    /// Reports of multicast groups sent to routers (IGMP, MLD).
    pub group_reports: u64,
    /// Segments sent that begin with something sent before; probes do not count (Linux: TcpRetransSegs).
    pub tcp_retransmissions: u64,
    /// Probes sent by our own persist timer.
    pub persist_probes: u64,
    /// Times that the oldest segment was to be sent again because nothing was heard for two round trips (RFC 8985 §7).
    pub tail_loss_probes: u64,
}
