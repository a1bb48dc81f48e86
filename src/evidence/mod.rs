//! What makes a document evidence: how old it is, on what it was made, and what is required of it.

pub mod daily;
pub mod freshness;
pub mod requirement;
pub mod stamp;
