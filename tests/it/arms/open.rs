//! Which cases does our stack not answer as Linux yet?

/// Names of cases, each with what is wrong. A case that has come to agree must leave the list.
pub const OPEN: &[(&str, &str)] = &[
    ("a wildcard IPv6 listener takes IPv4 clients", DUAL),
    ("an IPv6 socket connects to a mapped address", DUAL),
    ("an IPv6 socket binds to a mapped address", DUAL),
    ("a mapped address clashes with the same IPv4 address", DUAL),
    ("a wildcard IPv6 datagram socket hears IPv4", DUAL),
    ("an IPv6 datagram socket connects to a mapped address", DUAL),
    ("an IPv6-only socket does not bind to a mapped address", DUAL),
    ("the wildcard address is the own host", UNSPECIFIED),
    ("a datagram to the wildcard address stays at home", UNSPECIFIED),
    ("connect to a broadcast address needs SO_BROADCAST", BROADCAST),
    ("a broadcast reaches the subnet", BROADCAST),
    ("a limited broadcast reaches the subnet", BROADCAST),
    ("a socket bound to its address hears no broadcast", BROADCAST),
    ("a socket bound to the broadcast address hears only that", BROADCAST),
    ("a broadcast reaches every socket that shares the port", BROADCAST),
    ("IP_PKTINFO tells a broadcast", BROADCAST),
    ("a member hears its group", GROUPS),
    ("who has not joined hears nothing", GROUPS),
    ("who has left hears nothing", GROUPS),
    ("join twice is EADDRINUSE", GROUPS),
    ("two sockets may join one group", GROUPS),
    ("a member on another port hears nothing", GROUPS),
    ("a member bound to its host's address hears nothing", GROUPS),
    ("a member bound to the group hears only the group", GROUPS),
    ("a wildcard socket hears the groups of others on its host", GROUPS),
    ("the sender's own host hears the group", GROUPS),
    ("without IP_MULTICAST_LOOP the sender's host hears nothing", GROUPS),
    ("without IPV6_MULTICAST_LOOP the sender's host hears nothing", GROUPS),
    ("a datagram to a group has a time to live of 1", GROUPS),
    ("IP_MULTICAST_TTL is sent", GROUPS),
    ("close leaves the group", GROUPS),
];

const DUAL: &str = "IPv6 sockets take IPv6 only";
const UNSPECIFIED: &str = "the unspecified address is no destination";
const BROADCAST: &str = "SO_BROADCAST does nothing";
const GROUPS: &str = "groups cannot be joined";

/// What is wrong in this case, if it is known.
pub fn reason(name: &str) -> Option<&'static str> {
    OPEN.iter().find(|(open, _)| *open == name).map(|(_, what)| *what)
}
