//! Which rights does a server keep when it has its interface?

use nix::unistd::{Gid, Uid, geteuid, setgroups, setresgid, setresuid};

/// Where sudo has made this process root: becomes who called it, for good. Files are then read and written as that user.
/// Without sudo nothing changes.
///
/// # Errors
/// A sentence: the system refuses.
pub(super) fn drop_to_caller() -> Result<(), String> {
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
