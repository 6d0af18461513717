//! Is what we capture what passed, and does Wireshark read it without complaint?

use std::collections::BTreeMap;
use std::path::Path;

use super::process::{Folder, SMOLSOCK, run, serve, start};
use super::tools::talked;
use super::tshark;

/// No frame is malformed, has a bad checksum, or is called an error.
pub fn check(path: &Path) -> Vec<tshark::Frame> {
    let frames = tshark::frames(path);
    assert!(!frames.is_empty(), "{}: no frame", path.display());
    for frame in &frames {
        let is_good = !frame.is_malformed && !frame.has_bad_checksum && frame.severity < tshark::ERROR;
        assert!(is_good, "{}: {frame:?}", path.display());
    }
    frames
}

pub fn tcpdump() {
    if super::space::is_of_a_user() {
        // It insists on becoming another user, and there is none.
        return super::tools::pass_over("tcpdump does not run as the root of a user namespace");
    }
    let folder = Folder::new("tcpdump");
    folder.write("file", 500_000);
    let (ours, theirs) = (folder.at("ours.pcapng"), folder.at("theirs.pcap"));
    // Kernels speak of themselves over IPv6 as soon as an interface is there; that is not asked here.
    let _ = std::fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
    let _ = std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
    run(SMOLSOCK, &["tap", "up", "tap0", "--ip", "192.0.2.1/24"]).succeeded();
    let tcpdump =
        start("tcpdump", &["-i", "tap0", "-n", "-U", "-Z", "root", "--immediate-mode", "-B", "65536", "-w", &theirs]);
    tcpdump.wait_for("listening on tap0");
    let server = serve(&["http", "--root", &folder.at(""), "--pcap", &ours]);
    let url = "http://192.0.2.2/file";
    let get = run("curl", &["--disable", "--silent", "--noproxy", "*", "--max-time", "100", url]).succeeded();
    assert!(get.out == folder.read("file"));
    server.end().ended_with(130);
    let dropped = tcpdump.end().err;
    assert!(dropped.contains("\n0 packets dropped by kernel"), "{dropped}");
    check(Path::new(&ours));
    let (ours, theirs) = (frames(&ours), frames(&theirs));
    assert!(ours.values().sum::<usize>() > 300, "{}", ours.len());
    let differing: Vec<_> = ours.iter().filter(|(frame, count)| theirs.get(*frame) != Some(count)).collect();
    assert!(differing.is_empty(), "only in ours: {differing:?}");
    assert_eq!(
        ours.len(),
        theirs.len(),
        "only in theirs: {:?}",
        theirs.keys().find(|frame| !ours.contains_key(*frame))
    );
    talked("tcpdump");
}

pub fn pipe() {
    let script =
        "$0 lab --delay 2ms --loss 0% --pcap - 2>$1 | tshark -n -l -r - -Y http.request -T fields -e http.request.uri";
    let folder = Folder::new("pipe");
    let read = run("sh", &["-c", script, SMOLSOCK, &folder.at("text")]).succeeded();
    assert_eq!(read.text(), "/\n/256KiB\n");
    let text = String::from_utf8(folder.read("text")).expect("text");
    assert!(text.contains("as they were sent") && !text.contains("Capture:"), "{text}");
}

/// How often each frame is in the file, by its digest and length.
fn frames(path: &str) -> BTreeMap<String, usize> {
    let fields = ["-T", "fields", "-e", "frame.md5_hash", "-e", "frame.len", "-o", "frame.generate_md5_hash:TRUE"];
    let text = run("tshark", &[&["-n", "-r", path], &fields[..]].concat()).succeeded().text();
    let mut frames = BTreeMap::new();
    for line in text.lines() {
        *frames.entry(line.to_owned()).or_insert(0) += 1;
    }
    frames
}
