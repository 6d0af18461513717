//! What is left of a capture in a classic pcap file?
//!
//! Times, to the nanosecond, and bytes. The format has no room for comments, directions, verdicts, packet ids and names.

use std::borrow::Cow;
use std::error::Error;
use std::io::{self, BufWriter, Write};

use pcap_file::pcap::{PcapHeader, PcapPacket, PcapTsResolution, PcapWriteError, PcapWriter};
use pcap_file::{DataLink, Endianness};

use super::SNAPLEN_BYTES;
use super::vantage::Sighting;
use crate::frame::Medium;

/// A file that is being written.
pub(super) struct File<W: Write>(PcapWriter<BufWriter<W>>);

impl<W: Write> File<W> {
    /// Writes what stands before the first frame.
    pub(super) fn begin(medium: Medium, out: W) -> io::Result<File<W>> {
        let header = PcapHeader {
            version_major: 2,
            version_minor: 4,
            ts_correction: 0,
            ts_accuracy: 0,
            snaplen: SNAPLEN_BYTES,
            // One link type for the whole file: the one that takes either version.
            datalink: match medium {
                Medium::Ethernet => DataLink::ETHERNET,
                Medium::Ip => DataLink::RAW,
            },
            ts_resolution: PcapTsResolution::NanoSecond,
            // Not that of this machine: the same run gives the same file everywhere.
            endianness: Endianness::Little,
        };
        // Each record is written in several small pieces.
        PcapWriter::with_header(BufWriter::new(out), header).map(File).map_err(into_io)
    }

    /// Writes a frame.
    pub(super) fn frame(&mut self, sighting: &Sighting<'_>) -> io::Result<()> {
        let bytes = Cow::Borrowed(sighting.bytes);
        let packet = PcapPacket::new(sighting.at.wall(), sighting.bytes.len() as u32, bytes).map_err(unfit)?;
        self.0.write_packet(&packet).map(|_| ()).map_err(into_io)
    }

    /// Hands over all that was written.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(into_io)
    }
}

/// The error of the stream itself, or a sentence for what does not fit the format.
fn into_io(error: PcapWriteError) -> io::Error {
    match error {
        PcapWriteError::Io(error) => error,
        other => unfit(other),
    }
}

fn unfit(error: impl Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, super::with_causes(&error))
}
