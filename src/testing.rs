//! What tests, benches and the fuzz target see of the library; nothing here is an interface for others.

/// Whether a command line is one that mmops takes; `words` begin with the program's name.
pub fn takes(words: &[String]) -> Result<(), String> {
    let words = words.iter().map(Into::into);
    crate::cli::Invocation::parse(words).map(|_| ()).map_err(|error| error.to_string())
}

/// The plan that a release makes of a rollback policy, and its blocks of commands; the error says why none is made.
pub fn rollback_plan(policy: &serde_json::Value) -> Result<(String, Vec<String>), String> {
    use crate::release::{policy::Policy, query::TriggerQueries, rollback_plan, shell};
    let policy: Policy = serde_json::from_value(policy.clone()).map_err(|error| error.to_string())?;
    match policy.problems() {
        problems if problems.is_empty() => {
            let subject = rollback_plan::Subject {
                name: "bot",
                version: "1.2.3",
                created_at: "now",
                policy_path: "policy.yaml",
                policy_sha256: "",
            };
            let plan = rollback_plan::render(&subject, &policy, &TriggerQueries::default());
            let blocks = shell::blocks(&plan);
            Ok((plan, blocks))
        }
        problems => Err(problems.join("; ")),
    }
}

pub mod age {
    pub use crate::evidence::age::EvidencePolicy;
}
/// A YAML text as configuration reads it.
pub fn yaml(text: &str) -> Result<serde_json::Value, String> {
    use crate::format::config::{Format, read};
    read(text, Format::Yaml).map_err(|error| error.to_string())
}

/// Whether two floats, as JSON writes them, are within a tolerance.
pub fn numbers_are_close(a: &str, b: &str, abs: f64, rel: f64) -> bool {
    use crate::commands::golden_compare::drift::number::{Comparison, Number, Tolerance, compare};
    use crate::commands::golden_compare::drift::{IntFloat, NanPolicy};
    let tolerance = Tolerance { abs, rel, ulp: 0 };
    let (a, b) = (Number::Float(a), Number::Float(b));
    compare(a, b, tolerance, false, IntFloat::Strict, NanPolicy::Refuse) == Comparison::Same
}

pub mod bootstrap {
    pub use crate::commands::tune::choose::bootstrap::BootstrapSettings;
}
pub mod choice {
    pub use crate::commands::tune::choose::choice::{Contender, best};
}
pub mod client {
    pub use crate::net::prometheus::client::{
        ClientOptions, PrometheusClient, QueryError, QueryErrorKind, QueryResult, Series, TimeGrid,
    };
}
pub mod clock {
    pub use crate::sys::clock::Clock;
}
pub mod collector {
    pub use crate::judge::kpi::Declared;
    pub use crate::judge::kpi::collector::{Collector, Grouping, WHOLE};
}
pub mod cron {
    pub use crate::commands::cron_sentinel::dialect::Dialect;
    pub use crate::commands::cron_sentinel::schedule::runs;
}
pub mod daily {
    use crate::commands::readiness::points;
    use crate::commands::readiness::verdict::{Facts, Verdict, verdict};
    use crate::evidence::daily::report::DailyReport;
    use crate::evidence::daily::standard::DayStandard;
    pub use crate::evidence::daily::{File, Rules, window};
    use serde::Deserialize;

    /// Whether the reports are GO, held to what this one was made by.
    pub fn is_go(files: &[File], rules: &Rules, genuine: &serde_json::Value) -> bool {
        let basis = DailyReport::deserialize(genuine).ok().and_then(|report| report.basis);
        let standard = basis.map(|basis| DayStandard::of_report(&basis));
        let window = window(files, &Rules { standard, ..rules.clone() });
        let score = points::sections(&points::score(&window)).total();
        verdict(&Facts { score, unmet_drills: 0, is_other_release: false }) == Verdict::Go
    }
}
pub mod env {
    pub use crate::sys::env::{Env, VARIABLES};
}
pub mod exit {
    pub use crate::report::exit::{Exit, classify};
}
pub mod exposition {
    pub use crate::format::exposition::{Exposition, Format, ParseError, parse};
}
pub mod figures {
    pub use crate::commands::tune::choose::figures::{Figures, Metrics};
}
pub mod gate {
    pub use crate::judge::gate::{Aggregate, Gate, GateProfile, KOfN, Severity};
}
pub mod hash {
    pub use crate::format::hash::sha256;
}
pub mod http {
    pub use crate::net::http::{Auth, HttpClient, HttpSettings, Request, Secret, Url, form};
}
pub mod judge {
    use crate::judge::statistics::{Arm, Comparison, Margins, Series, Tests, judge};

    /// How two series of one figure are compared.
    #[derive(Clone, Copy, Debug)]
    pub struct CompareSettings {
        pub margin: f64,
        /// Whether they are of the same times.
        pub is_paired: bool,
        pub with_interval: bool,
    }

    /// What a comparison finds of one figure.
    #[derive(Clone, Copy, Debug)]
    pub struct CompareResult {
        pub finding: &'static str,
        /// The chance of the location by itself; none where there is too little data.
        pub p_location: Option<f64>,
    }

    /// Compares two series of one figure, larger being worse.
    pub fn compare_series(baseline: &[f64], candidate: &[f64], settings: CompareSettings) -> CompareResult {
        let differences = || candidate.iter().zip(baseline).map(|(two, one)| two - one).collect();
        let CompareSettings { margin: shift, is_paired, with_interval } = settings;
        let comparison = Comparison::Series(Box::new(Series {
            arms: [Arm::new(baseline.to_vec()), Arm::new(candidate.to_vec())],
            differences: is_paired.then(differences),
            margins: Margins { shift, spread: 1.0, spread_same: 1.5, tail: 0.0, any_change: false },
            is_censored: false,
        }));
        let judged = judge(vec![Tests::of(&comparison, with_interval)]).remove(0);
        CompareResult { finding: judged.finding.as_str(), p_location: judged.p_worse[0] }
    }
}
pub mod key {
    pub use crate::tuning::key::{NAMES, PerKey};
}
pub mod kpi {
    pub use crate::judge::kpi::{KpiDefinition, Measure, Member, Reducer, Selector, SeriesCount, TimeUnit};
}
pub mod lease {
    pub use crate::lease::{Lease, Refusal, Tenure, acquire, extend, release};
}
pub mod limits {
    pub use crate::tuning::limits::{Bound, out_of_bounds};
}
pub mod lock {
    pub use crate::sys::lock::{Lock, Waiting};
}
pub mod market {
    pub use crate::simulation::market::feed::Feed;
    pub use crate::simulation::market::feed::load::load;
    pub use crate::simulation::market::feed::quality::FeedLimits;
    pub use crate::simulation::market::generator::generate;
    pub use crate::simulation::market::quoter::{Window, simulate};
    pub use crate::simulation::market::spec::{FeedSpec, Regime};
}
pub mod measure {
    pub use crate::commands::tune::choose::measure::measure;
}
pub mod order_log {
    pub use crate::commands::chaos::order_log::{OrderEntry, OrderLogState, OrderReply};
}
pub mod overrides {
    pub use crate::tuning::overrides::{Overrides, broken, with_point};
}
pub mod prometheus {
    pub use crate::net::prometheus::Point;
}
pub mod quantile {
    pub use crate::judge::kpi::quantile::{Bucket, Quantile, quantile};
}
pub mod record {
    pub use crate::judge::record::iteration::Iteration;
    pub use crate::judge::record::ledger::{Judgement, Ledger};
}
pub mod retention {
    pub use crate::commands::rotate::retention::age::Age;
    pub use crate::commands::rotate::retention::decide::{MemberFacts, decide};
    pub use crate::commands::rotate::retention::limits::{DAY_NS, Limits, Overall};
    pub use crate::commands::rotate::retention::member::{Group, Guard, Marks, Member, Part};
    pub use crate::commands::rotate::retention::tiers::{RelativeTo, Tiers};
}
pub mod scan {
    pub use crate::format::json::tokens::scan::validate;
}
pub mod score {
    pub use crate::commands::readiness::points::{score, sections};
    pub use crate::commands::readiness::verdict::{Facts, Verdict, verdict};
}
pub mod signal {
    pub use crate::sys::signal::Cancel;
}
pub mod soak_page {
    pub use crate::commands::soak::page::page_of;
}
pub mod tokens {
    pub use crate::format::json::tokens::{JsonError, Kind, NonFinite, Tokens};
}
pub mod trading {
    pub use crate::tuning::trading::{Fees, Fill, Latency, QuoterParams, Side, TradingOutcome};
}
pub mod verdict {
    pub use crate::judge::verdict::RunVerdict;
}
