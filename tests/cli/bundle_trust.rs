//! What a bundle says of itself and where it comes from: held by who makes one and by who verifies one alike.

use crate::bundle::{RELEASE, keys, release_tree, sha256, tree};
use crate::canary::git;
use crate::changes::{self, ENDINGS, Signed};
use crate::sandbox::Sandbox;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

const ZIP: &str = "artifacts/release/mm-bot-v1.2.3.zip";
const STATEMENT: &str = "artifacts/release/mm-bot-v1.2.3.zip.provenance.json";

fn digest(text: impl AsRef<[u8]>) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The kinds of the reasons that a bundle is refused for; none when it verifies.
#[track_caller]
fn refusals(sandbox: &Sandbox, line: &str) -> Vec<String> {
    let output = sandbox.run(&format!("bundle verify {line} --format json"));
    let report = output.json();
    let kinds: Vec<String> = report["refusals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(output.code, Some(i32::from(!kinds.is_empty())), "{report:#}");
    kinds
}

#[test]
fn a_statement_is_made_of_the_manifest_and_held_to_it() {
    let sandbox = tree()
        .unrecorded("signatures and refusals of many kinds")
        .file("data/a", "a")
        .file("plan.yaml", PLAN);
    keys(&sandbox, "ours");
    sandbox.run("bundle --plan plan.yaml --include data/* --sign ours.key").code(0);
    let statement = sandbox.read(STATEMENT);
    let document = sandbox.json(STATEMENT);
    let definition = &document["predicate"]["buildDefinition"];
    assert_eq!(definition["buildType"], "urn:mmops:build-type:bundle-create:v1");
    assert_eq!(document["predicate"]["runDetails"]["builder"]["id"], "urn:mmops:builder:operator");
    let parameters = &definition["externalParameters"];
    assert_eq!(parameters["include"], json!(["data/*"]));
    let plan = json!({"name": "plan.yaml", "digest": {"sha256": digest(PLAN)}});
    assert_eq!(parameters["plan"], plan);
    let signature = sandbox.read(&format!("{ZIP}.minisig"));
    assert!(signature.contains(&format!("\tprovenance:{}\n", digest(&statement))), "{signature}");
    assert_eq!(refusals(&sandbox, &format!("{ZIP} --key ours.pub")), [""; 0]);
    for changed in [
        statement.replace(&sha256(&sandbox), &"0".repeat(64)),
        statement.replace("data/*", "data/**"),
        statement.replace("urn:mmops:builder:operator", "urn:example:trusted"),
        statement.replace('\n', ""),
        String::new(),
    ] {
        sandbox.write(STATEMENT, changed);
        assert_eq!(refusals(&sandbox, ZIP), ["provenance", "signature-provenance"]);
    }
    fs::remove_file(sandbox.path(STATEMENT)).unwrap();
    assert_eq!(refusals(&sandbox, ZIP), ["provenance-missing", "signature-provenance"]);
}

const PLAN: &str = "name: mm-bot\nout: artifacts/release\ncontents:\n  - {path: VERSION, description: v}\n";

/// Unpacks the archive of a sandbox into `folder`.
fn unpacked(sandbox: &Sandbox) {
    let mut archive = zip::ZipArchive::new(fs::File::open(sandbox.path(ZIP)).unwrap()).unwrap();
    archive.extract(sandbox.path("folder")).unwrap();
}

/// Changes the manifest of `folder` and seals it anew, as who knows the format would.
fn resealed(sandbox: &Sandbox, change: impl FnOnce(&mut Value)) {
    let mut manifest = sandbox.json("folder/MANIFEST.json");
    change(&mut manifest);
    let text = |manifest: &Value| format!("{}\n", serde_json::to_string_pretty(manifest).unwrap());
    manifest["seal"] = "".into();
    manifest["seal"] = digest(text(&manifest)).into();
    sandbox.write("folder/MANIFEST.json", text(&manifest));
}

#[test]
fn what_no_bundle_is_made_with_is_refused_where_one_is_verified() {
    let sandbox = tree().unrecorded("a table of refusals");
    git(&sandbox, &["init", "-q"]);
    git(&sandbox, &["add", "."]);
    git(&sandbox, &["commit", "-q", "-m", "all"]);
    sandbox.run("bundle").code(0);
    unpacked(&sandbox);
    resealed(&sandbox, |_| ());
    assert_eq!(refusals(&sandbox, "folder"), [""; 0]);
    let good = sandbox.read("folder/MANIFEST.json");
    for (pointer, value, kind) in [
        ("/version", json!("latest; rm -rf"), "manifest"),
        ("/version", json!(""), "manifest"),
        ("/name", json!("../../x"), "manifest"),
        ("/git/commit", json!("zzz"), "manifest"),
        ("/git/commit", json!("0".repeat(40)), "manifest"),
        ("/provenance/encoder", json!("zopfli"), "manifest"),
        ("/provenance/include", json!(["../x"]), "manifest"),
        ("/provenance/absent", json!(["x"]), "manifest"),
        ("/created_at", json!("yesterday"), "manifest"),
        ("/created_at", json!("2099-01-01T00:00:00Z"), "clock"),
        ("/files/0/sha256", json!("AB"), "manifest"),
        ("/provenance/plan/sha256", json!(""), "manifest"),
        ("/provenance/builder", json!("trusted"), "manifest"),
        ("/provenance/evidence", json!(["x"]), "manifest"),
    ] {
        let (above, name) = pointer.rsplit_once('/').unwrap();
        resealed(&sandbox, |manifest| match manifest.pointer_mut(pointer) {
            Some(place) => *place = value.clone(),
            None => manifest.pointer_mut(above).unwrap()[name] = value.clone(),
        });
        assert!(refusals(&sandbox, "folder").contains(&kind.to_owned()), "{pointer} {value}");
        sandbox.write("folder/MANIFEST.json", &good);
    }
    // The same archive as that of another version, all that lies beside it made for that.
    let other = "artifacts/release/mm-bot-v1.2.4.zip";
    fs::copy(sandbox.path(ZIP), sandbox.path(other)).unwrap();
    for ending in [".sha256", ".provenance.json"] {
        let text = sandbox.read(&format!("{ZIP}{ending}")).replace("v1.2.3", "v1.2.4");
        sandbox.write(&format!("{other}{ending}"), text);
    }
    assert!(refusals(&sandbox, other).contains(&"archive-name".to_owned()));
    for (name, value) in [("SOURCE_DATE_EPOCH", "4102444800"), ("SOURCE_DATE_EPOCH", "-9999999999999")] {
        tree().unrecorded("a table").env(name, value).run("bundle").error(3);
    }
}

#[test]
fn a_commit_is_claimed_only_for_files_that_it_has() {
    let sandbox = tree().hide(("[0-9a-f]{12,40}", "[COMMIT]")).unrecorded("it is a table");
    for (path, text) in [
        ("data/kept", "kept"),
        ("data/assumed", "before"),
        ("data/run.sh", "#!/bin/sh\n"),
        ("data/sub/x", "x"),
        (".gitignore", "artifacts/\n*.log\n"),
        ("Cargo.lock", LOCK),
    ] {
        sandbox.write(path, text);
    }
    std::os::unix::fs::symlink("kept", sandbox.path("data/link")).unwrap();
    git(&sandbox, &["init", "-q"]);
    git(&sandbox, &["add", "."]);
    git(&sandbox, &["commit", "-q", "-m", "all"]);
    let made = || {
        let report =
            sandbox.run("bundle create --sbom --replace --include data/** --format json").code(0).json();
        let _ = fs::remove_dir_all(sandbox.path("folder"));
        unpacked(&sandbox);
        let manifest = sandbox.json("folder/MANIFEST.json");
        assert_eq!(manifest["provenance"]["evidence"], json!(["reports/readiness.json"]));
        let uncommitted = manifest["provenance"]["uncommitted"].clone();
        assert_eq!(
            report["uncommitted"],
            if uncommitted.is_null() { json!([]) } else { uncommitted.clone() }
        );
        (manifest["git"]["dirty"].as_bool().unwrap(), uncommitted)
    };
    assert_eq!(made(), (false, Value::Null));
    // What git does not look at: by its own list, by what it was told of the index and of modes.
    git(&sandbox, &["update-index", "--assume-unchanged", "data/assumed"]);
    git(&sandbox, &["config", "core.fileMode", "false"]);
    sandbox.write("data/assumed", "after");
    sandbox.write("data/ignored.log", "x");
    sandbox.write("data/untracked", "x");
    let mode =
        |path: &str, mode| fs::set_permissions(sandbox.path(path), fs::Permissions::from_mode(mode)).unwrap();
    mode("data/run.sh", 0o755);
    fs::remove_file(sandbox.path("data/link")).unwrap();
    std::os::unix::fs::symlink("sub/x", sandbox.path("data/link")).unwrap();
    git(&sandbox, &["update-index", "--assume-unchanged", "data/link", "Cargo.lock"]);
    sandbox.write("Cargo.lock", LOCK.replace("serde", "serbe"));
    let expected =
        ["Cargo.lock", "data/assumed", "data/ignored.log", "data/link", "data/run.sh", "data/untracked"];
    assert_eq!(made(), (true, json!(expected)));
    sandbox
        .run("bundle --replace --include data/**")
        .code(0)
        .stdout_has("`data/assumed` is not in the commit as it was bundled");
    // A commit of the same bytes makes it clean again; of a part of a repository too.
    git(&sandbox, &["update-index", "--no-assume-unchanged", "data/assumed", "data/link", "Cargo.lock"]);
    git(&sandbox, &["update-index", "--chmod=+x", "data/run.sh"]);
    git(&sandbox, &["add", "-f", "data", "Cargo.lock"]);
    git(&sandbox, &["commit", "-q", "-m", "more"]);
    assert_eq!(made(), (false, Value::Null));
    sandbox.write("data/VERSION", "0.1.0");
    sandbox.write("data/plan.yaml", PLAN);
    git(&sandbox, &["add", "."]);
    git(&sandbox, &["commit", "-q", "-m", "part"]);
    let report = sandbox.run("--root data bundle create --plan plan.yaml --format json").code(0).json();
    assert_eq!(report["uncommitted"], json!([]));
    // An object that does not hold what its id says vouches for nothing, though git hands it out.
    fs::remove_dir_all(sandbox.path("data/artifacts")).unwrap();
    sandbox.write("artifacts/evil", "evil");
    let object = |id: &str| sandbox.path(&format!(".git/objects/{}/{}", &id[..2], id[2..].trim()));
    let own = object(&git(&sandbox, &["rev-parse", "HEAD:data/assumed"]));
    let other = object(&git(&sandbox, &["hash-object", "-w", "artifacts/evil"]));
    fs::remove_file(&own).unwrap();
    fs::copy(other, own).unwrap();
    sandbox.write("data/assumed", "evil");
    git(&sandbox, &["update-index", "--assume-unchanged", "data/assumed"]);
    assert_eq!(made(), (true, json!(["data/assumed"])));
}

/// A repository of the whole tree with these files more.
fn committed(files: &[(&str, &str)]) -> Sandbox {
    let sandbox = tree().unrecorded("a table");
    for (path, text) in files {
        sandbox.write(path, text);
    }
    git(&sandbox, &["init", "-q"]);
    git(&sandbox, &["add", "-f", "."]);
    git(&sandbox, &["commit", "-q", "-m", "all"]);
    sandbox
}

/// What is in the commit and not in the archive, the plan itself, evidence that the commit has, and code that passes for
/// evidence by its path.
#[test]
fn a_commit_is_claimed_only_by_what_has_all_of_it() {
    let plan = "name: mm-bot\nout: dist\ncontents:\n  - {glob: 'docs/*.md', description: d, required: false}\n  \
                - {glob: 'artifacts/*', description: e, required: false}\n";
    let sandbox =
        committed(&[("docs/a.md", "a"), ("docs/b.md", "b"), ("artifacts/r.json", "{}"), ("plan.yaml", plan)]);
    let made = || {
        let line = "bundle create --plan plan.yaml --replace --format json";
        let report = sandbox.run(line).code(0).json();
        let row = report["rows"].as_array().unwrap().iter().find(|row| row["name"] == "revision").unwrap();
        let _ = sandbox.run("bundle verify dist/mm-bot-v1.2.3.zip").code(0);
        row["reasons"].clone()
    };
    let assumed = |path: &str| drop(git(&sandbox, &["update-index", "--assume-unchanged", path]));
    assert_eq!(made(), Value::Null);
    assumed("docs/b.md");
    fs::remove_file(sandbox.path("docs/b.md")).unwrap();
    assert_eq!(made(), json!(["`docs/b.md` is in the commit, and not in the bundle"]));
    sandbox.write("docs/b.md", "b");
    assumed("plan.yaml");
    sandbox.write("plan.yaml", format!("{plan}# more\n"));
    assert_eq!(made(), json!(["`plan.yaml` is not in the commit as it was bundled"]));
    sandbox.write("plan.yaml", plan);
    assumed("artifacts/r.json");
    sandbox.write("artifacts/r.json", "[]");
    assert_eq!(made(), json!(["`artifacts/r.json` is not in the commit as it was bundled"]));
    sandbox.write("artifacts/r.json", "{}");
    sandbox.write(".git/info/exclude", "dist\ncode\nartifacts\n");
    assert_eq!(made(), Value::Null);
    fs::rename(sandbox.path("artifacts"), sandbox.path("code")).unwrap();
    std::os::unix::fs::symlink("code", sandbox.path("artifacts")).unwrap();
    sandbox.write("code/x.json", "{}");
    assert_eq!(made(), json!(["`artifacts/x.json` is not in the commit as it was bundled"]));
    let _ = fs::remove_file(sandbox.path("docs/a.md"));
    std::os::unix::fs::symlink("../.git/config", sandbox.path("docs/a.md")).unwrap();
    let output = sandbox.run("bundle create --plan plan.yaml --replace");
    let _ = output.error(3).stderr_has("a link to what git keeps for itself");
    sandbox.write(".git/HEAD", "garbage\n");
    let _ = sandbox.run("bundle create").error(5).stderr_has("not a git repository");
}

/// A deployed tree is what was bundled and no more, as its system sees it.
#[test]
fn a_deployed_tree_has_the_modes_the_manifest_and_no_file_more() {
    let sandbox = tree().unrecorded("a table");
    let _ = sandbox.run("bundle").code(0);
    unpacked(&sandbox);
    let verify = || refusals(&sandbox, &format!("{ZIP} --against folder"));
    assert_eq!(verify(), [""; 0]);
    let mode = |mode| fs::set_permissions(sandbox.path("folder/VERSION"), fs::Permissions::from_mode(mode));
    for (bits, is_good) in
        [(0o4755, false), (0o2644, false), (0o666, false), (0o755, false), (0o600, true), (0o664, true)]
    {
        mode(bits).unwrap();
        let line = format!("bundle verify {ZIP} --against folder");
        let output = sandbox.run(&line);
        assert_eq!(output.code, Some(i32::from(!is_good)), "{bits:o}");
        assert_eq!(output.stdout.contains(&format!("has the mode {bits:04o}")), !is_good, "{bits:o}");
        assert_eq!(refusals(&sandbox, "folder").is_empty(), is_good, "{bits:o}");
    }
    mode(0o644).unwrap();
    sandbox.write("folder/artifacts/run.log", "x");
    assert_eq!(verify(), [""; 0]);
    sandbox.write("folder/extra.py", "x");
    assert_eq!(verify(), ["extra-entry"]);
    fs::remove_file(sandbox.path("folder/extra.py")).unwrap();
    resealed(&sandbox, |manifest| manifest["name"] = json!("other"));
    assert_eq!(verify(), ["content"]);
}

/// No file of a run takes the place of one that it reads, or leads to one.
#[test]
fn nothing_is_written_over_what_a_bundle_is_made_of() {
    let sandbox =
        tree().file("data/a.xml", "x").file(".gitignore", "x").file("Cargo.lock", LOCK).unrecorded("a table");
    keys(&sandbox, "ours");
    for (line, side) in [
        ("bundle --include data/**", "data/a.xml"),
        ("bundle --include data/** --include .git*", "./data/../data/a.xml"),
        ("bundle --include .gitignore", ".gitignore"),
        ("bundle --sbom", "Cargo.lock"),
        ("bundle", "VERSION"),
        ("bundle", "artifacts/release/mm-bot-v1.2.3.zip.sha256"),
        ("bundle", "deploy/policies/rollback.yaml"),
    ] {
        for option in ["--junit", "--metrics-file"] {
            let _ = sandbox.run(&format!("{line} {option} {side}")).error(64);
        }
    }
    let key = sandbox.read("ours.key");
    fs::create_dir_all(sandbox.path("artifacts/release")).unwrap();
    for (ending, target) in [
        (".sha256", "../../ours.key"),
        (".minisig", "../../ours.key"),
        (".sha256", "mm-bot-v1.2.3.zip"),
        ("", "../../VERSION"),
    ] {
        let link = sandbox.path(&format!("{ZIP}{ending}"));
        std::os::unix::fs::symlink(target, &link).unwrap();
        let _ =
            sandbox.run("bundle --sign ours.key --replace").error(3).stderr_has("would be written through");
        fs::remove_file(link).unwrap();
    }
    assert_eq!((sandbox.read("ours.key"), sandbox.read("VERSION")), (key, "1.2.3\n".to_owned()));
}

/// A bundle is replaced when that could be said, its signature too.
#[test]
fn a_bundle_outlives_a_run_that_could_not_say_that_it_replaced_it() {
    let sandbox = tree().unrecorded("stdout is no file");
    keys(&sandbox, "ours");
    let _ = sandbox.run("bundle --sign ours.key").code(0);
    let state = || {
        let files = sandbox.files().into_iter().filter(|path| path.starts_with("artifacts/release/"));
        files.map(|path| (path.clone(), fs::read(sandbox.path(&path)).unwrap())).collect::<Vec<_>>()
    };
    let before = state();
    sandbox.write("README.md", "# other\n");
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_mmops"))
        .args(["bundle", "create", "--replace", "--now", crate::sandbox::NOW])
        .current_dir(sandbox.root())
        .stdout(full)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(5));
    assert!(state() == before, "{:?}", sandbox.files());
    let _ = sandbox.run(&format!("bundle verify {ZIP} --key ours.pub")).code(0);
    let _ = sandbox.run("bundle create --replace").code(0);
    assert!(!sandbox.path(&format!("{ZIP}.minisig")).exists());
}

const LOCK: &str = "version = 4\n\n[[package]]\nname = \"serde\"\nversion = \"1.0.229\"\n";

/// Waits until a process has a file open.
fn opened(child: &mut std::process::Child, path: &Path) {
    let dir = format!("/proc/{}/fd", child.id());
    loop {
        let Ok(open) = fs::read_dir(&dir) else { return };
        let mut targets = open.flatten().flat_map(|entry| fs::read_link(entry.path()));
        if targets.any(|target| target == path) {
            return;
        }
        assert!(child.try_wait().unwrap().is_none(), "it ended before it opened the archive");
    }
}

#[test]
fn a_signature_is_of_the_bytes_that_were_read() {
    let sandbox = tree().unrecorded("signatures differ");
    keys(&sandbox, "ours");
    sandbox.run("bundle --sign ours.key").code(0);
    fs::rename(sandbox.path(ZIP), sandbox.path("good.zip")).unwrap();
    let signature = fs::read(sandbox.path(&format!("{ZIP}.minisig"))).unwrap();
    // Content that does not deflate, for time to put the signed archive in the place of the one that is read.
    let mut state = 1_u64;
    let noise: Vec<u8> = (0..24 << 20)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .collect();
    sandbox.write("evil/x", noise);
    sandbox.run("bundle --include evil/*").code(0);
    fs::write(sandbox.path(&format!("{ZIP}.minisig")), signature).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_mmops"))
        .args(["--now", crate::sandbox::NOW, "bundle", "verify", ZIP, "--key", "ours.pub", "--jobs", "1"])
        .current_dir(sandbox.root())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    opened(&mut child, &fs::canonicalize(sandbox.path(ZIP)).unwrap());
    fs::rename(sandbox.path("good.zip"), sandbox.path(ZIP)).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_signature_vouches_for_what_was_found() {
    let sandbox = tree().unrecorded("signatures differ");
    let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    sandbox.write("ours.pub", pair.pk.to_box().unwrap().to_string());
    sandbox.run("bundle").code(0);
    let (hash, statement) = (sha256(&sandbox), digest(sandbox.read(STATEMENT)));
    let line = format!("{ZIP} --key ours.pub");
    let good = format!("file:mm-bot-v1.2.3.zip\tversion:1.2.3\tsha256:{hash}\tprovenance:{statement}");
    for (comment, expected) in [
        (good.clone(), &[][..]),
        (good.replace(&hash, &"ab".repeat(32)), &["signature-hash"]),
        (good.replace(&statement, &"ab".repeat(32)), &["signature-provenance"]),
        (good.replace("version:1.2.3", "version:1.2.4"), &["signature-version"]),
        (good.replace(&format!("\tprovenance:{statement}"), ""), &["signature-provenance"]),
        (format!("{good}\tversion:1.2.3"), &["signature-version"]),
    ] {
        let archive = fs::File::open(sandbox.path(ZIP)).unwrap();
        let signed =
            minisign::sign(None, &pair.sk, archive, Some(&comment), Some("signature by mmops")).unwrap();
        sandbox.write(&format!("{ZIP}.minisig"), signed.to_string());
        assert_eq!(refusals(&sandbox, &line), expected, "{comment}");
    }
}

#[test]
fn an_archive_of_the_same_version_is_replaced_on_request_only() {
    let sandbox = tree();
    sandbox.run("bundle").code(0);
    sandbox.run("bundle").code(0);
    sandbox.write("README.md", "# another\n");
    let before: Vec<_> = ["", ".sha256", ".provenance.json"]
        .map(|end| fs::read(sandbox.path(&format!("{ZIP}{end}"))).unwrap())
        .into();
    sandbox.run("bundle").error(3).stderr_has("--replace");
    for (end, before) in ["", ".sha256", ".provenance.json"].iter().zip(before) {
        assert_eq!(fs::read(sandbox.path(&format!("{ZIP}{end}"))).unwrap(), before);
    }
    sandbox.run("bundle --replace").code(0);
    assert_eq!(refusals(&sandbox, ZIP), [""; 0]);
}

#[test]
fn every_spelling_of_a_plan_makes_the_same_bytes() {
    let sandbox = tree().unrecorded("paths of the root");
    sandbox.write("plans/plan.yaml", PLAN);
    std::os::unix::fs::symlink("plans/plan.yaml", sandbox.path("link.yaml")).unwrap();
    let absolute = sandbox.path("plans/plan.yaml").display().to_string();
    for plan in ["plans/plan.yaml", "./plans//plan.yaml", "plans/../plans/plan.yaml", "link.yaml", &absolute]
    {
        // Without --replace: other bytes would be refused.
        sandbox.run(&format!("bundle create --plan {plan}")).code(0);
        assert!(sandbox.read(STATEMENT).contains("\"plans/plan.yaml\""), "{plan}");
    }
    let sandbox = release_tree().unrecorded("paths of the root");
    fs::rename(sandbox.path("deploy/policies/rollback.yaml"), sandbox.path("other.yaml")).unwrap();
    let absolute = sandbox.path("other.yaml").display().to_string();
    for policy in ["other.yaml", "./other.yaml", "run/../other.yaml", &absolute] {
        sandbox.run(&format!("{RELEASE} --policy {policy}")).code(0);
        let manifest = sandbox.json("release/r1/MANIFEST.json");
        assert_eq!(manifest["provenance"]["plan"]["path"], "other.yaml", "{policy}");
        fs::remove_dir_all(sandbox.path("release")).unwrap();
    }
}

#[test]
fn names_that_some_machine_takes_for_another_are_in_no_bundle() {
    let alone = ["a.", "a ", "CON", "nul.txt", "com1.log", "a:b", "a*b", "a\u{202e}b", "a\u{200b}", "GIT~1"];
    for name in alone {
        let sandbox = tree().unrecorded("a table").file(&format!("in/{name}"), "x");
        sandbox.run("bundle --include in/**").error(3);
    }
    let sandbox = tree().unrecorded("a table").file("in/a", "x");
    sandbox.run("bundle --include in/**").code(0);
    unpacked(&sandbox);
    let good = sandbox.read("folder/MANIFEST.json");
    let pairs = [("caf\u{e9}", "cafe\u{301}"), ("stra\u{df}e", "STRASSE"), ("\u{212a}", "k")];
    for (one, other) in pairs {
        let both =
            tree().unrecorded("a table").file(&format!("in/{one}"), "x").file(&format!("in/{other}"), "y");
        both.run("bundle --include in/**").error(3);
    }
    let alone = alone.iter().map(|name| vec![format!("in/{name}")]).chain([vec![".git/config".to_owned()]]);
    for names in alone.chain(pairs.map(|(one, other)| vec![one.to_owned(), other.to_owned()])) {
        resealed(&sandbox, |manifest| {
            let files = manifest["files"].as_array_mut().unwrap();
            let like = files[0].clone();
            for name in &names {
                let mut file = like.clone();
                file["path"] = name.as_str().into();
                fs::create_dir_all(sandbox.path("folder/.git")).unwrap();
                fs::copy(
                    sandbox.path(&format!("folder/{}", like["path"].as_str().unwrap())),
                    sandbox.path(&format!("folder/{name}")),
                )
                .unwrap();
                files.push(file);
            }
            files.sort_by_key(|file| file["path"].as_str().unwrap().to_owned());
        });
        let kind = if names.len() == 1 { "unportable-name" } else { "ambiguous-name" };
        assert!(refusals(&sandbox, "folder").contains(&kind.to_owned()), "{names:?}");
        for name in names {
            fs::remove_file(sandbox.path(&format!("folder/{name}"))).unwrap();
        }
        sandbox.write("folder/MANIFEST.json", &good);
    }
}

/// Changes of a signed bundle that the suite tries; `cargo bench --bench bundle -- changes` tries ten thousand.
const CHANGES: u64 = 48;

#[test]
fn every_change_of_a_signed_bundle_is_refused_by_who_has_the_key() {
    let sandbox = tree().unrecorded("signatures differ");
    keys(&sandbox, "ours");
    keys(&sandbox, "theirs");
    let made = |line: &str, name: &str| -> Signed {
        sandbox.run(&format!("bundle create --replace {line}")).code(0);
        ENDINGS
            .into_iter()
            .map(|end| {
                (end, fs::read(sandbox.path(&format!("artifacts/release/mm-bot-v{name}.zip{end}"))).unwrap())
            })
            .collect()
    };
    let others = [
        made("--version 1.2.4 --sign ours.key", "1.2.4"),
        made("--include README.md --sign theirs.key", "1.2.3"),
    ];
    let good = made("--sign ours.key", "1.2.3");
    let verify = |files: &Signed| {
        for ending in ENDINGS {
            let path = sandbox.path(&format!("{ZIP}{ending}"));
            let _ = fs::remove_file(&path);
            if let Some(bytes) = files.get(ending) {
                fs::write(path, bytes).unwrap();
            }
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_mmops"));
        command.args([
            "--now",
            crate::sandbox::NOW,
            "bundle",
            "verify",
            ZIP,
            "--key",
            "ours.pub",
            "--jobs",
            "1",
        ]);
        command
            .current_dir(sandbox.root())
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .unwrap()
            .code()
    };
    assert_eq!(verify(&good), Some(0));
    let mut random = fastrand::Rng::with_seed(0x5eed_0001);
    for round in 0..CHANGES {
        let (name, files) = changes::changed(&good, &others, round, &mut random);
        assert_eq!(verify(&files), Some(1), "round {round}: {name}");
    }
}
