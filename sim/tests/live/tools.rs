//! Which programs are there, and which have talked to smolsock?

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;

/// Whether there is a program of this name.
pub fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
        || Path::new("/usr/sbin").join(program).is_file()
}

/// Says that a case was skipped, and why.
///
/// # Panics
/// `SMOLSOCK_REQUIRE_TOOLS` is set.
pub fn skip(case: &str, why: &str) {
    let says_so = format!("skipped: {case}: {why}");
    assert!(std::env::var_os("SMOLSOCK_REQUIRE_TOOLS").is_none(), "{says_so}, and SMOLSOCK_REQUIRE_TOOLS is set");
    println!("live: {says_so}");
}

/// Says that a part of a case cannot be here, whatever is installed.
pub fn pass_over(why: &str) {
    println!("live:   skipped: {why}");
}

static TALKED: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());

/// This program has talked to smolsock, and was understood.
pub fn talked(program: &'static str) {
    TALKED.lock().expect("nobody panics with it").insert(program);
}

/// `live: 2 programs talked to smolsock (curl, nc)`.
pub fn tally() -> String {
    let talked = TALKED.lock().expect("nobody panics with it");
    let names: Vec<&str> = talked.iter().copied().collect();
    format!("live: {} programs talked to smolsock ({})", names.len(), names.join(", "))
}
