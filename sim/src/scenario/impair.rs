//! How is what a cable does to frames written in a file?

use super::error::ScenarioError;
use super::quantity::{parse_bps, parse_ns, parse_ppm, print_bps, print_bytes, print_ns, print_ppm};
use super::section::Section;
use super::words::{Words, number, word};
use super::write::Lines;
use crate::link::{Impairments, Jitter, Loss, Queue, Shape};

/// The impairments of `section`; what it does not name is as in `base`.
pub(super) fn read(section: &Section<'_>, base: Impairments) -> Result<Impairments, ScenarioError> {
    Ok(Impairments {
        mtu_bytes: match section.bytes("mtu")? {
            None => base.mtu_bytes,
            Some(bytes) => {
                let small = u32::try_from(bytes).map_err(|_| section.error("mtu", "mtu: more than 4 GiB is no packet"));
                Some(small?)
            }
        },
        loss: section.parsed("loss", parse_loss)?.unwrap_or(base.loss),
        rate_bps: section.parsed("rate", parse_bps)?.unwrap_or(base.rate_bps),
        queue: section.parsed("queue", parse_queue)?.unwrap_or(base.queue),
        delay_ns: section.parsed("delay", parse_ns)?.unwrap_or(base.delay_ns),
        jitter: section.parsed("jitter", parse_jitter)?.unwrap_or(base.jitter),
        reorder_ppm: section.parsed("reorder", parse_ppm)?.unwrap_or(base.reorder_ppm),
        reorder_delay_ns: section.parsed("reorder_delay", parse_ns)?.unwrap_or(base.reorder_delay_ns),
        duplicate_ppm: section.parsed("duplicate", parse_ppm)?.unwrap_or(base.duplicate_ppm),
        corrupt_ppm: section.parsed("corrupt", parse_ppm)?.unwrap_or(base.corrupt_ppm),
        mend_checksum: section.flag("mend_checksum")?.unwrap_or(base.mend_checksum),
    })
}

/// Prints what is not as by default.
pub(super) fn write(lines: &mut Lines, what: &Impairments) {
    let default = Impairments::default();
    lines.text_if("mtu", what.mtu_bytes.map(|bytes| print_bytes(bytes.into())));
    lines.text_if("loss", (what.loss != default.loss).then(|| print_loss(&what.loss)));
    lines.text_if("rate", (what.rate_bps != default.rate_bps).then(|| print_bps(what.rate_bps)));
    lines.text_if("queue", (what.queue != default.queue).then(|| print_queue(&what.queue)));
    lines.text_if("delay", (what.delay_ns != default.delay_ns).then(|| print_ns(what.delay_ns)));
    lines.text_if("jitter", (what.jitter != default.jitter).then(|| print_jitter(&what.jitter)));
    lines.text_if("reorder", (what.reorder_ppm != default.reorder_ppm).then(|| print_ppm(what.reorder_ppm)));
    let delay_ns = what.reorder_delay_ns;
    lines.text_if("reorder_delay", (delay_ns != default.reorder_delay_ns).then(|| print_ns(delay_ns)));
    lines.text_if("duplicate", (what.duplicate_ppm != default.duplicate_ppm).then(|| print_ppm(what.duplicate_ppm)));
    lines.text_if("corrupt", (what.corrupt_ppm != default.corrupt_ppm).then(|| print_ppm(what.corrupt_ppm)));
    lines.flag_if("mend_checksum", what.mend_checksum);
}

/// Reads `5%`, `none`, or `good-to-bad 1% bad-to-good 25% good 0% bad 100%` ([`Loss::GilbertElliott`]; the last two parts may be
/// missing).
///
/// # Errors
/// What is allowed.
pub fn parse_loss(text: &str) -> Result<Loss, String> {
    let allowed = |_| {
        "a share as in 5%, at most 100%, none, or bursts as in good-to-bad 1% bad-to-good 25% good 0% bad 100%"
            .to_owned()
    };
    if text == "none" {
        return Ok(Loss::None);
    }
    if let Ok(ppm) = parse_ppm(text) {
        return Ok(Loss::Bernoulli { ppm });
    }
    let read = || -> Result<Loss, String> {
        let words = Words::read(text, 0, &["good-to-bad", "bad-to-good", "good", "bad"], &[])?;
        Ok(Loss::GilbertElliott {
            good_to_bad_ppm: words.must("good-to-bad", parse_ppm)?,
            bad_to_good_ppm: words.must("bad-to-good", parse_ppm)?,
            loss_good_ppm: words.or("good", parse_ppm, 0)?,
            loss_bad_ppm: words.or("bad", parse_ppm, crate::rng::PPM)?,
        })
    };
    read().map_err(allowed)
}

/// Prints what [`parse_loss`] reads.
pub fn print_loss(loss: &Loss) -> String {
    match *loss {
        Loss::None => "none".to_owned(),
        Loss::Bernoulli { ppm } => print_ppm(ppm),
        Loss::GilbertElliott { good_to_bad_ppm, bad_to_good_ppm, loss_good_ppm, loss_bad_ppm } => {
            let [enter, leave, good, bad] =
                [good_to_bad_ppm, bad_to_good_ppm, loss_good_ppm, loss_bad_ppm].map(print_ppm);
            format!("good-to-bad {enter} bad-to-good {leave} good {good} bad {bad}")
        }
    }
}

/// Reads `drop-tail frames 100 bytes 64KiB` or `codel target 5ms interval 100ms frames 1000 ecn`; each part but the first may be
/// missing.
///
/// # Errors
/// What is allowed.
pub fn parse_queue(text: &str) -> Result<Queue, String> {
    let read = || -> Result<Queue, String> {
        let (kind, rest) = word(text);
        match kind {
            "drop-tail" => {
                let words = Words::read(rest, 0, &["frames", "bytes"], &[])?;
                let bytes = words.maybe("bytes", super::quantity::parse_bytes)?;
                Ok(Queue::DropTail { frames: words.or("frames", number, Queue::FRAMES)?, bytes })
            }
            "codel" => {
                let words = Words::read(rest, 0, &["target", "interval", "frames"], &["ecn"])?;
                Ok(Queue::CoDel {
                    target_ns: words.or("target", parse_ns, CODEL_TARGET_NS)?,
                    interval_ns: words.or("interval", parse_ns, CODEL_INTERVAL_NS)?,
                    frames: words.or("frames", number, Queue::FRAMES)?,
                    ecn: words.has("ecn"),
                })
            }
            _ => Err(String::new()),
        }
    };
    read().map_err(|_| {
        "drop-tail frames 100 bytes 64KiB, or codel target 5ms interval 100ms frames 1000 ecn, each part but the first \
         where it is wanted"
            .to_owned()
    })
}

/// Prints what [`parse_queue`] reads.
pub fn print_queue(queue: &Queue) -> String {
    match *queue {
        Queue::DropTail { frames, bytes: None } => format!("drop-tail frames {frames}"),
        Queue::DropTail { frames, bytes: Some(bytes) } => {
            format!("drop-tail frames {frames} bytes {}", print_bytes(bytes))
        }
        Queue::CoDel { target_ns, interval_ns, frames, ecn } => {
            let [target, interval] = [target_ns, interval_ns].map(print_ns);
            format!("codel target {target} interval {interval} frames {frames}{}", if ecn { " ecn" } else { "" })
        }
    }
}

/// Reads `5ms`, `5ms normal` or `5ms pareto`.
///
/// # Errors
/// What is allowed.
pub fn parse_jitter(text: &str) -> Result<Jitter, String> {
    let (time, shape) = word(text);
    let shape = match shape {
        "" | "uniform" => Some(Shape::Uniform),
        "normal" => Some(Shape::Normal),
        "pareto" => Some(Shape::Pareto),
        _ => None,
    };
    let jitter = parse_ns(time).ok().zip(shape).map(|(ns, shape)| Jitter { ns, shape });
    jitter.ok_or_else(|| "a time as in 5ms, and uniform, normal or pareto behind it as in 5ms normal".to_owned())
}

/// Prints what [`parse_jitter`] reads.
pub fn print_jitter(jitter: &Jitter) -> String {
    let time = print_ns(jitter.ns);
    match jitter.shape {
        Shape::Uniform => time,
        Shape::Normal => format!("{time} normal"),
        Shape::Pareto => format!("{time} pareto"),
    }
}

/// RFC 8289 §4.2 and §4.3.
const CODEL_TARGET_NS: u64 = 5_000_000;
const CODEL_INTERVAL_NS: u64 = 100_000_000;
