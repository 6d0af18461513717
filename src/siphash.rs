//! Which number can nobody foretell who has no key?

use core::net::{IpAddr, SocketAddr};

/// A number for both ends of a connection and what else there is to say of it.
pub(crate) fn of_flow(key: [u64; 2], local: SocketAddr, remote: SocketAddr, number: u32, what: u64) -> u64 {
    let ports = u64::from(local.port()) << 48 | u64::from(remote.port()) << 32 | u64::from(number);
    let [a, b] = words(local.ip());
    let [c, d] = words(remote.ip());
    sip_hash(key, [a, b, c, d, ports, what])
}

fn words(addr: IpAddr) -> [u64; 2] {
    let bits = match addr {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    };
    [(bits >> 64) as u64, bits as u64]
}

/// SipHash-2-4 of whole words (Aumasson and Bernstein, 2012).
fn sip_hash<const N: usize>([low, high]: [u64; 2], message: [u64; N]) -> u64 {
    let mut v = [
        low ^ 0x736f_6d65_7073_6575,
        high ^ 0x646f_7261_6e64_6f6d,
        low ^ 0x6c79_6765_6e65_7261,
        high ^ 0x7465_6462_7974_6573,
    ];
    for word in message.into_iter().chain([(N as u64).wrapping_mul(8) << 56]) {
        v[3] ^= word;
        v = sip_round(sip_round(v));
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    let [a, b, c, d] = sip_round(sip_round(sip_round(sip_round(v))));
    a ^ b ^ c ^ d
}

fn sip_round([mut a, mut b, mut c, mut d]: [u64; 4]) -> [u64; 4] {
    a = a.wrapping_add(b);
    b = b.rotate_left(13) ^ a;
    a = a.rotate_left(32);
    c = c.wrapping_add(d);
    d = d.rotate_left(16) ^ c;
    a = a.wrapping_add(d);
    d = d.rotate_left(21) ^ a;
    c = c.wrapping_add(b);
    b = b.rotate_left(17) ^ c;
    c = c.rotate_left(32);
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_its_authors() {
        // Their test vectors for 0, 8 and 16 bytes: 00 01 02 …, under the key 00 01 … 0f.
        let key = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
        assert_eq!(sip_hash(key, []), 0x726f_db47_dd0e_0e31);
        assert_eq!(sip_hash(key, [key[0]]), 0x93f5_f579_9a93_2462);
        assert_eq!(sip_hash(key, key), 0x3f2a_cc7f_57c2_9bdb);
    }

    #[test]
    fn every_part_of_a_flow_counts() {
        let (local, remote) = (SocketAddr::from(([192, 0, 2, 1], 80)), SocketAddr::from(([192, 0, 2, 2], 80)));
        let port = |addr: SocketAddr| SocketAddr::new(addr.ip(), 81);
        let all = [
            of_flow([1, 2], local, remote, 3, 4),
            of_flow([2, 2], local, remote, 3, 4),
            of_flow([1, 1], local, remote, 3, 4),
            of_flow([1, 2], remote, local, 3, 4),
            of_flow([1, 2], port(local), remote, 3, 4),
            of_flow([1, 2], local, port(remote), 3, 4),
            of_flow([1, 2], local, local, 3, 4),
            of_flow([1, 2], local, remote, 4, 4),
            of_flow([1, 2], local, remote, 3, 3),
        ];
        for (i, number) in all.iter().enumerate() {
            assert!(!all[..i].contains(number), "{i}");
        }
    }
}
