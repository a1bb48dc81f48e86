//! Bytes to values and back. Pure throughout: bytes, text or a `Read` go in; opening files, threads and
//! the check for a stop stay with the caller.

pub mod config;
pub mod exposition;
pub mod json;
pub mod minisign;
pub mod size;
pub mod zip;
