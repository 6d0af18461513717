//! Are the captures of the built-in scenarios what happened?

use std::collections::BTreeMap;

use smolsock_sim::app::pattern::pattern;
use smolsock_sim::library::{self, Run};
use smolsock_sim::observe::observe;
use smolsock_sim::trace::{NodeKind, Trace};

use super::tshark::{self, ERROR, Frame};
use super::{play, write};

/// A test for each scenario, and a list of them all.
macro_rules! judged {
    ($($test:ident $name:literal),+ $(,)?) => {
        $(
            #[test]
            fn $test() {
                if tshark::is_there(concat!(module_path!(), "::", stringify!($test))) {
                    judge($name);
                }
            }
        )+
        const JUDGED: &[&str] = &[$($name),+];
    };
}

judged! {
    tshark_believes_the_tour "tour",
    tshark_believes_udp_echo "udp-echo",
    tshark_believes_tcp_echo "tcp-echo",
    tshark_believes_the_handshake "handshake",
    tshark_believes_syn_lost "syn-lost",
    tshark_believes_refused "refused",
    tshark_believes_windowing "windowing",
    tshark_believes_the_figure "figure",
    tshark_believes_the_natural_figure "figure-natural",
    tshark_believes_teardown "teardown",
    tshark_believes_half_close "half-close",
    tshark_believes_simultaneous_close "simultaneous-close",
    tshark_believes_concurrent "concurrent",
    tshark_believes_lossy_transfer "lossy-transfer",
}

#[test]
fn every_scenario_is_judged() {
    let all: Vec<&str> = library::all().iter().map(|entry| entry.name).collect();
    assert_eq!(all, JUDGED);
}

/// A dissector that takes the test bytes for its own protocol marks them as malformed, sooner or later.
#[test]
fn wireshark_takes_no_bytes_for_a_protocol_that_they_are_not() {
    if !tshark::is_there("captures::scenarios::wireshark_takes_no_bytes_for_a_protocol_that_they_are_not") {
        return;
    }
    let known = ["eth", "ethertype", "arp", "ip", "icmp", "udp", "tcp", "echo", "data"];
    for name in JUDGED {
        let run = play(name);
        // A folder of its own: the files of the other tests may be read at this moment.
        for path in write(&run.trace, &run.vantages[..1], &format!("{name}-protocols")) {
            for frame in tshark::frames(&path) {
                let stranger = frame.protocols.iter().find(|protocol| !known.contains(&protocol.as_str()));
                assert_eq!(stranger, None, "{}: frame {}", path.display(), frame.number);
            }
        }
    }
}

fn judge(name: &str) {
    let run = play(name);
    let paths = write(&run.trace, &run.vantages, name);
    let files: Vec<Vec<Frame>> = paths.iter().map(|path| tshark::frames(path)).collect();
    for (frames, vantage) in files.iter().zip(&run.vantages) {
        assert!(!frames.is_empty());
        for frame in frames {
            let is_good = !frame.is_malformed && !frame.has_bad_checksum && frame.severity < ERROR;
            assert!(is_good, "{name}: {frame:?}");
        }
        check_directions(&run.trace, vantage.0, frames);
        check_drops(&run.trace, vantage.0, frames);
    }
    check_ids(&run, &files);
    for path in &paths {
        check_streams(name, &run, path);
    }
}

/// Outbound is what has the own source address, and nothing else.
fn check_directions(trace: &Trace, vantage: usize, frames: &[Frame]) {
    let NodeKind::Host { mac, addrs } = &trace.nodes[vantage].kind else { panic!("a host") };
    let own = match mac {
        Some(mac) => mac.map(|byte| format!("{byte:02x}")).join(":"),
        None => addrs[0].to_string(),
    };
    for frame in frames {
        assert_eq!(frame.is_outbound, frame.sources[0] == own, "{frame:?}");
    }
}

/// Every frame that this node sent and the network dropped has a comment and a verdict, and no other has.
fn check_drops(trace: &Trace, vantage: usize, frames: &[Frame]) {
    let dropped = |id: u64| {
        let sent = trace.frames.iter().find(|frame| frame.id.0 == id && frame.from.0 == vantage);
        sent.is_some_and(|frame| frame.fate.drop.is_some())
    };
    for frame in frames {
        assert_eq!(frame.has_drop_verdict, dropped(frame.packet_id), "{frame:?}");
        assert_eq!(frame.says("[sim] DROP"), frame.has_drop_verdict, "{frame:?}");
    }
    let sent = |frame: &&smolsock_sim::trace::FrameRecord| frame.from.0 == vantage;
    let arrived = trace.frames.iter().filter(|frame| frame.to.0 == vantage).map(|frame| frame.fate.copies.len());
    assert_eq!(frames.len(), trace.frames.iter().filter(sent).count() + arrived.sum::<usize>());
}

/// A frame that is in both files has one number there, and one content. Between two hosts on one cable, what one sent
/// is what the other got.
fn check_ids(run: &Run, files: &[Vec<Frame>]) {
    let [first, second] = files else { panic!("two vantages") };
    let is_direct = run.trace.nodes.len() == 2;
    for (sender, receiver) in [(first, second), (second, first)] {
        let mut got: BTreeMap<u64, Vec<&Frame>> = BTreeMap::new();
        for frame in receiver.iter().filter(|frame| !frame.is_outbound) {
            got.entry(frame.packet_id).or_default().push(frame);
        }
        for sent in sender.iter().filter(|frame| frame.is_outbound) {
            let copies = got.remove(&sent.packet_id).unwrap_or_default();
            assert!(copies.iter().all(|copy| copy.md5 == sent.md5), "{sent:?} became {copies:?}");
            if is_direct {
                assert_eq!(copies.is_empty(), sent.has_drop_verdict, "{sent:?} became {copies:?}");
            }
        }
        assert!(!is_direct || got.is_empty(), "arrived, but never sent: {got:?}");
    }
}

/// What `tshark` follows is what the applications sent, whatever the network did in between.
fn check_streams(name: &str, run: &Run, path: &std::path::Path) {
    let whole: Vec<_> = observe(&run.trace).connections;
    let is_server = path.ends_with("server.pcapng");
    if name == "concurrent" && !is_server {
        return;
    }
    let mut followed: Vec<(Vec<u8>, Vec<u8>)> =
        tshark::streams(path, whole.len()).into_iter().map(|(_, client, server)| (client, server)).collect();
    let mut said = said(name);
    followed.sort();
    said.sort();
    assert_eq!(followed.len(), said.len());
    for ((client, server), (client_said, server_said)) in followed.iter().zip(&said) {
        assert!(client == client_said, "{name}: {} bytes of the client's {}", client.len(), client_said.len());
        assert!(server == server_said, "{name}: {} bytes of the server's {}", server.len(), server_said.len());
    }
}

/// What client and server say in each connection of a scenario.
fn said(name: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let nothing = Vec::new;
    match name {
        "udp-echo" => vec![],
        "handshake" | "syn-lost" | "refused" | "simultaneous-close" => vec![(nothing(), nothing())],
        "tcp-echo" => vec![(pattern(1, 1_500), pattern(1, 1_500))],
        "figure" | "figure-natural" => vec![(pattern(1, 8 * 1_024), nothing())],
        "windowing" => vec![(pattern(1, 16 * 1_024), nothing())],
        "teardown" => vec![(b"exit".to_vec(), nothing()), (nothing(), nothing())],
        "half-close" => vec![(pattern(1, 3_000), pattern(2, 6_000))],
        "tour" => vec![(pattern(1, 20_000), pattern(2, 2_000))],
        "lossy-transfer" => vec![(pattern(1, 1 << 20), nothing())],
        "concurrent" => (1..=128).map(|client| pattern(client, 4_000)).map(|said| (said.clone(), said)).collect(),
        other => panic!("what do the applications of {other} say?"),
    }
}
