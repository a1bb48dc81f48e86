//! The README tells the truth: its examples are run, its tables compared.
//!
//! An example is a fenced block `console` of lines `$ command` and the output that follows; a line `...`
//! stands for any lines. It runs in a fresh root with the clock frozen; what says so is left out.

use mmops::testing::env::VARIABLES;
use mmops::testing::exit::Exit;
use std::fs;
use std::path::Path;

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

fn blocks(text: &str) -> Vec<String> {
    let mut parts = text.split("```console\n").skip(1);
    let mut blocks = Vec::new();
    for part in parts.by_ref() {
        blocks.push(part.split("```").next().unwrap().to_owned());
    }
    blocks
}

/// Whether `found` matches `expected`, where a line `...` stands for any number of lines.
fn matches(expected: &[&str], found: &[&str]) -> bool {
    match expected.split_first() {
        None => found.is_empty(),
        Some((&"...", rest)) => (0..=found.len()).any(|skip| matches(rest, &found[skip..])),
        Some((line, rest)) => found.first() == Some(line) && matches(rest, &found[1..]),
    }
}

/// An output without what says that the clock is frozen: a note and a row with its reason.
fn without_frozen_clock(output: &str) -> String {
    let says_so = |line: &str| line.contains("the clock is frozen at ") || line.starts_with("| clock  ");
    output.lines().filter(|line| !says_so(line)).map(|line| format!("{line}\n")).collect()
}

#[test]
fn every_example_of_the_readme_runs_and_prints_what_it_shows() {
    let readme = readme();
    let blocks = blocks(&readme);
    assert!(!blocks.is_empty());
    for block in blocks {
        let dir = tempfile::tempdir().unwrap();
        let mut commands: Vec<(&str, Vec<&str>)> = Vec::new();
        for line in block.lines() {
            match line.strip_prefix("$ ") {
                Some(command) => commands.push((command, Vec::new())),
                None => commands.last_mut().expect("a block starts with a command").1.push(line),
            }
        }
        for (command, expected) in commands {
            let path = format!(
                "{}:/usr/bin:/bin",
                Path::new(env!("CARGO_BIN_EXE_mmops")).parent().unwrap().display()
            );
            let output = assert_cmd::Command::new("/bin/sh")
                .args(["-c", &format!("{command} 2>&1")])
                .current_dir(dir.path())
                .env_clear()
                .env("PATH", path)
                .env("MMOPS_NOW", "2026-03-10T12:00:00Z")
                .output()
                .unwrap();
            let stdout = String::from_utf8(output.stdout).unwrap();
            let stdout = without_frozen_clock(&stdout);
            let found: Vec<&str> = stdout.lines().collect();
            assert!(
                matches(&expected, &found),
                "$ {command}\nexpected:\n{}\nfound:\n{stdout}",
                expected.join("\n")
            );
        }
    }
}

#[test]
fn the_exit_table_of_the_readme_is_the_enum() {
    let readme = readme();
    for (exit, name, meaning) in Exit::TABLE {
        let row = format!("| {} | {name} | {meaning} |", exit.code());
        assert!(readme.contains(&row), "{row}");
    }
}

#[test]
fn every_variable_that_is_read_stands_in_the_readme() {
    let readme = readme();
    for (name, meaning) in VARIABLES {
        let row = format!("| `{name}` | {meaning} |");
        assert!(readme.contains(&row), "{row}");
    }
}

#[test]
fn every_command_has_a_section() {
    let readme = readme();
    let help =
        assert_cmd::Command::new(env!("CARGO_BIN_EXE_mmops")).arg("--help").env_clear().output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let names = crate::answers::subcommands(&help);
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        assert!(readme.contains(&format!("`{name}")), "{name}");
    }
}
