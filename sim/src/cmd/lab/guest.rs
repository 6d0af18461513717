//! What does the other side of a lab do?

use std::io::{self, Read, Write};
use std::net::{self, SocketAddr};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use smolsock::blocking::TcpStream;
use smolsock_sim::live::http::{self, Site};

use super::super::Failure;
use super::super::net::{Running, parse_ip};
use super::pages::{BULK, BULK_PATH, HELLO, PAGES};
use super::{KERNEL, OURS};

/// A fetch that takes longer is given up.
const FETCH_TIME: Duration = Duration::from_secs(120);
/// Where the kernel's server listens.
const KERNEL_PORT: u16 = 8080;

/// curl, or where there is none a client on the kernel's sockets, fetches what we serve. Gives the exit code.
pub(super) fn fetch_from_us(out: &mut impl Write) -> Result<u8, Failure> {
    let has_curl = Command::new("curl").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !has_curl {
        writeln!(out, "\ncurl is not installed: a client on the kernel's sockets takes its place")?;
    }
    let fetch = |path: &str| -> Result<Vec<u8>, String> {
        if has_curl {
            return curl(path);
        }
        let stream =
            net::TcpStream::connect_timeout(&SocketAddr::new(parse_ip(OURS)?, 80), FETCH_TIME).map_err(said)?;
        stream.set_read_timeout(Some(FETCH_TIME)).map_err(said)?;
        get(stream, OURS, path).map_err(said)
    };
    let prompt = if has_curl { "curl " } else { "GET " };
    compare(&format!("{prompt}http://{OURS}"), fetch, out)
}

/// A server on the kernel's sockets, and our client.
pub(super) fn fetch_from_kernel(running: &Running, out: &mut impl Write) -> Result<u8, Failure> {
    let refused = |error: io::Error| Failure::Refused(format!("a server on the kernel's sockets: {error}"));
    let listener = net::TcpListener::bind((KERNEL, KERNEL_PORT)).map_err(refused)?;
    thread::Builder::new()
        .spawn(move || {
            for stream in listener.incoming().flatten() {
                // The same server as ours, on the other sockets: it speaks with one client at a time, and there is one.
                let mut stream = stream;
                let _ = http::serve(&mut stream, &Site::Pages(PAGES), || false, |_| {});
            }
        })
        .map_err(refused)?;
    let peer = SocketAddr::new(parse_ip(KERNEL).map_err(Failure::Refused)?, KERNEL_PORT);
    let fetch = |path: &str| -> Result<Vec<u8>, String> {
        let stream = TcpStream::connect_timeout_on(&running.net, &peer, FETCH_TIME).map_err(said)?;
        stream.set_read_timeout(Some(FETCH_TIME)).map_err(said)?;
        get(stream, KERNEL, path).map_err(said)
    };
    compare(&format!("smolsock GET http://{KERNEL}:{KERNEL_PORT}"), fetch, out)
}

/// Fetches the page and the bytes; says how it went.
fn compare(what: &str, fetch: impl Fn(&str) -> Result<Vec<u8>, String>, out: &mut impl Write) -> Result<u8, Failure> {
    let mut is_right = true;
    for (path, expected) in [("", HELLO), (BULK_PATH, BULK)] {
        writeln!(out, "\n$ {what}/{path}")?;
        out.flush()?;
        let began = Instant::now();
        let fetched = match fetch(path) {
            Ok(fetched) => fetched,
            Err(why) => {
                writeln!(out, "failed: {why}")?;
                return Ok(1);
            }
        };
        let took = began.elapsed().max(Duration::from_micros(1));
        if path.is_empty() {
            out.write_all(&fetched)?;
        }
        let rate = fetched.len() as f64 * 8e-6 / took.as_secs_f64();
        let verdict = if fetched == expected { "as they were sent" } else { "NOT as they were sent" };
        is_right &= fetched == expected;
        writeln!(out, "{} bytes in {:.2} s ({rate:.2} Mbit/s), {verdict}", fetched.len(), took.as_secs_f64())?;
    }
    Ok(u8::from(!is_right))
}

fn curl(path: &str) -> Result<Vec<u8>, String> {
    let limit = FETCH_TIME.as_secs().to_string();
    // The user's own settings and proxies know nothing of this network.
    let output = Command::new("curl")
        .args(["--disable", "--silent", "--show-error", "--fail", "--noproxy", "*", "--max-time", &limit])
        .arg(format!("http://{OURS}/{path}"))
        .output()
        .map_err(said)?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(format!("{} ({})", String::from_utf8_lossy(&output.stderr).trim(), output.status)),
    }
}

/// The content that `GET` gives, over any stream.
fn get(mut stream: impl Read + Write, host: &str, path: &str) -> io::Result<Vec<u8>> {
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let head =
        answer.windows(4).position(|window| window == b"\r\n\r\n").ok_or_else(|| bad("an answer without a head"))?;
    if !answer.starts_with(b"HTTP/1.1 200 ") {
        return Err(bad(String::from_utf8_lossy(&answer[..head]).lines().next().unwrap_or_default()));
    }
    Ok(answer.split_off(head + 4))
}

/// As shells have it: 128 and the number of the signal that ended it.
pub(super) fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}

fn said(error: impl ToString) -> String {
    error.to_string()
}

const ANSWER_BYTES_MAX: u64 = 16 << 20;
