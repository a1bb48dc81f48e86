//! bundle.

pub mod plan;
pub mod provenance;
pub mod sbom;
