//! Names that programs give to files which they have not finished: what has such a name is nobody's result yet.

/// Endings of editors, browsers and copying programs, and of those who write a file before they rename it.
const ENDINGS: [&str; 10] =
    ["tmp", "temp", "part", "partial", "crdownload", "download", "filepart", "swp", "swo", "swx"];

/// Endings that also count with something behind them, such as the number of a process.
const ANYWHERE: [&str; 3] = ["tmp", "temp", "partial"];

/// Whether the name of a file, without its directory, is one of those. A dot in front hides a file, which most
/// programs do to what they write.
pub(crate) fn is_unfinished(name: &str) -> bool {
    if name.ends_with('~') || name.starts_with('.') || name.starts_with("~$") {
        return true;
    }
    let lower = name.to_ascii_lowercase();
    let mut parts = lower.split('.').skip(1).peekable();
    while let Some(part) = parts.next() {
        let known: &[&str] = if parts.peek().is_none() { &ENDINGS } else { &ANYWHERE };
        if known.contains(&part) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_being_written_is_known_by_its_name() {
        for name in [
            "report.json.tmp",
            "report.json.TMP",
            "report.tmp.json",
            "report.json.tmp.4711",
            "a.part",
            "a.partial",
            "a.csv.crdownload",
            "a.swp",
            "a~",
            ".report.json.Xq2T",
            "~$a.xlsx",
        ] {
            assert!(is_unfinished(name), "{name}");
        }
        for name in ["report.json", "tmp", "part", "tmp.json", "temp_1.csv", "a.part.json", "a.parts", "v1~2"]
        {
            assert!(!is_unfinished(name), "{name}");
        }
    }
}
