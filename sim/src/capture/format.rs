//! In which format is a capture written?

use core::fmt;
use core::str::FromStr;
use std::io::{self, Write};

use super::vantage::Sighting;
use super::wiretap::LiveAbout;
use super::{About, pcap, pcapng};
use crate::frame::Medium;
use crate::time::Time;
use crate::trace::{NodeId, Trace};

/// The format of a capture file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// pcapng: everything that is known of a frame.
    #[default]
    Pcapng,
    /// Classic pcap, for tools that read nothing else: when, to the nanosecond, and which bytes. It has no room for
    /// comments, directions, verdicts, packet ids, names of hosts, and for what the file itself says of its run.
    Pcap,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 2] = [Format::Pcapng, Format::Pcap];

    /// What the names of such files end in, without the dot: `pcapng`.
    pub const fn extension(self) -> &'static str {
        match self {
            Format::Pcapng => "pcapng",
            Format::Pcap => "pcap",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.extension())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Format, String> {
        let found = Format::ALL.into_iter().find(|format| format.extension() == text);
        found.ok_or_else(|| format!("{text:?} is no format of captures: pcapng and pcap are"))
    }
}

/// A file that is being written, of either format.
pub(super) enum File<W: Write> {
    Pcapng(Box<pcapng::File<W>>),
    Pcap(pcap::File<W>),
}

impl<W: Write> File<W> {
    /// Writes what stands before the first frame. `interfaces`: those of a pcapng file.
    pub(super) fn begin(
        format: Format,
        trace: &Trace,
        vantage: NodeId,
        about: &About,
        interfaces: pcapng::Interfaces,
        out: W,
    ) -> io::Result<File<W>> {
        match format {
            Format::Pcapng => {
                pcapng::File::begin(trace, vantage, about, interfaces, out).map(Box::new).map(File::Pcapng)
            }
            Format::Pcap => pcap::File::begin(trace.medium, out).map(File::Pcap),
        }
    }

    /// Writes what stands before the first frame of a live capture, which begins at `start`.
    pub(super) fn begin_live(
        format: Format,
        about: &LiveAbout,
        medium: Medium,
        start: Time,
        out: W,
    ) -> io::Result<File<W>> {
        match format {
            Format::Pcapng => pcapng::File::begin_live(about, medium, start, out).map(Box::new).map(File::Pcapng),
            Format::Pcap => pcap::File::begin(medium, out).map(File::Pcap),
        }
    }

    /// Writes a frame.
    pub(super) fn frame(&mut self, sighting: &Sighting<'_>) -> io::Result<()> {
        match self {
            File::Pcapng(file) => file.frame(sighting),
            File::Pcap(file) => file.frame(sighting),
        }
    }

    /// Hands over all that was written.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self {
            File::Pcapng(file) => file.flush(),
            File::Pcap(file) => file.flush(),
        }
    }

    /// Writes what stands behind the last frame.
    pub(super) fn end(self) -> io::Result<()> {
        match self {
            File::Pcapng(file) => file.end(),
            File::Pcap(mut file) => file.flush(),
        }
    }
}

#[cfg(test)]
mod tests;
