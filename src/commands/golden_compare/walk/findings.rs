//! Where the walk is, and what it keeps of the differences it meets there.

use super::{Form, Frame, Walk};
use crate::commands::golden_compare::drift::difference::{Drift, What};
use crate::format::json::path::{Path, Step};
use std::io::{Read, Seek};

impl<R: Read + Seek> Walk<'_, R> {
    pub(super) fn note_first_difference(&mut self) {
        if let Some(frame) = self.frames.last_mut()
            && frame.first.is_none()
            && self.found.total > frame.before.0
        {
            frame.first = frame.count.checked_sub(1);
        }
    }

    /// The path of the value that is compared.
    pub(super) fn path(&self) -> Path {
        Path(self.frames.iter().enumerate().map(|(depth, frame)| self.step(depth, frame)).collect())
    }

    /// The path of the innermost open object or array.
    pub(super) fn path_here(&self) -> Path {
        let mut path = self.path();
        path.0.pop();
        path
    }

    fn step(&self, depth: usize, frame: &Frame) -> Step {
        match &frame.form {
            Form::Documents | Form::Array => Step::Index(frame.count.saturating_sub(1)),
            Form::Pairs(pairs) => pairs.step(),
            Form::Object | Form::Lookup(_) => {
                Step::Key(String::from_utf8_lossy(self.keys[depth].last()).into_owned())
            }
        }
    }

    pub(super) fn emit(&mut self, what: What, offset: u64) {
        if self.rules.ignored.is_empty() && self.found.drifts.len() >= self.listed {
            self.found.total += 1;
        } else {
            self.keep(self.path(), what, offset);
        }
    }

    pub(super) fn emit_here(&mut self, what: What, offset: u64) {
        self.keep(self.path_here(), what, offset);
    }

    fn keep(&mut self, path: Path, what: What, offset: u64) {
        if self.rules.ignores(&path) {
            return;
        }
        self.found.total += 1;
        if self.found.drifts.len() < self.listed {
            self.found.drifts.push(Drift { path: path.shortened(), what, offset });
        }
    }
}
