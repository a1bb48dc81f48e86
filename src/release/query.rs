//! What a person asks a Prometheus for the figure of a trigger: the definition by which the soak measured it, over the time
//! that the trigger looks back.
#![warn(clippy::wildcard_enum_match_arm)]

use super::figure::{self, Trigger};
use crate::format::text;
use crate::judge::kpi::{KpiCatalogue, KpiDefinition, Measure, Reducer, Selector, unit_factor};

/// What shows the triggers of a rollback.
#[derive(Clone, Debug, Default)]
pub(crate) struct TriggerQueries {
    /// One for each trigger, in their order.
    pub(crate) queries: Vec<TriggerQuery>,
    /// Conditions on labels by which the soak told its bots from others.
    pub(crate) matching: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TriggerQuery {
    pub(crate) expression: String,
    /// Whether it is a query of the definitions, which takes no conditions beside its own.
    pub(crate) is_as_written: bool,
}

/// The query of each trigger, narrowed as the soak was; the error says of which figure there is none.
pub(crate) fn queries(catalogue: &KpiCatalogue, matching: Option<&str>) -> Result<TriggerQueries, String> {
    let query = |trigger: Trigger| {
        let name = trigger.kpi;
        let definition = catalogue.kpis.get(name).ok_or_else(|| format!("kpis.{name} is not defined"))?;
        let query = of(definition, &trigger, matching).map_err(|error| format!("kpis.{name}: {error}"))?;
        // Between its words a query may go over several lines; what a person pastes is one.
        let query = if query.contains('`') { query } else { query.trim().replace('\n', " ") };
        match query.chars().find(|c| *c == '\n' || text::is_active(*c)) {
            Some(c) => Err(format!("kpis.{name}: its query has the character U+{:04X}", u32::from(c))),
            None => Ok(TriggerQuery { expression: query, is_as_written: definition.promql.is_some() }),
        }
    };
    let queries = figure::triggers().map(query).collect::<Result<_, _>>()?;
    Ok(TriggerQueries { queries, matching: matching.map(str::to_owned) })
}

fn of(definition: &KpiDefinition, trigger: &Trigger, matching: Option<&str>) -> Result<String, String> {
    let unit = &definition.unit;
    if unit != trigger.kpi_unit {
        return Err(format!("its unit is {unit}, a release is rolled back by {}", trigger.kpi_unit));
    }
    if let Some(query) = &definition.promql {
        return Ok(query.clone());
    }
    let query = measured(&definition.measure, trigger.window, matching)?;
    let from = definition.from.as_deref().map(|from| unit_factor(from, unit).unwrap_or(f64::NAN));
    let factor = from.unwrap_or(1.0) * definition.scale.unwrap_or(1.0);
    #[expect(clippy::float_cmp, reason = "nothing was converted")]
    let is_plain = factor == 1.0;
    Ok(if is_plain { query } else { format!("({query}) * {factor}") })
}

fn measured(measure: &Measure, window: &str, matching: Option<&str>) -> Result<String, String> {
    let growth = |selectors: &[Selector]| {
        let sum = |selector: &Selector| format!("sum(rate({}[{window}]))", selector.narrowed(matching));
        let sums: Vec<String> = selectors.iter().map(sum).collect();
        if let [one] = sums.as_slice() { one.clone() } else { format!("({})", sums.join(" + ")) }
    };
    match measure {
        Measure::Gauge { of, over, across } => {
            let across = match across {
                Reducer::Max => "max",
                Reducer::Min => "min",
                Reducer::Mean => "avg",
                Reducer::Sum => "sum",
                Reducer::Last => return Err("the last of several series is none".to_owned()),
            };
            let over = match over {
                Reducer::Max => "max",
                Reducer::Min => "min",
                Reducer::Mean => "avg",
                Reducer::Sum => "sum",
                Reducer::Last => "last",
            };
            Ok(format!("{across}({over}_over_time({}[{window}]))", of.narrowed(matching)))
        }
        Measure::Ratio { of, to } => Ok(format!("{} / {}", growth(of), growth(to))),
        Measure::Quantile { of, q } => {
            let buckets = of.buckets().narrowed(matching);
            Ok(format!("histogram_quantile({q}, sum by (le) (rate({buckets}[{window}])))"))
        }
        Measure::Rate { .. } | Measure::Increase { .. } | Measure::Restarts => {
            Err("a count is no figure of a trigger".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::config;

    const DELIVERED: &str = include_str!("../../deploy/soak/kpis.yaml");

    fn expressions(catalogue: &KpiCatalogue, matching: Option<&str>) -> Result<Vec<String>, String> {
        let asked = queries(catalogue, matching)?;
        Ok(asked.queries.into_iter().map(|query| query.expression).collect())
    }

    fn catalogue(text: &str) -> KpiCatalogue {
        config::parse(text, config::Format::Yaml, "kpis").expect("definitions")
    }

    #[test]
    fn each_trigger_asks_for_what_the_soak_measured() {
        assert_eq!(
            expressions(&catalogue(DELIVERED), None).expect("all are defined"),
            [
                "min(avg_over_time(mm_maker_share_ratio[5m]))",
                "histogram_quantile(0.95, sum by (le) (rate(mm_order_age_ms_bucket[3m])))",
                "sum(rate(mm_blocked_total{reason=\"risk\"}[2m])) / sum(rate(mm_blocked_total[2m]))",
                "min(avg_over_time(mm_net_bps[10m]))",
                "sum(rate(mm_request_error_total[1m])) / sum(rate(mm_request_total[1m]))",
            ]
        );
    }

    /// A canary beside the version before would disappear in the sum of both.
    #[test]
    fn every_query_is_narrowed_as_the_soak_was() {
        let job = "job=\"fast\"";
        assert_eq!(
            expressions(&catalogue(DELIVERED), Some(job)).expect("all are defined"),
            [
                "min(avg_over_time(mm_maker_share_ratio{job=\"fast\"}[5m]))",
                "histogram_quantile(0.95, sum by (le) (rate(mm_order_age_ms_bucket{job=\"fast\"}[3m])))",
                "sum(rate(mm_blocked_total{reason=\"risk\",job=\"fast\"}[2m])) / sum(rate(mm_blocked_total{job=\"fast\"}[2m]))",
                "min(avg_over_time(mm_net_bps{job=\"fast\"}[10m]))",
                "sum(rate(mm_request_error_total{job=\"fast\"}[1m])) / sum(rate(mm_request_total{job=\"fast\"}[1m]))",
            ]
        );
        let measure = "measure: {gauge: {of: mm_net_bps, over: mean, across: min}}";
        let own = DELIVERED.replacen(measure, &format!("{measure}\n    promql: my_query"), 1);
        let asked = queries(&catalogue(&own), Some(job)).expect("all are defined");
        let as_written = TriggerQuery { expression: "my_query".to_owned(), is_as_written: true };
        assert_eq!((&asked.queries[3], asked.matching.as_deref()), (&as_written, Some(job)));
    }

    #[test]
    fn other_definitions_give_other_queries_and_none_where_they_measure_something_else() {
        let with = |old: &str, new: &str| {
            assert!(DELIVERED.contains(old), "{old}");
            expressions(&catalogue(&DELIVERED.replacen(old, new, 1)), None)
        };
        let found = with("of: [mm_request_error_total], to", "of: [a, b], to").expect("a query");
        assert_eq!(found[4], "(sum(rate(a[1m])) + sum(rate(b[1m]))) / sum(rate(mm_request_total[1m]))");
        let seconds = "measure: {quantile: {of: age_seconds, q: 0.95}}\n    from: s";
        let found = with("measure: {quantile: {of: mm_order_age_ms, q: 0.95}}", seconds).expect("a query");
        assert!(found[1].ends_with("(rate(age_seconds_bucket[3m])))) * 1000"), "{}", found[1]);
        let own = "measure: {gauge: {of: mm_net_bps, over: mean, across: min}}\n    promql: my_query";
        let found =
            with("measure: {gauge: {of: mm_net_bps, over: mean, across: min}}", own).expect("a query");
        assert_eq!(found[3], "my_query");
        for (old, new, part) in [
            (
                "measure: {gauge: {of: mm_net_bps, over: mean, across: min}}",
                "measure: {gauge: {of: mm_net_bps, over: mean, across: min}}\n    promql: \"a\\u001B[2J\"",
                "U+001B",
            ),
            ("  error_ratio:", "  other:", "kpis.error_ratio is not defined"),
            ("net edge\n    unit: bps", "net edge\n    unit: ratio", "its unit is ratio"),
            (
                "{gauge: {of: mm_net_bps, over: mean, across: min}}",
                "{increase: {of: [x]}}",
                "a count is no figure",
            ),
        ] {
            let error = with(old, new).expect_err(new);
            assert!(error.contains(part), "{error}");
        }
    }
}
