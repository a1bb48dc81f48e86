//! Folders of releases, as the commands that build, verify and tag them read them.

pub mod bundle;
pub mod changelog;
pub mod checklist;
pub mod evidence;
pub mod figure;
pub mod folder;
pub mod policy;
pub mod rollback_plan;
pub mod shell;
pub mod snapshot;
pub mod tag;

#[cfg(test)]
mod tests;
