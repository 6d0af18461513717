//! How is a line of words taken apart?

use super::quantity::{parse_bytes, parse_ns};
use crate::nearest::nearest;

/// What stands behind a verb: positional words, then keys with values and flags in any order.
pub(super) struct Words<'t> {
    /// The positional word, if there is one.
    first: Option<&'t str>,
    pairs: Vec<(&'t str, &'t str)>,
}

impl<'t> Words<'t> {
    pub(super) fn read(mut rest: &'t str, positional: usize, keys: &[&str], flags: &[&str]) -> Result<Self, String> {
        let mut words = Self { first: None, pairs: Vec::new() };
        if positional > 0 {
            let (first, after) = word(rest);
            (words.first, rest) = (Some(first), after);
        }
        while !rest.is_empty() {
            let (key, after) = word(rest);
            if words.pairs.iter().any(|(known, _)| *known == key) {
                return Err(format!("{key} stands there twice"));
            }
            if flags.contains(&key) {
                words.pairs.push((key, ""));
                rest = after;
                continue;
            }
            if !keys.contains(&key) {
                let all = [keys, flags].concat();
                let meant = nearest_of(key, all.iter().copied());
                let allowed = if all.is_empty() { "nothing more".to_owned() } else { all.join(", ") };
                return Err(format!("found {key:?}{meant}; allowed here: {allowed}"));
            }
            let (value, after) = word(after);
            if value.is_empty() {
                return Err(format!("the value of {key} is missing"));
            }
            words.pairs.push((key, value));
            rest = after;
        }
        Ok(words)
    }

    pub(super) fn first(&self) -> Result<&'t str, String> {
        Ok(self.first.unwrap_or_default())
    }

    pub(super) fn has(&self, flag: &str) -> bool {
        self.pairs.iter().any(|(known, _)| *known == flag)
    }

    pub(super) fn maybe<T>(&self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, String> {
        let value = self.pairs.iter().find(|(known, _)| *known == key).map(|(_, value)| *value);
        value.map(|value| parse(value).map_err(|why| format!("{key}: {why}"))).transpose()
    }

    pub(super) fn or<T>(&self, key: &str, parse: impl Fn(&str) -> Result<T, String>, default: T) -> Result<T, String> {
        Ok(self.maybe(key, parse)?.unwrap_or(default))
    }

    pub(super) fn must<T>(&self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, String> {
        self.maybe(key, parse)?.ok_or_else(|| format!("{key} is missing"))
    }
}

/// The first word, and what follows it.
pub(super) fn word(text: &str) -> (&str, &str) {
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    (first, rest.trim())
}

/// `; did you mean x?`, or nothing.
pub(super) fn nearest_of<'n>(wanted: &str, names: impl Iterator<Item = &'n str>) -> String {
    nearest(wanted, names).map_or_else(String::new, |meant| format!(" (did you mean {meant}?)"))
}

pub(super) fn time(text: &str) -> Result<u64, String> {
    parse_ns(text).map_err(|allowed| format!("expected {allowed}, found {text:?}"))
}

pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let bytes = parse_bytes(text).ok().filter(|bytes| *bytes <= BYTES_MAX);
    bytes.ok_or_else(|| format!("expected a number of bytes as in 20000 or 4KiB, at most 1GiB, found {text:?}"))
}

pub(super) fn number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("expected a whole number from 0 to {}, found {text:?}", u32::MAX))
}

/// Bytes that one step may send or receive.
const BYTES_MAX: u64 = 1 << 30;
