//! Which integration tests are there, and what do they say?

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Every test of this package's integration tests by its path, as in `wire::tests::what_is_sent_is_what_is_read`,
/// with its source. (Tests that a macro makes have no name in the source and are missing.)
pub fn all() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let mut all = BTreeMap::new();
    collect(&root, "", &mut all);
    assert!(all.len() > 200, "{} tests found", all.len());
    all
}

fn collect(folder: &Path, prefix: &str, all: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder of tests") {
        let path = entry.expect("an entry of the folder").path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_string();
        if path.is_dir() {
            collect(&path, &format!("{prefix}{stem}::"), all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let module = if stem == "mod" || stem == "main" { prefix.to_string() } else { format!("{prefix}{stem}::") };
            let text = fs::read_to_string(&path).expect("a file of tests");
            for test in text.split("#[test]\n").skip(1) {
                let head = test.trim_start().lines().find_map(|line| line.trim_start().strip_prefix("fn "));
                let name = head.and_then(|rest| rest.split('(').next()).unwrap_or_default();
                // Up to the brace that closes it: helpers that follow are not its own.
                let end = test.find("\n}\n").unwrap_or(test.len());
                all.insert(format!("{module}{name}"), test[..end].to_string());
            }
        }
    }
}
