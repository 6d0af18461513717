//! How are times, numbers and colours written?

use std::io::{self, Write};
use std::path::Path;

use super::Style;
use crate::time::Time;

/// What a line is about, as a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    /// Something is lost.
    Loss,
    /// Something is said again.
    Repeat,
    /// Not a frame.
    Aside,
    /// A heading.
    Strong,
}

impl Tone {
    /// The parameter of the ANSI sequence "select graphic rendition".
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Loss => "31",
            Self::Repeat => "33",
            Self::Aside => "2",
            Self::Strong => "1",
        }
    }
}

/// One line, in its colour, without blanks at its end.
pub(super) fn line(out: &mut impl Write, style: Style, tone: Tone, text: &str) -> io::Result<()> {
    let text = text.trim_end();
    if style.colour && tone != Tone::Plain {
        writeln!(out, "\x1b[{}m{text}\x1b[0m", tone.code())
    } else {
        writeln!(out, "{text}")
    }
}

/// Milliseconds with microseconds: `60.120`.
pub(super) fn millis(time: Time) -> String {
    let micros = time.as_micros();
    format!("{}.{:03}", micros / 1_000, micros % 1_000)
}

/// A span for reading, rounded: `80 ns`, `12.5 µs`, `320 ms`, `1.5 s`; three digits after the point at most.
pub(super) fn span(nanos: u64) -> String {
    let nanos = match nanos {
        0..1_000_000 => nanos,
        1_000_000..999_999_500 => nanos.saturating_add(500) / 1_000 * 1_000,
        _ => nanos.saturating_add(500_000) / 1_000_000 * 1_000_000,
    };
    let (unit_ns, unit) = match nanos {
        0..1_000 => (1, "ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    let thousandths = u128::from(nanos) * 1_000 / unit_ns;
    let fraction = format!("{:03}", thousandths % 1_000);
    match fraction.trim_end_matches('0') {
        "" => format!("{} {unit}", thousandths / 1_000),
        digits => format!("{}.{digits} {unit}", thousandths / 1_000),
    }
}

/// A count for reading: `54,020`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count and its noun: `1 segment`, `2,000 segments`.
pub(super) fn counted(number: u64, noun: &str) -> String {
    let plural = match (number, noun.ends_with('y')) {
        (1, _) => noun.to_owned(),
        (_, false) => format!("{noun}s"),
        (_, true) => format!("{}ies", &noun[..noun.len() - 1]),
    };
    format!("{} {plural}", thousands(number))
}

/// The words of `text` on lines of at most `width` characters.
#[must_use]
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// At most `width` characters; what is cut ends in `…`.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// A path as a shell takes it.
pub fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = text.chars().all(|char| char.is_alphanumeric() || "/._-+:@".contains(char));
    if is_plain { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_reading() {
        assert_eq!(millis(Time::from_nanos(60_120_999)), "60.120");
        assert_eq!([0, 999, 1_000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([1, 2, 5_000].map(|n| counted(n, "copy")), ["1 copy", "2 copies", "5,000 copies"]);
        let spans = [80, 12_500, 320_000_000, 1_500_000_000, 60_000_000_000].map(span);
        assert_eq!(spans, ["80 ns", "12.5 µs", "320 ms", "1.5 s", "60 s"]);
        assert_eq!([999_999_499, 999_999_999, u64::MAX].map(span), ["999.999 ms", "1 s", "18446744073.709 s"]);
    }

    #[test]
    fn long_text_is_wrapped_at_words() {
        assert_eq!(wrapped("a bc  def\nghi", 4), ["a bc", "def", "ghi"]);
        assert_eq!(wrapped("", 4), [""; 0]);
    }

    #[test]
    fn long_text_is_cut_by_characters() {
        assert_eq!(cut("größer", 6), "größer");
        assert_eq!(cut("größeres", 6), "größe…");
    }
}
