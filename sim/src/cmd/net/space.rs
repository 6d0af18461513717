//! In which network is a thread?

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::{getegid, geteuid};

/// Moves this process into a network namespace of its own, and where it has no right to that, into a user namespace of
/// its own as well, as its root. Nothing of it is left when its processes have ended.
///
/// There must be no second thread: a user namespace is for the whole process.
///
/// # Errors
/// A sentence that says what forbids it, and what helps.
pub(in crate::cmd) fn make_private() -> Result<(), String> {
    match unshare(CloneFlags::CLONE_NEWNET) {
        Ok(()) => return Ok(()),
        Err(Errno::EPERM) => {}
        Err(error) => return Err(format!("cannot make a network namespace: {error}")),
    }
    let (user, group) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET).map_err(why_not)?;
    // Without this no group may be mapped by somebody without rights (user_namespaces(7)).
    let write = |file: &str, text: String| {
        fs::write(format!("/proc/self/{file}"), text)
            .map_err(|error| format!("cannot write /proc/self/{file}: {error}"))
    };
    write("setgroups", "deny".to_owned())?;
    write("uid_map", format!("0 {user} 1"))?;
    write("gid_map", format!("0 {group} 1"))
}

fn why_not(error: Errno) -> String {
    let setting = |path: &str| fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default();
    let what = if setting("/proc/sys/kernel/unprivileged_userns_clone") == "0" {
        ": kernel.unprivileged_userns_clone is 0"
    } else if setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" {
        ": kernel.apparmor_restrict_unprivileged_userns is 1"
    } else if setting("/proc/sys/user/max_user_namespaces") == "0" {
        ": user.max_user_namespaces is 0"
    } else {
        ""
    };
    format!("this system lets nobody but root make a network ({error}{what}); run it with sudo")
}

/// A network namespace that exists: `7`, of the process of that number; `blue`, as `ip netns` names it; a path with a `/`.
///
/// # Errors
/// A sentence that names it.
pub(in crate::cmd) fn open(name: &str) -> Result<File, String> {
    let path = if name.contains('/') {
        PathBuf::from(name)
    } else if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
        Path::new("/proc").join(name).join("ns/net")
    } else {
        Path::new("/run/netns").join(name)
    };
    File::open(&path).map_err(|error| {
        let hint = "a name of `ip netns list`, the number of a process, or a path is wanted";
        format!("there is no network namespace {name:?} ({}: {error}); {hint}", path.display())
    })
}

/// Calls `work` in a thread that lives in `space`, or in the network of this one.
pub(in crate::cmd) fn within<R: Send>(space: Option<&File>, work: impl FnOnce() -> R + Send) -> io::Result<R> {
    let Some(space) = space else { return Ok(work()) };
    let moved = || -> io::Result<R> {
        setns(space, CloneFlags::CLONE_NEWNET)?;
        Ok(work())
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new().spawn_scoped(scope, moved)?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
