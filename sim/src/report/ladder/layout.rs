//! Where on the line does everything stand?

use std::io::{self, Write};

use super::{Cells, Content, Frame, Row, Shaft, hosts};
use crate::observe::Observation;
use crate::report::Style;
use crate::report::text::{Tone, cut, line, millis, span, thousands};
use crate::trace::{Node, NodeId, NodeKind};

/// Characters between the lifelines.
const LANE: usize = 22;
/// Characters of an arrow that ends midway.
const LANE_LOST: usize = 16;
/// Where the left lifeline stands: after the time and a state.
const LEFT: usize = 24;
const RIGHT: usize = LEFT + LANE + 1;
/// Where the columns begin: after the right lifeline and a state.
const COLUMNS: usize = RIGHT + 14;
const COLUMNS_WIDE: usize = 31;
/// No line is wider.
const WIDTH: usize = 120;
/// Names of hosts are cut to this, where they are listed.
const NAME_MAX: usize = 14;
/// `#128 FIN PSH ACK`
const LABEL_MAX: usize = 16;

/// How the lines of a trace are laid out.
pub(super) enum Layout {
    /// Two lifelines.
    Ladder { left: NodeId, right: NodeId },
    /// `client → server` on each line; names are so wide.
    List { names: Vec<String>, width: usize },
}

impl Layout {
    pub(super) fn of(observation: &Observation<'_>) -> Self {
        if let [left, right] = hosts(observation)[..] {
            return Self::Ladder { left, right };
        }
        let names: Vec<String> = observation.trace.nodes.iter().map(|node| cut(&node.name, NAME_MAX)).collect();
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(3);
        Self::List { names, width }
    }

    pub(super) fn write_heading(
        &self,
        out: &mut impl Write,
        observation: &Observation<'_>,
        style: Style,
    ) -> io::Result<()> {
        let columns = format!(" {:>8} {:>5} {:>8} {:>6}", "seq", "len", "ack", "win");
        match self {
            Self::Ladder { left, right } => {
                let mut names = Vec::new();
                let mut addrs: Vec<char> = format!("{:>10}", "ms").chars().collect();
                for (id, centre) in [(left, LEFT), (right, RIGHT)] {
                    place(&mut names, centre, &cut(observation.name(*id), LANE - 2));
                    let addr = observation.trace.node(*id).and_then(first_addr).unwrap_or_default();
                    place(&mut addrs, centre, &cut(&addr, LANE - 2));
                }
                let addrs = format!("{:<COLUMNS$}{columns}", addrs.into_iter().collect::<String>());
                line(out, style, Tone::Strong, &names.into_iter().collect::<String>())?;
                line(out, style, Tone::Strong, &addrs)
            }
            Self::List { width, .. } => {
                let text =
                    format!("{:>10}  {:>width$}     {:<width$}  {:<LABEL_MAX$}{columns}", "ms", "from", "to", "");
                line(out, style, Tone::Strong, &text)
            }
        }
    }

    pub(super) fn write_row(&self, out: &mut impl Write, row: &Row, style: Style) -> io::Result<()> {
        let at = millis(row.at);
        let (tone, lines) = match &row.content {
            Content::Frame(frame) => (frame.tone, self.frame_lines(&at, frame)),
            Content::Note { node, text } => {
                (Tone::Aside, vec![self.note(&at, *node, &text.replace(['\n', '\r'], " "))])
            }
            Content::Begins { text, left, right } => {
                (Tone::Strong, vec![self.aside(&at, "│", (left, right), &" ".repeat(LANE), text)])
            }
            Content::Pause { ns } => {
                let lane = format!("{:^LANE$}", format!("{} later", span(rounded(*ns))));
                let text = if matches!(self, Self::List { .. }) { lane.trim() } else { "" };
                (Tone::Aside, vec![self.aside("", "┊", ("", ""), &lane, text)])
            }
            Content::Folded { from, text } => (Tone::Aside, vec![self.folded(&at, *from, text)]),
            Content::Left { lines } => {
                let text = format!("… {} more lines, which --full shows …", thousands(*lines as u64));
                (Tone::Aside, vec![self.aside("", "┊", ("", ""), &" ".repeat(LANE), &text)])
            }
        };
        lines.iter().try_for_each(|text| line(out, style, tone, text))
    }

    fn frame_lines(&self, at: &str, frame: &Frame) -> Vec<String> {
        let (start, blank) = match self {
            Self::Ladder { left, .. } => {
                let is_rightwards = frame.from == *left;
                let arrow = arrow(&label(frame), frame.shaft, frame.cells.has_payload(), is_rightwards);
                let [sender, receiver] = &frame.states;
                let states = if is_rightwards { (sender, receiver) } else { (receiver, sender) };
                let blank = ladder_line("", "│", ("", ""), &" ".repeat(LANE));
                (ladder_line(at, "│", (states.0, states.1), &arrow), blank)
            }
            Self::List { names, width } => {
                let name = |id: Option<NodeId>| id.and_then(|id| names.get(id.0)).map_or("all", |name| name.as_str());
                let (from, to) = (name(Some(frame.from)), name(frame.to));
                let arrow = short_arrow(frame.shaft);
                let start = format!("{at:>10}  {from:>width$} {arrow} {to:<width$}  {:<LABEL_MAX$}", label(frame));
                (start.clone(), " ".repeat(start.chars().count()))
            }
        };
        with_columns(&start, &blank, &frame.cells, &frame.remarks)
    }

    /// A line that is not a frame's.
    fn aside(&self, at: &str, lifeline: &str, states: (&str, &str), lane: &str, text: &str) -> String {
        match self {
            Self::Ladder { .. } => format!("{} {text}", ladder_line(at, lifeline, states, lane)),
            Self::List { .. } => format!("{at:>10}  {text}"),
        }
    }

    fn folded(&self, at: &str, from: NodeId, text: &str) -> String {
        let dots = "· ".repeat(LANE / 2 - 1);
        match self {
            Self::Ladder { left, .. } if from == *left => self.aside(at, "│", ("", ""), &format!("{dots} ►"), text),
            Self::Ladder { .. } => self.aside(at, "│", ("", ""), &format!("◄ {dots}"), text),
            Self::List { names, width } => {
                let name = names.get(from.0).map_or("", |name| name.as_str());
                format!("{at:>10}  {name:>width$} ··► {text}")
            }
        }
    }

    fn note(&self, at: &str, node: NodeId, text: &str) -> String {
        match self {
            Self::Ladder { right, .. } if node == *right => {
                format!("{at:>10}{:>indent$}│{:LANE$}● {text}", "", "", indent = LEFT - 10)
            }
            Self::Ladder { .. } => {
                let start = format!("{at:>10}{:>indent$}● {text} ", "", indent = LEFT - 10);
                if start.chars().count() <= RIGHT { format!("{start:<RIGHT$}│") } else { start }
            }
            Self::List { names, width } => {
                let name = names.get(node.0).map_or("", |name| name.as_str());
                format!("{at:>10}  {name:>width$} ● {text}")
            }
        }
    }
}

/// A pause is told to a tenth of a millisecond.
const fn rounded(ns: u64) -> u64 {
    ns.saturating_add(50_000) / 100_000 * 100_000
}

/// Time, state, lifeline, what is between, lifeline, state: up to where the columns begin.
fn ladder_line(at: &str, lifeline: &str, (left, right): (&str, &str), lane: &str) -> String {
    format!("{at:>10} {left:>12} {lifeline}{lane:<LANE$}{lifeline} {right:<12}")
}

/// `SYN ACK`, with the connection's number where there are several.
fn label(frame: &Frame) -> String {
    let label = match frame.number {
        Some(number) => format!("#{number} {}", frame.label),
        None => frame.label.clone(),
    };
    cut(&label, LABEL_MAX)
}

/// The columns and the remarks; remarks that do not fit go to lines of their own.
fn with_columns(start: &str, blank: &str, cells: &Cells, remarks: &[String]) -> Vec<String> {
    let columns = match cells {
        Cells::Tcp { seq, payload_bytes, ack, window_bytes } => {
            let ack = ack.map_or_else(String::new, |ack| ack.to_string());
            format!(" {seq:>8} {payload_bytes:>5} {ack:>8} {window_bytes:>6}")
        }
        Cells::Text(text) if remarks.is_empty() => {
            return vec![format!("{start} {}", cut(text, WIDTH.saturating_sub(start.chars().count() + 1)))];
        }
        Cells::Text(text) => format!(" {text:<width$}", width = COLUMNS_WIDE - 1),
    };
    let mut lines = Vec::new();
    let mut current = format!("{start}{columns}");
    let indent = current.chars().count().min(start.chars().count() + COLUMNS_WIDE);
    let mut separator = "  ";
    for remark in remarks {
        let would_be = current.chars().count() + separator.len() + remark.chars().count();
        if would_be > WIDTH {
            let next = format!("{blank:<indent$}");
            lines.push(std::mem::replace(&mut current, next));
            separator = "  ";
        }
        current.push_str(separator);
        current.push_str(remark);
        separator = ", ";
    }
    lines.push(current);
    lines
}

/// `────── SYN ─────►`, as wide as the lane. `is_heavy`: `━━━━━━ ACK ━━━━━►`
fn arrow(label: &str, shaft: Shaft, is_heavy: bool, is_rightwards: bool) -> String {
    let text = if label.is_empty() { String::new() } else { format!(" {label} ") };
    let line = if is_heavy { "━" } else { "─" };
    let (stroke, head) = match shaft {
        Shaft::Solid => (line, None),
        Shaft::Lost => (line, Some("X")),
        Shaft::Double => ("═", None),
        Shaft::Late => ("╌", None),
        Shaft::Corrupted => ("~", None),
    };
    let least = text.chars().count() + 3;
    let length = if shaft == Shaft::Lost { LANE_LOST.max(least).min(LANE) } else { LANE };
    let strokes = (length - 1).saturating_sub(text.chars().count());
    let (before, after) = (stroke.repeat(strokes.div_ceil(2)), stroke.repeat(strokes / 2));
    if is_rightwards {
        format!("{:<LANE$}", format!("{before}{text}{after}{}", head.unwrap_or("►")))
    } else {
        format!("{:>LANE$}", format!("{}{after}{text}{before}", head.unwrap_or("◄")))
    }
}

const fn short_arrow(shaft: Shaft) -> &'static str {
    match shaft {
        Shaft::Solid => "──►",
        Shaft::Lost => "─X ",
        Shaft::Double => "══►",
        Shaft::Late => "╌╌►",
        Shaft::Corrupted => "~~►",
    }
}

/// Writes `text` into a line, centred at `centre`, but not over what stands there.
fn place(text_line: &mut Vec<char>, centre: usize, text: &str) {
    let length = text.chars().count();
    let start = centre.saturating_sub(length / 2).max(text_line.len());
    text_line.resize(start, ' ');
    text_line.extend(text.chars());
}

fn first_addr(node: &Node) -> Option<String> {
    match &node.kind {
        NodeKind::Host { addrs, .. } | NodeKind::Router { addrs, .. } => addrs.first().map(ToString::to_string),
        NodeKind::Switch | NodeKind::Middlebox => None,
    }
}
