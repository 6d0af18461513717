//! How much loss does `--loss` ask for?

/// Everything is lost.
const MAX_PPM: u32 = 1_000_000;
/// Digits of a percentage after the point: a millionth is 0.0001 %.
const FRACTION_DIGITS: usize = 4;

/// Reads `20000` (millionths) or `2%`, `0.5%`.
pub(super) fn parse_ppm(text: &str) -> Result<u32, String> {
    let ppm = match text.strip_suffix('%') {
        Some(percent) => percent_to_ppm(percent.trim_end()),
        None => text.parse().ok(),
    };
    match ppm {
        Some(ppm) if ppm <= MAX_PPM => Ok(ppm),
        Some(_) => Err("more than 100% cannot be lost".to_owned()),
        None if !text.ends_with('%') && percent_to_ppm(text).is_some() => {
            Err(format!("a fraction needs a percent sign, as in {text}%; whole numbers are millionths"))
        }
        None => Err("expected millionths as in 20000, or a percentage as in 2% or 0.5%".to_owned()),
    }
}

fn percent_to_ppm(percent: &str) -> Option<u32> {
    let (whole, fraction) = percent.split_once('.').unwrap_or((percent, "0"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(fraction) || fraction.len() > FRACTION_DIGITS {
        return None;
    }
    let fraction: u32 = format!("{fraction:0<FRACTION_DIGITS$}").parse().ok()?;
    whole.parse::<u32>().ok()?.checked_mul(10_000)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_read_in_millionths_and_in_percent() {
        let cases = [
            ("0", 0),
            ("20000", 20_000),
            ("2%", 20_000),
            ("0.5%", 5_000),
            ("100%", 1_000_000),
            ("0.0001%", 1),
            ("12.5 %", 125_000),
        ];
        for (text, ppm) in cases {
            assert_eq!(parse_ppm(text), Ok(ppm), "{text}");
        }
    }

    #[test]
    fn what_is_no_loss_is_refused_with_a_hint() {
        for text in ["", "%", "-1", "1.%", ".5%", "2e3", "0.00001%", "x%", "99999999999", "99999999999%", "5 000"] {
            assert!(parse_ppm(text).is_err_and(|why| why.contains("expected")), "{text}");
        }
        assert!(parse_ppm("0.5").is_err_and(|why| why.contains("0.5%")));
        assert!(parse_ppm("101%").is_err_and(|why| why.contains("100%")));
        assert!(parse_ppm("1000001").is_err_and(|why| why.contains("100%")));
    }
}
