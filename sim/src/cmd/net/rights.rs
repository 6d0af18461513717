//! Which rights does a server keep when it has its interface?

use nix::sys::prctl::set_no_new_privs;
use nix::unistd::{Gid, Uid, geteuid, setgroups, setresgid, setresuid};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};

/// Where sudo has made this process root: becomes who called it, for good. Files are then read and written as that user.
/// Without sudo nothing changes.
///
/// # Errors
/// A sentence: the system refuses.
pub(in crate::cmd) fn drop_to_caller() -> Result<(), String> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let (Some(user), Some(group)) = (number("SUDO_UID"), number("SUDO_GID")) else { return Ok(()) };
    if !geteuid().is_root() || user == 0 {
        return Ok(());
    }
    let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
    // In this order: who is nobody may change no groups any more.
    let dropped =
        setgroups(&[group]).and_then(|()| setresgid(group, group, group)).and_then(|()| setresuid(user, user, user));
    dropped.map_err(|error| format!("cannot become user {user}, who called sudo: {error}"))
}

/// When the interface and the captures are open: gives every capability away, whoever this is, and the way to new ones
/// (`PR_SET_NO_NEW_PRIVS`). That holds for this thread and all that it starts, so it comes before the one that meets frames.
///
/// Root without sudo stays root in name, and may do what file modes let root do: it can read no other user's private files.
///
/// # Errors
/// A sentence: the system refuses.
pub(in crate::cmd) fn drop_capabilities() -> Result<(), String> {
    let none = CapabilitySet::empty();
    set_no_new_privs().map_err(|error| format!("cannot give up new privileges: {error}"))?;
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
        .map_err(|error| format!("cannot give up capabilities: {error}"))
}
