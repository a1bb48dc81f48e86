//! Everything that touches the world: each file owns one piece of it.

pub(crate) mod clock;
pub(crate) mod config;
pub(crate) mod env;
pub(crate) mod fsio;
pub(crate) mod git;
pub(crate) mod json_file;
pub(crate) mod lock;
pub(crate) mod logging;
pub(crate) mod panics;
pub(crate) mod proc;
pub(crate) mod progress;
pub(crate) mod prompt;
pub(crate) mod root_dir;
pub(crate) mod signal;
pub(crate) mod stdin;
pub(crate) mod tree;
pub(crate) mod work;
