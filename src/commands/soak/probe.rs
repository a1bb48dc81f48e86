//! What a source shows when it is asked once, held against what the figures of a run need: a name that is not
//! there is said before the run, not after three days.
#![warn(clippy::wildcard_enum_match_arm)]

use super::plan::SoakPlan;
use crate::format::exposition::Kind;
use crate::judge::kpi::Declared;
use crate::judge::kpi::{KpiDefinition, Measure, Selector};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Names that are offered for one that is not there.
const NEAREST: usize = 3;

/// What a source showed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Probed {
    pub(super) series: Vec<ProbedSeries>,
    /// Every name that the source knows, with the number of its series where that is known.
    pub(super) names: BTreeMap<String, Option<u32>>,
    /// Whether there are no others.
    pub(super) are_names_known: bool,
    /// By figure, how many series its own query gave, or why none.
    pub(super) queries: BTreeMap<String, Result<u32, String>>,
    /// Why the source, or a part of it, could not be asked.
    pub(super) failures: Vec<String>,
    /// Families that were shown and cannot be used.
    pub(super) faulty: Vec<FaultyFamily>,
}

#[derive(Clone, Debug)]
pub(super) struct FaultyFamily {
    /// Of its samples.
    pub(super) names: BTreeSet<String>,
    pub(super) fault: String,
}

impl Probed {
    /// What is wrong with the families of this name.
    fn faults_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let of_name = self.faulty.iter().filter(move |family| family.names.contains(name));
        of_name.map(|family| family.fault.as_str())
    }
}

#[derive(Clone, Debug)]
pub(super) struct ProbedSeries {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) declared: Declared,
}

/// What was found for one selector.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct SelectorCheck {
    /// The selector, or the query of a figure.
    pub(super) selector: String,
    /// The figures that need it.
    pub(super) kpis: Vec<String>,
    /// Whether a gate of the profile needs one of them.
    pub(super) is_gated: bool,
    /// Series found; of a histogram its buckets.
    pub(super) series: u32,
    /// Members that have it, where members are judged one by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) members: Option<u32>,
    /// What its family says of its type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(super) kind: Option<Kind>,
    /// What its family says of its unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unit: Option<String>,
    /// What is wrong with it.
    pub(super) problems: Vec<String>,
    /// Whether the source does not have it at all. A server that knows the name may only be late.
    #[serde(skip)]
    pub(super) is_unknown: bool,
    /// Whether there is more of it than the figure can be made of, which no time mends.
    #[serde(skip)]
    pub(super) is_ambiguous: bool,
}

/// Holds what a source showed against the selectors of a plan.
pub(super) fn inspect(plan: &SoakPlan, probed: &Probed, is_server: bool) -> Vec<SelectorCheck> {
    let gated: BTreeSet<&String> = plan.profile.gates.values().map(|gate| &gate.kpi).collect();
    let mut checks: BTreeMap<String, SelectorCheck> = BTreeMap::new();
    for (kpi, definition) in &plan.kpis {
        if let Some(query) = definition.promql.as_ref().filter(|_| is_server) {
            let check = of_query(query, probed.queries.get(kpi), probed);
            add(&mut checks, check, kpi, gated.contains(kpi));
            continue;
        }
        for selector in definition.measure.selectors() {
            let check = of_selector(&selector, definition, plan, probed, is_server);
            add(&mut checks, check, kpi, gated.contains(kpi));
        }
    }
    checks.into_values().collect()
}

/// Several figures may need one selector.
fn add(checks: &mut BTreeMap<String, SelectorCheck>, check: SelectorCheck, kpi: &str, is_gated: bool) {
    let known = checks
        .entry(check.selector.clone())
        .or_insert_with(|| SelectorCheck { problems: Vec::new(), ..check.clone() });
    known.kpis.push(kpi.to_owned());
    known.is_gated |= is_gated;
    known.is_unknown |= check.is_unknown;
    known.is_ambiguous |= check.is_ambiguous;
    for problem in check.problems {
        if !known.problems.contains(&problem) {
            known.problems.push(problem);
        }
    }
}

fn of_query(query: &str, found: Option<&Result<u32, String>>, probed: &Probed) -> SelectorCheck {
    // What it names and is not there is the likely reason for nothing.
    let unknown: Vec<&str> =
        words(query).filter(|word| probed.are_names_known && !probed.names.contains_key(*word)).collect();
    let (series, problem) = match found {
        Some(Ok(0)) => {
            let names = unknown.iter().map(|word| match nearest(word, probed) {
                near if near.is_empty() => format!("; there is no `{word}`"),
                near => format!("; there is no `{word}`, nearest {}", near.join(", ")),
            });
            (0, Some(format!("the query gives 0 series{}", names.collect::<String>())))
        }
        Some(Ok(series)) => (*series, None),
        Some(Err(reason)) => (0, Some(reason.clone())),
        None => (0, Some("the query was not asked".to_owned())),
    };
    SelectorCheck {
        selector: query.to_owned(),
        kpis: Vec::new(),
        is_gated: false,
        series,
        members: None,
        kind: None,
        unit: None,
        problems: problem.into_iter().collect(),
        is_unknown: matches!(found, Some(Ok(0))) && !unknown.is_empty(),
        is_ambiguous: false,
    }
}

/// The words of a query that may be names of metrics.
fn words(query: &str) -> impl Iterator<Item = &str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    query.split(move |c: char| !is_word(c)).filter(|word| word.contains('_'))
}

fn of_selector(
    selector: &Selector,
    definition: &KpiDefinition,
    plan: &SoakPlan,
    probed: &Probed,
    is_server: bool,
) -> SelectorCheck {
    let found: Vec<&ProbedSeries> =
        probed.series.iter().filter(|one| selector.matches(&one.name, &one.labels)).collect();
    let member = |one: &ProbedSeries| {
        plan.group_by.as_ref().and_then(|label| one.labels.get(label)).cloned().unwrap_or_default()
    };
    let mut by_member: BTreeMap<String, BTreeSet<Vec<(&String, &String)>>> = BTreeMap::new();
    for one in &found {
        let is_bucket = matches!(definition.measure, Measure::Quantile { .. });
        let labels = one.labels.iter().filter(|(name, _)| !(is_bucket && *name == "le"));
        by_member.entry(member(one)).or_default().insert(labels.collect());
    }
    let most = by_member.values().map(BTreeSet::len).max().unwrap_or(0);
    let declared = found.first().map(|one| one.declared.clone()).unwrap_or_default();
    let mut problems: Vec<String> = probed.faults_of(&selector.name).map(str::to_owned).collect();
    let is_faulty = !problems.is_empty();
    if found.is_empty() {
        problems.extend((!is_faulty).then(|| missing(selector, probed)));
    } else {
        if most > definition.series.max as usize {
            problems.push(format!("{most} series, at most {} are expected", definition.series.max));
        }
        if most < definition.series.min as usize {
            problems.push(format!("{most} series, at least {} are expected", definition.series.min));
        }
        problems.extend(contradiction(&definition.measure, declared.kind));
        if matches!(definition.measure, Measure::Quantile { .. })
            && let Some(one) = found.iter().find(|one| !one.labels.contains_key("le"))
        {
            problems.push(format!("`{}` has no label `le`, so it is no bucket of a histogram", one.name));
        }
    }
    SelectorCheck {
        selector: selector.to_string(),
        kpis: Vec::new(),
        is_gated: false,
        series: u32::try_from(found.len()).unwrap_or(u32::MAX),
        members: plan.group_by.as_ref().map(|_| u32::try_from(by_member.len()).unwrap_or(u32::MAX)),
        kind: declared.kind,
        unit: declared.unit,
        problems,
        is_unknown: found.is_empty()
            && !is_faulty
            && probed.are_names_known
            && !(is_server && probed.names.contains_key(&selector.name)),
        // In recorded time one process may have taken the place of another.
        is_ambiguous: most > definition.series.max as usize && !plan.origin.is_history(),
    }
}

/// What is said of a selector that finds nothing: the nearest names, or that the name is there under other labels.
fn missing(selector: &Selector, probed: &Probed) -> String {
    let name = selector.name.as_str();
    let others = probed.series.iter().filter(|one| one.name == name).count();
    if others > 0 {
        return format!("0 series; {others} of `{name}` have other labels");
    }
    if let Some(base) = name.strip_suffix("_bucket").and_then(|base| base.strip_suffix("_bucket")) {
        return format!("0 series; `of` names a histogram without `_bucket`: {base}");
    }
    if probed.names.contains_key(name) {
        return "0 series now, although the server knows the name".to_owned();
    }
    let near = nearest(name, probed);
    if near.is_empty() { "0 series".to_owned() } else { format!("0 series; nearest {}", near.join(", ")) }
}

/// A type that the measure cannot be made of.
fn contradiction(measure: &Measure, kind: Option<Kind>) -> Option<String> {
    let kind = kind?;
    let (wanted, fits): (&str, &[Kind]) = match measure {
        Measure::Gauge { .. } => ("a gauge", &[Kind::Gauge, Kind::Info, Kind::StateSet, Kind::Summary]),
        Measure::Ratio { .. } | Measure::Rate { .. } | Measure::Increase { .. } => {
            ("a counter", &[Kind::Counter, Kind::Histogram, Kind::Summary])
        }
        Measure::Quantile { .. } => ("a histogram", &[Kind::Histogram]),
        Measure::Restarts => return None,
    };
    let is_open = kind == Kind::Unknown || fits.contains(&kind);
    (!is_open).then(|| format!("its type is {}, the measure needs {wanted}", kind.as_str()))
}

/// The names that a misspelt one may mean, the best first, with what is known of them.
fn nearest(name: &str, probed: &Probed) -> Vec<String> {
    let stem = |name: &str| name.strip_suffix("_bucket").unwrap_or(name).to_owned();
    let wanted = stem(name);
    let most = (wanted.len() / 3).max(2);
    let families: BTreeSet<String> = probed.names.keys().map(|known| stem(known)).collect();
    let mut found: Vec<(usize, String)> = families
        .into_iter()
        .map(|known| (distance(&wanted, &known), known))
        .filter(|(distance, _)| *distance <= most)
        .collect();
    found.sort();
    found.truncate(NEAREST);
    found.into_iter().map(|(_, known)| described(&known, probed)).collect()
}

/// A name with its type and the number of its series, or of its buckets.
fn described(name: &str, probed: &Probed) -> String {
    let bucket = format!("{name}_bucket");
    let (of, what) =
        if probed.names.contains_key(&bucket) { (bucket.as_str(), "buckets") } else { (name, "series") };
    let count = probed.names.get(of).copied().flatten();
    let kind = probed.series.iter().find(|one| one.name == of).and_then(|one| one.declared.kind);
    let kind = kind
        .map(|kind| kind.as_str().to_owned())
        .or_else(|| (what == "buckets").then(|| "histogram".to_owned()));
    let parts: Vec<String> = kind.into_iter().chain(count.map(|count| format!("{count} {what}"))).collect();
    if parts.is_empty() { name.to_owned() } else { format!("{name} ({})", parts.join(", ")) }
}

/// How many letters must be added, removed or changed.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut before = row[0];
        row[0] = at + 1;
        for (index, known) in other.iter().enumerate() {
            let changed = before + usize::from(letter != *known);
            before = row[index + 1];
            row[index + 1] = changed.min(before + 1).min(row[index] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_names_are_those_with_the_fewest_changes() {
        for (one, other, changes) in
            [("", "", 0), ("a", "", 1), ("loop", "lop", 1), ("loop", "pool", 2), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(one, other), changes, "{one} {other}");
            assert_eq!(distance(other, one), changes, "{other} {one}");
        }
        let names = ["acme_loop_seconds_bucket", "acme_loop_seconds_sum", "other_total"];
        let probed = Probed {
            names: names.iter().map(|name| ((*name).to_owned(), Some(12))).collect(),
            ..Probed::default()
        };
        let selector = Selector::try_from("acme_lop_seconds_bucket".to_owned()).expect("a selector");
        let said = missing(&selector, &probed);
        assert!(said.starts_with("0 series; nearest acme_loop_seconds (histogram, 12 buckets)"), "{said}");
        let foreign = Selector::try_from("zzz".to_owned()).expect("a selector");
        assert_eq!(missing(&foreign, &probed), "0 series");
    }
}
