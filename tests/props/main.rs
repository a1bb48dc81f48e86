//! Laws that hold for every input; every file of this folder is a module here.

mod lease;
mod soak;
mod tune;
