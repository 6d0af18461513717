//! How is what a cable does to frames written in a file?

use super::error::ScenarioError;
use super::quantity::{parse_bps, parse_ns, parse_ppm, print_bps, print_bytes, print_ns, print_ppm};
use super::section::Section;
use super::write::Lines;
use crate::link::Impairments;

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
        loss_ppm: section.parsed("loss", parse_ppm)?.unwrap_or(base.loss_ppm),
        rate_bps: section.parsed("rate", parse_bps)?.unwrap_or(base.rate_bps),
        queue_frames: section.count_u32("queue_frames")?.unwrap_or(base.queue_frames),
        queue_bytes: section.bytes("queue_bytes")?.or(base.queue_bytes),
        delay_ns: section.parsed("delay", parse_ns)?.unwrap_or(base.delay_ns),
        jitter_ns: section.parsed("jitter", parse_ns)?.unwrap_or(base.jitter_ns),
        reorder_ppm: section.parsed("reorder", parse_ppm)?.unwrap_or(base.reorder_ppm),
        reorder_delay_ns: section.parsed("reorder_delay", parse_ns)?.unwrap_or(base.reorder_delay_ns),
        duplicate_ppm: section.parsed("duplicate", parse_ppm)?.unwrap_or(base.duplicate_ppm),
        corrupt_ppm: section.parsed("corrupt", parse_ppm)?.unwrap_or(base.corrupt_ppm),
    })
}

/// Prints what is not as by default.
pub(super) fn write(lines: &mut Lines, what: &Impairments) {
    let default = Impairments::default();
    lines.text_if("mtu", what.mtu_bytes.map(|bytes| print_bytes(bytes.into())));
    lines.text_if("loss", (what.loss_ppm != default.loss_ppm).then(|| print_ppm(what.loss_ppm)));
    lines.text_if("rate", (what.rate_bps != default.rate_bps).then(|| print_bps(what.rate_bps)));
    lines.number_if("queue_frames", (what.queue_frames != default.queue_frames).then_some(what.queue_frames.into()));
    lines.text_if("queue_bytes", what.queue_bytes.map(print_bytes));
    lines.text_if("delay", (what.delay_ns != default.delay_ns).then(|| print_ns(what.delay_ns)));
    lines.text_if("jitter", (what.jitter_ns != default.jitter_ns).then(|| print_ns(what.jitter_ns)));
    lines.text_if("reorder", (what.reorder_ppm != default.reorder_ppm).then(|| print_ppm(what.reorder_ppm)));
    let delay_ns = what.reorder_delay_ns;
    lines.text_if("reorder_delay", (delay_ns != default.reorder_delay_ns).then(|| print_ns(delay_ns)));
    lines.text_if("duplicate", (what.duplicate_ppm != default.duplicate_ppm).then(|| print_ppm(what.duplicate_ppm)));
    lines.text_if("corrupt", (what.corrupt_ppm != default.corrupt_ppm).then(|| print_ppm(what.corrupt_ppm)));
}
