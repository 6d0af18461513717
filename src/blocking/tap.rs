//! How does a program come to a net on a TAP interface in one line?

use core::hash::{BuildHasher, Hasher};
use std::format;
use std::hash::RandomState;
use std::io;
use std::string::String;

use super::Net;
use crate::addr::{Cidr, MacAddr};
use crate::config::{Config, Seed};
use crate::device::tap::Tap;
use crate::stack::Stack;

impl Net {
    /// A net on the TAP interface `name`, which is made if it is not there, with these own addresses, such as
    /// `"192.0.2.1/24"` and `"2001:db8::1/64"`, and a link-layer address made up by chance. For everything else (a
    /// gateway, buffers, time-outs) build the [`Stack`], and give it to [`Net::spawn`].
    ///
    /// # Errors
    /// Those of [`Tap::open`]; `InvalidInput`: not an address with its prefix length, or a
    /// [`ConfigError`](crate::ConfigError).
    pub fn tap(name: &str, addresses: &[&str]) -> io::Result<Self> {
        let invalid = |text: String| io::Error::new(io::ErrorKind::InvalidInput, text);
        let mut config = Config::ethernet(random_mac(), Seed::random());
        for text in addresses {
            let cidr: Cidr = text.parse().map_err(|error| invalid(format!("{text}: {error}")))?;
            config = config.address(cidr);
        }
        let tap = Tap::open(name).map_err(io::Error::other)?;
        let stack = Stack::new(config, &tap).map_err(|error| invalid(format!("{name}: {error}")))?;
        Self::spawn(stack, tap)
    }
}

/// A unicast address of those that everybody may use (IEEE 802: locally administered).
fn random_mac() -> MacAddr {
    let [_, _, a, b, c, d, e, _] = RandomState::new().build_hasher().finish().to_ne_bytes();
    MacAddr([2, a, b, c, d, e])
}
