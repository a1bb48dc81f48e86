//! Text from outside, made safe to show: a line stays one line, nothing moves the cursor or turns the direction
//! of reading, nothing passes for the marker of a report, and what looks like a secret is cut.
//!
//! Each renderer passes what it prints through here, and then escapes what its own format asks for.

use regex::{Captures, Regex};
use std::borrow::Cow;
use std::sync::LazyLock;

/// Keys of the markers that end reports. Scripts look for `KEY=VALUE` of one of them in all that is printed.
pub(crate) const MARKER_KEYS: [&str; 25] = [
    "BUNDLE",
    "CANARY",
    "CHAOS_NODE",
    "CHAOS_RESULT",
    "COMPLETIONS",
    "CRON_SENTINEL",
    "GOLDEN",
    "MAKE_READY",
    "MAN",
    "PARAM_SWEEP",
    "PRE_LIVE_PACK",
    "READINESS",
    "RESTORE",
    "RESULT",
    "ROTATION",
    "SCHEMA",
    "SIM_BOT",
    "SIM_FEED",
    "SOAK",
    "SOAK_CHECK",
    "SOAK_COMPARE",
    "SOAK_DAILY",
    "SOAK_REPORT",
    "TUNING_APPLY",
    "TUNING_ROLLBACK",
];

/// Most bytes of one text that are shown.
const SHOWN_BYTES: usize = 2048;

/// Characters of a secret that are shown.
const SAMPLE_CHARS: usize = 4;

/// One printable line: what could end it, move the cursor or turn the direction of reading becomes its escape.
pub(crate) fn line(text: &str) -> String {
    escaped(text, |c| is_active(c) || matches!(c, '\n' | '\t'))
}

/// The same of several lines, which a renderer keeps apart in its own way.
pub(crate) fn lines(text: &str) -> String {
    escaped(text, is_active)
}

fn escaped(text: &str, is_active: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in without_markers(text).chars() {
        if is_active(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// Whether a terminal, a log or a browser does something else with a character than show it.
pub(crate) fn is_active(c: char) -> bool {
    let is_control = c.is_control() && !matches!(c, '\n' | '\t');
    let turns_direction =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    is_control || turns_direction || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Where an `=` stands behind the key of a marker and before a value.
pub(crate) fn marker_signs(text: &str) -> impl Iterator<Item = usize> {
    text.match_indices('=').map(|(at, _)| at).filter(|at| {
        let (before, after) = (&text[..*at], &text.as_bytes()[at + 1..]);
        after.first().is_some_and(u8::is_ascii_uppercase)
            && MARKER_KEYS.iter().any(|key| before.ends_with(key))
    })
}

fn without_markers(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    for at in marker_signs(text) {
        out.push_str(&text[copied..at]);
        out.push('\\');
        copied = at;
    }
    if copied == 0 { text.into() } else { (out + &text[copied..]).into() }
}

/// At most 2 KiB of a text: its head and its tail, and how much is between them.
pub(crate) fn bounded(text: String) -> String {
    if text.len() <= SHOWN_BYTES {
        return text;
    }
    let head = text.floor_char_boundary(SHOWN_BYTES / 2);
    let tail = text.ceil_char_boundary(text.len() - SHOWN_BYTES / 2);
    format!("{} [... {} bytes not shown ...] {}", &text[..head], tail - head, &text[tail..])
}

/// The text with each value in it that looks like a secret cut to its first characters: a value behind a key that
/// names a secret, a token of a known issuer, and a long run of letters and digits without order. Of an address the
/// user with a password is left out.
pub(crate) fn redacted(text: &str) -> Cow<'_, str> {
    static NAMED: LazyLock<Regex> = LazyLock::new(|| {
        let key = "password|passwd|passphrase|secret|token|api_?key|access_?key|private_?key|credentials?";
        pattern(&format!(
            r#"(?i)((?:{key})[0-9]*["']?\s*(=|:\s)\s*["'`]?)([^\s"'`,;/$<{{%][^\s"'`,;]{{7,}})"#
        ))
    });
    static ISSUED: LazyLock<Regex> = LazyLock::new(|| {
        let prefixes = "AKIA|ASIA|AIza|gh[pousr]_|github_pat_|glpat-|sk_live_|sk_test_|sk-|xox[abprs]-|eyJ";
        pattern(&format!(r"\b(?:{prefixes})[\w-]{{12,}}[\w.-]*"))
    });
    static LONG: LazyLock<Regex> = LazyLock::new(|| pattern(r"[A-Za-z0-9]{20,}"));
    static IN_ADDRESS: LazyLock<Regex> = LazyLock::new(|| pattern(r"(://)[^\s/:@`]*:[^\s/@`]+@"));
    let text = NAMED.replace_all(text, |found: &Captures<'_>| {
        // A colon stands in prose as well, where what follows is a word.
        let is_value = &found[2] == "=" || found[3].bytes().any(|byte| byte.is_ascii_digit());
        let value = &found[3];
        format!("{}{}", &found[1], if is_value { sample(value) } else { value.to_owned() })
    });
    let text = chained(text, |text| IN_ADDRESS.replace_all(text, "$1…@"));
    let text = chained(text, |text| ISSUED.replace_all(text, |found: &Captures<'_>| sample(&found[0])));
    chained(text, |text| {
        LONG.replace_all(
            text,
            |found: &Captures<'_>| {
                if is_random(&found[0]) { sample(&found[0]) } else { found[0].to_owned() }
            },
        )
    })
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of ours compiles")
}

fn chained(text: Cow<'_, str>, next: impl Fn(&str) -> Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => next(text),
        Cow::Owned(text) => next(&text).into_owned().into(),
    }
}

/// The first characters of a secret; of one that was cut before, all that is left.
fn sample(secret: &str) -> String {
    if secret.contains('…') {
        return secret.to_owned();
    }
    let shown: String = secret.chars().take(SAMPLE_CHARS).collect();
    shown + "…"
}

/// Whether lower case, upper case and digits are mixed in a run as they are in keys, and not in names. A hexadecimal
/// number is a hash or an id, of which reports are full.
fn is_random(run: &str) -> bool {
    let kind = |byte: u8| match byte {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    };
    let has = |wanted: i32| run.bytes().any(|byte| kind(byte) == wanted);
    // A capital before small letters begins a word.
    let is_change = |pair: &&[u8]| match (kind(pair[0]), kind(pair[1])) {
        (1, 0) => false,
        (one, other) => one != other,
    };
    let changes = run.as_bytes().windows(2).filter(is_change).count();
    has(0) && has(1) && has(2) && changes * 4 >= run.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_forge_a_line_or_a_marker_is_shown_as_what_it_is() {
        for (text, expected) in [
            ("plain", "plain"),
            (
                "a\n| rotate_artifacts | OK | ROTATION=REAL |",
                "a\\n| rotate_artifacts | OK | ROTATION\\=REAL |",
            ),
            ("x_SOAK=PASS, SOAK=72 hours", "x_SOAK\\=PASS, SOAK=72 hours"),
            ("\u{1b}[2J\t\u{202e}b\u{2028}", "\\u{1b}[2J\\t\\u{202e}b\\u{2028}"),
        ] {
            assert_eq!(line(text), expected);
        }
        assert_eq!(lines("a\n\tRESULT=CLEAN\r"), "a\n\tRESULT\\=CLEAN\\r");
    }

    #[test]
    fn a_long_text_keeps_its_head_and_its_tail() {
        let text = format!("{}{}{}", "é".repeat(700), "x".repeat(900_000), "ü".repeat(700));
        let shown = bounded(text.clone());
        assert!(shown.starts_with('é') && shown.ends_with('ü') && shown.len() < 2100, "{}", shown.len());
        assert!(shown.contains(&format!(" {} bytes not shown ", text.len() - 2048)), "{shown}");
        assert_eq!(bounded("short".to_owned()), "short");
    }

    #[test]
    fn what_looks_like_a_secret_is_cut_and_nothing_else() {
        let random = ["q7Rt2Yw9", "Kx4Lm8Np", "s3Vb6Zc1"].concat();
        for (text, expected) in [
            (format!("API_SECRET={random}"), "API_SECRET=q7Rt…".to_owned()),
            (format!("unknown key `{random}`"), "unknown key `q7Rt…`".to_owned()),
            (format!("db_password: '{}'", "hunter2hunter"), "db_password: 'hunt…'".to_owned()),
            (format!("ghp_{}", "a1".repeat(18)), "ghp_…".to_owned()),
            ("`git+https://u:p@h/x@abc`".to_owned(), "`git+https://…@h/x@abc`".to_owned()),
        ] {
            let once = redacted(&text).into_owned();
            assert_eq!(once, expected);
            assert_eq!(redacted(&once), expected, "cut twice");
        }
        for kept in [
            "unexpected token: something",
            "MMOPS_PROMETHEUS_TOKEN_FILE=/run/secrets/token1",
            "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "artifacts/soak/run_20260310T120000Z_latency/ITER_SUMMARY_000001.json",
            "readinessScoreOfTheWindow2026AndMore",
            "ssh://git@h/x, http://h:9090/a@b",
        ] {
            assert_eq!(redacted(kept), kept);
        }
    }
}
