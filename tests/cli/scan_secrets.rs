//! `mmops scan-secrets` through the binary. Every secret is made here, so that this file has none.

use crate::sandbox::{Output, Sandbox};
use serde_json::Value;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

const CLEAN: &str = "| scan_secrets | OK | RESULT=CLEAN |";
const FOUND: &str = "| scan_secrets | FAIL | RESULT=FOUND |";
const STRICT: &str = "| scan_secrets | FAIL | RESULT=ALLOWLISTED_STRICT |";

/// Characters without a pattern, always the same for one seed.
fn noise(count: usize, seed: u64) -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(letters[usize::try_from(state >> 33).unwrap() % letters.len()])
    };
    (0..count).map(|_| next()).collect()
}

fn github_token(seed: u64) -> String {
    format!("ghp_{}", noise(40, seed))
}

fn aws_id(seed: u64) -> String {
    format!("AKIA{}", noise(16, seed).to_ascii_uppercase())
}

/// Rules, paths and lines of every row that has a place.
fn places(output: &Output) -> Vec<(String, String, Option<u64>)> {
    let json = output.json();
    let rows = json["rows"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    rows.iter()
        .filter(|row| row["path"].is_string())
        .map(|row| (text(&row["name"]), text(&row["path"]), row["line"].as_u64()))
        .collect()
}

fn place(rule: &str, path: &str, line: u64) -> (String, String, Option<u64>) {
    (rule.to_owned(), path.to_owned(), Some(line))
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in members {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, name, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn git(root: &Path, line: &str) {
    let fixed = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main"];
    let mut command = Command::new("git");
    command.args(fixed).args(line.split(' ')).current_dir(root).env_clear();
    let time = "2026-01-01T00:00:00Z";
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("GIT_AUTHOR_DATE", time);
    let output = command.env("GIT_COMMITTER_DATE", time).output().unwrap();
    assert!(output.status.success(), "git {line}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_token_in_a_source_file_is_found_with_place_rule_and_four_characters() {
    let token = github_token(1);
    let sandbox = Sandbox::new().file("src/leak.py", format!("import os\nx = 1; T = \"{token}\"\n"));
    let output = sandbox.run("scan-secrets").code(1).marker(FOUND);
    assert!(!output.stdout.contains(&token[..5]), "{}", output.stdout);
    output.silent();
}

#[test]
fn a_placeholder_in_ci_is_no_secret() {
    let sandbox = Sandbox::new()
        .file("ci.yaml", "API_KEY: ci-dummy-key-for-tests\n")
        .file("conf.py", "api_key = \"your-api-key-goes-here\"\n");
    let _ = sandbox.run("scan-secrets").code(0).marker(CLEAN);
}

#[test]
fn no_folder_and_no_extension_is_left_out_unless_git_ignores_it() {
    let line = |seed| format!("k = {}\n", aws_id(seed));
    let sandbox = Sandbox::new()
        .file("golden/out.json", line(1))
        .file("README.md", line(2))
        .file("keys/deploy.pem", line(3))
        .file(".env", line(4))
        .file("noextension", line(5))
        .file("artifacts/run.log", line(6))
        .file("sub/kept/ignored.log", line(7))
        .file(".gitignore", "/artifacts/\n*.log\n")
        .file(".git/config", line(8));
    let output = sandbox.run("scan-secrets --format json").code(1);
    let paths: Vec<String> = places(&output).into_iter().map(|(_, path, _)| path).collect();
    assert_eq!(paths, [".env", "README.md", "golden/out.json", "keys/deploy.pem", "noextension"]);
}

#[test]
fn only_the_named_paths_are_scanned_and_a_named_file_even_when_it_is_ignored() {
    let line = |seed| format!("k = {}\n", aws_id(seed));
    let sandbox = Sandbox::new()
        .file("src/a.py", "pass\n")
        .file("src/gen/b.py", line(1))
        .file("tools/c.py", line(2))
        .file("artifacts/run.log", line(3))
        .file(".gitignore", "gen\n/artifacts\n");
    let _ = sandbox.run("scan-secrets src").code(0).marker(CLEAN);
    let output = sandbox.run("scan-secrets src tools --format json").code(1);
    assert_eq!(places(&output), [place("aws-access-token", "tools/c.py", 1)]);
    let output = sandbox.run("scan-secrets artifacts/run.log --format json").code(1);
    assert_eq!(places(&output), [place("aws-access-token", "artifacts/run.log", 1)]);
    let output = sandbox.run("scan-secrets artifacts ./src/gen --format json").code(1);
    let found = [("artifacts/run.log", 1), ("src/gen/b.py", 1)];
    assert_eq!(places(&output), found.map(|(path, line)| place("aws-access-token", path, line)));
}

#[test]
fn random_values_in_data_are_no_secrets() {
    let values: Vec<String> = (0..500).map(|seed| format!("\"v{seed}\": \"{}\"", noise(44, seed))).collect();
    let sandbox = Sandbox::new().file("data.json", format!("{{{}}}", values.join(",\n")));
    let _ = sandbox.run("scan-secrets").code(0).marker(CLEAN);
}

#[test]
fn the_published_example_of_aws_is_tolerated_and_fails_a_strict_scan() {
    let sandbox = Sandbox::new().file("doc.md", format!("use {}{}\n", "AKIAIOSFODNN7", "EXAMPLE"));
    let _ = sandbox.run("scan-secrets").code(0).marker(CLEAN);
    let _ = sandbox.run("scan-secrets --strict").code(1).marker(STRICT);
    let strict = Sandbox::new().env("CI_STRICT_SECRETS", "1");
    strict.write("doc.md", sandbox.read("doc.md"));
    let _ = strict.run("scan-secrets").code(1).marker(STRICT);
    let unclear = Sandbox::new().env("CI_STRICT_SECRETS", "maybe").file("a", "");
    let _ = unclear.run("scan-secrets").code(3);
}

#[test]
fn a_word_beside_a_secret_does_not_hide_it() {
    let stripe = format!("sk_live_{}", noise(24, 4));
    let sandbox = Sandbox::new()
        .file("a.py", format!("t = '{}'  # EXAMPLE only\n", github_token(3)))
        .file("b.py", format!("s = '{stripe}'  # test_secret PLACEHOLDER REDACTED ****\n"));
    let output = sandbox.run("scan-secrets --format json").code(1);
    assert_eq!(places(&output), [place("github-pat", "a.py", 1), place("stripe-access-token", "b.py", 1)]);
}

#[test]
fn what_the_earlier_tool_missed_is_found() {
    let encrypted = format!("-----BEGIN ENCRYPTED PRIVATE{}KEY-----", " ");
    let text = [
        format!("api_key = \"{}\"", noise(32, 5)),
        encrypted,
        format!("aws = \"{}\"", aws_id(6)),
        format!("bybit_api_secret = \"{}\"", noise(36, 7)),
        format!("password = \"{}\"", "hunter2hunter"),
        format!("pat = github_pat_{}_{}", noise(22, 8), noise(59, 9)),
        format!("jwt = eyJ{}.eyJ{}.{}", noise(30, 10), noise(50, 11), noise(43, 12)),
        format!("API_KEY={}", noise(40, 13)),
    ];
    let sandbox = Sandbox::new().file("tests/fixtures/secrets/all.txt", text.join("\n"));
    let output = sandbox.run("scan-secrets --format json").code(1);
    let lines: Vec<u64> = places(&output).into_iter().filter_map(|(.., line)| line).collect();
    assert_eq!(lines, [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn a_missing_path_is_a_bad_input() {
    let sandbox = Sandbox::new().file("a.txt", "x");
    let _ = sandbox.run("scan-secrets a.txt no/such/file").error(3);
}

#[test]
fn a_scan_of_nothing_is_no_clean_scan() {
    let sandbox = Sandbox::new().file(".gitignore", "*\n");
    let _ = sandbox.run("scan-secrets").code(3);
    std::fs::create_dir(sandbox.path("empty")).unwrap();
    let _ = sandbox.run("scan-secrets empty").code(3);
    // What the run itself is about to write is not what it was to scan.
    for outputs in ["--write-baseline empty/b.json", "--junit empty/j.xml --metrics-file empty/m.prom"] {
        let _ = sandbox.run(&format!("scan-secrets empty {outputs}")).code(3);
        std::fs::remove_dir_all(sandbox.path("empty")).unwrap();
        std::fs::create_dir(sandbox.path("empty")).unwrap();
        let root = format!("--root empty scan-secrets {}", outputs.replace("empty/", ""));
        let _ = sandbox.run(&root).code(3);
        std::fs::remove_dir_all(sandbox.path("empty")).unwrap();
        std::fs::create_dir(sandbox.path("empty")).unwrap();
    }
    let sandbox = Sandbox::new().file("a.txt", "x");
    let _ = sandbox.run("scan-secrets --write-baseline b.json").code(0);
}

#[test]
fn a_scan_without_threads_and_with_interrupted_calls_finds_what_it_always_finds() {
    if !crate::bundle::has("strace") {
        return;
    }
    let sandbox = Sandbox::real_time().unrecorded("strace may not be there");
    for name in ["a/1.txt", "a/b/2.txt", "c/3.txt"] {
        sandbox.write(name, format!("token = {}\n", github_token(3)));
    }
    let expected = sandbox.run("scan-secrets --jobs 4").code(1).stdout.clone();
    // The first thread listens to signals; one, or each, after it cannot be started.
    for inject in
        ["clone3:error=EAGAIN:when=2+", "clone3:error=EAGAIN:when=3", "openat:error=EINTR:when=20+2"]
    {
        let mut command = Command::new("timeout");
        let tail = ["-e", "signal=none", "-o", "/dev/null", "-e", &format!("inject={inject}")];
        command.args(["-k", "1", "20", "strace", "-f", "-qq"]).args(tail).arg(env!("CARGO_BIN_EXE_mmops"));
        command.args(["scan-secrets", "--jobs", "4"]).current_dir(sandbox.root()).env_clear();
        let output = command.env("PATH", "/usr/bin:/bin").output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{inject}: {stdout}");
        assert_eq!(stdout, expected, "{inject}");
    }
}

#[test]
fn a_git_file_is_a_file_like_any_other() {
    let sandbox = Sandbox::new().file(".git", format!("gitdir: {}\n", aws_id(1)));
    let output = sandbox.run("scan-secrets --format json").code(1);
    assert_eq!(places(&output), [place("aws-access-token", ".git", 1)]);
}

#[test]
fn more_threads_than_any_machine_has_are_refused() {
    let sandbox = Sandbox::new().file("a.txt", "x");
    for jobs in ["0", "257", "200000"] {
        let _ = sandbox.run(&format!("scan-secrets --jobs {jobs}")).code(64);
    }
}

#[test]
fn what_cannot_be_read_is_a_finding() {
    let sandbox = Sandbox::new().file("a.txt", "x");
    // The memory of the process itself: it opens, and its first page cannot be read.
    let _ = sandbox.run("scan-secrets a.txt /proc/self/mem").code(1).marker(FOUND);
    std::os::unix::fs::symlink("gone", sandbox.path("dangling")).unwrap();
    let _ = sandbox.run("scan-secrets").code(1).marker(FOUND);
}

#[test]
fn links_are_not_followed_and_counted() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("x"), aws_id(1)).unwrap();
    let sandbox = Sandbox::new().file("a.txt", "x");
    std::os::unix::fs::symlink(outside.path(), sandbox.path("link")).unwrap();
    let output = sandbox.run("scan-secrets --format json").code(0);
    assert_eq!(output.json()["symlinks"], 1);
}

#[test]
fn binary_files_are_counted_and_scanned_for_secrets_with_a_form() {
    let token = github_token(1);
    let name = format!("password = \"{}\"", noise(16, 2));
    let mut blob = b"\x7fELF\0\0\0".to_vec();
    blob.extend(name.as_bytes());
    let sandbox = Sandbox::new().file("bin/tool", &blob);
    let _ = sandbox.run("scan-secrets").code(0).marker(CLEAN);
    blob.extend(b"\0\n\xff");
    blob.extend(token.as_bytes());
    sandbox.write("bin/tool", &blob);
    let output = sandbox.run("scan-secrets --format json").code(1);
    assert_eq!(places(&output), [place("github-pat", "bin/tool", 2)]);
    assert_eq!(output.json()["rows"][2]["offset"], blob.len() - token.len());
}

#[test]
fn utf16_text_is_decoded() {
    let text = format!("\u{feff}eins\nzwei = {}\n", aws_id(1));
    let bytes = |unit: u16| unit.to_le_bytes();
    let little: Vec<u8> = text.encode_utf16().flat_map(bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let sandbox = Sandbox::new().file("a.reg", little).file("b.reg", big);
    let output = sandbox.run("scan-secrets --format json").code(1);
    let rule = "aws-access-token";
    assert_eq!(places(&output), [place(rule, "a.reg", 2), place(rule, "b.reg", 2)]);
}

#[test]
fn a_long_line_is_scanned_in_pieces_and_columns_count_from_its_start() {
    let mut text = b"first\n".to_vec();
    let mut columns = Vec::new();
    // Before, across and behind the border of two pieces.
    for at in [100, (16 << 20) - 30, (16 << 20) + 40_000, 20 << 20] {
        text.resize(at, b' ');
        columns.push(at - 5);
        text.extend(aws_id(at as u64).as_bytes());
    }
    text.resize(20_500_000.max(text.len()), b' ');
    let sandbox = Sandbox::new().file("long.txt", &text);
    let output = sandbox.run("scan-secrets --jobs 1 --format json").code(1);
    let rows = output.json()["rows"].as_array().unwrap().clone();
    let found: Vec<usize> = rows[1..rows.len() - 1]
        .iter()
        .map(|row| {
            assert_eq!(row["line"], 2);
            usize::try_from(row["column"].as_u64().unwrap()).unwrap()
        })
        .collect();
    assert_eq!(found, columns);
    assert_eq!(output.json()["bytes"], text.len());
}

#[test]
fn the_order_and_every_byte_are_the_same_for_any_number_of_jobs() {
    let sandbox = Sandbox::new();
    for dir in 0..20 {
        for file in 0..5 {
            let seed = dir * 5 + file;
            let text = format!("{} {}\n{}\n", aws_id(seed), aws_id(seed + 1000), github_token(seed));
            sandbox.write(&format!("d{dir}/f{file}.txt"), text);
        }
    }
    let one = sandbox.run("scan-secrets --jobs 1 --format json").code(1);
    assert_eq!(places(&one).len(), 300);
    for jobs in [2, 7] {
        let many = sandbox.run(&format!("scan-secrets --jobs {jobs} --format json")).code(1);
        assert_eq!(one.stdout, many.stdout);
    }
}

#[test]
fn members_of_archives_are_scanned_four_archives_deep() {
    let leak = format!("x\n{}\n", aws_id(1)).into_bytes();
    let inner = zip(&[("deep/b.txt", &leak)]);
    let packed = gzip(&tar(&[("in.tgz", &gzip(&tar(&[("a.txt", &leak)])))]));
    let sandbox = Sandbox::new()
        .file("a.jar", zip(&[("conf/a.txt", &leak), ("lib.zip", &inner)]))
        .file("b.log.gz", gzip(&leak))
        .file("c.zip", zip(&[("d.gz", &gzip(&leak))]));
    let output = sandbox.run("scan-secrets --format json").code(1);
    let paths = ["a.jar!conf/a.txt", "a.jar!lib.zip!deep/b.txt", "b.log.gz!b.log", "c.zip!d.gz!d"];
    assert_eq!(places(&output), paths.map(|path| place("aws-access-token", path, 2)));
    assert_eq!(output.json()["archives"], 5);
    let sandbox = Sandbox::new().file("a.tgz", &packed);
    let output = sandbox.run("scan-secrets --format json").code(1);
    assert_eq!(places(&output), [place("aws-access-token", "a.tgz!a.tar!in.tgz!in.tar!a.txt", 2)]);
    let sandbox = Sandbox::new().file("a.zip", zip(&[("b.tgz", &packed)]));
    let _ = sandbox.run("scan-secrets").code(1).marker(FOUND);
}

#[test]
fn members_that_share_a_name_are_not_passed_over() {
    // The names have one length, so that they can be made equal afterwards.
    let mut twice = zip(&[("a.txt", format!("{}\n", aws_id(1)).as_bytes()), ("b.txt", b"harmless\n")]);
    while let Some(at) = twice.windows(5).position(|window| window == b"b.txt") {
        twice[at] = b'a';
    }
    let sandbox = Sandbox::new().file("twice.zip", &twice).file("outer.zip", zip(&[("in.zip", &twice)]));
    let _ = sandbox.run("scan-secrets").code(1).marker(FOUND);
}

#[test]
fn an_archive_behind_a_program_or_a_script_is_opened() {
    let leak = format!("x\n{}\n", aws_id(1)).into_bytes();
    let packed = zip(&[("conf/a.txt", &leak)]);
    let behind = |head: &[u8]| [head, &packed[..]].concat();
    let sandbox = Sandbox::new()
        .file("app.pyz", behind(b"#!/usr/bin/env python3\n"))
        .file("setup.bin", behind(&[&b"\x7fELF"[..], &vec![0; 400_000]].concat()))
        .file("twice.zip", zip(&[("in.pyz", &behind(b"#!/bin/sh\n"))]));
    let output = sandbox.run("scan-secrets --format json").code(1);
    let rule = "aws-access-token";
    let mut found = vec![place(rule, "app.pyz!conf/a.txt", 2), place(rule, "setup.bin!conf/a.txt", 2)];
    found.push(("unscanned".to_owned(), "twice.zip!in.pyz".to_owned(), None));
    assert_eq!(places(&output), found);
}

#[test]
fn what_is_packed_in_another_way_is_never_clean() {
    let heads: [(&str, &[u8]); 4] = [
        ("packed/a.xz", b"\xfd7zXZ\0\0\x04"),
        ("packed/b.bz2", b"BZh91AY&SY\x12"),
        ("packed/c.zst", b"\x28\xb5\x2f\xfd\x04"),
        ("packed/d.7z", b"7z\xbc\xaf\x27\x1c\0\x04"),
    ];
    let sandbox = Sandbox::new();
    for (name, head) in heads {
        sandbox.write(name, head);
    }
    let output = sandbox.run("scan-secrets --format json").code(1);
    let found = heads.map(|(name, _)| ("unscanned".to_owned(), name.to_owned(), None));
    assert_eq!(places(&output), found);
    let rules = exception("packed/*", "unscanned", "checked by hand before packing", "2026-12-31");
    sandbox.write("rules.toml", rules);
    let _ = sandbox.run("scan-secrets --config rules.toml").code(0).marker(CLEAN);
}

#[test]
fn members_of_a_tar_and_text_with_a_nul_are_scanned() {
    let line = |seed| format!("API_SECRET={}\n", noise(38, seed));
    let text = format!("{}\n{}\0end\n", "# a comment\n".repeat(9), line(2).trim_end());
    let packed = gzip(line(3).as_bytes());
    let inner = tar(&[(".env", line(1).as_bytes()), ("logs/x.gz", &packed)]);
    // A second archive behind the end of the first.
    let mut joined = inner.clone();
    joined.extend(tar(&[("b.env", line(4).as_bytes())]));
    let sandbox = Sandbox::new().file("a.txt", text).file("b.tgz", gzip(&inner)).file("c.tar", joined);
    let output = sandbox.run("scan-secrets --format json").code(1);
    let rule = "generic-api-key-unquoted";
    let found = [
        place(rule, "a.txt", 11),
        place(rule, "b.tgz!b.tar!.env", 1),
        place(rule, "b.tgz!b.tar!logs/x.gz!x", 1),
        place(rule, "c.tar!.env", 1),
        place(rule, "c.tar!b.env", 1),
        place(rule, "c.tar!logs/x.gz!x", 1),
    ];
    assert_eq!(places(&output), found);

    let mut torn = tar(&[("a.txt", b"nothing here")]);
    torn.extend(b"and something behind its end that is no archive");
    let mut bent = tar(&[("a.txt", b"nothing here")]);
    bent[0] ^= 1;
    for broken in [torn, bent] {
        let sandbox = Sandbox::new().file("a.tar", broken);
        sandbox.run("scan-secrets").code(1);
    }
    let sandbox = Sandbox::new().file("a.tar", tar(&[("a.txt", b"nothing here")]));
    sandbox.run("scan-secrets").code(0).marker(CLEAN);
}

#[test]
fn a_broken_archive_is_a_finding() {
    let good = zip(&[("a.txt", &[b'x'; 5000]), ("b.txt", b"y")]);
    let mut bent = zip(&[("a.txt", noise(5000, 1).as_bytes())]);
    bent[200] ^= 0xff;
    let packed = gzip(noise(5000, 2).as_bytes());
    let sandbox = Sandbox::new()
        .file("bent.zip", bent)
        .file("cut.gz", &packed[..packed.len() / 2])
        .file("cut.zip", &good[..good.len() / 2]);
    let output = sandbox.run("scan-secrets --format json").code(1);
    let found = places(&output);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found.iter().all(|(rule, ..)| rule == "unscanned"), "{found:?}");
}

#[test]
fn an_archive_that_unpacks_to_too_much_is_stopped_and_is_a_finding() {
    let zeros = vec![0; 6 << 20];
    let bomb = zip(&[("a", &zeros), ("b", &zeros)]);
    assert!(bomb.len() < 20_000);
    let sandbox = Sandbox::new().file("bomb.zip", bomb).file("bomb.gz", gzip(&zeros));
    let _ = sandbox.run("scan-secrets").code(0).marker(CLEAN);
    let output = sandbox.run("scan-secrets --max-archive-mb 5 --format json").code(1);
    let rules: Vec<String> =
        places(&output).into_iter().map(|(rule, path, _)| format!("{path} {rule}")).collect();
    assert_eq!(rules, ["bomb.gz!bomb unscanned", "bomb.zip unscanned", "bomb.zip!a unscanned"]);
    assert!(output.json()["bytes"].as_u64().unwrap() < 12 << 20);
}

#[test]
fn stdin_is_scanned() {
    let sandbox = Sandbox::new();
    let output =
        Output::of(sandbox.command("scan-secrets --stdin").write_stdin(format!("a\nb {}\n", aws_id(1))));
    let _ = output.code(1).marker(FOUND);
    let output = Output::of(sandbox.command("scan-secrets --stdin").write_stdin("nothing here\n"));
    let _ = output.code(0).marker(CLEAN);
    let _ = sandbox.run("scan-secrets --stdin src").code(64);
    let output = Output::of(sandbox.command("scan-secrets --stdin").write_stdin(""));
    let _ = output.error(3);
}

#[test]
fn a_signal_ends_the_scan_without_a_clean_verdict() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mmops"))
            .args(["scan-secrets", "--stdin", "--root", "/"])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // More than a pipe holds: once it is written, the scan is reading.
        stdin.write_all(&vec![b'x'; 1 << 20]).unwrap();
        let pid = child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        // The input neither goes on nor ends: the signal alone ends the wait for it.
        let output = child.wait_with_output().unwrap();
        drop(stdin);
        assert_eq!(output.status.code(), Some(code));
        assert!(!String::from_utf8_lossy(&output.stdout).contains("CLEAN"));
    }
}

#[test]
fn the_history_of_git_is_scanned_for_what_was_removed_later() {
    let sandbox = Sandbox::new().file("a.txt", "one\n");
    let root = sandbox.root();
    git(root, "init -q");
    git(root, "add a.txt");
    git(root, "commit -qm one");
    // A side branch on which the secret comes and goes before it is merged.
    git(root, "checkout -qb side");
    sandbox.write("conf/b.env", format!("A=1\nKEY={}\n", aws_id(1)));
    git(root, "add conf");
    git(root, "commit -qm two");
    git(root, "rm -q conf/b.env");
    git(root, "commit -qm three");
    git(root, "checkout -q main");
    sandbox.write("c.txt", "c\n");
    git(root, "add c.txt");
    git(root, "commit -qm four");
    git(root, "merge -q --no-edit side");
    let _ = sandbox.run("scan-secrets").code(0).marker(CLEAN);
    let output = sandbox.run("scan-secrets --git-history --format json").code(1);
    assert_eq!(places(&output), [place("aws-access-token", "conf/b.env", 2)]);
    let json = output.json();
    assert_eq!(json["history_objects"], 3);
    let commit = json["rows"][1]["commit"].as_str().unwrap();
    assert_eq!(commit.len(), 40);
    let _ = sandbox.run("scan-secrets --git-history a.txt").code(0).marker(CLEAN);
    sandbox.write(".gitleaksignore", format!("# known\n{commit}:conf/b.env:aws-access-token:2\n"));
    let _ = sandbox.run("scan-secrets --git-history").code(0);
    let _ = sandbox.run("scan-secrets --git-history --strict").code(1).marker(STRICT);
}

#[test]
fn an_object_of_the_history_is_judged_under_every_path_it_had() {
    let sandbox = Sandbox::new().file("a/x.env", format!("K={}\n", aws_id(1)));
    let root = sandbox.root();
    git(root, "init -q");
    git(root, "add a");
    git(root, "commit -qm one");
    sandbox.write("src/y.env", sandbox.read("a/x.env"));
    git(root, "add src");
    git(root, "commit -qm two");
    git(root, "rm -qr src");
    git(root, "commit -qm three");
    sandbox.write("rules.toml", exception("a/x.env", "aws-access-token", "revoked last year", "2027-01-01"));
    let output = sandbox.run("scan-secrets --config rules.toml --git-history --format json").code(1);
    assert_eq!(places(&output), [place("aws-access-token", "src/y.env", 1)]);
    assert_eq!(output.json()["history_objects"], 1);
}

#[test]
fn the_history_needs_git_a_repository_and_all_of_it() {
    let sandbox = Sandbox::new().file("a.txt", "x");
    let _ = sandbox.run("scan-secrets --git-history").code(3);
    let mut without = sandbox.command("scan-secrets --git-history");
    let _ = Output::of(without.env("PATH", "/nonexistent")).code(5);
    let root = sandbox.root();
    git(root, "init -q origin");
    for text in ["one", "two"] {
        sandbox.write("origin/a.txt", text);
        git(&root.join("origin"), "add a.txt");
        git(&root.join("origin"), "commit -qm x");
    }
    git(root, &format!("clone -q --depth 1 file://{}/origin clone", root.display()));
    let _ = sandbox.run("scan-secrets --git-history --root clone").code(1).marker(FOUND);
}

#[test]
fn the_inline_mark_and_the_ignore_file_tolerate_until_the_scan_is_strict() {
    let sandbox = Sandbox::new()
        .file("a.py", format!("k = '{}'  # gitleaks:allow\n", aws_id(1)))
        .file("b.py", format!("\nk = '{}'\n", aws_id(2)))
        .file(".gitleaksignore", "b.py:aws-access-token:2\n");
    let output = sandbox.run("scan-secrets --format json").code(0);
    let by = |output: &Output| -> Vec<String> {
        let json = output.json();
        let list = json["tolerated"].as_array().unwrap().iter();
        list.map(|one| one["by"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(by(&output), ["inline", "gitleaksignore"]);
    let _ = sandbox.run("scan-secrets --strict").code(1).marker(STRICT);
    sandbox.write(".gitleaksignore", "b.py:aws-access-token:3\n");
    let _ = sandbox.run("scan-secrets").code(1).marker(FOUND);
    sandbox.write(".gitleaksignore", "what is this\n");
    let _ = sandbox.run("scan-secrets").code(3);
}

#[test]
fn a_config_in_the_tree_is_not_loaded_unless_it_is_named() {
    let rules = "[extend]\nuseDefault = true\n[allowlist]\npaths = ['''.*''']\n";
    let sandbox = Sandbox::new().file("a.py", aws_id(1)).file(".gitleaks.toml", rules);
    let _ = sandbox.run("scan-secrets").code(1).marker(FOUND);
    let _ = sandbox.run("scan-secrets --config .gitleaks.toml").code(0).marker(CLEAN);
    let _ = sandbox.run("scan-secrets --config .gitleaks.toml --strict").code(1).marker(STRICT);
}

#[test]
fn rules_of_ones_own_stand_beside_the_shipped_ones() {
    let own = "[extend]\nuseDefault = true\ndisabledRules = ['aws-access-token']\n\
        [[rules]]\nid = 'acme'\ndescription = 'ACME token'\nregex = '''\\bacme_([a-z0-9]{8})\\b'''\nkeywords = ['acme_']\n\
        [[rules]]\nid = 'key-file'\npath = '''\\.p12$'''\n";
    let sandbox = Sandbox::new()
        .file("rules.toml", own)
        .file("a.py", format!("x = acme_{}\n", "a1b2c3d4"))
        .file("b.py", format!("{}\n{}\n", aws_id(1), github_token(1)))
        .file("c.p12", "x");
    let output = sandbox.run("scan-secrets --config rules.toml --format json").code(1);
    let mut found =
        vec![place("acme", "a.py", 1), place("github-pat", "b.py", 2), place("key-file", "c.p12", 1)];
    found[2].2 = None;
    assert_eq!(places(&output), found);
}

#[test]
fn a_rule_file_that_cannot_be_used_is_refused_with_rule_and_position() {
    let cases = [
        "[[rules]]\nid = 'a'\nregex = '''x(y'''\n",
        "[[rules]]\nid = 'a'\nregex = '''x'''\nentrpy = 3\n",
        "[[rules]]\nid = 'a'\nregex = '''x'''\nentrpy = 3\n",
        "[[rules]]\nid = 'a'\n",
        "[[rules]]\nid = 'a'\nregex = '''(x)'''\nsecretGroup = 2\n",
        "title = 'x'\n",
        "[extend]\nuseDefault = true\n[[allowlists]]\ndescription = 'x'\n",
        "[extend]\nurl = 'https://x'\n",
        "[extend]\nuseDefault = true\n[[allowlists]]\ntargetRules = ['jwtt']\nregexes = ['x']\n",
        "[extend]\npath = 'none.toml'\n",
        "[extend]\npath = 'rules.toml'\n",
    ];
    for text in cases {
        let sandbox = Sandbox::new().file("rules.toml", text);
        let _ = sandbox.run("scan-secrets --config rules.toml").code(3);
    }
    let _ = Sandbox::new().file("a", "").run("scan-secrets --config none.toml").code(3);
}

fn exception(path: &str, rule: &str, reason: &str, expires: &str) -> String {
    format!(
        "[extend]\nuseDefault = true\n[[exceptions]]\npath = '{path}'\nrule = '{rule}'\n\
         reason = '{reason}'\nexpires = '{expires}'\n"
    )
}

#[test]
fn an_exception_covers_one_rule_in_one_place_until_its_day() {
    let reason = "revoked, kept for the parser";
    let sandbox = Sandbox::new()
        .file("old/a.txt", format!("{}\n", aws_id(1)))
        .file("rules.toml", exception("old/*.txt", "aws-access-token", reason, "2026-03-10"));
    let run = "scan-secrets --config rules.toml";
    let _ = sandbox.run(run).code(0).marker(CLEAN);
    let _ = sandbox.run(&format!("{run} --strict")).code(1).marker(STRICT);
    // Another rule in the same place, the same rule in another place.
    sandbox.write("old/b.txt", format!("{}\n", github_token(1)));
    sandbox.write("old/deep/c.txt", format!("{}\n", aws_id(3)));
    let output = sandbox.run(&format!("{run} --format json")).code(1);
    let found = [place("github-pat", "old/b.txt", 1), place("aws-access-token", "old/deep/c.txt", 1)];
    assert_eq!(places(&output), found);
}

#[test]
fn an_exception_that_is_over_is_itself_a_finding() {
    let sandbox = Sandbox::new()
        .file("a.txt", "nothing\n")
        .file("rules.toml", exception("old/a.txt", "aws-access-token", "revoked last year", "2026-03-09"));
    let _ = sandbox.run("scan-secrets --config rules.toml").code(1).marker(FOUND);
    sandbox.write("old/a.txt", format!("k = {} # gitleaks:allow\n", aws_id(1)));
    let _ = sandbox.run("scan-secrets --config rules.toml").code(1).marker(FOUND);
}

#[test]
fn an_exception_without_reason_or_day_or_with_too_wide_a_path_is_refused() {
    let good = exception("old/a.txt", "aws-access-token", "revoked last year", "2027-01-01");
    for text in [
        good.replace("reason = 'revoked last year'\n", ""),
        good.replace("expires = '2027-01-01'\n", ""),
        good.replace("revoked last year", "ok"),
        good.replace("2027-01-01", "soon"),
        good.replace("old/a.txt", "**/*"),
        good.replace("aws-access-token", "aws-acces-token"),
    ] {
        let sandbox = Sandbox::new().file("a.txt", "x").file("rules.toml", text);
        let _ = sandbox.run("scan-secrets --config rules.toml").code(3);
    }
}

#[test]
fn a_baseline_tolerates_what_it_knows_wherever_its_line_moves_and_nothing_else() {
    let old = aws_id(1);
    let sandbox = Sandbox::new().file("a.py", format!("k = '{old}'\n"));
    let run = "scan-secrets --write-baseline known.json";
    let _ = sandbox.run(run).code(1).marker(FOUND);
    let text = sandbox.read("known.json");
    assert!(!text.contains(&old[..6]), "{text}");
    sandbox.write("a.py", format!("# moved\n\nk = '{old}'\n"));
    let again = "scan-secrets --baseline known.json";
    let _ = sandbox.run(again).code(0).marker(CLEAN);
    let _ = sandbox.run(&format!("{again} --strict")).code(1).marker(STRICT);
    let output = sandbox.run("scan-secrets known.json --strict").code(0).marker(CLEAN);
    output.silent();
    sandbox.write("b.py", format!("k = '{old}'\n"));
    sandbox.write("c.py", format!("k = '{}'\n", aws_id(2)));
    let output = sandbox.run(&format!("{again} --format json")).code(1);
    let rule = "aws-access-token";
    assert_eq!(places(&output), [place(rule, "b.py", 1), place(rule, "c.py", 1)]);
    // Written again, it knows the old and the new; what could not be read is never in it.
    std::os::unix::fs::symlink("gone", sandbox.path("dangling")).unwrap();
    let _ = sandbox.run(&format!("{again} --write-baseline known.json")).code(1);
    assert_eq!(sandbox.json("known.json")["findings"].as_array().unwrap().len(), 3);
    let _ = sandbox.run(again).code(1).marker(FOUND);
    sandbox.write("known.json", text.replace("secrets-baseline.v1", "other.v1"));
    let _ = sandbox.run(again).code(3);
}

#[test]
fn sarif_has_a_rule_a_region_and_a_fingerprint_for_each_finding() {
    let sandbox = Sandbox::new().file("a b.py", format!("\nk = '{}'\n", aws_id(1)));
    let log = sandbox.run("scan-secrets --format sarif").code(1).json();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "aws-access-token");
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 1);
    assert_eq!(results[0]["ruleId"], "aws-access-token");
    assert_eq!(results[0]["level"], "error");
    assert!(results[0]["message"]["text"].as_str().unwrap().contains("AWS access key id"));
    let location = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(location["artifactLocation"]["uri"], "a%20b.py");
    assert_eq!(location["region"]["startLine"], 2);
    assert_eq!(location["region"]["startColumn"], 6);
    assert_eq!(results[0]["partialFingerprints"]["mmops/v1"].as_str().unwrap().len(), 32);
    let _ = sandbox.run("scan-secrets --format github").code(1);
}

#[test]
fn this_repository_is_clean_even_to_a_strict_scan() {
    let root = env!("CARGO_MANIFEST_DIR");
    let _ = Sandbox::new()
        .hide((r"FILES=\d+ *", "FILES=[COUNT] "))
        .run(&format!("--root {root} scan-secrets --strict"))
        .code(0)
        .marker(CLEAN);
}

#[test]
fn the_json_document_follows_its_schema() {
    let sandbox = Sandbox::new()
        .file("a.py", format!("k = '{}'  # gitleaks:allow\n", aws_id(1)))
        .file("b.py", format!("k = '{}'\n", aws_id(2)));
    let schema: Value = serde_json::from_str(&sandbox.run("schema scan-secrets").code(0).stdout).unwrap();
    let document = sandbox.run("scan-secrets --format json --write-baseline known.json").code(1).json();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&document), "{document:#}");
    let schema: Value = serde_json::from_str(&sandbox.run("schema secrets-baseline").code(0).stdout).unwrap();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&sandbox.json("known.json")));
}
