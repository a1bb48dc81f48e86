//! Files: reads that fail closed and name their path, writes that are whole or absent.

mod atomic;
mod dirs;
mod identity;
mod path;
mod read;

pub(crate) use atomic::{AtomicFile, Naming, Temporary, date_by, write_atomic, write_json, write_volatile};
#[cfg(test)]
pub(crate) use dirs::scratch_dir;
pub(crate) use dirs::{NewDirs, create_dir, create_new_dir, publish_dir, replace_link, scratch_dir_in};
pub(crate) use identity::{FileId, FileState, nanoseconds};
pub(crate) use path::with_ending;
pub(crate) use read::{
    FileKind, append, canonical, existing_kind, exists, kind, list, metadata, open, open_writable, read,
    read_text, remove, target_exists, target_kind, unreadable,
};
