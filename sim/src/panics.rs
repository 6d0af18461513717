//! What does code that panics say, and who hears it?

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;

/// Runs `act`. If it panics: `panicked at src/lib.rs:7:5: ` and its message.
///
/// What `act` has half done must not matter to the caller afterwards.
pub(crate) fn caught<R>(act: impl FnOnce() -> R) -> Result<R, String> {
    listen();
    let is_outermost = !IS_LISTENING.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(act));
    if is_outermost {
        IS_LISTENING.set(false);
    }
    result.map_err(|payload| {
        let place = PLACE.take().map_or_else(String::new, |place| format!(" at {place}"));
        format!("panicked{place}: {}", message(&*payload))
    })
}

/// Panics that [`caught`] catches while `act` runs are not printed: a search makes the same one a hundred times.
pub(crate) fn quietly<R>(act: impl FnOnce() -> R) -> R {
    let before = IS_QUIET.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(act));
    IS_QUIET.set(before);
    result.unwrap_or_else(|payload| panic::resume_unwind(payload))
}

/// What stands in a panic's payload.
pub(crate) fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}

/// Only the hook learns where a panic was. There is one for all threads: those that catch nothing get what they had.
fn listen() {
    LISTENING.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
            if IS_LISTENING.get() {
                PLACE.set(info.location().map(ToString::to_string));
            }
            if !(IS_LISTENING.get() && IS_QUIET.get()) {
                before(info);
            }
        }));
    });
}

static LISTENING: Once = Once::new();

thread_local! {
    static IS_LISTENING: Cell<bool> = const { Cell::new(false) };
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_with_its_place_and_words() {
        let line = line!() + 1;
        let told = quietly(|| caught(|| panic!("one {} two", 7))).map(|()| "nothing");
        assert_eq!(told, Err(format!("panicked at {}:{line}:41: one 7 two", file!())));
        assert_eq!(caught(|| 7), Ok(7));
    }

    #[test]
    fn an_inner_panic_leaves_the_outer_listening() {
        let told = quietly(|| {
            caught(|| {
                let inner = caught(|| panic!("inner")).map(|()| "nothing");
                assert!(inner.is_err_and(|told| told.ends_with("inner")));
                panic!("outer")
            })
        });
        let told = told.map(|()| "nothing").expect_err("it panics");
        assert!(told.starts_with("panicked at ") && told.ends_with(": outer"), "{told}");
    }
}
