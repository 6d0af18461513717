//! Is the project as its own rules want it?

use std::fs;
use std::path::{Path, PathBuf};

use smolsock_sim::library;
use smolsock_sim::oracle::Oracle;

#[test]
fn every_file_says_in_its_first_line_which_question_it_answers() {
    for path in sources() {
        let text = read(&path);
        let first = text.lines().next().unwrap_or_default();
        let is_good = first.starts_with("//! ") || (path.ends_with("lib.rs") && first.starts_with("#![doc"));
        assert!(is_good, "{}:1: expected `//! ` and a sentence, found {first:?}", path.display());
    }
}

#[test]
fn no_file_is_longer_than_500_lines_before_its_tests() {
    for path in sources() {
        let text = read(&path);
        let lines = text.lines().take_while(|line| !line.trim_start().starts_with("#[cfg(test)]")).count();
        // A file that is a tests module itself does not count.
        let is_tests = path.file_stem().is_some_and(|stem| stem == "tests");
        assert!(lines <= 500 || is_tests, "{}: {lines} lines", path.display());
    }
}

#[test]
fn nothing_is_left_to_do() {
    for path in sources() {
        let text = read(&path);
        for (number, line) in text.lines().enumerate() {
            for word in ["todo!", "unimplemented!", "dbg!", "FIXME", "XXX"] {
                assert!(!line.contains(word), "{}:{}: {word}", path.display(), number + 1);
            }
        }
    }
}

#[test]
fn one_file_alone_may_be_unsafe() {
    let is_word =
        |line: &str| line.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word.starts_with("unsafe"));
    let is_comment = |line: &str| line.trim_start().starts_with("//") || line.contains("forbid(unsafe_code)");
    let with_it: Vec<PathBuf> = sources()
        .into_iter()
        .filter(|path| read(path).lines().any(|line| !is_comment(line) && is_word(line)))
        .collect();
    assert_eq!(with_it, [root().join("src/device/tap/sys.rs")]);
}

#[test]
fn the_manual_counts_the_lints_that_are_lifted() {
    let core = root().join("src");
    let files = sources().into_iter().filter(|path| path.starts_with(&core) && *path != core.join("lib.rs"));
    let text: String = files.map(|path| read(&path)).collect();
    let page = read(&core.join("manual/panics.md"));
    for (lint, before) in
        [("indexing_slicing", "why it cannot be wrong;\n  "), ("arithmetic_side_effects", "what bounds it; ")]
    {
        let count = text.matches(&format!("clippy::{lint}")).count();
        assert!(page.contains(&format!("{before}there are {count}.")), "{lint}: {count}");
    }
}

#[test]
fn the_readme_names_every_scenario() {
    let readme = read(&root().join("README.md"));
    for entry in library::all() {
        assert!(readme.contains(entry.name), "README.md does not mention the scenario {}", entry.name);
    }
}

#[test]
fn the_manual_has_every_oracle_with_its_sentence() {
    let page = read(&root().join("src/manual/oracles.md"));
    for oracle in Oracle::ALL {
        let row = format!("\n| `{}` | {} | ", oracle.name(), oracle.sentence());
        assert!(page.contains(&row), "src/manual/oracles.md has no row {row:?}");
    }
}

#[test]
fn every_page_of_the_manual_is_in_the_readme() {
    let readme = read(&root().join("README.md"));
    let pages = files_in(&root().join("src/manual"));
    let pages = pages.iter().filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    for page in pages.filter_map(|path| path.file_stem()?.to_str()) {
        // The pages about the stack are named by what they say.
        let is_named = readme.contains(&format!("`{page}`")) || ["flow", "demux", "limits", "rfc9293"].contains(&page);
        assert!(is_named, "README.md does not mention the page {page} of the manual");
    }
}

#[test]
fn every_scenario_file_is_in_the_list() {
    let mut files: Vec<String> = files_in(&root().join("sim/scenarios"))
        .iter()
        .filter_map(|path| path.file_stem()?.to_str().map(str::to_owned))
        .collect();
    let mut listed: Vec<String> = library::all().iter().map(|entry| entry.name.to_owned()).collect();
    files.sort();
    listed.sort();
    assert_eq!(files, listed);
}

#[test]
fn the_image_without_an_operating_system_makes_every_call() {
    let image: String = files_in(&root().join("tests/bare/src")).iter().map(|path| read(path)).collect();
    let mut calls = files_in(&root().join("src/stack/calls"));
    calls.extend(files_in(&root().join("src/view")));
    calls.push(root().join("src/stack/mod.rs"));
    let mut names = 0;
    for path in calls {
        let text = read(&path);
        let is_of_the_stack = |block: &&str| block.lines().next().is_some_and(|line| line.contains("Stack<"));
        for line in text.split("\nimpl").filter(is_of_the_stack).flat_map(str::lines) {
            let Some((_, rest)) = line.split_once("    pub fn ") else { continue };
            let name = rest.split(['(', '<']).next().expect("the text before the first bracket");
            let is_made = ["client", "server", "stack"].iter().any(|host| image.contains(&format!("{host}.{name}(")));
            assert!(is_made, "{}: nobody in tests/bare calls `{name}`", path.display());
            names += 1;
        }
    }
    assert!(names > 40, "{names} calls found");
}

/// All Rust files of both packages.
fn sources() -> Vec<PathBuf> {
    let mut all = files_in(&root().join("src"));
    all.extend(files_in(&root().join("sim/src")));
    all.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    assert!(all.len() > 50, "{} files found", all.len());
    all
}

/// Files in a folder and the folders in it.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.expect("an entry of the folder").path();
        if path.is_dir() {
            files.extend(files_in(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
