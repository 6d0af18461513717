//! What is there to fetch in a lab?

use smolsock_sim::live::http::Page;

/// A page to look at, and some bytes to wait for.
pub(super) const PAGES: &[Page] = &[
    Page { path: "", kind: "text/html; charset=utf-8", text: HELLO },
    Page { path: BULK_PATH, kind: "application/octet-stream", text: BULK },
];

/// The little page.
pub(super) const HELLO: &[u8] = b"<!doctype html>
<title>smolsock</title>
<h1>Hello from a TCP of its own</h1>
<p>No kernel wrote this segment: it comes from smolsock, on smoltcp, in a program.
<p><a href=\"/256KiB\">256 KiB</a> to wait for.
";

/// Where the bytes are.
pub(super) const BULK_PATH: &str = "256KiB";

/// Bytes of which none repeats what stands 256 before it.
pub(super) static BULK: &[u8; BULK_BYTES] = &bulk();

const BULK_BYTES: usize = 256 << 10;

const fn bulk() -> [u8; BULK_BYTES] {
    let mut bytes = [0; BULK_BYTES];
    let mut at = 0;
    while at < BULK_BYTES {
        bytes[at] = (at ^ at >> 8 ^ at >> 16) as u8;
        at += 1;
    }
    bytes
}
