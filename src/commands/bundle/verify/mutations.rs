//! Ten thousand ways to change a bundle, each refused with a named reason.
//!
//! A change of bits leaves the hash beside the archive as it was. Every other change is made by somebody who
//! knows the format: the hash is computed anew, so that only the archive itself can tell.

use super::check;
use super::inspect::{Inspected, inspect};
use crate::format::hash::sha256;
use crate::format::zip::check::{hash_archive, hash_member};
use crate::format::zip::deflate::{Deflater, ENCODER, Place};
use crate::format::zip::layout::{self, DosTime, Form, Header, Method};
use crate::release::bundle::manifest::{self, File, Manifest, Named, Provenance};
use fastrand::Rng;
use std::collections::BTreeMap;

/// Changes that are tried.
const CHANGES: u64 = 10_000;

const NAME: &str = "mm-bot-v1.2.3.zip";
const NOW: &str = "2026-03-10T12:00:00Z";

fn text(random: &mut Rng, length: usize) -> Vec<u8> {
    (0..length).map(|_| b"0123456789abcdef {}\n"[random.usize(..20)]).collect()
}

fn noise(random: &mut Rng, length: usize) -> Vec<u8> {
    (0..length).map(|_| random.u8(..)).collect()
}

/// A member before it is written.
#[derive(Clone)]
struct Entry {
    header: Header,
    packed: Vec<u8>,
    /// What the local header says, when it is something else.
    local: Option<Header>,
    flags: u8,
    /// Added to the attributes of the directory's record.
    kind: Option<u32>,
}

impl Entry {
    fn new(name: &str, content: &[u8]) -> Self {
        let (method, packed) = match Deflater::default().smaller(content) {
            Some(packed) => (Method::Deflated, packed),
            None => (Method::Stored, content.to_vec()),
        };
        let mut crc = crc32fast::Hasher::new();
        crc.update(content);
        let header = Header {
            name: name.as_bytes().to_vec(),
            method,
            form: Form::Whole,
            permissions: 0o644,
            crc32: crc.finalize(),
            packed: packed.len() as u64,
            bytes: content.len() as u64,
            offset: 0,
        };
        Self { header, packed, local: None, flags: 0, kind: None }
    }
}

fn time() -> DosTime {
    DosTime::of(NOW.parse().expect("a time"))
}

/// Writes entries as a bundle would, with bytes of others between them if asked for.
fn assemble(entries: &[Entry], between: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut central = Vec::new();
    for (i, entry) in entries.iter().enumerate() {
        if i == 1 {
            out.extend_from_slice(between);
        }
        let header = Header { offset: out.len() as u64, ..entry.header.clone() };
        let mut local = entry.local.as_ref().unwrap_or(&header).local(time());
        local[6] |= entry.flags;
        out.extend(local);
        out.extend_from_slice(&entry.packed);
        out.extend(header.descriptor());
        let mut record = header.central(time());
        record[8] |= entry.flags;
        if let Some(kind) = entry.kind {
            record[38..42].copy_from_slice(&(kind << 16).to_le_bytes());
        }
        central.extend(record);
    }
    let offset = out.len() as u64;
    let end = layout::end(entries.len() as u64, offset, central.len() as u64);
    out.extend(central);
    out.extend(end);
    out
}

fn manifest_of(contents: &BTreeMap<String, Vec<u8>>) -> String {
    let file = |(path, content): (&String, &Vec<u8>)| File {
        description: "a file".to_owned(),
        mode: "0644".to_owned(),
        path: path.clone(),
        sha256: sha256(content),
        size: content.len() as u64,
    };
    let manifest = Manifest {
        clock: None,
        created_at: NOW.to_owned(),
        files: contents.iter().map(file).collect(),
        git: None,
        name: "mm-bot".to_owned(),
        provenance: Provenance {
            builder: "mmops 0.0.0".to_owned(),
            encoder: ENCODER.to_owned(),
            plan: Named { path: "built-in".to_owned(), sha256: "00".repeat(32) },
            ..Provenance::default()
        },
        schema: manifest::SCHEMA.to_owned(),
        seal: String::new(),
        version: "1.2.3".to_owned(),
    };
    manifest.sealed()
}

fn entries_of(contents: &BTreeMap<String, Vec<u8>>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = contents.iter().map(|(name, content)| Entry::new(name, content)).collect();
    entries.push(Entry::new(manifest::FILE_NAME, manifest_of(contents).as_bytes()));
    entries
}

fn contents(random: &mut Rng) -> BTreeMap<String, Vec<u8>> {
    let names = ["README.md", "VERSION", "deploy/a.yml", "deploy/b.yaml", "reports/r.json"];
    let content = |(i, name): (usize, &&str)| {
        let content = if i == 3 { noise(random, 300) } else { text(random, 200 + 40 * i) };
        ((*name).to_owned(), content)
    };
    names.iter().enumerate().map(content).collect()
}

/// Every reason why these bytes are refused, given the hash that lies beside them.
fn violations(archive: &[u8], hash: &str) -> Vec<String> {
    let length = archive.len() as u64;
    let hash_all = |members: &[&Header], time: DosTime| {
        let members = members.iter().map(|member| hash_member(&archive, member, time)).collect();
        Ok((hash_archive(&archive, length), members))
    };
    let Inspected { checks, sha256, .. } =
        inspect(&archive, length, NAME, NOW.parse().expect("a time"), &hash_all).expect("asked");
    let sidecar = check::sidecar(&format!("{hash}  {NAME}\n"), NAME, &sha256.expect("memory can be read"));
    let all = checks.iter().chain([&sidecar]).flat_map(|check| &check.violations);
    all.map(|violation| violation.kind.to_owned()).collect()
}

/// The places of deflated data, where another spelling of the same content is possible.
fn deflated(entries: &[Entry]) -> Vec<std::ops::Range<usize>> {
    let mut at = 0;
    let mut ranges = Vec::new();
    for entry in entries {
        let start = at + entry.header.local(time()).len();
        at = start + entry.packed.len() + entry.header.descriptor().len();
        if entry.header.method == Method::Deflated {
            ranges.push(start..start + entry.packed.len());
        }
    }
    ranges
}

/// One change: its name, the changed bytes, the hash beside them, and a reason it must be refused for.
#[expect(clippy::too_many_lines, reason = "a table of changes, one arm each")]
fn change(
    which: u64,
    good: &BTreeMap<String, Vec<u8>>,
    entries: &[Entry],
    random: &mut Rng,
) -> (&'static str, Vec<u8>, String, &'static str) {
    let mut entries = entries.to_vec();
    let last = entries.len() - 1;
    let one = random.usize(..last);
    let other = (one + 1 + random.usize(..last - 1)) % last;
    let original = assemble(&entries, &[]);
    let resealed = |bytes: Vec<u8>, name, kind| {
        let hash = sha256(&bytes);
        (name, bytes, hash, kind)
    };
    let renamed = |entries: &mut Vec<Entry>, name: &str| entries[one].header.name = name.as_bytes().to_vec();
    let slips = ["../../etc/cron.d/x", "/etc/passwd", "a/../../b", "C:\\x", "..\\..\\x", "a\0b", "x/"];
    match which {
        0 => {
            let mut bytes = original.clone();
            let at = random.usize(..bytes.len() * 8);
            bytes[at / 8] ^= 1 << (at % 8);
            ("flipped bit", bytes, sha256(&original), "archive-hash")
        }
        1 => {
            let mut bytes = original;
            let data = deflated(&entries);
            let at = loop {
                let at = random.usize(..bytes.len());
                if !data.iter().any(|range| range.contains(&at)) {
                    break at;
                }
            };
            bytes[at] ^= 1 << random.usize(..8);
            resealed(bytes, "flipped bit outside deflated data, resealed", "")
        }
        2 => {
            let length = random.usize(..original.len());
            resealed(original[..length].to_vec(), "truncation", "")
        }
        3 => {
            entries.swap(one, other);
            resealed(assemble(&entries, &[]), "swapped entries", "entry-order")
        }
        4 => {
            let (first, second) = (entries[one].packed.clone(), entries[other].packed.clone());
            (entries[one].packed, entries[other].packed) = (second, first);
            let headers = (entries[one].header.clone(), entries[other].header.clone());
            entries[one].header = Header { name: headers.0.name, ..headers.1.clone() };
            entries[other].header = Header { name: headers.1.name, ..headers.0 };
            resealed(assemble(&entries, &[]), "swapped contents", "forged-size")
        }
        5 => {
            renamed(&mut entries, "deploy/c.yml");
            resealed(assemble(&entries, &[]), "renamed entry", "missing-entry")
        }
        6 => {
            let mut offset = 0;
            for entry in &entries[..one] {
                offset += (entry.header.local(time()).len() + entry.packed.len()) as u64;
            }
            let local = Header { name: b"../x".to_vec(), offset, ..entries[one].header.clone() };
            entries[one].local = Some(local);
            resealed(assemble(&entries, &[]), "local name", "local-name")
        }
        7 => {
            let copy = entries[one].clone();
            entries.insert(other, copy);
            resealed(assemble(&entries, &[]), "duplicated entry", "duplicate-entry")
        }
        8 => {
            entries[one].header.bytes += 1 + random.u64(..) % (1 << 40);
            resealed(assemble(&entries, &[]), "forged size", "forged-size")
        }
        9 => {
            entries[one].header.packed += 1 + random.u64(..) % 1000;
            resealed(assemble(&entries, &[]), "forged packed size", "")
        }
        10 => {
            let name = slips[random.usize(..slips.len())];
            let mut slipped = good.clone();
            slipped.insert(name.to_owned(), text(random, 50));
            resealed(assemble(&entries_of(&slipped), &[]), "a name that leaves, in the manifest too", "-name")
        }
        11 => {
            entries[one].kind = Some([0o120_777, 0o040_755, 0o020_600, 0o010_644][random.usize(..4)]);
            resealed(assemble(&entries, &[]), "link or device", "-entry")
        }
        12 => {
            let bomb = Entry::new("bomb", &vec![0; 3_000_000]);
            let declared =
                if random.u64(..).is_multiple_of(2) { entries[one].header.bytes } else { 3_000_000 };
            let name = entries[one].header.name.clone();
            entries[one] = Entry { header: Header { name, bytes: declared, ..bomb.header.clone() }, ..bomb };
            let kind = if declared == 3_000_000 { "forged-size" } else { "larger-than-declared" };
            resealed(assemble(&entries, &[]), "bomb", kind)
        }
        13 => {
            let length = 1 + random.usize(..40);
            let foreign = noise(random, length);
            let (bytes, kind) = match random.usize(..3) {
                0 => (assemble(&entries, &foreign), "gap"),
                1 => ([foreign, original].concat(), ""),
                _ => ([original, foreign].concat(), ""),
            };
            resealed(bytes, "foreign bytes", kind)
        }
        14 => {
            let mut content = good.values().nth(one).expect("a file").clone();
            let at = random.usize(..content.len());
            content[at] ^= 1;
            let name = String::from_utf8(entries[one].header.name.clone()).expect("ours");
            entries[one] = Entry::new(&name, &content);
            resealed(assemble(&entries, &[]), "changed content with its own CRC", "content")
        }
        15 => {
            entries.remove(one);
            resealed(assemble(&entries, &[]), "removed entry", "missing-entry")
        }
        16 => {
            let length = random.usize(..90);
            entries.insert(one, Entry::new("zz/extra", &text(random, length)));
            resealed(assemble(&entries, &[]), "added entry", "extra-entry")
        }
        17 => {
            entries[one].flags = 1;
            resealed(assemble(&entries, &[]), "encrypted entry", "encrypted-entry")
        }
        18 => {
            entries[one].packed.extend(text(random, 10));
            entries[one].header.packed += 10;
            let is_stored = entries[one].header.method == Method::Stored;
            resealed(
                assemble(&entries, &[]),
                "data behind data",
                if is_stored { "forged-size" } else { "foreign-bytes" },
            )
        }
        _ => {
            let mut clashing = good.clone();
            clashing.insert("readme.MD".to_owned(), text(random, 60));
            resealed(
                assemble(&entries_of(&clashing), &[]),
                "names equal when case is folded",
                "ambiguous-name",
            )
        }
    }
}

#[test]
fn a_bundle_that_nobody_changed_is_accepted() {
    let good = contents(&mut Rng::with_seed(7));
    let bytes = assemble(&entries_of(&good), &[]);
    assert_eq!(violations(&bytes, &sha256(&bytes)), [""; 0]);
}

#[test]
fn a_bill_of_materials_is_that_of_the_bundle() {
    for (name, refused) in [("mm-bot", vec![]), ("other", vec!["sbom".to_owned()])] {
        let mut good = contents(&mut Rng::with_seed(7));
        let bill =
            format!("{{\"metadata\": {{\"component\": {{\"name\": \"{name}\", \"version\": \"1.2.3\"}}}}}}");
        good.insert(manifest::SBOM_NAME.to_owned(), bill.into_bytes());
        let bytes = assemble(&entries_of(&good), &[]);
        assert_eq!(violations(&bytes, &sha256(&bytes)), refused);
    }
}

#[test]
fn every_change_of_a_bundle_is_refused_with_a_named_reason() {
    let mut random = Rng::with_seed(0x5eed_cafe);
    let good = contents(&mut random);
    let entries = entries_of(&good);
    for round in 0..CHANGES {
        let (name, bytes, hash, kind) = change(round % 20, &good, &entries, &mut random);
        let found = violations(&bytes, &hash);
        assert!(!found.is_empty(), "round {round}: {name} was accepted");
        assert!(found.iter().any(|found| found.ends_with(kind)), "round {round}: {name}: {found:?}");
    }
}

#[test]
fn every_bit_around_the_data_of_a_streamed_member_counts() {
    let content = b"order filled at 61234.5\n".repeat(60_000);
    let mut random = Rng::with_seed(11);
    let mut good = contents(&mut random);
    good.insert("events.jsonl".to_owned(), content.clone());
    let mut entries = entries_of(&good);
    let place = entries.iter().position(|entry| entry.header.name == b"events.jsonl").expect("there");
    let mut deflater = Deflater::default();
    let packed = [
        deflater.deflate(&content[..1 << 20], Place::Inner),
        deflater.deflate(&content[1 << 20..], Place::Last),
    ];
    entries[place].packed = packed.concat();
    entries[place].header.packed = entries[place].packed.len() as u64;
    entries[place].header.form = Form::Streamed;
    let bytes = assemble(&entries, &[]);
    assert_eq!(violations(&bytes, &sha256(&bytes)), [""; 0]);
    let data = deflated(&entries);
    let around = (0..bytes.len()).filter(|at| !data.iter().any(|range| range.contains(at)));
    for at in around.step_by(7) {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(!violations(&changed, &sha256(&changed)).is_empty(), "byte {at}");
    }
}
