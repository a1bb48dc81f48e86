//! What the walk keeps of the differences it meets, and the path of each.

use super::state::{Frame, Order, Walk};
use crate::commands::golden_compare::drift::difference::{Difference, Drift, Noun, Offsets};
use crate::format::json::path::{Path, Step};

impl<R> Walk<'_, R> {
    /// The path of the value that is compared.
    pub(super) fn path(&self) -> Path {
        let steps = self.frames.iter().zip(self.cursor.steps());
        Path(
            steps
                .map(|(frame, step)| match frame {
                    Frame { order: Order::Pairs(pairs), .. } => pairs.step(),
                    Frame { order: Order::Same | Order::ByKey(_), .. } => step,
                })
                .collect(),
        )
    }

    /// The path of the innermost open object or array.
    pub(super) fn path_here(&self) -> Path {
        let mut path = self.path();
        path.0.pop();
        path
    }

    /// Takes note of a difference of the value that is compared.
    pub(super) fn emit(&mut self, difference: impl FnOnce() -> Difference, offset: u64, values: Offsets) {
        if self.rules.ignored.is_empty() && self.found.drifts.len() >= self.listed {
            self.found.total += 1;
        } else {
            self.keep(Drift { path: self.path(), step: None, difference: difference(), offset, values });
        }
    }

    /// Takes note of a difference of the innermost open object or array.
    pub(super) fn emit_here(&mut self, difference: Difference, offset: u64) {
        let values = Offsets::default();
        self.keep(Drift { path: self.path_here(), step: None, difference, offset, values });
    }

    /// Takes note of keys or elements that the innermost open object or array has in one document alone.
    pub(super) fn emit_unpaired(&mut self, unpaired: Vec<Unpaired>) {
        let path = self.path_here();
        for Unpaired { step, name, noun, offset, values } in unpaired {
            if self.rules.ignored.is_empty() && self.found.drifts.len() >= self.listed {
                self.found.total += 1;
                continue;
            }
            let difference = if values.baseline.is_some() {
                Difference::Missing { noun, name }
            } else {
                Difference::Extra { noun, name }
            };
            self.keep(Drift { path: path.clone(), step: Some(step), difference, offset, values });
        }
    }

    fn keep(&mut self, drift: Drift) {
        // Elements that are ignored were told apart when they were read, and count.
        let is_key = |step: &&Step| matches!(step, Step::Key(_));
        let is_ignored = || match drift.step.as_ref().filter(is_key) {
            Some(step) => self.rules.ignores(&drift.path.with(step.clone())),
            None => self.rules.ignores(&drift.path),
        };
        if !self.rules.ignored.is_empty() && is_ignored() {
            return;
        }
        self.found.total += 1;
        if self.found.drifts.len() < self.listed {
            self.found.drifts.push(Drift { path: drift.path.shortened(), ..drift });
        }
    }
}

/// A key or an element that one document alone has.
pub(super) struct Unpaired {
    pub(super) step: Step,
    /// As messages name it.
    pub(super) name: String,
    pub(super) noun: Noun,
    /// Byte of the actual document at which it was seen.
    pub(super) offset: u64,
    /// Where its value begins in the document that has it.
    pub(super) values: Offsets,
}
