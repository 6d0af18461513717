//! How are faults written?

use super::quantity::{parse_ns, print_ns};
use crate::link::{Act, Direction};

/// Reads `forward` or `back`.
pub(super) fn parse_direction(text: &str) -> Result<Direction, String> {
    match text {
        "forward" => Ok(Direction::Forward),
        "back" => Ok(Direction::Back),
        _ => Err("forward (from a to b) or back".to_owned()),
    }
}

/// Reads `frame 6`.
pub(super) fn parse_when(text: &str) -> Result<u64, String> {
    let number = text.strip_prefix("frame ").and_then(|number| number.parse().ok());
    number.ok_or_else(|| "the number of a frame in its direction, from 0, as in frame 6".to_owned())
}

/// Prints so that [`parse_when`] reads it.
pub(super) fn print_when(nth: u64) -> String {
    format!("frame {nth}")
}

/// Reads `drop`, `duplicate`, `delay 5ms` or `corrupt byte 30 bit 2`.
pub(super) fn parse_act(text: &str) -> Result<Act, String> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let act = match words[..] {
        ["drop"] => Some(Act::Drop),
        ["duplicate"] => Some(Act::Duplicate),
        ["delay", time] => parse_ns(time).ok().map(Act::Delay),
        ["corrupt", "byte", byte, "bit", bit] => {
            byte.parse().ok().zip(bit.parse().ok().filter(|bit| *bit < 8)).map(|(byte, bit)| Act::Corrupt { byte, bit })
        }
        _ => None,
    };
    act.ok_or_else(|| "drop, duplicate, delay 5ms or corrupt byte 30 bit 2 (bits 0 to 7)".to_owned())
}

/// Prints so that [`parse_act`] reads it.
pub(super) fn print_act(act: &Act) -> String {
    match act {
        Act::Drop => "drop".to_owned(),
        Act::Duplicate => "duplicate".to_owned(),
        Act::Delay(nanos) => format!("delay {}", print_ns(*nanos)),
        Act::Corrupt { byte, bit } => format!("corrupt byte {byte} bit {bit}"),
    }
}
