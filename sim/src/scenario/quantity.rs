//! How are times, shares, rates and sizes written?
//!
//! As text with a unit, and exact: a value that is no whole number of its smallest unit is refused, and what is printed is
//! the shortest text that reads as the same value.

/// A unit: its name, how many of the smallest unit it is, and how many digits may follow the point (0: whole numbers only).
type Unit = (&'static str, u64, usize);

/// Larger first: of two texts of equal length the larger unit is printed.
const TIMES: &[Unit] = &[
    ("h", 3_600_000_000_000, 0),
    ("min", 60_000_000_000, 0),
    ("s", 1_000_000_000, 9),
    ("ms", 1_000_000, 6),
    ("us", 1_000, 3),
    ("ns", 1, 0),
];
const SHARES: &[Unit] = &[("%", 10_000, 4), ("ppm", 1, 0)];
const RATES: &[Unit] = &[("Gbit/s", 1_000_000_000, 9), ("Mbit/s", 1_000_000, 6), ("kbit/s", 1_000, 3), ("bit/s", 1, 0)];
const SIZES: &[Unit] = &[("GiB", 1 << 30, 0), ("MiB", 1 << 20, 0), ("KiB", 1 << 10, 0), ("", 1, 0)];

const TIME_ALLOWED: &str = "a time as in 20ms, 1.5s, 250us, 3ns, 5min or 1h";
const SHARE_ALLOWED: &str = "a share as in 5%, 0.25% or 2500ppm, at most 100%";
const RATE_ALLOWED: &str = "a rate as in 10Mbit/s, 1.5Gbit/s or 9600bit/s";
const SIZE_ALLOWED: &str = "a number of bytes as in 1500, 4KiB or 1MiB";

/// Reads a time as nanoseconds: `20ms`, `1.5s`, `250us`, `3ns`, `5min`, `1h`.
///
/// # Errors
/// What is allowed.
///
/// ```
/// use smolsock_sim::scenario::quantity;
/// assert_eq!(quantity::parse_ns("1.5s"), Ok(1_500_000_000));
/// assert_eq!(quantity::print_ns(250_000), "250us");
/// ```
pub fn parse_ns(text: &str) -> Result<u64, String> {
    parse(text, TIMES).ok_or_else(|| TIME_ALLOWED.to_owned())
}

/// Prints nanoseconds so that [`parse_ns`] gives the same.
pub fn print_ns(nanos: u64) -> String {
    print(nanos, TIMES)
}

/// Reads a share as millionths: `5%`, `0.25%`, `2500ppm`; at most 100 %.
///
/// # Errors
/// What is allowed.
pub fn parse_ppm(text: &str) -> Result<u32, String> {
    let ppm = parse(text, SHARES).filter(|ppm| *ppm <= u64::from(crate::rng::PPM));
    ppm.and_then(|ppm| u32::try_from(ppm).ok()).ok_or_else(|| SHARE_ALLOWED.to_owned())
}

/// Prints millionths so that [`parse_ppm`] gives the same.
pub fn print_ppm(ppm: u32) -> String {
    print(ppm.into(), SHARES)
}

/// Reads a rate as bits per second: `10Mbit/s`, `1.5Gbit/s`, `9600bit/s`.
///
/// # Errors
/// What is allowed.
pub fn parse_bps(text: &str) -> Result<u64, String> {
    parse(text, RATES).ok_or_else(|| RATE_ALLOWED.to_owned())
}

/// Prints bits per second so that [`parse_bps`] gives the same.
pub fn print_bps(bps: u64) -> String {
    print(bps, RATES)
}

/// Reads a size as bytes: `1500`, `4KiB`, `1MiB`.
///
/// # Errors
/// What is allowed.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    parse(text, SIZES).ok_or_else(|| SIZE_ALLOWED.to_owned())
}

/// Prints bytes so that [`parse_bytes`] gives the same.
pub fn print_bytes(bytes: u64) -> String {
    print(bytes, SIZES)
}

/// `None`: not a number with one of these units, or too large.
fn parse(text: &str, units: &[Unit]) -> Option<u64> {
    let number_len = text.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(text.len());
    let (number, name) = text.split_at(number_len);
    // One space is how people write it.
    let name = name.strip_prefix(' ').unwrap_or(name);
    let (_, size, digits_max) = *units.iter().find(|(unit, ..)| *unit == name)?;
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let rest = match fraction {
        None => 0,
        Some(digits) if !are_digits(digits) || digits.len() > digits_max => return None,
        Some(digits) => format!("{digits:0<digits_max$}").parse().ok()?,
    };
    whole.checked_mul(size)?.checked_add(rest)
}

/// The shortest exact text.
fn print(value: u64, units: &[Unit]) -> String {
    let mut shortest: Option<String> = None;
    for &(unit, size, digits_max) in units {
        let (whole, rest) = (value / size, value % size);
        // "0h" says less than "0s".
        if (rest > 0 || value == 0) && digits_max == 0 && size > 1 {
            continue;
        }
        let text = match rest {
            0 => format!("{whole}{unit}"),
            _ => format!("{whole}.{}{unit}", format!("{rest:0digits_max$}").trim_end_matches('0')),
        };
        if shortest.as_ref().is_none_or(|known| text.len() < known.len()) {
            shortest = Some(text);
        }
    }
    shortest.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantities_read_as_people_write_them() {
        let times = [("20ms", 20_000_000), ("1.5s", 1_500_000_000), ("1h", 3_600_000_000_000), ("3ns", 3), ("0s", 0)];
        for (text, nanos) in times {
            assert_eq!((parse_ns(text), print_ns(nanos).as_str()), (Ok(nanos), text));
        }
        for (text, ppm) in [("5%", 50_000), ("0.25%", 2_500), ("100%", 1_000_000), ("1ppm", 1), ("0%", 0)] {
            assert_eq!((parse_ppm(text), print_ppm(ppm).as_str()), (Ok(ppm), text));
        }
        for (text, bps) in [("10Mbit/s", 10_000_000), ("1.5Gbit/s", 1_500_000_000), ("9.6kbit/s", 9_600)] {
            assert_eq!((parse_bps(text), print_bps(bps).as_str()), (Ok(bps), text));
        }
        for (text, bytes) in [("1500", 1500), ("4KiB", 4096), ("1MiB", 1 << 20), ("0", 0)] {
            assert_eq!((parse_bytes(text), print_bytes(bytes).as_str()), (Ok(bytes), text));
        }
        assert_eq!(parse_ns("20 ms"), Ok(20_000_000));
        assert_eq!(print_ns(2_500_000), "2.5ms");
        assert_eq!(print_ns(90_000_000_000), "90s");
    }

    #[test]
    fn what_is_not_exact_or_has_no_unit_is_refused() {
        for text in ["", "5", "ms", "-1s", "1.5ns", "1.2345us", "1.s", ".5s", "1e3s", "1 000s", "1s ", "1S", "9999999h"]
        {
            assert!(parse_ns(text).is_err(), "{text}");
        }
        for text in ["5", "0.00001%", "101%", "1.5ppm", "%"] {
            assert!(parse_ppm(text).is_err(), "{text}");
        }
        assert!(parse_bps("10").is_err() && parse_bps("10Mbps").is_err());
        assert!(parse_bytes("4kB").is_err() && parse_bytes("1.5KiB").is_err());
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_as_the_same_value(value: u64, zeros in 0_u32..18, ppm in 0..=1_000_000_u32) {
            let value = value / 10_u64.pow(zeros) * 10_u64.pow(zeros);
            prop_assert_eq!(parse_ns(&print_ns(value)), Ok(value));
            prop_assert_eq!(parse_bps(&print_bps(value)), Ok(value));
            prop_assert_eq!(parse_bytes(&print_bytes(value)), Ok(value));
            prop_assert_eq!(parse_bytes(&print_bytes(value & !0xf_ffff)), Ok(value & !0xf_ffff));
            prop_assert_eq!(parse_ppm(&print_ppm(ppm)), Ok(ppm));
        }

        #[test]
        fn any_text_is_read_or_refused_and_printing_is_stable(text in "[0-9]{0,22}(\\.[0-9]{0,10})? ?[a-zA-Z%/]{0,6}") {
            for (parse, print) in [
                (parse_ns as fn(&str) -> Result<u64, String>, print_ns as fn(u64) -> String),
                (parse_bps, print_bps),
                (parse_bytes, print_bytes),
            ] {
                if let Ok(value) = parse(&text) {
                    prop_assert_eq!(parse(&print(value)), Ok(value));
                }
            }
            let _ = parse_ppm(&text);
        }
    }
}
