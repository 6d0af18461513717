//! Which lines of a long story are left out?

use super::{Content, Frame, Row};
use crate::observe::flows::Side;
use crate::report::text::counted;

/// A run is folded if this many lines can be left out.
const FOLD_MIN: usize = 4;
/// Lines that stay at the beginning and at the end of a folded run.
const KEPT: (usize, usize) = (3, 2);

/// A story with more lines loses its middle.
const LINES_MAX: usize = 200;
/// Lines that stay at the beginning and at the end of a long story.
const TOLD: (usize, usize) = (130, 50);

/// A segment without incident, as a part of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plain {
    pub(super) connection: usize,
    /// The side whose data this is, or is acknowledged by this.
    pub(super) data_from: Side,
    /// 0 for a bare acknowledgement.
    pub(super) payload_bytes: usize,
    pub(super) duplicate_ack: bool,
}

impl Plain {
    fn is_in_one_run_with(&self, other: &Self) -> bool {
        self.connection == other.connection && self.data_from == other.data_from
    }
}

/// Folds runs of plain segments, then leaves out the middle if it is still too long.
pub(super) fn fold(rows: Vec<Row>) -> Vec<Row> {
    let mut folded: Vec<Row> = Vec::with_capacity(rows.len());
    let runs = rows.chunk_by(|one, next| match (plain(one), plain(next)) {
        (Some(one), Some(next)) => one.is_in_one_run_with(next),
        (Some(_) | None, None) | (None, Some(_)) => false,
    });
    for run in runs {
        let (first, last) = KEPT;
        if run.len() < first + FOLD_MIN + last {
            folded.extend_from_slice(run);
            continue;
        }
        let middle = &run[first..run.len() - last];
        folded.extend_from_slice(&run[..first]);
        folded.push(folded_row(middle));
        folded.extend_from_slice(&run[run.len() - last..]);
    }
    without_middle(folded)
}

fn plain(row: &Row) -> Option<&Plain> {
    frame(row)?.fold.as_ref()
}

fn frame(row: &Row) -> Option<&Frame> {
    match &row.content {
        Content::Frame(frame) => Some(frame),
        Content::Note { .. }
        | Content::Begins { .. }
        | Content::Pause { .. }
        | Content::Folded { .. }
        | Content::Left { .. } => None,
    }
}

/// `… 37 more segments, 54,020 bytes, 19 ACKs …`
fn folded_row(rows: &[Row]) -> Row {
    let (mut segments, mut bytes, mut acks, mut duplicates) = (0_u64, 0_u64, 0_u64, 0_u64);
    let mut from = None;
    for row in rows {
        let (Some(plain), Some(frame)) = (plain(row), frame(row)) else { continue };
        if plain.payload_bytes > 0 {
            segments += 1;
            bytes += plain.payload_bytes as u64;
            from = Some(frame.from);
        } else {
            acks += 1;
            duplicates += u64::from(plain.duplicate_ack);
            from = from.or(frame.to);
        }
    }
    let mut parts = Vec::new();
    if segments > 0 {
        parts.push(format!("{}, {}", counted(segments, "more segment"), counted(bytes, "byte")));
    }
    let kinds = [(acks - duplicates, "ACK"), (duplicates, "duplicate ACK")];
    parts.extend(kinds.iter().filter(|(count, _)| *count > 0).map(|(count, noun)| counted(*count, noun)));
    let text = format!("… {} …", parts.join(", "));
    Row { at: rows[0].at, content: Content::Folded { from: from.unwrap_or(crate::trace::NodeId(0)), text } }
}

fn without_middle(rows: Vec<Row>) -> Vec<Row> {
    if rows.len() <= LINES_MAX {
        return rows;
    }
    let (first, last) = TOLD;
    let middle = &rows[first..rows.len() - last];
    let left = Row { at: middle[0].at, content: Content::Left { lines: middle.len() } };
    [&rows[..first], &[left], &rows[rows.len() - last..]].concat()
}
