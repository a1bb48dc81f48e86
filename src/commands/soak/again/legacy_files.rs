//! The files that the earlier toolkit left of a run.

use crate::ctx::Ctx;
use crate::format::hash;
use crate::judge::record::legacy::{self, LegacySummary};
use crate::report::exit::Fault;
use crate::sys::fsio;
use crate::sys::json_file;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The largest number of an iteration.
const MOST_ITERATIONS: u32 = 1_000_000;

/// Where summaries lie below the directory that was named.
const PLACES: [&str; 5] = ["", "latest", "soak/latest", "artifacts/soak/latest", "artifacts/latest"];

/// The summaries of a run in numeric order.
pub(super) struct LegacyFiles {
    /// Where they are.
    pub(super) home: PathBuf,
    pub(super) summaries: Vec<LegacySummary>,
    /// Of what `sha256sum` prints of them.
    pub(super) sha256: String,
}

/// The summaries of a run; none where there are none.
pub(super) fn summaries(dir: &Path, ctx: &Ctx) -> Result<Option<LegacyFiles>, Fault> {
    for place in PLACES {
        let home = if place.is_empty() { dir.to_owned() } else { dir.join(place) };
        if fsio::target_kind(&home)? != fsio::FileKind::Dir {
            continue;
        }
        let mut found: Vec<(u32, PathBuf)> = Vec::new();
        for path in fsio::list(&home)? {
            if let Some(number) = number_of(&path, ctx)? {
                found.push((number, path));
            }
        }
        if found.is_empty() {
            continue;
        }
        found.sort();
        if let Some(twice) = found.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let (one, other) = (ctx.show(&twice[0].1), ctx.show(&twice[1].1));
            return Err(Fault::config(format!("`{one}` and `{other}` are the same iteration")));
        }
        let (mut summaries, mut list) = (Vec::with_capacity(found.len()), String::new());
        for (number, path) in found {
            ctx.check_cancelled()?;
            let (document, _, sha256) = json_file::load_hashed(&path)?;
            let name = path.file_name().unwrap_or_default().display();
            list.push_str(&format!("{sha256}  {name}\n"));
            let bad = |what: &str| Fault::config(format!("`{}` {what}", ctx.show(&path)));
            if !legacy::is_summary(&document) {
                return Err(bad("is no summary of the earlier toolkit, and the run has no RUN.json"));
            }
            if document.get("iteration").and_then(Value::as_u64) != Some(u64::from(number)) {
                return Err(bad("holds another iteration than its name says"));
            }
            summaries.push(LegacySummary { iteration: number, document });
        }
        return Ok(Some(LegacyFiles { home, summaries, sha256: hash::sha256(&list) }));
    }
    Ok(None)
}

/// The iteration that a file name stands for; `None` for other files.
fn number_of(path: &Path, ctx: &Ctx) -> Result<Option<u32>, Fault> {
    let name = path.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
    let digits = name.strip_prefix("ITER_SUMMARY_").and_then(|rest| rest.strip_suffix(".json"));
    let Some(digits) = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())) else {
        return Ok(None);
    };
    match digits.parse() {
        Ok(number @ 1..=MOST_ITERATIONS) => Ok(Some(number)),
        _ => Err(Fault::config(format!(
            "`{}` is no iteration: its number must lie between 1 and {MOST_ITERATIONS}",
            ctx.show(path)
        ))),
    }
}

/// The overrides file of the earlier toolkit, beside the summaries or one directory up.
pub(super) fn overrides(home: &Path) -> Result<Option<Value>, Fault> {
    for place in [Some(home), home.parent()].into_iter().flatten() {
        let path = place.join("runtime_overrides.json");
        if fsio::exists(&path)? {
            return Ok(Some(json_file::load(&path)?.0));
        }
    }
    Ok(None)
}
