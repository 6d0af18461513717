//! Can captures be written there?

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

/// Makes the directory if it is not there, and tries whether files can be made in it. Nothing is left in it.
///
/// # Errors
///
/// A sentence that names the directory and the reason.
pub(super) fn prepare(dir: &Path) -> Result<(), String> {
    let explain = |error: io::Error| {
        let reason = match error.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => "there is a file of that name".to_owned(),
            _ => error.to_string(),
        };
        format!("cannot write captures to {}: {reason}", dir.display())
    };
    fs::create_dir_all(dir).map_err(explain)?;
    let probe = dir.join(format!(".smolsock-probe-{}", std::process::id()));
    OpenOptions::new().write(true).create_new(true).open(&probe).map_err(explain)?;
    fs::remove_file(&probe).map_err(explain)
}
