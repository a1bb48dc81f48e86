//! The definitions and the profile of a run: from the files that were named, from `deploy/soak/`, or built in.

use crate::ctx::Ctx;
use crate::evidence::daily::report::SourceFile;
use crate::evidence::daily::standard::{GATES, KPIS};
use crate::judge::gate::{GateProfile, GateProfiles};
use crate::judge::kpi::{KpiCatalogue, KpiDefinition};
use crate::report::exit::Fault;
use crate::sys::config;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The profile that is judged unless another is named.
pub(super) const DEFAULT_PROFILE: &str = "soak-72h";

/// The one of a short rehearsal.
pub(super) const SMOKE_PROFILE: &str = "smoke";

/// Where definitions and gates come from.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct SettingsFiles {
    /// Definitions of the figures [default: deploy/soak/kpis.yaml, else the built-in ones]
    #[arg(long, value_name = "FILE")]
    pub(super) kpis: Option<PathBuf>,
    /// Profiles of gates [default: deploy/soak/gates.yaml, else the built-in ones]
    #[arg(long, value_name = "FILE")]
    pub(super) gates_file: Option<PathBuf>,
}

/// What is measured, and what is allowed.
#[derive(Clone, Debug)]
pub(super) struct SoakSettings {
    pub(super) kpis: BTreeMap<String, KpiDefinition>,
    pub(super) profile: GateProfile,
    /// The files of both.
    pub(super) kpis_file: SourceFile,
    pub(super) gates_file: SourceFile,
}

/// Loads both files and takes one profile of them.
pub(super) fn load(files: &SettingsFiles, profile: &str, ctx: &Ctx) -> Result<SoakSettings, Fault> {
    let definitions = ctx.configs.choose(files.kpis.as_deref(), KPIS.0, KPIS.1, "definitions")?;
    let catalogue: KpiCatalogue = definitions.parse()?;
    refuse(&catalogue.problems())?;
    let gates = ctx.configs.choose(files.gates_file.as_deref(), GATES.0, GATES.1, "gates")?;
    let profile = profile_of(&gates, profile, &catalogue)?;
    let (kpis_file, gates_file) =
        (SourceFile::of_config(&definitions, KPIS.0), SourceFile::of_config(&gates, GATES.0));
    Ok(SoakSettings { kpis: catalogue.kpis, profile, kpis_file, gates_file })
}

/// Loads a profile whose gates fit these definitions.
pub(super) fn load_profile(
    files: &SettingsFiles,
    name: &str,
    catalogue: &KpiCatalogue,
    ctx: &Ctx,
) -> Result<GateProfile, Fault> {
    let chosen = ctx.configs.choose(files.gates_file.as_deref(), GATES.0, GATES.1, "gates")?;
    profile_of(&chosen, name, catalogue)
}

fn profile_of(chosen: &config::Source, name: &str, catalogue: &KpiCatalogue) -> Result<GateProfile, Fault> {
    let profiles: GateProfiles = chosen.parse()?;
    let Some(found) = profiles.resolve(name) else {
        let known: Vec<&str> = profiles.profiles.keys().map(String::as_str).collect();
        return Err(Fault::config(format!("there is no profile `{name}`; there are: {}", known.join(", "))));
    };
    let found = found.map_err(Fault::config)?;
    refuse(&found.problems(name, catalogue))?;
    Ok(found)
}

/// What a release needs of the last iterations, as far as it can be asked of these figures: the profile `name` of the
/// gates that are there, else of the built-in ones. A goal of a figure in another unit is left without its figure.
pub(super) fn goals(
    files: &SettingsFiles,
    kpis: &BTreeMap<String, KpiDefinition>,
    name: &str,
    ctx: &Ctx,
) -> Result<GateProfile, Fault> {
    let chosen = ctx.configs.choose(files.gates_file.as_deref(), GATES.0, GATES.1, "gates")?;
    let profiles: GateProfiles = chosen.parse()?;
    let found = if let Some(found) = profiles.resolve(name) {
        found
    } else {
        let built_in: GateProfiles = config::parse(GATES.1, config::Format::Yaml, GATES.0)?;
        built_in.resolve(name).unwrap_or_else(|| Err(format!("there is no profile `{name}`")))
    };
    let mut found = found.map_err(Fault::config)?;
    for goal in found.gates.values_mut() {
        if kpis.get(&goal.kpi).is_some_and(|kpi| kpi.unit != goal.unit) {
            goal.kpi = format!("{} in {}", goal.kpi, goal.unit);
        }
    }
    Ok(found)
}

/// A figure that a run measures otherwise than these definitions do, of those that are asked for.
pub(super) fn other_definition<'a>(
    of_run: &BTreeMap<String, KpiDefinition>,
    definitions: &BTreeMap<String, KpiDefinition>,
    figures: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    figures.into_iter().find(|name| {
        let form = |kpi: Option<&KpiDefinition>| {
            let mut form = serde_json::to_value(kpi?).expect("plain data serialises");
            form.as_object_mut()?.remove("description");
            Some(form)
        };
        form(of_run.get(*name)) != form(definitions.get(*name))
    })
}

fn refuse(problems: &[String]) -> Result<(), Fault> {
    let Some(first) = problems.first() else { return Ok(()) };
    let more = problems.len() - 1;
    let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
    Err(Fault::config(format!("the gates cannot be used: {first}{more}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_files_are_usable() {
        let catalogue: KpiCatalogue = config::parse(KPIS.1, config::Format::Yaml, "kpis").expect("kpis");
        let profiles: GateProfiles = config::parse(GATES.1, config::Format::Yaml, "gates").expect("gates");
        assert_eq!(catalogue.problems(), Vec::<String>::new());
        let names: Vec<&str> = profiles.profiles.keys().map(String::as_str).collect();
        assert_eq!(names, ["kpi-last8", "smoke", "soak-24h", DEFAULT_PROFILE]);
        for name in names {
            let profile = profiles.resolve(name).expect("it is there").expect("it extends what is there");
            assert_eq!(profile.problems(name, &catalogue), Vec::<String>::new());
        }
    }
}
