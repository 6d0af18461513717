//! What is wrong with a scenario, and where?

use std::fmt;

/// What is wrong with a scenario: one or two lines for whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScenarioError {
    /// The file, as it was called by whoever read it; the scenario's name where there is no file.
    pub file: String,
    /// Line and column of the file, both from 1; `None` for a scenario that was not read from text.
    pub at: Option<(usize, usize)>,
    /// What was found, and what is allowed.
    pub message: String,
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some((line, column)) => write!(f, "{}:{line}:{column}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

impl std::error::Error for ScenarioError {}

/// A place in a scenario, for [`check`](super::check): which element of which section, which key, which item of its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The section, `host` for `[[host]]`; empty for the keys at the top.
    pub(super) section: &'static str,
    /// Which of them, from 0.
    pub(super) index: usize,
    /// The key; empty for the section as a whole.
    pub(super) key: &'static str,
    /// Which item, where the value is a list.
    pub(super) item: Option<usize>,
}

/// What is wrong at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) place: Place,
    pub(super) message: String,
}
