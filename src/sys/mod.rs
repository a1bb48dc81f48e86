//! Everything that touches the world: each file owns one piece of it.

pub mod beneath;
pub mod clock;
pub mod env;
pub mod fsio;
pub mod git;
pub mod lock;
pub mod logging;
pub mod proc;
pub mod progress;
pub mod prompt;
pub mod signal;
pub mod tree;
