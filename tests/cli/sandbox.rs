//! A temporary root, a cleared environment and a frozen clock around the real binary.
#![allow(dead_code, reason = "each test file uses a part of it")]

use crate::conformity;
use crate::record::Recorder;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// The frozen time of every test that does not ask for another.
pub const NOW: &str = "2026-03-10T12:00:00Z";

/// The age of something that was just written, as a frozen clock or a far one sees it.
pub const AGE: (&str, &str) = (r"\b\d+(years?|months?) [0-9a-z ]+?( old| in the future)", "[AGE]$2");

/// A time of this century.
pub const TIME: (&str, &str) = (r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[TIME]");

/// What the system clock and what is measured put into the output.
const REAL_TIME: [(&str, &str); 7] = [
    TIME,
    (r"\b20\d\d-\d\d-\d\d\b", "[DATE]"),
    (r"_20\d{6}\b", "_[DATE]"),
    (r"\bRUN_\d{13}\b", "RUN_[TIME]"),
    (r"-20\d{6}T\d{6}Z", "-[TIME]"),
    (r#""(duration_s|peak_rss_bytes)": [0-9.e-]+"#, "\"$1\": [MEASURED]"),
    AGE,
];

/// A temporary root in which commands run.
pub struct Sandbox {
    dir: tempfile::TempDir,
    env: Vec<(String, String)>,
    recorder: Mutex<Recorder>,
}

/// A command line of a sandbox, not yet run.
pub struct Invocation<'a> {
    sandbox: &'a Sandbox,
    line: String,
    command: assert_cmd::Command,
}

/// What a run printed and returned.
#[derive(Debug)]
pub struct Output {
    pub stdout: String,
    pub stderr: String,
    pub code: Option<i32>,
}

impl Sandbox {
    /// An empty root with the clock frozen at [`NOW`].
    pub fn new() -> Self {
        let env = vec![("MMOPS_NOW".to_owned(), NOW.to_owned())];
        Self::with(env)
    }

    /// The same with the system clock.
    pub fn real_time() -> Self {
        let sandbox = Self::with(Vec::new());
        for (pattern, by) in REAL_TIME {
            sandbox.recorder().hide(pattern, by);
        }
        sandbox
    }

    fn with(env: Vec<(String, String)>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let recorder = Mutex::new(Recorder::new(dir.path()));
        Self { dir, env, recorder }
    }

    /// Records nothing, for a reason.
    pub fn unrecorded(self, _reason: &str) -> Self {
        self.recorder().stop();
        self
    }

    /// Replaces in the record what differs from run to run.
    pub fn hide(self, (pattern, by): (&str, &str)) -> Self {
        self.recorder().hide(pattern, by);
        self
    }

    fn recorder(&self) -> std::sync::MutexGuard<'_, Recorder> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The root.
    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    /// A path below the root.
    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Sets a variable for the commands.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes a file below the root.
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(path, content);
        self
    }

    /// Writes a file below the root.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let is_new = !path.exists();
        fs::write(&path, content).unwrap();
        if is_new {
            // Archives keep the mode, which would else be a matter of the umask.
            fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
        }
    }

    /// Sets the time of last modification to `age` before the frozen now.
    pub fn age(&self, path: &str, age: Duration) {
        let now: jiff::Timestamp = NOW.parse().unwrap();
        let time = SystemTime::from(now) - age;
        fs::File::options().write(true).open(self.path(path)).unwrap().set_modified(time).unwrap();
    }

    /// The text of a file below the root.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// A JSON file below the root.
    pub fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.read(path)).unwrap()
    }

    /// Every file below the root, relative and sorted.
    pub fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        for entry in walkdir::WalkDir::new(self.root()).sort_by_file_name() {
            let entry = entry.unwrap();
            if !entry.file_type().is_dir() {
                files.push(entry.path().strip_prefix(self.root()).unwrap().display().to_string());
            }
        }
        files
    }

    /// The command line, not yet run.
    pub fn command(&self, line: &str) -> Invocation<'_> {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_mmops"));
        command.args(words(line)).current_dir(self.root()).env_clear().env("TZ", "UTC");
        // Steps and git are looked up on the path; nothing else of the environment is inherited.
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        Invocation { sandbox: self, line: line.to_owned(), command }
    }

    /// Runs `mmops` with arguments split at spaces; a part in single quotes stays together.
    pub fn run(&self, line: &str) -> Output {
        Output::of(&mut self.command(line))
    }
}

impl Deref for Invocation<'_> {
    type Target = assert_cmd::Command;

    fn deref(&self) -> &Self::Target {
        &self.command
    }
}

impl DerefMut for Invocation<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.command
    }
}

impl Invocation<'_> {
    pub fn write_stdin(&mut self, text: impl Into<Vec<u8>>) -> &mut Self {
        self.command.write_stdin(text);
        self
    }

    pub fn env(&mut self, name: &str, value: &str) -> &mut Self {
        self.command.env(name, value);
        self
    }

    fn output(&mut self) -> std::process::Output {
        let mut recorder = self.sandbox.recorder();
        let root = self.sandbox.root();
        let before = recorder.before(root);
        let modified = conformity::documents(root);
        let output = self.command.output().unwrap();
        recorder.add(&self.line, &output, root, &before);
        drop(recorder);
        conformity::hold(&self.line, &output.stdout, root, &modified);
        output
    }
}

impl Output {
    /// Runs a command to its end.
    pub fn of(command: &mut Invocation<'_>) -> Self {
        let output = command.output();
        Self {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code(),
        }
    }

    /// Asserts the exit code.
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts that stderr says nothing but that the clock is frozen.
    #[track_caller]
    pub fn silent(&self) {
        let more = self.stderr.lines().find(|line| !line.starts_with("note: the clock is frozen at "));
        assert_eq!(more, None, "{}", self.stderr);
    }

    /// Asserts that the question could not be asked: the exit code, and a marker that claims nothing.
    #[track_caller]
    pub fn error(self, code: i32) -> Self {
        let last = self.stdout.lines().last().unwrap_or_default();
        assert!(
            last.contains(" | FAIL | ") && last.ends_with("=ERROR |"),
            "\nstdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self.code(code)
    }

    /// Asserts the last line of stdout.
    #[track_caller]
    pub fn marker(self, marker: &str) -> Self {
        let last = self.stdout.lines().last().unwrap_or_default();
        assert_eq!(last, marker, "\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts that stdout has this text.
    #[track_caller]
    pub fn stdout_has(self, text: &str) -> Self {
        assert!(
            self.stdout.contains(text),
            "no `{text}` in stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Asserts that stderr has this text.
    #[track_caller]
    pub fn stderr_has(self, text: &str) -> Self {
        assert!(
            self.stderr.contains(text),
            "no `{text}` in stderr:\n{}\nstdout:\n{}",
            self.stderr,
            self.stdout
        );
        self
    }

    /// stdout as a JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}:\n{}", self.stdout))
    }
}

fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// A journal with these records, the header among them.
pub fn journal<'a>(records: impl IntoIterator<Item = &'a Value>) -> String {
    let mut before = "GENESIS".to_owned();
    let mut text = String::new();
    for record in records {
        let rest = format!("\"prev_hash\":\"{before}\",\"record\":{record}}}");
        before = Sha256::digest(format!("{{{rest}")).iter().map(|byte| format!("{byte:02x}")).collect();
        text += &format!("{{\"hash\":\"{before}\",{rest}\n");
    }
    text
}

/// The records of a journal, the header among them.
pub fn records(journal: &str) -> Vec<Value> {
    let record = |line| serde_json::from_str::<Value>(line).unwrap()["record"].take();
    journal.lines().map(record).collect()
}
