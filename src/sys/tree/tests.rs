//! What the walk sees, and what is refused between the scan and the removal.
#![expect(clippy::disallowed_methods, reason = "tests touch the disk directly")]

use super::remove::{RemoveError, Remover};
use super::{Detail, Root, SkipReason, Tree, walk};
use crate::sys::signal::Cancel;
use std::fs::{self, File};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

fn write(dir: &Path, path: &str) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "content").unwrap();
}

fn root(dir: &Path) -> Root {
    Root::open(dir, dir.display().to_string()).unwrap()
}

fn scan(dir: &Path) -> Tree {
    walk(vec![root(&dir.canonicalize().unwrap())], Detail::Plain, &Cancel::default()).unwrap()
}

fn sorted(tree: &Tree) -> Vec<String> {
    let mut files: Vec<u32> = tree.files().collect();
    files.sort_by(|a, b| tree.path_cmp(*a, *b));
    files.into_iter().map(|file| tree.path(file).display().to_string()).collect()
}

fn find(tree: &Tree, path: &str) -> u32 {
    tree.files().find(|file| tree.path(*file) == Path::new(path)).unwrap()
}

fn left(tree: &Tree) -> Vec<(PathBuf, SkipReason)> {
    let dirs = (0..).zip(&tree.dirs).filter_map(|(dir, entry)| Some((tree.dir_path(dir), entry.skipped?)));
    let mut left: Vec<_> = dirs.collect();
    left.sort();
    left
}

#[test]
fn files_are_ordered_by_the_bytes_of_their_paths() {
    let dir = tempfile::tempdir().unwrap();
    for path in ["a/z", "a/b/x", "a.b", "a-", "b", "a/b.c", "a/b/c/d"] {
        write(dir.path(), path);
    }
    assert_eq!(sorted(&scan(dir.path())), ["a-", "a.b", "a/b.c", "a/b/c/d", "a/b/x", "a/z", "b"]);
}

#[test]
fn links_are_seen_as_themselves_and_never_followed() {
    let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(outside.path(), "precious");
    symlink(outside.path(), dir.path().join("to_dir")).unwrap();
    symlink(outside.path().join("precious"), dir.path().join("to_file")).unwrap();
    symlink("nowhere", dir.path().join("dangling")).unwrap();
    symlink("..", dir.path().join("loop")).unwrap();
    let tree = scan(dir.path());
    assert_eq!(sorted(&tree), ["dangling", "loop", "to_dir", "to_file"]);
    let mut remover = Remover::new(&tree);
    for file in 0..4 {
        assert!(tree.is_link(file));
        remover.remove(file).unwrap();
    }
    assert!(outside.path().join("precious").exists());
}

#[test]
fn hidden_directories_repositories_and_marked_directories_are_not_entered() {
    let dir = tempfile::tempdir().unwrap();
    for path in ["x", ".cache/y", "repo/.git/config", "repo/z", "kept/.mmops-keep", "kept/deep/z", ".dot"] {
        write(dir.path(), path);
    }
    let tree = scan(dir.path());
    assert_eq!(sorted(&tree), [".dot", "x"]);
    let expected =
        [(".cache", SkipReason::Hidden), ("kept", SkipReason::Marked), ("repo", SkipReason::Repository)];
    assert_eq!(left(&tree), expected.map(|(path, why)| (PathBuf::from(path), why)));
}

#[test]
fn every_number_of_threads_finds_the_same_files() {
    let dir = tempfile::tempdir().unwrap();
    for index in 0..300 {
        write(dir.path(), &format!("d{}/e{}/f{index}", index % 7, index % 11));
    }
    let [one, eight] = [1, 8].map(|threads| {
        walk::walk_with(vec![root(dir.path())], Detail::Plain, &Cancel::default(), threads).unwrap()
    });
    assert_eq!(sorted(&one).len(), 300);
    assert_eq!(sorted(&one), sorted(&eight));
    assert_eq!(one.dirs.len(), eight.dirs.len());
}

#[test]
fn files_and_directories_are_numbered_root_after_root() {
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    for path in ["b", "sub/a"] {
        write(dirs[0].path(), path);
        write(dirs[2].path(), path);
    }
    let roots = dirs.iter().map(|dir| root(dir.path())).collect();
    let tree = walk(roots, Detail::Plain, &Cancel::default()).unwrap();
    assert_eq!([0, 1, 2].map(|root| tree.files_of(root)), [0..2, 2..2, 2..4]);
    assert_eq!([0, 1, 2].map(|root| tree.dirs_of(root)), [0..2, 2..3, 3..5]);
    assert_eq!([0, 1, 2, 3].map(|file| tree.root_of(file)), [0, 0, 2, 2]);
    assert_eq!(sorted(&tree), ["b", "sub/a", "b", "sub/a"]);
    let mut remover = Remover::new(&tree);
    for file in tree.files_of(2) {
        assert!(tree.display(file).starts_with(&dirs[2].path().display().to_string()));
        remover.remove(file).unwrap();
    }
    assert!(remover.remove_dir(4).unwrap());
    assert!(dirs[0].path().join("sub/a").exists() && !dirs[2].path().join("sub").exists());
}

#[test]
fn names_that_are_no_text_and_very_deep_directories_are_reached() {
    let dir = tempfile::tempdir().unwrap();
    let odd = std::ffi::OsString::from_vec(b"odd\xff\n".to_vec());
    fs::write(dir.path().join(&odd), "x").unwrap();
    let mut deep = dir.path().to_owned();
    for _ in 0..60 {
        deep.push("directory_with_a_long_name_to_pass_the_limit_of_one_path_xxxxx");
    }
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("bottom"), "x").unwrap();
    let tree = scan(dir.path());
    assert_eq!(tree.files(), 0..2);
    let mut remover = Remover::new(&tree);
    for file in 0..2 {
        remover.remove(file).unwrap();
    }
    assert!(!dir.path().join(odd).exists() && !deep.join("bottom").exists());
}

#[test]
fn a_file_replaced_between_scan_and_removal_stays() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a");
    let modified = fs::metadata(dir.path().join("a")).unwrap().modified().unwrap();
    let tree = scan(dir.path());
    // Same name, size and time; only the inode tells.
    fs::rename(dir.path().join("a"), dir.path().join("kept_open")).unwrap();
    write(dir.path(), "a");
    File::options().write(true).open(dir.path().join("a")).unwrap().set_modified(modified).unwrap();
    assert!(matches!(Remover::new(&tree).remove(0), Err(RemoveError::Changed)));
    assert!(dir.path().join("a").exists());
}

#[test]
fn a_file_written_to_between_scan_and_removal_stays() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a");
    let tree = scan(dir.path());
    let file = File::options().write(true).open(dir.path().join("a")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert!(matches!(Remover::new(&tree).remove(0), Err(RemoveError::Changed)));
    assert!(matches!(Remover::new(&tree).open(0), Err(RemoveError::Changed)));
    assert!(dir.path().join("a").exists());
}

#[test]
fn a_file_or_directory_replaced_by_a_link_is_not_followed() {
    let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(dir.path(), "a");
    write(dir.path(), "sub/b");
    write(outside.path(), "b");
    let tree = scan(dir.path());
    let (a, b) = (find(&tree, "a"), find(&tree, "sub/b"));
    fs::remove_file(dir.path().join("a")).unwrap();
    symlink(outside.path().join("b"), dir.path().join("a")).unwrap();
    fs::remove_dir_all(dir.path().join("sub")).unwrap();
    symlink(outside.path(), dir.path().join("sub")).unwrap();
    let mut remover = Remover::new(&tree);
    assert!(matches!(remover.remove(a), Err(RemoveError::Changed)));
    assert!(matches!(remover.remove(b), Err(RemoveError::Changed)));
    assert!(outside.path().join("b").exists());
}

#[test]
fn a_locked_file_stays_until_the_lock_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a");
    let tree = scan(dir.path());
    let holder = File::open(dir.path().join("a")).unwrap();
    rustix::fs::flock(&holder, rustix::fs::FlockOperation::LockShared).unwrap();
    assert!(matches!(Remover::new(&tree).remove(0), Err(RemoveError::Locked)));
    drop(holder);
    Remover::new(&tree).remove(0).unwrap();
}

#[test]
fn a_vanished_file_is_gone_and_a_full_directory_stays() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "sub/a");
    let tree = scan(dir.path());
    assert!(!Remover::new(&tree).remove_dir(1).unwrap());
    fs::remove_file(dir.path().join("sub/a")).unwrap();
    assert!(matches!(Remover::new(&tree).remove(0), Err(RemoveError::Gone)));
    assert!(Remover::new(&tree).remove_dir(1).unwrap());
    assert!(!dir.path().join("sub").exists());
}

#[test]
fn a_file_open_for_writing_is_known_and_one_open_for_reading_is_not() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "read");
    write(dir.path(), "written");
    let _reader = File::open(dir.path().join("read")).unwrap();
    let _writer = File::options().append(true).open(dir.path().join("written")).unwrap();
    let tree = scan(dir.path());
    let writers = super::writers::scan(&[tree.roots[0].dev].into());
    let writing = |path: &str| {
        let id = tree.file_id(find(&tree, path));
        writers.has(id.dev, id.ino)
    };
    assert!(writers.known && writing("written") && !writing("read"));
}

#[test]
fn a_descriptor_that_nobody_can_tell_about_is_one_for_writing() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["read", "torn", "refused", "closed"] {
        write(dir.path(), name);
    }
    let table = tempfile::tempdir().unwrap();
    let process = table.path().join("7");
    fs::create_dir_all(process.join("fd")).unwrap();
    fs::create_dir_all(process.join("fdinfo/2")).unwrap();
    for (number, name) in ["read", "torn", "refused", "closed"].iter().enumerate() {
        symlink(dir.path().join(name), process.join("fd").join(number.to_string())).unwrap();
    }
    fs::write(process.join("fdinfo/0"), "pos:\t0\nflags:\t0100000\n").unwrap();
    fs::write(process.join("fdinfo/1"), "pos:\t0\n").unwrap();
    let tree = scan(dir.path());
    let writers = super::writers::scan_table(table.path(), &[tree.roots[0].dev].into());
    let writing = |path: &str| {
        let id = tree.file_id(find(&tree, path));
        writers.has(id.dev, id.ino)
    };
    assert_eq!(["read", "torn", "refused", "closed"].map(writing), [false, true, true, false]);
    assert_eq!(writers.closed, 0);
}

#[test]
fn a_process_that_cannot_be_looked_into_is_counted_and_one_that_ended_is_not() {
    let table = tempfile::tempdir().unwrap();
    for process in ["7", "8", "self"] {
        fs::create_dir(table.path().join(process)).unwrap();
    }
    // Stands for a directory that this user may not read, which root may.
    symlink("fd", table.path().join("7/fd")).unwrap();
    let writers = super::writers::scan_table(table.path(), &[0].into());
    assert!(writers.known);
    assert_eq!(writers.closed, 1);
}

#[test]
fn a_temporary_file_that_a_killed_restore_left_is_in_nobodys_way() {
    let dir = tempfile::tempdir().unwrap();
    let place = super::restore::RestoreDir::open(dir.path()).unwrap();
    let left = (0..2000).map(|count| format!(".mmops-restore-{}-{count}.tmp", std::process::id()));
    let left: Vec<String> = left.inspect(|name| write(dir.path(), name)).collect();
    let held = File::open(dir.path().join(&left[7])).unwrap();
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
    for name in ["a", "b"] {
        super::restore::finish(place.create(Path::new(name)).unwrap(), 0o644, 0).unwrap();
    }
    assert!(dir.path().join("a").exists() && dir.path().join("b").exists());
    let stay: Vec<&String> = left.iter().filter(|name| dir.path().join(name).exists()).collect();
    assert_eq!(stay, [&left[7]], "it belongs to a restore that goes on");
}

#[test]
fn a_second_lock_on_the_same_root_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (root(dir.path()), root(dir.path()));
    a.lock().unwrap();
    assert!(b.lock().unwrap_err().to_string().contains("is being rotated by another process"));
    drop(a);
    b.lock().unwrap();
}
