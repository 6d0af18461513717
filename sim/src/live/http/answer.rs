//! What is sent back?

use std::fs::File;

use super::date::http_date;
use super::path::components;
use super::{Content, Method, Range, Request, Site, Status};

/// An answer: its head, and what follows.
#[derive(Debug)]
pub struct Answer {
    /// How the request ended.
    pub status: Status,
    /// Status line and header fields, with the empty line behind them.
    pub head: String,
    /// What is sent after the head.
    pub body: Body,
    /// The connection stays open after it.
    pub keeps_alive: bool,
}

/// What follows a head.
#[derive(Debug)]
pub enum Body {
    /// These bytes.
    Bytes(Vec<u8>),
    /// So many bytes of a file, from the first number on.
    File(File, u64, u64),
}

/// Answers `request` (or the refusal of one) from `site`. `unix_secs`: the time of day, for the header.
pub fn answer(request: Result<&Request, Status>, site: &Site, unix_secs: u64) -> Answer {
    let found = request.and_then(|request| {
        let (names, is_folder) = components(&request.target)?;
        site.find(&names, is_folder).map(|content| (request, content))
    });
    let mut draft = match found {
        Ok((request, Content::Elsewhere)) => elsewhere(request),
        Ok((_, Content::Bytes(bytes, kind))) => Draft::page(Status::Ok, bytes, kind),
        Ok((request, Content::File(file, len, kind))) => part(request.range, file, len, kind),
        Err(status) => Draft::status(status),
    };
    let len = draft.body.len();
    if request.is_ok_and(|request| request.method == Method::Head) {
        draft.body = Body::Bytes(Vec::new());
    }
    let keeps_alive = request.is_ok_and(|request| request.keeps_alive);
    let connection = if keeps_alive { "keep-alive" } else { "close" };
    let Draft { status, kind, more, body } = draft;
    let head = format!(
        "HTTP/1.1 {status}\r\nDate: {}\r\nServer: smolsock\r\nContent-Type: {kind}\r\nContent-Length: {len}\r\n{more}\
         Connection: {connection}\r\n\r\n",
        http_date(unix_secs)
    );
    Answer { status, head, body, keeps_alive }
}

/// What an answer is made of.
struct Draft {
    status: Status,
    kind: &'static str,
    /// More header fields, each with the end of its line.
    more: String,
    body: Body,
}

impl Draft {
    fn page(status: Status, bytes: Vec<u8>, kind: &'static str) -> Draft {
        Draft { status, kind, more: String::new(), body: Body::Bytes(bytes) }
    }

    /// The status in words is the page.
    fn status(status: Status) -> Draft {
        Self::page(status, format!("{status}\n").into_bytes(), "text/plain; charset=utf-8")
    }
}

fn elsewhere(request: &Request) -> Draft {
    let (path, query) = request.target.split_at(request.target.find(['?', '#']).unwrap_or(request.target.len()));
    // `//host/` would lead to another host.
    let path = path.trim_start_matches('/');
    let path = if request.target.starts_with('/') { format!("/{path}/{query}") } else { format!("{path}/{query}") };
    Draft { more: format!("Location: {path}\r\n"), ..Draft::status(Status::MovedPermanently) }
}

fn part(range: Option<Range>, file: File, len: u64, kind: &'static str) -> Draft {
    let (first, end) = match range {
        None => (0, len),
        Some(Range::From(first)) => (first, len),
        Some(Range::Between(first, last)) => (first, last.saturating_add(1).min(len)),
        Some(Range::Last(count)) => (len.saturating_sub(count), len),
    };
    if range.is_none() {
        let more = "Accept-Ranges: bytes\r\n".to_owned();
        return Draft { status: Status::Ok, kind, more, body: Body::File(file, 0, len) };
    }
    if first >= end {
        let more = format!("Content-Range: bytes */{len}\r\n");
        return Draft { more, ..Draft::status(Status::RangeNotSatisfiable) };
    }
    let more = format!("Content-Range: bytes {first}-{}/{len}\r\n", end - 1);
    Draft { status: Status::PartialContent, kind, more, body: Body::File(file, first, end - first) }
}

impl Body {
    /// In bytes.
    pub fn len(&self) -> u64 {
        match self {
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::File(_, _, len) => *len,
        }
    }

    /// Is there nothing?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
