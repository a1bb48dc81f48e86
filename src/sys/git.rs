//! The `git` program: every object that a ref reaches, and its content; where the work tree stands, and
//! tags.
//!
//! Asked with the configuration that could change its answers switched off, and without the variables by which
//! git tells its hooks which repository they serve: the folder alone decides. Nothing is fetched, and a question
//! writes nothing, not even the index. `git` that is missing is a missing dependency, a folder outside a repository is a bad input. Whatever else git
//! cannot answer is a fault too, never a no.

use crate::report::exit::Fault;
use crate::sys::env;
use crate::sys::fsio;
use crate::sys::proc::{End, Group, Streams, Task, run};
use crate::sys::signal::Cancel;
use crate::sys::work;
use rustix::process::Signal;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// Most bytes of `git log` that are read; half of it must hold everything.
const LARGEST_LOG_BYTES: usize = 2 << 30;

/// Time for one answer of git, for one object of it, and to put a tag, somebody who types a passphrase included. What
/// takes longer waits: for a filter of the repository, a lock, or a file system that is gone.
const PATIENCE: Duration = Duration::from_mins(1);

/// Time to list a whole history; one of millions of commits takes minutes.
const HISTORY_PATIENCE: Duration = Duration::from_hours(1);

/// The mode of a submodule, whose content is elsewhere.
const SUBMODULE: &str = "160000";

const STATUS: &str = "status --porcelain=v1 -z --no-renames --ignore-submodules=none --untracked-files=no";

const UNTRACKED: &str =
    "status --porcelain=v1 -z --no-renames --ignore-submodules=all --untracked-files=all --ignored=no";

const LOG: &str = "log --all --topo-order --reverse --full-history --raw -z -m --root --no-abbrev --no-renames \
     --relative --format=%x01%H --";

/// A repository.
#[derive(Clone, Debug)]
pub(crate) struct Git<'a> {
    root: &'a Path,
    cancel: &'a Cancel,
    /// Time for one answer.
    patience: Duration,
}

/// An object of the history and under which paths it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blob {
    /// Id of the object.
    pub(crate) id: String,
    /// Every path it ever had.
    pub(crate) names: Vec<Name>,
}

/// A path of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// First commit with it under this path, parents before children.
    pub(crate) commit: String,
    /// Relative to the folder that was opened.
    pub(crate) path: String,
}

impl<'a> Git<'a> {
    /// Opens the repository that `root` is in.
    pub(crate) fn open(root: &'a Path, cancel: &'a Cancel) -> Result<Self, Fault> {
        if let Some(git) = Self::find(root, cancel)? {
            return Ok(git);
        }
        // A program that is missing is the first thing to mend.
        let git = Self { root, cancel, patience: PATIENCE };
        git.ask(&["version"]).map_err(|failure| failure.fault("version"))?;
        Err(no_work_tree(root))
    }

    /// The same; none where `root` is in no repository. One that is there and cannot be read is a fault, for git says
    /// why.
    pub(crate) fn find(root: &'a Path, cancel: &'a Cancel) -> Result<Option<Self>, Fault> {
        let git = Self { root, cancel, patience: PATIENCE };
        // Where none stands there is nothing to ask, and no need of a program that may be missing.
        if !is_repository(root)? {
            return Ok(None);
        }
        match git.ask(&["rev-parse", "--is-inside-work-tree"]) {
            Ok(answer) if answer.trim() == "true" => Ok(Some(git)),
            Ok(_) => Ok(None),
            Err(failure) => Err(failure.fault("rev-parse")),
        }
    }

    /// Where the folder that was opened lies below the top of the work tree: empty, or ending with a slash.
    pub(crate) fn prefix(&self) -> Result<String, Fault> {
        Ok(self.answer(&["rev-parse", "--show-prefix"])?.trim_end_matches('\n').to_owned())
    }

    /// Whether a commit is the other one or among its ancestors; an unknown commit is none.
    pub(crate) fn is_ancestor(&self, commit: &str, of: &str) -> Result<bool, Fault> {
        match self.ask(&["merge-base", "--is-ancestor", commit, of]) {
            Ok(_) => Ok(true),
            Err(Failure::Said { code: 1 | 128, .. }) => Ok(false),
            Err(failure) => Err(failure.fault("merge-base")),
        }
    }

    /// Paths that differ between two commits, relative to the top of the work tree.
    pub(crate) fn differences(&self, from: &str, to: &str) -> Result<Vec<String>, Fault> {
        let words =
            ["diff-tree", "-r", "-z", "--name-only", "--no-renames", "--ignore-submodules=none", from, to];
        let answer = self.answer(&words)?;
        Ok(answer.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
    }

    /// The names of all tags.
    pub(crate) fn tags(&self) -> Result<Vec<String>, Fault> {
        let answer = self.answer(&["for-each-ref", "--format=%(refname:strip=2)", "refs/tags/"])?;
        Ok(answer.lines().map(str::to_owned).collect())
    }

    /// Whether there is a branch of this name.
    pub(crate) fn has_branch(&self, name: &str) -> Result<bool, Fault> {
        Ok(self.object(&format!("refs/heads/{name}"))?.is_some())
    }

    /// Why git does not know who would put a tag.
    pub(crate) fn tagger_problem(&self) -> Result<Option<String>, Fault> {
        match self.ask(&["var", "GIT_COMMITTER_IDENT"]) {
            Ok(_) => Ok(None),
            Err(Failure::Said { stderr, .. }) => {
                Ok(Some(why(&stderr).trim_start_matches("fatal: ").to_owned()))
            }
            Err(failure) => Err(failure.fault("var")),
        }
    }

    /// Whether older commits were left out when the repository was cloned.
    pub(crate) fn is_shallow(&self) -> Result<bool, Fault> {
        Ok(self.answer(&["rev-parse", "--is-shallow-repository"])?.trim() == "true")
    }

    /// The commit that is checked out; `None` before the first one.
    pub(crate) fn head(&self) -> Result<Option<String>, Fault> {
        let commit = self.answer_if_any(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])?;
        if commit.is_some() {
            return Ok(commit);
        }
        // Git says the same of a branch without a commit and of one that cannot be read.
        let unborn = match self.branch_ref()? {
            Some(branch) => self.object(&branch)?.is_none(),
            None => false,
        };
        if unborn { Ok(None) } else { Err(Fault::dependency("git cannot say which commit is checked out")) }
    }

    /// The branch that is checked out; `None` when the head is detached, or stands for a ref that is no branch.
    pub(crate) fn branch(&self) -> Result<Option<String>, Fault> {
        let branch = self.branch_ref()?;
        Ok(branch.and_then(|branch| branch.strip_prefix("refs/heads/").map(str::to_owned)))
    }

    fn branch_ref(&self) -> Result<Option<String>, Fault> {
        self.answer_if_any(&["symbolic-ref", "--quiet", "HEAD"])
    }

    /// What a ref of this full name points to, tags followed; a ref that is there and cannot be read is a
    /// fault. Of the ways to ask, only this one tells such a ref from none.
    fn object(&self, reference: &str) -> Result<Option<String>, Fault> {
        let format = "--format=%(refname) %(objectname) %(*objectname)";
        let (answer, warnings) = self
            .ask_with_stderr(&["for-each-ref", format, reference])
            .map_err(|failure| failure.fault("for-each-ref"))?;
        if let Some(warning) = warnings.lines().find(|line| is_about(line, reference)) {
            return Err(Fault::dependency(format!("git cannot read `{reference}`: {warning}")));
        }
        let mut lines = answer.lines().map(|line| line.split(' '));
        let line = lines.find_map(|mut words| (words.next() == Some(reference)).then_some(words));
        Ok(line.and_then(|mut words| words.rfind(|id| !id.is_empty())).map(str::to_owned))
    }

    /// Tracked paths that differ from the commit that is checked out, relative to the top of the work tree.
    pub(crate) fn changes(&self) -> Result<Vec<String>, Fault> {
        let answer = self.answer(&STATUS.split(' ').collect::<Vec<_>>())?;
        Ok(answer.split('\0').filter_map(|entry| entry.get(3..)).map(str::to_owned).collect())
    }

    /// Every file of a commit below the folder that was opened, as `git ls-tree -z` lists them.
    pub(crate) fn tree(&self, commit: &str) -> Result<String, Fault> {
        self.answer(&["ls-tree", "-r", "-z", commit])
    }

    /// Files of the whole work tree that are neither tracked nor ignored, relative to its top.
    pub(crate) fn untracked(&self) -> Result<Vec<String>, Fault> {
        let answer = self.answer(&UNTRACKED.split(' ').collect::<Vec<_>>())?;
        Ok(answer.split('\0').filter_map(|entry| entry.strip_prefix("?? ")).map(str::to_owned).collect())
    }

    /// What a tag of this name points to, if there is one.
    pub(crate) fn tag(&self, name: &str) -> Result<Option<String>, Fault> {
        self.object(&format!("refs/tags/{name}"))
    }

    /// Whether git takes this name for a tag.
    pub(crate) fn is_tag_name(&self, name: &str) -> Result<bool, Fault> {
        let answer = self.answer_if_any(&["check-ref-format", &format!("refs/tags/{name}")])?;
        Ok(answer.is_some() && !name.starts_with('-'))
    }

    /// Puts an annotated tag on a commit, and looks where it is; false where somebody else was faster, for a
    /// tag is never moved.
    pub(crate) fn put_tag(
        &self,
        name: &str,
        commit: &str,
        message: &str,
        signed: bool,
    ) -> Result<bool, Fault> {
        // `tag.gpgSign` would have it signed, and wait for a passphrase, though nobody asked for it.
        let kind: &[&str] = if signed { &["--sign"] } else { &["--annotate", "--no-sign"] };
        let words =
            [&["tag"], kind, &["--cleanup=verbatim", "--message", message, "--", name, commit]].concat();
        // Stopped in the middle git may leave its locks behind, which no later run gets past. Only who is asked for
        // the key can take long.
        let never = Cancel::default();
        let git = Git { cancel: if signed { self.cancel } else { &never }, ..*self };
        match git.run(argv(&[], &words), words[0], self.patience) {
            Ok(_) => match git.tag(name)? {
                Some(at) if at == commit => Ok(true),
                Some(at) => Err(Fault::dependency(format!("git put the tag `{name}`, and it is at {at}"))),
                None => Err(Fault::dependency(format!("git put the tag `{name}`, and there is none"))),
            },
            Err(Failure::Said { .. }) if git.tag(name)?.is_some() => Ok(false),
            Err(failure) => Err(failure.fault(words[0])),
        }
    }

    /// Every file of every commit that a ref reaches, each object once; below `paths`, or below the folder
    /// that was opened.
    pub(crate) fn blobs(&self, paths: &[String]) -> Result<Vec<Blob>, Fault> {
        let mut words: Vec<&str> = LOG.split(' ').collect();
        words.extend(paths.iter().map(String::as_str));
        if paths.is_empty() {
            words.push(".");
        }
        let answer = self.run(question(&words), words[0], HISTORY_PATIENCE);
        parse_log(&answer.map_err(|failure| failure.fault(words[0]))?.0)
    }

    /// Calls `each` with the content of every blob, in order; an object that is not there has none.
    pub(crate) fn contents<F>(&self, blobs: &[Blob], mut each: F) -> Result<(), Fault>
    where
        F: FnMut(&Blob, Option<&[u8]>) -> Result<(), Fault>,
    {
        let failed = |error: &io::Error| Fault::dependency(format!("git cat-file failed: {error}"));
        let argv = question(&["cat-file", "--batch"]);
        let streams = Streams { stdin: Some(Stdio::piped()), stdout: Stdio::piped(), stderr: None };
        let mut group = Group::spawn(&argv, self.root, &environment(), streams).map_err(not_started)?;
        let mut stdin = group.child().stdin.take().expect("stdin was asked for");
        let stdout = group.child().stdout.take().expect("stdout was asked for");
        let group = &group;
        std::thread::scope(|scope| {
            let (steps, watched) = std::sync::mpsc::channel::<()>();
            // A step that begins an object is followed by one when it was read, or git is stopped.
            let watch = move || {
                while watched.recv().is_ok() {
                    match watched.recv_timeout(self.patience) {
                        Ok(()) => {}
                        Err(RecvTimeoutError::Timeout) => group.signal(Signal::KILL),
                        Err(RecvTimeoutError::Disconnected) => return,
                    }
                }
            };
            work::spawn_scoped(scope, "git watch", watch)?;
            let write = move || {
                for blob in blobs {
                    // A reader that gave up closes the pipe; why is known on the other side.
                    if writeln!(stdin, "{}", blob.id).is_err() {
                        return;
                    }
                }
            };
            work::spawn_scoped(scope, "git", write)?;
            let mut reader = BufReader::with_capacity(256 << 10, stdout);
            let mut read = || -> Result<(), Fault> {
                let mut content = Vec::new();
                for blob in blobs {
                    let step = || {
                        // Without the watch nobody waits for it.
                        let _ = steps.send(());
                    };
                    step();
                    let is_there = read_object(&mut reader, &mut content).map_err(|error| failed(&error))?;
                    step();
                    each(blob, is_there.then_some(&content[..]))?;
                }
                Ok(())
            };
            let done = read();
            // The writer may wait for room in the pipe; without the child it does not.
            group.signal(Signal::KILL);
            drop(steps);
            done
        })
    }

    fn answer(&self, words: &[&str]) -> Result<String, Fault> {
        self.ask(words).map_err(|failure| failure.fault(words[0]))
    }

    /// The answer on one line; none where git ends with 1.
    fn answer_if_any(&self, words: &[&str]) -> Result<Option<String>, Fault> {
        match self.ask(words) {
            Ok(answer) => Ok(Some(answer.trim().to_owned())),
            Err(Failure::Said { code: 1, .. }) => Ok(None),
            Err(failure) => Err(failure.fault(words[0])),
        }
    }

    fn ask(&self, words: &[&str]) -> Result<String, Failure> {
        self.ask_with_stderr(words).map(|(answer, _)| answer)
    }

    /// The answer, and what git said beside it.
    fn ask_with_stderr(&self, words: &[&str]) -> Result<(String, String), Failure> {
        self.run(question(words), words[0], self.patience)
    }

    fn run(
        &self,
        argv: Vec<OsString>,
        command: &str,
        patience: Duration,
    ) -> Result<(String, String), Failure> {
        let task = Task {
            argv,
            dir: self.root.to_owned(),
            env: environment(),
            timeout: patience,
            grace: Duration::from_secs(2),
            capture_bytes: LARGEST_LOG_BYTES,
            log: None,
        };
        let finished = run(&task, self.cancel);
        let other = |message: String| Failure::Other(Fault::dependency(message));
        match finished.end {
            End::Exited(0) if let Some(error) = finished.unread() => {
                Err(other(format!("git {command}: {error}")))
            }
            End::Exited(0) if finished.stdout.dropped() == 0 => {
                Ok((finished.stdout.text(), finished.stderr.text()))
            }
            End::Exited(0) => Err(other(format!("git {command}: the answer is too long"))),
            End::Exited(code) => Err(Failure::Said { code, stderr: finished.stderr.text() }),
            End::Cancelled => Err(Failure::Other(Fault::stopped(self.cancel.signal().unwrap_or_default()))),
            End::NotStarted(error) => Err(Failure::Other(not_started(error).hint("install git"))),
            End::TimedOut => {
                let limit = humantime::format_duration(patience);
                let fault = Fault::dependency(format!("git {command} had no answer after {limit}"));
                Err(Failure::Other(
                    fault.hint("a filter, a signing program or a lock of the repository may wait"),
                ))
            }
            End::Signalled(signal) => Err(other(format!("git {command} was ended by signal {signal}"))),
        }
    }
}

/// The command line of a question: it takes no lock to refresh the index, and starts no hook and no monitor.
fn question(words: &[&str]) -> Vec<OsString> {
    let quiet = ["--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"];
    argv(&quiet, words)
}

fn argv(options: &[&str], words: &[&str]) -> Vec<OsString> {
    let fixed = ["git", "--no-replace-objects", "--literal-pathspecs", "-c", "log.showSignature=false"];
    let more = ["-c", "log.mailmap=false", "-c", "log.follow=false", "-c", "diff.orderFile=/dev/null"];
    fixed.iter().chain(&more).chain(options).chain(words).map(OsString::from).collect()
}

/// How a question to git fails.
enum Failure {
    /// Git itself said no.
    Said { code: i32, stderr: String },
    /// It could not be asked.
    Other(Fault),
}

impl Failure {
    /// The fault of a question that has no answer.
    fn fault(self, command: &str) -> Fault {
        match self {
            Failure::Said { code, stderr } => {
                Fault::dependency(format!("git {command} ended with {code}: {}", why(&stderr)))
            }
            Failure::Other(fault) => fault,
        }
    }
}

/// The line in which git says why.
fn why(stderr: &str) -> &str {
    let is_why = |line: &&str| line.starts_with("fatal: ") || line.starts_with("error: ");
    stderr.lines().find(is_why).or(stderr.lines().next()).unwrap_or_default()
}

/// Whether git complains of this ref; a trace, or the complaint about a longer name, says nothing of it.
fn is_about(line: &str, reference: &str) -> bool {
    let complains = ["warning: ", "error: ", "fatal: "].iter().any(|kind| line.starts_with(kind));
    let is_edge = |c: char| c.is_whitespace() || "'\"`:,".contains(c);
    complains && line.split(is_edge).any(|word| word == reference)
}

/// Whether a repository stands in a folder or above it, whatever git can make of it.
fn is_repository(root: &Path) -> Result<bool, Fault> {
    for dir in fsio::canonical(root)?.ancestors() {
        if fsio::exists(&dir.join(".git"))? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn no_work_tree(root: &Path) -> Fault {
    let message = format!("`{}` is not inside a work tree of git", root.display());
    Fault::config(message).hint("point --root into a clone")
}

/// Variables of git that a user sets and that do not change which repository is asked, or what it answers.
const INHERITED: [&str; 9] = [
    "GIT_ASKPASS",
    "GIT_AUTHOR_",
    "GIT_CEILING_DIRECTORIES",
    "GIT_COMMITTER_",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_SYSTEM",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    "GIT_EXEC_PATH",
];

/// Git sets a dozen variables for its hooks and for what runs in linked work trees; with them it would answer
/// for another repository, and later versions may add more. So only known ones are passed on.
fn environment() -> Vec<(OsString, Option<OsString>)> {
    let is_inherited =
        |name: &OsString| INHERITED.iter().any(|known| name.as_encoded_bytes().starts_with(known.as_bytes()));
    let others = env::names_with_prefix("GIT_").into_iter().filter(|name| !is_inherited(name));
    let fixed = [("GIT_NO_LAZY_FETCH", "1"), ("GIT_TERMINAL_PROMPT", "0"), ("LC_ALL", "C")];
    let fixed = fixed.iter().map(|(name, value)| (name.into(), Some(value.into())));
    others.map(|name| (name, None)).chain(fixed).collect()
}

fn not_started(error: impl Display) -> Fault {
    Fault::dependency(format!("git cannot be started: {error}"))
}

/// Reads one answer of `git cat-file --batch`; `false` for an object that is not there.
fn read_object(reader: &mut impl BufRead, content: &mut Vec<u8>) -> io::Result<bool> {
    let mut header = String::new();
    if reader.read_line(&mut header)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut words = header.split_whitespace().skip(1);
    let (kind, size) = (words.next(), words.next().and_then(|size| size.parse::<u64>().ok()));
    content.clear();
    let Some(size) = size.filter(|_| kind != Some("missing")) else { return Ok(false) };
    reader.by_ref().take(size).read_to_end(content)?;
    let mut newline = [0];
    reader.read_exact(&mut newline)?;
    if content.len() as u64 == size { Ok(true) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Parses `git log --raw -z --format=%x01%H`: each object with its paths and their first commits.
fn parse_log(text: &str) -> Result<Vec<Blob>, Fault> {
    let unexpected = |token: &str| {
        let token: String = token.chars().take(80).collect();
        Fault::dependency(format!("git log said `{token}`, which this version does not understand"))
    };
    let mut blobs: Vec<Blob> = Vec::new();
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    let mut seen: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut commit = "";
    let mut tokens = text.split('\0').map(|token| token.trim_start_matches('\n'));
    while let Some(token) = tokens.next() {
        if let Some(id) = token.strip_prefix('\u{1}') {
            commit = id.trim_end_matches('\n');
        } else if let Some(change) = token.strip_prefix(':') {
            let mut words = change.split(' ');
            let (mode, id) = (words.nth(1), words.nth(1));
            let (Some(mode), Some(id), Some(path)) = (mode, id, tokens.next()) else {
                return Err(unexpected(token));
            };
            let is_deletion = id.bytes().all(|byte| byte == b'0');
            if !is_deletion && mode != SUBMODULE && seen.insert((id, path)) {
                let at = *known.entry(id).or_insert(blobs.len());
                if at == blobs.len() {
                    blobs.push(Blob { id: id.to_owned(), names: Vec::new() });
                }
                blobs[at].names.push(Name { commit: commit.to_owned(), path: path.to_owned() });
            }
        } else if !token.is_empty() {
            return Err(unexpected(token));
        }
    }
    Ok(blobs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_gives_each_object_once_with_all_its_paths_and_their_first_commits() {
        let zeros = "0".repeat(40);
        let (a, b, c) = ("a".repeat(40), "b".repeat(40), "c".repeat(40));
        let text = format!(
            "\u{1}one\0\n:000000 100644 {zeros} {a} A\0x y.txt\0:000000 160000 {zeros} {c} A\0sub\0\
             \u{1}two\0\n:100644 100644 {a} {b} M\0x y.txt\0:100644 000000 {a} {zeros} D\0old\0\
             :000000 100644 {zeros} {a} A\0copy\0:000000 100644 {zeros} {a} A\0x y.txt\0\u{1}empty\0"
        );
        let blob = |id: &str, names: &[(&str, &str)]| Blob {
            id: id.to_owned(),
            names: names
                .iter()
                .map(|(commit, path)| Name { commit: (*commit).to_owned(), path: (*path).to_owned() })
                .collect(),
        };
        let expected = [blob(&a, &[("one", "x y.txt"), ("two", "copy")]), blob(&b, &[("two", "x y.txt")])];
        assert_eq!(parse_log(&text).expect("parsed"), expected);
    }

    #[test]
    fn a_complaint_is_about_the_ref_that_it_names_and_a_trace_about_none() {
        assert!(is_about("warning: ignoring broken ref refs/tags/v1", "refs/tags/v1"));
        assert!(is_about("error: refs/tags/v1: invalid sha1 pointer", "refs/tags/v1"));
        assert!(!is_about("warning: ignoring broken ref refs/tags/v1.2", "refs/tags/v1"));
        assert!(!is_about("12:00 git.c:1 trace: built-in: git for-each-ref refs/tags/v1", "refs/tags/v1"));
    }

    /// A filter of the repository that waits, and an object that never comes.
    #[test]
    fn git_that_waits_is_stopped_and_said_to_wait() {
        let dir = tempfile::tempdir().expect("a directory");
        let setup = "git init -q . && echo a > f && git add f && echo 'f filter=slow' > .gitattributes \
                     && git config filter.slow.clean 'sleep 60' && sleep 0.01 && echo b > f";
        let words = ["sh", "-c", setup].map(OsString::from);
        let never = Cancel::default();
        let git = Git { root: dir.path(), cancel: &never, patience: Duration::from_secs(20) };
        git.run(words.into(), "setup", git.patience)
            .map_err(|failure| failure.fault("sh"))
            .expect("a repository");
        let hasty = Git { patience: Duration::from_millis(200), ..git };
        let fault = hasty.changes().expect_err("the filter waits").to_string();
        assert!(fault.contains("git status had no answer after 200ms"), "{fault}");
    }

    #[test]
    fn an_answer_of_another_shape_is_refused() {
        assert!(parse_log("\u{1}one\0diff --git a b\0").is_err());
    }
}
