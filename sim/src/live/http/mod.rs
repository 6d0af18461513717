//! How are the files of a folder served over HTTP?
//!
//! As much of HTTP/1.1 (RFC 9110, RFC 9112) as curl and a browser need to fetch files: GET and HEAD, connections that stay
//! open, one range of bytes, lists of folders. [`parse`] reads what a client sends, [`Site::find`] finds what it means, and
//! nothing outside of the folder; [`answer()`] makes the answer, [`serve`] goes on until the client is done.
//!
//! Bounded: [`HEAD_BYTES_MAX`] of a request, [`REQUESTS_MAX`] on a connection, [`HEAD_TIME`] for each request to come.

mod answer;
mod connection;
mod date;
mod listing;
mod path;
mod request;
mod site;
#[cfg(test)]
mod tests;

pub use answer::{Answer, Body, answer};
pub use connection::{Served, serve};
pub use path::components;
pub use request::{Method, Parsed, Range, Request, parse};
pub use site::{Content, Page, Site};

use core::fmt;
use core::time::Duration;

/// The longest request head, in bytes: request line and header fields.
pub const HEAD_BYTES_MAX: usize = 8 << 10;
/// Requests that one connection may make.
pub const REQUESTS_MAX: usize = 1_000;
/// For so long a client may take for each request, its silence before included.
pub const HEAD_TIME: Duration = Duration::from_secs(30);

/// How a request ended (RFC 9110 §15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// All of it.
    Ok = 200,
    /// A part of it.
    PartialContent = 206,
    /// A folder is asked for with a `/` at the end.
    MovedPermanently = 301,
    /// Not HTTP, or a path that cannot be one.
    BadRequest = 400,
    /// Outside of the folder, or not for reading.
    Forbidden = 403,
    /// There is no such file.
    NotFound = 404,
    /// The client took too long.
    RequestTimeout = 408,
    /// A request with content: no file is changed here.
    ContentTooLarge = 413,
    /// The range begins behind the end.
    RangeNotSatisfiable = 416,
    /// Longer than [`HEAD_BYTES_MAX`].
    HeaderFieldsTooLarge = 431,
    /// The file cannot be read.
    InternalServerError = 500,
    /// Another method than GET and HEAD.
    NotImplemented = 501,
    /// Too many clients at once.
    ServiceUnavailable = 503,
    /// Neither HTTP/1.0 nor 1.1.
    VersionNotSupported = 505,
}

impl Status {
    /// Three digits.
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// The phrase that goes with it.
    pub const fn reason(self) -> &'static str {
        match self {
            Status::Ok => "OK",
            Status::PartialContent => "Partial Content",
            Status::MovedPermanently => "Moved Permanently",
            Status::BadRequest => "Bad Request",
            Status::Forbidden => "Forbidden",
            Status::NotFound => "Not Found",
            Status::RequestTimeout => "Request Timeout",
            Status::ContentTooLarge => "Content Too Large",
            Status::RangeNotSatisfiable => "Range Not Satisfiable",
            Status::HeaderFieldsTooLarge => "Request Header Fields Too Large",
            Status::InternalServerError => "Internal Server Error",
            Status::NotImplemented => "Not Implemented",
            Status::ServiceUnavailable => "Service Unavailable",
            Status::VersionNotSupported => "HTTP Version Not Supported",
        }
    }
}

/// `404 Not Found`.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code(), self.reason())
    }
}
