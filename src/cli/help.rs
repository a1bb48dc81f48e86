//! What the help says beyond options: commands by the question that they answer, examples, exit codes.

use crate::report::CommandSpec;
use crate::report::exit::Exit;

/// First words of commands by the question that they answer.
pub(super) const QUESTIONS: [(&str, &[&str]); 5] = [
    ("Before going live", &["pre-live-pack", "make-ready", "readiness", "golden-compare", "tune", "chaos"]),
    ("While running", &["soak"]),
    ("Shipping", &["bundle", "canary", "scan-secrets"]),
    ("Watching", &["cron-sentinel", "rotate"]),
    ("Tools", &["sim", "schema", "completions", "man"]),
];

/// Two command lines of each command that is listed, and what they do. The tests see that each is understood.
pub(super) const EXAMPLES: [(&str, [(&str, &str); 2]); 29] = [
    (
        "pre-live-pack",
        [
            (
                "mmops pre-live-pack --dry-run",
                "Rehearse by deploy/release/pre_live.yaml, or by the built-in plan",
            ),
            (
                "mmops pre-live-pack --dry-run --only scan_secrets_dry --junit pack.xml",
                "One step alone, and a report for CI",
            ),
        ],
    ),
    (
        "make-ready",
        [
            ("mmops make-ready", "Ask everything that deploy/release/make_ready.yaml requires"),
            (
                "mmops make-ready --plan deploy/release/make_ready_rehearsal.yaml",
                "A rehearsal, without a soak",
            ),
        ],
    ),
    (
        "readiness score",
        [
            ("mmops readiness", "Score the last seven daily reports"),
            ("mmops readiness score --window 14 --out-json readiness.json", "The last fourteen, into a file"),
        ],
    ),
    (
        "readiness validate",
        [
            ("mmops readiness validate artifacts/reports/readiness.json", "Is this score still a GO?"),
            (
                "mmops readiness validate readiness.json --max-age 12h",
                "The same, and no older than half a day",
            ),
        ],
    ),
    (
        "soak run",
        [
            ("mmops soak run --mock --hours 72", "Rehearse three days with a simulated bot, in seconds"),
            (
                "mmops soak run --scrape http://127.0.0.1:9100/metrics --hours 72",
                "Watch a real bot for three days",
            ),
        ],
    ),
    (
        "soak check",
        [
            (
                "mmops soak check --scrape http://127.0.0.1:9100/metrics",
                "Does this bot show all that the gates need?",
            ),
            (
                "mmops soak check --prometheus http://127.0.0.1:9090 --match 'job=\"bot\"'",
                "The same of a server, for one job",
            ),
        ],
    ),
    (
        "soak compare",
        [
            (
                "mmops soak compare --baseline artifacts/soak/RUN_1 --candidate artifacts/soak/RUN_2",
                "Is the second run worse?",
            ),
            (
                "mmops soak compare --baseline old --candidate new --margin margins.yaml --html compare.html --explain",
                "By margins of one's own, with a page, and how near it was",
            ),
        ],
    ),
    (
        "soak gate",
        [
            ("mmops soak gate", "Judge the newest run again"),
            (
                "mmops soak gate artifacts/soak/latest --profile soak-72h",
                "Another run, by a profile of its own",
            ),
        ],
    ),
    (
        "soak report",
        [
            ("mmops soak report", "Report on the newest run, into its own directory"),
            (
                "mmops soak report --src old/soak/latest --out analysis --last-n 24",
                "On a run of the earlier toolkit, by its last 24 iterations",
            ),
        ],
    ),
    (
        "soak daily",
        [
            ("mmops soak daily", "The report of yesterday, for readiness"),
            ("mmops soak daily --date 2026-03-09 --format json", "Another day, for a program"),
        ],
    ),
    (
        "tune sweep",
        [
            ("mmops tune sweep --feed btcusdt.gz", "Try every candidate of the grid on a recorded market"),
            (
                "mmops tune sweep --feed btcusdt.gz --jobs 4 --resume",
                "Go on where an interrupted sweep stopped",
            ),
        ],
    ),
    (
        "tune apply",
        [
            ("mmops tune apply --dry-run", "Show what the best safe candidate would change"),
            ("mmops tune apply --feed btcusdt.gz", "Write it, if the sweep was made on this market"),
        ],
    ),
    (
        "tune rollback",
        [
            ("mmops tune rollback --why 'edge fell below 2 bps'", "Put back what the last apply replaced"),
            ("mmops -q tune rollback --why 'wrong market' --format json", "The same, for a program"),
        ],
    ),
    (
        "chaos failover",
        [
            ("mmops chaos failover --dry-run", "A short drill with two processes and a lock file"),
            (
                "mmops chaos failover --runs 20 --jobs 4",
                "Twenty drills of real processes, each killed in its lease",
            ),
        ],
    ),
    (
        "bundle create",
        [
            (
                "mmops bundle create --plan deploy/release/bundle.yaml",
                "Make the bundle that a plan describes",
            ),
            ("mmops bundle create --sbom --sign release.key", "With a bill of materials, and signed"),
        ],
    ),
    (
        "bundle verify",
        [
            ("mmops bundle verify dist/mm-bot-v1.2.3.zip", "Does every byte agree with the manifest?"),
            (
                "mmops bundle verify dist/mm-bot-v1.2.3.zip --key release.pub --against /srv/mm-bot",
                "And with what is deployed?",
            ),
        ],
    ),
    (
        "bundle release",
        [
            (
                "mmops bundle release --src artifacts/soak/latest --out release/v1.2.3",
                "Make a release of a soak that passed",
            ),
            ("mmops bundle release --src run --out release/v1.2.3 --sign release.key", "The same, signed"),
        ],
    ),
    (
        "canary tag",
        [
            (
                "mmops canary tag --bundle release/v1.2.3 --tag v1.2.3 --dry-run",
                "Show the tag and its message",
            ),
            ("mmops canary tag --bundle release/v1.2.3 --tag v1.2.3 --sign", "Put it on the commit, signed"),
        ],
    ),
    (
        "canary checklist",
        [
            ("mmops canary checklist --bundle release/v1.2.3", "What the first days must show"),
            ("mmops canary checklist --bundle release/v1.2.3 --out CHECKLIST.md", "The same, into a file"),
        ],
    ),
    (
        "scan-secrets",
        [
            ("mmops scan-secrets", "Everything below the root that git does not ignore"),
            (
                "mmops scan-secrets --git-history --strict --format sarif",
                "All that was ever committed, for a code scanner",
            ),
        ],
    ),
    (
        "golden-compare",
        [
            (
                "mmops golden-compare --baseline golden.json --actual now.json --fail-on-drift --html drift.html",
                "Did the output change, and what in it?",
            ),
            (
                "mmops golden-compare --baseline golden --actual out --update --yes --reason 'new fees'",
                "Accept what is there now, with a record of why",
            ),
        ],
    ),
    (
        "rotate",
        [
            ("mmops rotate --days 7 --dry-run", "What is older than a week?"),
            ("mmops rotate --days 7 --archive-dir archive", "Archive it, verify the archive, then remove it"),
        ],
    ),
    (
        "rotate restore",
        [
            ("mmops rotate restore archive/mmops-rotation-20260310T120000Z.zip", "Put archived files back"),
            ("mmops rotate restore archive/old.zip --to restored", "Put them elsewhere"),
        ],
    ),
    (
        "cron-sentinel",
        [
            (
                "mmops cron-sentinel --calendar 48h",
                "Every job of deploy/cron/sentinel.yaml, and what is due when",
            ),
            ("mmops cron-sentinel --serve 127.0.0.1:9105", "A page, and metrics for Prometheus"),
        ],
    ),
    (
        "sim bot",
        [
            (
                "mmops sim bot --listen 127.0.0.1:9100 --scenario leak --for 1h",
                "A bot that leaks memory, for an hour",
            ),
            ("mmops sim bot --address-file bot.addr --speed 60", "On a free port, an hour a minute"),
        ],
    ),
    (
        "sim feed",
        [
            ("mmops sim feed --minutes 60 --out feed.gz", "An hour of a calm market"),
            ("mmops sim feed --seed 7 --minutes 60 --regime jump --out jump.gz", "Another one, that jumps"),
        ],
    ),
    (
        "schema",
        [
            ("mmops schema", "Which documents have a schema?"),
            ("mmops schema make-ready", "The schema of one of them"),
        ],
    ),
    (
        "completions",
        [
            ("mmops completions bash > /etc/bash_completion.d/mmops", "For bash"),
            ("mmops completions fish > ~/.config/fish/completions/mmops.fish", "For fish"),
        ],
    ),
    (
        "man",
        [
            ("mmops man | man -l -", "Read the manual page"),
            ("mmops man soak run > mmops-soak-run.1", "Write that of one command"),
        ],
    ),
];

/// What follows the options of a command in `--help` and in its manual page.
pub(super) fn after_options(spec: &CommandSpec) -> String {
    let mut text = String::from("Examples:\n");
    for (line, what) in EXAMPLES.iter().filter(|(path, _)| *path == spec.path).flat_map(|(_, lines)| lines) {
        text.push_str(&format!("  $ {line}\n      {what}\n"));
    }
    text + "\n" + &exit_codes(|exit| spec.can_end_with(exit))
}

/// What follows the options of mmops itself.
pub(super) fn after_all() -> String {
    exit_codes(|_| true) + "\npre-live-pack and make-ready exit with 0 or 1 and nothing else."
}

/// What `-h` says instead of the options that all commands share.
pub(super) const GLOBAL_OPTIONS: &str = "Global options: --root, --format, --junit, --metrics-file, --color, \
     --quiet, --verbose, --log-format, --lock-timeout, --now;\n`--help` explains them, and shows examples and exit codes.";

fn exit_codes(is_listed: impl Fn(Exit) -> bool) -> String {
    let mut text = String::from("Exit codes:\n");
    for (exit, name, meaning) in Exit::TABLE.into_iter().filter(|(exit, ..)| is_listed(*exit)) {
        text.push_str(&format!("  {:>3}  {name:<11} {meaning}\n", exit.code()));
    }
    text
}

/// Lines below the first stand under it.
fn wrapped(text: &str) -> String {
    const COLUMN: usize = 18;
    const WIDTH: usize = 100;
    let mut out = String::new();
    let mut used = COLUMN;
    for word in text.split(' ') {
        if used > COLUMN && used + word.len() >= WIDTH {
            out.push_str(&format!("\n{:COLUMN$}", ""));
            used = COLUMN;
        } else if used > COLUMN {
            out.push(' ');
        }
        out.push_str(word);
        used += word.len() + 1;
    }
    out
}

/// The help of mmops itself: the commands by question, each with the first line of its own help.
pub(super) fn template(root: &clap::Command) -> String {
    let mut text = String::from("{about-section}\n{usage-heading} {usage}\n\n");
    for (question, names) in QUESTIONS {
        text.push_str(&format!("{question}:\n"));
        for name in names {
            let about = root.find_subcommand(name).and_then(clap::Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            text.push_str(&format!("  {name:<16}{}\n", wrapped(&about)));
        }
        text.push('\n');
    }
    text + "Options:\n{options}{after-help}"
}
