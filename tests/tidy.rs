//! The walls of the house: layers, one stem a command, words that do not belong, equal versions.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests touch the world directly")]

use std::fs;
use std::path::{Path, PathBuf};

/// What a layer may import of this crate, by the first path segment after `crate::`.
const LAYERS: &[(&str, &[&str])] = &[
    ("main.rs", &[]),
    ("lib.rs", &["cli", "commands", "ctx", "exit", "render", "report", "sys"]),
    ("cli.rs", &["commands", "ctx", "exit", "report", "sys"]),
    ("ctx.rs", &["exit", "report", "sys"]),
    ("exit.rs", &[]),
    ("report.rs", &["exit"]),
    ("render/", &["report"]),
    ("domain/", &["domain", "report"]),
    ("sys/", &["sys", "exit"]),
    ("market/", &["market", "domain", "exit", "sys"]),
    ("release/", &["release", "domain", "exit", "sys"]),
    ("prom/", &["prom", "exit", "sys"]),
    ("leader/", &["leader", "domain", "exit", "sys"]),
    ("bot/", &["bot", "domain"]),
];
/// What a command may import; other commands only where `ORCHESTRATORS` says so.
const COMMANDS: &[&str] =
    &["bot", "commands", "ctx", "domain", "exit", "leader", "market", "prom", "release", "report", "sys"];
/// Commands that run other commands, and the one that publishes their schemas.
const ORCHESTRATORS: [&str; 2] = ["make_ready", "schema"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(dir: &str, extensions: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(root().join(dir)).sort_by_file_name() {
        let entry = entry.unwrap();
        let extension = entry.path().extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if entry.file_type().is_file() && extensions.contains(&extension) {
            let name = entry.path().strip_prefix(root()).unwrap().display().to_string();
            found.push((name, fs::read_to_string(entry.path()).unwrap()));
        }
    }
    assert!(!found.is_empty(), "no files in {dir}");
    found
}

/// First segments of every `crate::x` in a file, outside comments and its unit tests.
fn imports(text: &str) -> Vec<(String, String)> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let code: String = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| format!("{line}\n"))
        .collect();
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let group = group.split('}').next().unwrap();
            found.extend(group.split(',').map(|part| (word(part.trim()), String::new())));
            continue;
        }
        let first = word(rest);
        let second = rest[first.len()..].strip_prefix("::").unwrap_or_default();
        if let Some(group) = second.strip_prefix('{') {
            let group = group.split("};").next().unwrap();
            found.extend(group.split(',').map(|part| (first.clone(), word(part.trim()))));
        } else {
            found.push((first, word(second)));
        }
    }
    found
}

#[test]
fn the_import_scan_sees_groups_and_paths_and_skips_comments() {
    let text = "// crate::never\nuse crate::{ctx, sys::fsio};\nuse crate::commands::{a::b, c};\nlet x = crate::market::load();\n";
    let found: Vec<String> =
        imports(text).into_iter().map(|(first, second)| format!("{first}/{second}")).collect();
    assert_eq!(found, ["ctx/", "sys/", "commands/a", "commands/c", "market/load"]);
}

#[test]
fn no_layer_imports_one_above_it() {
    let mut faults = Vec::new();
    for (name, text) in files("src", &["rs"]) {
        let path = name.strip_prefix("src/").unwrap();
        let command = path.strip_prefix("commands/").map(|rest| rest.split(['/', '.']).next().unwrap());
        for (first, second) in imports(&text) {
            if first.is_empty() {
                continue;
            }
            if let Some(command) = command {
                let other = first == "commands"
                    && second != command
                    && second.starts_with(|c: char| c.is_lowercase());
                if !COMMANDS.contains(&first.as_str()) || (other && !ORCHESTRATORS.contains(&command)) {
                    faults.push(format!("{name} imports {first}::{second}"));
                }
                continue;
            }
            let layer = LAYERS.iter().find(|(layer, _)| path.starts_with(layer));
            let Some((_, allowed)) = layer else {
                faults.push(format!("{name} belongs to no layer"));
                continue;
            };
            if !allowed.contains(&first.as_str()) {
                faults.push(format!("{name} imports {first}"));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn pure_code_asks_nothing_of_the_world() {
    let banned =
        ["std::fs", "std::env", "std::net", "std::process", "::now()", "clap::", "tracing::", "std::thread"];
    for (name, text) in files("src/domain", &["rs"]) {
        for word in banned {
            assert!(!text.contains(word), "{name} uses {word}");
        }
    }
}

#[test]
fn a_command_has_one_stem_everywhere() {
    let help =
        assert_cmd::Command::new(env!("CARGO_BIN_EXE_mmops")).arg("--help").env_clear().output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')))
        .map(|line| line.split(' ').next().unwrap())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.contains(&"pre-live-pack"), "{help}");
    for command in commands {
        let stem = command.replace('-', "_");
        let exists = |path: PathBuf| path.with_extension("rs").exists() || path.is_dir();
        assert!(exists(root().join("src/commands").join(&stem)), "src/commands/{stem}");
        let small = ["completions", "man", "schema"].contains(&command);
        assert!(small || exists(root().join("tests/cli").join(&stem)), "tests/cli/{stem}.rs");
    }
}

#[test]
fn no_text_has_words_that_do_not_belong() {
    // Assembled, so that this file does not find itself.
    let banned =
        [["TO", "DO"], ["FIX", "ME"], ["XX", "X:"], ["todo", "!("], ["unimplemented", "!("], ["dbg", "!("]];
    for (name, text) in files("src", &["rs"]).into_iter().chain(files("tests", &["rs", "md"])) {
        for word in banned.map(|parts| parts.concat()) {
            assert!(!text.contains(&word), "{name} has {word}");
        }
    }
}

#[test]
fn every_file_says_first_what_it_is_for() {
    for (name, text) in files("src", &["rs"]) {
        let first = text.lines().next().unwrap_or_default();
        assert!(first.starts_with("//! ") || name.ends_with("/tests.rs"), "{name}");
    }
}

#[test]
fn versions_are_equal() {
    let version = fs::read_to_string(root().join("VERSION")).unwrap();
    assert_eq!(version.trim(), env!("CARGO_PKG_VERSION"));
    let changelog = fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    assert!(changelog.contains(&format!("## [{}]", version.trim())));
}

#[test]
fn the_top_level_has_no_other_entry() {
    let known = "Cargo.toml Cargo.lock src tests deploy artifacts README.md CHANGELOG.md VERSION target";
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name.starts_with('.') || known.split(' ').any(|entry| entry == name), "{name}");
    }
}

#[test]
fn the_lock_file_grows_only_on_purpose() {
    /// Packages of the whole tree, development ones included; raise it with a reason in the commit.
    const LIMIT: usize = 340;
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let packages = lock.matches("[[package]]").count();
    assert!(packages <= LIMIT, "{packages} packages, the limit is {LIMIT}");
}
