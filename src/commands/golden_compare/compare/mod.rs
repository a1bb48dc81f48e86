//! Compares two documents, or two files that are not JSON, without holding either in memory.
//!
//! Where the two documents have the same bytes ahead, one is read for both. Where they differ, token stands
//! against token. An object whose keys come in another order is read through once in the actual document to
//! learn where its values are; the walk then goes there, key by key.

mod arrays;
pub(super) mod bytes;
mod common;
pub(super) mod content;
mod digest;
mod findings;
pub(super) mod lines;
mod lookup;
mod near;
mod objects;
mod side;
mod state;
mod unordered;
pub(super) mod usage;
pub(super) mod walk;

#[cfg(test)]
mod tests;

pub(super) use side::{CheckCancelled, CompareError, Found, Side};
