//! Generated worlds whose truth is known: a service that is well or not, started anew or not, and what a watcher
//! gets to see of it. Nothing that the truth contradicts is a PASS, and what is only not seen is never a FAIL.
//!
//! Ten thousand worlds here; `MMOPS_WORLDS=1000000` for as many as one likes.

use mmops::testing::collector::{Collector, Declared, Grouping, WHOLE};
use mmops::testing::gate::{Aggregate, Gate, GateProfile, Severity};
use mmops::testing::kpi::{KpiDefinition, Measure, Reducer, Selector, SeriesCount, TimeUnit};
use mmops::testing::record::{Iteration, Judgement, Ledger};
use mmops::testing::verdict::RunVerdict;
use std::collections::BTreeMap;

const SCRAPES: u32 = 10;
const INTERVAL_MS: i64 = 15_000;
/// Series of a page, in the order of the values in [`Service::values`].
const SERIES: [(&str, &str); 9] = [
    ("g", ""),
    ("m", ""),
    ("t_total", ""),
    ("bad_total", ""),
    ("h_bucket", "5"),
    ("h_bucket", "10"),
    ("h_bucket", "+Inf"),
    ("up", ""),
    ("process_start_time_seconds", ""),
];
const COUNTERS: std::ops::Range<usize> = 2..7;
const UP: usize = 7;
const START: usize = 8;

/// Pseudo-random numbers of one seed (Steele, Lea and Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// What the watcher gets of a scrape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Whole,
    /// Nothing at all, and `up` says so where there is one.
    Missing,
    /// The server does not know either.
    Silent,
    /// One series holds this in the place of its value.
    Garbage(usize, Garbage),
    /// One series is not on the page.
    Without(usize),
    /// One series stands twice, the second time with another value.
    Twice(usize),
    /// The time of the page is long past.
    Late,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Garbage {
    NotANumber,
    Infinite,
    Negative,
}

/// One scrape of the world: how the service is, and what is seen of it.
#[derive(Clone, Copy, Debug)]
struct Moment {
    is_bad: bool,
    restarts: bool,
    seen: Seen,
}

#[derive(Debug)]
struct World {
    windows: Vec<Vec<Moment>>,
    has_up: bool,
    has_start: bool,
    /// Scrapes after which the watcher's clock jumps by so many milliseconds.
    clock_step: Option<(usize, i64)>,
}

fn seen(random: &mut Random) -> Seen {
    let series = usize::try_from(random.below(7)).unwrap();
    match random.below(8) {
        0 => Seen::Missing,
        1 => Seen::Silent,
        2 => Seen::Garbage(series, Garbage::NotANumber),
        3 => Seen::Garbage(series, Garbage::Infinite),
        4 => Seen::Garbage(COUNTERS.start + series % COUNTERS.len(), Garbage::Negative),
        5 => Seen::Without(series),
        6 => Seen::Twice(series),
        _ => Seen::Late,
    }
}

fn world(random: &mut Random) -> World {
    let count = 1 + random.below(30);
    let (is_dirty, has_bad, has_restarts) = (!random.one_in(4), random.one_in(2), random.one_in(3));
    let dirt = [10, 40, 400][usize::try_from(random.below(3)).unwrap()];
    // A series that has another name from some scrape on, and a service that is gone from some scrape on.
    let renamed = (is_dirty && random.one_in(6))
        .then(|| (random.below(300), usize::try_from(random.below(7)).unwrap()));
    let gone = (is_dirty && random.one_in(6)).then(|| (random.below(300), random.one_in(2)));
    let mut at = 0;
    let mut window = |random: &mut Random| -> Vec<Moment> {
        let is_bad = has_bad && random.one_in(4);
        let is_lost = is_dirty && random.one_in(12);
        let mut moment = |random: &mut Random| {
            at += 1;
            let lost = if is_lost {
                Some(Seen::Missing)
            } else {
                (is_dirty && random.one_in(dirt)).then(|| seen(random))
            };
            let seen = match (gone, renamed) {
                (Some((from, is_known)), _) if at > from => {
                    if is_known {
                        Seen::Missing
                    } else {
                        Seen::Silent
                    }
                }
                (_, Some((from, series))) if at > from => Seen::Without(series),
                _ => lost.unwrap_or(Seen::Whole),
            };
            Moment { is_bad, restarts: has_restarts && random.one_in(60), seen }
        };
        (0..SCRAPES).map(|_| moment(random)).collect()
    };
    let windows = (0..count).map(|_| window(random)).collect();
    let clock_step = (is_dirty && random.one_in(6)).then(|| {
        let ms = [-60_000, -1000, 1000, 60_000, 3_600_000][usize::try_from(random.below(5)).unwrap()];
        (usize::try_from(random.below(count * u64::from(SCRAPES))).unwrap(), ms)
    });
    World { windows, has_up: random.one_in(2), has_start: random.one_in(2), clock_step }
}

/// The service as it is.
struct Service {
    counters: [f64; 5],
    start_secs: f64,
}

impl Service {
    /// An interval passes.
    fn step(&mut self, moment: &Moment, now_ms: i64) {
        if moment.restarts {
            *self = Self { counters: [0.0; 5], start_secs: now_ms as f64 / 1e3 - 5.0 };
        }
        let grown =
            if moment.is_bad { [100.0, 5.0, 60.0, 100.0, 100.0] } else { [100.0, 0.0, 100.0, 100.0, 100.0] };
        self.counters.iter_mut().zip(grown).for_each(|(counter, by)| *counter += by);
    }

    fn values(&self, is_bad: bool) -> [f64; 9] {
        let [ticks, bad, low, middle, all] = self.counters;
        let level = if is_bad { 10.0 } else { 1.0 };
        [level, 100.0, ticks, bad, low, middle, all, 1.0, self.start_secs]
    }
}

fn definitions() -> Vec<(String, KpiDefinition)> {
    let selector = |name: &str| Selector::try_from(name.to_owned()).unwrap();
    let measures = [
        ("gauge", "count", Measure::Gauge { of: selector("g"), over: Reducer::Mean, across: Reducer::Max }),
        ("memory", "bytes", Measure::Gauge { of: selector("m"), over: Reducer::Mean, across: Reducer::Max }),
        ("rate", "1/s", Measure::Rate { of: vec![selector("t_total")], per: TimeUnit::Second }),
        ("ratio", "ratio", Measure::Ratio { of: vec![selector("bad_total")], to: vec![selector("t_total")] }),
        ("p95", "ms", Measure::Quantile { of: selector("h"), q: 0.95 }),
        ("restarts", "count", Measure::Restarts),
    ];
    let definition = |(name, unit, measure): (&str, &str, Measure)| {
        let definition = KpiDefinition {
            description: String::new(),
            unit: unit.to_owned(),
            from: None,
            scale: None,
            measure,
            series: SeriesCount { min: 1, max: 1 },
            min_coverage: 0.95,
            promql: None,
            edge_report: None,
        };
        (name.to_owned(), definition)
    };
    measures.into_iter().map(definition).collect()
}

fn profile() -> GateProfile {
    let gate = |kpi: &str, unit: &str, aggregate, at_most, at_least, min_events| Gate {
        kpi: kpi.to_owned(),
        unit: unit.to_owned(),
        aggregate,
        at_most,
        at_least,
        severity: Severity::Hard,
        required: None,
        warmup: 0,
        last: None,
        min_samples: 1,
        min_events,
        k_of_n: None,
        min_coverage: 0.95,
    };
    let gates = [
        ("level", gate("gauge", "count", Aggregate::Every, Some(5.0), None, None)),
        ("highest", gate("gauge", "count", Aggregate::Max, Some(5.0), None, None)),
        ("ticks", gate("rate", "1/s", Aggregate::Every, None, Some(1.0), None)),
        ("errors", gate("ratio", "ratio", Aggregate::Every, Some(0.02), None, Some(200))),
        ("latency", gate("p95", "ms", Aggregate::Every, Some(5.0), None, Some(200))),
        ("restarts", gate("restarts", "count", Aggregate::Sum, Some(0.0), None, None)),
    ];
    let gates = gates.into_iter().map(|(name, gate)| (name.to_owned(), gate)).collect();
    GateProfile { gates, ..GateProfile::default() }
}

struct Watcher {
    collector: Collector,
    ids: Vec<u32>,
    now_ms: i64,
}

impl Watcher {
    fn new() -> Self {
        let mut collector = Collector::new(definitions(), Grouping::default(), "test", INTERVAL_MS);
        let register = |(name, le): (&str, &str)| {
            let labels =
                if le.is_empty() { BTreeMap::new() } else { [("le".to_owned(), le.to_owned())].into() };
            collector.register(name, &labels, &Declared::default())
        };
        Self { ids: SERIES.into_iter().map(register).collect(), collector, now_ms: 1_767_225_600_000 }
    }

    fn scrape(&mut self, world: &World, values: &[f64; 9], seen: Seen) {
        self.collector.begin_scrape(if seen == Seen::Late { 1000 } else { self.now_ms });
        for (series, (id, value)) in self.ids.iter().zip(values).enumerate() {
            if (series == UP && !world.has_up) || (series == START && !world.has_start) {
                continue;
            }
            let value = match seen {
                Seen::Silent => None,
                Seen::Missing => (series == UP).then_some(0.0),
                Seen::Without(gone) if gone == series => None,
                Seen::Garbage(bad, garbage) if bad == series => Some(match garbage {
                    Garbage::NotANumber => f64::NAN,
                    Garbage::Infinite => f64::INFINITY,
                    Garbage::Negative => -1.0,
                }),
                Seen::Whole | Seen::Late | Seen::Twice(_) | Seen::Without(_) | Seen::Garbage(..) => {
                    Some(*value)
                }
            };
            if let Some(value) = value {
                self.collector.sample(*id, value);
            }
            if seen == Seen::Twice(series) {
                self.collector.sample(*id, value.unwrap_or(0.0) + 1e9);
            }
        }
        self.collector.end_scrape();
    }
}

/// What the profile says of the world, as far as it is seen.
fn judge(world: &World) -> Judgement {
    let mut service = Service { counters: [1e6, 1e3, 1e6, 1e6, 1e6], start_secs: 1_767_000_000.0 };
    let mut watcher = Watcher::new();
    watcher.scrape(world, &service.values(false), Seen::Whole);
    watcher.collector.close_baseline();
    let mut ledger = Ledger::new(150.0, SCRAPES, false);
    let mut scrapes = 0;
    for (number, window) in (1..).zip(&world.windows) {
        for moment in window {
            service.step(moment, watcher.now_ms);
            watcher.now_ms += INTERVAL_MS;
            if let Some((_, ms)) = world.clock_step.filter(|(at, _)| *at == scrapes) {
                watcher.now_ms += ms;
            }
            scrapes += 1;
            watcher.scrape(world, &service.values(moment.is_bad), moment.seen);
        }
        let mut iteration = Iteration::default();
        iteration.iteration = number;
        iteration.kpis = watcher.collector.close(SCRAPES).remove(WHOLE).unwrap().kpis;
        ledger.add(&iteration);
    }
    ledger.judge(&profile())
}

/// Whether a window is not well although all of it was seen.
fn is_seen_bad(window: &[Moment]) -> bool {
    window.iter().all(|moment| moment.is_bad && moment.seen == Seen::Whole)
}

/// Whether the service was started anew between two scrapes that show when it was started.
fn is_seen_restarted(world: &World) -> bool {
    let moments: Vec<&Moment> = world.windows.iter().flatten().collect();
    let later = |at: usize| moments[at..].iter().any(|moment| moment.seen == Seen::Whole);
    world.has_start && moments.iter().enumerate().any(|(at, moment)| moment.restarts && later(at))
}

fn check(seed: u64) -> Result<RunVerdict, String> {
    let world = world(&mut Random(seed));
    let judgement = judge(&world);
    let verdict = judgement.verdict;
    let moments = || world.windows.iter().flatten();
    let is_well = !moments().any(|moment| moment.is_bad || moment.restarts);
    let is_clean = moments().all(|moment| moment.seen == Seen::Whole) && world.clock_step.is_none();
    let is_bad = world.windows.iter().any(|window| is_seen_bad(window)) || is_seen_restarted(&world);
    let complaint = match verdict {
        RunVerdict::Pass if is_bad => "PASS of what was seen to be bad",
        RunVerdict::Fail if is_well => "FAIL of what is well",
        RunVerdict::Inconclusive if is_clean && is_well => "not known although all was seen",
        RunVerdict::Pass | RunVerdict::Fail | RunVerdict::Inconclusive => return Ok(verdict),
    };
    Err(format!("world {seed}: {complaint}: {judgement:?} of {world:?}"))
}

#[test]
fn no_pass_is_contradicted_by_the_truth_and_no_fail_comes_of_absence() {
    let worlds = std::env::var("MMOPS_WORLDS").ok().and_then(|count| count.parse().ok()).unwrap_or(10_000);
    let mut counts = BTreeMap::new();
    let mut complaints = Vec::new();
    for seed in 0..worlds {
        match check(seed) {
            Ok(verdict) => *counts.entry(format!("{verdict:?}")).or_insert(0) += 1,
            Err(complaint) => complaints.push(complaint),
        }
    }
    let first = complaints.first();
    assert!(first.is_none(), "{} of {worlds}, the first: {first:?}; {counts:?}", complaints.len());
    // A generator of one kind of world would show nothing.
    assert!(counts.len() == 3 && counts.values().all(|count| *count > worlds / 50), "{counts:?}");
    println!("{worlds} worlds: {counts:?}");
}
