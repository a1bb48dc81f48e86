//! Scans one stream after the other with the memory of one thread: text in chunks that overlap, archives
//! member by member, and a finding for whatever could not be read to its end.

mod archive;
mod input;
mod nesting;
mod stream;

pub(super) use stream::{Shared, Worker};
