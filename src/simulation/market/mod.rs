//! Markets to rehearse on: feeds read from recordings or generated from a seed, and the two-sided
//! quoter that trades them inside the `hftbacktest` order-book simulator.

pub mod feed;
pub mod generator;
pub mod quoter;
pub mod spec;

pub use feed::{Feed, Limits, Quality, load};
pub use generator::{generate, gzip, text};
pub use quoter::{Window, simulate};
pub use spec::{Regime, Spec};
