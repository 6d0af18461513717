//! How are frames of a real interface captured, as they pass?

use core::time::Duration;
use std::fmt;
use std::io::{self, Write};

use super::Format;
use super::format::File;
use super::vantage::{Sighting, arrived, sent};
use crate::frame::Medium;
use crate::time::{Time, WALL_BASE};
use crate::trace::FrameRecord;

/// What a live capture says about itself. Classic pcap has no room for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveAbout {
    /// The interface whose frames these are: `tap0`.
    pub interface: String,
    /// What is seen there, in words.
    pub description: String,
    /// What the whole file says: the command that made it, the seed.
    pub comment: String,
}

/// A capture of one end of a live cable. Frames and their fates are written as [`write`](super::write()) does, with the
/// time of day at which they passed.
///
/// When the output fails, a pipe that was closed for instance, nothing more is written, and [`Wiretap::finish`] tells.
pub struct Wiretap<W: Write> {
    file: Option<File<W>>,
    error: Option<io::Error>,
    frames: u64,
    /// From the time of the cable to the time that files start at, in ns.
    offset_ns: u64,
}

impl<W: Write> Wiretap<W> {
    /// Begins a capture. `started`: the time of day at time zero of the cable, since 1970-01-01T00:00:00Z; before 2000 it
    /// counts as 2000.
    ///
    /// # Errors
    /// What `out` reports.
    pub fn begin(
        format: Format,
        medium: Medium,
        about: &LiveAbout,
        started: Duration,
        out: W,
    ) -> io::Result<Wiretap<W>> {
        let offset_ns = u64::try_from(started.saturating_sub(WALL_BASE).as_nanos()).unwrap_or(u64::MAX);
        let mut file = File::begin_live(format, about, medium, Time::from_nanos(offset_ns), out)?;
        file.flush()?;
        Ok(Wiretap { file: Some(file), error: None, frames: 0, offset_ns })
    }

    /// The end of the cable that is listened to has sent this frame, with this fate.
    pub fn sent(&mut self, record: &FrameRecord) {
        self.write(sent(record));
    }

    /// A frame has arrived there at `at`: its copy number `copy`, from 1.
    pub fn arrived(&mut self, at: Time, record: &FrameRecord, copy: u32) {
        let arrival = usize::try_from(copy).ok().and_then(|copy| record.fate.copies.get(copy.checked_sub(1)?));
        if let Some(arrival) = arrival {
            self.write(Sighting { at, ..arrived(record, copy, arrival) });
        }
    }

    /// Hands over what was written.
    pub fn flush(&mut self) {
        let result = self.file.as_mut().map_or(Ok(()), File::flush);
        self.keep(result);
    }

    /// Frames that were written.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Writes the end, once; says how many frames there are.
    ///
    /// # Errors
    /// The first that the output reported. A reader that went away is none.
    pub fn finish(&mut self) -> io::Result<u64> {
        let result = self.file.take().map_or(Ok(()), File::end);
        self.keep(result);
        match self.error.take() {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(self.frames),
        }
    }

    fn write(&mut self, sighting: Sighting<'_>) {
        let Some(file) = &mut self.file else { return };
        let at = sighting.at.after_ns(self.offset_ns);
        let result = file.frame(&Sighting { at, ..sighting });
        self.frames += u64::from(result.is_ok());
        self.keep(result);
    }

    fn keep(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.file = None;
            self.error.get_or_insert(error);
        }
    }
}

impl<W: Write> fmt::Debug for Wiretap<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wiretap").field("frames", &self.frames).field("error", &self.error).finish_non_exhaustive()
    }
}
