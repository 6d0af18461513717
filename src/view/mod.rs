//! What does the stack look like from outside?

pub(crate) mod arp;
pub(crate) mod netstat;

pub use arp::{ArpEntry, ArpTable};
pub use netstat::{Netstat, NetstatRow, Protocol};
