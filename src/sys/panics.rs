//! A panic is a fault of mmops itself. It is caught where an answer is still owed, and what is known of it
//! goes into that answer: stderr may be unwritable.

use crate::sys::logging;
use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook};

thread_local! {
    /// Where the last panic of this thread came from, for the one who catches it.
    static LOCATION: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Has panics logged like everything else, rather than printed by the standard library.
pub(crate) fn log_panics() {
    set_hook(Box::new(|info| {
        let location = info
            .location()
            .map(|location| format!("{}:{}:{}", source(location.file()), location.line(), location.column()));
        logging::fatal(&describe(info, location.as_deref()));
        LOCATION.with(|known| {
            if let Ok(mut known) = known.try_borrow_mut() {
                *known = location;
            }
        });
    }));
}

/// The file of a library as its users know it, from the library's folder on: where it lay when mmops was built is
/// no business of who reads the fault.
fn source(file: &str) -> &str {
    if !file.starts_with('/') {
        return file;
    }
    // The folder of the registry, or of the compiler's version, is of that machine as well.
    let inside = ["/registry/src/", "/git/checkouts/", "/rustc/"].iter().find_map(|kept| {
        let (_, below) = file.split_once(kept)?;
        Some(below.split_once('/')?.1)
    });
    inside.unwrap_or_else(|| file.rsplit('/').next().unwrap_or(file))
}

fn describe(info: &PanicHookInfo<'_>, location: Option<&str>) -> String {
    let fault = internal_fault(location, info.payload());
    let backtrace = Backtrace::capture();
    match backtrace.status() {
        BacktraceStatus::Captured => format!("{fault}\n{backtrace}"),
        _ => fault,
    }
}

fn internal_fault(location: Option<&str>, payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    match location {
        Some(location) => format!("internal fault at {location}: {text}"),
        None => format!("internal fault: {text}"),
    }
}

/// Does `work`; a panic becomes the text of a fault. What the work has left half changed must not be used
/// afterwards.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        let location = LOCATION.with(|known| known.try_borrow_mut().ok().and_then(|mut known| known.take()));
        internal_fault(location.as_deref(), payload.as_ref())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_named_without_the_machine_that_it_was_built_on() {
        for (file, known) in [
            ("src/sys/panics.rs", "src/sys/panics.rs"),
            (
                "/home/ann/.cargo/registry/src/index.crates.io-1cd6/tokio-1.5.1/src/x.rs",
                "tokio-1.5.1/src/x.rs",
            ),
            ("/rustc/17067e9ac6d7/library/core/src/option.rs", "library/core/src/option.rs"),
            ("/home/ann/mmops/src/lib.rs", "lib.rs"),
        ] {
            assert_eq!(source(file), known);
        }
    }

    #[test]
    fn a_panic_becomes_a_fault_with_its_message() {
        assert_eq!(caught(|| 3), Ok(3));
        let number = 7;
        let fault = caught(|| assert_eq!(number, 8, "seven is not eight")).expect_err("a panic");
        assert!(fault.starts_with("internal fault") && fault.contains("seven is not eight"), "{fault}");
        let fault = caught(|| std::panic::panic_any(1)).expect_err("a panic");
        assert!(fault.ends_with("no message"), "{fault}");
    }
}
