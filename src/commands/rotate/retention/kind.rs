//! The kind of a file: its extension. The newest file of each kind below a root and a rule stays, so
//! that no limit takes the last report, journal or log of its sort.

/// The extension that tells a file's kind, or nothing.
///
/// An extension is up to seven ASCII letters and perhaps one digit. Counters, dates and hashes are
/// none: `bot.log.3` and `bot.log.20260101` are of the kind `log`, or every one would be the newest of
/// its own kind and never go.
pub(crate) fn extension(name: &[u8]) -> &[u8] {
    let mut rest = name;
    while let Some(dot) = rest.iter().rposition(|byte| *byte == b'.') {
        let (stem, end) = (&rest[..dot], &rest[dot + 1..]);
        if stem.is_empty() {
            return b"";
        }
        if is_extension(end) {
            return end;
        }
        rest = stem;
    }
    b""
}

fn is_extension(text: &[u8]) -> bool {
    let letters = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let digits = text.len() - letters;
    (1..=7).contains(&letters) && digits <= 1 && text[letters..].iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::extension;

    #[test]
    fn counters_and_dates_are_no_kind() {
        for (name, kind) in [
            ("report.json", "json"),
            ("bot.log.3", "log"),
            ("bot.log.2026-01-01", "log"),
            ("cache.9f3ab2c1", ""),
            ("clip.mp4", "mp4"),
            ("README", ""),
            (".gitkeep", ""),
            ("tape.jsonl.gz", "gz"),
            ("x.", ""),
        ] {
            assert_eq!(extension(name.as_bytes()), kind.as_bytes(), "{name}");
        }
    }
}
