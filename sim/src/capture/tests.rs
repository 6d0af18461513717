//! Does a capture hold what happened, and can others read it?

use std::net::IpAddr;
use std::process::Command;
use std::time::Duration;

use pcap_file::DataLink;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
};
use pcap_file::pcapng::blocks::interface_statistics::InterfaceStatisticsOption;
use pcap_file::pcapng::blocks::name_resolution::Record;
use pcap_file::pcapng::blocks::opt_common::CommonOption;
use pcap_file::pcapng::blocks::section_header::SectionHeaderOption;
use pcap_file::pcapng::{Block, PcapNgReader};

use super::*;
use crate::frame::tests::udp;
use crate::frame::{IpVersion, Medium};
use crate::link::{Act, Cable, Direction, Fault, Impairments, Queue, When};
use crate::time::{Time, WALL_BASE};
use crate::trace::{Fate, FrameRecord, LinkName, Node, NodeKind, PacketId};

pub(super) const CLIENT: NodeId = NodeId(0);
pub(super) const SERVER: NodeId = NodeId(1);

pub(super) fn about() -> About {
    About { scenario: "faults".into(), seed: 7, replay: "smolsock run faults --seed 7".into() }
}

fn node(name: &str, addrs: &[&str], last: u8) -> Node {
    let addrs = addrs.iter().map(|addr| addr.parse::<IpAddr>().expect("an address")).collect();
    Node { name: name.into(), kind: NodeKind::Host { addrs, mac: Some([2, 0, 0, 0, 0, last]) } }
}

pub(super) fn empty(medium: Medium) -> Trace {
    let nodes = vec![
        node("client", &["192.0.2.1", "2001:db8::1"], 1),
        node("server", &["192.0.2.2", "2001:db8::2"], 2),
        Node { name: "s1".into(), kind: NodeKind::Switch },
    ];
    Trace { medium, nodes, frames: Vec::new() }
}

/// Seven frames from client to server, 100 ms apart, over a cable of 10 ms: 1 is dropped, 2 duplicated, 3 held back by
/// 320 ms (so that 4, 5 and 6 overtake), 4 corrupted at the end of its payload, and 5 everything but dropped.
pub(super) fn faults(medium: Medium, version: IpVersion) -> Trace {
    let mut trace = empty(medium);
    let mut cable = Cable::new("ab", medium, 7);
    let link = cable.link_mut(Direction::Forward);
    link.set_impairments(Impairments { delay_ns: 10_000_000, ..Impairments::default() }).expect("in range");
    let bytes = udp(medium, version);
    let corrupt = Act::Corrupt { byte: bytes.len() - 6, bit: 2, mend: false };
    let faults = [
        (1, Act::Drop),
        (2, Act::Duplicate),
        (3, Act::Delay(320_000_000)),
        (4, corrupt),
        (5, corrupt),
        (5, Act::Duplicate),
        (5, Act::Delay(1_500)),
    ];
    link.add_faults(faults.map(|(nth, act)| Fault { when: When::Frame(nth), act }).to_vec());
    for nth in 0..7 {
        let sent_at = Time::from_millis(100 * nth);
        let fate = link.send(sent_at, &bytes);
        trace.frames.push(record(CLIENT, SERVER, sent_at, nth, bytes.clone(), fate));
    }
    assert_eq!(cable.unfired().count(), 0);
    trace
}

fn record(from: NodeId, to: NodeId, sent_at: Time, nth: u64, bytes: Vec<u8>, fate: Fate) -> FrameRecord {
    FrameRecord { id: PacketId(1_000 + nth), sent_at, from, to, link: LinkName::from("ab"), nth, bytes, fate }
}

fn captured(trace: &Trace, vantage: NodeId) -> Vec<u8> {
    let mut file = Vec::new();
    write(trace, vantage, &about(), &mut file).expect("memory takes everything");
    file
}

/// The blocks of a file, as another program reads them.
fn blocks(file: &[u8]) -> Vec<Block<'static>> {
    let reader = PcapNgReader::new(file).expect("a pcapng file");
    reader.into_iter().collect::<Result<_, _>>().expect("blocks")
}

fn packets(file: &[u8]) -> Vec<EnhancedPacketBlock<'static>> {
    let packet = |block| if let Block::EnhancedPacket(packet) = block { Some(packet) } else { None };
    blocks(file).into_iter().filter_map(packet).collect()
}

fn interfaces(file: &[u8]) -> Vec<InterfaceDescriptionBlock<'static>> {
    let interface = |block| if let Block::InterfaceDescription(interface) = block { Some(interface) } else { None };
    blocks(file).into_iter().filter_map(interface).collect()
}

/// Since the start of the run.
fn at(packet: &EnhancedPacketBlock<'_>) -> Duration {
    packet.timestamp - WALL_BASE
}

fn flags(packet: &EnhancedPacketBlock<'_>) -> Option<u32> {
    packet.options.iter().find_map(|option| match option {
        EnhancedPacketOption::Flags(flags) => Some(*flags),
        _ => None,
    })
}

fn comments(packet: &EnhancedPacketBlock<'_>) -> Vec<String> {
    let comment = |option: &EnhancedPacketOption<'_>| match option {
        EnhancedPacketOption::Common(CommonOption::Comment(comment)) => Some(comment.clone().into_owned()),
        _ => None,
    };
    packet.options.iter().filter_map(comment).collect()
}

fn raw_option(packet: &EnhancedPacketBlock<'_>, code: u16) -> Option<Vec<u8>> {
    packet.options.iter().find_map(|option| match option {
        EnhancedPacketOption::Common(CommonOption::Unknown(option)) if option.code == code => {
            Some(option.value.to_vec())
        }
        _ => None,
    })
}

fn id(packet: &EnhancedPacketBlock<'_>) -> u64 {
    let value = raw_option(packet, 5).expect("every packet has an id");
    u64::from_le_bytes(value.try_into().expect("8 bytes"))
}

#[test]
fn the_senders_file_holds_every_frame_as_sent_and_its_fate() {
    let trace = faults(Medium::Ethernet, IpVersion::V4);
    let packets = packets(&captured(&trace, CLIENT));
    assert_eq!(packets.len(), 7);
    for (nth, packet) in (0..).zip(&packets) {
        assert_eq!(at(packet), Duration::from_millis(100 * nth));
        assert_eq!((packet.interface_id, flags(packet)), (0, Some(2)), "outbound");
        assert_eq!(packet.data, trace.frames[0].bytes);
        assert_eq!(packet.original_len as usize, trace.frames[0].bytes.len());
        assert_eq!(id(packet), 1_000 + nth);
    }
    let comments: Vec<_> = packets.iter().map(comments).collect();
    let byte = trace.frames[0].bytes.len() - 6;
    let corrupt = format!("[sim] CORRUPT byte {byte} bit 2");
    assert_eq!(comments[0], [""; 0]);
    assert_eq!(comments[1], ["[sim] DROP link=ab n=1 why=scripted"]);
    assert_eq!(comments[2], ["[sim] DUP copies=2"]);
    assert_eq!(comments[3], ["[sim] DELAY +320ms"]);
    assert_eq!(comments[4], [corrupt.as_str()]);
    assert_eq!(comments[5], ["[sim] DUP copies=2", "[sim] DELAY +1.5µs", corrupt.as_str()]);
}

#[test]
fn only_dropped_frames_have_the_verdict_of_a_drop() {
    let trace = faults(Medium::Ethernet, IpVersion::V4);
    let verdicts: Vec<_> = packets(&captured(&trace, CLIENT)).iter().map(|packet| raw_option(packet, 7)).collect();
    let xdp_drop = vec![2, 1, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(verdicts, [None, Some(xdp_drop), None, None, None, None, None]);
}

#[test]
fn the_receivers_file_holds_what_arrived_when_and_as_it_arrived() {
    let trace = faults(Medium::Ethernet, IpVersion::V4);
    let packets = packets(&captured(&trace, SERVER));
    let order: Vec<_> = packets.iter().map(|packet| (id(packet), at(packet).as_nanos() / 1_000)).collect();
    let expected = [
        (1_000, 10_000),
        (1_002, 210_000),
        (1_002, 210_000),
        (1_004, 410_000),
        (1_005, 510_001),
        (1_005, 510_001),
        (1_006, 610_000),
        (1_003, 630_000),
    ];
    assert_eq!(order, expected, "1 was lost, and 3 overtaken");
    let sent = &trace.frames[0].bytes;
    for (n, packet) in packets.iter().enumerate() {
        assert_eq!(flags(packet), Some(1), "inbound");
        assert_eq!(raw_option(packet, 7), None);
        let flipped: Vec<_> = (0..sent.len()).filter(|byte| packet.data[*byte] != sent[*byte]).collect();
        let corrupted: &[usize] = if [3, 4].contains(&n) { &[sent.len() - 6] } else { &[] };
        assert_eq!(flipped, corrupted, "packet {n}");
    }
    assert_eq!(comments(&packets[1]), [""; 0], "the original");
    assert_eq!(comments(&packets[2]), ["[sim] DUP copy=2"]);
    assert_eq!(comments(&packets[5]), ["[sim] DUP copy=2", "[sim] DELAY +1.5µs"]);
    assert_eq!(comments(&packets[7]), ["[sim] DELAY +320ms"]);
}

#[test]
fn a_corrupted_copy_is_named_by_its_number() {
    let mut trace = faults(Medium::Ethernet, IpVersion::V4);
    let fate = &mut trace.frames[5].fate;
    let corrupted = std::mem::take(&mut fate.copies[0].corrupted);
    fate.copies[1].corrupted = corrupted;
    let comment = comments(&packets(&captured(&trace, CLIENT))[5]).pop().expect("comments");
    assert!(comment.starts_with("[sim] CORRUPT byte ") && comment.ends_with(" bit 2 copy=2"), "{comment}");
}

#[test]
fn truncation_a_mended_flip_and_a_mark_are_told_at_both_ends() {
    let mut trace = empty(Medium::Ip);
    let mut cable = Cable::new("ab", Medium::Ip, 7);
    let link = cable.link_mut(Direction::Forward);
    let queue = Queue::CoDel { target_ns: 0, interval_ns: 0, frames: 9, ecn: true };
    link.set_impairments(Impairments { rate_bps: 1_000_000, queue, ..Impairments::default() }).expect("in range");
    let flip = Act::Corrupt { byte: 40, bit: 2, mend: true };
    let faults = [(0, Act::Truncate { len: 30 }), (1, flip)];
    link.add_faults(faults.map(|(nth, act)| Fault { when: When::Frame(nth), act }).to_vec());
    let mut bytes = udp(Medium::Ip, IpVersion::V4);
    bytes[1] |= 1;
    for nth in 0..5 {
        let fate = link.send(Time::ZERO, &bytes);
        trace.frames.push(record(CLIENT, SERVER, Time::ZERO, nth, bytes.clone(), fate));
    }
    while let Some(at) = link.next_turn() {
        for departure in link.take_turn(at) {
            trace.frames[departure.nth as usize].fate = departure.fate;
        }
    }
    for vantage in [CLIENT, SERVER] {
        let told: Vec<Vec<String>> = packets(&captured(&trace, vantage)).iter().map(comments).collect();
        assert_eq!(told[0], ["[sim] TRUNCATE to 30 bytes"]);
        assert_eq!(told[1], ["[sim] CORRUPT byte 40 bit 2, checksum mended"]);
        assert_eq!(told[2], ["[sim] ECN CE"], "{told:?}");
    }
}

#[test]
fn frames_of_one_time_stand_in_the_order_in_which_one_led_to_the_other() {
    // A handshake over a perfect cable: everything happens at time 0.
    let mut trace = empty(Medium::Ethernet);
    let bytes = udp(Medium::Ethernet, IpVersion::V4);
    for nth in 0..4 {
        let (from, to) = if nth % 2 == 0 { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
        let fate = Fate::arrives(vec![crate::trace::Arrival::intact(Time::ZERO)], 0);
        trace.frames.push(record(from, to, Time::ZERO, nth, bytes.clone(), fate));
    }
    for vantage in [CLIENT, SERVER] {
        let ids: Vec<_> = packets(&captured(&trace, vantage)).iter().map(id).collect();
        assert_eq!(ids, [1_000, 1_001, 1_002, 1_003]);
    }
    assert_eq!(packets(&captured(&trace, NodeId(2))).len(), 0, "nothing went through the switch");
}

#[test]
fn the_file_says_where_it_comes_from_and_how_to_get_it_again() {
    let file = captured(&empty(Medium::Ethernet), CLIENT);
    let reader = PcapNgReader::new(&file[..]).expect("a pcapng file");
    let section = reader.section();
    let comment = "scenario: faults\nseed: 7\nvantage: client\nreplay: smolsock run faults --seed 7";
    assert!(section.options.contains(&SectionHeaderOption::Common(CommonOption::Comment(comment.into()))));
    assert_eq!(section.options.len(), 4, "comment, hardware, system, application");
    let interface = &interfaces(&file)[0];
    assert_eq!(interface.linktype, DataLink::ETHERNET);
    assert_eq!(interface.ts_resolution(), InterfaceTsResolution::NANO);
    for option in [
        InterfaceDescriptionOption::IfName("client0".into()),
        InterfaceDescriptionOption::IfMacAddr(vec![2, 0, 0, 0, 0, 1].into()),
    ] {
        assert!(interface.options.contains(&option), "{option:?}");
    }
}

#[test]
fn hosts_have_names_for_all_their_addresses() {
    let mut trace = empty(Medium::Ethernet);
    trace.nodes.push(node("my host\0", &["192.0.2.2"], 3));
    let names = blocks(&captured(&trace, CLIENT)).into_iter().find_map(|block| match block {
        Block::NameResolution(names) => Some(names),
        _ => None,
    });
    let records = names.expect("a block of names").records.into_iter().map(|record| match record {
        Record::Ipv4(record) => (IpAddr::V4(record.ip_addr), record.names),
        Record::Ipv6(record) => (IpAddr::V6(record.ip_addr), record.names),
        record => panic!("{record:?}"),
    });
    let text: Vec<_> = records.map(|(addr, names)| format!("{addr} {}", names.join(" "))).collect();
    let expected = ["192.0.2.1 client", "192.0.2.2 server my-host-", "2001:db8::1 client", "2001:db8::2 server"];
    assert_eq!(text, expected);
}

#[test]
fn statistics_count_the_frames_of_each_interface() {
    let trace = faults(Medium::Ethernet, IpVersion::V4);
    let file = captured(&trace, SERVER);
    let Some(Block::InterfaceStatistics(statistics)) = blocks(&file).pop() else { panic!("not at the end") };
    assert_eq!(statistics.timestamp - WALL_BASE, Duration::from_millis(630));
    for option in [InterfaceStatisticsOption::IsbIfRecv(8), InterfaceStatisticsOption::IsbIfDrop(0)] {
        assert!(statistics.options.contains(&option), "{option:?}");
    }
}

#[test]
fn bare_packets_have_an_interface_for_each_version_that_occurs() {
    let v4 = faults(Medium::Ip, IpVersion::V4);
    let v6 = faults(Medium::Ip, IpVersion::V6);
    let mut both = v4.clone();
    both.frames.extend(v6.frames.clone());
    let links = |trace: &Trace| {
        let file = captured(trace, CLIENT);
        interfaces(&file).iter().map(|interface| interface.linktype).collect::<Vec<_>>()
    };
    assert_eq!(links(&v4), [DataLink::IPV4]);
    assert_eq!(links(&v6), [DataLink::IPV6]);
    assert_eq!(links(&both), [DataLink::IPV4, DataLink::IPV6]);
    assert_eq!(links(&empty(Medium::Ip)), [DataLink::IPV4]);
    for packet in packets(&captured(&both, CLIENT)) {
        assert_eq!(packet.data[0] >> 4, [4, 6][packet.interface_id as usize]);
    }
}

#[test]
fn the_same_trace_gives_the_same_bytes() {
    let trace = faults(Medium::Ethernet, IpVersion::V6);
    assert_eq!(captured(&trace, CLIENT), captured(&trace, CLIENT));
}

#[test]
fn an_unknown_vantage_is_refused() {
    let error = write(&empty(Medium::Ip), NodeId(9), &about(), Vec::new()).expect_err("there is none");
    assert_eq!(error.to_string(), "the trace has no node 9");
}

/// A directory of its own for one test, gone when the test is.
struct Dir(PathBuf);

impl Dir {
    fn new(test: &str) -> Dir {
        let path = std::env::temp_dir().join(format!("smolsock-capture-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).expect("a writable directory");
        Dir(path)
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("own directory");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name().into_string();
        let mut names: Vec<_> = entries.map(|entry| name(entry).expect("plain names")).collect();
        names.sort();
        names
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn files_are_named_after_nodes_and_nothing_else_is_left() {
    let dir = Dir::new("names");
    let trace = faults(Medium::Ethernet, IpVersion::V4);
    let below = dir.0.join("deep/er");
    let paths = write_files(&trace, &[SERVER, CLIENT], &about(), &below).expect("written");
    assert_eq!(paths, [below.join("server.pcapng"), below.join("client.pcapng")]);
    assert_eq!(fs::read(&paths[1]).expect("it is there"), captured(&trace, CLIENT));
    assert_eq!(fs::read_dir(&below).expect("it was made").count(), 2);
    write_files(&trace, &[SERVER, CLIENT], &about(), &below).expect("replaced");
}

#[test]
fn a_failure_names_the_file_and_leaves_what_was_there() {
    let dir = Dir::new("failure");
    let trace = faults(Medium::Ethernet, IpVersion::V4);
    let old = dir.0.join("client.pcapng");
    fs::write(&old, "old").expect("a writable directory");
    let long = About { replay: "x".repeat(70_000), ..about() };
    let error = write_files(&trace, &[CLIENT, SERVER], &long, &dir.0).expect_err("an option of 70,000 bytes");
    let text = error.to_string();
    assert!(text.starts_with(&format!("{}: ", old.display())) && text.contains("70"), "{text}");
    assert_eq!(dir.files(), ["client.pcapng"]);
    assert_eq!(fs::read(&old).expect("it is there"), b"old");
}

#[test]
fn a_capture_that_cannot_get_its_name_leaves_no_rest() {
    let dir = Dir::new("rename");
    fs::create_dir(dir.0.join("client.pcapng")).expect("a writable directory");
    let error = write_files(&empty(Medium::Ip), &[CLIENT], &about(), &dir.0).expect_err("a directory is in the way");
    assert_eq!(error.path, dir.0.join("client.pcapng"));
    assert_eq!(dir.files(), ["client.pcapng"]);
    let file = dir.0.join("file");
    fs::write(&file, "").expect("a writable directory");
    let error = write_files(&empty(Medium::Ip), &[CLIENT], &about(), &file).expect_err("not a directory");
    assert_eq!(error.path, file);
}

#[test]
fn names_that_would_leave_the_directory_or_collide_are_refused() {
    let dir = Dir::new("refused");
    let mut trace = empty(Medium::Ip);
    for name in ["../client", "a/b", "", ".hidden", "nul\0", "client0:"] {
        trace.nodes[0].name = name.into();
        let error = write_files(&trace, &[CLIENT], &about(), &dir.0).expect_err("no file name");
        assert!(error.to_string().contains(&format!("{name:?}")), "{error}");
    }
    trace.nodes[0].name = "server".into();
    let error = write_files(&trace, &[CLIENT, SERVER], &about(), &dir.0).expect_err("one name for two");
    assert!(error.to_string().ends_with("server.pcapng: two captures would have this name"), "{error}");
    assert!(dir.files().is_empty());
}

/// What tshark prints, line by line; `None`, said on standard error, where it is not installed.
#[expect(clippy::print_stderr, reason = "a skipped test says so by name")]
fn tshark(test: &str, args: &[&str]) -> Option<Vec<String>> {
    let output = match Command::new("tshark").args(args).output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("{test}: skipped: tshark: {error}");
            return None;
        }
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

#[test]
fn tshark_reads_comments_verdicts_ids_and_checksums() {
    const TEST: &str = "tshark_reads_comments_verdicts_ids_and_checksums";
    let dir = Dir::new("tshark");
    for (medium, version) in
        [(Medium::Ethernet, IpVersion::V4), (Medium::Ip, IpVersion::V4), (Medium::Ip, IpVersion::V6)]
    {
        let trace = faults(medium, version);
        let paths = write_files(&trace, &[CLIENT, SERVER], &about(), &dir.0).expect("written");
        let fields = "frame.packet_id frame.p2p_dir frame.verdict.ebpf_xdp udp.checksum.status frame.comment";
        let mut args = vec!["-o", "udp.check_checksum:TRUE", "-T", "fields", "-E", "separator=|"];
        args.extend(fields.split(' ').flat_map(|field| ["-e", field]));
        let lines = |path: &Path| {
            let path = path.to_str().expect("a plain path");
            tshark(TEST, &[&args[..], &["-r", path]].concat())
        };
        let (Some(client), Some(server)) = (lines(&paths[0]), lines(&paths[1])) else { return };
        let byte = trace.frames[0].bytes.len() - 6;
        // Direction 0 is sent, 1 received; checksum status 1 is good, 0 is bad.
        let expected = [
            "1000|0||1|".to_owned(),
            "1001|0|1|1|[sim] DROP link=ab n=1 why=scripted".to_owned(),
            "1002|0||1|[sim] DUP copies=2".to_owned(),
            "1003|0||1|[sim] DELAY +320ms".to_owned(),
            format!("1004|0||1|[sim] CORRUPT byte {byte} bit 2"),
            format!("1005|0||1|[sim] DUP copies=2,[sim] DELAY +1.5µs,[sim] CORRUPT byte {byte} bit 2"),
            "1006|0||1|".to_owned(),
        ];
        assert_eq!(client, expected);
        let bad: Vec<_> = server.iter().filter(|line| line.contains("||0|")).collect();
        assert_eq!(bad.len(), 2, "{server:?}");
        assert!(bad.iter().all(|line| line.contains("CORRUPT")), "{bad:?}");
        assert!(server.iter().all(|line| line[5..].starts_with("1|")), "{server:?}");
    }
}
