//! Which name does Wireshark show for an address?

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

use pcap_file::pcapng::blocks::name_resolution::{Ipv4Record, Ipv6Record, NameResolutionBlock, Record};

use crate::trace::{NodeKind, Trace};

/// The names of all hosts for their addresses, in the order of the addresses; `None` if there are none.
pub(super) fn block(trace: &Trace) -> Option<NameResolutionBlock<'static>> {
    let mut names: BTreeMap<IpAddr, Vec<Cow<'static, str>>> = BTreeMap::new();
    for node in &trace.nodes {
        let (NodeKind::Host { addrs, .. } | NodeKind::Router { addrs, .. }) = &node.kind else { continue };
        let name = one_word(&node.name);
        if name.is_empty() {
            continue;
        }
        for addr in addrs {
            names.entry(*addr).or_default().push(Cow::Owned(name.clone()));
        }
    }
    let records: Vec<_> = names.into_iter().map(|(addr, names)| record(addr, names)).collect();
    (!records.is_empty()).then(|| NameResolutionBlock { records, options: Vec::new() })
}

fn record(addr: IpAddr, names: Vec<Cow<'static, str>>) -> Record<'static> {
    match addr {
        IpAddr::V4(ip_addr) => Record::Ipv4(Ipv4Record { ip_addr, names }),
        IpAddr::V6(ip_addr) => Record::Ipv6(Ipv6Record { ip_addr, names }),
    }
}

/// A name without the zero byte that would end it early, and without blanks that would end it for readers.
fn one_word(name: &str) -> String {
    name.chars().map(|c| if c.is_control() || c.is_whitespace() { '-' } else { c }).collect()
}
