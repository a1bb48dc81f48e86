//! What stands under the name of an output: an earlier one, or a file of somebody else.

use super::path::shown;
use super::read::{FileKind, kind, read, remove};
use super::target;
use crate::format::form::Form;
use crate::report::exit::Fault;
use std::io;
use std::path::Path;

/// Whether the file of an output is there and of another form than its command writes. What cannot be looked at is
/// not known to be ours; a pipe or a device is nobody's.
pub(crate) fn is_foreign(target: &Path, form: Form) -> bool {
    match target::file_behind(target) {
        Ok(Some(path)) => match kind(&path) {
            Ok(FileKind::Missing) => false,
            _ => read(&path).map_or(true, |content| !form.is_own(&content)),
        },
        Ok(None) | Err(_) => false,
    }
}

/// Refuses to replace what stands under a name that a command chose by itself, and that it did not write.
pub(crate) fn refuse_foreign(target: &Path, form: Form) -> Result<(), Fault> {
    if !is_foreign(target, form) {
        return Ok(());
    }
    let message = format!("{} is there, and this command did not write it", shown(target));
    Err(Fault::usage(message).hint("move it away, or let the output go elsewhere"))
}

/// Removes the file of an output that an earlier run of its command wrote.
pub(crate) fn remove_own(target: &Path, form: Form) -> Result<(), Fault> {
    if is_foreign(target, form) { Ok(()) } else { remove_output(target) }
}

/// Removes the file of an output, if there is one: a link to it stays, and so does a pipe or a device.
pub(super) fn remove_output(target: &Path) -> Result<(), Fault> {
    let fail = |error: io::Error| Fault::write(shown(target), &error);
    match target::file_behind(target).map_err(fail)? {
        None => Ok(()),
        Some(path) => match remove(&path) {
            Ok(()) => Ok(()),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(()),
                _ => Err(fail(error)),
            },
        },
    }
}
