//! `bundle create` against Python's `zipfile` with `hashlib` and against 7-Zip, `bundle verify` against
//! Python's `zipfile -t`, over one tree, in turns in one run.
//!
//! `cargo bench --bench bundle -- [DIR]`: DIR is a tree to bundle; without it a mixed one of 256 MiB is made.
//! `cargo bench --bench bundle -- changes [COUNT]` changes a signed bundle in ten thousand ways, each of which
//! `bundle verify --key` must refuse; the tests run a sample.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    unreachable_pub,
    clippy::must_use_candidate,
    reason = "a bench measures the world"
)]

mod changes;

use changes::{ENDINGS, Signed};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 3;
const ZIP: &str = "out/mm-bot-v1.0.0.zip";

/// Hashes and deflates every file, as a release script in Python does it.
const PYTHON: &str = r#"
import hashlib, os, sys, zipfile
root, out = sys.argv[1:]
def digest(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(4096), b""): h.update(block)
    return h.hexdigest()
files = sorted(os.path.join(d, f) for d, _, names in os.walk(root) for f in names)
hashes = [digest(f) for f in files]
with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
    for f in files: z.write(f, os.path.relpath(f, root))
digest(out)
"#;

fn generate(dir: &Path) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for (index, size) in (0..).zip([64 << 20, 24 << 20, 24 << 20, 16 << 20].into_iter().chain([1 << 18; 512]))
    {
        let mut data: Vec<u8> = Vec::with_capacity(size + 200);
        while data.len() < size {
            let random = next();
            match index % 4 {
                3 => data.extend(random.to_le_bytes()),
                _ => data.extend(
                    format!(
                        "{{\"ts\":17{:011},\"px\":{}.{:02},\"id\":\"{random:016x}\"}}\n",
                        random >> 30,
                        60_000 + random % 999,
                        random % 100
                    )
                    .bytes(),
                ),
            }
        }
        fs::write(dir.join(format!("{index:04}")), &data[..size]).unwrap();
    }
}

fn timed(command: &mut Command) -> Duration {
    let started = Instant::now();
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(status.is_ok_and(|status| status.success()), "{command:?}");
    started.elapsed()
}

fn shown(name: &str, times: &mut [Duration], bytes: u64) -> f64 {
    times.sort();
    let (median, first, last) = (times[times.len() / 2], times[0], times[times.len() - 1]);
    println!(
        "{name:<28} {:6.2} s ({:.2}..{:.2})  {:.1} MB",
        median.as_secs_f64(),
        first.as_secs_f64(),
        last.as_secs_f64(),
        bytes as f64 / 1e6
    );
    median.as_secs_f64()
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

/// Ten thousand changes of a signed bundle, and who accepted one.
fn refuse_changes(count: u64) {
    let work = tempfile::tempdir().unwrap();
    let root = work.path();
    for name in ["ours", "theirs"] {
        let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
        fs::write(root.join(format!("{name}.key")), pair.sk.to_box(None).unwrap().to_string()).unwrap();
        fs::write(root.join(format!("{name}.pub")), pair.pk.to_box().unwrap().to_string()).unwrap();
    }
    let plan = "name: mm-bot\nout: out\ncontents:\n  - {glob: 'data/*', description: data}\n";
    fs::write(root.join("plan.yaml"), plan).unwrap();
    fs::create_dir(root.join("data")).unwrap();
    for at in 0..8 {
        fs::write(root.join(format!("data/{at}")), format!("{at} of some lines of text\n").repeat(9 * at))
            .unwrap();
    }
    let mmops = |line: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mmops"));
        command.args(line.split(' ')).current_dir(root).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().unwrap().code()
    };
    let made = |line: &str, version: &str| -> Signed {
        let line = format!("bundle create --plan plan.yaml --replace --version {version} {line}");
        assert_eq!(mmops(&line), Some(0));
        let read = |ending| fs::read(root.join(format!("out/mm-bot-v{version}.zip{ending}"))).unwrap();
        ENDINGS.into_iter().map(|ending| (ending, read(ending))).collect()
    };
    let others = [made("--sign ours.key", "1.0.1"), made("--include plan.yaml --sign theirs.key", "1.0.0")];
    let good = made("--sign ours.key", "1.0.0");
    let verify = |files: &Signed| {
        for ending in ENDINGS {
            let path = root.join(format!("{ZIP}{ending}"));
            let _ = fs::remove_file(&path);
            if let Some(bytes) = files.get(ending) {
                fs::write(path, bytes).unwrap();
            }
        }
        mmops(&format!("bundle verify {ZIP} --key ours.pub --jobs 1"))
    };
    assert_eq!(verify(&good), Some(0), "what nobody changed");
    let (mut random, mut tried) = (fastrand::Rng::with_seed(0x5eed_cafe), BTreeMap::new());
    for round in 0..count {
        let (name, files) = changes::changed(&good, &others, round, &mut random);
        assert_eq!(verify(&files), Some(1), "round {round}: {name}");
        *tried.entry(name).or_insert(0) += 1;
    }
    for (name, count) in tried {
        println!("{count:>6} x {name}: refused");
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    if words.first().is_some_and(|word| word == "changes") {
        return refuse_changes(words.get(1).map_or(10_000, |count| count.parse().unwrap()));
    }
    let given = words.first().map(PathBuf::from);
    let work = tempfile::tempdir().unwrap();
    let root = work.path().join("root");
    fs::create_dir_all(&root).unwrap();
    let data = root.join("data");
    if let Some(dir) = &given {
        // A link would leave the root; a second name for the same directory needs no copy.
        let copied = Command::new("cp").args(["-rl"]).arg(dir).arg(&data).status().unwrap();
        assert!(copied.success());
    } else {
        fs::create_dir(&data).unwrap();
        generate(&data);
    }
    fs::write(root.join("VERSION"), "1.0.0\n").unwrap();
    fs::write(
        root.join("plan.yaml"),
        "name: mm-bot\nout: out\ncontents:\n  - {glob: 'data/**', description: data}\n",
    )
    .unwrap();
    let mmops = |line: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mmops"));
        command.args(line.split(' ')).current_dir(&root);
        command
    };
    let (python_zip, seven_zip) = (work.path().join("python.zip"), work.path().join("seven.zip"));
    let mut times: [Vec<Duration>; 5] = std::array::from_fn(|_| Vec::new());
    for _ in 0..ROUNDS {
        times[0].push(timed(&mut mmops("bundle create --replace --plan plan.yaml")));
        times[1].push(timed(Command::new("python3").args(["-c", PYTHON]).arg(&data).arg(&python_zip)));
        let _ = fs::remove_file(&seven_zip);
        times[2].push(timed(
            Command::new("7z").args(["a", "-tzip", "-mx=1", "-mmt=2"]).arg(&seven_zip).arg(&data),
        ));
        times[3].push(timed(&mut mmops(&format!("bundle verify {ZIP}"))));
        times[4].push(timed(Command::new("python3").args(["-m", "zipfile", "-t"]).arg(root.join(ZIP))));
    }
    let ours = size(&root.join(ZIP));
    let [create, python, seven, verify, test] = &mut times;
    let create = shown("bundle create", create, ours);
    let python = shown("python zipfile + hashlib", python, size(&python_zip));
    let seven = shown("7z -mx=1 -mmt=2", seven, size(&seven_zip));
    let verify = shown("bundle verify", verify, ours);
    let test = shown("python -m zipfile -t", test, ours);
    println!(
        "create is {:.1} x python, {:.2} of 7z; verify is {:.2} of python",
        python / create,
        create / seven,
        verify / test
    );
}
