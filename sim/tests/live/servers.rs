//! Does the command end well, tell who is connected, and keep its bounds?

use std::fs::Permissions;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::Duration;

use super::process::{Folder, SMOLSOCK, TAP, run, serve, start};

fn client(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("192.0.2.2", port)).expect("a server");
    stream.set_read_timeout(Some(Duration::from_secs(100))).expect("a time");
    stream
}

fn echo(stream: &mut TcpStream) {
    stream.write_all(b"hello").expect("a connection");
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"hello");
}

pub fn goodbye() {
    let server = serve(&["echo"]);
    let mut clients: Vec<TcpStream> = (0..20).map(|_| client(7)).collect();
    clients.iter_mut().for_each(echo);
    server.interrupt();
    for client in &mut clients {
        // A FIN, no RST.
        assert_eq!(client.read(&mut [0; 5]).expect("the end of the stream"), 0);
    }
    drop(clients);
    server.wait().ended_with(130);
    // A client that does not say goodbye itself holds nothing up for long.
    let server = serve(&["echo"]);
    let mut stays = client(7);
    echo(&mut stays);
    server.end().ended_with(130).said("connections did not come to their end in time");
    drop(stays);
}

pub fn interface_gone() {
    for cable in [&[][..], &["--delay", "1ms"]] {
        let server = serve(&[&["echo"], cable].concat());
        run("ip", &["link", "del", "tap0"]).succeeded();
        server.wait().ended_with(2).said("the interface is gone");
    }
    let link = start(SMOLSOCK, &["link", "a0", "b0"]);
    link.wait_for("are linked");
    run("ip", &["link", "del", "b0"]).succeeded();
    link.wait().ended_with(2).said("b0").said("is gone");
}

pub fn netstat() {
    let folder = Folder::new("netstat");
    // Nobody else's.
    let (runtime, temp) = (format!("XDG_RUNTIME_DIR={}", folder.at("")), format!("TMPDIR={}", folder.at("")));
    let run_in = |args: &[&str]| run("env", &[&[&runtime, &temp, SMOLSOCK], args].concat());
    run_in(&["netstat"]).ended_with(2).said("no stack of this user runs");
    // As under sudo: without a runtime directory.
    let server = start("env", &[&["-u", "XDG_RUNTIME_DIR", &temp, SMOLSOCK, "serve", "echo"], &TAP[..]].concat());
    server.wait_for("Ctrl-C ends it");
    let mut client = client(7);
    echo(&mut client);
    let port = client.local_addr().expect("it is connected").port();
    let shown = run_in(&["netstat", "tap0"]).succeeded().said("LISTEN").said("udp").text();
    let line = shown.lines().find(|line| line.contains(&format!("192.0.2.1:{port}"))).expect("a line of this client");
    assert!(line.contains("192.0.2.2:7") && line.contains("ESTABLISHED"), "{line}");
    run_in(&["netstat", "tap9"]).ended_with(2).said("on tap9");
    drop(client);
    server.end().ended_with(130);
    run_in(&["netstat"]).ended_with(2);
}

pub fn rights() {
    if super::space::is_of_a_user() {
        return super::tools::pass_over("there is nobody else to become in a user namespace");
    }
    let folder = Folder::new("rights");
    std::fs::write(folder.at("secret"), "of root").expect("a file");
    std::fs::set_permissions(folder.at("secret"), Permissions::from_mode(0o600)).expect("its owner");
    std::fs::write(folder.at("open"), "for all").expect("a file");
    let root = folder.at("");
    // What it leaves goes with the case.
    let temp = format!("TMPDIR={root}");
    let sudo = [&temp, "SUDO_UID=65534", "SUDO_GID=65534", SMOLSOCK, "serve", "http", "--root", &root];
    let server = start("env", &[&sudo, &TAP[..]].concat());
    server.wait_for("Ctrl-C ends it");
    let get = |path: &str| {
        let mut stream = client(80);
        write!(stream, "GET /{path} HTTP/1.0\r\n\r\n").expect("a connection");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer and the end");
        answer
    };
    assert!(get("open").ends_with("for all"));
    assert!(get("secret").starts_with("HTTP/1.1 403 "), "{}", get("secret"));
    server.end().ended_with(130);
}

/// A link under sudo becomes who called it as well, and its captures are that user's.
pub fn link_rights() {
    if super::space::is_of_a_user() {
        return super::tools::pass_over("there is nobody else to become in a user namespace");
    }
    let folder = Folder::new("link-rights");
    std::fs::set_permissions(folder.at(""), Permissions::from_mode(0o777)).expect("its owner");
    let out = folder.at("out");
    let sudo = ["SUDO_UID=65534", "SUDO_GID=65534", SMOLSOCK, "link", "a0", "b0", "--out", &out];
    let link = start("env", &sudo);
    link.wait_for("are linked");
    let status = std::fs::read_to_string(format!("/proc/{}/status", link.id())).expect("a process");
    for line in ["Uid", "Gid"] {
        assert!(status.contains(&format!("{line}:\t65534\t65534\t65534\t65534\n")), "{status}");
    }
    link.end().ended_with(130);
    for file in ["out/a.pcapng", "out/b.pcapng"] {
        let about = std::fs::metadata(folder.at(file)).expect("a capture");
        assert_eq!((about.uid(), about.gid()), (65534, 65534), "{file}");
    }
}

/// Whoever starts it: frames of strangers meet a process without any right of root.
pub fn capabilities() {
    let has_none = |server: &super::process::Running| {
        let mut threads = 0;
        for thread in std::fs::read_dir(format!("/proc/{}/task", server.id())).expect("its threads") {
            // One may have ended since.
            let Ok(text) = std::fs::read_to_string(thread.expect("a thread").path().join("status")) else { continue };
            threads += 1;
            for line in ["CapInh", "CapPrm", "CapEff"] {
                assert!(text.contains(&format!("{line}:\t0000000000000000\n")), "{line} in\n{text}");
            }
            assert!(text.contains("NoNewPrivs:\t1\n"), "{text}");
        }
        assert!(threads > 1, "the thread that meets frames");
    };
    let server = serve(&["echo"]);
    echo(&mut client(7));
    has_none(&server);
    server.end().ended_with(130);
    let folder = Folder::new("capabilities");
    let server = serve(&["echo", "--delay", "1ms", "--pcap", &folder.at("echo.pcapng")]);
    echo(&mut client(7));
    has_none(&server);
    server.end().ended_with(130);
    assert!(std::fs::metadata(folder.at("echo.pcapng")).expect("a capture").len() > 0);
}

pub fn too_many() {
    let folder = Folder::new("many-clients");
    let server = serve(&["http", "--clients", "2", "--root", &folder.at("")]);
    let mut held: Vec<TcpStream> = (0..2).map(|_| client(80)).collect();
    for client in &mut held {
        // Now it is counted.
        client.write_all(b"GET /no HTTP/1.1\r\nHost: t\r\n\r\n").expect("a connection");
        let mut answer = [0; 12];
        client.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 404");
    }
    let mut answer = String::new();
    client(80).read_to_string(&mut answer).expect("an answer and the end");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    drop(held);
    server.end().ended_with(130).said("turned away");
}

pub fn ping_and_bench() {
    run(SMOLSOCK, &[&["ping", "192.0.2.1", "-c", "2", "-i", "10ms"], &TAP[..]].concat()).succeeded().said("2 answered");
    run(SMOLSOCK, &[&["ping", "192.0.2.9", "-c", "1"], &TAP[..]].concat()).ended_with(1).said("0 answered");
    let kernel = start(SMOLSOCK, &["bench", "--server", "--kernel"]);
    kernel.wait_for("Ctrl-C ends it");
    for more in [&[][..], &["--reverse"]] {
        let bench = run(SMOLSOCK, &[&["bench", "192.0.2.1", "--bytes", "20MiB"], more, &TAP[..]].concat()).succeeded();
        println!("live:   {}", bench.said("20MiB ").text().trim_end());
    }
    kernel.end().ended_with(130);
}
