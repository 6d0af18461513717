//! Do transfers over `smolsock link` end intact: kernel to us, us to kernel, kernel to kernel?

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use super::captures;
use super::process::{Folder, Running, SMOLSOCK, run, start, start_with};
use super::space::Space;
use super::tools::talked;

const BYTES: usize = 1 << 20;

pub fn transfers() {
    let folder = Folder::new("link");
    let bytes = folder.write("bytes", BYTES);
    // The kernel of `far` is 192.0.2.1. Here the kernel is 192.0.2.3 and we are 192.0.2.2, on one bridge.
    let far = Space::beside();
    let link = link(&folder, &far);
    bridge();
    let socat = |args: &[&str]| start("socat", &[&["-u"], args].concat());
    let input = || Stdio::from(std::fs::File::open(folder.at("bytes")).expect("a file"));
    let ours = ["--tap", "s0", "--ip", "192.0.2.2/24"];
    let (from, to) = (format!("OPEN:{}", folder.at("bytes")), format!("CREATE:{}", folder.at("got")));
    let arrives = |what: &str, began: Instant| {
        let rate = BYTES as f64 * 8e-6 / began.elapsed().as_secs_f64();
        assert!(folder.read("got") == bytes, "{what}: what came is not what was sent");
        println!("live:   {what}: 1 MiB in {:.1} s, {rate:.2} Mbit/s", began.elapsed().as_secs_f64());
    };

    let receiver = far.within(|| socat(&["TCP4-LISTEN:7001", &to]));
    far.within(|| wait_for_listener(7001));
    let began = Instant::now();
    socat(&[&from, "TCP4:192.0.2.1:7001"]).wait().succeeded();
    receiver.wait().succeeded();
    arrives("kernel to kernel", began);

    let receiver = far.within(|| socat(&["TCP4-LISTEN:7002", &to]));
    far.within(|| wait_for_listener(7002));
    let began = Instant::now();
    let sender = start_with(SMOLSOCK, &[&["connect", "192.0.2.1", "7002"], &ours[..]].concat(), input());
    receiver.wait().succeeded();
    arrives("us to kernel", began);
    sender.wait().succeeded();

    let capture = folder.at("us.pcapng");
    let receiver = start(SMOLSOCK, &[&["connect", "-l", "7003", "--pcap", &capture], &ours[..]].concat());
    let began = Instant::now();
    // It comes until we listen.
    far.within(|| socat(&[&from, "TCP4:192.0.2.2:7003,retry=100,interval=0.1"])).wait().succeeded();
    let received = receiver.wait().succeeded();
    std::fs::write(folder.at("got"), &received.out).expect("a file");
    arrives("kernel to us", began);

    let told = link.end().ended_with(130).said(" lost").said(" held back").text();
    told.lines().filter(|line| line.contains("->")).for_each(|line| println!("live:   {line}"));
    for file in ["out/a.pcapng", "out/b.pcapng", "us.pcapng"] {
        captures::check(Path::new(&folder.at(file)));
    }
    talked("socat");
}

fn link(folder: &Folder, far: &Space) -> Running {
    let b = format!("{}:b0", far.path());
    let bad = ["--loss", "1%", "--delay", "20ms", "--reorder", "1%", "--reorder-delay", "10ms", "--seed", "5"];
    let out = folder.at("out");
    let link = start(SMOLSOCK, &[&["link", "a0", &b, "--ip-b", "192.0.2.1/24", "--out", &out], &bad[..]].concat());
    link.wait_for("are linked");
    link
}

/// Our TAP, the near end of the link, and the kernel.
fn bridge() {
    run(SMOLSOCK, &["tap", "up", "s0"]).succeeded();
    for words in [
        "link add br0 type bridge",
        "link set s0 master br0",
        "link set a0 master br0",
        "addr add 192.0.2.3/24 dev br0",
        "link set br0 up",
    ] {
        run("ip", &words.split(' ').collect::<Vec<_>>()).succeeded();
    }
}

/// Until somebody listens at this port of the kernel of this thread: state 0A of /proc/net/tcp.
fn wait_for_listener(port: u16) {
    let wanted = format!("00000000:{port:04X} 00000000:0000 0A");
    for _ in 0..10_000 {
        let table = std::fs::read_to_string("/proc/thread-self/net/tcp").expect("the kernel's table");
        if table.contains(&wanted) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("nobody listens at port {port}");
}
