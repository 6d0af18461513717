//! Which names does the target of a request consist of?

use super::Status;

/// The names of folders and of the file on the way from the root, decoded, and whether a `/` stands at the end: `/a%20b/c/`
/// is `["a b", "c"]`, `true`. None is empty, `.` or `..`, and none has a `/` or NUL in it.
///
/// # Errors
/// [`Status::BadRequest`]: it is no path, or one whose bytes are no text; [`Status::Forbidden`]: it wants to go up.
pub fn components(target: &str) -> Result<(Vec<String>, bool), Status> {
    let path = origin_form(target).ok_or(Status::BadRequest)?;
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut names = Vec::new();
    for part in path.split('/') {
        let name = decode(part)?;
        match name.as_str() {
            "" | "." => {}
            // However it was written: `..`, `%2e%2e`, `.%2E`. Clients take out what stays inside before they ask.
            ".." => return Err(Status::Forbidden),
            name if name.contains(['/', '\0']) => return Err(Status::BadRequest),
            _ => names.push(name),
        }
    }
    let is_folder = path.ends_with('/') || path.ends_with("/.");
    Ok((names, is_folder))
}

/// `http://host/path`, as proxies are asked, is `/path` (RFC 9112 §3.2.2).
fn origin_form(target: &str) -> Option<&str> {
    if target.starts_with('/') {
        return Some(target);
    }
    let scheme = target.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://"))?;
    let rest = &target[scheme.len()..];
    Some(rest.find('/').map_or("/", |slash| &rest[slash..]))
}

/// `a%20b` is `a b`; once: `%2541` is `%41`.
fn decode(part: &str) -> Result<String, Status> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, others @ ..] = rest else { return Err(Status::BadRequest) };
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let (Some(high), Some(low)) = (digit(*high), digit(*low)) else { return Err(Status::BadRequest) };
        bytes.push(high << 4 | low);
        rest = others;
    }
    String::from_utf8(bytes).map_err(|_| Status::BadRequest)
}

/// `a b` as it stands in a link: `a%20b`.
pub(super) fn encode(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    name.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
