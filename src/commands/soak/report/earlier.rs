//! Snapshots of the earlier toolkit: version 1.1 and both spellings of 1.2.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::judge::record::legacy::{FindingKind, LegacyFinding};
use crate::judge::verdict::RunVerdict;
use crate::release::figure::FIGURES;
use serde_json::Value;
use std::collections::BTreeMap;

/// What such a snapshot says.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::commands::soak) struct EarlierSnapshot {
    /// Where it lies.
    pub(super) path: String,
    /// Of its file.
    pub(super) sha256: String,
    /// `1.1` or `1.2`.
    pub(super) version: String,
    pub(super) verdict: String,
    pub(super) iterations_total: Option<u32>,
    /// By the names that figures have now.
    pub(super) figures: BTreeMap<String, EarlierFigure>,
    /// Whether it says that it is of a simulation, where it says something of it.
    pub(super) simulated: Option<bool>,
}

/// A figure over the last iterations; version 1.1 has no extremes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct EarlierFigure {
    pub(super) mean: Option<f64>,
    pub(super) median: Option<f64>,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
}

impl EarlierSnapshot {
    /// Whether a document is such a snapshot, rather than one of ours or something else.
    pub(super) fn is_one(document: &Value) -> bool {
        document.get("schema").is_none() && document.get("schema_version").is_some()
    }

    /// Reads it; the error says why it cannot be used.
    pub(super) fn parse(path: &str, document: &Value, sha256: String) -> Result<Self, String> {
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        let version = text("schema_version").ok_or("it has no schema_version")?;
        if !["1.1", "1.2"].contains(&version) {
            return Err(format!("it is of version {version}, not 1.1 or 1.2"));
        }
        let figures =
            ["kpi_last_n", "kpi_last8"].into_iter().find_map(|name| document.get(name)?.as_object());
        let figures = figures.ok_or("it has neither kpi_last_n nor kpi_last8")?;
        let figure = |(name, fields): (&String, &Value)| {
            let number = |part: &str| fields.get(part).and_then(Value::as_f64);
            let (mean, median) = (number("mean"), number("median"));
            let figure = EarlierFigure { mean, median, min: number("min"), max: number("max") };
            let known = FIGURES.iter().find(|known| known.earlier == name);
            (known.map_or(name.clone(), |known| known.key.to_owned()), figure)
        };
        let total = document.get("iterations_total").and_then(Value::as_u64);
        Ok(Self {
            path: path.to_owned(),
            sha256,
            version: version.to_owned(),
            verdict: text("verdict").ok_or("it has no verdict")?.to_owned(),
            iterations_total: total.and_then(|total| u32::try_from(total).ok()),
            figures: figures.iter().map(figure).collect(),
            simulated: document.get("simulated").map(|simulated| *simulated != false),
        })
    }

    /// What speaks against a run of which nothing else is left: there are no windows behind its figures, which may
    /// say a no and never a yes.
    pub(super) fn findings(&self) -> Vec<LegacyFinding> {
        let Self { version, verdict, .. } = self;
        let text = format!(
            "only a snapshot of version {version} is left, which says {verdict}: the windows behind its \
             figures are not there, so nothing can be judged again"
        );
        let mut findings =
            vec![LegacyFinding { name: "snapshot_alone", kind: FindingKind::Incomplete, text }];
        if self.simulated == Some(true) {
            let text = "the snapshot says that the run was simulated".to_owned();
            findings.push(LegacyFinding { name: "simulated_run", kind: FindingKind::Simulated, text });
        }
        if verdict == "FAIL" {
            let text = "the snapshot says FAIL".to_owned();
            findings.push(LegacyFinding { name: "snapshot_verdict", kind: FindingKind::Failure, text });
        }
        findings
    }

    /// Where it says another thing than its run gives, as far as it says something.
    pub(super) fn differences(
        &self,
        verdict: RunVerdict,
        found: impl Fn(&str) -> Option<[Option<f64>; 4]>,
    ) -> Vec<String> {
        let mut differences = Vec::new();
        if self.verdict != verdict.as_str() {
            differences.push(format!("it says {}, the run gives {}", self.verdict, verdict.as_str()));
        }
        for (name, figure) in &self.figures {
            let Some(found) = found(name) else { continue };
            let said = [figure.mean, figure.median, figure.min, figure.max];
            for ((part, said), found) in ["mean", "median", "min", "max"].into_iter().zip(said).zip(found) {
                // It kept three or four decimals.
                let is_same = said.zip(found).is_none_or(|(said, found)| (said - found).abs() <= 1e-3);
                if !is_same {
                    let show = |value: Option<f64>| value.unwrap_or(f64::NAN);
                    differences.push(format!(
                        "{name}.{part} is {}, the run gives {}",
                        show(said),
                        show(found)
                    ));
                }
            }
        }
        differences
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_versions_and_both_spellings_are_read() {
        let figures = json!({"maker_taker_ratio": {"mean": 0.85, "median": 0.85}});
        let of = |version: &str, spelling: &str| {
            let document = json!({"schema_version": version, "verdict": "PASS", spelling: figures});
            assert!(EarlierSnapshot::is_one(&document));
            EarlierSnapshot::parse("x", &document, String::new())
        };
        for (version, spelling) in [("1.1", "kpi_last8"), ("1.2", "kpi_last_n"), ("1.2", "kpi_last8")] {
            let read = of(version, spelling).expect("it is one");
            assert_eq!(read.figures["maker_share_ratio"].mean, Some(0.85));
            assert_eq!(read.findings().len(), 1);
        }
        assert_eq!(of("2", "kpi_last8"), Err("it is of version 2, not 1.1 or 1.2".to_owned()));
        assert_eq!(of("1.2", "kpis"), Err("it has neither kpi_last_n nor kpi_last8".to_owned()));
        assert!(!EarlierSnapshot::is_one(&json!({"schema": "mmops.post-soak-snapshot.v2"})));
    }

    #[test]
    fn a_snapshot_that_says_another_thing_than_its_run_is_named() {
        let document = json!({"schema_version": "1.1", "verdict": "WARN",
            "kpi_last8": {"net_bps": {"mean": 5.95, "median": 5.0}, "other": {"mean": 1.0}}});
        let read = EarlierSnapshot::parse("x", &document, String::new()).expect("it is one");
        let found = |name: &str| (name == "net_bps").then_some([Some(5.9504), Some(5.95), Some(5.6), None]);
        let differences = read.differences(RunVerdict::Fail, found);
        assert_eq!(
            differences,
            ["it says WARN, the run gives FAIL", "net_bps.median is 5, the run gives 5.95"]
        );
    }
}
