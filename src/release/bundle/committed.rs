//! Which files are those of a commit, byte for byte. What git says of the work tree is no answer: it passes over
//! files that it was told to assume unchanged, modes that it was told not to look at, and all that it ignores.

use crate::format::hash;
use crate::report::exit::Fault;
use crate::sys::git::{Blob, Git};
use std::collections::BTreeMap;

/// A file that is held to the commit.
#[derive(Clone, Debug)]
pub(crate) struct Held<'a> {
    /// Path relative to the root.
    pub(crate) path: &'a str,
    /// Whether its owner may execute it, where that matters.
    pub(crate) is_executable: Option<bool>,
}

/// How git calls the modes of a file that may be executed, and of a link.
const EXECUTABLE: &str = "100755";
const LINK: &str = "120000";

/// Most links on the way to a file.
const MOST_LINKS: usize = 40;

/// The files of a commit, with what its links name.
#[derive(Debug, Default)]
struct Tree<'a> {
    files: BTreeMap<&'a str, (&'a str, &'a str)>,
    links: BTreeMap<&'a str, String>,
}

/// The paths of all files of the commit.
pub(crate) fn paths(git: &Git<'_>, commit: &str) -> Result<Vec<String>, Fault> {
    Ok(parse(&git.tree(commit)?).into_keys().map(str::to_owned).collect())
}

/// What the commit has under the path and with the mode of each file.
pub(crate) fn blobs(git: &Git<'_>, commit: &str, held: &[Held<'_>]) -> Result<Vec<Option<Blob>>, Fault> {
    let listed = git.tree(commit)?;
    let mut tree = Tree { files: parse(&listed), links: BTreeMap::new() };
    let links: Vec<(&str, &str)> = tree.of_mode(LINK).collect();
    let blobs: Vec<Blob> = links.iter().map(|(_, id)| blob(id)).collect();
    let mut paths = links.iter().map(|(path, _)| *path);
    git.contents(&blobs, |_, content| {
        let target = content.and_then(|content| std::str::from_utf8(content).ok());
        tree.links.extend(paths.next().zip(target.map(str::to_owned)));
        Ok(())
    })?;
    let found = |held: &Held<'_>| {
        let (mode, id) = tree.file(held.path)?;
        let is_mode = held.is_executable.is_none_or(|is_executable| is_executable == (mode == EXECUTABLE));
        is_mode.then(|| blob(id))
    };
    Ok(held.iter().map(found).collect())
}

/// Whether each of these has the content of this SHA-256; what is not there has none, and neither has an object that
/// does not hold what its id says: git hands out what lies in its store, whoever put it there.
pub(crate) fn are_equal(
    git: &Git<'_>,
    blobs: &[Option<Blob>],
    hashes: &[Option<String>],
) -> Result<Vec<bool>, Fault> {
    let mut equal = vec![false; blobs.len()];
    let mut places = (0..blobs.len()).filter(|at| blobs[*at].is_some());
    let blobs: Vec<Blob> = blobs.iter().flatten().cloned().collect();
    git.contents(&blobs, |blob, content| {
        let at = places.next().expect("a file for each blob");
        equal[at] = content.is_some_and(|content| {
            hash::git_blob_id(content, &blob.id) == blob.id && hashes[at] == Some(hash::sha256(content))
        });
        Ok(())
    })?;
    Ok(equal)
}

fn blob(id: &str) -> Blob {
    Blob { id: id.to_owned(), names: Vec::new() }
}

/// Each path of `git ls-tree -r -z` with its mode and object.
fn parse(listed: &str) -> BTreeMap<&str, (&str, &str)> {
    let mut files = BTreeMap::new();
    for (words, path) in listed.split('\0').filter_map(|line| line.split_once('\t')) {
        if let [mode, "blob", id] = words.split(' ').collect::<Vec<_>>()[..] {
            files.insert(path, (mode, id));
        }
    }
    files
}

impl<'a> Tree<'a> {
    fn of_mode(&self, wanted: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let wanted = wanted.to_owned();
        self.files.iter().filter(move |(_, (mode, _))| *mode == wanted).map(|(path, (_, id))| (*path, *id))
    }

    /// The file that a path leads to in the commit, its links followed as they are there.
    fn file(&self, path: &str) -> Option<(&'a str, &'a str)> {
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
            let link = ends.into_iter().find_map(|end| Some((end, self.links.get(&path[..end])?)));
            let Some((end, target)) = link else { return self.files.get(&*path).copied() };
            let above = path[..end].rsplit_once('/').map_or("", |(above, _)| above);
            path = joined(above, &format!("{target}{}", &path[end..]))?;
        }
        None
    }
}

/// A path relative to a directory of the tree; none where it leads out of the tree.
fn joined(above: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = above.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_a_commit_are_followed_in_it_and_not_out_of_it() {
        let listed = [
            "100644 blob a1\ta/x",
            "100755 blob b2\tb",
            "120000 blob c3\tlink",
            "120000 blob d4\ta/up",
            "120000 blob e5\tdir",
            "120000 blob f6\tout",
            "120000 blob 07\tloop",
            "160000 commit 08\tsub",
        ]
        .join("\0");
        let links = [("link", "a/x"), ("a/up", "../b"), ("dir", "./a"), ("out", "../b"), ("loop", "loop")];
        let links = links.map(|(path, target)| (path, target.to_owned()));
        let tree = Tree { files: parse(&listed), links: links.into_iter().collect() };
        let id = |path: &str| tree.file(path).map(|(_, id)| id);
        for (path, expected) in
            [("a/x", "a1"), ("link", "a1"), ("a/up", "b2"), ("dir/x", "a1"), ("dir/up", "b2")]
        {
            assert_eq!(id(path), Some(expected), "{path}");
        }
        for path in ["out", "loop", "sub", "a", "c", "link/x"] {
            assert_eq!(id(path), None, "{path}");
        }
    }
}
