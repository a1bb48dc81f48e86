//! Directories in which commands run, and what stands in them.

use super::processes::MARK;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

/// The program; another one than that of this build where `MMOPS_BED_PROGRAM` names it.
pub static MMOPS: LazyLock<PathBuf> = LazyLock::new(|| {
    let named = std::env::var_os("MMOPS_BED_PROGRAM").map(PathBuf::from);
    named.unwrap_or_else(|| env!("CARGO_BIN_EXE_mmops").into())
});
pub const NOW: &str = "2026-03-10T12:00:00Z";

/// What stands below a root: files with their content, directories with a slash and links without any.
pub type Entries = BTreeMap<String, Vec<u8>>;

/// A root; removed when dropped.
#[derive(Debug)]
pub struct Root(tempfile::TempDir);

impl Root {
    pub fn new() -> Self {
        Self(tempfile::Builder::new().prefix("mmops-bed-").tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The same tree elsewhere, with the times of its files.
    pub fn copy(&self) -> Self {
        let copy = Self::new();
        let from = format!("{}/.", self.path().display());
        let status = Command::new("cp").args(["-a", &from]).arg(copy.path()).status().unwrap();
        assert!(status.success(), "cp");
        copy
    }

    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn change(&self, path: &str, change: impl Fn(&mut [u8])) {
        let path = self.path().join(path);
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
    }

    /// Gives the only file of a directory another name.
    pub fn rename_only_file(&self, dir: &str, name: &str) {
        let dir = self.path().join(dir);
        let mut files = fs::read_dir(&dir).unwrap();
        let file = files.next().unwrap().unwrap().path();
        assert!(files.next().is_none(), "one file");
        fs::rename(file, dir.join(name)).unwrap();
    }

    /// Days and a little before the frozen now.
    pub fn age(&self, path: &str, days: u64) {
        let now: jiff::Timestamp = NOW.parse().unwrap();
        let time = SystemTime::from(now) - Duration::from_hours(24 * days) - Duration::from_mins(5);
        fs::File::options().write(true).open(self.path().join(path)).unwrap().set_modified(time).unwrap();
    }

    pub fn git(&self, words: &[&str]) {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=Test", "-c", "user.email=test@example.org"]).args(words);
        let status = environment(&mut command, self.path(), "").status().unwrap();
        assert!(status.success(), "git {words:?}");
    }

    /// Runs a command that must succeed.
    pub fn mmops(&self, line: &str) {
        let mut command = Command::new(&*MMOPS);
        let output = environment(command.args(line.split(' ')), self.path(), "").output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// All that stands below it but what belongs to git, without the name of the root.
    pub fn entries(&self) -> Entries {
        let files = walkdir::WalkDir::new(self.path()).min_depth(1);
        let is_ours = |entry: &walkdir::DirEntry| entry.file_name() != ".git";
        let mut entries = Entries::new();
        for entry in files.into_iter().filter_entry(is_ours).flatten() {
            let name = entry.path().strip_prefix(self.path()).unwrap().display().to_string();
            let kind = entry.file_type();
            if kind.is_dir() {
                entries.insert(format!("{name}/"), Vec::new());
            } else if kind.is_symlink() {
                entries.insert(name, Vec::new());
            } else {
                let content = fs::read(entry.path()).unwrap_or_default();
                let content = match String::from_utf8(content) {
                    Ok(text) => self.without_name(&text).into_bytes(),
                    Err(bytes) => bytes.into_bytes(),
                };
                entries.insert(name, content);
            }
        }
        entries
    }

    /// A text without the name of the root, which differs from run to run.
    pub fn without_name(&self, text: &str) -> String {
        text.replace(&self.path().display().to_string(), "[ROOT]")
    }
}

/// What every run inherits and nothing else.
pub fn environment<'a>(command: &'a mut Command, root: &Path, mark: &str) -> &'a mut Command {
    command.current_dir(root).env_clear().env("TZ", "UTC").env("HOME", root).env("MMOPS_NOW", NOW);
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_AUTHOR_DATE", NOW).env("GIT_COMMITTER_DATE", NOW);
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env(MARK, mark).stdin(std::process::Stdio::null())
}
