//! How are faults written, and changes of the network?

use super::error::ScenarioError;
use super::model::{Change, Power};
use super::quantity::{parse_ns, print_ns};
use super::section::Section;
use super::write::Lines;
use super::{devices, impair, model};
use crate::link::{Act, Direction, Fault, Impairments, Pattern, When};
use crate::time::Time;
use crate::world::{self, Ways};

/// Reads `[[fault]]`.
pub(super) fn read(section: &Section<'_>) -> Result<model::Fault, ScenarioError> {
    let when = section.must("when", section.parsed("when", parse_when)?)?;
    let act = section.must("act", section.parsed("act", parse_act)?)?;
    Ok(model::Fault {
        cable: section.must("cable", section.text("cable")?)?,
        direction: section.must("direction", section.parsed("direction", parse_direction)?)?,
        fault: Fault { when, act },
    })
}

/// Prints `[[fault]]`.
pub(super) fn write(lines: &mut Lines, fault: &model::Fault) {
    lines.title("[[fault]]");
    lines.text("cable", &fault.cable);
    lines.text("direction", fault.direction.as_str());
    lines.text("when", &print_when(&fault.fault.when));
    lines.text("act", &print_act(&fault.fault.act));
}

/// Whether a file can say this fault.
pub(super) fn is_sayable(fault: &Fault) -> bool {
    parse_when(&print_when(&fault.when)) == Ok(fault.when) && parse_act(&print_act(&fault.act)) == Ok(fault.act)
}

fn parse_direction(text: &str) -> Result<Direction, String> {
    match text {
        "forward" => Ok(Direction::Forward),
        "back" => Ok(Direction::Back),
        _ => Err("forward (from a to b) or back".to_owned()),
    }
}

fn parse_when(text: &str) -> Result<When, String> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let time = |text: &str| parse_ns(text).ok().map(Time::from_nanos);
    let when = match words[..] {
        ["frame", nth] => nth.parse().ok().map(When::Frame),
        ["segment", index] => index.parse().ok().map(|index| When::Segment { index, transmission: 0 }),
        ["segment", index, "transmission", transmission] => {
            let both = index.parse().ok().zip(transmission.parse().ok());
            both.map(|(index, transmission)| When::Segment { index, transmission })
        }
        ["from", from, "until", until] => {
            let both = time(from).zip(time(until)).filter(|(from, until)| from < until);
            both.map(|(from, until)| When::Span { from, until })
        }
        [kind, nth] => kind.parse().ok().zip(nth.parse().ok()).map(|(pattern, nth)| When::Matching { pattern, nth }),
        _ => None,
    };
    when.ok_or_else(|| {
        let kinds: Vec<&str> = Pattern::ALL.iter().map(|pattern| pattern.as_str()).collect();
        format!(
            "frame 6, segment 2 transmission 1, from 1s until 2s, or a kind and a number as in syn-ack 0, of {}",
            kinds.join(", ")
        )
    })
}

fn print_when(when: &When) -> String {
    match when {
        When::Frame(nth) => format!("frame {nth}"),
        When::Matching { pattern, nth } => format!("{pattern} {nth}"),
        When::Segment { index, transmission: 0 } => format!("segment {index}"),
        When::Segment { index, transmission } => format!("segment {index} transmission {transmission}"),
        When::Span { from, until } => {
            format!("from {} until {}", print_ns(from.as_nanos()), print_ns(until.as_nanos()))
        }
    }
}

fn parse_act(text: &str) -> Result<Act, String> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let corrupt = |byte: &str, bit: &str, mend| {
        let both = byte.parse().ok().zip(bit.parse().ok().filter(|bit| *bit < 8));
        both.map(|(byte, bit)| Act::Corrupt { byte, bit, mend })
    };
    let act = match words[..] {
        ["drop"] => Some(Act::Drop),
        ["duplicate"] => Some(Act::Duplicate),
        ["delay", time] => parse_ns(time).ok().map(Act::Delay),
        ["corrupt", "byte", byte, "bit", bit] => corrupt(byte, bit, false),
        ["corrupt", "byte", byte, "bit", bit, "mended"] => corrupt(byte, bit, true),
        ["truncate", len] => len.parse().ok().map(|len| Act::Truncate { len }),
        _ => None,
    };
    act.ok_or_else(|| {
        "drop, duplicate, delay 5ms, truncate 40, or corrupt byte 30 bit 2 (bits 0 to 7), with mended behind it where \
         checksums are to be right again"
            .to_owned()
    })
}

fn print_act(act: &Act) -> String {
    match act {
        Act::Drop => "drop".to_owned(),
        Act::Duplicate => "duplicate".to_owned(),
        Act::Delay(nanos) => format!("delay {}", print_ns(*nanos)),
        Act::Corrupt { byte, bit, mend } => {
            format!("corrupt byte {byte} bit {bit}{}", if *mend { " mended" } else { "" })
        }
        Act::Truncate { len } => format!("truncate {len}"),
    }
}

/// Reads `[[change]]`.
pub(super) fn read_change(section: &Section<'_>) -> Result<Change, ScenarioError> {
    let at_ns = section.must("at", section.parsed("at", parse_ns)?)?;
    let ways = section.parsed("ways", parse_ways)?.unwrap_or_default();
    let cable = section.must("cable", section.text("cable")?)?;
    let to = impair::read(section, Impairments::default())?;
    let change = |verb: &str| match verb {
        "cut" => Ok(world::Change::Cut { cable: cable.clone(), ways }),
        "heal" => Ok(world::Change::Heal { cable: cable.clone(), ways }),
        "impair" => Ok(world::Change::Impair { cable: cable.clone(), ways, to }),
        _ => Err("cut, heal or impair".to_owned()),
    };
    let change = section.must("do", section.parsed("do", change)?)?;
    if !matches!(change, world::Change::Impair { .. }) && to != Impairments::default() {
        return Err(section.error("do", "only do = \"impair\" says what the cable does to frames"));
    }
    Ok(Change { at_ns, change })
}

/// Prints `[[change]]`.
pub(super) fn write_change(lines: &mut Lines, change: &Change) {
    let (verb, cable, ways, to) = match &change.change {
        world::Change::Cut { cable, ways } => ("cut", cable, ways, None),
        world::Change::Heal { cable, ways } => ("heal", cable, ways, None),
        world::Change::Impair { cable, ways, to } => ("impair", cable, ways, Some(to)),
        // No scenario that hangs together has these here.
        world::Change::Crash { host } => return write_power(lines, change.at_ns, host, false),
        world::Change::Restart { host } => return write_power(lines, change.at_ns, host, true),
    };
    lines.title("[[change]]");
    lines.text("at", &print_ns(change.at_ns));
    lines.text("do", verb);
    lines.text("cable", cable);
    lines.text_if("ways", (*ways != Ways::Both).then(|| print_ways(*ways).to_owned()));
    to.iter().for_each(|to| impair::write(lines, to));
}

fn write_power(lines: &mut Lines, at_ns: u64, host: &str, is_on: bool) {
    devices::write_power(lines, &Power { at_ns, host: host.to_owned(), is_on });
}

fn parse_ways(text: &str) -> Result<Ways, String> {
    let all = [Ways::Both, Ways::Forward, Ways::Back];
    let ways = all.into_iter().find(|ways| print_ways(*ways) == text);
    ways.ok_or_else(|| "both, forward (from a to b) or back".to_owned())
}

fn print_ways(ways: Ways) -> &'static str {
    match ways {
        Ways::Both => "both",
        Ways::Forward => "forward",
        Ways::Back => "back",
    }
}
