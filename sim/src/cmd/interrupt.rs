//! Does the user want it to end?

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// The exit code of what was stopped: 128 and the number of SIGINT, as shells have it.
pub(super) const STOPPED: u8 = 130;

/// A flag that Ctrl-C (SIGINT, SIGTERM, SIGHUP) sets from now on; the second Ctrl-C ends the process at once.
///
/// # Errors
/// A sentence, where the system has no such signals.
pub(super) fn flag() -> Result<&'static AtomicBool, String> {
    static FLAG: AtomicBool = AtomicBool::new(false);
    static HANDLER: OnceLock<Result<(), String>> = OnceLock::new();
    let on_signal = || {
        if FLAG.swap(true, Ordering::Relaxed) {
            std::process::exit(STOPPED.into());
        }
    };
    let handler = HANDLER.get_or_init(|| ctrlc::set_handler(on_signal).map_err(|error| error.to_string()));
    match handler {
        Ok(()) => Ok(&FLAG),
        Err(error) => Err(format!("cannot listen to Ctrl-C: {error}")),
    }
}
