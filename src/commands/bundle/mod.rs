//! `mmops bundle`: make an archive whose every byte can be accounted for, check one, build the folder of
//! a release. Bare `mmops bundle` creates.

pub(crate) mod contents;
pub(crate) mod create;
mod materials;
pub(crate) mod release;
mod select;
pub(crate) mod verify;
