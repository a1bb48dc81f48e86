//! Ways to change a signed bundle, its hash, its statement and its signature: each must be refused by who has the key.

use fastrand::Rng;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// What `bundle create --sign` makes: by the ending of each file's name, the archive's being empty.
pub type Signed = BTreeMap<&'static str, Vec<u8>>;

pub const ENDINGS: [&str; 4] = ["", ".sha256", ".provenance.json", ".minisig"];

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One more change: its name, and the files that lie there after it. `others` are whole bundles that are not this one.
pub fn changed(good: &Signed, others: &[Signed], round: u64, random: &mut Rng) -> (&'static str, Signed) {
    loop {
        let (name, files) = change(good, others, round, random);
        if files != *good {
            return (name, files);
        }
    }
}

fn change(good: &Signed, others: &[Signed], round: u64, random: &mut Rng) -> (&'static str, Signed) {
    let mut files = good.clone();
    let ending = ENDINGS[random.usize(..4)];
    let text = ENDINGS[1 + random.usize(..3)];
    let length = good[ending].len();
    let name = match round % 12 {
        0 => {
            flip(files.get_mut(ending).unwrap(), random);
            "a bit of any file"
        }
        1 => {
            flip(files.get_mut("").unwrap(), random);
            "a bit of the archive"
        }
        2 => {
            flip(files.get_mut(text).unwrap(), random);
            "a bit beside the archive"
        }
        3 => {
            files.get_mut(ending).unwrap().truncate(random.usize(..length));
            "an end that is missing"
        }
        4 => {
            let more: Vec<u8> = (0..=random.usize(..20)).map(|_| b"\n 0\0"[random.usize(..4)]).collect();
            files.get_mut(ending).unwrap().extend(more);
            "an end that is too long"
        }
        5 => {
            files.remove(text);
            "a file that is missing"
        }
        6 => {
            let other = &others[random.usize(..others.len())];
            let which = 1 + random.usize(..15);
            let taken = ENDINGS.into_iter().enumerate().filter(|(bit, _)| which >> bit & 1 == 1);
            files.extend(taken.map(|(_, ending)| (ending, other[ending].clone())));
            "files of another bundle"
        }
        7 => {
            let statement = String::from_utf8(good[".provenance.json"].clone()).unwrap();
            let quoted: Vec<&str> = statement.split('"').collect();
            let at = 1 + 2 * random.usize(..quoted.len() / 2);
            let zeros = "0".repeat(64);
            let by = ["", "0", "null", &zeros][random.usize(..4)];
            let parts: Vec<&str> =
                quoted.iter().enumerate().map(|(i, part)| if i == at { by } else { part }).collect();
            files.insert(".provenance.json", parts.join("\"").into_bytes());
            "a value of the statement"
        }
        8 => {
            let mut lines: Vec<&[u8]> = good[text].split_inclusive(|byte| *byte == b'\n').collect();
            lines.remove(random.usize(..lines.len()));
            files.insert(text, lines.concat());
            "a line that is missing"
        }
        9 => {
            let before = sha256(&good[""]);
            flip(files.get_mut("").unwrap(), random);
            let after = sha256(&files[""]);
            for ending in [".sha256", ".provenance.json"] {
                let text = String::from_utf8(good[ending].clone()).unwrap();
                files.insert(ending, text.replace(&before, &after).into_bytes());
            }
            "a bit of the archive, its hash made anew everywhere"
        }
        10 => {
            let (one, other) = (random.usize(..length), random.usize(..length));
            files.get_mut(ending).unwrap().swap(one, other);
            "two bytes that change places"
        }
        _ => {
            let from = random.usize(..length);
            let to = from + random.usize(..length - from);
            let range = good[ending][from..=to.min(length - 1)].to_vec();
            let at = random.usize(..length);
            files.get_mut(ending).unwrap().splice(at..at, range);
            "bytes that come twice"
        }
    };
    (name, files)
}

fn flip(bytes: &mut [u8], random: &mut Rng) {
    let at = random.usize(..bytes.len() * 8);
    bytes[at / 8] ^= 1 << (at % 8);
}
