//! `mmops rotate`: what goes, what stays, what is refused, and that nothing is ever half done.

use crate::sandbox::{NOW, Output, Sandbox};
use serde_json::Value;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

pub const OK_REAL: &str = "| rotate_artifacts | OK | ROTATION=REAL |";
pub const OK_DRY: &str = "| rotate_artifacts | OK | ROTATION=DRYRUN |";
pub const FAILED: &str = "| rotate_artifacts | FAIL | ROTATION=FAILED |";
pub const RESTORED: &str = "| rotate_restore | OK | RESTORE=VERIFIED |";
pub const NOT_RESTORED: &str = "| rotate_restore | FAIL | RESTORE=FAILED |";

/// An archive that holds a time or a path of this run.
const ARCHIVE: (&str, &str) = (r"(\d+ bytes, SHA-256|BYTES=\d+ *|sha256) ([0-9a-f]{64})?", "[ARCHIVE]");
/// The seal of a plan, which names inodes.
const SEAL: (&str, &str) = (r#""seal": "[0-9a-f]{64}""#, r#""seal": "[SEAL]""#);

pub fn days(days: f64) -> Duration {
    Duration::from_secs_f64(days * 86_400.0)
}

/// A root with files of the given ages in days; each has its own path as content.
pub fn aged(files: &[(&str, f64)]) -> Sandbox {
    let sandbox = Sandbox::new();
    add(&sandbox, files);
    sandbox
}

pub fn add(sandbox: &Sandbox, files: &[(&str, f64)]) {
    for (path, age) in files {
        sandbox.write(path, path);
        sandbox.age(path, days(*age));
    }
}

pub fn archives(sandbox: &Sandbox) -> Vec<String> {
    sandbox.files().into_iter().filter(|path| path.ends_with(".zip")).collect()
}

#[test]
fn ttl_takes_only_what_is_older() {
    let sandbox = aged(&[("artifacts/old.json", 10.0), ("artifacts/new.json", 1.0)]);
    sandbox.run("rotate --days 5").code(0).marker(OK_REAL);
    assert_eq!(sandbox.files(), ["artifacts/new.json"]);
}

#[test]
fn count_keeps_the_newest() {
    let sandbox = aged(&[("artifacts/a.md", 5.0), ("artifacts/b.md", 3.0), ("artifacts/c.md", 1.0)]);
    sandbox.run("rotate --keep 2").code(0).marker(OK_REAL);
    assert_eq!(sandbox.files(), ["artifacts/b.md", "artifacts/c.md"]);
}

#[test]
fn size_takes_the_oldest_until_the_rest_fits() {
    let sandbox = Sandbox::new();
    for (path, size, age) in [("a", 1000, 10.0), ("b", 500, 5.0), ("c", 100, 1.0)] {
        let path = format!("artifacts/{path}.bin");
        sandbox.write(&path, vec![0; size]);
        sandbox.age(&path, days(age));
    }
    sandbox.run("rotate --max-size 1200 --apparent-size").code(0).marker(OK_REAL);
    assert_eq!(sandbox.files(), ["artifacts/b.bin", "artifacts/c.bin"]);
}

#[test]
fn a_file_just_replaced_by_a_newer_one_is_archived_and_removed() {
    let sandbox = Sandbox::real_time().hide(ARCHIVE).file("x/old.txt", "old").file("x/new.txt", "new");
    let past = SystemTime::now() - Duration::from_secs(2);
    File::options().write(true).open(sandbox.path("x/old.txt")).unwrap().set_modified(past).unwrap();
    sandbox.run("rotate --roots x --keep 1 --archive-dir y").code(0).marker(OK_REAL);
    let files = sandbox.files();
    assert_eq!(files.len(), 2, "{files:?}");
    assert_eq!(files[0], "x/new.txt");
    let zip = fs::read(sandbox.path(&files[1])).unwrap();
    assert!(zip.windows(9).any(|window| window == b"x/old.txt"));
}

#[test]
fn a_fresh_file_is_within_a_year() {
    let sandbox = aged(&[("x/fresh.json", 0.1)]);
    sandbox.run("rotate --roots x --keep-days 365 --dry-run").code(0).marker(OK_DRY);
}

#[test]
fn two_roots_are_counted_together() {
    let sandbox = aged(&[("a/one.txt", 1.0), ("b/two.txt", 2.0)]);
    sandbox.run("rotate --roots a b --keep-days 0 --dry-run").code(0).marker(OK_DRY);
    assert_eq!(sandbox.files(), ["a/one.txt", "b/two.txt"]);
}

#[test]
fn a_tiny_limit_in_a_dry_run_removes_and_writes_nothing() {
    let sandbox = aged(&[("x/a.json", 20.0), ("x/b.json", 16.0), ("x/c.json", 10.0), ("x/d.json", 1.0)]);
    let line =
        "rotate --roots x --keep-days 14 --max-size-gb 0.0000001 --best-effort --archive-dir y --dry-run";
    let output = sandbox.run(line).code(0).marker(OK_DRY);
    assert!(output.stdout.ends_with("|\n"));
    assert_eq!(sandbox.files().len(), 4);
}

#[test]
fn a_fresh_clone_with_an_empty_directory_is_ok() {
    let line = "rotate --days 7 --max-size 2G --keep 100 --dry-run";
    Sandbox::new().run(line).code(0).marker(OK_DRY);
    let clone = aged(&[("artifacts/.gitkeep", 400.0), (".git/HEAD", 400.0)]);
    clone.run(line).code(0).marker(OK_DRY);
    clone.run("rotate --days 7 --max-size 2G --keep 100").code(0).marker(OK_REAL);
    assert_eq!(clone.files().len(), 2);
}

#[test]
fn at_least_one_limit_is_required() {
    let sandbox = aged(&[("artifacts/a.json", 400.0)]);
    for line in ["rotate", "rotate --dry-run", "rotate --max-size-gb 0", "rotate --min-keep 3"] {
        sandbox.run(line).error(3);
    }
    assert_eq!(sandbox.files().len(), 1);
}

#[test]
fn values_that_are_no_limits_are_refused_by_name() {
    let sandbox = aged(&[("artifacts/a.json", 400.0)]);
    for line in [
        "--days -1",
        "--days 1.5",
        "--days 99999999999",
        "--keep -3",
        "--keep 99999999999999999999999",
        "--max-size 2GB",
        "--max-size -5",
        "--max-size 99999999T",
        "--max-size ''",
        "--max-size-gb -1",
        "--min-free lots",
        "--min-age soon --days 3",
        "--max-size 1G --max-size-gb 1",
        "--days 3 --policy p.yaml",
        "--days 3 --days 4",
    ] {
        let _ = sandbox
            .run(&format!("rotate {line}"))
            .code(64)
            .marker("| rotate_artifacts | FAIL | ROTATION=ERROR |");
    }
    for line in [
        "--keep 0",
        "--max-size 0",
        "--keep 3 --min-keep 5",
        "--days 1 --min-age 3d",
        "--days 3 --allow-remove-all",
        "--days 3 --pattern '[a'",
        "--days 3 --pattern ../x",
        "--days 3 --protect ''",
    ] {
        sandbox.run(&format!("rotate {line}")).error(3);
    }
    assert_eq!(sandbox.files().len(), 1);
}

#[test]
fn a_root_that_could_only_be_a_mistake_is_refused() {
    let sandbox =
        aged(&[("home/art/x", 40.0), ("repo/.git/HEAD", 40.0), ("repo/art/x", 40.0), ("file", 40.0)]);
    symlink(sandbox.path("home/art"), sandbox.path("link")).unwrap();
    let home = sandbox.path("home").display().to_string();
    let sandbox = sandbox.env("HOME", &home);
    let before = sandbox.files();
    for root in ["/", "home", "..", "repo", "repo/.git", "link", "link/", "file", "missing"] {
        let line = format!("rotate --days 7 --base-dir {root}");
        sandbox.run(&line).error(3);
        sandbox.run(&format!("{line} --dry-run")).error(3);
    }
    for roots in ["repo/art repo/art", "home/art home/art/../art"] {
        sandbox.run(&format!("rotate --days 7 --roots {roots}")).error(3);
    }
    add(&sandbox, &[("home/art/deep/y", 40.0)]);
    sandbox.run("rotate --days 7 --roots home/art home/art/deep").code(3);
    assert_eq!(sandbox.files().len(), before.len() + 1);
}

#[test]
fn the_working_root_itself_is_refused_when_it_is_a_repository() {
    let sandbox = aged(&[(".git/HEAD", 40.0), ("x.json", 40.0)]);
    sandbox.run("rotate --days 7 --base-dir .").code(3);
}

#[test]
fn links_hidden_directories_and_marked_directories_are_left_alone() {
    let sandbox = aged(&[
        ("outside/precious.json", 90.0),
        ("artifacts/.cache/a.json", 90.0),
        ("artifacts/kept/.mmops-keep", 90.0),
        ("artifacts/kept/deep/b.json", 90.0),
        ("artifacts/clone/.git/HEAD", 90.0),
        ("artifacts/clone/c.json", 90.0),
        ("artifacts/d.json", 90.0),
        ("artifacts/new.json", 1.0),
    ]);
    symlink(sandbox.path("outside"), sandbox.path("artifacts/to_dir")).unwrap();
    symlink(sandbox.path("outside/precious.json"), sandbox.path("artifacts/to_file.json")).unwrap();
    sandbox.run("rotate --days 7").code(0).marker(OK_REAL);
    assert!(!sandbox.path("artifacts/d.json").exists());
    assert_eq!(sandbox.files().len(), 9);
}

#[test]
fn protected_files_and_the_newest_of_each_kind_stay() {
    let sandbox = aged(&[
        ("artifacts/a/baseline.json", 90.0),
        ("artifacts/old.json", 90.0),
        ("artifacts/newest.json", 80.0),
        ("artifacts/only.csv", 95.0),
    ]);
    let output =
        sandbox.run("rotate --days 7 --protect baseline* --allow-large --format json").code(0).json();
    assert_eq!(output["saved"]["newest_of_kind"], 2);
    assert_eq!(output["exempt"]["protected"], 1);
    assert_eq!(sandbox.files(), ["artifacts/a/baseline.json", "artifacts/newest.json", "artifacts/only.csv"]);
}

#[test]
fn a_file_open_for_writing_or_still_in_progress_stays() {
    let sandbox = aged(&[
        ("artifacts/bot.log", 90.0),
        ("artifacts/old.log", 91.0),
        ("artifacts/part.json.tmp", 0.5),
        ("artifacts/stale.tmp", 9.0),
        ("artifacts/new.log", 0.1),
        ("artifacts/new.tmp", 0.1),
    ]);
    let log = sandbox.path("artifacts/bot.log");
    let _writer = File::options().append(true).open(log).unwrap();
    sandbox.run("rotate --days 0").code(0).marker(OK_REAL);
    assert_eq!(
        sandbox.files(),
        ["artifacts/bot.log", "artifacts/new.log", "artifacts/new.tmp", "artifacts/part.json.tmp"]
    );
}

#[test]
fn a_locked_file_is_kept_and_reported() {
    let sandbox = aged(&[("artifacts/a.db", 90.0), ("artifacts/b.db", 80.0), ("artifacts/c.db", 1.0)]);
    let held = File::open(sandbox.path("artifacts/a.db")).unwrap();
    held.lock_shared().unwrap();
    sandbox.run("rotate --days 7").code(0).marker(OK_REAL);
    assert_eq!(sandbox.files(), ["artifacts/a.db", "artifacts/c.db"]);
}

#[test]
fn the_floor_and_the_smallest_age_hold() {
    let sandbox = aged(&[("artifacts/a.md", 9.0), ("artifacts/b.md", 8.0), ("artifacts/c.md", 7.0)]);
    sandbox.run("rotate --days 1 --min-keep 2 --allow-large").code(0);
    assert_eq!(sandbox.files(), ["artifacts/b.md", "artifacts/c.md"]);
    sandbox.run("rotate --keep 1 --min-age 10d").code(0);
    assert_eq!(sandbox.files(), ["artifacts/b.md", "artifacts/c.md"]);
}

#[test]
fn a_time_in_the_future_counts_as_newest_and_is_reported() {
    let sandbox = aged(&[("artifacts/a.md", 9.0), ("artifacts/b.md", 8.0), ("artifacts/z.md", 1.0)]);
    let ahead = SystemTime::from(NOW.parse::<jiff::Timestamp>().unwrap()) + Duration::from_secs(90);
    let file = File::options().write(true).open(sandbox.path("artifacts/a.md")).unwrap();
    file.set_modified(ahead).unwrap();
    sandbox.run("rotate --keep 1").code(0).marker(OK_REAL);
    assert_eq!(sandbox.files(), ["artifacts/a.md"]);
}

#[test]
fn hard_links_count_once() {
    let sandbox = Sandbox::new().file("artifacts/a.bin", vec![0; 1000]).file("artifacts/c.bin", vec![0; 100]);
    fs::hard_link(sandbox.path("artifacts/a.bin"), sandbox.path("artifacts/b.bin")).unwrap();
    sandbox.age("artifacts/a.bin", days(9.0));
    sandbox.age("artifacts/c.bin", days(1.0));
    let within = sandbox.run("rotate --max-size 1100 --apparent-size --format json").code(0).json();
    assert_eq!((&within["found"]["bytes"], &within["going"]["files"]), (&1100.into(), &0.into()));
    let beyond = sandbox.run("rotate --max-size 1099 --apparent-size --format json").code(0).json();
    assert_eq!((&beyond["going"]["files"], &beyond["going"]["bytes"]), (&2.into(), &1000.into()));
    assert_eq!(sandbox.files(), ["artifacts/c.bin"]);
}

#[test]
fn limits_that_leave_nothing_need_a_filter_and_a_flag() {
    let sandbox = aged(&[("artifacts/a.core", 9.0), ("artifacts/b.core", 8.0), ("artifacts/c.json", 9.0)]);
    sandbox.run("rotate --keep 0 --pattern *.core").code(3);
    sandbox.run("rotate --keep 0 --pattern *.core --allow-remove-all").code(0).marker(OK_REAL);
    assert_eq!(sandbox.files(), ["artifacts/c.json"]);
}

#[test]
fn a_rule_that_would_empty_its_group_is_an_error() {
    let policy = "rules:\n  - {name: cores, pattern: '*.core', days: 1, keep_newest: false}\n";
    let sandbox = aged(&[("artifacts/a.core", 9.0), ("artifacts/b.core", 8.0)]).file("p.yaml", policy);
    sandbox.run("rotate --policy p.yaml").error(3);
    assert_eq!(sandbox.files().len(), 3);
    sandbox.run("rotate --policy p.yaml --allow-remove-all --allow-large").code(0).marker(OK_REAL);
    assert_eq!(sandbox.files(), ["p.yaml"]);
}

#[test]
fn empty_directories_go_on_request_and_the_root_stays() {
    let sandbox = aged(&[("artifacts/a/b/c.json", 9.0), ("artifacts/d/new.json", 1.0)]);
    fs::create_dir_all(sandbox.path("artifacts/fresh/empty")).unwrap();
    sandbox.run("rotate --days 7 --remove-empty-dirs --dry-run").code(0);
    sandbox.run("rotate --days 7").code(0);
    assert!(sandbox.path("artifacts/a/b").is_dir());
    add(&sandbox, &[("artifacts/a/b/c.json", 9.0)]);
    sandbox.run("rotate --days 7 --remove-empty-dirs").code(0);
    assert!(!sandbox.path("artifacts/a").exists());
    assert!(sandbox.path("artifacts/fresh/empty").is_dir(), "nobody knows yet what it is for");
}

#[test]
fn a_dry_run_and_the_real_one_take_the_same_files() {
    let sandbox = aged(&[("artifacts/a.md", 9.0), ("artifacts/b.md", 8.0), ("artifacts/c.md", 7.0)]);
    let dry = sandbox.run("rotate --keep 1 --dry-run --format json").code(0).json();
    assert_eq!(sandbox.files().len(), 3);
    let real = sandbox.run("rotate --keep 1 --format json").code(0).json();
    assert_eq!(dry["going"], real["going"]);
    assert_eq!(real["going"], real["removed"]);
    assert_eq!((&dry["mode"], &real["mode"]), (&"dry_run".into(), &"real".into()));
}

#[test]
fn what_cannot_be_deleted_is_listed_and_fails() {
    let sandbox = aged(&[("artifacts/a.md", 9.0), ("artifacts/b.md", 1.0)]);
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    // Root may delete anything, so the program runs as somebody else, who must be able to read it.
    let program = sandbox.path("mmops");
    fs::copy(env!("CARGO_BIN_EXE_mmops"), &program).unwrap();
    for path in [sandbox.root(), &program] {
        mode(path, 0o755);
    }
    mode(&sandbox.path("artifacts"), 0o555);
    let mut command = std::process::Command::new(&program);
    command.args(["rotate", "--days", "7"]).current_dir(sandbox.root()).env_clear().env("MMOPS_NOW", NOW);
    if rustix::process::geteuid().is_root() {
        command.uid(65_534).gid(65_534);
    }
    let output = loop {
        match command.output() {
            // Another test may have started a process while the copy was open for writing, which then has it open
            // until it becomes its own program.
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(Duration::from_millis(1));
            }
            output => break output.unwrap(),
        }
    };
    mode(&sandbox.path("artifacts"), 0o755);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stdout}");
    for text in [FAILED, "not_deleted", "artifacts/a.md: Permission denied"] {
        assert!(stdout.contains(text), "no `{text}` in {stdout}");
    }
    assert_eq!(sandbox.files().len(), 3);
}

/// A mount of its own below the sandbox, if this user may make one.
pub struct Mount(std::path::PathBuf);

impl Mount {
    pub fn new(path: &Path, options: &str) -> Option<Self> {
        fs::create_dir_all(path).unwrap();
        let mut command = std::process::Command::new("mount");
        let mounted = command.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(path).output();
        let mounted = mounted.is_ok_and(|output| output.status.success());
        if !mounted {
            eprintln!("skipped: this user cannot mount");
        }
        mounted.then(|| Self(path.to_owned()))
    }

    fn read_only(&self) {
        let mut command = std::process::Command::new("mount");
        assert!(command.args(["-o", "remount,ro"]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let unmounted = std::process::Command::new("umount").arg(&self.0).status();
        assert!(unmounted.unwrap().success());
    }
}

#[test]
fn a_read_only_disk_fails_with_every_file_listed() {
    let sandbox = Sandbox::new();
    let Some(mount) = Mount::new(&sandbox.path("artifacts"), "size=1m") else { return };
    add(&sandbox, &[("artifacts/a.md", 9.0), ("artifacts/b.md", 8.0), ("artifacts/c.md", 1.0)]);
    mount.read_only();
    sandbox.run("rotate --days 7").code(1).marker(FAILED);
    assert_eq!(sandbox.files().len(), 3);
}

#[test]
fn a_full_disk_for_the_archive_is_5_and_nothing_is_lost() {
    let sandbox = Sandbox::new();
    let Some(_mount) = Mount::new(&sandbox.path("archive"), "size=64k") else { return };
    let mut state = 1_u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    let noise: Vec<u8> = (0..200_000).map(|_| noise()).collect();
    sandbox.write("artifacts/big.bin", noise);
    sandbox.age("artifacts/big.bin", days(9.0));
    add(&sandbox, &[("artifacts/new.bin", 1.0)]);
    sandbox.run("rotate --days 7 --archive-dir archive").error(5);
    assert_eq!(sandbox.files(), ["artifacts/big.bin", "artifacts/new.bin"]);
}

#[test]
fn a_mount_below_the_root_is_not_entered() {
    let sandbox = aged(&[("artifacts/a.md", 9.0), ("artifacts/b.md", 1.0)]);
    let Some(_mount) = Mount::new(&sandbox.path("artifacts/data"), "size=1m") else { return };
    add(&sandbox, &[("artifacts/data/x.md", 90.0)]);
    sandbox.run("rotate --days 7").code(0).marker(OK_REAL);
    assert_eq!(sandbox.files(), ["artifacts/b.md", "artifacts/data/x.md"]);
}

#[test]
fn free_space_that_cannot_be_had_is_a_failure() {
    let sandbox = aged(&[("artifacts/a.md", 9.0), ("artifacts/b.md", 1.0)]);
    sandbox.run("rotate --min-free 1K").code(0).marker(OK_REAL);
    assert_eq!(sandbox.files().len(), 2);
    sandbox.run("rotate --min-free 1000000T --dry-run").code(1).marker(FAILED);
    sandbox.run("rotate --min-free 1000000T").code(1).marker(FAILED);
    for extra in ["", " --dry-run"] {
        let line = format!("rotate --min-free 1K{extra}");
        Sandbox::new().run(&line).error(3);
    }
}

#[test]
fn free_space_is_measured_after_a_plan_too() {
    let sandbox = aged(&[("artifacts/a.md", 9.0), ("artifacts/b.md", 1.0)]);
    sandbox.run("rotate --min-free 1000000T --best-effort --dry-run --plan plan.json").code(1).marker(FAILED);
    sandbox.run("rotate --apply plan.json").code(1).marker(FAILED);
    assert_eq!(sandbox.files(), ["artifacts/b.md", "plan.json"], "what may go went");
}

#[test]
fn an_archive_that_takes_the_space_it_was_to_make_is_a_failure() {
    let sandbox = Sandbox::new();
    let Some(_mount) = Mount::new(&sandbox.path("artifacts"), "size=2m") else { return };
    let mut state = 1_u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    sandbox.write("artifacts/big.bin", (0..700_000).map(|_| noise()).collect::<Vec<u8>>());
    sandbox.age("artifacts/big.bin", days(9.0));
    add(&sandbox, &[("artifacts/new.bin", 1.0)]);
    let line = "rotate --min-free 1800K --archive-dir artifacts/archive";
    sandbox.run(&format!("{line} --dry-run")).code(0).marker(OK_DRY);
    let output = sandbox.run(&format!("{line} --format json")).code(1).json();
    assert_eq!(output["removed"]["files"], 1);
    assert_eq!(output["unmet"][0]["limit"], "min_free");
}

#[test]
fn sizes_of_sparse_files_do_not_run_over() {
    let sandbox = Sandbox::new().hide(SEAL);
    let Some(_mount) = Mount::new(&sandbox.path("artifacts"), "size=1m") else { return };
    for (name, age) in [("a.bin", 9.0), ("b.bin", 8.0), ("c.bin", 1.0)] {
        let path = format!("artifacts/{name}");
        sandbox.write(&path, "");
        let file = File::options().write(true).open(sandbox.path(&path)).unwrap();
        file.set_len(7 << 60).unwrap();
        sandbox.age(&path, days(age));
    }
    let line = "rotate --days 7 --max-size 1G --plan plan.json";
    let output = sandbox.run(&format!("{line} --dry-run --format json")).code(0).json();
    assert_eq!(output["found"]["bytes"], u64::MAX);
    let output = sandbox.run("rotate --apply plan.json --format json").code(0).json();
    assert_eq!(output["removed"]["files"], 2);
}

#[test]
fn a_second_rotation_of_the_same_root_is_kept_out() {
    let sandbox = aged(&[("artifacts/a.md", 9.0), ("artifacts/b.md", 1.0)]);
    let held = File::open(sandbox.path("artifacts")).unwrap();
    held.lock().unwrap();
    sandbox.run("rotate --days 7").error(5);
    sandbox.run("rotate --days 7 --dry-run").code(0).marker(OK_DRY);
    assert_eq!(sandbox.files().len(), 2);
}

#[test]
fn an_unreadable_policy_is_3_with_place_and_reason() {
    let sandbox = aged(&[("artifacts/a.md", 9.0)]);
    for text in [
        "",
        "rules: []\n",
        "rules:\n  - {name: x, pattern: '*', dayz: 3}\n",
        "rules:\n  - {name: x, pattern: '*', days: -3}\n",
        "rules:\n  - {name: x, pattern: '*', max_size: 2GB}\n",
        "rules:\n  - {name: x, pattern: '*', days: 3, tiers: {daily: 3}}\n",
        "rules:\n  - {name: x, pattern: '*', keep: 0}\n",
        "min_age: 3d\nrules:\n  - {name: x, pattern: '*', days: 1}\n",
    ] {
        sandbox.write("p.yaml", text);
        sandbox.run("rotate --policy p.yaml").error(3);
    }
    sandbox.run("rotate --policy none.yaml").code(3);
    assert!(sandbox.path("artifacts/a.md").exists());
}

#[test]
fn a_policy_keeps_generations_of_whole_runs() {
    let sandbox = Sandbox::new();
    for day in 0..40 {
        let run = format!("artifacts/soak/run-{day:02}");
        add(&sandbox, &[(&format!("{run}/deep/a.json"), f64::from(day) + 0.3)]);
        add(&sandbox, &[(&format!("{run}/b.log"), f64::from(day) + 200.0)]);
    }
    add(&sandbox, &[("artifacts/other.csv", 400.0)]);
    let policy = "rules:\n  - name: runs\n    pattern: soak/run-*\n    unit: dir\n    \
                  tiers: {last: 2, daily: 5, weekly: 3}\n";
    sandbox.write("p.yaml", policy);
    let dry = sandbox.run("rotate --policy p.yaml --dry-run --format json").code(0).json();
    let real = sandbox.run("rotate --policy p.yaml --format json").code(0).json();
    assert_eq!(dry["going"], real["removed"]);
    let left: Vec<String> = fs::read_dir(sandbox.path("artifacts/soak"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut left: Vec<&str> = left.iter().map(String::as_str).collect();
    left.sort_unstable();
    // The frozen now is a Tuesday; runs 2 and 9 are the newest of the two weeks before.
    assert_eq!(left, ["run-00", "run-01", "run-02", "run-03", "run-04", "run-09"]);
    for run in left {
        assert!(sandbox.path(&format!("artifacts/soak/{run}/b.log")).exists(), "a unit goes or stays as one");
    }
    assert!(sandbox.path("artifacts/other.csv").exists(), "no rule speaks of it");
    let again = sandbox.run("rotate --policy p.yaml --format json").code(0).json();
    assert_eq!(again["going"]["files"], 0);
}

#[test]
fn a_unit_with_something_that_is_left_alone_stays_whole() {
    let policy = "rules:\n  - {name: runs, pattern: run-*, unit: dir, keep: 1}\n";
    let sandbox = aged(&[
        ("artifacts/run-1/a.json", 9.0),
        ("artifacts/run-1/.secret/b", 9.0),
        ("artifacts/run-2/a.json", 8.0),
        ("artifacts/run-3/a.json", 7.0),
    ]);
    sandbox.write("p.yaml", policy);
    sandbox.run("rotate --policy p.yaml").code(0);
    assert!(sandbox.path("artifacts/run-1/a.json").exists());
    assert!(!sandbox.path("artifacts/run-2").exists());
}

#[test]
fn the_shipped_policy_is_valid() {
    let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/ops/retention.yaml");
    let sandbox =
        aged(&[("artifacts/x.json", 90.0), ("artifacts/y.json", 1.0), ("artifacts/baseline.json", 99.0)]);
    sandbox.run(&format!("rotate --policy {}", policy.display())).code(0).marker(OK_REAL);
    assert_eq!(sandbox.files(), ["artifacts/baseline.json", "artifacts/y.json"]);
}

#[test]
fn the_shipped_policy_keeps_soak_runs_whole_and_what_the_bot_reads() {
    let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/ops/retention.yaml");
    let sandbox = aged(&[
        ("artifacts/soak/RUN_1/RUN.json", 90.0),
        ("artifacts/soak/RUN_1/samples.bin", 85.0),
        ("artifacts/soak/RUN_1/report.json", 80.0),
        ("artifacts/soak/runtime_overrides.json", 70.0),
        ("artifacts/soak/runtime_overrides.prev.json", 75.0),
        ("artifacts/old.json", 60.0),
        ("artifacts/new.json", 1.0),
    ]);
    symlink("RUN_1", sandbox.path("artifacts/soak/latest")).unwrap();
    let output = sandbox.run(&format!("rotate --policy {} --format json", policy.display())).code(0).json();
    assert_eq!(output["rules"]["soak-runs"]["members"], 1);
    assert_eq!(output["removed"]["files"], 1);
    assert!(!sandbox.path("artifacts/old.json").exists());
    assert_eq!(sandbox.files().len(), 7);
}

#[test]
fn an_archive_inside_a_unit_keeps_the_unit() {
    let policy = "rules:\n  - {name: runs, pattern: run-*, unit: dir, keep: 1}\n";
    let sandbox = aged(&[
        ("artifacts/run-1/mmops-rotation-20200101T000000Z.zip", 90.0),
        ("artifacts/run-1/a.json", 90.0),
        ("artifacts/run-2/a.json", 8.0),
        ("artifacts/run-3/a.json", 7.0),
    ]);
    sandbox.write("p.yaml", policy);
    sandbox.run("rotate --policy p.yaml").code(0);
    assert_eq!(archives(&sandbox).len(), 1);
    assert!(sandbox.path("artifacts/run-1/a.json").exists());
    assert!(!sandbox.path("artifacts/run-2").exists());
}

#[test]
fn an_archive_holds_what_was_removed_and_gives_it_back() {
    let sandbox = aged(&[("artifacts/a/x.json", 9.0), ("artifacts/y.json", 8.0), ("artifacts/z.json", 1.0)]);
    symlink("a/x.json", sandbox.path("artifacts/old_link")).unwrap();
    symlink("z.json", sandbox.path("artifacts/new_link")).unwrap();
    let status = std::process::Command::new("touch")
        .args(["-h", "-d", "2026-02-01T00:00:00Z"])
        .arg(sandbox.path("artifacts/old_link"))
        .status();
    assert!(status.unwrap().success());
    let before = fs::metadata(sandbox.path("artifacts/a/x.json")).unwrap();
    let output = sandbox.run("rotate --days 7 --archive-dir artifacts/archive --format json").code(0).json();
    assert_eq!(output["archive"]["members"], 3);
    let archive = archives(&sandbox);
    assert_eq!(archive, ["artifacts/archive/mmops-rotation-20260310T120000Z.zip"]);
    assert!(!sandbox.path("artifacts/a/x.json").exists() && !sandbox.path("artifacts/old_link").is_symlink());
    sandbox
        .run(&format!("rotate restore {} --dry-run", archive[0]))
        .code(0)
        .marker("| rotate_restore | OK | RESTORE=DRYRUN |");
    assert!(!sandbox.path("artifacts/a/x.json").exists());
    sandbox.run(&format!("rotate restore {}", archive[0])).code(0).marker(RESTORED);
    assert_eq!(sandbox.read("artifacts/a/x.json"), "artifacts/a/x.json");
    let after = fs::metadata(sandbox.path("artifacts/a/x.json")).unwrap();
    assert_eq!((before.mtime(), before.mtime_nsec()), (after.mtime(), after.mtime_nsec()));
    assert_eq!(before.mode(), after.mode());
    assert_eq!(fs::read_link(sandbox.path("artifacts/old_link")).unwrap(), Path::new("a/x.json"));
    let again = sandbox.run(&format!("rotate restore {} --format json", archive[0])).code(0).json();
    assert_eq!((&again["present"], &again["restored"]), (&3.into(), &0.into()));
}

#[test]
fn archives_have_the_same_bytes_and_never_the_same_name() {
    let make = || {
        let sandbox =
            aged(&[("artifacts/b.json", 9.0), ("artifacts/a.json", 8.0), ("artifacts/c.json", 1.0)]);
        sandbox.run("rotate --days 7 --archive-dir archive").code(0);
        sandbox
    };
    let (one, two) = (make(), make());
    let read = |sandbox: &Sandbox| fs::read(sandbox.path(&archives(sandbox)[0])).unwrap();
    assert_eq!(read(&one), read(&two));
    add(&one, &[("artifacts/d.json", 9.0)]);
    one.run("rotate --days 7 --archive-dir archive").code(0);
    let names =
        ["archive/mmops-rotation-20260310T120000Z-2.zip", "archive/mmops-rotation-20260310T120000Z.zip"];
    assert_eq!(archives(&one), names);
    assert_eq!(read(&two), fs::read(one.path(names[1])).unwrap());
}

#[test]
fn archives_are_rotated_only_by_a_pattern_that_names_them() {
    let sandbox = aged(&[("artifacts/archive/mmops-rotation-20200101T000000Z.zip", 900.0)]);
    add(&sandbox, &[("artifacts/archive/mmops-rotation-20210101T000000Z.zip", 800.0)]);
    sandbox.run("rotate --days 7 --allow-large").code(0);
    sandbox.run("rotate --days 7 --pattern *.zip --allow-large").code(0);
    assert_eq!(archives(&sandbox).len(), 2);
    sandbox.run("rotate --days 7 --pattern mmops-rotation-*.zip --allow-large").code(0);
    assert_eq!(archives(&sandbox).len(), 1);
}

#[test]
fn a_damaged_archive_restores_nothing() {
    let sandbox = aged(&[("artifacts/a.json", 9.0), ("artifacts/b.json", 8.0), ("artifacts/c.json", 1.0)]);
    sandbox.run("rotate --days 7 --archive-dir archive").code(0);
    let name = &archives(&sandbox)[0];
    let good = fs::read(sandbox.path(name)).unwrap();
    let mut refused = 0;
    for at in (0..good.len()).step_by(11) {
        let mut bad = good.clone();
        bad[at] ^= 0x55;
        sandbox.write("bad.zip", &bad);
        let output = sandbox.run("rotate restore bad.zip --to out");
        // Some bytes carry nothing that matters: times, versions. Then the content must be right.
        if output.code == Some(0) {
            assert_eq!(sandbox.read("out/artifacts/a.json"), "artifacts/a.json");
            assert_eq!(sandbox.read("out/artifacts/b.json"), "artifacts/b.json");
            fs::remove_dir_all(sandbox.path("out")).unwrap();
        } else {
            assert!(matches!(output.code, Some(1 | 3)), "{output:?}");
            assert!(!sandbox.path("out").exists(), "byte {at}: something was written");
            let is_error = output.code == Some(3);
            let _ = if is_error { output.error(3) } else { output.marker(NOT_RESTORED) };
            refused += 1;
        }
    }
    assert!(refused > 40, "{refused}");
    for bytes in [&good[..good.len() / 2], b""] {
        sandbox.write("bad.zip", bytes);
        sandbox.run("rotate restore bad.zip").error(3);
    }
    sandbox.run("rotate restore none.zip").error(3);
}

#[test]
fn restore_replaces_nothing_and_follows_no_link() {
    let sandbox =
        aged(&[("artifacts/a.json", 9.0), ("artifacts/sub/b.json", 8.0), ("artifacts/c.json", 1.0)]);
    sandbox.run("rotate --days 7 --archive-dir archive").code(0);
    let name = archives(&sandbox).remove(0);
    sandbox.write("artifacts/a.json", "mine");
    fs::remove_dir(sandbox.path("artifacts/sub")).unwrap();
    fs::create_dir(sandbox.path("elsewhere")).unwrap();
    symlink(sandbox.path("elsewhere"), sandbox.path("artifacts/sub")).unwrap();
    sandbox.run(&format!("rotate restore {name}")).code(1).marker(NOT_RESTORED);
    assert_eq!(sandbox.read("artifacts/a.json"), "mine");
    assert_eq!(fs::read_dir(sandbox.path("elsewhere")).unwrap().count(), 0);
    sandbox.run(&format!("rotate restore {name} --to rescued")).code(0).marker(RESTORED);
    assert_eq!(sandbox.read("rescued/artifacts/sub/b.json"), "artifacts/sub/b.json");
}

#[test]
fn files_from_elsewhere_are_restored_only_where_the_operator_says() {
    let outside = aged(&[("art/a.json", 9.0), ("art/b.json", 1.0)]);
    let sandbox = Sandbox::new().hide(ARCHIVE);
    let root = outside.path("art").display().to_string();
    sandbox.run(&format!("rotate --days 7 --base-dir {root} --archive-dir archive")).code(0);
    let name = archives(&sandbox).remove(0);
    sandbox.run(&format!("rotate restore {name}")).code(3);
    sandbox.run(&format!("rotate restore {name} --to /")).code(0).marker(RESTORED);
    assert_eq!(outside.read("art/a.json"), "art/a.json");
}

const PLAN: &str = "rotate --days 7 --dry-run --plan artifacts/plan.json";

fn planned() -> Sandbox {
    let sandbox = aged(&[
        ("artifacts/a.json", 9.0),
        ("artifacts/b/c.json", 8.0),
        ("artifacts/d.json", 1.0),
        ("artifacts/e.csv", 30.0),
    ]);
    sandbox.run(PLAN).code(0).marker(OK_DRY);
    sandbox
}

#[test]
fn a_plan_says_for_every_file_why_and_is_carried_out_unchanged() {
    let sandbox = planned();
    let plan = sandbox.json("artifacts/plan.json");
    assert_eq!(plan["schema"], "mmops.rotation-plan.v1");
    let files = plan["files"].as_array().unwrap();
    let line =
        |file: &Value| format!("{} {} {}", file["path"], file["action"], file["because"]).replace('"', "");
    let lines: Vec<String> = files.iter().map(line).collect();
    let expected = [
        "a.json remove [ttl]",
        "b/c.json remove [ttl]",
        "d.json keep [within_limits]",
        "e.csv keep [newest_of_kind]",
    ];
    assert_eq!(lines, expected);
    sandbox.run("rotate --apply artifacts/plan.json --dry-run").code(0).marker(OK_DRY);
    assert_eq!(sandbox.files().len(), 5);
    sandbox.run("rotate --apply artifacts/plan.json").code(0).marker(OK_REAL);
    assert_eq!(sandbox.files(), ["artifacts/d.json", "artifacts/e.csv", "artifacts/plan.json"]);
    sandbox.run("rotate --apply artifacts/plan.json").code(1);
}

#[test]
fn a_plan_is_refused_when_the_tree_changed() {
    let changes: [fn(&Sandbox); 5] = [
        |sandbox| add(sandbox, &[("artifacts/bb.json", 50.0)]),
        |sandbox| fs::remove_file(sandbox.path("artifacts/b/c.json")).unwrap(),
        |sandbox| sandbox.age("artifacts/a.json", days(8.5)),
        |sandbox| {
            // Same size and time: only the inode tells.
            sandbox.write("other", "artifacts/a.json");
            sandbox.age("other", days(9.0));
            fs::rename(sandbox.path("other"), sandbox.path("artifacts/a.json")).unwrap();
        },
        |sandbox| sandbox.write("artifacts/d.json", "more than there was"),
    ];
    for change in changes {
        let sandbox = planned();
        change(&sandbox);
        let before = sandbox.files();
        sandbox.run("rotate --apply artifacts/plan.json").code(1).marker(FAILED);
        assert_eq!(sandbox.files(), before);
    }
}

#[test]
fn a_plan_that_was_edited_or_cut_is_refused() {
    let sandbox = planned();
    let text = sandbox.read("artifacts/plan.json");
    for bad in [
        text.replacen("keep", "remove", 1),
        text.replace("2026", "2027"),
        text[..text.len() - 3].to_owned(),
        String::new(),
        "{}\n".to_owned(),
    ] {
        sandbox.write("artifacts/plan.json", bad);
        sandbox.run("rotate --apply artifacts/plan.json").error(3);
    }
    sandbox.run("rotate --apply none.json").code(3);
    sandbox.run("rotate --apply artifacts/plan.json --days 3").code(64);
    assert_eq!(sandbox.files().len(), 5);
}

#[test]
fn a_plan_carries_its_archive_its_directories_and_its_units() {
    let policy = "rules:\n  - {name: runs, pattern: run-*, unit: dir, keep: 1}\n";
    let sandbox = aged(&[("artifacts/run-1/x/a.json", 9.0), ("artifacts/run-2/b.json", 8.0)]);
    sandbox.write("p.yaml", policy);
    sandbox.run("rotate --policy p.yaml --archive-dir archive --dry-run --plan plan.json").code(0);
    sandbox.run("rotate --apply plan.json").code(0).marker(OK_REAL);
    assert!(!sandbox.path("artifacts/run-1").exists());
    sandbox.run(&format!("rotate restore {}", archives(&sandbox)[0])).code(0).marker(RESTORED);
    assert_eq!(sandbox.read("artifacts/run-1/x/a.json"), "artifacts/run-1/x/a.json");
}

#[test]
fn what_somebody_began_to_write_since_the_plan_stays_and_so_does_its_unit() {
    let policy = "rules:\n  - {name: runs, pattern: run-*, unit: dir, keep: 1}\n  - {name: logs, pattern: '*.log', keep: 1}\n";
    let sandbox = aged(&[
        ("artifacts/run-1/x/a.json", 9.0),
        ("artifacts/run-1/b.json", 9.0),
        ("artifacts/run-2/c.json", 8.0),
        ("artifacts/run-3/d.json", 7.0),
        ("artifacts/1.log", 9.0),
        ("artifacts/2.log", 8.0),
        ("artifacts/3.log", 7.0),
    ]);
    sandbox.write("p.yaml", policy);
    sandbox.run("rotate --policy p.yaml --dry-run --plan plan.json").code(0).marker(OK_DRY);
    let append = |path: &str| File::options().append(true).open(sandbox.path(path)).unwrap();
    let _writers = [append("artifacts/2.log"), append("artifacts/run-1/x/a.json")];
    let output = sandbox.run("rotate --apply plan.json --format json").code(0).json();
    assert_eq!(output["kept"]["artifacts/2.log"], "open for writing in another process");
    assert_eq!(output["kept"]["artifacts/run-1/b.json"], "a file beside it in the unit has to stay");
    let left = ["2.log", "3.log", "run-1/b.json", "run-1/x/a.json", "run-3/d.json"];
    let mut left = left.map(|path| format!("artifacts/{path}")).to_vec();
    left.extend(["p.yaml", "plan.json"].map(str::to_owned));
    assert_eq!(sandbox.files(), left);
}

#[test]
fn members_of_an_archive_have_names_of_their_own() {
    let sandbox = aged(&[("MMOPS-ROTATION-MANIFEST.json", 9.0), ("b.json", 1.0), ("out.d/.mmops-keep", 1.0)])
        .hide(ARCHIVE);
    sandbox.run("rotate --days 7 --base-dir . --archive-dir out.d").code(0).marker(OK_REAL);
    let archive = archives(&sandbox).remove(0);
    sandbox.run(&format!("rotate restore {archive}")).code(0).marker(RESTORED);
    assert_eq!(sandbox.read("MMOPS-ROTATION-MANIFEST.json"), "MMOPS-ROTATION-MANIFEST.json");
    // One root inside the working root that is spelled as one outside of it.
    let outside = aged(&[("x/a.json", 9.0), ("x/b.json", 1.0)]);
    let root = outside.path("x").display().to_string();
    let inside = root.trim_start_matches('/');
    add(&sandbox, &[(&format!("{inside}/a.json"), 8.0), (&format!("{inside}/b.json"), 1.0)]);
    sandbox
        .run(&format!("rotate --days 7 --roots {root} {inside} --archive-dir two"))
        .code(0)
        .marker(OK_REAL);
    let archive = archives(&sandbox).into_iter().find(|path| path.starts_with("two")).unwrap();
    let names = zip::ZipArchive::new(File::open(sandbox.path(&archive)).unwrap()).unwrap().len();
    assert_eq!(names, 3);
}

#[test]
fn a_bad_output_path_costs_nothing() {
    let sandbox = aged(&[("artifacts/a.json", 9.0), ("artifacts/b.json", 1.0), ("file", 1.0)]);
    sandbox.run("rotate --days 7 --plan file/plan.json").error(3);
    sandbox.run("rotate --days 7 --archive-dir file").error(3);
    assert_eq!(sandbox.files().len(), 3);
}

#[test]
fn documents_match_their_published_schemas() {
    let sandbox = planned().hide(SEAL);
    let check = |name: &str, document: &Value| {
        let schema: Value = Sandbox::new().run(&format!("schema {name}")).code(0).json();
        let errors: Vec<String> = jsonschema::validator_for(&schema)
            .unwrap()
            .iter_errors(document)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    };
    check("rotation-plan", &sandbox.json("artifacts/plan.json"));
    let line = "rotate --days 7 --archive-dir archive --plan plan.json --format json";
    check("rotate", &sandbox.run(line).code(0).json());
    let archive = archives(&sandbox).remove(0);
    check("rotate-restore", &sandbox.run(&format!("rotate restore {archive} --format json")).code(0).json());
    let mut zip = zip::ZipArchive::new(File::open(sandbox.path(&archive)).unwrap()).unwrap();
    let manifest = zip.by_name("MMOPS-ROTATION-MANIFEST.json").unwrap();
    check("rotation-archive", &serde_json::from_reader(manifest).unwrap());
}

#[test]
fn the_same_tree_gives_the_same_report() {
    let run = || {
        let files = [("artifacts/x/a.md", 9.0), ("artifacts/y/b.md", 9.0), ("artifacts/c.md", 9.0)];
        aged(&files).run("rotate --keep 1 --dry-run --format json").stdout
    };
    assert_eq!(run(), run());
}

#[test]
fn a_kill_at_any_moment_loses_nothing_that_is_not_in_an_archive() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let (mut killed, mut runs) = (0, 0);
    while killed < 12 {
        runs += 1;
        assert!(runs < 400, "{killed} of {runs} runs were killed in their work");
        let sandbox = Sandbox::new().unrecorded("how far it came is a matter of time");
        for index in 0..30 {
            add(&sandbox, &[(&format!("artifacts/d{}/{index}.json", index % 5), 9.0)]);
        }
        add(&sandbox, &[("artifacts/new.json", 1.0)]);
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let wait = Duration::from_micros(seed >> 50);
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_mmops"))
            .args(["rotate", "--days", "7", "--archive-dir", "archive"])
            .current_dir(sandbox.root())
            .env_clear()
            .env("MMOPS_NOW", NOW)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(wait);
        child.kill().unwrap();
        killed += usize::from(!child.wait().unwrap().success());
        check_nothing_lost(&sandbox);
        sandbox.run("rotate --days 7 --archive-dir archive").code(0).marker(OK_REAL);
        let litter = |path: &String| path.ends_with(".partial");
        assert!(!sandbox.files().iter().any(litter), "the next run cleans up");
        check_nothing_lost(&sandbox);
    }
}

/// Every file is in its place, or in an archive that restores.
fn check_nothing_lost(sandbox: &Sandbox) {
    for archive in archives(sandbox) {
        sandbox.run(&format!("rotate restore {archive} --to rescued")).code(0).marker(RESTORED);
    }
    for index in 0..30 {
        let path = format!("artifacts/d{}/{index}.json", index % 5);
        let rescued = format!("rescued/{path}");
        let found = if sandbox.path(&path).exists() { path.clone() } else { rescued };
        assert_eq!(sandbox.read(&found), path);
    }
    assert_eq!(sandbox.read("artifacts/new.json"), "artifacts/new.json");
}

#[test]
fn a_stop_is_clean_and_says_how_far_it_came() {
    let sandbox = Sandbox::real_time();
    for index in 0..3000 {
        let path = format!("artifacts/{index}.json");
        sandbox.write(&path, "x");
        let past = SystemTime::now() - days(9.0);
        File::options().write(true).open(sandbox.path(&path)).unwrap().set_modified(past).unwrap();
    }
    sandbox.write("artifacts/new.json", "x");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_mmops"))
        .args(["rotate", "--days", "7", "--archive-dir", "archive"])
        .current_dir(sandbox.root())
        .env_clear()
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let partial = || fs::read_dir(sandbox.path("archive")).is_ok_and(|mut dir| dir.next().is_some());
    while !partial() {
        assert_eq!(child.try_wait().unwrap(), None, "it ended before it was stopped");
        std::thread::sleep(Duration::from_millis(1));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert_eq!(
        sandbox.files().len(),
        3001,
        "stopped before the archive was whole: nothing goes, nothing stays behind"
    );
}

#[test]
fn verb_and_limits_do_not_mix() {
    let sandbox = aged(&[("artifacts/a.json", 9.0)]);
    let output: Output = sandbox.run("rotate --days 7 restore x.zip");
    output.code(64);
}
