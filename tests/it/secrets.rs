//! Does anything tell a host's seed?

use smolsock::time::Duration;
use smolsock::{Config, Seed, Stack, Step};

use crate::pair::{ETHERNET, Pair, recv};

/// Bytes that are found again in whatever form they are printed.
const SECRET: [u8; 16] =
    [0xc5, 0xe1, 0x8a, 0xb7, 0xd3, 0x96, 0xf2, 0xa9, 0xe7, 0xbc, 0x8d, 0xf5, 0x9b, 0xc3, 0xd9, 0xae];

fn secretive(config: &mut Config) {
    config.seed = Seed::new(SECRET).expect("not zero");
}

/// Whether a text has two bytes of it beside each other: in hexadecimal, in decimal, or in a number of 64 bits.
fn tells(text: &str) -> bool {
    let text = text.to_lowercase();
    let pairs = SECRET.windows(2).flat_map(|pair| {
        let [a, b] = [pair[0], pair[1]];
        [format!("{a:02x}{b:02x}"), format!("{a:02x}, {b:02x}"), format!("{a}, {b}"), format!("{a},\n        {b}")]
    });
    let words = SECRET.chunks_exact(8).flat_map(|half| {
        let half = half.try_into().expect("8 bytes");
        [u64::from_be_bytes(half).to_string(), u64::from_le_bytes(half).to_string()]
    });
    pairs.chain(words).any(|form| text.contains(&form))
}

#[test]
fn a_seed_is_found_where_it_is_told() {
    assert!(tells(&format!("{SECRET:?}")) && tells(&format!("{SECRET:#?}").replace("    ", "        ")));
    assert!(tells(&format!("{SECRET:x?}")));
    assert!(!tells("Seed(..)"));
}

#[test]
fn no_view_no_error_and_no_debug_output_tells_the_seed() {
    let mut pair = Pair::tuned(ETHERNET, secretive);
    let (client, server) = pair.connection(ETHERNET);
    pair.a.send(client, b"hello").expect("room");
    pair.settle();
    assert_eq!(recv(&mut pair.b, server, 9), Ok(b"hello".to_vec()));
    let mut config = ETHERNET.config(1);
    secretive(&mut config);
    let refused = Stack::new(config.clone().gateway("198.51.100.1".parse().expect("good")), &ETHERNET.nic());
    let texts = [
        format!("{config:?}{config:#?}{:?}{:#?}", config.seed, config.seed),
        format!("{:?}{:#?}", pair.a, pair.a),
        format!("{}{}", pair.a.netstat(), pair.a.arp()),
        format!("{:?}{:?}", pair.a.counters(), pair.a.holdings()),
        refused.map(|_| ()).map_err(|error| format!("{error}{error:?}")).expect_err("it lies outside"),
    ];
    for text in texts {
        assert!(!tells(&text), "{text}");
    }
}

/// What somebody on the wire sees of it are the numbers that come of it, and no four bytes of it.
#[test]
fn no_frame_carries_the_seed() {
    let mut pair = Pair::tuned(ETHERNET, secretive);
    let client = pair.a_connects(ETHERNET, 80);
    let udp = pair.a.socket(ETHERNET.domain, smolsock::Type::Datagram).expect("room");
    pair.a.send_to(udp, &[0; 4_000], ETHERNET.b(7)).expect("room");
    pair.run_for(Duration::from_secs(5));
    assert!(pair.a.tcp_state(client).is_ok() && pair.seen.len() > 5);
    let _: Step = pair.a.step(pair.now(), &mut ETHERNET.nic());
    for seen in &pair.seen {
        let has_some = |word: &[u8]| seen.bytes.windows(4).any(|bytes| bytes == word);
        assert!(!SECRET.windows(4).any(has_some), "{seen:?}");
    }
}
