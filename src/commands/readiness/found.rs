//! What a score is made of, as it lies on the disk.

use crate::ctx::Ctx;
use crate::evidence::age::EvidencePolicy;
use crate::evidence::daily::report::{SCHEMA, SourceFile};
use crate::evidence::daily::standard::{BUILT_IN, CONFIG, DayRulesConfig, DayStandard, GATES, KPIS};
use crate::evidence::daily::{self, File};
use crate::evidence::entry::{Found, FoundDocument};
use crate::evidence::requirement::{Judge, Requirement};
use crate::release::identity;
use crate::report::exit::Fault;
use crate::sys::{fsio, json_file};
use std::path::{Path, PathBuf};

/// Where daily reports are.
pub(crate) const REPORTS: &str = "artifacts/reports";

/// Every daily report of the directory. The default directory may be missing, which shows no day; one
/// that the operator named may not.
pub(super) fn reports(dir: Option<&Path>, ctx: &Ctx) -> Result<Vec<File>, Fault> {
    let path = ctx.path(dir.unwrap_or(Path::new(REPORTS)));
    if dir.is_none() && !fsio::exists(&path)? {
        return Ok(Vec::new());
    }
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let files = fsio::list(&path)?;
    let reports =
        files.iter().filter_map(|path| Some((path, name(path).filter(|name| daily::is_report(name))?)));
    let read = |(path, name): (&PathBuf, String)| match json_file::load_hashed(path) {
        Ok((content, _, sha256)) => File { name, content: Ok(content), sha256: Some(sha256) },
        Err(fault) => File { name, content: Err(fault.to_string()), sha256: None },
    };
    Ok(reports.map(read).collect())
}

/// What `daily.yaml` asks of a day, where one of the reports says what it was made by.
pub(super) fn standard(reports: &[File], ctx: &Ctx) -> Result<Option<DayStandard>, Fault> {
    let is_ours = |file: &File| {
        file.content
            .as_ref()
            .is_ok_and(|content| content.get("schema").is_some_and(|schema| schema == SCHEMA))
    };
    if !reports.iter().any(is_ours) {
        return Ok(None);
    }
    let config: DayRulesConfig = ctx.configs.choose(None, CONFIG, BUILT_IN, "daily.yaml")?.parse()?;
    let choose = |named: &Option<String>, (place, built_in): (&str, &'static str), name: &str| {
        let source = ctx.configs.choose(named.as_deref().map(Path::new), place, built_in, name)?;
        Ok::<_, Fault>(SourceFile::of_config(&source, place))
    };
    let gates = choose(&config.gates.gates_file, GATES, "gates")?;
    let kpis = choose(&config.gates.kpis, KPIS, "definitions")?;
    Ok(Some(config.standard(gates, kpis)))
}

/// A document that a plan names.
pub(crate) fn document(path: &str, ctx: &Ctx) -> Found {
    let (content, modified, sha256) =
        json_file::load_hashed(&ctx.path(path)).map_err(|fault| fault.to_string())?;
    Ok(FoundDocument { content, modified, sha256 })
}

/// What requirements of this root are judged against. Git is asked only where one of them needs it.
pub(crate) fn judge<'a>(
    requirements: impl IntoIterator<Item = &'a Requirement>,
    policy: EvidencePolicy,
    ctx: &Ctx,
) -> Result<Judge, Fault> {
    let is_asked = requirements.into_iter().any(|requirement| requirement.same_release);
    let release = is_asked.then(|| identity::find(&ctx.root, &ctx.env, &ctx.cancel)).transpose()?;
    Ok(Judge { policy, maker: ctx.maker(), release: release.unwrap_or_default() })
}
