//! Which files go and which stay, and why: limits by age, size, count and calendar over groups of
//! members, with the guards that no limit can overrule.
//!
//! Every limit sees every member of its group and marks what it would remove; what is marked and not
//! guarded goes. A member is a file, or a whole directory that is kept or removed as one. Members are
//! ordered by the time of their last write and, where that is equal, by path, so that the outcome does
//! not depend on the order in which they were found.

pub(crate) mod age;
pub(crate) mod dated;
pub(crate) mod decide;
pub(crate) mod kind;
pub(crate) mod limits;
pub(crate) mod member;
pub(crate) mod pattern;
pub(crate) mod policy;
pub(crate) mod series;
pub(crate) mod tiers;

#[cfg(test)]
mod tests;
