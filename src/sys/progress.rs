//! Progress on a terminal; silent elsewhere, so that logs and pipes stay clean.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar of `total` steps on stderr, hidden unless it is wanted.
pub(crate) fn bar(is_wanted: bool, total: u64, what: &'static str) -> ProgressBar {
    if !is_wanted {
        return ProgressBar::hidden();
    }
    let template = "{msg} [{bar:30}] {pos}/{len} eta {eta}";
    let style = ProgressStyle::with_template(template).expect("a valid template");
    ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr())
        .with_style(style.progress_chars("=> "))
        .with_message(what)
}
