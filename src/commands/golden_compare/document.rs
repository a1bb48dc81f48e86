//! One side of a comparison as a document that can be read: a file of JSON, or what another file was converted to.

use super::compare::content::Content;
use super::convert::{self, BadTable, Converted};
use super::drift::{NanPolicy, excerpt};
use crate::format::config;
use crate::format::json::tokens::scan::Skipper;
use crate::format::json::tokens::{JsonError, NonFinite, Tokens, place};
use crate::report::exit::Fault;
use crate::sys::fsio::{self, FileId, FileKind};
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Bytes that are read of a value to show it.
const SHOWN_BYTES: u64 = 16 * 1024;

/// Where a file is, and how it is named in messages.
#[derive(Clone, Debug)]
pub(super) struct Located {
    pub(super) path: PathBuf,
    pub(super) name: String,
    /// The file before it was compared; none where there is none.
    pub(super) id: Option<FileId>,
}

/// A document, which may be read more than once where it is no pipe.
#[derive(Clone, Debug)]
pub(super) enum Document {
    File(PathBuf),
    Converted(Shared),
}

/// What a file was converted to.
#[derive(Clone, Debug)]
pub(super) struct Shared(Rc<Converted>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0.json
    }
}

/// The bytes of a document.
#[derive(Debug)]
pub(super) enum Input {
    File(File),
    Converted(Cursor<Shared>),
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Converted(bytes) => bytes.read(buffer),
        }
    }
}

impl Seek for Input {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::File(file) => file.seek(to),
            Self::Converted(bytes) => bytes.seek(to),
        }
    }
}

impl Document {
    pub(super) fn input(&self) -> Result<Input, Fault> {
        match self {
            Self::File(path) => fsio::open(path).map(Input::File),
            Self::Converted(shared) => Ok(Input::Converted(Cursor::new(shared.clone()))),
        }
    }

    /// Whether it can be read again: a pipe cannot.
    pub(super) fn is_lasting(&self) -> bool {
        match self {
            Self::File(path) => is_plain_file(path),
            Self::Converted(_) => true,
        }
    }

    /// The byte of its file that a byte of it comes from.
    pub(super) fn origin(&self, offset: u64) -> u64 {
        match self {
            Self::File(_) => offset,
            Self::Converted(shared) => shared.0.origin(offset),
        }
    }

    /// The value at a place, cut where it is long; none where it cannot be read.
    pub(super) fn value_at(&self, offset: u64) -> Option<String> {
        let mut bytes = Vec::new();
        let mut input = self.is_lasting().then(|| self.input().ok()).flatten()?;
        input.seek(SeekFrom::Start(offset)).ok()?;
        input.take(SHOWN_BYTES).read_to_end(&mut bytes).ok()?;
        let mut tokens = Tokens::with_window(Cursor::new(&bytes), NonFinite::Accept, bytes.len() + 1).ok()?;
        let end = match Skipper::default().skip_value(&mut tokens, None) {
            Ok(()) => usize::try_from(tokens.offset()).ok()?,
            Err(_) => bytes.len(),
        };
        let text = String::from_utf8_lossy(&bytes[..end]);
        Some(excerpt::short(text.trim(), excerpt::LISTED_CHARS))
    }
}

pub(super) fn is_plain_file(path: &Path) -> bool {
    fsio::target_kind(path).is_ok_and(|kind| kind == FileKind::File)
}

impl Located {
    /// The fault of a document, with line and column.
    pub(super) fn fault(&self, error: &JsonError, document: Option<&Document>) -> Fault {
        match error {
            JsonError::Read(error) => fsio::unreadable(&self.path, error),
            JsonError::Invalid { offset, reason } => {
                let offset = document.map_or(*offset, |document| document.origin(*offset));
                let place = match self.places(&[offset]).as_deref() {
                    Some([(line, column)]) => format!("line {line} column {column}"),
                    _ => format!("byte {offset}"),
                };
                Fault::config(format!("failed to load `{}`: {reason} at {place}", self.name))
            }
        }
    }

    /// Lines and columns of bytes of a file in ascending order; none for a pipe, which cannot be read twice.
    pub(super) fn places(&self, offsets: &[u64]) -> Option<Vec<(u64, u64)>> {
        is_plain_file(&self.path).then(|| place::of_all(fsio::open(&self.path).ok()?, offsets).ok()).flatten()
    }

    /// YAML or TOML.
    pub(super) fn tree(&self, format: config::Format) -> Result<Document, Fault> {
        let text = fsio::read_text(&self.path)?;
        let root = config::node(&text, format).map_err(|error| error.fault(&self.name))?;
        let converted = convert::tree(&text, &root).map_err(|error| error.fault(&self.name))?;
        Ok(Document::Converted(Shared(Rc::new(converted))))
    }
}

/// Two tables, whose columns have names where the first record of both has.
pub(super) fn tables(files: [&Located; 2], delimiter: u8, nan: NanPolicy) -> Result<[Document; 2], Fault> {
    let texts = [fsio::read(&files[0].path)?, fsio::read(&files[1].path)?];
    let has_names = texts.iter().all(|text| convert::has_names(text, delimiter));
    let table = |at: usize| {
        let has_literals = nan != NanPolicy::Refuse;
        let table = convert::table(&texts[at], delimiter, has_names, has_literals);
        let converted = table.map_err(|BadTable { line, reason }| {
            Fault::config(format!("failed to load `{}`: {reason} at line {line}", files[at].name))
        })?;
        Ok::<_, Fault>(Document::Converted(Shared(Rc::new(converted))))
    };
    Ok([table(0)?, table(1)?])
}

/// The documents of two files of JSON.
pub(super) fn files(files: [&Located; 2]) -> [Document; 2] {
    files.map(|located| Document::File(located.path.clone()))
}

/// What a file is by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Json(Content),
    Tree(config::Format),
    /// Cells between delimiters.
    Table(u8),
    /// Lines, or bytes that are no text.
    Text,
}

impl Language {
    /// By the extension; none where it says nothing.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match extension.as_str() {
            "json" => Self::Json(Content::Document),
            "jsonl" | "ndjson" => Self::Json(Content::Lines),
            "yaml" | "yml" => Self::Tree(config::Format::Yaml),
            "toml" => Self::Tree(config::Format::Toml),
            "csv" => Self::Table(b','),
            "tsv" => Self::Table(b'\t'),
            _ => return None,
        })
    }
}
