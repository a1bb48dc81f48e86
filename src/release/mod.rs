//! Folders of releases, as the commands that build, verify and tag them read them.

pub mod folder;
