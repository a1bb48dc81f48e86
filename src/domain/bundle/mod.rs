//! What a release bundle is: which files belong to it, what its manifest says, what its names may be.

pub mod compare;
pub mod manifest;
pub mod name;
pub mod plan;
pub mod provenance;
pub mod sbom;
