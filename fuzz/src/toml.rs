//! Does a scenario file mean what it says, and say what is wrong with it?

use std::str::FromStr;

use arbitrary::Arbitrary;
use smolsock_sim::scenario::{Scenario, ScenarioError, Step, quantity};

use crate::Attack;

/// Any text: the bytes of the corpus as they are.
#[derive(Arbitrary, Debug)]
pub struct Toml(String);

/// How scenarios are read and written.
#[derive(Clone, Copy, Debug)]
pub struct Codec {
    /// Of a file of this name.
    pub parse: fn(&str, &str) -> Result<Scenario, ScenarioError>,
    /// As a file.
    pub print: fn(&Scenario) -> String,
}

impl Codec {
    /// Ours.
    pub const OURS: Codec = Codec { parse: Scenario::parse, print: Scenario::to_toml };
}

/// What the text is called in errors.
const FILE: &str = "any.toml";
/// Longer than any message about a short file.
const MESSAGE_MAX_BYTES: usize = 4_096;

impl Attack for Toml {
    fn play(self) {
        look(&self.0, Codec::OURS);
    }
}

/// Reads a text as a scenario, and each of its lines as a step and as quantities.
///
/// # Panics
/// If what was accepted does not come back from its own print, or an error does not say where.
pub fn look(text: &str, codec: Codec) {
    match (codec.parse)(FILE, text) {
        Ok(scenario) => {
            let printed = (codec.print)(&scenario);
            assert_eq!((codec.parse)(FILE, &printed).as_ref(), Ok(&scenario), "printed as:\n{printed}");
            assert_eq!((codec.print)(&scenario), printed);
        }
        Err(error) => look_at_error(text, &error),
    }
    for line in text.lines() {
        let line = line.trim().trim_matches('"');
        if let Ok(step) = Step::from_str(line) {
            assert_eq!(Step::from_str(&step.to_string()), Ok(step.clone()), "{line:?} printed as {step}");
        }
        let words = line.split([' ', '"']).filter(|word| !word.is_empty());
        words.for_each(look_at_quantity);
    }
}

fn look_at_error(text: &str, error: &ScenarioError) {
    assert_eq!(error.file, FILE);
    let len = error.message.len();
    assert!((1..MESSAGE_MAX_BYTES + 2 * text.len()).contains(&len), "a message of {len} bytes");
    // What only the stack itself can tell has no place in the file.
    let Some((line, column)) = error.at else { return };
    let lines: Vec<&str> = text.split('\n').collect();
    assert!((1..=lines.len()).contains(&line), "{error}");
    assert!((1..=lines[line - 1].chars().count() + 1).contains(&column), "{error}");
    assert!(error.to_string().starts_with(&format!("{FILE}:{line}:{column}: ")));
}

fn look_at_quantity(word: &str) {
    if let Ok(nanos) = quantity::parse_ns(word) {
        assert_eq!(quantity::parse_ns(&quantity::print_ns(nanos)), Ok(nanos), "{word}");
    }
    if let Ok(ppm) = quantity::parse_ppm(word) {
        assert!(ppm <= 1_000_000, "{word}");
        assert_eq!(quantity::parse_ppm(&quantity::print_ppm(ppm)), Ok(ppm), "{word}");
    }
    if let Ok(bps) = quantity::parse_bps(word) {
        assert_eq!(quantity::parse_bps(&quantity::print_bps(bps)), Ok(bps), "{word}");
    }
    if let Ok(bytes) = quantity::parse_bytes(word) {
        assert_eq!(quantity::parse_bytes(&quantity::print_bytes(bytes)), Ok(bytes), "{word}");
    }
}
