//! Markets to rehearse on: feeds read from recordings or generated from a seed, and the two-sided
//! quoter that trades them inside the `hftbacktest` order-book simulator.

pub(crate) mod feed;
pub(crate) mod generator;
pub(crate) mod quoter;
pub(crate) mod spec;

pub(crate) use feed::{Feed, FeedLimits, load};
pub(crate) use generator::{generate, gzip, text};
pub(crate) use quoter::{Window, simulate};
pub(crate) use spec::{FeedSpec, Regime};
