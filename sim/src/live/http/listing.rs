//! What is in this folder?

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use super::path::encode;

/// Entries that are shown.
const ENTRIES_MAX: usize = 10_000;

/// A page with a link to each entry of the folder `path`, which is at `names` from the root. Names that are no text, and
/// those that begin with `.`, are left out.
pub(super) fn page(path: &Path, names: &[String]) -> io::Result<String> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(path)?.take(ENTRIES_MAX) {
        let entry = entry?;
        // Links count as what they lead to; one that leads nowhere is shown, and not found.
        let is_folder = fs::metadata(entry.path()).is_ok_and(|meta| meta.is_dir());
        let Ok(name) = entry.file_name().into_string() else { continue };
        if !name.starts_with('.') {
            entries.push((name, is_folder));
        }
    }
    entries.sort();
    let title: String = names.iter().fold("/".to_owned(), |title, name| title + name + "/");
    let title = escape(&title);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\n<h1>{title}</h1>\n<ul>\n"
    );
    if !names.is_empty() {
        page += "<li><a href=\"../\">../</a>\n";
    }
    for (name, is_folder) in entries {
        let slash = if is_folder { "/" } else { "" };
        // Writing to a string does not fail.
        let _ = writeln!(page, "<li><a href=\"./{}{slash}\">{}{slash}</a>", encode(&name), escape(&name));
    }
    page += "</ul>\n";
    Ok(page)
}

/// Text that means itself in HTML.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            other => escaped.push(other),
        }
    }
    escaped
}
