//! Does a port scanner find what is there, and is everything still there afterwards?

use super::process::{Folder, run, serve};
use super::tools::talked;

pub fn nmap() {
    let scan =
        |args: &[&str]| run("nmap", &[&["-n", "-Pn", "--reason"], args, &["192.0.2.2"][..]].concat()).succeeded();
    let folder = Folder::new("nmap");
    std::fs::write(folder.at("file"), "still there").expect("a file");
    let still_there = || {
        let url = "http://192.0.2.2/file";
        run("curl", &["--disable", "--silent", "--noproxy", "*", "--max-time", "100", url])
            .succeeded()
            .said("still there");
    };
    let server = serve(&["http", "--root", &folder.at("")]);
    scan(&["-sS", "-p", "79-81"]).said("80/tcp open   http").said("79/tcp closed").said("81/tcp closed").said("reset");
    still_there();
    // Segments with flags that make no sense, and all ports of a protocol.
    for kind in ["-sN", "-sX", "-sF", "-sA"] {
        scan(&[kind, "-p", "79-81"]);
    }
    scan(&["-sS", "-p", "1-2000", "-T5"]).said("80/tcp open");
    still_there();
    server.end().ended_with(130);
    let server = serve(&["echo"]);
    scan(&["-sU", "-p", "7,8", "-T4"]).said("7/udp open   echo").said("8/udp closed").said("port-unreach");
    scan(&["-sS", "-p", "7"]).said("7/tcp open");
    server.end().ended_with(130);
    talked("nmap");
}
