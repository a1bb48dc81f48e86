//! What a release bundle is: which files belong to it, what its manifest says, what its names may be.

pub(crate) mod committed;
pub(crate) mod compare;
pub(crate) mod manifest;
pub(crate) mod name;
