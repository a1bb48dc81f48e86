//! Scans one stream after the other: tells its kind, and looks through text in chunks that overlap.

use super::input::{Input, fill};
use super::nesting::{Budget, Nesting, StopReason};
use crate::commands::scan_secrets::detect::encoding::{Kind, Utf16Reader, ends_as_zip};
use crate::commands::scan_secrets::detect::engine::Engine;
use crate::commands::scan_secrets::detect::finding::{Finding, Source, Start, Tolerance};
use crate::commands::scan_secrets::detect::judge::{judge, judge_path, judge_unscanned};
use crate::commands::scan_secrets::detect::rules::{REACH, Ruleset};
use crate::commands::scan_secrets::facts::ScanResult;
use crate::report::exit::Fault;
use std::io::{Cursor, Read, Seek};

/// Size of the reading buffer at first; enough for most source files.
const FIRST_BUFFER: usize = 256 << 10;

/// Largest chunk that is scanned at once; a longer text is scanned in chunks.
const CHUNK: usize = 16 << 20;

/// What two chunks have in common ahead of their border: the longest match.
const OVERLAP: usize = 2 * REACH;

/// What a chunk keeps of the one before it, for boundaries and marks on the same line.
const CONTEXT: usize = 8 << 10;

/// Most findings of one file; a file with more is not listed to its end.
const MOST_FINDINGS: usize = 10_000;

/// What every thread shares.
pub(crate) struct Shared<'a> {
    pub(crate) ruleset: &'a Ruleset,
    /// What is tolerated besides the rules.
    pub(crate) tolerance: Tolerance,
    /// Most bytes that one archive may unpack to.
    pub(crate) archive_limit: u64,
    /// Fails once a stop was asked for.
    pub(crate) check_cancelled: &'a (dyn Fn() -> Result<(), Fault> + Sync),
}

/// The memory of one thread, with what it found so far.
pub(crate) struct Worker<'a> {
    pub(super) shared: &'a Shared<'a>,
    engine: Engine<'a>,
    buffer: Vec<u8>,
    pub(crate) result: ScanResult,
}

/// An error of the rules themselves, such as a pattern that is too large.
fn rule_fault(error: String) -> Fault {
    Fault::config(error)
}

impl<'a> Worker<'a> {
    pub(crate) fn new(shared: &'a Shared<'a>) -> Self {
        Self {
            shared,
            engine: Engine::new(shared.ruleset),
            buffer: vec![0; FIRST_BUFFER],
            result: ScanResult::default(),
        }
    }

    /// Scans a file of the tree, or records why it could not be opened.
    pub(crate) fn file(&mut self, opened: Result<impl Read + Seek, Fault>, shown: &str) -> Result<(), Fault> {
        (self.shared.check_cancelled)()?;
        self.result.stats.files += 1;
        let source = Source { path: shown, commit: None };
        match opened {
            Ok(mut file) => self.stream(Input::Seekable(&mut file), source),
            Err(fault) => {
                self.unscanned(source, &fault.to_string());
                Ok(())
            }
        }
    }

    pub(crate) fn blob(&mut self, content: &[u8], source: Source<'_>) -> Result<(), Fault> {
        (self.shared.check_cancelled)()?;
        self.stream(Input::Seekable(&mut Cursor::new(content)), source)
    }

    /// Scans a stream, such as stdin.
    pub(crate) fn reader(&mut self, reader: &mut dyn Read, source: Source<'_>) -> Result<(), Fault> {
        self.result.stats.files += 1;
        self.stream(Input::Reader(reader), source)
    }

    pub(crate) fn unscanned(&mut self, source: Source<'_>, why: &str) {
        let finding = Finding::unscanned(source.path, source.commit, why);
        let finding = judge_unscanned(self.shared.ruleset, &self.shared.tolerance, finding);
        self.result.findings.push(finding);
    }

    fn stream(&mut self, input: Input<'_>, source: Source<'_>) -> Result<(), Fault> {
        let mut budget = Budget::of(self.shared.archive_limit);
        self.content(input, &mut Nesting { source, depth: 0, budget: &mut budget })
    }

    /// Scans content of any kind; what stops it short of its end becomes a finding.
    pub(super) fn content(&mut self, input: Input<'_>, nesting: &mut Nesting<'_>) -> Result<(), Fault> {
        let source = nesting.source;
        let by_path = judge_path(self.shared.ruleset, &self.shared.tolerance, source);
        self.result.findings.extend(by_path.map_err(rule_fault)?);
        match self.kinds(input, nesting) {
            Ok(()) => Ok(()),
            Err(StopReason::Fault(fault)) => Err(fault),
            Err(StopReason::Unscanned(why)) => {
                self.unscanned(source, &why);
                Ok(())
            }
        }
    }

    fn kinds(&mut self, mut input: Input<'_>, nesting: &mut Nesting<'_>) -> Result<(), StopReason> {
        let source = nesting.source;
        let mut buffer = std::mem::take(&mut self.buffer);
        if buffer.is_empty() {
            buffer = vec![0; FIRST_BUFFER];
        }
        let done =
            fill(&mut input, &mut buffer, 0).map_err(StopReason::from).and_then(|filled| {
                match Kind::of(&buffer[..filled]) {
                    kind @ (Kind::Text | Kind::Binary) => {
                        let is_text = kind == Kind::Text;
                        self.result.stats.binary += u64::from(!is_text);
                        let zip_behind = self.chunks(&mut input, &mut buffer, filled, source, is_text)?;
                        if zip_behind { self.zip_behind(input, nesting) } else { Ok(()) }
                    }
                    kind @ (Kind::Utf16Le | Kind::Utf16Be) => {
                        let head = Cursor::new(buffer[..filled].to_vec());
                        let mut text = Utf16Reader::new(head.chain(input), kind == Kind::Utf16Le);
                        let mut text = Input::Reader(&mut text);
                        let filled = fill(&mut text, &mut buffer, 0)?;
                        self.chunks(&mut text, &mut buffer, filled, source, true).map(|_| ())
                    }
                    Kind::Packed(what) => Err(StopReason::Unscanned(format!("{what} is not opened"))),
                    Kind::Tar => self.tar(input, &buffer[..filled], nesting),
                    Kind::Gzip => self.gzip(input, &buffer[..filled], nesting),
                    Kind::Zip => self.zip(input, &buffer[..filled], nesting),
                }
            });
        self.buffer = buffer;
        done
    }

    /// Scans text of which the first `filled` bytes are in `buffer`; says whether it ends as a ZIP
    /// archive does.
    fn chunks(
        &mut self,
        input: &mut Input<'_>,
        buffer: &mut Vec<u8>,
        mut filled: usize,
        source: Source<'_>,
        with_generic: bool,
    ) -> Result<bool, StopReason> {
        let before = self.result.findings.len();
        let mut start = Start::default();
        let mut from = 0;
        loop {
            let mut at_end = filled < buffer.len();
            while !at_end && buffer.len() < CHUNK {
                buffer.resize((4 * buffer.len()).min(CHUNK), 0);
                filled = fill(input, buffer, filled)?;
                at_end = filled < buffer.len();
            }
            let text = &buffer[..filled];
            let until = if at_end { filled + 1 } else { filled - OVERLAP };
            let hits = self.engine.scan(text, with_generic).map_err(rule_fault)?;
            if !hits.is_empty() {
                let Shared { ruleset, tolerance, .. } = self.shared;
                let found = judge(ruleset, tolerance, source, text, start, from..until, &hits);
                self.result.findings.extend(found.map_err(rule_fault)?);
            }
            self.result.stats.bytes += (until.min(filled) - from) as u64;
            if at_end {
                return Ok(ends_as_zip(text));
            }
            if self.result.findings.len() - before > MOST_FINDINGS {
                let why = format!("more than {MOST_FINDINGS} findings; the rest of it was not scanned");
                return Err(StopReason::Unscanned(why));
            }
            (self.shared.check_cancelled)()?;
            let keep = until - CONTEXT;
            start = start.after(&text[..keep]);
            buffer.copy_within(keep..filled, 0);
            from = CONTEXT;
            filled = fill(input, buffer, filled - keep)?;
        }
    }
}
