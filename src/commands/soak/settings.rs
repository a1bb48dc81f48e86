//! The definitions and the profile of a run: from the files that were named, from `deploy/soak/`, or built in.

use crate::ctx::Ctx;
use crate::judge::gate::{GateProfile, GateProfiles};
use crate::judge::kpi::{KpiCatalogue, KpiDefinition};
use crate::report::exit::Fault;
use std::collections::BTreeMap;
use std::path::PathBuf;

const KPIS: (&str, &str) = ("deploy/soak/kpis.yaml", include_str!("../../../deploy/soak/kpis.yaml"));
const GATES: (&str, &str) = ("deploy/soak/gates.yaml", include_str!("../../../deploy/soak/gates.yaml"));

/// The profile that is judged unless another is named.
pub(super) const DEFAULT_PROFILE: &str = "soak-72h";

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
}

/// Loads both files and takes one profile of them.
pub(super) fn load(files: &SettingsFiles, profile: &str, ctx: &Ctx) -> Result<SoakSettings, Fault> {
    let choose = |named: &Option<PathBuf>, (own, built_in), what: &str| {
        ctx.configs.choose(named.as_deref(), own, built_in, what)
    };
    let catalogue: KpiCatalogue = choose(&files.kpis, KPIS, "definitions")?.parse()?;
    let profiles: GateProfiles = choose(&files.gates_file, GATES, &format!("gates {profile}"))?.parse()?;
    let mut problems = catalogue.problems();
    let Some(found) = profiles.resolve(profile) else {
        let known: Vec<&str> = profiles.profiles.keys().map(String::as_str).collect();
        return Err(Fault::config(format!(
            "there is no profile `{profile}`; there are: {}",
            known.join(", ")
        )));
    };
    let found = found.map_err(Fault::config)?;
    problems.extend(found.problems(profile, &catalogue));
    if let Some(first) = problems.first() {
        let more = problems.len() - 1;
        let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
        return Err(Fault::config(format!("the gates cannot be used: {first}{more}")));
    }
    Ok(SoakSettings { kpis: catalogue.kpis, profile: found })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::config;

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
