//! What does `tshark` say about a file?

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Whether there is a `tshark`. If not, says that `test` was skipped.
///
/// # Panics
/// There is none, and `SMOLSOCK_REQUIRE_TOOLS` is set.
pub fn is_there(test: &str) -> bool {
    let version = Command::new("tshark").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if version.is_ok_and(|status| status.success()) {
        return true;
    }
    let says_so = format!("skipped: {test}: tshark is not installed");
    assert!(std::env::var_os("SMOLSOCK_REQUIRE_TOOLS").is_none(), "{says_so}, and SMOLSOCK_REQUIRE_TOOLS is set");
    // Not the macro: the test harness would keep it to itself.
    let _ = writeln!(std::io::stderr(), "{says_so}");
    false
}

/// One frame of a capture, as `tshark` understands it.
#[derive(Debug, Clone)]
pub struct Frame {
    pub number: u64,
    pub packet_id: u64,
    pub is_outbound: bool,
    pub comments: Vec<String>,
    /// `frame.verdict.ebpf_xdp` is there: the network dropped it.
    pub has_drop_verdict: bool,
    pub has_bad_checksum: bool,
    pub is_malformed: bool,
    /// Of the worst remark that its dissectors make.
    pub severity: u32,
    pub md5: String,
    /// Source addresses, of the frame and of the packet.
    pub sources: Vec<String>,
    /// From the outside in: `eth`, `ethertype`, `ip`, `tcp` …
    pub protocols: Vec<String>,
}

/// Severity of what Wireshark calls an error.
pub const ERROR: u32 = 0x0080_0000;

impl Frame {
    pub fn says(&self, what: &str) -> bool {
        self.comments.iter().any(|comment| comment.contains(what))
    }
}

/// All frames of a file, all checksums checked.
pub fn frames(path: &Path) -> Vec<Frame> {
    let mut arguments = vec!["-T", "fields", "-E", "separator=\u{1f}", "-E", "aggregator=\u{1e}", "-E", "occurrence=a"];
    arguments.extend(["-o", "frame.generate_md5_hash:TRUE"]);
    for field in FIELDS {
        arguments.extend(["-e", field]);
    }
    run(path, &arguments).lines().map(frame).collect()
}

const FIELDS: [&str; 18] = [
    "frame.number",
    "frame.packet_id",
    "frame.packet_flags_direction",
    "frame.verdict.ebpf_xdp",
    "_ws.malformed",
    "_ws.expert.severity",
    "frame.md5_hash",
    "frame.comment",
    "ip.checksum.status",
    "tcp.checksum.status",
    "udp.checksum.status",
    "icmp.checksum.status",
    "icmpv6.checksum.status",
    "igmp.checksum.status",
    "eth.src",
    "ip.src",
    "ipv6.src",
    "frame.protocols",
];

fn frame(line: &str) -> Frame {
    let fields: Vec<&str> = line.split('\u{1f}').collect();
    assert_eq!(fields.len(), FIELDS.len(), "{line:?}");
    let several = |at: usize| fields[at].split('\u{1e}').filter(|value| !value.is_empty()).map(str::to_owned);
    let number = |at: usize| fields[at].parse().unwrap_or_else(|_| panic!("{}: {:?}", FIELDS[at], fields[at]));
    Frame {
        number: number(0),
        packet_id: number(1),
        is_outbound: match fields[2] {
            "0x00000001" | "1" => false,
            "0x00000002" | "2" => true,
            other => panic!("a frame without direction: {other:?}"),
        },
        has_drop_verdict: !fields[3].is_empty(),
        is_malformed: !fields[4].is_empty(),
        severity: several(5).filter_map(|value| value.parse().ok()).max().unwrap_or(0),
        md5: fields[6].to_owned(),
        comments: several(7).collect(),
        // 0: bad, 1: good, 2: not verified.
        has_bad_checksum: (8..=13).any(|at| several(at).any(|status| status == "0")),
        sources: (14..17).flat_map(several).collect(),
        protocols: fields[17].split(':').map(str::to_owned).collect(),
    }
}

/// What both sides of each TCP stream of a file said: the first to speak (the client), and what each sent.
pub fn streams(path: &Path, count: usize) -> Vec<(SocketAddr, Vec<u8>, Vec<u8>)> {
    let mut arguments = vec!["-q".to_owned()];
    for number in 0..count {
        arguments.extend(["-z".to_owned(), format!("follow,tcp,raw,{number}")]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let text = run(path, &arguments);
    let mut streams = BTreeMap::new();
    for section in text.split("Follow: tcp,raw").skip(1) {
        let mut number = 0;
        let mut stream = (None, Vec::new(), Vec::new());
        for line in section.lines() {
            if let Some(text) = line.strip_prefix("Filter: tcp.stream eq ") {
                number = text.trim().parse::<usize>().expect("a number");
            } else if let Some(text) = line.strip_prefix("Node 0: ") {
                stream.0 = text.trim().parse::<SocketAddr>().ok();
            } else if let Some(hex) = line.strip_prefix('\t') {
                stream.2.extend(bytes(hex));
            } else if !line.contains([':', '=']) {
                stream.1.extend(bytes(line));
            }
        }
        let client = stream.0.unwrap_or_else(|| panic!("{}: no stream {number}", path.display()));
        streams.insert(number, (client, stream.1, stream.2));
    }
    streams.into_values().collect()
}

/// The TCP segments of a file, in the words of `capture::segments`, as far as MSS is their only option.
pub fn segments(path: &Path) -> Vec<String> {
    let fields =
        ["tcp.flags.syn", "tcp.flags.fin", "tcp.flags.ack", "tcp.flags.reset", "tcp.seq", "tcp.len", "tcp.ack"];
    let fields = fields.into_iter().chain(["tcp.window_size_value", "tcp.options.mss_val", "tcp.option_len"]);
    let mut arguments = vec!["-o", "tcp.relative_sequence_numbers:FALSE", "-T", "fields"];
    arguments.extend(fields.flat_map(|field| ["-e", field]));
    run(path, &arguments).lines().map(segment).collect()
}

fn segment(line: &str) -> String {
    let fields: Vec<&str> = line.split('\t').collect();
    let [syn, fin, ack, rst, seq, len, acknowledged, window, mss, lengths] = fields[..] else { panic!("{line:?}") };
    let is_set = |field: &str| field == "1" || field == "True";
    let mut text = String::new();
    for (flag, name) in [(syn, "SYN "), (fin, "FIN "), (rst, "RST ")] {
        text += if is_set(flag) { name } else { "" };
    }
    if len != "0" || is_set(syn) || is_set(fin) || is_set(rst) {
        text += &format!("{seq}({len}) ");
    }
    if is_set(ack) {
        text += &format!("ack {acknowledged} ");
    }
    text += &format!("win {window}");
    if !mss.is_empty() {
        assert_eq!(lengths, "4", "MSS is the only option: {line:?}");
        text += &format!(" <mss {mss}>");
    }
    text
}

/// What the analysis of TCP found in a file: each `tcp.analysis.…` that is more than a number, once.
pub fn analysis(path: &Path) -> Vec<String> {
    let flags =
        ["ack_lost_segment", "duplicate_ack", "fast_retransmission", "keep_alive", "lost_segment", "out_of_order"];
    let more = ["retransmission", "reused_ports", "spurious_retransmission", "window_full", "window_update"];
    let last = ["zero_window", "zero_window_probe", "zero_window_probe_ack"];
    let flags: Vec<String> =
        flags.into_iter().chain(more).chain(last).map(|flag| format!("tcp.analysis.{flag}")).collect();
    let is_there = |flag: &&String| !run(path, &["-Y", flag.as_str()]).trim().is_empty();
    flags.iter().filter(is_there).cloned().collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digit =
        |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap_or_else(|_| panic!("not hexadecimal: {hex}"));
    (0..hex.trim_end().len() / 2).map(|at| digit(2 * at)).collect()
}

/// Runs `tshark` on a file, with everything checked that it can check. Its failure is the test's.
fn run(path: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(path);
    for protocol in ["ip", "tcp", "udp"] {
        command.arg("-o").arg(format!("{protocol}.check_checksum:TRUE"));
    }
    let Output { status, stdout, stderr } = command.args(arguments).output().expect("tshark runs");
    assert!(status.success(), "{}: {status}: {}", path.display(), String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("text")
}
