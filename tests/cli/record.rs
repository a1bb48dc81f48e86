//! What every run printed and changed, compared with `tests/golden/cli/<module>/<test>.txt`.
//!
//! Each sandbox of a test has a numbered section there. The section is compared when the sandbox is dropped,
//! so that the asserts of the test speak first. `MMOPS_BLESS=1 cargo test --test cli` writes the files anew.

use regex::Regex;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, Metadata};
use std::io::Write as _;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// Text up to this size is kept whole.
const STREAM: usize = 64 << 10;
const FILE: usize = 4 << 10;
/// Of a longer text the first lines are kept beside its size and hash.
const HEAD: usize = 12;
/// A longer text that the test has shown before is not shown again.
const AGAIN: usize = 300;
/// Contents beyond this size are not read.
const READ: u64 = 8 << 20;
/// Of files whose names differ in their digits alone, as many are kept one by one.
const ALIKE: usize = 2;

const HEADING: &str = "=== sandbox ";

static RECORDS: Mutex<BTreeMap<String, Record>> = Mutex::new(BTreeMap::new());

/// Of one test.
#[derive(Default)]
struct Record {
    /// In the order in which the sandboxes were made.
    sections: Vec<String>,
    /// Hashes of the longer texts that were shown.
    seen: BTreeSet<[u8; 32]>,
}

fn records() -> MutexGuard<'static, BTreeMap<String, Record>> {
    RECORDS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The section of one sandbox.
pub struct Recorder {
    /// `<module>/<test>`; none where nothing is recorded.
    test: Option<String>,
    index: usize,
    text: String,
    scrub: Vec<(Regex, String)>,
}

/// Who runs the tests.
static USER: LazyLock<String> = LazyLock::new(|| {
    let name = Command::new("id").arg("-un").output().unwrap().stdout;
    String::from_utf8(name).unwrap().trim().to_owned()
});

/// What differs from run to run even under a frozen clock.
const VARYING: [(&str, &str); 18] = [
    // Whoever watches the runs is told the real time, also under a frozen clock.
    (r"(mmops_last_run_timestamp_seconds\{[^}]*\}) \d{10}", "$1 [TIME]"),
    // The steps of a pack end in any order.
    (r"(?m)^note: [a-z_0-9 ]+: (OK|WARN|FAIL)( after [0-9.]+ s)?\n", ""),
    // Only the superuser can look into the processes of others.
    (r"(?m)^\| open_files +\| WARN \|.*\n(    (\d+ )?processes .*could not .*\n)?", ""),
    (r"::warning title=mmops rotate%3A open_files::.*\n", ""),
    (r#"\n *<testcase [^>]*name="open_files">.*"#, ""),
    (r#"\{\s+"name": "open_files",\s+"reasons": \[\s+"(\d+ )?processes [^}]*\},\s+"#, ""),
    (r"\bpid \d+", "pid [PID]"),
    (r"\.tmp[0-9A-Za-z]{6}\b", ".tmp[RANDOM]"),
    (r"(\.mmops-(?:rotation-)?)\d+-\d+\.(tmp|partial)", "$1[RANDOM].$2"),
    (r"127\.0\.0\.1:\d{4,5}", "127.0.0.1:[PORT]"),
    (r#""allowed": \d{16,}"#, "\"allowed\": [FREE]"),
    (r"\bhas [0-9.]+[KMGT]?B free\b", "has [FREE] free"),
    (r"\blacks [0-9.]+[KMGT]?B; all that may go gives back [0-9.]+[KMGT]?B", "lacks [FREE]"),
    (r"events in \d+\.\d+ s\b", "events in [SECONDS] s"),
    (r#""modified_ns":\d{10}0*[1-9]\d*"#, "\"modified_ns\":0"),
    (r#""(dev|ino)":\d+"#, "\"$1\":0"),
    // A journal's header names the version.
    (r#""((?:prev_)?hash|plan_sha256)":"[0-9a-f]{64}""#, "\"$1\":\"[HASH]\""),
    (r#"(plan\.json seal |"seal":")[0-9a-f]{64}"#, "$1[SEAL]"),
];

impl Recorder {
    /// Records for the test that this thread runs.
    pub fn new(root: &Path) -> Self {
        let test = std::thread::current().name().and_then(|name| name.split_once("::")).map(path_of);
        let index = test.as_ref().map_or(0, |test| {
            let mut records = records();
            let sections = &mut records.entry(test.clone()).or_default().sections;
            if sections.is_empty() && blesses() {
                // Nothing of an earlier recording stays where less is recorded now.
                drop(fs::remove_file(golden().join(format!("{test}.txt"))));
            }
            sections.push(String::new());
            sections.len() - 1
        });
        let mut recorder = Self { test, index, text: String::new(), scrub: Vec::new() };
        let place = |path: &Path| regex::escape(&path.display().to_string());
        recorder.hide(&place(Path::new(env!("CARGO_BIN_EXE_mmops"))), "[MMOPS]");
        recorder.hide(&place(Path::new(env!("CARGO_MANIFEST_DIR"))), "[REPOSITORY]");
        recorder.hide(&place(root), "[ROOT]");
        recorder.hide(&place(root.parent().unwrap()), "[TMP]");
        recorder.hide(&format!(r#""who": "(uid \d+|{})""#, regex::escape(&USER)), "\"who\": \"[USER]\"");
        recorder.hide(&format!(r"\b{}\b", regex::escape(env!("CARGO_PKG_VERSION"))), "[VERSION]");
        for (pattern, by) in VARYING {
            recorder.hide(pattern, by);
        }
        recorder
    }

    /// Records nothing.
    pub fn stop(&mut self) {
        self.test = None;
    }

    /// Replaces what matches, in what is printed, in names and in contents.
    pub fn hide(&mut self, pattern: &str, by: &str) {
        self.scrub.push((Regex::new(pattern).unwrap(), by.to_owned()));
    }

    /// The files as they are before a run.
    pub fn before(&self, root: &Path) -> Tree {
        if self.test.is_some() { tree(root) } else { Tree::new() }
    }

    /// Adds one run to the section.
    pub fn add(&mut self, line: &str, output: &std::process::Output, root: &Path, before: &Tree) {
        if self.test.is_none() {
            return;
        }
        let code = output.status.code().map_or_else(|| output.status.to_string(), |code| code.to_string());
        let mut text = format!("\n$ mmops {}\nexit {code}\n", escaped(&self.scrubbed(line)));
        for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            let output = self.scrubbed(&String::from_utf8_lossy(bytes));
            if !output.is_empty() {
                text += &format!("{name}{}", self.shown(&output, STREAM));
            }
        }
        text += &self.changes(before, &tree(root));
        self.text += &self.scrubbed(&text);
    }

    fn scrubbed(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (pattern, by) in &self.scrub {
            text = pattern.replace_all(&text, by).into_owned();
        }
        text
    }

    fn changes(&self, before: &Tree, after: &Tree) -> String {
        let changed = after.iter().filter(|(path, entry)| before.get(*path) != Some(entry));
        let mut lines: Vec<(String, String)> =
            changed.map(|(path, entry)| self.change(path, entry)).collect();
        let removed = before.keys().filter(|path| !after.contains_key(*path));
        lines.extend(removed.map(|path| self.removal(path)));
        lines.sort();
        folded(&lines)
    }

    fn removal(&self, path: &Path) -> (String, String) {
        let path = self.scrubbed(&path.display().to_string());
        (path.clone(), format!("removed {}\n", escaped(&path)))
    }

    fn change(&self, path: &Path, entry: &Entry) -> (String, String) {
        let path = self.scrubbed(&path.display().to_string());
        let mode = if [0o644, 0o755].contains(&entry.mode) {
            String::new()
        } else {
            format!(" with mode {:o}", entry.mode)
        };
        let content = match &entry.content {
            Content::Dir => return (format!("{path}/"), format!("made {}/{mode}\n", escaped(&path))),
            Content::Link(target) => format!(" -> {}\n", escaped(&self.scrubbed(target))),
            Content::Other => ", a special file\n".to_owned(),
            // Every rule of the style would stand in every record; `props` holds pages to be the same each time.
            Content::Bytes(_) if path.ends_with(".html") => ", a page\n".to_owned(),
            Content::Large(size, _) => format!(", {size} bytes\n"),
            Content::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) if !text.contains('\0') => self.shown(text, FILE),
                _ => format!(", {}\n", summary(bytes)),
            },
        };
        (path.clone(), format!("wrote {}{mode}{content}", escaped(&path)))
    }

    /// Whether the test has not shown the text yet.
    fn is_new(&self, text: &str) -> bool {
        let mut records = records();
        let record = self.test.as_ref().and_then(|test| records.get_mut(test));
        record.is_none_or(|record| record.seen.insert(Sha256::digest(text).into()))
    }

    /// A text, indented; of a long one its size, hash and first lines, of a repeated one its size and hash.
    fn shown(&self, text: &str, most: usize) -> String {
        let text = self.scrubbed(text);
        let summary = || summary(text.as_bytes());
        if text.is_empty() {
            return ", empty\n".to_owned();
        }
        if text.len() > AGAIN && !self.is_new(&text) {
            return format!(" as before, {}\n", summary());
        }
        if text.len() <= most {
            return format!(":\n{}", indented(&text));
        }
        let head: String = text.split_inclusive('\n').take(HEAD).collect();
        let head: String = head.chars().take(most).collect();
        format!(", {}, begins:\n{}", summary(), indented(&head))
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let Some(test) = self.test.take().filter(|_| !std::thread::panicking() && !self.text.is_empty())
        else {
            return;
        };
        let path = golden().join(format!("{test}.txt"));
        let section = std::mem::take(&mut self.text);
        if blesses() {
            let mut records = records();
            let sections = &mut records.get_mut(&test).unwrap().sections;
            sections[self.index] = section;
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, joined(sections)).unwrap();
        } else {
            compare(&path, self.index, section);
        }
    }
}

/// Whether the files are to be written anew.
fn blesses() -> bool {
    let blesses = std::env::var_os("MMOPS_BLESS").is_some_and(|value| value == "1");
    assert!(!blesses || std::env::var_os("CI").is_none(), "MMOPS_BLESS is for a working copy, not for CI");
    blesses
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/cli")
}

fn path_of((module, test): (&str, &str)) -> String {
    format!("{module}/{}", test.replace("::", "."))
}

fn compare(path: &Path, index: usize, section: String) {
    let recorded = fs::read_to_string(path).unwrap_or_default();
    let mut sections = parted(&recorded);
    sections.resize(sections.len().max(index + 1), String::new());
    if sections[index] != section {
        sections[index] = section;
        panic!(
            "{} is not what was recorded; `MMOPS_BLESS=1 cargo test --test cli` records it anew:\n{}",
            path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display(),
            difference(path, &joined(&sections))
        );
    }
}

fn joined(sections: &[String]) -> String {
    let made = sections.iter().enumerate().filter(|(_, section)| !section.is_empty());
    made.map(|(index, section)| format!("{HEADING}{}\n{section}\n", index + 1)).collect()
}

/// The opposite of [`joined`]; no line of a section begins as its heading does.
fn parted(recorded: &str) -> Vec<String> {
    let mut sections: Vec<String> = Vec::new();
    for line in recorded.split_inclusive('\n') {
        if let Some(number) = line.strip_prefix(HEADING) {
            sections.resize(number.trim_end().parse().unwrap(), String::new());
        } else if let Some(section) = sections.last_mut() {
            *section += line;
        }
    }
    for section in &mut sections {
        section.pop();
    }
    sections
}

fn difference(path: &Path, now: &str) -> String {
    let path = if path.exists() { path } else { Path::new("/dev/null") };
    let mut diff = Command::new("diff");
    diff.args(["-u", "--label", "recorded", "--label", "now"]).arg(path).arg("-");
    let Ok(mut diff) = diff.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
        return now.to_owned();
    };
    diff.stdin.take().unwrap().write_all(now.as_bytes()).unwrap();
    String::from_utf8_lossy(&diff.wait_with_output().unwrap().stdout).into_owned()
}

/// What stands below a root, by relative path.
pub type Tree = BTreeMap<PathBuf, Entry>;

#[derive(PartialEq)]
pub struct Entry {
    /// Without the bits that depend on the umask.
    mode: u32,
    content: Content,
}

#[derive(PartialEq)]
enum Content {
    Dir,
    Link(String),
    Other,
    Bytes(Vec<u8>),
    Large(u64, std::time::SystemTime),
}

fn tree(root: &Path) -> Tree {
    let own = [".git/objects", ".git/index"];
    let entries = walkdir::WalkDir::new(root).min_depth(1).into_iter();
    let entries = entries
        .filter_entry(|entry| own.iter().all(|own| !entry.path().ends_with(own)))
        .filter_map(Result::ok);
    entries
        .filter_map(|entry| {
            let content = content(entry.path(), &entry.metadata().ok()?)?;
            let mode = entry.metadata().ok()?.permissions().mode() & 0o7755;
            Some((entry.path().strip_prefix(root).unwrap().to_owned(), Entry { mode, content }))
        })
        .collect()
}

fn content(path: &Path, metadata: &Metadata) -> Option<Content> {
    let kind = metadata.file_type();
    Some(if kind.is_dir() {
        Content::Dir
    } else if kind.is_symlink() {
        Content::Link(fs::read_link(path).ok()?.display().to_string())
    } else if kind.is_fifo() || kind.is_socket() {
        Content::Other
    } else if metadata.len() > READ {
        Content::Large(metadata.len(), metadata.modified().unwrap())
    } else {
        Content::Bytes(fs::read(path).ok()?)
    })
}

fn summary(bytes: &[u8]) -> String {
    let mut hash = String::new();
    for byte in Sha256::digest(bytes) {
        write!(hash, "{byte:02x}").unwrap();
    }
    format!("{} bytes, SHA-256 {hash}", bytes.len())
}

fn indented(text: &str) -> String {
    let line = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("  {}\n", escaped(line)) };
    let (text, end) =
        text.strip_suffix('\n').map_or((text, "  (no newline at the end)\n"), |text| (text, ""));
    text.split('\n').map(line).collect::<String>() + end
}

/// Control characters made visible.
fn escaped(text: &str) -> String {
    let one =
        |c: char| if c.is_control() && c != '\t' { c.escape_unicode().to_string() } else { c.to_string() };
    text.chars().map(one).collect()
}

/// Joins the changes, of which those that are alike are told as one.
fn folded(lines: &[(String, String)]) -> String {
    static DIGITS: LazyLock<Regex> = LazyLock::new(|| Regex::new("[0-9]+").unwrap());
    let mut alike: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut text = String::new();
    for (path, line) in lines {
        let group = alike.entry(DIGITS.replace_all(path, "*").into_owned()).or_default();
        group.push(line);
        if group.len() <= ALIKE {
            text += line;
        }
    }
    for (path, group) in alike.iter().filter(|(_, group)| group.len() > ALIKE) {
        let rest = group[ALIKE..].concat();
        let count = group.len() - ALIKE;
        text += &format!("{count} more like {}: {}\n", escaped(path), summary(rest.as_bytes()));
    }
    text
}

/// A file whose test is gone would be kept for ever.
#[test]
fn every_recording_has_its_test() {
    let list = Command::new(std::env::current_exe().unwrap()).arg("--list").output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let tests = list.lines().filter_map(|line| line.strip_suffix(": test")?.split_once("::"));
    let known: Vec<PathBuf> = tests.map(|test| golden().join(format!("{}.txt", path_of(test)))).collect();
    let found = walkdir::WalkDir::new(golden()).into_iter().map(Result::unwrap);
    let found = found.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path);
    let stale: Vec<PathBuf> = found.filter(|path| !known.contains(path)).collect();
    if blesses() {
        for path in stale {
            fs::remove_file(path).unwrap();
        }
    } else {
        assert!(stale.is_empty(), "`MMOPS_BLESS=1 cargo test --test cli` removes {stale:?}");
    }
}
