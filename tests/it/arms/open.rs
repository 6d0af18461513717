//! Which cases does our stack not answer as Linux yet?

/// Names of cases, each with what is wrong. A case that has come to agree must leave the list.
pub const OPEN: &[(&str, &str)] = &[];

/// What is wrong in this case, if it is known.
pub fn reason(name: &str) -> Option<&'static str> {
    OPEN.iter().find(|(open, _)| *open == name).map(|(_, what)| *what)
}
