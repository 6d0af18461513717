//! How is a value of a file read, so that an error can say where it stands?

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::ScenarioError;
use super::template;
use crate::nearest::nearest;

/// A file that is being read.
#[derive(Debug)]
pub(super) struct Source<'t> {
    /// What it is called.
    pub(super) file: &'t str,
    /// What is in it.
    pub(super) text: &'t str,
}

impl Source<'_> {
    /// An error at this byte of the text.
    pub(super) fn error(&self, at: usize, message: impl Into<String>) -> ScenarioError {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        ScenarioError { file: self.file.to_owned(), at: Some((line, column)), message: message.into() }
    }
}

/// A table of the file whose keys are all known.
#[derive(Debug)]
pub(super) struct Section<'d> {
    source: &'d Source<'d>,
    /// As it is written: `[[cable]]`.
    title: &'d str,
    at: usize,
    table: &'d DeTable<'d>,
    /// Which copy of a section with `count`: `{n}` in its texts.
    copy: Option<u64>,
}

type Read<T> = Result<T, ScenarioError>;

impl<'d> Section<'d> {
    /// The table, if all its keys are among `keys`.
    pub(super) fn new(
        source: &'d Source<'d>,
        title: &'d str,
        at: usize,
        table: &'d DeTable<'d>,
        keys: &[&[&str]],
    ) -> Read<Self> {
        let allowed: Vec<&str> = keys.concat();
        // In the order of the file, not of the alphabet.
        let unknown = table.keys().filter(|key| !allowed.contains(&key.get_ref().as_ref()));
        if let Some(key) = unknown.min_by_key(|key| key.span().start) {
            let name = key.get_ref().as_ref();
            let tip = match nearest(name, allowed.iter().copied()) {
                Some(meant) => format!("; did you mean {meant}?"),
                None => String::new(),
            };
            let message = format!("{title} has no key {name:?}{tip}\n  its keys: {}", allowed.join(", "));
            return Err(source.error(key.span().start, message));
        }
        Ok(Self { source, title, at, table, copy: None })
    }

    /// The same for copy number `n`.
    pub(super) fn copied(&self, copy: Option<u64>) -> Self {
        Self { copy, ..*self }
    }

    /// An error about this key, or about the section if it is not there.
    pub(super) fn error(&self, key: &str, message: impl Into<String>) -> ScenarioError {
        let at = self.find(key).map_or(self.at, |value| value.span().start);
        self.source.error(at, message)
    }

    fn find(&self, key: &str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.table.iter().find(|(name, _)| name.get_ref().as_ref() == key).map(|(_, value)| value)
    }

    /// What has to be there.
    pub(super) fn must<T>(&self, key: &str, value: Option<T>) -> Read<T> {
        value.ok_or_else(|| self.source.error(self.at, format!("{} needs the key {key}", self.title)))
    }

    fn wrong(&self, key: &str, allowed: &str, value: &Spanned<DeValue<'_>>) -> ScenarioError {
        let message = format!("{key}: expected {allowed}, found {}", shown(self.source.text, value));
        self.source.error(value.span().start, message)
    }

    /// Text in quotes.
    pub(super) fn text(&self, key: &str) -> Read<Option<String>> {
        let Some(value) = self.find(key) else { return Ok(None) };
        self.text_of(key, value).map(Some)
    }

    fn text_of(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Read<String> {
        let text = value.get_ref().as_str().ok_or_else(|| self.wrong(key, "text in quotes", value))?;
        let Some(copy) = self.copy else { return Ok(text.to_owned()) };
        template::fill_in(text, copy).map_err(|why| self.source.error(value.span().start, format!("{key}: {why}")))
    }

    /// A list of texts.
    pub(super) fn texts(&self, key: &str) -> Read<Vec<String>> {
        self.list(key, |text| Ok::<_, String>(text.to_owned()))
    }

    /// A list of texts, each read by `parse`.
    pub(super) fn list<T, E: ToString>(&self, key: &str, parse: impl Fn(&str) -> Result<T, E>) -> Read<Vec<T>> {
        let Some(value) = self.find(key) else { return Ok(Vec::new()) };
        let items = value.get_ref().as_array();
        let items = items.ok_or_else(|| self.wrong(key, "a list of texts as in [\"…\", \"…\"]", value))?;
        let read = |item: &Spanned<DeValue<'_>>| {
            let text = self.text_of(key, item)?;
            parse(&text).map_err(|why| self.source.error(item.span().start, why.to_string()))
        };
        items.iter().map(read).collect()
    }

    /// Text that `parse` reads; its error says what is allowed.
    pub(super) fn parsed<T>(&self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Read<Option<T>> {
        let Some(value) = self.find(key) else { return Ok(None) };
        let found = |allowed: String| self.wrong(key, &format!("{allowed}, in quotes"), value);
        if value.get_ref().as_str().is_none() {
            let allowed = parse("").err().unwrap_or_else(|| "text".to_owned());
            return Err(found(allowed));
        }
        parse(&self.text_of(key, value)?).map(Some).map_err(found)
    }

    /// Bytes: a whole number, or text with a unit.
    pub(super) fn bytes(&self, key: &str) -> Read<Option<u64>> {
        match self.find(key).map(Spanned::get_ref) {
            Some(DeValue::Integer(_)) => self.count(key, u64::MAX),
            _ => self.parsed(key, super::quantity::parse_bytes),
        }
    }

    /// A whole number from 0 to `max`.
    pub(super) fn count(&self, key: &str, max: u64) -> Read<Option<u64>> {
        let Some(value) = self.find(key) else { return Ok(None) };
        let number = value.get_ref().as_integer();
        let number = number.and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok());
        let number = number.filter(|number| *number <= max);
        number.map(Some).ok_or_else(|| self.wrong(key, &format!("a whole number from 0 to {max}"), value))
    }

    /// The same, for what is counted with 32 bits.
    pub(super) fn count_u32(&self, key: &str) -> Read<Option<u32>> {
        Ok(self.count(key, u32::MAX.into())?.and_then(|number| u32::try_from(number).ok()))
    }

    /// true or false.
    pub(super) fn flag(&self, key: &str) -> Read<Option<bool>> {
        let Some(value) = self.find(key) else { return Ok(None) };
        value.get_ref().as_bool().map(Some).ok_or_else(|| self.wrong(key, "true or false, without quotes", value))
    }

    /// A table below this one: `[cable.back]`, or `back = { … }`.
    pub(super) fn below(&self, key: &str, title: &'d str, keys: &[&str]) -> Read<Option<Self>> {
        let Some(value) = self.find(key) else { return Ok(None) };
        let table = value.get_ref().as_table().ok_or_else(|| self.wrong(key, &format!("a table {title}"), value))?;
        let below = Self::new(self.source, title, value.span().start, table, &[keys])?;
        Ok(Some(below.copied(self.copy)))
    }

    /// The tables of this name: `[[cable]]`.
    pub(super) fn all(&self, key: &str, title: &'d str, keys: &[&[&str]]) -> Read<Vec<Self>> {
        let Some(value) = self.find(key) else { return Ok(Vec::new()) };
        let items = value.get_ref().as_array().ok_or_else(|| self.wrong(key, &format!("sections {title}"), value))?;
        let read = |item: &'d Spanned<DeValue<'d>>| {
            let table = item.get_ref().as_table().ok_or_else(|| self.wrong(key, &format!("sections {title}"), item))?;
            Self::new(self.source, title, item.span().start, table, keys)
        };
        items.iter().map(read).collect()
    }

    /// Where this key's value, or an item of it, begins in the text.
    pub(super) fn place(&self, key: &str, item: Option<usize>) -> usize {
        let Some(value) = self.find(key) else { return self.at };
        let item = item.and_then(|item| value.get_ref().as_array()?.get(item));
        item.unwrap_or(value).span().start
    }
}

/// A value as it stands in the file, not too much of it.
fn shown(text: &str, value: &Spanned<DeValue<'_>>) -> String {
    let Range { start, end } = value.span();
    let source = text.get(start..end).unwrap_or_default();
    let line = source.lines().next().unwrap_or_default();
    match line.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.is_empty() => format!("a {}", value.get_ref().type_str()),
        None => line.to_owned(),
    }
}

/// Characters of a wrong value that an error shows.
const SHOWN_MAX: usize = 60;
