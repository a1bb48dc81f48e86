//! Bills of materials: every package of every lock file, once, by where it comes from, in documents that the schema of
//! `CycloneDX` takes.

use crate::sandbox::Sandbox;
use jsonschema::{Retrieve, Uri, Validator};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PLAN: &str = "name: sample\nout: out\ncontents:\n  - {path: VERSION, description: v}\n";

fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(path)
}

/// The schemas that those of `CycloneDX` refer to, by the last part of their address.
struct Shipped;

impl Retrieve for Shipped {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let name = uri.as_str().rsplit('/').next().unwrap_or_default();
        Ok(serde_json::from_slice(&fs::read(data("cyclonedx").join(name))?)?)
    }
}

fn validator() -> Validator {
    let schema = fs::read(data("cyclonedx/bom-1.6.SNAPSHOT.schema.json")).unwrap();
    let schema: Value = serde_json::from_slice(&schema).unwrap();
    jsonschema::options().with_retriever(Shipped).build(&schema).unwrap()
}

/// The bill of a root with these lock files, and the remarks on them.
fn bill(files: &[(&str, String)]) -> (Value, Vec<String>) {
    let sandbox = Sandbox::new().unrecorded("samples").file("VERSION", "1.0.0").file("plan.yaml", PLAN);
    for (name, text) in files {
        sandbox.write(name, text);
    }
    let report = sandbox.run("bundle create --plan plan.yaml --sbom --format json").code(0).json();
    let archive = fs::File::open(sandbox.path("out/sample-v1.0.0.zip")).unwrap();
    let mut archive = zip::ZipArchive::new(archive).unwrap();
    let bill = serde_json::from_reader(archive.by_name("SBOM.cdx.json").unwrap()).unwrap();
    let rows = report["rows"].as_array().unwrap();
    let row = rows.iter().find(|row| row["name"] == "sbom").unwrap();
    let reasons = row["reasons"].as_array().into_iter().flatten();
    (bill, reasons.map(|reason| reason.as_str().unwrap().to_owned()).collect())
}

fn sample(dir: &str) -> Vec<(String, String)> {
    let listed = fs::read_dir(data("sbom").join(dir)).unwrap();
    listed
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
        })
        .collect()
}

fn bill_of(dirs: &[&str]) -> (Value, Vec<String>) {
    let files: Vec<(String, String)> = dirs.iter().flat_map(|dir| sample(dir)).collect();
    let files: Vec<(&str, String)> = files.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
    bill(&files)
}

fn purls(bill: &Value) -> Vec<&str> {
    bill["components"].as_array().unwrap().iter().map(|part| part["purl"].as_str().unwrap()).collect()
}

/// What each package needs.
fn graph(bill: &Value) -> BTreeMap<&str, Vec<&str>> {
    let entries = bill["dependencies"].as_array().unwrap().iter();
    entries
        .map(|entry| {
            let needs = entry["dependsOn"].as_array().unwrap().iter();
            (entry["ref"].as_str().unwrap(), needs.map(|one| one.as_str().unwrap()).collect())
        })
        .collect()
}

const NODE: [&str; 12] = [
    "pkg:npm/%40types/node@20.19.43",
    "pkg:npm/ansi-styles@3.2.1",
    "pkg:npm/chalk@2.4.2",
    "pkg:npm/color-convert@1.9.3",
    "pkg:npm/color-name@1.1.3",
    "pkg:npm/escape-string-regexp@1.0.5",
    "pkg:npm/has-flag@3.0.0",
    "pkg:npm/semver@5.7.3",
    "pkg:npm/semver@7.8.6",
    "pkg:npm/supports-color@5.5.0",
    "pkg:npm/undici-types@6.21.0",
    "pkg:npm/ws@8.23.0",
];

#[test]
fn every_lock_file_gives_its_packages_and_what_they_need() {
    let validator = validator();
    let rust = [
        "pkg:cargo/itoa@1.0.15",
        "pkg:cargo/ryu@1.0.20",
        "pkg:cargo/ryu@1.0.20?vcs_url=git%2Bhttps://github.com/example/ryu%400123456789abcdef0123456789abcdef01234567",
        "pkg:cargo/sample@0.1.0?download_url=file:.",
        "pkg:cargo/widget@2.0.0?repository_url=https://crates.example.org/index/",
    ];
    let python = [
        "pkg:pypi/anyio@4.16.0",
        "pkg:pypi/idna@3.20",
        "pkg:pypi/iniconfig@2.3.1",
        "pkg:pypi/typing-extensions@4.16.0",
    ];
    let uv = [python[0], python[1], python[2], "pkg:pypi/sample@1.0.0?download_url=file:.", python[3]];
    let fork = "pkg:pypi/ruamel-yaml@0.18.6?vcs_url=git%2Bhttps://git.example.org/ruamel-yaml.git%400123456789abcdef0123456789abcdef01234567";
    let poetry = [python[0], python[1], fork, python[3]];
    let go = [
        "pkg:golang/github.com/burntsushi/toml@v1.3.2",
        "pkg:golang/github.com/davecgh/go-spew@v1.1.1",
        "pkg:golang/github.com/example/go-difflib@v1.0.1",
        "pkg:golang/github.com/stretchr/testify@v1.8.1",
        "pkg:golang/gopkg.in/yaml.v3@v3.0.1",
    ];
    let top = [NODE[0], NODE[2], NODE[7], NODE[8], NODE[11]];
    let chalk = (NODE[2], vec![NODE[1], NODE[5], NODE[9]]);
    let anyio = (python[0], vec![python[1], python[3]]);
    let cases: [(&str, &[&str], Vec<&str>, Option<(&str, Vec<&str>)>); 9] = [
        ("cargo", &rust, vec![rust[3]], Some((rust[3], vec![rust[0], rust[2], rust[4]]))),
        ("npm", &NODE, top.to_vec(), Some(chalk.clone())),
        ("pnpm", &NODE, top.to_vec(), Some(chalk.clone())),
        ("yarn", &NODE, top.to_vec(), Some(chalk.clone())),
        ("berry", &NODE, top.to_vec(), Some(chalk)),
        ("uv", &uv, vec![uv[3]], Some((uv[3], vec![python[0], python[2], python[3]]))),
        ("poetry", &poetry, vec![python[0], fork], Some(anyio)),
        ("pipenv", &python, vec![], None),
        ("go", &go, vec![go[0], go[3]], None),
    ];
    for (dir, expected, roots, needs) in cases {
        let (bill, remarks) = bill_of(&[dir]);
        let errors: Vec<String> = validator.iter_errors(&bill).map(|error| error.to_string()).collect();
        assert_eq!(errors, [""; 0], "{dir}");
        assert_eq!(purls(&bill), expected, "{dir}");
        assert_eq!(remarks, [""; 0], "{dir}");
        let graph = graph(&bill);
        assert_eq!(graph["release"], roots, "{dir}");
        match needs {
            Some((purl, needs)) => assert_eq!(graph[purl], needs, "{dir}"),
            None => assert_eq!(graph.len(), 1, "{dir}"),
        }
        let is_incomplete = bill["compositions"][0]["aggregate"] == "incomplete";
        assert_eq!(is_incomplete, ["yarn", "poetry", "pipenv"].contains(&dir), "{dir}");
    }
    // All side by side: each package once, with every file that names it.
    let (bill, _) = bill_of(&["cargo", "npm", "pnpm", "yarn", "uv", "poetry", "pipenv", "go"]);
    assert!(validator.is_valid(&bill));
    assert_eq!(purls(&bill).len(), 5 + 12 + 6 + 5);
    let chalk = bill["components"].as_array().unwrap().iter().find(|part| part["name"] == "chalk").unwrap();
    let file = |name: &str| json!({"name": "mmops:lock-file", "value": name});
    assert_eq!(chalk["properties"], json!(["package-lock.json", "pnpm-lock.yaml", "yarn.lock"].map(file)));
    assert_eq!(chalk["licenses"], json!([{"expression": "MIT"}]));
    assert_eq!(chalk["hashes"][0]["alg"], "SHA-512");
    assert_eq!(chalk["hashes"].as_array().unwrap().len(), 1);
    let types = bill["components"].as_array().unwrap().iter().find(|part| part["group"] == "@types").unwrap();
    assert_eq!(types["name"], "node");
}

#[test]
fn what_is_wrong_in_a_lock_file_makes_no_wrong_document() {
    let validator = validator();
    let index = "registry+https://github.com/rust-lang/crates.io-index";
    let cargo = format!(
        "version = 4\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"{index}\"\nchecksum = \"no\"\n"
    );
    let npm = json!({"lockfileVersion": 3, "packages": {
        "": {"dependencies": {"x": "1"}},
        "node_modules/x": {"version": "1.0.0", "integrity": "sha512-????", "license": "SEE LICENSE IN x",
            "resolved": "https://joe:s3cret@npm.example.org/x/-/x-1.0.0.tgz"},
    }});
    let (bill, remarks) = bill(&[("Cargo.lock", cargo), ("package-lock.json", npm.to_string())]);
    let errors: Vec<String> = validator.iter_errors(&bill).map(|error| error.to_string()).collect();
    assert_eq!(errors, [""; 0]);
    assert_eq!(purls(&bill), ["pkg:cargo/a@1.0.0", "pkg:npm/x@1.0.0?repository_url=https://npm.example.org"]);
    assert_eq!(remarks.len(), 2, "{remarks:?}");
    assert_eq!(bill["components"][1]["licenses"], json!([{"license": {"name": "SEE LICENSE IN x"}}]));
    assert!(!bill.to_string().contains("s3cret"));
    for (name, text) in [
        ("yarn.lock", "a b c\n"),
        ("go.sum", "x\n"),
        ("pnpm-lock.yaml", "a: [\n"),
        ("Pipfile.lock", "{}"),
        ("uv.lock", "[[package]]\n"),
    ] {
        let sandbox = Sandbox::new().unrecorded("a table").file("VERSION", "1.0.0").file("plan.yaml", PLAN);
        sandbox.write(name, text);
        sandbox.run("bundle create --plan plan.yaml --sbom").error(3);
    }
}

#[test]
fn the_bill_of_this_repository_has_as_many_packages_as_cargo_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--offline", "--format-version", "1"])
        .current_dir(root)
        .output()
        .unwrap();
    let lock = fs::read_to_string(root.join("Cargo.lock")).unwrap();
    // Without the sources of every platform cargo has no answer.
    let count = match serde_json::from_slice::<Value>(&metadata.stdout) {
        Ok(metadata) => metadata["packages"].as_array().unwrap().len(),
        Err(_) => lock.matches("[[package]]").count(),
    };
    let (bill, remarks) = bill(&[("Cargo.lock", lock)]);
    assert_eq!((purls(&bill).len(), remarks.len()), (count, 0));
    assert_eq!(graph(&bill).len(), count + 1);
}
