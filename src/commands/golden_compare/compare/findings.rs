//! What the walk keeps of the differences it meets, and the path of each.

use super::state::{Frame, Order, Walk};
use crate::commands::golden_compare::drift::difference::{Difference, Drift};
use crate::format::json::path::Path;

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

    pub(super) fn emit(&mut self, difference: Difference, offset: u64) {
        if self.rules.ignored.is_empty() && self.found.drifts.len() >= self.listed {
            self.found.total += 1;
        } else {
            self.keep(self.path(), difference, offset);
        }
    }

    pub(super) fn emit_here(&mut self, difference: Difference, offset: u64) {
        self.keep(self.path_here(), difference, offset);
    }

    fn keep(&mut self, path: Path, difference: Difference, offset: u64) {
        if self.rules.ignores(&path) {
            return;
        }
        self.found.total += 1;
        if self.found.drifts.len() < self.listed {
            self.found.drifts.push(Drift { path: path.shortened(), difference, offset });
        }
    }
}
