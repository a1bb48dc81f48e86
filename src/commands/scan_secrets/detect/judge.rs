//! From matches to findings: what is no secret is dropped, what is tolerated says by whom.

use crate::commands::scan_secrets::detect::allow::{self, Subject};
use crate::commands::scan_secrets::detect::engine::Hit;
use crate::commands::scan_secrets::detect::entropy;
use crate::commands::scan_secrets::detect::finding::{
    BASELINE, Disposition, Finding, Source, Start, Tolerance,
};
use crate::commands::scan_secrets::detect::fingerprint::{fingerprint, sample};
use crate::commands::scan_secrets::detect::rules::{Rule, Ruleset};
use std::collections::BTreeMap;
use std::ops::Range;

/// How much of a long line around a match is looked at for marks and by line patterns.
const LINE_CONTEXT: usize = 4096;

/// Shortest secret that is masked in the name of its own file.
const LEAST_MASKED: usize = 8;

/// Judges the matches in `text`, which are sorted; those that start outside `window` belong to another
/// piece of the same file.
pub(crate) fn judge(
    ruleset: &Ruleset,
    tolerance: &Tolerance,
    source: Source<'_>,
    text: &[u8],
    start: Start,
    window: Range<usize>,
    hits: &[Hit],
) -> Result<Vec<Finding>, String> {
    let mut lowercase = None;
    let mut secrets = Vec::new();
    for hit in hits {
        if is_secret(ruleset, source, text, hit, &mut lowercase)? {
            secrets.push(hit);
        }
    }
    // What lacks its companion is no finding, so it hides none either.
    let complete: Vec<&Hit> =
        secrets.iter().copied().filter(|hit| has_required(ruleset, &secrets, hit, text)).collect();
    let taken = Taken::of(ruleset, &complete);
    let mut seen = start;
    let mut at = 0;
    let mut findings = Vec::new();
    for hit in &complete {
        let rule = &ruleset.rules[hit.rule];
        let position = hit.secret.start;
        if !window.contains(&hit.matched.start) || rule.skip_report || taken.hides(ruleset, hit) {
            continue;
        }
        seen = seen.after(&text[at..position]);
        at = position;
        let secret = &text[hit.secret.clone()];
        let print = fingerprint(&rule.id, source.path, secret);
        let mut finding = Finding {
            path: source.path.to_owned(),
            line: seen.lines + 1,
            column: seen.column + 1,
            rule: rule.id.clone(),
            commit: source.commit.map(str::to_owned),
            description: rule.description.clone(),
            fingerprint: print,
            sample: sample(secret),
            secret_bytes: secret.len(),
            offset: seen.offset,
            disposition: Disposition::Open,
        };
        finding.disposition =
            disposition(ruleset, tolerance, &finding, subject(rule, source, text, hit), rule)?;
        findings.push(finding);
    }
    mask_paths(&mut findings, &secrets, text);
    Ok(findings)
}

/// The findings of rules that go by the path alone.
pub(crate) fn judge_path(
    ruleset: &Ruleset,
    tolerance: &Tolerance,
    source: Source<'_>,
) -> Result<Vec<Finding>, String> {
    let mut findings = Vec::new();
    for rule in ruleset.rules.iter().filter(|rule| rule.regex.is_none() && !rule.skip_report) {
        let Some(path) = &rule.path else { continue };
        if !path.is_match(source.path.as_bytes())? {
            continue;
        }
        let mut finding = Finding::unscanned(source.path, source.commit, &rule.description);
        finding.rule.clone_from(&rule.id);
        finding.fingerprint = fingerprint(&rule.id, source.path, b"");
        let subject = Subject {
            rule: &rule.id,
            path: source.path,
            commit: source.commit,
            secret: b"",
            matched: b"",
            line: b"",
        };
        finding.disposition = disposition(ruleset, tolerance, &finding, subject, rule)?;
        findings.push(finding);
    }
    Ok(findings)
}

/// The disposition of the finding that something could not be scanned.
pub(crate) fn judge_unscanned(ruleset: &Ruleset, tolerance: &Tolerance, mut finding: Finding) -> Finding {
    if let Some(disposition) = excepted(ruleset, tolerance, &finding) {
        finding.disposition = disposition;
    }
    finding
}

fn subject<'a>(rule: &'a Rule, source: Source<'a>, text: &'a [u8], hit: &Hit) -> Subject<'a> {
    Subject {
        rule: &rule.id,
        path: source.path,
        commit: source.commit,
        secret: &text[hit.secret.clone()],
        matched: &text[hit.matched.clone()],
        line: lines_around(text, &hit.matched),
    }
}

/// Whether a match is a secret at all, by its rule's own conditions.
fn is_secret(
    ruleset: &Ruleset,
    source: Source<'_>,
    text: &[u8],
    hit: &Hit,
    lowercase: &mut Option<Vec<u8>>,
) -> Result<bool, String> {
    let rule = &ruleset.rules[hit.rule];
    let secret = &text[hit.secret.clone()];
    if rule.entropy > 0.0 && entropy::bits_per_byte(secret) <= rule.entropy {
        return Ok(false);
    }
    if let Some(path) = &rule.path
        && !path.is_match(source.path.as_bytes())?
    {
        return Ok(false);
    }
    if !rule.keywords.is_empty() {
        let lowercase = lowercase.get_or_insert_with(|| text.to_ascii_lowercase());
        let matched = &lowercase[hit.matched.clone()];
        let within = |text: &[u8]| {
            rule.keywords.iter().any(|word| memchr::memmem::find(text, word.as_bytes()).is_some())
        };
        if !within(matched) && !within(lowercase) {
            return Ok(false);
        }
    }
    let subject = subject(rule, source, text, hit);
    for list in &rule.definition {
        if list.allows(subject)?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The stretches that are taken: by rules of a form, and by each generic rule.
struct Taken {
    by_form: Stretches,
    by_name: BTreeMap<usize, Stretches>,
}

/// Stretches of a text by their start, with the furthest end so far.
#[derive(Default)]
struct Stretches(Vec<(usize, usize)>);

impl Stretches {
    fn of(hits: impl Iterator<Item = Range<usize>>) -> Self {
        let mut list: Vec<(usize, usize)> = hits.map(|range| (range.start, range.end)).collect();
        list.sort_unstable();
        let mut furthest = 0;
        for (_, end) in &mut list {
            furthest = furthest.max(*end);
            *end = furthest;
        }
        Self(list)
    }

    fn overlap(&self, range: &Range<usize>) -> bool {
        let before = self.0.partition_point(|(start, _)| *start < range.end);
        before > 0 && self.0[before - 1].1 > range.start
    }
}

impl Taken {
    fn of(ruleset: &Ruleset, secrets: &[&Hit]) -> Self {
        let mut by_name: BTreeMap<usize, Vec<Range<usize>>> = BTreeMap::new();
        let mut by_form = Vec::new();
        for hit in secrets.iter().filter(|hit| !ruleset.rules[hit.rule].skip_report) {
            if ruleset.rules[hit.rule].is_generic {
                by_name.entry(hit.rule).or_default().push(hit.matched.clone());
            } else {
                by_form.push(hit.matched.clone());
            }
        }
        let by_name = by_name.into_iter().map(|(rule, list)| (rule, Stretches::of(list.into_iter())));
        Self { by_form: Stretches::of(by_form.into_iter()), by_name: by_name.collect() }
    }

    /// Whether a generic match stands where another rule, or an earlier generic one, found something.
    fn hides(&self, ruleset: &Ruleset, hit: &Hit) -> bool {
        ruleset.rules[hit.rule].is_generic
            && (self.by_form.overlap(&hit.secret)
                || self.by_name.range(..hit.rule).any(|(_, taken)| taken.overlap(&hit.secret)))
    }
}

fn has_required(ruleset: &Ruleset, secrets: &[&Hit], hit: &Hit, text: &[u8]) -> bool {
    ruleset.rules[hit.rule].required.iter().all(|required| {
        let Some(rule) = ruleset.index_of(&required.id) else { return false };
        secrets.iter().filter(|other| other.rule == rule).any(|other| {
            let (low, high) =
                (hit.matched.start.min(other.matched.start), hit.matched.start.max(other.matched.start));
            let lines = memchr::memchr_iter(b'\n', &text[low..high]).count() as u64;
            let column =
                |at: usize| at - memchr::memrchr(b'\n', &text[..at]).map_or(0, |newline| newline + 1);
            let columns = column(low).abs_diff(column(high)) as u64;
            required.within_lines.is_none_or(|most| lines <= most)
                && required.within_columns.is_none_or(|most| columns <= most)
        })
    })
}

fn disposition(
    ruleset: &Ruleset,
    tolerance: &Tolerance,
    finding: &Finding,
    subject: Subject<'_>,
    rule: &Rule,
) -> Result<Disposition, String> {
    let tolerated = |by, why: &str| Ok(Disposition::Tolerated { by, why: why.to_owned() });
    if let Some(disposition) = excepted(ruleset, tolerance, finding) {
        return Ok(disposition);
    }
    for list in rule.tolerance.iter().chain(&ruleset.global) {
        if let Some(why) = list.allows(subject)? {
            return tolerated("allowlist", why);
        }
    }
    if allow::has_inline_mark(subject.line) {
        return tolerated("inline", "gitleaks:allow");
    }
    if tolerance.ignored.covers(&finding.rule, subject.path, finding.line, subject.commit) {
        return tolerated("gitleaksignore", ".gitleaksignore");
    }
    if tolerance.baseline.contains(&finding.fingerprint) {
        return tolerated(BASELINE, "known in the baseline");
    }
    Ok(Disposition::Open)
}

/// What the exceptions say about a finding: one that is over fails it, whatever else tolerates it.
fn excepted(ruleset: &Ruleset, tolerance: &Tolerance, finding: &Finding) -> Option<Disposition> {
    let mut covering = ruleset
        .exceptions
        .iter()
        .filter(|exception| exception.covers(&finding.rule, &finding.path, &finding.fingerprint))
        .peekable();
    covering.peek()?;
    let mut expired = None;
    for exception in covering {
        if !exception.is_expired(tolerance.today) {
            let why = format!("{} (until {})", exception.reason, exception.expires);
            return Some(Disposition::Tolerated { by: "exception", why });
        }
        expired = Some(Disposition::Expired(format!("its exception expired on {}", exception.expires)));
    }
    expired
}

/// The whole lines of a match, cut where they are very long.
fn lines_around<'a>(text: &'a [u8], matched: &Range<usize>) -> &'a [u8] {
    let low = matched.start.saturating_sub(LINE_CONTEXT);
    let high = (matched.end + LINE_CONTEXT).min(text.len());
    let start = memchr::memrchr(b'\n', &text[low..matched.start]).map_or(low, |at| low + at + 1);
    let end = memchr::memchr(b'\n', &text[matched.end..high]).map_or(high, |at| matched.end + at);
    &text[start..end]
}

/// Takes a secret out of the name of its own file.
fn mask_paths(findings: &mut [Finding], secrets: &[&Hit], text: &[u8]) {
    for hit in secrets {
        let secret = &text[hit.secret.clone()];
        let Ok(secret) = std::str::from_utf8(secret) else { continue };
        if secret.len() < LEAST_MASKED {
            continue;
        }
        for finding in findings.iter_mut().filter(|finding| finding.path.contains(secret)) {
            finding.path = finding.path.replace(secret, "****");
        }
    }
}
