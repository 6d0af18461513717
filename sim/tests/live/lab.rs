//! Does `smolsock lab` show what it says?

use std::path::Path;

use super::captures;
use super::process::{Folder, SMOLSOCK, run};
use super::tools::talked;

pub fn a_page_through_a_lossy_cable() {
    let folder = Folder::new("lab");
    let capture = folder.at("lab.pcapng");
    let lab = run(SMOLSOCK, &["lab", "--loss", "5%", "--delay", "5ms", "--seed", "7", "--pcap", &capture]).succeeded();
    let text = lab.said("loses 5% and delays 5ms each way").said("Hello from a TCP of its own").said(" lost").text();
    assert_eq!(text.matches(", as they were sent").count(), 2, "{text}");
    let frames = captures::check(Path::new(&capture));
    assert!(frames.iter().any(|frame| frame.says("[sim] DROP") && frame.has_drop_verdict), "no loss in the capture");
    talked("curl");
}

pub fn reverse() {
    let folder = Folder::new("reverse");
    let capture = folder.at("lab.pcapng");
    let lab = run(SMOLSOCK, &["lab", "--reverse", "--pcap", &capture]).succeeded();
    let text = lab.said("smolsock GET http://192.0.2.1:8080/256KiB").text();
    assert_eq!(text.matches(", as they were sent").count(), 2, "{text}");
}

pub fn command() {
    let folder = Folder::new("command");
    std::fs::write(folder.at("hello.txt"), "hello from a folder").expect("a file");
    let capture = folder.at("lab.pcapng");
    let lab = ["lab", "--root", &folder.at(""), "--pcap", &capture, "--delay", "1ms", "--"];
    let script = "curl -s http://$SMOLSOCK_IP/hello.txt; exit 7";
    run(SMOLSOCK, &[&lab, &["sh", "-c", script][..]].concat()).ended_with(7).said("hello from a folder");
    run(SMOLSOCK, &[&lab, &["no-such-program"][..]].concat()).ended_with(2).said("cannot run no-such-program");
}
