//! A source asked once, before a run: what series it has, and what it says of them.

use super::scrape::{ScrapeSource, Target};
use crate::commands::soak::plan::{SampleSource, SoakPlan};
use crate::commands::soak::probe::{FaultyFamily, Probed, ProbedSeries};
use crate::ctx::Ctx;
use crate::format::exposition::{self, Exposition};
use crate::judge::kpi::collector::SIMULATED;
use crate::judge::kpi::{Declared, Selector};
use crate::net::prometheus::access;
use crate::net::prometheus::client::{
    ClientOptions, PrometheusClient, QueryErrorKind, QueryResult, TimeGrid,
};
use crate::report::exit::Fault;
use crate::simulation::bot::{Scenario, SimulatedBot, exposition as simulated};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How much is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProbeDepth {
    /// What the gates need.
    Gated,
    /// Every figure, and what the server says of the types.
    Everything,
}

/// What every simulated bot shows.
pub(super) fn of_bot() -> Probed {
    let bot = SimulatedBot::new(Scenario::Steady, 1, 0.0);
    let page = simulated::exposition(&bot, exposition::Format::Text);
    let mut probed = Probed { are_names_known: true, ..Probed::default() };
    let page = exposition::parse(page.as_bytes(), exposition::Format::Text);
    add_page(&mut probed, &page.expect("the page of a bot"), None);
    probed
}

/// One fetch of each endpoint; the run begins with these pages.
pub(super) fn of_pages(scrape: &mut ScrapeSource, ctx: &Ctx) -> Result<Probed, Fault> {
    let mut probed = Probed { are_names_known: true, ..Probed::default() };
    for (member, page) in scrape.first_pages(ctx)? {
        match page {
            Err(problem) => probed.failures.push(problem),
            Ok(page) => {
                for (family, fault) in &page.faults {
                    let member = member.map(|member| format!("{member}: ")).unwrap_or_default();
                    let names = page.names(family).into_iter().collect();
                    probed.faulty.push(FaultyFamily { names, fault: format!("{member}{fault}") });
                }
                add_page(&mut probed, &page, member);
            }
        }
    }
    Ok(probed)
}

fn add_page(probed: &mut Probed, page: &Exposition<'_>, member: Option<&str>) {
    for sample in &page.samples {
        let mut labels = sample.labels.to_map();
        if let Some(member) = member {
            labels.insert("instance".to_owned(), member.to_owned());
        }
        *probed.names.entry(sample.name.to_owned()).or_default().get_or_insert(0) += 1;
        let declared = Target::declared(page, sample.name);
        probed.series.push(ProbedSeries { name: sample.name.to_owned(), labels, declared });
    }
}

/// Each selector asked for once, at the newest time that the server answers for; of recorded time the first window is
/// looked at.
pub(super) fn of_server(
    plan: &SoakPlan,
    newest_ms: i64,
    depth: ProbeDepth,
    ctx: &Ctx,
) -> Result<Option<Probed>, Fault> {
    let SampleSource::Prometheus { url, history, matching, .. } = &plan.origin else { return Ok(None) };
    let options = ClientOptions { retries: 0, ..ClientOptions::default() };
    let client = access::client(url, options, &ctx.root, &ctx.env, &ctx.clock, &ctx.cancel)?;
    // A query frontend moves times that are no multiples of the step.
    let newest_ms = newest_ms - newest_ms.rem_euclid(plan.interval_ms());
    let span = if *history {
        (plan.started_at_ms, plan.started_at_ms + plan.iteration_ms())
    } else {
        (newest_ms, newest_ms)
    };
    ask_all(&client, (span, matching.as_deref()), depth, plan, ctx).map(Some)
}

fn ask_all(
    client: &PrometheusClient,
    ((from_ms, to_ms), matching): ((i64, i64), Option<&str>),
    depth: ProbeDepth,
    plan: &SoakPlan,
    ctx: &Ctx,
) -> Result<Probed, Fault> {
    let mut probed = Probed::default();
    let time = |ms| Timestamp::from_millisecond(ms).map_err(|error| Fault::config(error.to_string()));
    let step = Duration::from_secs(u64::from(plan.interval_secs));
    let grid = TimeGrid::new(time(from_ms)?, time(to_ms)?, step)?;
    let mut ask = |query: &str| -> Result<Option<QueryResult>, Fault> {
        ctx.check_cancelled()?;
        match client.range(query, &grid) {
            Ok(found) => Ok(Some(found)),
            Err(error) => match error.kind {
                QueryErrorKind::Stopped(signal) => Err(Fault::stopped(signal)),
                QueryErrorKind::Unauthorised | QueryErrorKind::Refused => Err(error.fault()),
                QueryErrorKind::Partial
                | QueryErrorKind::Unreachable
                | QueryErrorKind::Failed
                | QueryErrorKind::NotAsked
                | QueryErrorKind::TimedOut
                | QueryErrorKind::Malformed => {
                    probed.failures.push(error.to_string());
                    Ok(None)
                }
            },
        }
    };
    let mut is_complete = true;
    let mut asked = BTreeSet::new();
    let mut shown = BTreeSet::new();
    let mut queries = BTreeMap::new();
    let gated: BTreeSet<&String> = plan.profile.gates.values().map(|gate| &gate.kpi).collect();
    let wanted = plan.kpis.iter().filter(|(kpi, _)| depth == ProbeDepth::Everything || gated.contains(kpi));
    for (kpi, definition) in wanted {
        if let Some(query) = &definition.promql {
            let Some(found) = ask(query)? else { return Ok(probed) };
            is_complete &= !found.series.is_empty();
            queries.insert(kpi.clone(), Ok(u32::try_from(found.series.len()).unwrap_or(u32::MAX)));
            continue;
        }
        for selector in definition.measure.selectors() {
            let query = selector.narrowed(matching);
            if !asked.insert(query.clone()) {
                continue;
            }
            // Without the server nothing is known of any selector.
            let Some(found) = ask(&query)? else { return Ok(probed) };
            is_complete &= !found.series.is_empty();
            add_found(&mut shown, &selector.name, found);
        }
    }
    if depth == ProbeDepth::Everything {
        let selector = Selector::try_from(SIMULATED.to_owned()).expect("a metric name");
        let Some(found) = ask(&selector.narrowed(matching))? else { return Ok(probed) };
        add_found(&mut shown, SIMULATED, found);
    }
    // Several selectors may find one series.
    let mut series: Vec<ProbedSeries> = shown
        .into_iter()
        .map(|(name, labels)| ProbedSeries { name, labels, declared: Declared::default() })
        .collect();
    for name in series.iter().map(|one| &one.name) {
        *probed.names.entry(name.clone()).or_default().get_or_insert(0) += 1;
    }
    if !is_complete {
        // A server that does not tell its names may have all of them.
        match client.metric_names() {
            Ok(names) => {
                probed.are_names_known = true;
                for name in names {
                    probed.names.entry(name).or_default();
                }
            }
            Err(error) => tracing::debug!("{error}"),
        }
    }
    if depth == ProbeDepth::Everything {
        for one in &mut series {
            one.declared.kind = client.metric_kind(&one.name);
        }
    }
    Ok(Probed { series, queries, ..probed })
}

fn add_found(shown: &mut BTreeSet<(String, BTreeMap<String, String>)>, name: &str, found: QueryResult) {
    shown.extend(found.series.into_iter().map(|one| {
        let labels = one.labels.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        (name.to_owned(), labels)
    }));
}
