//! Which cases does our stack not answer as Linux yet?

/// Names of cases, each with what is wrong. A case that has come to agree must leave the list.
pub const OPEN: &[(&str, &str)] = &[
    ("a wildcard IPv6 listener takes IPv4 clients", DUAL),
    ("an IPv6 socket connects to a mapped address", DUAL),
    ("an IPv6 socket binds to a mapped address", DUAL),
    ("a wildcard IPv6 socket takes the port of IPv4 too", DUAL),
    ("an IPv4 socket keeps a wildcard IPv6 socket off its port", DUAL),
    ("a mapped address clashes with the same IPv4 address", DUAL),
    ("a wildcard IPv6 datagram socket hears IPv4", DUAL),
    ("an IPv6 datagram socket connects to a mapped address", DUAL),
    ("bind to the loopback address", LOOPBACK),
    ("bind of a datagram socket to the loopback address", LOOPBACK),
    ("two addresses share a port", LOOPBACK),
    ("the wildcard address is the own host", LOOPBACK),
    ("simultaneous connects to each other's ports make one connection", LOOPBACK),
    ("a listener on one address does not hear the other", LOOPBACK),
    ("a connection over the loopback address", LOOPBACK),
    ("a connection to the own address", LOOPBACK),
    ("connect to a closed port of the own address is refused", LOOPBACK),
    ("a datagram over the loopback address", LOOPBACK),
    ("a datagram to the own address", LOOPBACK),
    ("a datagram to the wildcard address stays at home", LOOPBACK),
    ("a datagram to oneself", LOOPBACK),
    ("connect of a datagram socket to itself", LOOPBACK),
    ("a refusal on the own host", LOOPBACK),
    ("a datagram of 65,507 bytes is the largest", FRAGMENTS),
    ("a datagram larger than the MTU arrives whole", FRAGMENTS),
    ("a connected socket learns that nobody is there", UDP_ERROR_IN),
    ("send tells that nobody was there, once", UDP_ERROR_IN),
    ("sendto of a connected socket tells too", UDP_ERROR_IN),
    ("a second error does not hide the first", UDP_ERROR_IN),
    ("disconnect keeps the error", UDP_ERROR_IN),
    ("peek tells an error and takes it", UDP_ERROR_IN),
    ("a neighbour that is not there is told to nobody", UDP_UNREACHABLE),
    ("recv gives the refusal once, then the end", CLOSED),
    ("readiness after a refusal that was read", CLOSED),
    ("after a refusal whose error was read connect may be repeated", CLOSED),
    ("shutdown while connecting takes the attempt back", CLOSED),
    ("listen on a refused socket", CLOSED),
    ("a reset socket connects again", CLOSED),
    ("data to a closed socket resets, after the end of stream", CLOSED),
    ("recvfrom from a listener is ENOTCONN", STREAM_ADDRESS),
    ("recvfrom before connect is ENOTCONN", STREAM_ADDRESS),
    ("sendto of a connection ignores the address", STREAM_ADDRESS),
    ("sendto of a connection to no matter what family", STREAM_ADDRESS),
    ("recvfrom of a connection names nobody", STREAM_ADDRESS),
    ("shutdown of reading leaves what had arrived", SHUT_READ),
    ("after shutdown of reading datagrams are still received", SHUT_READ),
    ("an unconnected shutdown acts all the same", SHUT_READ),
];

const DUAL: &str = "IPv6 sockets take IPv6 only";
const LOOPBACK: &str = "there is no loopback";
const FRAGMENTS: &str = "nothing is fragmented";
const UDP_ERROR_IN: &str = "a pending error of a datagram socket makes readable; Linux says POLLERR alone";
const UDP_UNREACHABLE: &str = "a connected datagram socket is told EHOSTUNREACH; Linux keeps it to itself";
const CLOSED: &str = "a connection that failed is not quite what it is on Linux";
const STREAM_ADDRESS: &str = "recvfrom and sendto of streams refuse the address";
const SHUT_READ: &str = "shutdown of reading throws away what had arrived, or does not act";

/// What is wrong in this case, if it is known.
pub fn reason(name: &str) -> Option<&'static str> {
    OPEN.iter().find(|(open, _)| *open == name).map(|(_, what)| *what)
}
