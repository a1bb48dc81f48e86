//! Files: reads that fail closed and name their path, writes that are whole or absent.

mod atomic;
mod dirs;
mod identity;
mod locked;
mod open;
mod outputs;
mod own;
mod path;
mod read;
mod target;

pub(crate) use atomic::{
    AtomicFile, Naming, Temporary, date_by, is_unfinished, remove_abandoned, remove_left_behind,
    write_atomic, write_volatile,
};
#[cfg(test)]
pub(crate) use dirs::scratch_dir;
pub(crate) use dirs::{NewDirs, ScratchDir, create_dir, create_new_dir, replace_link};
pub(crate) use identity::{FileId, FileState, nanoseconds};
pub(crate) use open::{
    SizeLimit, append, append_stream, names_descriptor, open, open_directory, open_writable, read_within,
};
pub(crate) use outputs::{OutputFile, OutputKind, Outputs};
pub(crate) use own::{is_foreign, refuse_foreign, remove_own};
pub(crate) use path::{unreadable, with_ending};
pub(crate) use read::{
    FileKind, canonical, existing_kind, exists, kind, list, metadata, read, read_text, read_text_within,
    relative_to, remove, target_exists, target_kind,
};
pub(crate) use target::{Identities, is_below, is_stream, same_file};

#[cfg(test)]
mod tests;
