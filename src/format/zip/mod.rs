//! ZIP archives whose bytes follow from their content alone: written in parallel with memory that does
//! not grow with the files, and read back with the suspicion that anybody may have written them.

mod blocks;
pub(crate) mod check;
pub(crate) mod deflate;
pub(crate) mod layout;
pub(crate) mod pack;
pub(crate) mod violation;
