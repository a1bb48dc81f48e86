//! Outputs that appear whole, where they were asked for, as what they were.

use super::atomic::remove_left_behind;
use super::*;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

#[test]
fn an_abandoned_write_leaves_the_old_content_and_no_other_file() {
    let dir = scratch_dir("atomic").expect("a directory");
    let path = dir.path().join("sub/state.json");
    write_atomic(&path, b"old").expect("written");
    let mut file = AtomicFile::create(&path).expect("created");
    file.file().write_all(b"half").expect("written");
    drop(file);
    assert_eq!(read(&path).expect("read"), b"old");
    assert_eq!(list(&dir.path().join("sub")).expect("listed"), [path]);
}

#[test]
fn the_permissions_of_the_replaced_file_are_kept() {
    let dir = scratch_dir("atomic").expect("a directory");
    let path = dir.path().join("secret.yaml");
    let mode = || metadata(&path).expect("there").permissions().mode() & 0o777;
    write_atomic(&path, b"old").expect("written");
    open(&path).expect("opened").set_permissions(PermissionsExt::from_mode(0o600)).expect("changed");
    write_volatile(&path, b"new").expect("written");
    assert_eq!((mode(), read(&path).expect("read")), (0o600, b"new".to_vec()));
}

#[test]
fn a_name_that_is_taken_is_left_alone_and_the_next_is_tried() {
    let dir = scratch_dir("atomic").expect("a directory");
    let temporary = Temporary { prefix: ".mmops-x-", suffix: ".partial", mode: 0o644 };
    write_atomic(&dir.path().join("a"), b"old").expect("written");
    let file = AtomicFile::create_locked(dir.path(), temporary).expect("created");
    let other = AtomicFile::create_locked(dir.path(), temporary).expect("created");
    let names = || ["a", "b"].map(str::to_owned);
    assert_eq!(file.commit_as(names()).expect("named"), Some(dir.path().join("b")));
    assert_eq!(other.commit_as(names()).expect("refused"), None);
    let left = list(dir.path()).expect("listed");
    assert_eq!(left, ["a", "b"].map(|name| dir.path().join(name)));
}

#[test]
fn a_directory_is_no_target() {
    let dir = scratch_dir("atomic").expect("a directory");
    let message = AtomicFile::create(dir.path()).expect_err("refused").to_string();
    assert!(message.ends_with("is a directory"), "{message}");
}

#[test]
fn a_link_stays_a_link_and_its_file_is_replaced() {
    let dir = scratch_dir("atomic").expect("a directory");
    let path = |name: &str| dir.path().join(name);
    create_dir(&path("other")).expect("created");
    write_atomic(&path("other/real.json"), b"old").expect("written");
    for (link, target) in [("link", "other/real.json"), ("new", "other/new.json"), ("chain", "new")] {
        std::os::unix::fs::symlink(target, path(link)).expect("linked");
    }
    let message = AtomicFile::create(&path("chain")).expect_err("refused").to_string();
    assert!(message.ends_with("it is a link to a link that leads nowhere"), "{message}");
    let file = AtomicFile::create(&path("link")).expect("created");
    assert_eq!(read(&path("other/real.json")).expect("there until then"), b"old");
    file.finish(b"verdict").expect("written");
    write_atomic(&path("new"), b"first").expect("written");
    for (link, target, content) in
        [("link", "other/real.json", b"verdict" as &[u8]), ("new", "other/new.json", b"first")]
    {
        assert_eq!(kind(&path(link)).expect("known"), FileKind::Link);
        assert_eq!(read(&path(target)).expect("read"), content);
    }
}

#[test]
fn a_pipe_is_written_through_and_a_device_stays_one() {
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let path = format!("/dev/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&writer));
    let mut file = AtomicFile::create(Path::new(&path)).expect("opened");
    file.write(b"whole").expect("written");
    let mut written = String::new();
    file.reread().expect("opened").read_to_string(&mut written).expect("read");
    file.commit().expect("passed on");
    drop(writer);
    let mut passed_on = String::new();
    reader.read_to_string(&mut passed_on).expect("read");
    assert_eq!((&*written, &*passed_on), ("whole", "whole"));
    for path in ["/dev/null", "/dev/full"] {
        let written = AtomicFile::create(Path::new(path)).expect("opened").finish(b"x");
        assert_eq!(written.is_ok(), path == "/dev/null", "{written:?}");
        assert_eq!(kind(Path::new(path)).expect("known"), FileKind::Other);
    }
}

#[test]
fn what_a_dead_run_left_is_removed_and_what_a_live_one_writes_is_not() {
    let dir = scratch_dir("atomic").expect("a directory");
    let target = dir.path().join("report.json");
    let alive = AtomicFile::create(&target).expect("created");
    let left = dir.path().join(".mmops-4194305-0.tmp");
    // Not locked yet by its writer, a process that is always there.
    let begun = dir.path().join(".mmops-1-0.tmp");
    let others = [(&left, b"half"), (&dir.path().join(".mmops-keep"), b"kept"), (&begun, b"half")];
    for (path, content) in others {
        append(path).expect("created").write_all(content).expect("written");
    }
    remove_left_behind(&target);
    assert_eq!(kind(&left).expect("known"), FileKind::Missing);
    assert_eq!(kind(&begun).expect("known"), FileKind::File);
    assert_eq!(kind(&dir.path().join(".mmops-keep")).expect("known"), FileKind::File);
    alive.finish(b"{}").expect("written");
    assert_eq!(read(&target).expect("read"), b"{}");
}
