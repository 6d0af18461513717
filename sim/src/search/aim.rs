//! Does this run fail, and in the same way as that one?

use core::fmt;

use crate::time::{Time, in_words};

/// What is wrong with a run, as a search looks for it in others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aim {
    /// Its applications need longer than this.
    Slower {
        /// In ns of virtual time, from the start.
        bound_ns: u64,
    },
    /// It breaks a promise: one whose sentence is like this one, numbers apart.
    Broken {
        /// The sentence, numbers left out.
        like: String,
    },
}

impl Aim {
    /// What is wrong with a run that broke promises as `failures` say and `took` so long; `None` if it is good. A broken
    /// promise weighs more than a bound.
    pub fn of(failures: &[String], took: Time, bound_ns: Option<u64>) -> Option<Aim> {
        match (failures, bound_ns) {
            ([first, ..], _) => Some(Aim::Broken { like: without_numbers(first) }),
            ([], Some(bound_ns)) if took.as_nanos() > bound_ns => Some(Aim::Slower { bound_ns }),
            ([], _) => None,
        }
    }

    /// Whether a run fails in this way too.
    pub fn is_met(&self, failures: &[String], took: Time) -> bool {
        match self {
            Aim::Slower { bound_ns } => took.as_nanos() > *bound_ns,
            Aim::Broken { like } => failures.iter().any(|failure| without_numbers(failure) == *like),
        }
    }
}

/// `takes longer than 3s`, `breaks a promise: …`.
impl fmt::Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Aim::Slower { bound_ns } => write!(f, "takes longer than {}", in_words(*bound_ns)),
            Aim::Broken { like } => write!(f, "breaks a promise: {like}"),
        }
    }
}

/// The sentence of a run that was too slow.
pub fn too_slow(took: Time, bound_ns: u64) -> String {
    format!("it took {took}, longer than {}", in_words(bound_ns))
}

/// Each number, with its point and unit prefix, becomes `…`: when and where differs from run to run, what does not.
fn without_numbers(sentence: &str) -> String {
    let mut out = String::new();
    for char in sentence.chars() {
        let continues = out.ends_with('…') && (char.is_ascii_digit() || char == '.');
        match char {
            _ if continues => {}
            '0'..='9' => out.push('…'),
            _ => out.push(char),
        }
    }
    out.replace("…ns", "…s").replace("…µs", "…s").replace("…ms", "…s")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn failures(of: &[&str]) -> Vec<String> {
        of.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_good_run_is_no_aim() {
        assert_eq!(Aim::of(&[], Time::from_secs(5), None), None);
        assert_eq!(Aim::of(&[], Time::from_secs(5), Some(5 * SECOND)), None, "a bound may be reached");
    }

    #[test]
    fn a_bound_is_exceeded_by_whatever_takes_longer() {
        let aim = Aim::of(&[], Time::from_nanos(5 * SECOND + 1), Some(5 * SECOND)).expect("too slow");
        assert!(aim.is_met(&[], Time::from_secs(60)));
        assert!(!aim.is_met(&failures(&["something else"]), Time::from_secs(5)));
        assert_eq!(aim.to_string(), "takes longer than 5s");
    }

    #[test]
    fn the_same_promise_is_recognized_by_its_words() {
        let first = failures(&["server failed: byte 1460 of the stream is not what was sent", "another"]);
        let aim = Aim::of(&first, Time::from_secs(9), Some(SECOND)).expect("broken");
        assert!(aim.is_met(&failures(&["one", "server failed: byte 7 of the stream is not what was sent"]), Time::ZERO));
        assert!(!aim.is_met(&failures(&["client failed: byte 7 of the stream is not what was sent"]), Time::ZERO));
        assert!(!aim.is_met(&[], Time::from_secs(60)));
        let times = ["x had not ended after 3.5s", "x had not ended after 12ms", "x had not ended after 80ns"];
        let aim = Aim::of(&failures(&times[..1]), Time::ZERO, None).expect("broken");
        assert!(times.iter().all(|text| aim.is_met(&failures(&[text]), Time::ZERO)));
    }
}
