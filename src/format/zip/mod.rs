//! ZIP archives whose bytes follow from their content alone: written in parallel with memory that does
//! not grow with the files, and read back with the suspicion that anybody may have written them.

mod blocks;
pub mod check;
pub mod deflate;
pub mod layout;
pub mod pack;
