//! How do the copies of a section differ?
//!
//! In a section with `count = N`, `{n}` in a text is the number of the copy, from 0. Operators follow it, and are applied
//! from left to right: `{n/4+1}`. A width with leading zeros stands behind a colon: `{n+1:02}`.

/// The text with each `{n…}` replaced for copy number `n`. Other braces stay as they are.
///
/// # Errors
/// What is wrong with a placeholder.
pub(super) fn fill_in(text: &str, n: u64) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(begin) = rest.find("{n") {
        let Some(len) = rest[begin..].find('}') else { break };
        let inner = &rest[begin + 2..begin + len];
        out.push_str(&rest[..begin]);
        if inner.starts_with(|char: char| char.is_ascii_alphabetic()) {
            out.push_str(&rest[begin..=begin + len]);
        } else {
            let value = evaluate(inner, n).ok_or_else(|| {
                format!("{{n{inner}}} is no number: expected {{n}}, {{n+1}}, {{n/4+1}} or {{n+1:02}}, of + - * / %")
            })?;
            out.push_str(&value);
        }
        rest = &rest[begin + len + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

/// `+1:02`, applied to `n`.
fn evaluate(inner: &str, n: u64) -> Option<String> {
    let (sums, width) = inner.split_once(':').unwrap_or((inner, "0"));
    let mut value = n;
    let mut rest = sums;
    while !rest.is_empty() {
        let operator = rest.chars().next()?;
        let digits = rest[operator.len_utf8()..].find(|char: char| !char.is_ascii_digit());
        let end = digits.map_or(rest.len(), |digits| digits + operator.len_utf8());
        let number: u64 = rest[operator.len_utf8()..end].parse().ok()?;
        value = match operator {
            '+' => value.checked_add(number)?,
            '-' => value.checked_sub(number)?,
            '*' => value.checked_mul(number)?,
            '/' => value.checked_div(number)?,
            '%' => value.checked_rem(number)?,
            _ => return None,
        };
        rest = &rest[end..];
    }
    let width: usize = width.parse().ok().filter(|width| *width <= WIDTH_MAX)?;
    Some(format!("{value:0width$}"))
}

/// As many digits as the largest number has.
const WIDTH_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_numbered() {
        let filled = |text: &str| fill_in(text, 6).expect("a good text");
        assert_eq!(filled("host{n}"), "host6");
        assert_eq!(filled("client {n%4} of host{n/4+1:02}"), "client 2 of host02");
        assert_eq!(filled("192.0.2.{n+101}/24 and {local} {name}"), "192.0.2.107/24 and {local} {name}");
        assert_eq!(filled("{n"), "{n");
    }

    #[test]
    fn what_cannot_be_reckoned_is_refused() {
        for text in ["{n/0}", "{n-7}", "{n+}", "{n:x}", "{n:99}", "{n^2}", "{n*99999999999999999999}", "{n+é}", "{n 1}"]
        {
            assert!(fill_in(text, 6).is_err(), "{text}");
        }
    }
}
