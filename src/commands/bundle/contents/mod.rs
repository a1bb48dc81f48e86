//! What goes into a bundle: the plan of its files, where they come from, and what it is built of.

pub(crate) mod plan;
pub(crate) mod provenance;
pub(crate) mod sbom;
