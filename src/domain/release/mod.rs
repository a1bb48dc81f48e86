//! What a soak-validated release claims: nothing but what the evidence of the soak shows.

pub mod changelog;
pub mod checklist;
pub mod evidence;
pub mod figure;
pub mod policy;
pub mod rollback_plan;
pub mod shell;
pub mod snapshot;
pub mod tag;

#[cfg(test)]
mod tests;
