//! Which file has this name, and may it be sent?

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::{Status, listing};

/// What is served.
#[derive(Clone, Debug)]
pub enum Site {
    /// The files of a folder and of the folders in it.
    Folder(PathBuf),
    /// Pages that are in the program.
    Pages(&'static [Page]),
}

/// A page that is in the program.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// From the root, without `/` in front; empty: the root itself.
    pub path: &'static str,
    /// What its text is: `text/html; charset=utf-8`.
    pub kind: &'static str,
    /// Its bytes.
    pub text: &'static [u8],
}

/// What a name stands for.
#[derive(Debug)]
pub enum Content {
    /// Bytes in memory, and their type.
    Bytes(Vec<u8>, &'static str),
    /// An open file, its length and type.
    File(File, u64, &'static str),
    /// A folder that was asked for without `/` at the end.
    Elsewhere,
}

impl Site {
    /// The files of `folder`.
    ///
    /// # Errors
    /// It is not there, is no folder, or cannot be read.
    pub fn folder(folder: &Path) -> io::Result<Site> {
        let root = folder.canonicalize()?;
        fs::read_dir(&root)?;
        Ok(Site::Folder(root))
    }

    /// What the names on the way from the root lead to: see [`components`](super::components).
    ///
    /// # Errors
    /// [`Status::NotFound`], [`Status::Forbidden`]: a link leads out of the folder, it may not be read, or it is neither file
    /// nor folder; [`Status::InternalServerError`]: it cannot be read.
    pub fn find(&self, names: &[String], is_folder: bool) -> Result<Content, Status> {
        match self {
            Site::Folder(root) => find(root, names, is_folder),
            Site::Pages(pages) => {
                let path = names.join("/");
                let page = pages.iter().find(|page| page.path == path).ok_or(Status::NotFound)?;
                Ok(Content::Bytes(page.text.to_vec(), page.kind))
            }
        }
    }
}

fn find(root: &Path, names: &[String], is_folder: bool) -> Result<Content, Status> {
    let path = resolve(root, names)?;
    let meta = fs::metadata(&path).map_err(|error| status(&error))?;
    if meta.is_file() && !is_folder {
        return open(&path);
    }
    match (meta.is_dir(), is_folder || names.is_empty()) {
        (true, true) => {}
        (true, false) => return Ok(Content::Elsewhere),
        // `/file/` names nothing; a device or a pipe is not read.
        (false, _) => return Err(if meta.is_file() { Status::NotFound } else { Status::Forbidden }),
    }
    let index = [names, &["index.html".to_owned()]].concat();
    match resolve(root, &index) {
        Ok(index) if index.is_file() => open(&index),
        Ok(_) | Err(_) => {
            let page = listing::page(&path, names).map_err(|error| status(&error))?;
            Ok(Content::Bytes(page.into_bytes(), HTML))
        }
    }
}

/// The path with all links followed, which is inside of `root`.
fn resolve(root: &Path, names: &[String]) -> Result<PathBuf, Status> {
    let wanted = names.iter().fold(root.to_owned(), |path, name| path.join(name));
    let path = wanted.canonicalize().map_err(|error| status(&error))?;
    if path.starts_with(root) { Ok(path) } else { Err(Status::Forbidden) }
}

fn open(path: &Path) -> Result<Content, Status> {
    let file = File::open(path).map_err(|error| status(&error))?;
    let meta = file.metadata().map_err(|error| status(&error))?;
    if !meta.is_file() {
        return Err(Status::Forbidden);
    }
    Ok(Content::File(file, meta.len(), kind(path)))
}

fn status(error: &io::Error) -> Status {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename => Status::NotFound,
        io::ErrorKind::PermissionDenied => Status::Forbidden,
        _ => Status::InternalServerError,
    }
}

const HTML: &str = "text/html; charset=utf-8";

/// The media type, by the extension.
pub(super) fn kind(path: &Path) -> &'static str {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "html" | "htm" => HTML,
        "txt" | "md" | "rs" | "toml" | "log" | "c" | "h" | "py" | "sh" => "text/plain; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "xml" => "application/xml",
        "pdf" => "application/pdf",
        "wasm" => "application/wasm",
        "zip" => "application/zip",
        "gz" => "application/gzip",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "mp3" => "audio/mpeg",
        "mp4" => "video/mp4",
        "pcap" | "pcapng" => "application/vnd.tcpdump.pcap",
        _ => "application/octet-stream",
    }
}
