//! What does the client ask for?

use super::{HEAD_BYTES_MAX, Status};

/// What bytes that have come so far are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The beginning of a request.
    Incomplete,
    /// A request, and how many bytes of them are it.
    Complete(Request, usize),
    /// No request that is followed: the connection ends with this answer.
    Refused(Status),
}

/// The head of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What to do.
    pub method: Method,
    /// With what, as it was written: `/a%20b?c`.
    pub target: String,
    /// The connection stays open after the answer.
    pub keeps_alive: bool,
    /// Which bytes, if not all.
    pub range: Option<Range>,
}

/// What to do with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Send it.
    Get,
    /// Say what sending it would say.
    Head,
}

/// One range of bytes (RFC 9110 §14.1.2), both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// From here to the end.
    From(u64),
    /// From here to there.
    Between(u64, u64),
    /// The last so many.
    Last(u64),
}

/// Reads the request that `bytes` begin with.
pub fn parse(bytes: &[u8]) -> Parsed {
    // RFC 9112 §2.2: a server should ignore an empty line before the request line.
    let blank = bytes.iter().take(HEAD_BYTES_MAX).take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let window = &bytes[blank..bytes.len().min(HEAD_BYTES_MAX)];
    let Some(head_len) = end_of_head(window) else {
        return match bytes.len() < HEAD_BYTES_MAX {
            true => Parsed::Incomplete,
            false => Parsed::Refused(Status::HeaderFieldsTooLarge),
        };
    };
    match core::str::from_utf8(&window[..head_len]).map_err(|_| Status::BadRequest).and_then(request) {
        Ok(request) => Parsed::Complete(request, blank + head_len),
        Err(status) => Parsed::Refused(status),
    }
}

/// Behind the empty line. A lone LF ends a line too (RFC 9112 §2.2).
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let mut line_start = 0;
    for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
        let line = &bytes[line_start..at];
        if line.is_empty() || line == b"\r" {
            return Some(at + 1);
        }
        line_start = at + 1;
    }
    None
}

fn request(head: &str) -> Result<Request, Status> {
    let mut lines = head.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    let (method, target, minor) = request_line(lines.next().unwrap_or_default())?;
    let mut request = Request { method, target: target.to_owned(), keeps_alive: minor == 1, range: None };
    let mut has_host = false;
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = field(line)?;
        match name.to_ascii_lowercase().as_str() {
            "host" if has_host => return Err(Status::BadRequest),
            "host" => has_host = true,
            "connection" => request.keeps_alive = keeps_alive(value, request.keeps_alive),
            "range" => request.range = range(value),
            "content-length" if value != "0" => return Err(Status::ContentTooLarge),
            "transfer-encoding" => return Err(Status::ContentTooLarge),
            _ => {}
        }
    }
    // RFC 9112 §3.2: a request of HTTP/1.1 without Host, or with two of them, is bad.
    if minor == 1 && !has_host { Err(Status::BadRequest) } else { Ok(request) }
}

/// `GET /path HTTP/1.1`: method, target, minor version.
fn request_line(line: &str) -> Result<(Method, &str, u8), Status> {
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Status::BadRequest);
    };
    let minor = match version {
        "HTTP/1.1" => 1,
        "HTTP/1.0" => 0,
        other if other.starts_with("HTTP/") => return Err(Status::VersionNotSupported),
        _ => return Err(Status::BadRequest),
    };
    match method {
        _ if target.is_empty() || !target.bytes().all(|byte| byte.is_ascii_graphic()) => Err(Status::BadRequest),
        "GET" => Ok((Method::Get, target, minor)),
        "HEAD" => Ok((Method::Head, target, minor)),
        other if is_token(other) => Err(Status::NotImplemented),
        _ => Err(Status::BadRequest),
    }
}

/// `Name: value`. A line that goes on from the one before begins with a blank, which no name does (RFC 9112 §5.2).
fn field(line: &str) -> Result<(&str, &str), Status> {
    let (name, value) = line.split_once(':').ok_or(Status::BadRequest)?;
    let value = value.trim_matches([' ', '\t']);
    let is_text = value.chars().all(|char| char == '\t' || !char.is_control());
    if is_token(name) && is_text { Ok((name, value)) } else { Err(Status::BadRequest) }
}

/// RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    let is_symbol = |byte: u8| b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || is_symbol(byte))
}

fn keeps_alive(value: &str, default: bool) -> bool {
    let says = |word: &str| value.split(',').any(|option| option.trim().eq_ignore_ascii_case(word));
    if says("close") { false } else { default || says("keep-alive") }
}

/// `bytes=0-99`, `bytes=100-`, `bytes=-100`. What is anything else is ignored, as RFC 9110 §14.2 lets a server.
fn range(value: &str) -> Option<Range> {
    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| digits)
    };
    match (first, last) {
        ("", last) => number(last).map(Range::Last),
        (first, "") => number(first).map(Range::From),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Range::Between(first, last))
        }
    }
}
