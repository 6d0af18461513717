//! Does curl get files from our stack?

use std::path::Path;

use super::captures;
use super::process::{Ended, Folder, Running, SMOLSOCK, run, serve, start};
use super::tools::talked;

/// Neither settings nor proxies of the user.
fn curl(args: &[&str]) -> Ended {
    let own = ["--disable", "--silent", "--show-error", "--noproxy", "*", "--max-time", "200"];
    run("curl", &[&own, args].concat())
}

fn server(folder: &Folder) -> Running {
    serve(&["http", "--root", &folder.at("")])
}

pub fn files() {
    let folder = Folder::new("files");
    let bytes = folder.write("a b.bin", 100_000);
    let server = server(&folder);
    let get = curl(&["--fail", "http://192.0.2.2/a%20b.bin"]).succeeded();
    assert!(get.out == bytes);
    let part = curl(&["--fail", "--range", "70000-70999", "http://192.0.2.2/a%20b.bin"]).succeeded();
    assert!(part.out == bytes[70_000..71_000]);
    curl(&["--head", "http://192.0.2.2/a%20b.bin"]).succeeded().said("Content-Length: 100000");
    curl(&["http://192.0.2.2/"]).succeeded().said("<a href=\"./a%20b.bin\">");
    curl(&["--fail", "http://192.0.2.2/missing"]).ended_with(22);
    curl(&["--data", "x=1", "http://192.0.2.2/"]).succeeded().said("501 Not Implemented");
    let end = server.end().ended_with(130);
    end.said("GET /a%20b.bin 200 OK 100000 bytes")
        .said("GET /missing 404 Not Found")
        .said("206 Partial Content 1000 bytes");
    talked("curl");
}

pub fn download() {
    let folder = Folder::new("download");
    folder.write("50MiB", 50 << 20);
    let server = server(&folder);
    curl(&["--fail", "--output", &folder.at("got"), "http://192.0.2.2/50MiB"]).succeeded();
    let sums = run("sha256sum", &[&folder.at("50MiB"), &folder.at("got")]).succeeded().text();
    let sums: Vec<&str> = sums.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(sums.len() == 2 && sums[0] == sums[1], "{sums:?}");
    server.end().ended_with(130);
    talked("curl");
}

pub fn many() {
    let folder = Folder::new("many");
    let files: Vec<Vec<u8>> = (0..100).map(|n| folder.write(&format!("f{n}"), 1_000 + 300 * n)).collect();
    let server = server(&folder);
    let output = folder.at("got#1");
    let url = "http://192.0.2.2/f[0-99]";
    curl(&["--fail", "--parallel", "--parallel-max", "40", "--output", &output, url]).succeeded();
    for (n, bytes) in files.iter().enumerate() {
        assert!(folder.read(&format!("got{n}")) == *bytes, "file {n}");
    }
    server.end().ended_with(130);
    talked("curl");
}

pub fn other_interfaces() {
    let folder = Folder::new("other");
    let bytes = folder.write("file", 200_000);
    let root = folder.at("");
    let both = ["--ip", "2001:db8::2/64", "--kernel-ip", "2001:db8::1/64"];
    let server = serve(&[&["http", "--root", &root], &both[..]].concat());
    for url in ["http://[2001:db8::2]/file", "http://192.0.2.2/file"] {
        assert!(curl(&["--fail", "--globoff", url]).succeeded().out == bytes, "{url}");
    }
    server.end().ended_with(130);
    let capture = folder.at("tun.pcapng");
    let mut tun = vec!["serve", "http", "--root", &root, "--tun", "tun0", "--pcap", &capture];
    tun.extend(["--ip", "198.18.0.2/24", "--kernel-ip", "198.18.0.1/24"]);
    let server = start(SMOLSOCK, &tun);
    server.wait_for("Ctrl-C ends it");
    assert!(curl(&["--fail", "http://198.18.0.2/file"]).succeeded().out == bytes);
    server.end().ended_with(130);
    let frames = captures::check(Path::new(&capture));
    assert!(frames.iter().all(|frame| !frame.protocols.contains(&"eth".to_owned())), "bare IP packets");
    talked("curl");
}

pub fn outside() {
    let folder = Folder::new("outside");
    std::fs::create_dir(folder.at("root")).expect("a folder");
    std::fs::write(folder.at("secret"), "secret").expect("a file");
    std::os::unix::fs::symlink(folder.at("secret"), folder.at("root/link")).expect("a link");
    let server = serve(&["http", "--root", &folder.at("root")]);
    for path in ["../secret", "%2e%2e/secret", "..%2fsecret", "link", "%2fetc/passwd", "%00"] {
        let get = curl(&["--path-as-is", &format!("http://192.0.2.2/{path}")]).succeeded().text();
        assert!(get.starts_with("403 ") || get.starts_with("400 "), "{path}: {get}");
    }
    server.end().ended_with(130);
}
