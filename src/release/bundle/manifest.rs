//! The manifest of a bundle: every file with its hash, and what the bundle was made from.
//!
//! Its text has one spelling, and its last field is the hash of all others, so that a manifest on its own
//! tells whether a bit of it has changed. Only a signature tells whether somebody meant it.

use super::name;
use crate::evidence::age::Age;
use crate::format::json::typed;
use crate::format::zip::deflate::ENCODER;
use crate::format::{hash::sha256, json, text};
use crate::report::maker::ClockKind;
use anyhow::{Context as _, anyhow, bail, ensure};
use jiff::Timestamp;
use schemars::JsonSchema;
use semver::Version;
use serde::{Deserialize, Serialize};
use std::time::Duration;

pub(crate) const BUILDER: &str = concat!("mmops ", env!("CARGO_PKG_VERSION"));

/// Name of the manifest in an archive and in a folder.
pub(crate) const FILE_NAME: &str = "MANIFEST.json";

/// Name of its signature in a folder.
pub(crate) const SIGNATURE_NAME: &str = "MANIFEST.json.minisig";

/// Name of the bill of materials in an archive.
pub(crate) const SBOM_NAME: &str = "SBOM.cdx.json";

/// What a folder, whose files are as they were, has in place of an encoder.
pub(crate) const NO_ENCODER: &str = "none";

/// Largest manifest that is read.
pub(crate) const LARGEST_BYTES: u64 = 64 << 20;

pub(crate) const SCHEMA: &str = "mmops.bundle-manifest.v1";

/// The manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// `frozen` when the clock was frozen; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) clock: Option<ClockKind>,
    /// When the bundle was made; also the time of every member of the archive.
    pub(crate) created_at: String,
    /// Every file, sorted by path.
    pub(crate) files: Vec<File>,
    /// The revision it was made from; null when it is not known.
    pub(crate) git: Option<Revision>,
    /// Name of what is released.
    pub(crate) name: String,
    /// How the bundle was made.
    pub(crate) provenance: Provenance,
    /// `mmops.bundle-manifest.v1`
    pub(crate) schema: String,
    /// SHA-256 of this document with an empty seal.
    pub(crate) seal: String,
    /// Semantic version of what is released.
    pub(crate) version: String,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// What it is for.
    pub(crate) description: String,
    /// Permission bits, such as `0644`.
    pub(crate) mode: String,
    /// Path in the bundle.
    pub(crate) path: String,
    /// SHA-256, lowercase hex.
    pub(crate) sha256: String,
    /// Bytes.
    pub(crate) size: u64,
}

/// The revision a bundle was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Revision {
    /// Full id of the commit.
    pub(crate) commit: String,
    /// Whether a tracked file differed from it, or a file of the bundle is not in it as it was bundled.
    pub(crate) dirty: bool,
}

impl Revision {
    pub(crate) fn short(&self) -> &str {
        short(&self.commit)
    }
}

/// The first digits of a commit's id, for people.
pub(crate) fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

/// How a bundle was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Provenance {
    /// Files of the commit that the list of contents names and that were not there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) absent: Vec<String>,
    /// The program and its version.
    pub(crate) builder: String,
    /// Files of the root that it was made by, beside the list of contents and the lock files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) configs: Vec<Named>,
    /// What made the bytes of the archive; the same files and encoder make the same archive.
    pub(crate) encoder: String,
    /// Files of the bundle that are evidence, from `artifacts/`: they are not held to the commit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) evidence: Vec<String>,
    /// Patterns of the command line beside the list of contents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) include: Vec<String>,
    /// Lock files that the bill of materials was read from.
    pub(crate) lock_files: Vec<Named>,
    /// The list of contents, `built-in` or its path, with its hash.
    pub(crate) plan: Named,
    /// Files of the bundle, and those that it was made by, that the commit does not have with these bytes and this
    /// mode.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) uncommitted: Vec<String>,
}

/// A file by its hash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Named {
    /// Path relative to the root.
    pub(crate) path: String,
    /// SHA-256, lowercase hex.
    pub(crate) sha256: String,
}

/// Whether it is a number of so many lowercase hexadecimal digits.
fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
}

/// The two modes that files of a bundle have.
pub(crate) fn mode(is_executable: bool) -> (u32, &'static str) {
    if is_executable { (0o755, "0755") } else { (0o644, "0644") }
}

/// The mode of a bundle that permission bits on a disk stand for: what the umask of a machine does to its owner's group
/// and the others is nothing to it. Whom anybody may write, and what runs as somebody else, has a mode of its own.
pub(crate) fn mode_of(permissions: u32) -> u32 {
    if permissions & 0o7002 == 0 { mode(permissions & 0o100 != 0).0 } else { permissions }
}

impl File {
    /// Permission bits; `None` for modes that no bundle has.
    pub(crate) fn permissions(&self) -> Option<u32> {
        match self.mode.as_str() {
            "0644" => Some(0o644),
            "0755" => Some(0o755),
            _ => None,
        }
    }
}

/// Name of the archive of a version.
pub(crate) fn archive_name(name: &str, version: &str) -> String {
    format!("{name}-v{version}.zip")
}

impl Manifest {
    /// What holds of every manifest: asked by who makes one and by who reads one.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        name::check_product(&self.name)?;
        let version = self.version.escape_debug();
        let parsed = Version::parse(&self.version);
        parsed.with_context(|| format!("version `{version}` is not a semantic version"))?;
        let is_spelled = |made: Timestamp| made.strftime("%Y-%m-%dT%H:%M:%SZ").to_string() == self.created_at;
        let created_at = self.created_at.escape_debug();
        ensure!(self.made_at().is_some_and(is_spelled), "it was made at `{created_at}`, which is not a time");
        if let Some(git) = &self.git {
            let is_id =
                (is_hex(&git.commit, 40) || is_hex(&git.commit, 64)) && git.commit.contains(|c| c != '0');
            ensure!(is_id, "its commit `{}` is not the id of one", git.commit.escape_debug());
        }
        if let Some(file) = self.files.iter().find(|file| file.path == FILE_NAME) {
            bail!("it lists `{}`, which is itself", file.path);
        }
        self.check_provenance()
    }

    fn check_provenance(&self) -> anyhow::Result<()> {
        let Provenance {
            absent,
            builder,
            configs,
            encoder,
            evidence,
            include,
            lock_files,
            plan,
            uncommitted,
        } = &self.provenance;
        let version = builder.strip_prefix("mmops ").and_then(|version| Version::parse(version).ok());
        ensure!(version.is_some(), "it was built by `{}`, which is no mmops", builder.escape_debug());
        let files = self.files.iter().map(|file| (&file.path, &file.sha256));
        let made_by = || lock_files.iter().chain(configs).chain([plan]);
        let named = made_by().map(|named| (&named.path, &named.sha256));
        for (path, sha256) in files.chain(named) {
            let (path, sha256) = (path.escape_debug(), sha256.as_str());
            ensure!(is_hex(sha256, 64), "`{path}` has the SHA-256 `{}`", sha256.escape_debug());
        }
        let paths = made_by().map(|named| &named.path);
        for line in [encoder].into_iter().chain(paths).chain(include) {
            let is_line = !line.is_empty() && !line.chars().any(|c| text::is_active(c) || c.is_control());
            ensure!(is_line, "its provenance has `{}` where a name stands", line.escape_debug());
        }
        let is_file = |path: &str| self.files.binary_search_by(|file| (*file.path).cmp(path)).is_ok();
        let is_input = |path: &str| made_by().any(|named| named.path == path);
        let is_encoder = [ENCODER, NO_ENCODER].contains(&encoder.as_str());
        ensure!(is_encoder, "it was made by the encoder `{}`, which is unknown", encoder.escape_debug());
        for pattern in include.iter().chain(absent) {
            let checked = name::check_path(pattern.as_bytes());
            checked.map_err(|bad| {
                anyhow!("its provenance includes `{}`, which {}", pattern.escape_debug(), bad.reason)
            })?;
        }
        for path in evidence.iter().chain(uncommitted) {
            ensure!(
                is_file(path) || is_input(path),
                "it speaks of `{}`, which it does not list",
                path.escape_debug()
            );
        }
        let is_dirty = self.git.as_ref().is_some_and(|git| git.dirty);
        ensure!(
            uncommitted.is_empty() || is_dirty,
            "it has files that its commit does not have, and is not dirty"
        );
        ensure!(absent.is_empty() || is_dirty, "it lacks files of its commit, and is not dirty");
        Ok(())
    }

    /// Why it cannot have been made when it says so; a clock that is wrong says nothing of anything.
    pub(crate) fn clock_fault(&self, now: Timestamp) -> Option<String> {
        Age::of(self.made_at()?, now, Duration::MAX).refusal("the manifest", "none")
    }

    pub(crate) fn made_at(&self) -> Option<Timestamp> {
        self.created_at.parse().ok()
    }

    /// Name of its archive.
    pub(crate) fn archive_name(&self) -> String {
        archive_name(&self.name, &self.version)
    }

    /// The document with its seal.
    pub(crate) fn sealed(mut self) -> String {
        self.seal = String::new();
        self.seal = sha256(json::document(&self));
        json::document(&self)
    }

    /// Whether it is small enough to be read again, whatever the hashes in it are. The central directory of
    /// an archive says less of each file than the manifest, so that it fits too.
    pub(crate) fn check_size(self) -> anyhow::Result<()> {
        let bytes = self.sealed().len() as u64;
        ensure!(
            bytes <= LARGEST_BYTES,
            "the manifest would have {bytes} bytes, at most {LARGEST_BYTES} are read; bundle fewer files"
        );
        Ok(())
    }

    /// Reads a manifest of one spelling whose seal holds, whose files are sorted and of known modes.
    pub(crate) fn parse(document: &[u8]) -> anyhow::Result<Self> {
        let document = std::str::from_utf8(document).map_err(|_| anyhow!("it is not UTF-8"))?;
        let manifest: Self = typed::read(document).map_err(|error| anyhow!("{error}"))?;
        ensure!(manifest.schema == SCHEMA, "its schema is `{}`, not `{SCHEMA}`", manifest.schema);
        ensure!(json::document(&manifest) == document, "it is not spelled as mmops spells it");
        ensure!(manifest.clone().sealed() == document, "its seal is not the hash of the rest");
        let in_order = manifest.files.is_sorted_by(|a, b| a.path < b.path);
        ensure!(in_order, "its files are not sorted, or one is listed twice");
        if let Some(file) = manifest.files.iter().find(|file| file.permissions().is_none()) {
            bail!("`{}` has the mode `{}`", file.path, file.mode);
        }
        ensure!(!manifest.files.is_empty(), "it lists no file");
        manifest.check()?;
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let file = |path: &str| File {
            description: "x".to_owned(),
            mode: "0644".to_owned(),
            path: path.to_owned(),
            sha256: "ab".repeat(32),
            size: 3,
        };
        Manifest {
            clock: None,
            created_at: "2026-03-10T12:00:00Z".to_owned(),
            files: vec![file("a"), file("b")],
            git: Some(Revision { commit: "c".repeat(40), dirty: false }),
            name: "mm-bot".to_owned(),
            provenance: Provenance {
                builder: "mmops 0.1.0".to_owned(),
                encoder: ENCODER.to_owned(),
                plan: Named { path: "built-in".to_owned(), sha256: "cd".repeat(32) },
                ..Provenance::default()
            },
            schema: SCHEMA.to_owned(),
            seal: String::new(),
            version: "1.2.3".to_owned(),
        }
    }

    #[test]
    fn a_sealed_manifest_reads_back() {
        let text = manifest().sealed();
        let read = Manifest::parse(text.as_bytes()).expect("read");
        assert_eq!(read.files, manifest().files);
        assert_eq!(read.sealed(), text);
    }

    #[test]
    fn every_flipped_bit_of_a_manifest_is_found() {
        let text = manifest().sealed().into_bytes();
        for at in 0..text.len() * 8 {
            let mut changed = text.clone();
            changed[at / 8] ^= 1 << (at % 8);
            assert!(Manifest::parse(&changed).is_err(), "bit {at}");
        }
    }

    #[test]
    fn files_out_of_order_twice_or_of_odd_modes_are_refused() {
        let with = |change: fn(&mut Manifest)| {
            let mut manifest = manifest();
            change(&mut manifest);
            Manifest::parse(manifest.sealed().as_bytes()).expect_err("refused").to_string()
        };
        assert!(with(|manifest| manifest.files.swap(0, 1)).contains("sorted"));
        assert!(with(|manifest| manifest.files[1] = manifest.files[0].clone()).contains("twice"));
        assert!(with(|manifest| manifest.files[0].mode = "4755".to_owned()).contains("4755"));
        assert!(with(|manifest| manifest.files.clear()).contains("no file"));
        assert!(with(|manifest| manifest.schema = "x".to_owned()).contains("schema"));
        assert!(with(|manifest| manifest.files[0].path = FILE_NAME.to_owned()).contains("itself"));
    }

    #[test]
    fn what_no_bundle_is_made_with_is_refused_where_one_is_read() {
        let cases: [(fn(&mut Manifest), &str); 17] = [
            (|manifest| manifest.git.as_mut().expect("there").commit = "0".repeat(40), "commit `000"),
            (|manifest| manifest.provenance.encoder = "zopfli".to_owned(), "encoder `zopfli`"),
            (|manifest| manifest.provenance.include = vec!["../x".to_owned()], "includes `../x`"),
            (|manifest| manifest.version = "latest; rm -rf".to_owned(), "semantic version"),
            (|manifest| manifest.version = String::new(), "semantic version"),
            (|manifest| manifest.name = "../../x".to_owned(), "name `../../x`"),
            (|manifest| manifest.created_at = "2026-03-10T12:00:00+00:00".to_owned(), "not a time"),
            (|manifest| manifest.created_at = "today".to_owned(), "not a time"),
            (|manifest| manifest.git.as_mut().expect("there").commit = "zzz".to_owned(), "commit `zzz`"),
            (|manifest| manifest.files[0].sha256 = "AB".repeat(32), "SHA-256"),
            (|manifest| manifest.provenance.plan.sha256 = String::new(), "SHA-256"),
            (|manifest| manifest.provenance.builder = "a\nb".to_owned(), "no mmops"),
            (|manifest| manifest.provenance.encoder = "a\nb".to_owned(), "provenance"),
            (|manifest| manifest.provenance.evidence = vec!["c".to_owned()], "does not list"),
            (|manifest| manifest.provenance.uncommitted = vec!["a".to_owned()], "not dirty"),
            (|manifest| manifest.provenance.include = vec![String::new()], "provenance"),
            (|manifest| manifest.provenance.plan.path = String::new(), "provenance"),
        ];
        for (change, reason) in cases {
            let mut manifest = manifest();
            change(&mut manifest);
            for found in [manifest.check(), Manifest::parse(manifest.clone().sealed().as_bytes()).map(|_| ())]
            {
                let found = found.expect_err(reason).to_string();
                assert!(found.contains(reason), "{found}");
            }
        }
    }

    #[test]
    fn a_manifest_of_the_future_is_a_fault_of_a_clock() {
        let at = |now: &str| manifest().clock_fault(now.parse().expect("a time"));
        assert_eq!((at("2026-03-10T11:59:30Z"), at("2099-01-01T00:00:00Z")), (None, None));
        assert!(at("2026-03-10T11:00:00Z").expect("refused").starts_with("clock: the manifest was made 1h"));
    }
}
