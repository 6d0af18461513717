//! Which keys may stand in which section of a file?

/// A section and its keys; the first has no name: the keys at the top of the file.
#[cfg(test)]
pub(super) const SECTIONS: &[(&str, &[&str])] = &[
    ("", TOP),
    ("switch", SWITCH),
    ("router", ROUTER),
    ("middlebox", MIDDLEBOX),
    ("nat", NAT),
    ("host", HOST),
    ("cable", CABLE),
    ("forward", LINK),
    ("back", LINK),
    ("fault", FAULT),
    ("change", CHANGE),
    ("power", POWER),
    ("app", APP),
    ("expect", EXPECT),
];

pub(super) const TOP: &[&str] = &[
    "name",
    "about",
    "seed",
    "limit",
    "medium",
    "captures",
    "switch",
    "router",
    "middlebox",
    "host",
    "cable",
    "fault",
    "change",
    "power",
    "app",
    "expect",
];
pub(super) const SWITCH: &[&str] = &["count", "name"];
pub(super) const ROUTER: &[&str] = &["count", "name", "ports", "routes"];
pub(super) const MIDDLEBOX: &[&str] = &["count", "name", "strip", "mss_max", "window", "nat"];
pub(super) const NAT: &[&str] =
    &["inside", "outside", "gateway", "udp_idle", "tcp_established_idle", "tcp_transitory_idle", "icmp_idle"];
pub(super) const HOST: &[&str] = &[
    "count",
    "name",
    "addresses",
    "gateways",
    "tcp_recv",
    "tcp_send",
    "half_open_max",
    "time_wait_max",
    "time_wait",
    "connect_timeout",
    "half_open_timeout",
    "fin_wait_2_timeout",
    "user_timeout",
    "tail_loss_probes",
    "mtu",
    "batch_frames",
    "batch_window",
    "poll_latency",
    "refuses",
    "strip",
    "initial_sequence",
];
/// A cable also has the keys of [`LINK`], for both directions.
pub(super) const CABLE: &[&str] = &["count", "name", "a", "b", "forward", "back"];
pub(super) const LINK: &[&str] = &[
    "mtu",
    "loss",
    "rate",
    "queue",
    "delay",
    "jitter",
    "reorder",
    "reorder_delay",
    "duplicate",
    "corrupt",
    "mend_checksum",
];
pub(super) const FAULT: &[&str] = &["cable", "direction", "when", "act"];
/// A change also has the keys of [`LINK`].
pub(super) const CHANGE: &[&str] = &["at", "do", "cable", "ways"];
pub(super) const POWER: &[&str] = &["at", "do", "host"];
pub(super) const APP: &[&str] = &["count", "host", "name", "start", "background", "service", "steps"];
pub(super) const EXPECT: &[&str] = &[
    "ends_within",
    "retransmissions_min",
    "retransmissions_max",
    "drops_min",
    "drops_max",
    "connections_min",
    "states",
    "segments",
];
