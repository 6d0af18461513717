//! Which neighbours are known, as `arp -a` shows them?

use core::fmt;
use core::net::IpAddr;

use crate::addr::MacAddr;
use crate::stack::Stack;
use crate::time::Duration;

/// The neighbours at one moment, from ARP and from neighbour discovery. `Display` is like `arp -a`.
#[derive(Debug)]
pub struct ArpTable<'s, 'a> {
    stack: &'s Stack<'a>,
}

/// One neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArpEntry {
    /// Its IP address.
    pub addr: IpAddr,
    /// Its link-layer address; `None` while it is being asked for.
    pub mac: Option<MacAddr>,
    /// How long the entry lasts if the neighbour gives no further sign of life.
    pub expires_in: Duration,
}

impl<'s, 'a> ArpTable<'s, 'a> {
    /// The neighbours: known ones first, then those that are being asked for.
    pub fn entries(&self) -> impl Iterator<Item = ArpEntry> + use<'s, 'a> {
        let stack = self.stack;
        let known = stack.neighbors.known(stack.now).map(|entry| ArpEntry {
            addr: entry.addr,
            mac: Some(entry.mac),
            expires_in: entry.expires_at.saturating_duration_since(stack.now),
        });
        let wanted = stack.neighbors.wanted().map(|addr| ArpEntry { addr, mac: None, expires_in: Duration::ZERO });
        known.chain(wanted)
    }
}

impl fmt::Display for ArpTable<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in self.entries() {
            match entry.mac {
                Some(mac) => writeln!(f, "? ({}) at {mac} [ether]", entry.addr)?,
                None => writeln!(f, "? ({}) at <incomplete>", entry.addr)?,
            }
        }
        Ok(())
    }
}

impl<'a> Stack<'a> {
    /// The neighbours, for reading and printing.
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// # let (stack, device) = stack();
    /// assert_eq!(stack.arp().to_string(), "");
    /// ```
    pub fn arp(&self) -> ArpTable<'_, 'a> {
        ArpTable { stack: self }
    }
}
