//! What becomes of what cannot be?

/// Says that something is as it cannot be, unless this crate is wrong.
///
/// With debug assertions, as in tests, it panics. Without them the caller goes on with the least harm: a segment is dropped, a
/// call fails; a device in the field keeps serving, and no panic is linked.
#[cold]
#[track_caller]
#[cfg_attr(debug_assertions, expect(clippy::panic, reason = "a test has to stop where this crate is wrong"))]
pub(crate) fn impossible(why: &'static str) {
    #[cfg(debug_assertions)]
    panic!("{why}");
    #[cfg(not(debug_assertions))]
    let _ = why;
}
