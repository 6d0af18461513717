//! How is a run told: as a ladder, in numbers, as JSON?

pub mod json;
pub mod ladder;
pub mod summary;
mod text;

pub use text::{shell_word, thousands, wrapped};

/// How text looks. Everything is written to a writer that the caller brings; nothing here asks what it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// With ANSI colours: losses red, repeats yellow, notes dim.
    pub colour: bool,
}
