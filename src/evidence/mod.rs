//! What makes a document evidence: how old it is, on what it was made, and what is required of it.

pub(crate) mod age;
pub(crate) mod daily;
pub(crate) mod entry;
pub(crate) mod explanation;
pub(crate) mod header;
pub(crate) mod requirement;
pub(crate) mod rules;
