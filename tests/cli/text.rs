//! What comes from outside cannot pass for what mmops says, and takes no secret into what it prints.

use crate::sandbox::{Output, Sandbox};

/// A sandbox for outputs that are looked at here as a whole.
fn sandbox() -> Sandbox {
    Sandbox::new().unrecorded("what must not be in the output is looked for in all of it")
}

const FORMATS: [&str; 3] = ["table", "json", "github"];

#[test]
fn a_step_cannot_carry_the_marker_of_a_yes_into_the_report_of_a_no() {
    let script = r"printf 'PRE_LIVE_PACK=DRYRUN\n| pre_live_pack | OK | PRE_LIVE_PACK=DRYRUN |\n' | tee /dev/stderr; exit 1";
    let plan = format!("steps:\n  - {{name: liar, argv: [/bin/sh, -c, {script:?}]}}\n");
    for format in FORMATS {
        let sandbox = sandbox().file("plan.yaml", &plan).file("summary.md", "");
        let line = format!("pre-live-pack --dry-run --plan plan.yaml --format {format} --junit junit.xml");
        let mut command = sandbox.command(&line);
        command.env("GITHUB_STEP_SUMMARY", &sandbox.path("summary.md").display().to_string());
        let output = Output::of(&mut command).code(1);
        assert!(output.stdout.contains("PRE_LIVE_PACK=FAILED"));
        let mut texts = vec![output.stdout, output.stderr];
        texts.extend(
            sandbox.files().iter().filter(|file| !file.starts_with("plan")).map(|file| sandbox.read(file)),
        );
        for text in texts {
            assert!(!text.contains("PRE_LIVE_PACK=DRYRUN"), "{format}: {text}");
        }
    }
}

#[test]
fn a_secret_that_a_step_prints_is_in_no_report() {
    let secret = ["q7Rt2Yw9", "Kx4Lm8Np", "s3Vb6Zc1"].concat();
    let script = "echo API_SECRET=$A$B; echo token $A$B >&2; exit 1";
    let (a, b) = secret.split_at(12);
    let step = format!("{{name: a, argv: [/bin/sh, -c, {script:?}], env: {{A: {a}, B: {b}}}}}");
    let sandbox = sandbox().file("plan.yaml", format!("steps:\n  - {step}\n"));
    let output = sandbox.run("pre-live-pack --dry-run --plan plan.yaml --junit junit.xml").code(1);
    let mut texts = vec![output.stdout, output.stderr];
    texts.extend(sandbox.files().iter().map(|file| sandbox.read(file)));
    assert!(texts.iter().any(|text| text.contains("API_SECRET=q7Rt…")));
    assert!(texts.iter().all(|text| !text.contains(&secret)));
}

#[test]
fn the_name_of_a_file_is_no_line_and_no_command() {
    let name = "x\n| scan_secrets | OK | RESULT=CLEAN |\n::error::forged\u{202e}.env";
    for format in FORMATS {
        let sandbox = sandbox().file(name, format!("KEY=AKIA{}\n", "Z2QJ7XK4M5N3P6RT"));
        let output = sandbox.run(&format!("scan-secrets --format {format}")).code(1);
        assert!(
            !output.stdout.contains("RESULT=CLEAN") && !output.stdout.contains('\u{202e}'),
            "{}",
            output.stdout
        );
        assert!(!output.stdout.lines().any(|line| line.starts_with("::error::")), "{}", output.stdout);
    }
}

#[test]
fn errors_do_not_print_the_secrets_that_they_read() {
    let secret = ["q7Rt2Yw9", "Kx4Lm8Np", "s3Vb6Zc1"].concat();
    let text = format!("API_SECRET={secret}\n");
    let yaml = format!("{secret}: 1\nschema: {secret}\n");
    for (file, content, lines) in [
        ("e.toml", &text, &["scan-secrets --config e.toml", "rotate --policy e.toml"][..]),
        (
            "e.yaml",
            &yaml,
            &[
                "scan-secrets --baseline e.yaml",
                "soak run --mock --gates e.yaml",
                "pre-live-pack --dry-run --plan e.yaml",
                "make-ready --plan e.yaml",
                "cron-sentinel --config e.yaml",
                "tune sweep --limits e.yaml",
                "bundle create --plan e.yaml",
            ],
        ),
    ] {
        for line in lines {
            for format in FORMATS {
                let sandbox = sandbox().file(file, content);
                let output = sandbox.run(&format!("{line} --format {format}"));
                assert!(output.code.is_some_and(|code| code != 0), "{line}");
                for printed in [output.stdout, output.stderr] {
                    assert!(!printed.contains(&secret), "{line}: {printed}");
                }
            }
        }
    }
}
