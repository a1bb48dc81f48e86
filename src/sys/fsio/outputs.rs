//! The outputs of one run, which belong together: opened before its work begins, with what an earlier run left
//! under their names taken away; complete on the disk before the first of them gets its name; the verdict named
//! last, and taken back where the run fails after all.

use super::atomic::{AtomicFile, keep_aside, write_atomic};
use super::dirs::{ScratchDir, remove_dir};
use super::own::{is_foreign, remove_output, remove_own};
use super::path::shown;
use super::read::{FileKind, kind};
use super::target::same_file;
use crate::format::form::Form;
use crate::report::exit::Fault;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tempfile::TempPath;

/// What an output is to its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OutputKind {
    /// A readable form of the verdict, or what comes beside it.
    Companion,
    /// What the run did to the world. It stays true whatever fails afterwards, and so does the one before it
    /// until there is another.
    Record,
    /// What others go by. A run that fails has none. Of several the one that is finished last is named last.
    Verdict,
}

/// The outputs of a run; every copy stands for the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outputs(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// What was opened and is not yet written.
    opened: Vec<Opened>,
    /// What is complete under a temporary name.
    complete: Vec<Complete>,
    /// What has its name.
    named: Vec<(OutputKind, PathBuf)>,
    /// What stood under names that this run has taken, until it has said so.
    kept: Vec<(PathBuf, TempPath)>,
    /// Names that always say something.
    standing: Vec<PathBuf>,
    /// Where the answer of an earlier run stood that was taken away: that of a run that fails is why.
    replaced: Vec<PathBuf>,
    /// What they say while the run has no answer.
    no_answer: String,
    /// What keeps others from the same outputs until these have their names.
    locks: Vec<Box<dyn Send>>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("opened", &self.opened)
            .field("complete", &self.complete)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
enum Complete {
    File(Opened),
    /// A new directory that others go by, and the name that it is to have.
    Dir(ScratchDir, PathBuf),
    /// A name that nothing is to have any more.
    Removal(PathBuf),
}

impl Complete {
    fn kind(&self) -> OutputKind {
        match self {
            Self::File(opened) => opened.kind,
            Self::Dir(..) => OutputKind::Verdict,
            Self::Removal(_) => OutputKind::Companion,
        }
    }

    fn target(&self) -> &Path {
        match self {
            Self::File(opened) => opened.file.target(),
            Self::Dir(_, to) | Self::Removal(to) => to,
        }
    }

    fn publish(self) -> Result<(), Fault> {
        match self {
            Self::File(opened) => opened.file.commit(),
            Self::Dir(made, to) => made.publish(&to),
            Self::Removal(path) => remove_output(&path),
        }
    }

    /// Whether what has the name now comes back where the run fails after all.
    fn brings_back(&self) -> bool {
        match self {
            Self::File(opened) => opened.brings_back,
            Self::Dir(..) => false,
            Self::Removal(_) => true,
        }
    }

    fn temporary(&self) -> Option<PathBuf> {
        match self {
            Self::File(opened) => opened.file.temporary(),
            Self::Dir(made, _) => Some(made.path().to_owned()),
            Self::Removal(_) => None,
        }
    }
}

#[derive(Debug)]
struct Opened {
    kind: OutputKind,
    file: AtomicFile,
    /// What an earlier one looks like, which is taken away before the work begins.
    form: Option<Form>,
    /// Whether an earlier one comes back where the run fails after it was replaced.
    brings_back: bool,
}

/// One output of a run that is to be written.
#[derive(Debug)]
pub(crate) struct OutputFile {
    opened: Opened,
    outputs: Outputs,
}

impl Outputs {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens an output for [`Outputs::take`]; `form` is that of an earlier one, which does not outlive the start of
    /// this run.
    pub(crate) fn open(&self, kind: OutputKind, path: &Path, form: Option<Form>) -> Result<(), Fault> {
        if self.state().opened.iter().any(|opened| same_file(opened.file.target(), path)) {
            return Ok(());
        }
        let file = AtomicFile::create(path)?;
        self.state().opened.push(Opened { kind, file, form, brings_back: false });
        Ok(())
    }

    /// The same for an output whose name is known late: what an earlier run left there is removed at once.
    pub(crate) fn begin(&self, path: &Path, form: Form) -> Result<(), Fault> {
        self.open(OutputKind::Verdict, path, Some(form))?;
        remove_own(path, form)
    }

    /// Removes what earlier runs have left under the names of all that was opened. What is of another form stays
    /// until it is replaced.
    pub(crate) fn clear(&self) -> Result<(), Fault> {
        let mut state = self.state();
        let mut replaced = Vec::new();
        for Opened { kind: role, file, form, .. } in &state.opened {
            let (Some(form), target) = (*form, file.target()) else { continue };
            let is_answer = *role == OutputKind::Verdict && matches!(form, Form::Document(_));
            if is_answer && kind(target)? == FileKind::File && !is_foreign(target, form) {
                replaced.push(target.to_owned());
            }
            remove_own(target, form)?;
        }
        state.replaced.extend(replaced);
        Ok(())
    }

    /// The output called `path`, which is of this kind; opened now unless it was before.
    pub(crate) fn take(&self, kind: OutputKind, path: &Path) -> Result<OutputFile, Fault> {
        let found = {
            let opened = &mut self.state().opened;
            let at = opened.iter().position(|opened| same_file(opened.file.target(), path));
            at.map(|at| opened.remove(at))
        };
        let opened = match found {
            Some(opened) => Opened { kind, ..opened },
            None => Opened { kind, file: AtomicFile::create(path)?, form: None, brings_back: false },
        };
        Ok(OutputFile { opened, outputs: self.clone() })
    }

    /// The output called `path`, which replaces what stands there only when the run is complete, and until it has said
    /// so.
    pub(crate) fn replace(&self, kind: OutputKind, path: &Path) -> Result<OutputFile, Fault> {
        let opened = Opened { kind, file: AtomicFile::create(path)?, form: None, brings_back: true };
        Ok(OutputFile { opened, outputs: self.clone() })
    }

    /// The same for a name that nothing is to have any more.
    pub(crate) fn remove(&self, path: &Path) {
        self.state().complete.push(Complete::Removal(path.to_owned()));
    }

    /// What names that always say something say while the run has no answer.
    pub(crate) fn set_no_answer(&self, text: String) {
        self.state().no_answer = text;
    }

    /// The output called `path`, whose name is never without an answer: what stands there until the run has one says
    /// that there is none yet, and of a run that fails why. What is of another form is replaced by an answer only.
    pub(crate) fn take_standing(&self, path: &Path, form: Form) -> Result<OutputFile, Fault> {
        let mut file = self.replace(OutputKind::Verdict, path)?;
        file.opened.brings_back = false;
        if is_foreign(path, form) {
            return Ok(file);
        }
        let mut state = self.state();
        write_atomic(path, state.no_answer.as_bytes())?;
        state.standing.push(path.to_owned());
        drop(state);
        Ok(file)
    }

    /// Takes a complete directory, which gets its name together with the other outputs; the name must be free.
    pub(crate) fn add_dir(&self, made: ScratchDir, to: &Path) {
        self.state().complete.push(Complete::Dir(made, to.to_owned()));
    }

    /// Holds a lock until the outputs have their names.
    pub(crate) fn hold(&self, lock: impl Send + 'static) {
        self.state().locks.push(Box::new(lock));
    }

    /// Where the unfinished outputs are.
    pub(crate) fn temporaries(&self) -> Vec<PathBuf> {
        let state = self.state();
        let opened = state.opened.iter().filter_map(|opened| opened.file.temporary());
        opened.chain(state.complete.iter().filter_map(Complete::temporary)).collect()
    }

    /// Gives all that is complete its name, verdicts last. Where one cannot get it, what has its name already
    /// is taken back.
    pub(crate) fn publish(&self) -> Result<(), Fault> {
        let mut complete = std::mem::take(&mut self.state().complete);
        complete.sort_by_key(Complete::kind);
        for output in complete {
            let (kind, path) = (output.kind(), output.target().to_owned());
            let is_dir = matches!(output, Complete::Dir(..));
            let is_removal = matches!(output, Complete::Removal(_));
            if output.brings_back() {
                let kept = keep_aside(&path);
                self.state().kept.extend(kept.map(|kept| (path.clone(), kept)));
            }
            let published = output.publish();
            // A file may fail when it has its name already, but not yet on the disk; a directory that fails has none,
            // and what has the name is of somebody else.
            if !is_removal && (published.is_ok() || !is_dir) {
                self.state().named.push((kind, path));
            }
            if let Err(fault) = published {
                self.withdraw();
                return Err(fault);
            }
        }
        Ok(())
    }

    /// Takes the outputs back, because the run has failed: records of what was done stay, and where the answer of an
    /// earlier run stood it is said that there is none.
    pub(crate) fn withdraw(&self) {
        let mut state = self.state();
        state.opened.clear();
        state.complete.retain(|output| output.kind() == OutputKind::Record);
        for (kind, path) in std::mem::take(&mut state.named).into_iter().rev() {
            if kind != OutputKind::Record
                && !state.standing.contains(&path)
                && let Err(fault) = remove_named(&path)
            {
                tracing::error!("what this run wrote before it failed is still there: {fault}");
            }
        }
        for (path, kept) in std::mem::take(&mut state.kept) {
            if let Err(error) = kept.persist(&path) {
                tracing::error!(
                    "what stood there before is not back: {}",
                    Fault::write(shown(&path), &error.error)
                );
            }
        }
        for path in state.standing.iter().chain(&state.replaced) {
            if let Err(fault) = write_atomic(path, state.no_answer.as_bytes()) {
                tracing::error!("that this run failed does not stand in its report: {fault}");
            }
        }
    }
}

/// Removes what a run has named: a file, or a directory that nothing had the name of before.
fn remove_named(path: &Path) -> Result<(), Fault> {
    match kind(path)? {
        FileKind::Dir => remove_dir(path).map_err(|error| Fault::write(shown(path), &error)),
        FileKind::File | FileKind::Link | FileKind::Other | FileKind::Missing => remove_output(path),
    }
}

impl OutputFile {
    /// Where the content goes that is not written at once.
    pub(crate) fn file(&mut self) -> &mut AtomicFile {
        &mut self.opened.file
    }

    /// What was written is all of it.
    pub(crate) fn complete(self) -> Result<(), Fault> {
        self.opened.file.sync()?;
        self.outputs.state().complete.push(Complete::File(self.opened));
        Ok(())
    }

    /// Writes all of it. It gets its name together with the other outputs of the run.
    pub(crate) fn finish(mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.opened.file.write(bytes)?;
        self.outputs.state().complete.push(Complete::File(self.opened));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::dirs::scratch_dir;
    use super::super::read::{FileKind, kind, read};
    use super::*;

    #[test]
    fn outputs_get_their_names_together_or_not_at_all() {
        let dir = scratch_dir("outputs").expect("a directory");
        let path = |name: &str| dir.path().join(name);
        let exists = |name: &str| kind(&path(name)).expect("known") != FileKind::Missing;
        let outputs = Outputs::default();
        let foreign = (OutputKind::Companion, "b.md", Form::Text("new"));
        for (kind, name, form) in [
            (OutputKind::Verdict, "a.json", Form::Text("old")),
            (OutputKind::Companion, "a.md", Form::Text("old")),
            foreign,
        ] {
            write_atomic(&path(name), b"old").expect("written");
            outputs.open(kind, &path(name), Some(form)).expect("opened");
            assert_eq!(read(&path(name)).expect("there"), b"old");
        }
        outputs.clear().expect("removed");
        assert!(!exists("a.json") && !exists("a.md"));
        assert_eq!(read(&path("b.md")).expect("somebody else's"), b"old");
        let take = |kind, name| outputs.take(kind, &path(name)).expect("opened");
        take(OutputKind::Verdict, "a.json").finish(b"GO").expect("written");
        take(OutputKind::Companion, "a.md").finish(b"GO").expect("written");
        take(OutputKind::Record, "done.json").finish(b"done").expect("written");
        assert!(!exists("a.json") && !exists("a.md") && !exists("done.json"));
        outputs.publish().expect("named");
        assert!(exists("a.json") && exists("a.md") && exists("done.json"));
        outputs.withdraw();
        assert!(!exists("a.json") && !exists("a.md") && exists("done.json"));
    }

    #[test]
    fn a_directory_whose_name_is_taken_meanwhile_leaves_that_of_the_other() {
        let dir = scratch_dir("outputs").expect("a directory");
        let to = dir.path().join("r1");
        let outputs = Outputs::default();
        outputs.add_dir(ScratchDir::create_in(dir.path(), "r1").expect("made"), &to);
        write_atomic(&to.join("theirs"), b"x").expect("written");
        outputs.publish().expect_err("the name is taken");
        assert_eq!(read(&to.join("theirs")).expect("still there"), b"x");
    }
}
