//! `mmops rotate`: what looks like nothing to do, or like everything, and is neither.

use crate::readiness;
use crate::rotate::{FAILED, Mount, OK_REAL, add, aged, archives, days};
use crate::sandbox::{NOW, Sandbox};
use sha2::Digest as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};
use zip::write::SimpleFileOptions;

/// An overlay of which the layers are on two disks: its files name other devices than its directories.
struct Overlay<'a>(&'a Path);

impl Drop for Overlay<'_> {
    fn drop(&mut self) {
        assert!(Command::new("umount").arg(self.0).status().unwrap().success());
    }
}

#[test]
fn an_overlay_is_rotated_as_every_other_file_system() {
    let sandbox = Sandbox::new();
    let Some(_lower) = Mount::new(&sandbox.path("lower"), "size=1m") else { return };
    let Some(_upper) = Mount::new(&sandbox.path("upper"), "size=1m") else { return };
    add(&sandbox, &[("lower/a.json", 9.0), ("lower/sub/b.json", 8.0), ("upper/data/c.json", 1.0)]);
    for dir in ["upper/work", "artifacts"] {
        fs::create_dir_all(sandbox.path(dir)).unwrap();
    }
    let root = sandbox.path("artifacts");
    let layers = |dir: &str| sandbox.path(dir).display().to_string();
    let (lower, upper, work) = (layers("lower"), layers("upper/data"), layers("upper/work"));
    let options = format!("xino=off,lowerdir={lower},upperdir={upper},workdir={work}");
    let mounted =
        Command::new("mount").args(["-t", "overlay", "-o", &options, "overlay"]).arg(&root).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this user cannot mount an overlay");
        return;
    }
    let _overlay = Overlay(&root);
    let output = sandbox.run("rotate --days 7 --archive-dir archive --format json").code(0).json();
    assert_eq!((&output["found"]["files"], &output["removed"]["files"]), (&3.into(), &2.into()));
    assert!(
        !root.join("a.json").exists() && !root.join("sub/b.json").exists() && root.join("c.json").exists()
    );
}

#[test]
fn everything_that_is_left_alone_has_a_row_with_its_reason() {
    let sandbox = aged(&[("artifacts/a.md", 9.0), ("artifacts/b.md", 1.0), ("artifacts/.cache/x", 9.0)]);
    for pipe in ["artifacts/pipe", "artifacts/sub/pipe"] {
        fs::create_dir_all(sandbox.path(pipe).parent().unwrap()).unwrap();
        assert!(Command::new("mkfifo").arg(sandbox.path(pipe)).status().unwrap().success());
    }
    let mounts = Mount::new(&sandbox.path("artifacts/data"), "size=1m");
    if mounts.is_none() {
        return;
    }
    sandbox.run("rotate --days 7 --dry-run").code(0).stdout_has("LEFT_ALONE=2").stdout_has("sockets, pipes");
    let output = sandbox.run("rotate --days 7 --dry-run --format json").code(0).json();
    for (row, count) in [("special_files", 2), ("hidden_directories", 1), ("mount_points", 1)] {
        assert_eq!(output["left_alone"][row]["count"], count, "{row}");
        assert!(output["left_alone"][row]["reason"].as_str().is_some_and(|why| !why.is_empty()));
    }
}

#[test]
fn two_roots_that_show_one_directory_through_a_bind_mount_are_refused() {
    let sandbox = aged(&[("a/sub/x.json", 9.0), ("a/sub/y.json", 1.0), ("b/shown/.keep", 1.0)]);
    let (from, to) = (sandbox.path("a/sub"), sandbox.path("b/shown"));
    let bound = Command::new("mount").arg("--bind").args([&from, &to]).output();
    if !bound.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this user cannot mount");
        return;
    }
    let _bound = Overlay(&to);
    sandbox.run("rotate --keep 1 --roots a b/shown").error(3).stderr_has("one directory");
    assert!(from.join("x.json").exists());
}

#[test]
fn a_bare_repository_and_what_the_system_owns_are_no_roots() {
    let sandbox = aged(&[("bare/HEAD", 40.0), ("bare/objects/x", 40.0), ("bare/refs/y", 40.0)]);
    for root in ["bare", "/etc", "/usr", "/usr/share", "/var", "/var/log", "/boot", "/sys", "/home", "/root"]
    {
        if Path::new(root).is_absolute() && !Path::new(root).is_dir() {
            continue;
        }
        sandbox.run(&format!("rotate --days 7 --dry-run --base-dir {root}")).error(3);
    }
}

#[test]
fn every_spelling_of_a_pattern_protects_and_one_that_matches_nothing_is_an_error() {
    let tree = [
        ("artifacts/important.log", 90.0),
        ("artifacts/release/deep/x.log", 91.0),
        ("artifacts/newest.log", 1.0),
    ];
    for (pattern, stays) in [
        ("important.log", "important.log"),
        ("./important.log", "important.log"),
        ("artifacts/important.log", "important.log"),
        ("release", "release/deep/x.log"),
        ("release/", "release/deep/x.log"),
        ("./release/**", "release/deep/x.log"),
        ("artifacts/release/**", "release/deep/x.log"),
    ] {
        let sandbox = aged(&tree).unrecorded("every spelling does the same");
        sandbox.run(&format!("rotate --days 7 --protect {pattern}")).code(0).marker(OK_REAL);
        assert!(sandbox.path("artifacts").join(stays).exists(), "{pattern}");
        assert_eq!(sandbox.files().len(), 2, "{pattern}");
    }
    let sandbox = aged(&tree);
    let line = "rotate --days 7 --protect imortant.log";
    sandbox.run(line).error(3).stderr_has("`imortant.log` matches nothing");
    sandbox.run(&format!("{line} --allow-unmatched --dry-run")).code(0).stdout_has("UNMATCHED=1");
    sandbox.write("p.yaml", "protect: [imortant.log]\nrules: [{name: logs, pattern: '*.log', days: 7}]\n");
    sandbox.run("rotate --policy p.yaml").error(3);
    assert_eq!(sandbox.files().len(), 4);
}

#[test]
fn every_spelling_of_a_rule_applies_and_one_that_applies_to_nothing_is_told() {
    for pattern in ["logs/", "./logs/**", "artifacts/logs/", "logs", "artifacts/logs/**"] {
        let sandbox = aged(&[("artifacts/logs/a.log", 9.0), ("artifacts/logs/b.log", 1.0)]);
        let sandbox = sandbox.unrecorded("every spelling does the same");
        sandbox.write("p.yaml", format!("rules: [{{name: logs, pattern: '{pattern}', days: 7}}]\n"));
        sandbox.run("rotate --policy p.yaml").code(0).marker(OK_REAL);
        assert!(!sandbox.path("artifacts/logs/a.log").exists(), "{pattern}");
    }
    let sandbox = aged(&[("artifacts/soak/RUN_1/a", 9.0), ("artifacts/soak/RUN_2/a", 1.0)]);
    let rule = |pattern: &str| format!("  - {{name: runs, pattern: '{pattern}', unit: dir, keep: 1}}\n");
    sandbox.write("p.yaml", format!("rules:\n{}", rule("soak/RUN-*/")));
    sandbox
        .run("rotate --policy p.yaml")
        .code(0)
        .stdout_has("| rule_runs                 | WARN | MEMBERS=0 GOING=0");
    assert_eq!(sandbox.files().len(), 3);
    sandbox.write("p.yaml", format!("rules:\n{}", rule("./soak/RUN_*/")));
    sandbox.run("rotate --policy p.yaml").code(0).marker(OK_REAL);
    assert_eq!(sandbox.files(), ["artifacts/soak/RUN_2/a", "p.yaml"]);
}

#[test]
fn a_limit_that_cannot_be_met_takes_nothing_unless_that_is_asked_for() {
    let files = [("artifacts/a.log", 9.0), ("artifacts/b.log", 8.0), ("artifacts/c.log", 7.0)];
    let sandbox = aged(&files);
    sandbox.write("artifacts/sparse.log", "");
    let sparse = File::options().write(true).open(sandbox.path("artifacts/sparse.log")).unwrap();
    sparse.set_len(10 << 30).unwrap();
    sandbox.age("artifacts/sparse.log", days(1.0));
    sandbox.run("rotate --max-size 2G").code(0).marker(OK_REAL);
    sandbox.run("rotate --max-size 2G --apparent-size").code(1).marker(FAILED);
    sandbox.run("rotate --min-free 100T").code(1).marker(FAILED);
    sandbox.run("rotate --min-free 100T --dry-run").code(1).marker(FAILED);
    assert_eq!(sandbox.files().len(), 4);
    sandbox.run("rotate --max-size 2G --apparent-size --best-effort").code(0).marker(OK_REAL);
    assert_eq!(sandbox.files(), ["artifacts/sparse.log"]);
}

#[test]
fn what_was_unpacked_a_moment_ago_is_young_whatever_its_date_says() {
    let sandbox = Sandbox::real_time();
    for (name, age) in [("a.json", 90.0), ("b.json", 80.0), ("c.json", 0.0)] {
        let path = format!("artifacts/{name}");
        sandbox.write(&path, name);
        let then = SystemTime::now() - days(age);
        File::options().write(true).open(sandbox.path(&path)).unwrap().set_modified(then).unwrap();
    }
    let going = |options: &str| {
        let line = format!("rotate --days 7 --dry-run --format json {options}");
        sandbox.run(&line).code(0).json()["going"]["files"].clone()
    };
    assert_eq!(going(""), 2);
    assert_eq!(going("--min-age 10m"), 0);
    assert_eq!(going("--by ctime"), 0);
}

#[test]
fn files_are_dated_by_their_names_on_request() {
    let sandbox = aged(&[
        ("artifacts/bot-2026-01-01.log", 0.1),
        ("artifacts/bot-2026-03-09.log", 90.0),
        ("artifacts/bot_20260201T101112Z.log", 0.2),
        ("artifacts/plain.log", 90.0),
    ]);
    let output = sandbox.run("rotate --days 7 --by name --format json").code(0).json();
    assert_eq!((&output["exempt"]["undated"], &output["basis"]["by"]), (&1.into(), &"name".into()));
    assert_eq!(sandbox.files(), ["artifacts/bot-2026-03-09.log", "artifacts/plain.log"]);
}

#[test]
fn a_clock_that_has_jumped_removes_nothing() {
    let sandbox = Sandbox::new();
    for index in 0..40 {
        add(&sandbox, &[(&format!("artifacts/{index}.json"), f64::from(index) / 20.0)]);
    }
    let later = |line: &str| sandbox.run(&format!("--now 2029-03-10T12:00:00Z {line}"));
    later("rotate --days 7").code(1).marker(FAILED);
    later("rotate --days 7 --dry-run").code(1).marker(FAILED);
    later("rotate --days 7 --dry-run --plan plan.json").code(1).marker(FAILED);
    assert_eq!(sandbox.files().len(), 40);
    later("rotate --days 7 --allow-large").code(0).marker(OK_REAL);
    assert_eq!(sandbox.files(), ["artifacts/0.json"]);
}

#[test]
fn limits_that_never_bite_are_refused() {
    let sandbox = aged(&[("artifacts/a.json", 9.0)]);
    for age in ["90M", "584542000000y", "11y"] {
        sandbox.run(&format!("rotate --days 7 --min-age {age}")).error(64);
        sandbox.write("p.yaml", format!("min_age: {age}\nrules: [{{name: x, pattern: '*', days: 7}}]\n"));
        sandbox.run("rotate --policy p.yaml").error(3);
    }
    sandbox.write("p.yaml", "rules: [{name: x, pattern: '*', days: 4000000000}]\n");
    sandbox.run("rotate --policy p.yaml").error(3);
}

#[test]
fn tiers_are_counted_for_each_series_in_the_time_zone_of_the_policy() {
    // Half past twelve at night in Auckland on the 2nd is the 1st in UTC.
    let sandbox = Sandbox::new();
    for (name, time) in [("a_1.json", "2026-03-01T10:30:00Z"), ("a_2.json", "2026-03-01T11:30:00Z")] {
        for name in [name.to_owned(), format!("other_{name}")] {
            let path = format!("artifacts/{name}");
            sandbox.write(&path, "x");
            let time = time.parse::<jiff::Timestamp>().unwrap();
            let file = File::options().write(true).open(sandbox.path(&path)).unwrap();
            file.set_modified(time.into()).unwrap();
        }
    }
    for (zone, going) in [("UTC", 2), ("Pacific/Auckland", 0)] {
        let rule = "{name: all, pattern: '*', keep_newest: false, tiers: {daily: 2}}";
        sandbox.write("p.yaml", format!("timezone: {zone}\nrules: [{rule}]\n"));
        let output = sandbox.run("rotate --policy p.yaml --dry-run --format json").code(0).json();
        assert_eq!(output["basis"]["timezone"], zone);
        assert_eq!(output["going"]["files"], going, "{zone}");
    }
    sandbox.write("p.yaml", "timezone: Mars/Olympus\nrules: [{name: x, pattern: '*', keep: 7}]\n");
    sandbox.run("rotate --policy p.yaml").error(3);
    let rule = "{name: x, pattern: '*', keep_newest: false, group: '^(other)?', tiers: {last: 1}}";
    sandbox.write("p.yaml", format!("rules: [{rule}]\n"));
    sandbox.run("rotate --policy p.yaml").code(0).marker(OK_REAL);
    assert_eq!(sandbox.files(), ["artifacts/a_2.json", "artifacts/other_a_2.json", "p.yaml"]);
}

/// What a night of the chain writes, by the names that the commands give.
fn night(sandbox: &Sandbox, now: jiff::Timestamp) {
    let date = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let yesterday = date.yesterday().unwrap().strftime("%Y%m%d").to_string();
    let run = format!("artifacts/soak/RUN_{}", now.as_millisecond() - 3_600_000);
    let day = readiness::base().to_string();
    for (path, content) in [
        (format!("artifacts/reports/REPORT_SOAK_{yesterday}.json"), day.as_str()),
        (format!("artifacts/reports/REPORT_SOAK_{yesterday}.md"), "# day"),
        ("artifacts/reports/nightly_results.json".to_owned(), "{}"),
        ("artifacts/reports/soak_metrics.json".to_owned(), "{}"),
        (format!("artifacts/reports/analysis_{yesterday}.json"), "{}"),
        (format!("artifacts/reports/charts/{yesterday}.html"), "<html>"),
        ("artifacts/reports/PRE_LIVE_PACK.json".to_owned(), "{}"),
        ("artifacts/CHAOS_FAILOVER.json".to_owned(), "{}"),
        ("artifacts/cron.log".to_owned(), "log"),
        (format!("artifacts/logs/bot.log.{yesterday}"), "log"),
        (format!("{run}/RUN.json"), "{}"),
        (format!("{run}/samples.bin"), "samples"),
        (format!("artifacts/tmp/{yesterday}.json"), "{}"),
    ] {
        sandbox.write(&path, content);
        let file = File::options().write(true).open(sandbox.path(&path)).unwrap();
        file.set_modified(SystemTime::from(now) - Duration::from_hours(1)).unwrap();
    }
}

#[test]
fn the_shipped_policy_leaves_readiness_what_it_needs() {
    let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/ops/retention.yaml");
    let sandbox = Sandbox::new().unrecorded("a month of one answer");
    let start: jiff::Timestamp = "2026-01-01T02:00:00Z".parse().unwrap();
    for day in 0_i64..38 {
        let now = start + jiff::SignedDuration::from_hours(24 * day);
        night(&sandbox, now);
        // The first week has nothing to remove; then every day is asked.
        if day < 6 {
            continue;
        }
        let rotated = sandbox.run(&format!("--now {now} rotate --policy {}", policy.display()));
        rotated.code(0).marker(OK_REAL);
        let score = sandbox.run(&format!("--now {now} readiness"));
        score.code(0).marker("| readiness | OK | READINESS=GO |");
    }
    let left = sandbox.files();
    let count = |part: &str| left.iter().filter(|path| path.contains(part)).count();
    assert!(count("artifacts/tmp/") < 38 && count("bot.log") < 38, "it removes something: {left:?}");
    assert_eq!(count("RUN.json"), count("samples.bin"), "units stay whole");
    assert!(count("REPORT_SOAK") >= 60, "{left:?}");
}

#[test]
fn a_unit_that_changes_after_the_scan_is_put_back_whole() {
    let policy = "rules:\n  - {name: runs, pattern: run-*/, unit: dir, keep: 1}\n";
    let sandbox =
        aged(&[("artifacts/run-1/a", 9.0), ("artifacts/run-1/sub/b", 9.0), ("artifacts/run-3/d", 7.0)]);
    sandbox.write("p.yaml", policy);
    sandbox.run("rotate --policy p.yaml --dry-run --plan plan.json").code(0);
    // Stopped where the unit has its other name, until somebody who had it open has written into it.
    let mut command = traced(&sandbox, "-e inject=renameat2:signal=STOP:when=1", "rotate --policy p.yaml");
    let Ok(mut child) = command.stdout(std::process::Stdio::piped()).spawn() else { return };
    let aside = sandbox.path("artifacts/.mmops-removing-run-1");
    let start = std::time::Instant::now();
    while !aside.is_dir() {
        assert!(start.elapsed() < Duration::from_mins(1), "it was never set aside");
        std::thread::sleep(Duration::from_millis(1));
    }
    fs::write(aside.join("late"), "late").unwrap();
    let stopped = fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id())).unwrap();
    // It may be seen here before it has stopped.
    while child.try_wait().unwrap().is_none() {
        for pid in stopped.split_whitespace() {
            let pid = rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap();
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::CONT);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{stdout}");
    assert!(stdout.contains("nothing of it was removed"), "{stdout}");
    let mut left =
        ["run-1/a", "run-1/late", "run-1/sub/b", "run-3/d"].map(|path| format!("artifacts/{path}")).to_vec();
    left.extend(["p.yaml", "plan.json"].map(str::to_owned));
    assert_eq!(sandbox.files(), left);
}

#[test]
fn a_kill_at_each_step_of_a_rotation_tears_no_unit_and_the_next_one_finishes() {
    let policy = "rules:\n  - {name: runs, pattern: run-*/, unit: dir, keep: 1}\n";
    let files = [("artifacts/run-1/a", 9.0), ("artifacts/run-1/sub/b", 9.0), ("artifacts/run-3/d", 7.0)];
    let mut kills = 0;
    for call in ["renameat2", "unlinkat"] {
        for count in 1..9 {
            let sandbox = aged(&files).unrecorded("it is killed in its work");
            sandbox.write("p.yaml", policy);
            let line = "rotate --policy p.yaml --archive-dir archive";
            let inject = format!("-e inject={call}:signal=KILL:when={count}");
            let Some(output) = injected(&sandbox, &inject, line) else { return };
            kills += usize::from(output.status.code() != Some(0));
            for archive in archives(&sandbox) {
                sandbox.run(&format!("rotate restore {archive} --to rescued")).code(0);
            }
            let path = |path: &str| sandbox.path(path);
            let is_whole =
                |dir: &str| path(&format!("{dir}/a")).exists() && path(&format!("{dir}/sub/b")).exists();
            let is_archived = is_whole("rescued/artifacts/run-1");
            assert!(is_archived || is_whole("artifacts/run-1"), "{call} {count}: {:?}", sandbox.files());
            sandbox.run(line).code(0).marker(OK_REAL);
            assert!(!path("artifacts/run-1").exists(), "{call} {count}: {:?}", sandbox.files());
            let left: Vec<String> =
                sandbox.files().into_iter().filter(|path| path.contains("/.mmops-")).collect();
            assert!(left.is_empty(), "{call} {count}: {left:?}");
        }
    }
    assert!(kills >= 7, "{kills} runs were killed");
}

#[test]
fn a_file_that_cannot_be_read_stays_alone() {
    let sandbox = aged(&[("artifacts/a.json", 9.0), ("artifacts/b.json", 8.0), ("artifacts/c.json", 1.0)]);
    let bad = sandbox.path("artifacts/a.json").display().to_string();
    let inject = format!("-P {bad} -e trace=read -e inject=read:error=EIO");
    let Some(output) = injected(&sandbox, &inject, "rotate --days 7 --archive-dir archive") else { return };
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{stdout}");
    assert!(stdout.contains("artifacts/a.json: Input/output error"), "{stdout}");
    assert!(sandbox.path("artifacts/a.json").exists() && !sandbox.path("artifacts/b.json").exists());
    sandbox.run(&format!("rotate restore {}", archives(&sandbox)[0])).code(0);
    assert_eq!(sandbox.read("artifacts/b.json"), "artifacts/b.json");
}

#[test]
fn an_archive_is_as_private_as_what_is_in_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    for (file, dir, expected) in [(0o600, 0o755, 0o600), (0o644, 0o700, 0o600), (0o644, 0o755, 0o644)] {
        let sandbox = aged(&[("artifacts/a/x.json", 9.0), ("artifacts/b.json", 1.0)]);
        let sandbox = sandbox.unrecorded("every mode does the same");
        mode(&sandbox.path("artifacts/a/x.json"), file);
        mode(&sandbox.path("artifacts/a"), dir);
        mode(&sandbox.path("artifacts"), 0o755);
        sandbox.run("rotate --days 7 --archive-dir archive").code(0);
        let archive = fs::metadata(sandbox.path(&archives(&sandbox)[0])).unwrap();
        assert_eq!(archive.permissions().mode() & 0o777 & !0o022, expected & !0o022, "{file:o} {dir:o}");
    }
}

#[test]
fn what_explain_says_is_what_the_rotation_does() {
    let policy = "protect: ['*.keep']\nmin_age: 1h\nrules:\n  - {name: runs, pattern: runs/run_*/, unit: dir, keep: 4}\n  \
                  - {name: logs, pattern: '*.log', days: 14, min_keep: 3}\n  \
                  - {name: reports, pattern: 'reports/**', tiers: {last: 2, daily: 5, weekly: 3}}\n  \
                  - {name: bulk, pattern: 'bulk/**', max_size: 100K}\n";
    let sandbox = Sandbox::new().unrecorded("a thousand files");
    let mut seed = 7_u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let mut paths = Vec::new();
    for index in 0..1000_u64 {
        let path = match index % 5 {
            0 => format!("runs/run_{}/{index}.json", random(9)),
            1 => format!("logs/{index}.log"),
            2 => {
                format!("reports/day_{index}.{}", ["json", "md", "keep"][usize::try_from(random(3)).unwrap()])
            }
            3 => format!("bulk/{index}"),
            _ => format!("none/{index}.txt"),
        };
        let path = format!("artifacts/{path}");
        let age = f64::from(u32::try_from(random(60_000)).unwrap()) / 1000.0;
        add(&sandbox, &[(&path, age)]);
        paths.push(path);
    }
    sandbox.write("p.yaml", policy);
    let asked: Vec<String> = paths.iter().map(|path| format!("--explain {path}")).collect();
    let line = format!("rotate --policy p.yaml --dry-run --format json {}", asked.join(" "));
    let output = sandbox.run(&line).code(0).json();
    sandbox.run("rotate --policy p.yaml --dry-run --plan plan.json").code(0);
    let plan = sandbox.json("plan.json");
    sandbox.run("rotate --policy p.yaml").code(0).marker(OK_REAL);
    let explained = output["explanations"].as_array().unwrap();
    assert_eq!(explained.len(), paths.len());
    let mut actions = std::collections::BTreeSet::new();
    for explanation in explained {
        let path = explanation["path"].as_str().unwrap();
        let is_kept = sandbox.path(path).exists();
        assert_eq!(explanation["action"] == "keep", is_kept, "{explanation}");
        assert!(!explanation["until"].as_str().unwrap().is_empty());
        let planned = plan["files"]
            .as_array()
            .unwrap()
            .iter()
            .find(|file| path.strip_prefix("artifacts/") == file["path"].as_str());
        assert_eq!(planned.unwrap()["because"], explanation["because"], "{explanation}");
        actions.insert((explanation["rule"].to_string(), is_kept));
    }
    assert_eq!(actions.len(), 9, "every rule keeps and removes something: {actions:?}");
    sandbox.run("rotate --policy p.yaml --explain artifacts/none/4.txt").code(64);
    sandbox.run("rotate --policy p.yaml --dry-run --explain artifacts/nothing").error(3);
}

/// An archive with this manifest, as its comment says.
fn forged(sandbox: &Sandbox, manifest: &str) {
    let mut zip = zip::ZipWriter::new(File::create(sandbox.path("forged.zip")).unwrap());
    zip.start_file("MMOPS-ROTATION-MANIFEST.json", SimpleFileOptions::default()).unwrap();
    zip.write_all(manifest.as_bytes()).unwrap();
    let hash: String = sha2::Sha256::digest(manifest).iter().map(|byte| format!("{byte:02x}")).collect();
    zip.set_comment(format!("mmops rotation archive v1, manifest sha256 {hash}")).unwrap();
    zip.finish().unwrap();
}

#[test]
fn an_archive_of_another_schema_or_without_members_restores_nothing() {
    let sandbox = Sandbox::new();
    let manifest = |schema: &str, padding: &str| {
        format!(
            "{{\"schema\": \"mmops.rotation-archive.{schema}\", \"version\": \"1\", \"clock\": \"system\", \
             \"simulated\": false, \"made_at\": \"2026-03-10T12:00:00Z\", \
             \"created_utc\": \"2026-03-10T12:00:00Z\", \"members\": []{padding}}}"
        )
    };
    forged(&sandbox, &manifest("v99", ""));
    sandbox.run("rotate restore forged.zip").error(3).stderr_has("has the schema");
    forged(&sandbox, &manifest("v1", ""));
    sandbox.run("rotate restore forged.zip").error(3).stderr_has("no member");
    forged(&sandbox, &manifest("v1", &" ".repeat(4 << 20)));
    sandbox.run("rotate restore forged.zip").error(3).stderr_has("would take");
}

fn traced(sandbox: &Sandbox, inject: &str, line: &str) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null"]).args(inject.split(' '));
    command.arg(env!("CARGO_BIN_EXE_mmops")).args(line.split(' '));
    command.current_dir(sandbox.root()).env_clear().env("MMOPS_NOW", NOW).env("PATH", "/usr/bin:/bin");
    command
}

/// A run with a system call that fails, if this can be done here.
fn injected(sandbox: &Sandbox, inject: &str, line: &str) -> Option<std::process::Output> {
    let output = traced(sandbox, inject, line).output().ok();
    if output.is_none() {
        eprintln!("skipped: there is no strace");
    }
    output
}

#[test]
fn an_archive_gets_its_name_on_file_systems_that_cannot_rename_without_replacing() {
    let sandbox = aged(&[("artifacts/a.json", 9.0), ("artifacts/b.json", 1.0)]);
    let inject = "-e inject=renameat2:error=EINVAL";
    let Some(output) = injected(&sandbox, inject, "rotate --days 7 --archive-dir archive") else { return };
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(archives(&sandbox).len(), 1);
    assert_eq!(sandbox.files().len(), 2, "{:?}", sandbox.files());
}
