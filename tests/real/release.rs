//! The whole chain of a release on real processes, and no document of it made by hand: a Prometheus watches a simulated
//! bot for some seconds, and the soak of it is reported; a week on the virtual clock gives the days that readiness
//! scores; the release is made ready, built, verified, and refused a tag, because all of it was simulated.

use crate::server::{Prometheus, have};
use crate::soak::{bot_at, mmops, scraped};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Eight windows, which the goals of a release ask for.
const SOAK: &str =
    "soak run --gates kpi-last8 --warmup 0 --iterations 8 --iteration 1s --interval 1s --prometheus";
const RUN: &str = "artifacts/soak/latest";
const ANALYSIS: &str = "artifacts/soak/latest/reports/analysis";

/// What a team configures; the plans ask for what some seconds can show.
const CONFIGURATION: [(&str, &str); 5] = [
    ("VERSION", env!("CARGO_PKG_VERSION")),
    ("deploy/release/pre_live.yaml", "steps: [{name: rehearsal, argv: [/bin/true]}]\n"),
    (
        "deploy/release/make_ready.yaml",
        "pre_live_pack: {plan: null, timeout: 30s}
readiness: {reports: null, out_json: artifacts/reports/readiness.json, window: 7, max_age: 36h, drills: []}
soak_gates: {profile: kpi-last8}
evidence:
  - {name: soak, artifact: artifacts/reports/soak_metrics.json, max_age: 1d, same_release: true,
     expect: [{pointer: root.verdict, equals: PASS}]}
  - {name: failover_drill, artifact: artifacts/CHAOS_FAILOVER.json, max_age: 30d,
     expect: [{pointer: root.verdict, equals: OK}]}
",
    ),
    (
        "deploy/policies/rollback.yaml",
        "auto_rollback: {actions: [{type: halt}], verification: {checks: [{metric: m, condition: '== 0', timeout_seconds: 5}]}}
executors: {halt: {exec: [halt-bot]}}
",
    ),
    (".gitignore", "/artifacts\n/release\n/data\n/prometheus.*\n/bot.address\n"),
];

/// A day, counted back from today.
fn day(back: i64) -> jiff::civil::Date {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    today.checked_sub(jiff::Span::new().days(back)).unwrap()
}

struct Answer {
    code: i32,
    text: String,
}

fn ask(dir: &Path, line: &str) -> Answer {
    let output = mmops(dir, line).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    Answer { code: output.status.code().unwrap(), text: String::from_utf8_lossy(&text).into_owned() }
}

#[track_caller]
fn done(dir: &Path, line: &str) {
    let answer = ask(dir, line);
    assert_eq!(answer.code, 0, "{line}: {}", answer.text);
}

fn git(dir: &Path, line: &str) {
    let who = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
    let output = Command::new("git").args(who).args(line.split(' ')).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "git {line}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A week of a simulated bot, the drill and the reports of its days.
fn week(dir: &Path) {
    let begin = format!("--now {}T00:00:00Z", day(9));
    let apart = "--export-json artifacts/week/a.json --export-md artifacts/week/a.md --gate-summary artifacts/week/b.json";
    done(
        dir,
        &format!("soak run --mock --gates smoke --hours 216 --iteration 1h --interval 5m {apart} {begin}"),
    );
    done(dir, &format!("chaos failover --ttl 300ms --renew 100ms --kill-at 250ms {begin}"));
    done(dir, "soak report --mock");
    // What the bot ran with is accepted.
    let parameters =
        fs::read_to_string(dir.join(ANALYSIS).join("soak_profile.runtime_overrides.json")).unwrap();
    write(dir, "deploy/soak/accepted_parameters.yaml", &format!("parameters: {parameters}"));
    let text = include_str!("../../deploy/soak/daily.yaml");
    let (text, _) = text.split_once("bug_bash:").unwrap();
    write(
        dir,
        "deploy/soak/daily.yaml",
        &format!("{text}bug_bash:\n  command: {{argv: [/bin/true], timeout: 1m}}\n"),
    );
    // There is no day before the first one to compare it with.
    let first = ask(dir, &daily(8));
    assert!(first.code == 2 && first.text.contains("NO_HISTORY"), "{}", first.text);
    for back in (1..8).rev() {
        done(dir, &daily(back));
    }
}

/// The report of a day, made soon after its end.
fn daily(back: i64) -> String {
    format!("soak daily --date {} --now {}T00:10:00Z", day(back), day(back - 1))
}

fn write(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn make_ready(dir: &Path, more: &str) -> Answer {
    // The days are of a frozen clock, and so is what rests on them.
    ask(dir, &format!("make-ready{more} --now {}", jiff::Timestamp::now()))
}

/// One link that is broken, the command that must stop by it, and what it must name.
struct Break {
    path: String,
    /// What replaces what in it; none where the file is removed.
    edit: Option<(&'static str, &'static str)>,
    line: String,
    names: String,
}

fn breaks() -> Vec<Break> {
    let report = || "soak report --mock --out out".to_owned();
    let release = || format!("bundle release --src {RUN} --out release/r2 --allow-simulated");
    let ready = || format!("make-ready --allow-simulated --now {}", jiff::Timestamp::now());
    let verify = || "bundle verify release/r1".to_owned();
    let one_day = format!("artifacts/reports/REPORT_SOAK_{}.json", day(3).strftime("%Y%m%d"));
    let run = |name: &str| format!("{RUN}/{name}");
    let gone =
        |path: String, line: String, names: &str| Break { path, edit: None, line, names: names.to_owned() };
    let edited = |path: String, edit, line: String, names: &str| Break {
        path,
        edit: Some(edit),
        line,
        names: names.to_owned(),
    };
    let simulated = ("\"simulated\": true", "\"simulated\": false");
    vec![
        gone(run("RUN.json"), report(), "RUN.json"),
        edited(run("RUN.json"), ("\"iterations\": 8", "\"iterations\": 9"), report(), "RUN.json"),
        gone(run("JOURNAL.jsonl"), report(), "0 of 8"),
        edited(run("JOURNAL.jsonl"), ("\"value\":", "\"value\":1"), report(), "JOURNAL.jsonl"),
        gone(run("samples.bin"), report(), "samples.bin"),
        gone(run("ITER_SUMMARY_3.json"), report(), "ITER_SUMMARY_3.json"),
        edited(run("ITER_SUMMARY_3.json"), ("MEASURED", "NO_DATA"), report(), "ITER_SUMMARY_3.json"),
        edited(run("soak_metrics.json"), simulated, report(), "soak_metrics.json"),
        edited(run("gates_summary.json"), simulated, report(), "gates_summary.json"),
        gone(run("gates_summary.json"), report(), "gates_summary.json"),
        gone("artifacts/CHAOS_FAILOVER.json".to_owned(), daily(1), "CHAOS_FAILOVER.json"),
        edited("deploy/soak/accepted_parameters.yaml".to_owned(), ("600", "601"), daily(1), "DRIFT_PARAMS"),
        gone(one_day.clone(), ready(), "no report REPORT_SOAK_"),
        edited(
            one_day.clone(),
            ("\"chaos_result\": \"OK\"", "\"chaos_result\": \"FAIL\""),
            ready(),
            "contradicts itself: its verdict is OK",
        ),
        gone("artifacts/reports/soak_metrics.json".to_owned(), ready(), "soak_metrics.json"),
        edited(
            "artifacts/reports/soak_metrics.json".to_owned(),
            ("\"planned\": 8", "\"planned\": 9"),
            ready(),
            "soak_metrics.json",
        ),
        gone("artifacts/CHAOS_FAILOVER.json".to_owned(), ready(), "CHAOS_FAILOVER.json"),
        edited("VERSION".to_owned(), (env!("CARGO_PKG_VERSION"), "9.9.9"), ready(), "9.9.9"),
        edited(run("JOURNAL.jsonl"), ("\"value\":", "\"value\":1"), release(), "JOURNAL.jsonl"),
        gone(run("samples.bin"), release(), "samples.bin"),
        gone("release/r1/MANIFEST.json".to_owned(), verify(), "MANIFEST.json"),
        edited(
            "release/r1/MANIFEST.json".to_owned(),
            ("\"name\": \"r1\"", "\"name\": \"r2\""),
            verify(),
            "manifest",
        ),
        edited(
            "release/r1/rollback_plan.md".to_owned(),
            ("halt-bot", "start-bot"),
            verify(),
            "rollback_plan.md",
        ),
        gone("release/r1/POST_SOAK_AUDIT.md".to_owned(), verify(), "POST_SOAK_AUDIT.md"),
        edited(
            "deploy/policies/rollback.yaml".to_owned(),
            ("halt-bot", "stop-bot"),
            format!("canary tag --bundle release/r1 --tag v{}", env!("CARGO_PKG_VERSION")),
            "rollback.yaml",
        ),
    ]
}

fn is_simulated(dir: &Path, path: &str) -> bool {
    let document: Value = serde_json::from_str(&fs::read_to_string(dir.join(path)).unwrap()).unwrap();
    document["simulated"] == true
}

#[test]
fn from_a_soak_to_its_tag_every_link_is_made_by_the_one_before_and_says_that_it_was_simulated() {
    if !have(&["prometheus", "git"]) {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let dir = root.path();
    for (path, text) in CONFIGURATION {
        write(dir, path, text);
    }
    let (bot, config) = bot_at(dir, "steady", 300);
    let config = config.replace("1s", "200ms");
    let server = Prometheus::start(dir, &config, &[]);
    week(dir);
    scraped(&server);
    done(dir, &format!("{SOAK} {}", server.url()));
    drop((bot, server));
    done(dir, "soak report --mock");

    let blocked = make_ready(dir, "");
    assert!(
        blocked.code == 1 && blocked.text.contains("is simulated, which is not evidence"),
        "{}",
        blocked.text
    );
    let ready = make_ready(dir, " --allow-simulated");
    assert!(ready.code == 0 && ready.text.contains("READINESS=GO"), "{}", ready.text);

    git(dir, "init -q -b main");
    git(dir, "add .");
    git(dir, "commit -q -m first");
    let release = format!("bundle release --src {RUN} --out release/r1");
    let refused = ask(dir, &release);
    assert!(refused.code == 1 && refused.text.contains("simulated"), "{}", refused.text);
    done(dir, &format!("{release} --allow-simulated"));
    done(dir, "bundle verify release/r1");
    let tag = ask(dir, &format!("canary tag --bundle release/r1 --tag v{}", env!("CARGO_PKG_VERSION")));
    assert!(tag.code == 1 && tag.text.contains("the soak was simulated"), "{}", tag.text);
    let tags = Command::new("git").arg("tag").current_dir(dir).output().unwrap();
    assert!(tags.stdout.is_empty());
    for path in [
        "artifacts/reports/soak_metrics.json",
        "artifacts/reports/readiness.json",
        "artifacts/reports/MAKE_READY.json",
        &format!("artifacts/reports/REPORT_SOAK_{}.json", day(1).strftime("%Y%m%d")),
        &format!("{ANALYSIS}/POST_SOAK_SNAPSHOT.json"),
        "release/r1/POST_SOAK_SNAPSHOT.json",
    ] {
        assert!(is_simulated(dir, path), "{path}");
    }
    each_link_that_is_broken_stops_it(dir);
}

fn each_link_that_is_broken_stops_it(whole: &Path) {
    let copies = tempfile::tempdir().unwrap();
    let mut kept = Vec::new();
    for (number, Break { path, edit, line, names }) in breaks().into_iter().enumerate() {
        let dir = copies.path().join(number.to_string());
        let copied = Command::new("cp").arg("-a").arg(whole).arg(&dir).status().unwrap();
        assert!(copied.success());
        let file = dir.join(&path);
        match edit {
            None => fs::remove_file(&file).unwrap(),
            Some((old, new)) => {
                let text = fs::read_to_string(&file).unwrap();
                if !text.contains(old) {
                    kept.push(format!("{path} has no {old}: {text}"));
                }
                fs::write(&file, text.replacen(old, new, 1)).unwrap();
            }
        }
        let answer = ask(&dir, &line);
        if answer.code == 0 || !answer.text.contains(&names) {
            kept.push(format!("{path} {edit:?}: {line} ends with {}:\n{}", answer.code, answer.text));
        }
        fs::remove_dir_all(dir).unwrap();
    }
    assert!(kept.is_empty(), "{}", kept.join("\n\n"));
}
