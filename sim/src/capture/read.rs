//! Which frames are in a capture file?

use core::fmt;
use std::error::Error;
use std::time::Duration;

use pcap_file::DataLink;
use pcap_file::pcap::PcapParser;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::opt_common::CommonOption;
use pcap_file::pcapng::{Block, PcapNgParser};

use super::SNAPLEN_BYTES;
use crate::frame::Medium;

/// A frame of a capture file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// Since 1970-01-01T00:00:00Z; zero where the file does not say (a Simple Packet Block of pcapng).
    pub at: Duration,
    /// What it begins with.
    pub medium: Medium,
    /// As much of it as was kept: whole Ethernet frame, 14-byte header included, no FCS; or whole IP packet.
    pub bytes: Vec<u8>,
    /// How long it was, in bytes.
    pub full_bytes: u32,
    /// What is said about it; nothing in classic pcap.
    pub comments: Vec<String>,
}

/// Why a file is no capture that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadError {
    /// Where the block or record begins that is wrong, in bytes from 0.
    pub at: usize,
    /// What was found, and what is allowed.
    pub message: String,
}

/// `byte 24: …`.
impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: {}", self.at, self.message)
    }
}

impl Error for ReadError {}

/// Reads the frames of a whole capture `file`, pcapng or classic pcap, of either byte order, in the order of the file. Needs no more
/// memory than a small multiple of the file.
///
/// ```
/// use smolsock_sim::{capture, library};
/// let run = library::find("handshake").expect("built in").run(&library::Options { seed: 1, loss_ppm: None });
/// let about = capture::About { scenario: "handshake".into(), seed: 1, replay: String::new() };
/// let mut file = Vec::new();
/// capture::write(&run.trace, run.vantages[0], &about, &mut file)?;
/// let frames = capture::read(&file)?;
/// assert_eq!(frames[0].bytes, run.trace.frames[0].bytes);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The first thing that is wrong, and where: not a capture, cut off, a link type that is neither Ethernet (1) nor IP (101, 228,
/// 229), or a frame of more than 262,144 bytes.
pub fn read(file: &[u8]) -> Result<Vec<Captured>, ReadError> {
    match file {
        [0x0a, 0x0d, 0x0d, 0x0a, ..] => read_pcapng(file),
        // Microseconds or nanoseconds, of either byte order.
        [0xa1, 0xb2, 0xc3, 0xd4, ..] | [0xd4, 0xc3, 0xb2, 0xa1, ..] => read_pcap(file),
        [0xa1, 0xb2, 0x3c, 0x4d, ..] | [0x4d, 0x3c, 0xb2, 0xa1, ..] => read_pcap(file),
        _ => Err(ReadError { at: 0, message: "expected the first bytes of a pcapng or pcap file".to_owned() }),
    }
}

fn read_pcap(file: &[u8]) -> Result<Vec<Captured>, ReadError> {
    let place = Place { file };
    let (mut rest, parser) = PcapParser::new(file).map_err(|error| place.error(file, &error))?;
    let medium = medium_of(parser.header().datalink).map_err(|message| ReadError { at: 0, message })?;
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let (after, packet) = parser.next_packet(rest).map_err(|error| place.error(rest, &error))?;
        place.fits(rest, packet.data())?;
        frames.push(Captured {
            at: packet.timestamp(),
            medium,
            bytes: packet.data().to_vec(),
            full_bytes: packet.orig_len(),
            comments: Vec::new(),
        });
        rest = after;
    }
    Ok(frames)
}

fn read_pcapng(file: &[u8]) -> Result<Vec<Captured>, ReadError> {
    let place = Place { file };
    let (mut rest, mut parser) = PcapNgParser::new(file).map_err(|error| place.error(file, &error))?;
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let (after, block) = parser.next_block(rest).map_err(|error| place.error(rest, &error))?;
        let (interface, frame) = match block {
            Block::EnhancedPacket(packet) => (packet.interface_id, of_enhanced(&packet)),
            Block::SimplePacket(packet) => (0, (Duration::ZERO, packet.original_len, packet.data, Vec::new())),
            Block::Packet(packet) => {
                (packet.interface_id.into(), (packet.timestamp, packet.original_len, packet.data, Vec::new()))
            }
            // What is said about interfaces, names and the file itself.
            _ => {
                rest = after;
                continue;
            }
        };
        let (at, full_bytes, bytes, comments) = frame;
        place.fits(rest, &bytes)?;
        let link = parser.interfaces().get(interface as usize).map(|interface| interface.linktype);
        let link = link.ok_or_else(|| place.at(rest, format!("there is no interface {interface}")))?;
        let medium = medium_of(link).map_err(|message| place.at(rest, message))?;
        frames.push(Captured { at, medium, bytes: bytes.into_owned(), full_bytes, comments });
        rest = after;
    }
    Ok(frames)
}

/// What a block has of a frame: when, how long it was, bytes, comments.
type Parts<'p> = (Duration, u32, std::borrow::Cow<'p, [u8]>, Vec<String>);

fn of_enhanced<'p>(packet: &EnhancedPacketBlock<'p>) -> Parts<'p> {
    let comment = |option: &EnhancedPacketOption<'_>| match option {
        EnhancedPacketOption::Common(CommonOption::Comment(comment)) => Some(comment.clone().into_owned()),
        _ => None,
    };
    let comments = packet.options.iter().filter_map(comment).collect();
    (packet.timestamp, packet.original_len, packet.data.clone(), comments)
}

fn medium_of(link: DataLink) -> Result<Medium, String> {
    match link {
        DataLink::ETHERNET => Ok(Medium::Ethernet),
        DataLink::RAW | DataLink::IPV4 | DataLink::IPV6 => Ok(Medium::Ip),
        other => Err(format!("the link type is {}; expected 1 (Ethernet), 101, 228 or 229 (IP)", u32::from(other))),
    }
}

/// Turns what is left of a file into a place in it.
struct Place<'f> {
    file: &'f [u8],
}

impl Place<'_> {
    fn at(&self, rest: &[u8], message: String) -> ReadError {
        ReadError { at: self.file.len() - rest.len(), message }
    }

    fn error(&self, rest: &[u8], error: &dyn Error) -> ReadError {
        self.at(rest, super::with_causes(error))
    }

    fn fits(&self, rest: &[u8], frame: &[u8]) -> Result<(), ReadError> {
        if frame.len() <= SNAPLEN_BYTES as usize {
            return Ok(());
        }
        Err(self.at(rest, format!("a frame of {} bytes; expected at most {SNAPLEN_BYTES}", frame.len())))
    }
}

#[cfg(test)]
mod tests;
