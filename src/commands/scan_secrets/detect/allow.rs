//! What is not a secret, what is tolerated, by whom, and until when.

use crate::commands::scan_secrets::detect::file::{self, Condition, Target};
use crate::commands::scan_secrets::detect::pattern::Pattern;
use globset::{GlobBuilder, GlobMatcher};
use jiff::civil::Date;
use std::collections::BTreeSet;

#[derive(Debug)]
pub(crate) struct Allowlist {
    description: String,
    condition: Condition,
    target_rules: BTreeSet<String>,
    commits: BTreeSet<String>,
    paths: Vec<Pattern>,
    target: Target,
    regexes: Vec<Pattern>,
    stopwords: Vec<String>,
}

/// What an allowlist looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) rule: &'a str,
    /// Path relative to the root.
    pub(crate) path: &'a str,
    /// Commit, in history.
    pub(crate) commit: Option<&'a str>,
    pub(crate) secret: &'a [u8],
    /// Everything the rule matched.
    pub(crate) matched: &'a [u8],
    /// The lines of the match.
    pub(crate) line: &'a [u8],
}

impl Allowlist {
    /// Checks and parses an allowlist; `whose` stands in errors.
    pub(crate) fn compile(list: &file::Allowlist, whose: &str) -> Result<Self, String> {
        let empty = list.commits.is_empty()
            && list.paths.is_empty()
            && list.regexes.is_empty()
            && list.stopwords.is_empty();
        if empty {
            return Err(format!("{whose} needs at least one of commits, paths, regexes, stopwords"));
        }
        let patterns = |texts: &[String], key: &str| -> Result<Vec<Pattern>, String> {
            texts.iter().map(|text| Pattern::parse_of(text, whose, key)).collect()
        };
        if list.stopwords.iter().any(String::is_empty) {
            return Err(format!("{whose}: an empty stopword would tolerate everything"));
        }
        Ok(Self {
            description: list.description.clone().unwrap_or_else(|| whose.to_owned()),
            condition: list.condition,
            target_rules: list.target_rules.iter().cloned().collect(),
            commits: list.commits.iter().map(|commit| commit.to_ascii_lowercase()).collect(),
            paths: patterns(&list.paths, "paths")?,
            target: list.regex_target,
            regexes: patterns(&list.regexes, "regexes")?,
            stopwords: list.stopwords.iter().map(|word| word.to_ascii_lowercase()).collect(),
        })
    }

    /// Why `subject` is allowed, if it is.
    pub(crate) fn allows(&self, subject: Subject<'_>) -> Result<Option<&str>, String> {
        if !self.target_rules.is_empty() && !self.target_rules.contains(subject.rule) {
            return Ok(None);
        }
        let text = match self.target {
            Target::Secret => subject.secret,
            Target::Match => subject.matched,
            Target::Line => subject.line,
        };
        let any = |patterns: &[Pattern], text: &[u8]| -> Result<bool, String> {
            for pattern in patterns {
                if pattern.is_match(text)? {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        let secret = String::from_utf8_lossy(subject.secret).to_ascii_lowercase();
        let checks = [
            (!self.commits.is_empty()).then(|| {
                Ok(subject.commit.is_some_and(|commit| self.commits.contains(&commit.to_ascii_lowercase())))
            }),
            (!self.paths.is_empty()).then(|| any(&self.paths, subject.path.as_bytes())),
            (!self.regexes.is_empty()).then(|| any(&self.regexes, text)),
            (!self.stopwords.is_empty())
                .then(|| Ok(self.stopwords.iter().any(|word| secret.contains(word.as_str())))),
        ];
        let held: Vec<bool> = checks.into_iter().flatten().collect::<Result<_, String>>()?;
        let allowed = match self.condition {
            Condition::Any => held.contains(&true),
            Condition::All => held.iter().all(|held| *held),
        };
        Ok(allowed.then_some(self.description.as_str()))
    }
}

/// A deliberate exception.
#[derive(Debug)]
pub(crate) struct Exception {
    glob: GlobMatcher,
    /// Path or glob, as written.
    pub(crate) path: String,
    pub(crate) rule: String,
    pub(crate) reason: String,
    /// Last day on which it is.
    pub(crate) expires: Date,
    fingerprint: Option<String>,
}

/// Least letters and digits of a reason; fewer explain nothing.
const LEAST_REASON: usize = 8;

impl Exception {
    pub(crate) fn compile(exception: &file::Exception) -> Result<Self, String> {
        let meaning = exception.reason.chars().filter(|c| c.is_alphanumeric()).count();
        if meaning < LEAST_REASON {
            return Err(format!("reason `{}` does not say why", exception.reason));
        }
        let Ok(expires) = exception.expires.parse::<Date>() else {
            return Err(format!("expires `{}` is not a date, write YYYY-MM-DD", exception.expires));
        };
        if !exception.path.chars().any(char::is_alphanumeric) {
            return Err(format!("path `{}` would cover every file; name the one it is for", exception.path));
        }
        let path = exception.path.trim_start_matches("./");
        let glob = match GlobBuilder::new(path).literal_separator(true).build() {
            Ok(glob) => glob.compile_matcher(),
            Err(error) => return Err(format!("path `{}`: {}", exception.path, error.kind())),
        };
        Ok(Self {
            glob,
            path: exception.path.clone(),
            rule: exception.rule.clone(),
            reason: exception.reason.clone(),
            expires,
            fingerprint: exception.fingerprint.clone(),
        })
    }

    pub(crate) fn covers(&self, rule: &str, path: &str, fingerprint: &str) -> bool {
        self.rule == rule
            && self.fingerprint.as_ref().is_none_or(|own| own == fingerprint)
            && self.glob.is_match(path)
    }

    /// What is to be done about it once it is over.
    pub(crate) fn expiry(&self) -> String {
        let Self { path, rule, reason, expires, .. } = self;
        format!("the exception of `{rule}` in `{path}` ({reason}) expired on {expires}; renew or remove it")
    }

    pub(crate) fn is_expired(&self, today: Date) -> bool {
        today > self.expires
    }
}

/// The comment on a line that tolerates its findings.
const INLINE: &[u8] = b"gitleaks:allow";

/// Whether the lines of a match carry the comment that tolerates it.
pub(crate) fn has_inline_mark(line: &[u8]) -> bool {
    memchr::memmem::find(line, INLINE).is_some()
}

/// The fingerprints of a `.gitleaksignore`: `path:rule:line` or `commit:path:rule:line`.
#[derive(Clone, Debug, Default)]
pub(crate) struct IgnoreFile {
    entries: BTreeSet<String>,
}

impl IgnoreFile {
    /// Parses the file; `Err` names the first line that is no fingerprint.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut entries = BTreeSet::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut parts = line.rsplitn(3, ':');
            let number_ok = parts.next().is_some_and(|last| last.parse::<u64>().is_ok());
            let rule_ok = parts.next().is_some_and(|rule| !rule.is_empty());
            let path_ok = parts.next().is_some_and(|path| !path.is_empty());
            if !(number_ok && rule_ok && path_ok) {
                return Err(format!("line {}: not a fingerprint `path:rule:line`", number + 1));
            }
            entries.insert(line.replace('\\', "/"));
        }
        Ok(Self { entries })
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn covers(&self, rule: &str, path: &str, line: u64, commit: Option<&str>) -> bool {
        let plain = format!("{path}:{rule}:{line}");
        let with_commit = || commit.is_some_and(|commit| self.entries.contains(&format!("{commit}:{plain}")));
        !self.entries.is_empty() && (self.entries.contains(&plain) || with_commit())
    }
}
