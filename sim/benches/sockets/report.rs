//! How is a run printed?

use std::fmt;

/// The table, in the order of measurement.
#[derive(Debug, Default)]
pub struct Report {
    rows: Vec<Row>,
}

/// One measurement; an empty cell was not measured or has no target.
#[derive(Debug, Default)]
pub struct Row {
    /// What is measured.
    pub what: String,
    /// Plain smoltcp's best.
    pub plain: String,
    /// Our best.
    pub ours: String,
    /// What the target speaks of.
    pub ratio: Option<Ratio>,
}

/// A measured ratio and the bound it should keep.
#[derive(Clone, Copy, Debug)]
pub enum Ratio {
    /// Higher is better.
    AtLeast {
        /// As measured.
        measured: f64,
        /// The least that is good enough.
        target: f64,
    },
    /// Lower is better.
    AtMost {
        /// As measured.
        measured: f64,
        /// The most that is good enough.
        target: f64,
    },
    /// For information.
    Free(f64),
}

impl Report {
    /// Adds a row.
    pub fn row(&mut self, row: Row) {
        self.rows.push(row);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = ["what", "plain smoltcp", "smolsock", "ratio", "target", "verdict"];
        let mut table = vec![heads.map(str::to_owned)];
        table.extend(self.rows.iter().map(cells));
        let widths: [usize; 6] =
            std::array::from_fn(|column| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
        for (line, row) in table.iter().enumerate() {
            write_row(f, row, &widths)?;
            if line == 0 {
                let rules: [String; 6] = std::array::from_fn(|column| "-".repeat(widths[column]));
                write_row(f, &rules, &widths)?;
            }
        }
        Ok(())
    }
}

fn write_row(f: &mut fmt::Formatter<'_>, row: &[String; 6], widths: &[usize; 6]) -> fmt::Result {
    for (cell, width) in row.iter().zip(widths) {
        write!(f, "| {cell:width$} ")?;
    }
    writeln!(f, "|")
}

fn cells(row: &Row) -> [String; 6] {
    let (ratio, target, verdict) = match row.ratio {
        None => (String::new(), String::new(), ""),
        Some(Ratio::Free(measured)) => (format!("{measured:.2}"), String::new(), ""),
        Some(Ratio::AtLeast { measured, target }) => {
            (format!("{measured:.2}"), format!("≥ {target}"), verdict(measured >= target))
        }
        Some(Ratio::AtMost { measured, target }) => {
            (format!("{measured:.2}"), format!("≤ {target}"), verdict(measured <= target))
        }
    };
    [row.what.clone(), row.plain.clone(), row.ours.clone(), ratio, target, verdict.to_owned()]
}

fn verdict(is_met: bool) -> &'static str {
    if is_met { "met" } else { "missed" }
}

/// `1234567` as `1,234,567`.
pub fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
