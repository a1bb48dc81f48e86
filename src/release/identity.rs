//! Which version and commit is to be released from a root.

use crate::evidence::entry::ReleaseIdentity;
use crate::report::exit::Fault;
use crate::sys::env::Env;
use crate::sys::fsio;
use crate::sys::git::Git;
use crate::sys::signal::Cancel;
use std::path::Path;

/// `MM_VERSION`, else the file `VERSION`, and the commit of the checkout. A root without them does not tell; a
/// repository that cannot be asked is a fault, for then it is not known that nothing is known.
pub(crate) fn find(root: &Path, env: &Env, cancel: &Cancel) -> Result<ReleaseIdentity, Fault> {
    let file = root.join("VERSION");
    let version = match env.get("MM_VERSION") {
        Some(text) => Some(text.trim().to_owned()),
        None if fsio::exists(&file)? => Some(fsio::read_text(&file)?.trim().to_owned()),
        None => None,
    };
    let commit = match Git::find(root, cancel)? {
        Some(git) => git.head()?,
        None => None,
    };
    Ok(ReleaseIdentity { version: version.filter(|version| !version.is_empty()), commit })
}
