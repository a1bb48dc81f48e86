//! What a release bundle is: which files belong to it, what its manifest says, what its names may be.

pub mod compare;
pub mod manifest;
pub mod name;
