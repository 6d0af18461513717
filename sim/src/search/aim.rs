//! Does this run fail in the same way as that one?

use core::fmt;

/// What is wrong with a run, as a search looks for it in others: a failure whose sentence is like this one, numbers apart; of a
/// failure of several lines (a failed `assert_eq!` shows both sides) the first counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aim {
    like: String,
}

impl Aim {
    /// The first of a run's failures; `None` if it is good.
    pub fn of(failures: &[String]) -> Option<Aim> {
        failures.first().map(|first| Aim { like: without_numbers(first) })
    }

    /// Whether a run fails in this way too.
    pub fn is_met(&self, failures: &[String]) -> bool {
        failures.iter().any(|failure| without_numbers(failure) == self.like)
    }
}

/// The sentence, `…` for each number.
impl fmt::Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.like)
    }
}

/// Each number, with its point and the prefix of its unit, becomes `…`: when and where differs from run to run.
fn without_numbers(sentence: &str) -> String {
    let mut out = String::new();
    for char in sentence.lines().next().unwrap_or_default().chars() {
        let continues = out.ends_with('…') && (char.is_ascii_digit() || char == '.');
        match char {
            _ if continues => {}
            '0'..='9' => out.push('…'),
            _ => out.push(char),
        }
    }
    out.replace("…ns", "…s").replace("…µs", "…s").replace("…us", "…s").replace("…ms", "…s")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures(of: &[&str]) -> Vec<String> {
        of.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_good_run_is_no_aim() {
        assert_eq!(Aim::of(&[]), None);
    }

    #[test]
    fn the_same_failure_is_recognized_by_its_words() {
        let first = failures(&["server failed: byte 1460 of the stream is not what was sent", "another"]);
        let aim = Aim::of(&first).expect("it fails");
        assert!(aim.is_met(&failures(&["one", "server failed: byte 7 of the stream is not what was sent"])));
        assert!(!aim.is_met(&failures(&["client failed: byte 7 of the stream is not what was sent"])));
        assert!(!aim.is_met(&failures(&["another"])), "what failed first is looked for");
        assert!(!aim.is_met(&[]));
        let times = ["x had not ended after 3.5s", "x had not ended after 12ms", "x had not ended after 80ns"];
        let aim = Aim::of(&failures(&times[..1])).expect("it fails");
        assert!(times.iter().all(|text| aim.is_met(&failures(&[text]))));
    }
}
