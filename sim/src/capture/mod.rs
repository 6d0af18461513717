//! How does a run become files for Wireshark?
//!
//! One pcapng file for each vantage: a node, and what it would have seen with a capture on its network card. Both
//! ends in one file would make Wireshark see every frame twice and report retransmissions that never were.
//!
//! - A node's file holds every frame that it sent (outbound, when it was sent) and every frame that arrived there
//!   (inbound, when and as it arrived, flipped bits included). What was lost on the way is in the sender's file only.
//! - What the network did to a frame stands in its comments: `[sim] DROP link=ab n=4 why=loss`, `[sim] DUP copies=2`,
//!   `[sim] DELAY +320ms`, `[sim] CORRUPT byte 60 bit 2`; at the receiver `[sim] DUP copy=2` for a copy that the network
//!   made. `n` counts as scripted faults do, from 0.
//! - A dropped frame has the verdict `XDP_DROP` (`frame.verdict.ebpf_xdp`).
//! - The same frame has the same `frame.packet_id` in every file.
//! - Time starts at 2000-01-01T00:00:00Z. Files are the same to the bit for the same trace.
//!
//! For tools that read only classic pcap there is [`Format::Pcap`], which has room for times and bytes alone: a frame that
//! was lost looks like one that arrived. [`Live`] writes a capture while the run goes on, to a pipe for instance; [`Wiretap`] writes one
//! of a real interface. [`read`] gives the frames of any such file back.

mod format;
mod live;
mod names;
mod pcap;
mod pcapng;
mod read;
mod segments;
#[cfg(test)]
mod tests;
mod vantage;
mod wiretap;

use core::fmt;
use std::collections::BTreeSet;
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub use format::Format;
pub use live::Live;
pub use read::{Captured, ReadError, read};
pub use segments::segments;
pub use wiretap::{LiveAbout, Wiretap};

use crate::trace::{NodeId, Trace};

/// What a capture says about the run that it was taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The name of the scenario.
    pub scenario: String,
    /// Its seed.
    pub seed: u64,
    /// The command that gives the same run again.
    pub replay: String,
}

/// A capture could not be written.
#[derive(Debug)]
pub struct CaptureError {
    /// The file.
    pub path: PathBuf,
    /// The reason.
    pub source: io::Error,
}

/// Writes the capture of `vantage` as pcapng. `out` needs no buffer of its own, and is flushed.
///
/// # Errors
/// See [`write_as`].
pub fn write(trace: &Trace, vantage: NodeId, about: &About, out: impl Write) -> io::Result<()> {
    write_as(Format::Pcapng, trace, vantage, about, out)
}

/// Writes the capture of `vantage` in this format. `out` needs no buffer of its own, and is flushed.
///
/// # Errors
/// What `out` reports; `InvalidInput` if the trace has no such node; `InvalidData` if something does not fit into the
/// format (pcapng: a comment of more than 65,535 bytes, a frame 554 years after the start; pcap: 106 years).
pub fn write_as(format: Format, trace: &Trace, vantage: NodeId, about: &About, out: impl Write) -> io::Result<()> {
    if trace.node(vantage).is_none() {
        return Err(invalid(format!("the trace has no node {}", vantage.0)));
    }
    let sightings = vantage::sightings(trace, vantage);
    let interfaces = pcapng::Interfaces::of(trace.medium, &sightings);
    let mut file = format::File::begin(format, trace, vantage, about, interfaces, out)?;
    sightings.iter().try_for_each(|sighting| file.frame(sighting))?;
    file.end()
}

/// Writes the capture of each of `vantages` to `<node>.pcapng` in `dir`: see [`write_files_as`].
///
/// # Errors
/// See [`write_files_as`].
pub fn write_files(
    trace: &Trace,
    vantages: &[NodeId],
    about: &About,
    dir: &Path,
) -> Result<Vec<PathBuf>, CaptureError> {
    write_files_as(Format::Pcapng, trace, vantages, about, dir)
}

/// Writes the capture of each of `vantages` to `<node>.pcapng` (or `.pcap`) in `dir`, which is made if need be, and returns
/// the paths in the order of `vantages`. Files of the same name are replaced.
///
/// Each file is written under another name first: what has its final name is complete, and nothing else is left behind.
///
/// # Errors
/// The first file that could not be written, and why; `InvalidInput` if a node's name is no file name (letters, digits,
/// `-`, `_` and `.` are, if it does not begin with `.`), or if two files would have the same name.
pub fn write_files_as(
    format: Format,
    trace: &Trace,
    vantages: &[NodeId],
    about: &About,
    dir: &Path,
) -> Result<Vec<PathBuf>, CaptureError> {
    let mut files = Vec::with_capacity(vantages.len());
    let mut taken = BTreeSet::new();
    for vantage in vantages {
        let file = Unfinished::new(format, trace, *vantage, dir)?;
        if !taken.insert(file.path.clone()) {
            return Err(file.error(invalid("two captures would have this name".to_owned())));
        }
        files.push((*vantage, file));
    }
    fs::create_dir_all(dir).map_err(|source| CaptureError { path: dir.to_owned(), source })?;
    for (vantage, file) in &files {
        let written = File::create(&file.temporary).and_then(|out| write_as(format, trace, *vantage, about, out));
        written.map_err(|source| file.error(source))?;
    }
    files.iter().try_for_each(|(_, file)| file.finish())?;
    Ok(files.into_iter().map(|(_, file)| file.path.clone()).collect())
}

/// A file on its way; removed when dropped, unless it was finished.
struct Unfinished {
    path: PathBuf,
    temporary: PathBuf,
}

impl Unfinished {
    /// Says where the capture of `vantage` will be. Touches nothing.
    fn new(format: Format, trace: &Trace, vantage: NodeId, dir: &Path) -> Result<Unfinished, CaptureError> {
        let refuse = |reason| CaptureError { path: dir.to_owned(), source: invalid(reason) };
        let Some(node) = trace.node(vantage) else {
            return Err(refuse(format!("the trace has no node {}", vantage.0)));
        };
        let name = &node.name;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.starts_with('.') || !name.chars().all(is_plain) {
            return Err(refuse(format!("{name:?} is the name of a node, but cannot be that of a file")));
        }
        Ok(Unfinished {
            path: dir.join(format!("{name}.{format}")),
            temporary: dir.join(format!(".{name}.{format}.{}", std::process::id())),
        })
    }

    /// Gives the file its final name.
    fn finish(&self) -> Result<(), CaptureError> {
        fs::rename(&self.temporary, &self.path).map_err(|source| self.error(source))
    }

    fn error(&self, source: io::Error) -> CaptureError {
        CaptureError { path: self.path.clone(), source }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After `finish` there is nothing of this name; otherwise the first error is what is reported.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// `out/client.pcapng: No space left on device`.
impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.source)
    }
}

impl Error for CaptureError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// The node called `name`.
fn node_of(trace: &Trace, name: &str) -> io::Result<NodeId> {
    trace.node_named(name).ok_or_else(|| invalid(format!("the trace has no node {name:?}")))
}

/// A sentence with all causes of an error.
fn with_causes(error: &dyn Error) -> String {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        sentence = format!("{sentence}: {error}");
        cause = error.source();
    }
    sentence
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}

/// Longest frame that readers are to expect, that of tcpdump.
const SNAPLEN_BYTES: u32 = 262_144;
