//! Is only that served which is in the folder, and all of it?

use std::fs;
use std::io::{self, Cursor, Read, Write};
use std::path::PathBuf;

use super::*;

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("smolsock-http-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("root/sub")).expect("a folder");
        fs::write(path.join("secret"), "secret").expect("a file");
        fs::write(path.join("root/a b.txt"), "0123456789").expect("a file");
        fs::write(path.join("root/sub/index.html"), "<p>hello").expect("a file");
        fs::create_dir(path.join("root/plain")).expect("a folder");
        fs::write(path.join("root/plain/<x>&.png"), "").expect("a file");
        fs::write(path.join("root/plain/.hidden"), "").expect("a file");
        Folder(path)
    }

    fn site(&self) -> Site {
        Site::folder(&self.0.join("root")).expect("it is there")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A client that has said everything, and hears everything.
struct Client {
    says: Cursor<Vec<u8>>,
    hears: Vec<u8>,
}

impl Read for Client {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // In small pieces, as from a bad line.
        let len = buffer.len().min(7);
        self.says.read(&mut buffer[..len])
    }
}

impl Write for Client {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hears.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn ask(site: &Site, says: &str) -> String {
    let mut client = Client { says: Cursor::new(says.as_bytes().to_vec()), hears: Vec::new() };
    serve(&mut client, site, || false, |_| {}).expect("memory");
    String::from_utf8(client.hears).expect("text")
}

fn get(site: &Site, target: &str) -> String {
    ask(site, &format!("GET {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"))
}

fn status(answer: &str) -> &str {
    answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).unwrap_or(answer)
}

#[test]
fn files_and_folders_are_served_with_length_and_type() {
    let folder = Folder::new("files");
    let site = folder.site();
    let file = get(&site, "/a%20b.txt?x=1");
    assert!(file.starts_with("HTTP/1.1 200 OK\r\n") && file.ends_with("\r\n\r\n0123456789"), "{file}");
    assert!(file.contains("\r\nContent-Length: 10\r\n") && file.contains("\r\nContent-Type: text/plain"), "{file}");
    assert!(get(&site, "/sub/").ends_with("\r\n\r\n<p>hello"));
    assert!(get(&site, "http://test/sub/").ends_with("\r\n\r\n<p>hello"));
    let moved = get(&site, "//sub?a");
    assert!(status(&moved) == "301" && moved.contains("\r\nLocation: /sub/?a\r\n"), "{moved}");
    let list = get(&site, "/");
    assert!(list.contains("<a href=\"./a%20b.txt\">a b.txt</a>") && list.contains("./plain/"), "{list}");
    assert!(!list.contains("../"), "nothing is above the root: {list}");
    let list = get(&site, "/plain/");
    assert!(list.contains("<a href=\"./%3Cx%3E%26.png\">&lt;x&gt;&amp;.png</a>"), "{list}");
    assert!(list.contains("../") && !list.contains("hidden"), "{list}");
    for missing in ["/no", "/a%20b.txt/", "/a%20b.txt/x", "/sub/no/"] {
        assert_eq!(status(&get(&site, missing)), "404", "{missing}");
    }
}

#[test]
fn head_says_what_get_would_and_sends_nothing() {
    let folder = Folder::new("head");
    let answer = ask(&folder.site(), "HEAD /a%20b.txt HTTP/1.0\r\n\r\n");
    assert!(answer.contains("\r\nContent-Length: 10\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[test]
fn nothing_outside_of_the_folder_is_served() {
    let folder = Folder::new("outside");
    let site = folder.site();
    for target in [
        "/../secret",
        "/sub/../../secret",
        "/%2e%2e/secret",
        "/.%2E/secret",
        "/..%2fsecret",
        "/%2e%2e%2fsecret",
        "/sub/..",
        "/%00",
        "/a%20b.txt%00.html",
        "/%2Fetc/passwd",
        "/%zz",
        "/%2",
        "/%ff%fe",
        "etc/passwd",
        "file:///etc/passwd",
        "*",
    ] {
        let answer = get(&site, target);
        assert!(["400", "403"].contains(&status(&answer)), "{target}: {answer}");
        assert!(!answer.contains("secret\n") && !answer.contains("root:"), "{target}: {answer}");
    }
    // These names mean files in the folder, which are not there.
    for target in ["/%252e%252e/secret", "//etc/passwd", "/./.../secret", "/C:\\secret"] {
        assert_eq!(status(&get(&site, target)), "404", "{target}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_out_is_refused_and_one_that_stays_is_followed() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new("links");
    let root = folder.0.join("root");
    symlink(folder.0.join("secret"), root.join("out")).expect("a link");
    symlink(&folder.0, root.join("up")).expect("a link");
    symlink("a b.txt", root.join("in")).expect("a link");
    symlink("nowhere", root.join("broken")).expect("a link");
    fs::create_dir(root.join("index")).expect("a folder");
    symlink(folder.0.join("secret"), root.join("index/index.html")).expect("a link");
    let site = folder.site();
    for (target, expected) in
        [("/out", "403"), ("/up/secret", "403"), ("/up/", "403"), ("/in", "200"), ("/broken", "404")]
    {
        assert_eq!(status(&get(&site, target)), expected, "{target}");
    }
    let list = get(&site, "/index/");
    assert!(status(&list) == "200" && !list.ends_with("secret"), "the list, not the link: {list}");
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_opened() {
    let folder = Folder::new("socket");
    let _socket = std::os::unix::net::UnixListener::bind(folder.0.join("root/socket")).expect("a socket");
    assert_eq!(status(&get(&folder.site(), "/socket")), "403");
}

#[test]
fn a_range_is_a_part_of_the_file() {
    let folder = Folder::new("range");
    let site = folder.site();
    let ask = |range: &str| {
        ask(&site, &format!("GET /a%20b.txt HTTP/1.1\r\nHost: t\r\nRange: {range}\r\nConnection: close\r\n\r\n"))
    };
    for (range, part, bytes) in [
        ("bytes=2-4", "2-4/10", "234"),
        ("bytes=7-", "7-9/10", "789"),
        ("bytes=-2", "8-9/10", "89"),
        ("bytes=-99", "0-9/10", "0123456789"),
        ("bytes=9-999", "9-9/10", "9"),
    ] {
        let answer = ask(range);
        assert_eq!(status(&answer), "206", "{range}");
        assert!(answer.contains(&format!("\r\nContent-Range: bytes {part}\r\n")), "{answer}");
        assert!(answer.ends_with(&format!("\r\n\r\n{bytes}")), "{answer}");
    }
    for range in ["bytes=10-", "bytes=-0", "bytes=10-12"] {
        let answer = ask(range);
        assert!(status(&answer) == "416" && answer.contains("\r\nContent-Range: bytes */10\r\n"), "{answer}");
    }
    for range in ["bytes=4-2", "bytes=0-1,3-4", "lines=1-2", "bytes=+1-2", "bytes=-", "bytes=99999999999999999999-"] {
        assert_eq!(status(&ask(range)), "200", "{range}: ignored");
    }
}

#[test]
fn a_connection_stays_open_for_requests_that_come_together() {
    let folder = Folder::new("alive");
    let site = folder.site();
    let answers = ask(
        &site,
        "\r\nGET /a%20b.txt HTTP/1.1\r\nHost: t\r\n\r\nGET /no HTTP/1.1\nhost: t\n\nGET /sub/ HTTP/1.0\r\n\r\nGET / HTTP/1.1\r\n",
    );
    let statuses: Vec<&str> = answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["200", "404", "200"], "HTTP/1.0 ends it: {answers}");
    let kept = ask(&site, "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /no HTTP/1.0\r\n\r\n");
    assert_eq!(kept.matches("HTTP/1.1 ").count(), 2);
}

#[test]
fn what_is_no_request_is_answered_with_the_reason_and_the_end() {
    let folder = Folder::new("bad");
    let site = folder.site();
    let long = format!("GET / HTTP/1.1\r\nHost: t\r\nX: {}\r\n\r\n", "x".repeat(HEAD_BYTES_MAX));
    let line = "x".repeat(2 * HEAD_BYTES_MAX);
    for (says, expected) in [
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"),
        ("GET /\r\n\r\n", "400"),
        ("GET  / HTTP/1.1\r\nHost: t\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: t\r\n folded\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost : t\r\n\r\n", "400"),
        ("GET /\u{e4} HTTP/1.1\r\nHost: t\r\n\r\n", "400"),
        ("\u{16}\u{3}\u{1}hello\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\nHost: t\r\n\r\n", "501"),
        ("GET / HTTP/2.0\r\n\r\n", "505"),
        ("GET / HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc", "413"),
        ("GET / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "413"),
        (&long, "431"),
        (&line, "431"),
        (&"\r\n".repeat(HEAD_BYTES_MAX), "431"),
    ] {
        let answer = ask(&site, &format!("{says}GET / HTTP/1.1\r\nHost: t\r\n\r\n"));
        assert_eq!(status(&answer), expected, "{says:?}");
        assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "nothing follows: {answer}");
    }
}

#[test]
fn a_server_that_ends_lets_an_answer_be_the_last() {
    let folder = Folder::new("over");
    let site = folder.site();
    let mut client = Client { says: Cursor::new(b"GET / HTTP/1.1\r\n".to_vec()), hears: Vec::new() };
    let mut served = Vec::new();
    let asked = std::cell::Cell::new(0);
    let is_over = || {
        asked.set(asked.get() + 1);
        asked.get() > 1
    };
    serve(&mut client, &site, is_over, |one| served.push(one)).expect("memory");
    assert_eq!(served.iter().map(|one| one.status).collect::<Vec<_>>(), [Status::ServiceUnavailable]);
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_a_request_or_refused(bytes: Vec<u8>) {
        let _ = parse(&bytes);
    }

    #[test]
    fn whatever_a_client_says_the_answers_are_whole(
        says in "(GET|HEAD|POST|/|%2e|\\.\\.| |HTTP/1\\.[012]|\r\n|\n|host: a\r\n|Range: bytes=|[0-9]{1,3}|-|:|\u{0}|x){0,30}",
    ) {
        const PAGE: Page = Page { path: "", kind: "text/plain", text: b"a page" };
        let mut answers = ask(&Site::Pages(&[PAGE]), &(says + "\r\n\r\n"));
        while let Some((head, rest)) = answers.split_once("\r\n\r\n") {
            proptest::prop_assert!(head.starts_with("HTTP/1.1 "), "{head}");
            let len = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).and_then(|len| len.parse().ok());
            let len: usize = len.unwrap_or_else(|| panic!("no length: {head}"));
            // HEAD sends none of it, and the next answer follows.
            let len = if rest.is_empty() || rest.starts_with("HTTP/1.1 ") { 0 } else { len };
            answers = rest.get(len..).unwrap_or_else(|| panic!("{len} bytes were to follow: {rest:?}")).to_owned();
        }
        proptest::prop_assert_eq!(answers, "");
    }

    #[test]
    fn no_target_leaves_the_root(target in "/?(\\.|%2e|%2E|/|%2f|%00|%|a|\\?){0,12}") {
        if let Ok((names, _)) = components(&target) {
            for name in names {
                proptest::prop_assert!(!name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0']));
            }
        }
    }
}
