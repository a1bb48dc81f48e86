//! What goes into a bundle: the plan of its files, where they come from, and what it is built of.

pub mod plan;
pub mod provenance;
pub mod sbom;
