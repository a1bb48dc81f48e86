//! Everything that touches the world: each file owns one piece of it.

pub mod beneath;
pub mod clock;
pub mod config;
pub mod env;
pub mod fsio;
pub mod git;
pub mod http;
pub mod json;
pub mod lock;
pub mod logging;
pub mod minisign;
pub mod proc;
pub mod progress;
pub mod prompt;
pub mod serve;
pub mod signal;
pub mod tokens;
pub mod tree;
pub mod zip;
