//! Which files take part in a rotation, by which rule, and which are left alone whatever the limits say.

use super::retention::limits::{DAY_NS, Limits};
use super::retention::member::Exempt;
use super::retention::pattern::{ARCHIVE_PREFIX, Pattern};
use super::retention::policy::{By, Rule, Sizes, Unit};
use crate::ctx::Ctx;
use crate::sys::tree::Tree;
use jiff::tz::TimeZone;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Files that version control needs in an otherwise empty directory.
const CONTROL_FILES: [&[u8]; 4] = [b".gitkeep", b".gitignore", b".gitattributes", b".keep"];

/// Ends of names of files that are still being written.
const IN_PROGRESS: [&[u8]; 4] = [b".tmp", b".part", b".partial", b".crdownload"];

/// What decides which files take part.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) rules: Vec<Rule>,
    pub(super) protect: Vec<Pattern>,
    pub(super) filter: Option<Pattern>,
    /// What dates a file.
    pub(super) by: By,
    /// What of a file counts towards a limit of the size.
    pub(super) sizes: Sizes,
    /// By whose clock tiers cut days.
    pub(super) zone: TimeZone,
    pub(super) now_ns: i64,
    /// Whether the clock is a frozen one, which may lie before changes that the machine dated.
    pub(super) is_frozen: bool,
    /// Canonical path of the plan, which is no part of the tree that it describes.
    pub(super) plan: Option<PathBuf>,
}

impl Scope {
    /// Without a rule.
    pub(super) fn empty(ctx: &Ctx) -> Self {
        Self {
            rules: Vec::new(),
            protect: Vec::new(),
            filter: None,
            by: By::default(),
            sizes: Sizes::default(),
            zone: TimeZone::UTC,
            now_ns: ctx.clock.now_ns(),
            is_frozen: ctx.clock.is_frozen(),
            plan: None,
        }
    }

    /// Lets patterns match paths that begin with a root.
    pub(super) fn bind(&mut self, tree: &Tree) {
        let of_rules = self.rules.iter_mut().filter_map(|rule| rule.pattern.as_mut());
        for pattern in of_rules.chain(&mut self.protect).chain(&mut self.filter) {
            pattern.bind(tree.roots.iter().map(|root| root.name.as_str()));
        }
    }

    /// The limits, by rule.
    pub(super) fn limits(&self) -> Vec<Limits> {
        self.rules.iter().map(|rule| rule.limits.clone()).collect()
    }

    /// Whether a file is as good as not there: what mmops itself is just writing, and the plan.
    fn is_transient(&self, tree: &Tree, file: u32, name: &[u8]) -> bool {
        let is_lock = name.starts_with(b".mmops-") && name.ends_with(b".lock");
        let is_own = name.starts_with(b".mmops-") && is_in_progress(name) && self.is_young(tree, file);
        let is_plan = |plan: &Path| {
            plan.file_name().is_some_and(|plan| plan.as_bytes() == name)
                && *plan == tree.roots[tree.root_of(file)].path.join(tree.path(file))
        };
        is_lock || is_own || self.plan.as_deref().is_some_and(is_plan)
    }

    /// The files below a root that are really there.
    pub(super) fn lasting<'a>(&'a self, tree: &'a Tree, root: usize) -> impl Iterator<Item = u32> + 'a {
        tree.files_of(root).filter(|file| !self.is_transient(tree, *file, tree.name(*file)))
    }

    /// Whether a file is still being written, by its name and its age.
    pub(super) fn is_in_progress(&self, tree: &Tree, file: u32, name: &[u8]) -> bool {
        is_in_progress(name) && self.is_young(tree, file)
    }

    fn is_young(&self, tree: &Tree, file: u32) -> bool {
        self.now_ns.saturating_sub(tree.modified_ns(file)) < DAY_NS
    }

    /// Why a file takes no part, whatever the rules say. `used` learns which patterns protect something.
    pub(super) fn exempt(&self, tree: &Tree, file: u32, name: &[u8], used: &mut [bool]) -> Option<Exempt> {
        let mut is_protected = false;
        for (pattern, used) in self.protect.iter().zip(used) {
            // One that is not yet known to match is asked although another has matched.
            if !(is_protected && *used) && matches(pattern, tree, file, name) {
                (is_protected, *used) = (true, true);
            }
        }
        if CONTROL_FILES.contains(&name) {
            Some(Exempt::ControlFile)
        } else if self.is_transient(tree, file, name) {
            Some(Exempt::Transient)
        } else if is_protected {
            Some(Exempt::Protected)
        } else {
            None
        }
    }

    /// The rule of a file that is in no unit.
    pub(super) fn rule_of(&self, tree: &Tree, file: u32, name: &[u8]) -> Result<usize, Exempt> {
        if self.filter.as_ref().is_some_and(|filter| !matches(filter, tree, file, name)) {
            return Err(Exempt::Filtered);
        }
        let applies = |rule: &Rule| {
            let pattern = rule.pattern.as_ref();
            rule.unit == Unit::File && pattern.is_none_or(|pattern| matches(pattern, tree, file, name))
        };
        let rule = self.rules.iter().position(applies).ok_or(Exempt::NoRule)?;
        if self.keeps_archive(rule, name) { Err(Exempt::Archive) } else { Ok(rule) }
    }

    /// Patterns of what is to be kept that match no file and no directory, entered or not.
    pub(super) fn unmatched(&self, tree: &Tree, used: &[bool]) -> Vec<String> {
        let matches_dir = |pattern: &Pattern| {
            let mut dirs =
                (0..tree.roots.len()).flat_map(|root| tree.dirs_of(root).skip(1).map(move |dir| (root, dir)));
            dirs.any(|(root, dir)| pattern.matches_dir(root, &tree.dir_path(dir)))
        };
        let unused = self.protect.iter().zip(used).filter(|(_, used)| !**used).map(|(pattern, _)| pattern);
        unused.filter(|pattern| !matches_dir(pattern)).map(|pattern| pattern.as_str().to_owned()).collect()
    }

    /// Whether this is the archive of a rotation, and neither the filter nor the rule speaks of those.
    pub(super) fn keeps_archive(&self, rule: usize, name: &[u8]) -> bool {
        let is_archive = name.starts_with(ARCHIVE_PREFIX.as_bytes()) && name.ends_with(b".zip");
        let mut patterns = self.filter.iter().chain(&self.rules[rule].pattern);
        is_archive && !patterns.any(Pattern::names_archives)
    }

    /// Whether any rule keeps or removes whole directories.
    pub(super) fn has_units(&self) -> bool {
        self.rules.iter().any(|rule| rule.unit == Unit::Dir)
    }

    /// The rule for which a directory is a unit.
    pub(super) fn unit_rule(&self, tree: &Tree, dir: u32) -> Option<usize> {
        let (root, path) = (tree.root_of_dir(dir), tree.dir_path(dir));
        let matches = |pattern: &Pattern| pattern.matches_dir(root, &path);
        let applies = |rule: &Rule| rule.unit == Unit::Dir && rule.pattern.as_ref().is_some_and(matches);
        let rule = self.rules.iter().position(applies)?;
        self.filter.as_ref().is_none_or(matches).then_some(rule)
    }
}

fn is_in_progress(name: &[u8]) -> bool {
    IN_PROGRESS.iter().any(|end| name.ends_with(end))
}

fn matches(pattern: &Pattern, tree: &Tree, file: u32, name: &[u8]) -> bool {
    pattern.matches(tree.root_of(file), || tree.path(file), Path::new(OsStr::from_bytes(name)))
}
