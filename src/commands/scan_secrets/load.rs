//! What the scan goes by: the rules, the ignore file of the root, the baseline.

use crate::commands::scan_secrets::detect::allow::IgnoreFile;
use crate::commands::scan_secrets::detect::file::RuleFile;
use crate::commands::scan_secrets::detect::fingerprint::Baseline;
use crate::commands::scan_secrets::detect::rules::{BUILT_IN, Origin, Ruleset, RulesetBuilder};
use crate::ctx::Ctx;
use crate::format::config::{self, Format};
use crate::report::exit::Fault;
use crate::sys::fsio;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const BUILT_IN_NAME: &str = "built-in secrets/rules.toml";

/// Name of the file with the fingerprints that gitleaks ignores.
const IGNORE_FILE: &str = ".gitleaksignore";

/// Longest chain of rule files that extend each other.
const LONGEST_CHAIN: usize = 4;

/// The rules, and the names of the files they come from.
pub(super) fn rules(ctx: &Ctx, file: Option<&Path>) -> Result<(Ruleset, Vec<String>), Fault> {
    let mut names = Vec::new();
    let builder = match file {
        Some(file) => builder_of(ctx, &ctx.path(file), &mut names)?,
        None => built_in(&mut names)?,
    };
    for warning in &builder.warnings {
        tracing::warn!("{warning}");
    }
    let name = names.first().cloned().unwrap_or_default();
    let ruleset =
        builder.compile().map_err(|error| Fault::config(format!("failed to load `{name}`: {error}")))?;
    Ok((ruleset, names))
}

fn built_in(names: &mut Vec<String>) -> Result<RulesetBuilder, Fault> {
    names.push(BUILT_IN_NAME.to_owned());
    let file: RuleFile = config::parse(BUILT_IN, Format::Toml, BUILT_IN_NAME)?;
    extend(RulesetBuilder::default(), file, Origin::BuiltIn, BUILT_IN_NAME)
}

fn builder_of(ctx: &Ctx, path: &Path, names: &mut Vec<String>) -> Result<RulesetBuilder, Fault> {
    let name = ctx.show(path);
    let fault = |what: String| Fault::config(format!("failed to load `{name}`: {what}"));
    if names.len() >= LONGEST_CHAIN {
        return Err(fault(format!("more than {LONGEST_CHAIN} files extend each other")));
    }
    let text = fsio::read_text(path)?;
    names.push(name.clone());
    // A copy of the built-in file is that file, so that its allowlists keep their meaning.
    if text == BUILT_IN {
        let file: RuleFile = config::parse(&text, Format::Toml, BUILT_IN_NAME)?;
        return extend(RulesetBuilder::default(), file, Origin::BuiltIn, BUILT_IN_NAME);
    }
    let file: RuleFile = config::parse(&text, Format::Toml, &name)?;
    if let Some(url) = &file.extend.url {
        return Err(fault(format!("extend.url `{url}`: rules are not loaded over the network")));
    }
    let base = match (&file.extend.path, file.extend.use_default) {
        (Some(_), true) => {
            return Err(fault("extend.path and extend.useDefault exclude each other".to_owned()));
        }
        (Some(base), false) => {
            let base: PathBuf = path.parent().unwrap_or(&ctx.root).join(base);
            builder_of(ctx, &base, names)?
        }
        (None, true) => built_in(names)?,
        (None, false) => RulesetBuilder::default(),
    };
    extend(base, file, Origin::Operator, &name)
}

fn extend(base: RulesetBuilder, file: RuleFile, origin: Origin, name: &str) -> Result<RulesetBuilder, Fault> {
    base.extend(file, origin).map_err(|error| Fault::config(format!("failed to load `{name}`: {error}")))
}

/// The `.gitleaksignore` of the root, if there is one.
pub(super) fn ignore_file(ctx: &Ctx) -> Result<IgnoreFile, Fault> {
    let path = ctx.path(IGNORE_FILE);
    if !fsio::exists(&path)? {
        return Ok(IgnoreFile::default());
    }
    let parsed = IgnoreFile::parse(&fsio::read_text(&path)?);
    let ignored =
        parsed.map_err(|error| Fault::config(format!("failed to load `{IGNORE_FILE}`: {error}")))?;
    tracing::info!("using {IGNORE_FILE} of the root: {} fingerprints", ignored.len());
    Ok(ignored)
}

pub(super) fn baseline(ctx: &Ctx, file: Option<&Path>) -> Result<BTreeSet<String>, Fault> {
    let Some(file) = file else { return Ok(BTreeSet::new()) };
    let path = ctx.path(file);
    let name = ctx.show(&path);
    let baseline: Baseline = config::parse(&fsio::read_text(&path)?, Format::Json, &name)?;
    baseline.fingerprints().map_err(|error| Fault::config(format!("failed to load `{name}`: {error}")))
}
