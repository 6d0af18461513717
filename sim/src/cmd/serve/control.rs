//! How does another process see the connections of a running stack?

use std::fs::{self, DirBuilder};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;

use nix::unistd::geteuid;
use smolsock::Counters;
use smolsock::blocking::Net;
use smolsock_sim::live::{End, SharedCable};

use super::super::net::Running;

/// A socket at which every caller is told the tables of the stack. Its file goes with it.
pub(in crate::cmd) struct Control {
    path: PathBuf,
}

impl Control {
    /// Opens it. `command`: who runs the stack.
    ///
    /// # Errors
    /// A sentence: there is no place for it.
    pub(in crate::cmd) fn open(running: &Running, command: &str) -> Result<Control, String> {
        let dir = directory()?;
        let pid = std::process::id();
        let path = dir.join(format!("{}-{pid}.sock", running.name));
        // Left by another process that had this number.
        let _ = fs::remove_file(&path);
        let listener = UnixListener::bind(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let addresses: Vec<String> = running.addresses.iter().map(ToString::to_string).collect();
        let title = format!("{command} (process {pid}) on {}, {}", running.name, addresses.join(", "));
        let (net, cable) = (running.net.clone(), running.cable.clone());
        thread::Builder::new()
            .spawn(move || {
                while let Ok((caller, _)) = listener.accept() {
                    // A caller that goes away has seen enough.
                    let _ = tell(caller, &title, &net, cable.as_ref());
                }
            })
            .map_err(|error| format!("a thread: {error}"))?;
        Ok(Control { path })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn tell(mut caller: UnixStream, title: &str, net: &Net, cable: Option<&SharedCable>) -> io::Result<()> {
    caller.set_write_timeout(Some(PATIENCE))?;
    let (netstat, arp, counters) =
        net.stack(|stack| (stack.netstat().to_string(), stack.arp().to_string(), counts(stack.counters())));
    writeln!(caller, "{title}\n{}", netstat.trim_end())?;
    if arp.lines().count() > 1 {
        writeln!(caller, "{}", arp.trim_end())?;
    }
    writeln!(caller, "{counters}")?;
    if let Some(cable) = cable {
        let cable = cable.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(caller, "cable: from the stack {}; to the stack {}", cable.counts(End::A), cable.counts(End::B))?;
    }
    Ok(())
}

/// Those that counted anything.
fn counts(counters: &Counters) -> String {
    let text = format!("{counters:?}");
    let fields = text.trim_start_matches("Counters { ").trim_end_matches(" }").split(", ");
    fields.filter(|field| !field.ends_with(": 0")).collect::<Vec<_>>().join(", ")
}

/// What each running stack of this user tells. One that does not answer is left out; if it has ended, so is its file.
///
/// # Errors
/// A sentence: a directory cannot be read.
pub(in crate::cmd) fn ask_all(interface: Option<&str>) -> Result<Vec<String>, String> {
    let mut paths = Vec::new();
    // What others could have made tells nothing of this user's servers.
    for dir in directories().into_iter().filter(|dir| check(dir).is_ok()) {
        let cannot = |error: io::Error| format!("{}: {error}", dir.display());
        for entry in fs::read_dir(&dir).map_err(cannot)? {
            paths.push(entry.map_err(cannot)?.path());
        }
    }
    paths.sort();
    let is_wanted = |path: &&PathBuf| {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.rsplit_once('-'));
        stem.is_some_and(|(name, _)| interface.is_none_or(|wanted| wanted == name))
    };
    Ok(paths.iter().filter(is_wanted).filter_map(|path| ask(path)).collect())
}

fn ask(path: &Path) -> Option<String> {
    let mut text = String::new();
    let result = UnixStream::connect(path).and_then(|stream| {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.take(ANSWER_BYTES_MAX).read_to_string(&mut text)
    });
    match result {
        Ok(_) => Some(text),
        Err(error) => {
            if error.kind() == io::ErrorKind::ConnectionRefused {
                let _ = fs::remove_file(path);
            }
            None
        }
    }
}

/// Where this user's sockets are made: the first of [`directories`]. Nobody else may look in.
fn directory() -> Result<PathBuf, String> {
    let dir = directories().swap_remove(0);
    match DirBuilder::new().mode(0o700).create(&dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(format!("{}: {error}", dir.display()));
        }
        _ => {}
    }
    check(&dir)?;
    Ok(dir)
}

/// Where they may be: what sudo runs knows no XDG_RUNTIME_DIR.
fn directories() -> Vec<PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty());
    let runtime = runtime.map(|dir| PathBuf::from(dir).join("smolsock"));
    runtime.into_iter().chain([std::env::temp_dir().join(format!("smolsock-{}", geteuid()))]).collect()
}

/// Whether it is a directory of this user alone.
fn check(dir: &Path) -> Result<(), String> {
    let meta = fs::symlink_metadata(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let is_ours = meta.is_dir() && meta.uid() == geteuid().as_raw() && meta.mode() & 0o077 == 0;
    if is_ours { Ok(()) } else { Err(format!("{}: others may write there", dir.display())) }
}

/// How long the other side may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// More is not read of an answer.
const ANSWER_BYTES_MAX: u64 = 4 << 20;
