//! How is a capture written while the run goes on?

use core::fmt;
use std::collections::BTreeSet;
use std::io::{self, Write};

use super::format::File;
use super::pcapng::Interfaces;
use super::vantage::{arrived, sent};
use super::{About, Format, node_of};
use crate::time::Time;
use crate::trace::{NodeId, Trace};
use crate::world::Watch;

/// The capture of one vantage, written frame by frame: after each moment of virtual time, all that was seen in it is
/// handed over, and whoever reads the other end of a pipe sees it.
///
/// The bytes are those that [`write_as`](super::write_as) gives of the whole trace, but for one thing: on a medium of
/// bare IP packets, a pcapng file has an interface for each version of which the vantage has addresses, whether packets
/// of it come or not.
///
/// When the output fails, a pipe that was closed for instance, nothing more is written, and [`Live::finish`] tells.
///
/// # Examples
/// ```
/// use smolsock_sim::capture::{About, Format, Live};
/// use smolsock_sim::link::Impairments;
/// use smolsock_sim::{World, app::echo, time::Time};
///
/// let mut world = World::new(1);
/// let client = world.host("client", &["192.0.2.1/24"])?;
/// let server = world.host("server", &["192.0.2.2/24"])?;
/// world.cable("ab", client, server, Impairments::default())?;
/// world.daemon(server, "echo", |host| echo::tcp_server(host, ([0, 0, 0, 0], 7).into(), 5));
/// world.app(client, "client", |host| echo::tcp_client(host, ([192, 0, 2, 2], 7).into(), 1, 100, 100));
/// let about = About { scenario: "mine".into(), seed: 1, replay: "cargo test mine".into() };
/// let mut file = Vec::new();
/// let mut live = Live::new("client", about, Format::Pcap, &mut file);
/// let ending = world.run_watched(Time::from_secs(60), &mut live);
/// live.finish(&ending.trace)?;
/// // Frames of the handshake, the echo and the teardown.
/// assert!(file.len() > 24 + 10 * (16 + 54));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Live<W: Write> {
    vantage: String,
    about: About,
    format: Format,
    state: State<W>,
    /// Frames of the trace that were looked at.
    looked_at: usize,
    /// Of these it is not decided yet what becomes of them: they wait in a queue.
    undecided: Vec<usize>,
    /// What was not seen yet, in the order in which it will be.
    pending: BTreeSet<Pending>,
}

/// A frame on its way: when the vantage sees it, its place in the trace, and which copy arrives (0: it is sent).
type Pending = (Time, usize, u32);

enum State<W: Write> {
    /// Nothing was written.
    New(W),
    Open(NodeId, File<W>),
    Failed(io::Error),
}

impl<W: Write> Live<W> {
    /// Will write what the node called `vantage` sees. `out` needs no buffer of its own.
    pub fn new(vantage: &str, about: About, format: Format, out: W) -> Live<W> {
        let state = State::New(out);
        Live {
            vantage: vantage.into(),
            about,
            format,
            state,
            looked_at: 0,
            undecided: Vec::new(),
            pending: BTreeSet::new(),
        }
    }

    /// Writes what is left of `trace`, that of the run which was watched, and the end of the file.
    ///
    /// # Errors
    /// The first that there was while writing; `InvalidInput` if there is no such vantage.
    pub fn finish(mut self, trace: &Trace) -> io::Result<()> {
        self.write_until(trace, None);
        match self.state {
            State::New(_) => Ok(()),
            State::Open(_, file) => file.end(),
            State::Failed(error) => Err(error),
        }
    }

    /// Whether the vantage has seen something by `now` that was not written yet; not when writing has failed.
    pub fn has_news(&mut self, trace: &Trace, now: Time) -> bool {
        self.look(trace);
        matches!(self.state, State::Open(..)) && self.pending.first().is_some_and(|(at, ..)| *at <= now)
    }

    /// Writes what was seen until `now`, which is included; `None`: all.
    fn write_until(&mut self, trace: &Trace, now: Option<Time>) {
        self.look(trace);
        if let State::Open(_, file) = &mut self.state
            && let Err(error) = write_pending(file, trace, &mut self.pending, now)
        {
            self.state = State::Failed(error);
        }
    }

    /// Notes what the vantage will see of the frames that are new.
    fn look(&mut self, trace: &Trace) {
        self.open(trace);
        let State::Open(vantage, _) = self.state else { return };
        for (index, frame) in trace.frames.iter().enumerate().skip(self.looked_at) {
            if frame.from == vantage {
                self.pending.insert((frame.sent_at, index, 0));
            }
            if frame.to == vantage {
                self.undecided.push(index);
            }
        }
        self.looked_at = trace.frames.len();
        for index in std::mem::take(&mut self.undecided) {
            let fate = &trace.frames[index].fate;
            if fate.is_waiting() {
                self.undecided.push(index);
            }
            self.pending.extend((1..).zip(&fate.copies).map(|(copy, arrival)| (arrival.at, index, copy)));
        }
    }

    /// Writes the beginning of the file, if that was not done.
    fn open(&mut self, trace: &Trace) {
        let State::New(_) = self.state else { return };
        let vantage = match node_of(trace, &self.vantage) {
            Ok(vantage) => vantage,
            Err(error) => return self.state = State::Failed(error),
        };
        let stand_in = State::Failed(io::ErrorKind::Other.into());
        let State::New(out) = core::mem::replace(&mut self.state, stand_in) else { return };
        let interfaces = Interfaces::expected(trace, vantage);
        let begun = File::begin(self.format, trace, vantage, &self.about, interfaces, out);
        self.state = match begun.and_then(|mut file| file.flush().map(|()| file)) {
            Ok(file) => State::Open(vantage, file),
            Err(error) => State::Failed(error),
        };
    }
}

impl<W: Write> Watch for Live<W> {
    fn after(&mut self, trace: &Trace, now: Time) {
        self.write_until(trace, Some(now));
    }
}

fn write_pending<W: Write>(
    file: &mut File<W>,
    trace: &Trace,
    pending: &mut BTreeSet<Pending>,
    now: Option<Time>,
) -> io::Result<()> {
    let mut is_new = false;
    while let Some((at, index, copy)) = pending.first().copied()
        && now.is_none_or(|now| at <= now)
    {
        let frame = &trace.frames[index];
        // What is said of it has to wait until it is known.
        if copy == 0 && now.is_some() && frame.fate.is_waiting() {
            break;
        }
        pending.pop_first();
        match copy.checked_sub(1) {
            None => file.frame(&sent(frame))?,
            Some(before) => file.frame(&arrived(frame, copy, &frame.fate.copies[before as usize]))?,
        }
        is_new = true;
    }
    if is_new { file.flush() } else { Ok(()) }
}

impl<W: Write> fmt::Debug for Live<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("vantage", &self.vantage).field("format", &self.format).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
