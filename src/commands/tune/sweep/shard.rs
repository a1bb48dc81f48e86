//! Shards of a sweep: what one machine of a fleet writes, and how all of them become one report.

use super::journal;
use crate::commands::tune::choose::document::SweepDocument;
use crate::commands::tune::choose::judge;
use crate::commands::tune::choose::shard::{SHARD_SCHEMA, SweepShard};
use crate::ctx::Ctx;
use crate::evidence::header::Header;
use crate::report::exit::Fault;
use crate::sys::fsio;
use crate::sys::json_file;
use std::path::{Path, PathBuf};

/// Where a shard of the report at `output` goes.
pub(super) fn path(output: &Path, index: usize, of: usize) -> PathBuf {
    output.with_extension(format!("shard-{index}-of-{of}.json"))
}

/// Joins all shards of a folder and counts them. Their inputs must be equal and each shard there once.
pub(super) fn merge(dir: &Path, ctx: &Ctx) -> anyhow::Result<(SweepDocument, usize)> {
    let named = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.contains(".shard-") && path.extension().is_some_and(|extension| extension == "json")
    };
    let paths: Vec<PathBuf> = fsio::list(dir)?.into_iter().filter(|path| named(path)).collect();
    let mut shards: Vec<(String, SweepShard)> = Vec::new();
    for path in paths {
        ctx.check_cancelled()?;
        let shown = ctx.show(&path);
        let mut shard: SweepShard = json_file::read(&path)?;
        let refuse = |problem: String| Fault::config(format!("failed to merge `{shown}`: {problem}"));
        if shard.header.schema != SHARD_SCHEMA {
            let found = &shard.header.schema;
            return Err(refuse(format!("schema is `{found}`, not `{SHARD_SCHEMA}`")).into());
        }
        if shard.inputs_sha256 != shard.inputs.sha256() {
            return Err(refuse("`inputs_sha256` is not the hash of its inputs".to_owned()).into());
        }
        shard.header = shard.header.or_made_at(shard.finished_at);
        if shard.header.made_at != Some(shard.finished_at) {
            return Err(refuse("`made_at` is not `finished_at`".to_owned()).into());
        }
        journal::refuse_future(&shard.header, ctx).map_err(refuse)?;
        if let Some((first, known)) = shards.first() {
            if known.inputs_sha256 != shard.inputs_sha256 {
                return Err(refuse(format!("its inputs differ from those of `{first}`")).into());
            }
            if known.of != shard.of {
                let (here, there) = (shard.of, known.of);
                return Err(refuse(format!("it is one of {here} shards, `{first}` one of {there}")).into());
            }
        }
        if let Some((twin, _)) = shards.iter().find(|(_, known)| known.index == shard.index) {
            return Err(refuse(format!("shard {} is in `{twin}` as well", shard.index)).into());
        }
        shards.push((shown, shard));
    }
    let Some((_, first)) = shards.first() else {
        let message = format!("failed to merge `{}`: there is no `*.shard-I-of-N.json`", ctx.show(dir));
        return Err(Fault::config(message).into());
    };
    let missing: Vec<String> = (0..first.of)
        .filter(|index| shards.iter().all(|(_, shard)| shard.index != *index))
        .map(|index| index.to_string())
        .take(20)
        .collect();
    if !missing.is_empty() {
        let (of, dir) = (first.of, ctx.show(dir));
        let message = format!("failed to merge `{dir}`: missing of {of} shards: {}", missing.join(", "));
        return Err(Fault::config(message).into());
    }
    let count = shards.len();
    let (inputs, sha256) = (first.inputs.clone(), first.inputs_sha256.clone());
    let header = shards.iter().map(|(_, shard)| &shard.header).fold(first.header.clone(), Header::joined);
    let measurements = shards.into_iter().flat_map(|(_, shard)| shard.measurements).collect();
    let document = judge::assemble(inputs, sha256, &header, measurements)
        .map_err(|problem| Fault::config(format!("failed to merge `{}`: {problem}", ctx.show(dir))))?;
    Ok((document, count))
}
