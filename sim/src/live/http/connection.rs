//! How long does a connection go on?

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::{Answer, Body, HEAD_TIME, Parsed, REQUESTS_MAX, Request, Site, Status, answer, parse};

/// A request that was answered, for the one who writes a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// `GET /`, or nothing if it was no request.
    pub request: String,
    /// How it ended.
    pub status: Status,
    /// Bytes of content.
    pub bytes: u64,
}

/// Answers the requests of one connection, until it is over. `tell` hears of each.
///
/// Reading from `stream` should give [`WouldBlock`](io::ErrorKind::WouldBlock) or [`TimedOut`](io::ErrorKind::TimedOut)
/// after a while (`set_read_timeout`), in order that [`HEAD_TIME`] is looked at; `is_over` then says whether the server
/// wants to end, too.
///
/// # Errors
/// What the stream reports. A client that goes away between two requests is none.
pub fn serve(
    stream: &mut (impl Read + Write),
    site: &Site,
    is_over: impl Fn() -> bool,
    mut tell: impl FnMut(Served),
) -> io::Result<()> {
    let mut bytes = Vec::new();
    for nth in 1..=REQUESTS_MAX {
        let request = match receive(stream, &mut bytes, &is_over)? {
            Arrived::Request(request) => {
                Ok(Request { keeps_alive: request.keeps_alive && nth < REQUESTS_MAX, ..request })
            }
            Arrived::Refused(status) => Err(status),
            Arrived::End => return Ok(()),
        };
        let unix_secs = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let Answer { status, head, body, keeps_alive } =
            answer(request.as_ref().map_err(|status| *status), site, unix_secs);
        let bytes = send(stream, head.into_bytes(), body)?;
        let request = request.map_or_else(|_| String::new(), |request| request.summary());
        tell(Served { request, status, bytes });
        if !keeps_alive {
            break;
        }
    }
    Ok(())
}

enum Arrived {
    Request(Request),
    Refused(Status),
    End,
}

/// The next request; what was sent behind it stays in `bytes`.
fn receive(stream: &mut impl Read, bytes: &mut Vec<u8>, is_over: impl Fn() -> bool) -> io::Result<Arrived> {
    let began = Instant::now();
    let mut buffer = [0; 4 << 10];
    loop {
        match parse(bytes) {
            Parsed::Complete(request, len) => {
                bytes.drain(..len);
                return Ok(Arrived::Request(request));
            }
            Parsed::Refused(status) => return Ok(Arrived::Refused(status)),
            Parsed::Incomplete => {}
        }
        let is_late = began.elapsed() > HEAD_TIME;
        match (is_late || is_over(), bytes.is_empty()) {
            (true, true) => return Ok(Arrived::End),
            (true, false) if is_late => return Ok(Arrived::Refused(Status::RequestTimeout)),
            (true, false) => return Ok(Arrived::Refused(Status::ServiceUnavailable)),
            (false, _) => {}
        }
        match stream.read(&mut buffer) {
            // A client that says no more in the middle of a request cannot mean it.
            Ok(0) => return Ok(Arrived::End),
            Ok(len) => bytes.extend_from_slice(&buffer[..len]),
            Err(error) if is_patience_over(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

fn is_patience_over(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

/// Gives the number of bytes that were sent behind the head.
fn send(stream: &mut impl Write, mut head: Vec<u8>, body: Body) -> io::Result<u64> {
    let (mut file, first, len) = match body {
        Body::Bytes(bytes) => {
            // One write, and so one segment, for a short answer.
            head.extend_from_slice(&bytes);
            stream.write_all(&head)?;
            return Ok(bytes.len() as u64);
        }
        Body::File(file, first, len) => (file, first, len),
    };
    stream.write_all(&head)?;
    if first > 0 {
        file.seek(SeekFrom::Start(first))?;
    }
    let mut buffer = vec![0; 64 << 10];
    let mut rest = len;
    while rest > 0 {
        let want = usize::try_from(rest).unwrap_or(usize::MAX).min(buffer.len());
        let got = file.read(&mut buffer[..want])?;
        if got == 0 {
            // It has become shorter; the client learns from a connection that ends too early.
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file has become shorter while it was sent"));
        }
        stream.write_all(&buffer[..got])?;
        rest -= got as u64;
    }
    Ok(len)
}

impl Request {
    fn summary(&self) -> String {
        let method = match self.method {
            super::Method::Get => "GET",
            super::Method::Head => "HEAD",
        };
        format!("{method} {}", self.target)
    }
}
