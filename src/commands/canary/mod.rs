//! `mmops canary`: put a release's tag where its evidence is, and write the checklist of its first days.

pub(crate) mod checklist;
mod folder;
pub(crate) mod tag;
