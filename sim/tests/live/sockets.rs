//! Do python, socat and nc talk with our stack, as clients and as servers?

use std::process::Stdio;

use super::process::{Ended, Folder, SMOLSOCK, TAP, run, run_with, serve, start, start_with};
use super::tools::talked;

/// A client of the echo server, with nothing but the standard library.
const CLIENT: &str = r#"
import socket, threading
def everything(s):
    parts = []
    while True:
        part = s.recv(65536)
        if not part:
            return b"".join(parts)
        parts.append(part)
data = bytes(i * 7 % 251 for i in range(1_000_000))
s = socket.create_connection(("192.0.2.2", 7), timeout=100)
def speak():
    s.sendall(data)
    s.shutdown(socket.SHUT_WR)
speaker = threading.Thread(target=speak)
speaker.start()
assert everything(s) == data, "TCP: something else came back"
speaker.join()
s.close()
many = [socket.create_connection(("192.0.2.2", 7), timeout=100) for _ in range(100)]
for n, s in enumerate(many):
    s.sendall(b"number %d" % n)
for n, s in enumerate(many):
    assert s.recv(100) == b"number %d" % n
    s.close()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.settimeout(100)
for size in (0, 1, 1000, 1472, 3000):
    u.sendto(b"x" * size, ("192.0.2.2", 7))
    answer, peer = u.recvfrom(10000)
    assert (len(answer), peer) == (size, ("192.0.2.2", 7)), (size, len(answer), peer)
u.connect(("192.0.2.2", 4000))
u.send(b"nobody there")
try:
    u.recv(100)
    assert False, "somebody is at a closed port"
except ConnectionRefusedError:
    pass
refused = socket.socket()
assert refused.connect_ex(("192.0.2.2", 4000)) == 111
print("python is content")
"#;

pub fn python_client() {
    let server = serve(&["echo"]);
    run("python3", &["-c", CLIENT]).succeeded().said("python is content");
    server.end().ended_with(130).said("1000000 bytes");
    talked("python3");
}

/// Says how much it has read, and what that sums up to.
const SERVER: &str = r#"
import socket
s = socket.create_server(("0.0.0.0", 7000))
print("python listens", flush=True)
c, peer = s.accept()
assert peer[0] == "192.0.2.2", peer
total = count = 0
while True:
    data = c.recv(65536)
    if not data:
        break
    count += len(data)
    total = (total + sum(data)) % 1000003
c.sendall(b"%d %d" % (count, total))
c.close()
"#;

/// The interface stays between two processes that use it.
fn tap_up() {
    run(SMOLSOCK, &["tap", "up", "tap0", "--ip", "192.0.2.1/24"]).succeeded().said("tap0 is up");
}

pub fn python_server() {
    let folder = Folder::new("python");
    let bytes = folder.write("bytes", 3_000_000);
    tap_up();
    let python = start("python3", &["-c", SERVER]);
    python.wait_for("python listens");
    let answer = run_with(SMOLSOCK, &[&["connect", "192.0.2.1", "7000"], &TAP[..]].concat(), &bytes).succeeded();
    let total = bytes.iter().fold(0, |total, byte| (total + u64::from(*byte)) % 1_000_003);
    assert_eq!(answer.text(), format!("{} {total}", bytes.len()));
    python.wait().succeeded();
    talked("python3");
}

pub fn socat() {
    let folder = Folder::new("socat");
    let bytes = folder.write("bytes", 1 << 20);
    let server = serve(&["echo"]);
    // Half-closed: the answer goes on for as long as it takes.
    let echo = run_with("socat", &["-t", "100", "-", "TCP4:192.0.2.2:7"], &bytes).succeeded();
    assert!(echo.out == bytes, "{} bytes came back", echo.out.len());
    let datagram = run_with("socat", &["-t", "2", "-", "UDP4:192.0.2.2:7"], b"a datagram").succeeded();
    assert_eq!(datagram.text(), "a datagram");
    server.end().ended_with(130);
    let server = serve(&["chargen"]);
    let lines = run("sh", &["-c", "socat -u TCP4:192.0.2.2:19 - | head -c 1000000 | tail -c 20"]).succeeded();
    assert_eq!(lines.out.len(), 20);
    server.end().ended_with(130);
    let server = serve(&["discard"]);
    let nothing = run_with("socat", &["-t", "100", "-", "TCP4:192.0.2.2:9"], &bytes).succeeded();
    assert!(nothing.out.is_empty());
    server.end().ended_with(130).said("1048576 bytes");
    talked("socat");
}

pub fn nc() {
    let folder = Folder::new("nc");
    let bytes = folder.write("bytes", 4 << 20);
    tap_up();
    // We are the client.
    let nc = start("nc", &["-l", "-p", "7000"]);
    let open = |path: &str| Stdio::from(std::fs::File::open(path).expect("a file"));
    retried(|| {
        let input = open(&folder.at("bytes"));
        start_with(SMOLSOCK, &[&["connect", "192.0.2.1", "7000"], &TAP[..]].concat(), input).wait()
    })
    .succeeded();
    assert!(nc.wait().succeeded().out == bytes);
    // We are the server, and say something too.
    let listening = start_with(SMOLSOCK, &[&["connect", "-l", "7001"], &TAP[..]].concat(), open(&folder.at("bytes")));
    let heard = retried(|| start_with("nc", &["-q", "-1", "192.0.2.2", "7001"], open(&folder.at("bytes"))).wait());
    assert!(listening.wait().succeeded().out == bytes, "what nc said");
    assert!(heard.succeeded().out == bytes, "what we said");
    talked("nc");
}

/// A program that listens needs a moment until it does, and does not say so.
fn retried(mut attempt: impl FnMut() -> Ended) -> Ended {
    for _ in 0..100 {
        let ended = attempt();
        if ended.code == Some(0) {
            return ended;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    attempt()
}
