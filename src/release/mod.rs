//! Folders of releases, as the commands that build, verify and tag them read them.

pub(crate) mod bundle;
pub(crate) mod changelog;
pub(crate) mod checklist;
pub(crate) mod evidence;
pub(crate) mod figure;
pub(crate) mod folder;
pub(crate) mod identity;
pub(crate) mod judged_run;
pub(crate) mod kpi;
pub(crate) mod policy;
pub(crate) mod query;
pub(crate) mod rollback_plan;
mod secret;
pub(crate) mod shell;
pub(crate) mod signature;
pub(crate) mod signed;
pub(crate) mod snapshot;
mod states;
pub(crate) mod summary;
pub(crate) mod tag;

#[cfg(test)]
mod tests;
