//! The model: what a market-making service would show after so many seconds with these parameters.

use super::contract::{self, AGE_BOUNDS_MS, STAGE_BOUNDS_MS, Series};
use super::latency::{DurationHistogram, part_within};
use super::noise::Drift;
use super::scenario::Scenario;
use crate::simulation::random::SplitMix64;
use crate::tuning::key::{NAMES, ParameterPoint};
use serde::{Deserialize, Serialize};

/// Ticks a second.
const TICK_RATE: f64 = 10.0;
/// A tick that takes longer has missed its deadline.
const DEADLINE_MS: f64 = 200.0;
/// Median duration of a tick with the default parameters.
const TICK_MS: f64 = 55.0;
/// The part of a tick in which market data are fetched.
const FETCH_SHARE: f64 = 0.3;
/// The 95th percentile of the lag of market data, as a part of the largest.
const LAG_P95_SHARE: f64 = 0.8;
/// Net edge with the default parameters, basis points.
const EDGE_BPS: f64 = 3.3;
/// Resident memory after the start.
const MEMORY_BYTES: f64 = 180.0 * 1024.0 * 1024.0;
/// When a bot that hangs does so, unless said otherwise.
const HANG_AFTER_SECS: f64 = 90.0;
/// How fast a bot that leaks does so, unless said otherwise: 12 MiB an hour.
pub(crate) const LEAK_MIB_PER_MIN: f64 = 0.2;
/// How long the noise in load, market, cache, network and heap remembers.
const NOISE_MEMORY_SECS: [f64; 5] = [300.0, 600.0, 120.0, 60.0, 900.0];

/// The parameters with which a bot starts.
pub(crate) const DEFAULTS: ParameterPoint = ParameterPoint {
    base_spread_bps_delta: 0.05,
    impact_cap_ratio: 0.10,
    max_delta_ratio: 0.15,
    min_interval_ms: 60.0,
    replace_rate_per_min: 300.0,
    tail_age_ms: 600.0,
};

/// State of the circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CircuitState {
    /// Orders flow.
    Closed,
    /// Orders flow, on trial.
    HalfOpen,
    /// No order leaves.
    Open,
}

/// What a rollback may ask of a bot.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum RollbackAction {
    /// Cancel every order and place no more.
    FreezeOrders,
    /// Quote with this part of the normal size.
    ScaleStrategy {
        /// 0 to 1.
        factor: f64,
    },
    /// Put the circuit breaker into this state.
    CircuitState { state: CircuitState },
}

#[derive(Clone, Debug)]
pub(crate) struct SimulatedBot {
    scenario: Scenario,
    random: SplitMix64,
    pub(crate) params: ParameterPoint,
    /// The series it exposes, in the order of [`SimulatedBot::values`].
    pub(crate) series: Vec<Series>,
    started_at_secs: f64,
    /// Seconds since the start.
    secs: f64,
    hang_after_secs: f64,
    leak_mib_per_min: f64,
    frozen: bool,
    scale: f64,
    forced: Option<CircuitState>,
    noise: [Drift; 5],
    ticks: DurationHistogram,
    fetches: DurationHistogram,
    orders: DurationHistogram,
    misses: f64,
    lookups_hit: f64,
    lookups_missed: f64,
    fills: [f64; 2],
    volume: [f64; 2],
    blocked: [f64; 4],
    requests: f64,
    net_bps: f64,
    ema_1h: f64,
    ema_24h: f64,
    maker_share: f64,
    lag_ms: f64,
    memory: f64,
    warm: bool,
}

impl SimulatedBot {
    /// A bot that was just started; `started_at_secs` is what it exposes as its start time.
    pub(crate) fn new(scenario: Scenario, seed: u64, started_at_secs: f64) -> Self {
        let mut bot = Self {
            scenario,
            random: SplitMix64::new(seed),
            params: DEFAULTS,
            series: contract::series(env!("CARGO_PKG_VERSION"), &format!("sim-{}-{seed}", scenario.name())),
            started_at_secs,
            secs: 0.0,
            hang_after_secs: HANG_AFTER_SECS,
            leak_mib_per_min: LEAK_MIB_PER_MIN,
            frozen: false,
            scale: 1.0,
            forced: None,
            noise: NOISE_MEMORY_SECS.map(Drift::new),
            ticks: DurationHistogram::new(&STAGE_BOUNDS_MS),
            fetches: DurationHistogram::new(&STAGE_BOUNDS_MS),
            orders: DurationHistogram::new(&AGE_BOUNDS_MS),
            misses: 0.0,
            lookups_hit: 0.0,
            lookups_missed: 0.0,
            fills: [0.0; 2],
            volume: [0.0; 2],
            blocked: [0.0; 4],
            requests: 0.0,
            net_bps: EDGE_BPS,
            ema_1h: EDGE_BPS,
            ema_24h: EDGE_BPS,
            maker_share: 0.91,
            lag_ms: 90.0,
            memory: MEMORY_BYTES,
            warm: false,
        };
        bot.step(0.0);
        bot
    }

    /// The same bot, which in the scenarios of these names hangs after so many seconds, and leaks so much.
    #[must_use]
    pub(crate) fn with(self, hang_after_secs: f64, leak_mib_per_min: f64) -> Self {
        Self { hang_after_secs, leak_mib_per_min, ..self }
    }

    /// Whether it ticks no more, or never did.
    pub(crate) fn hangs(&self) -> bool {
        self.scenario == Scenario::Hang && self.secs >= self.hang_after_secs
    }

    /// Memory that it does not give back, bytes.
    pub(crate) fn leaked_bytes(&self) -> f64 {
        let is_leaking = self.scenario == Scenario::Leak;
        if is_leaking { self.secs / 60.0 * self.leak_mib_per_min * 1024.0 * 1024.0 } else { 0.0 }
    }

    /// Carries a rollback action out, or says why it cannot be.
    pub(crate) fn apply(&mut self, action: RollbackAction) -> Result<(), String> {
        match action {
            RollbackAction::FreezeOrders => self.frozen = true,
            RollbackAction::ScaleStrategy { factor } if !(0.0..=1.0).contains(&factor) => {
                return Err(format!("the factor {factor} is not between 0 and 1"));
            }
            RollbackAction::ScaleStrategy { factor } => self.scale = factor,
            RollbackAction::CircuitState { state } => self.forced = Some(state),
        }
        Ok(())
    }

    pub(crate) fn circuit(&self) -> CircuitState {
        match self.forced {
            Some(state) => state,
            None if self.scenario.breaker_open(self.secs) => CircuitState::Open,
            None if self.scenario.guard_holds(self.secs) => CircuitState::HalfOpen,
            None => CircuitState::Closed,
        }
    }

    /// The part of its normal quoting that it does.
    fn quoting_share(&self) -> f64 {
        if self.frozen || self.circuit() == CircuitState::Open { 0.0 } else { self.scale }
    }

    pub(crate) fn step(&mut self, secs: f64) {
        self.secs += secs;
        if self.hangs() {
            return;
        }
        let noise = self.noise.each_mut().map(|drift| drift.step(secs, &mut self.random));
        let [load, market, cache, network, heap] = noise;

        let ticks = TICK_RATE * secs;
        let median_ms = TICK_MS
            + 1.5 * load
            + 0.02 * (self.params.replace_rate_per_min - DEFAULTS.replace_rate_per_min)
            + self.scenario.tick_ms(self.secs);
        let slow = self.scenario.slow_ticks();
        self.ticks.add(ticks, median_ms, slow, 320.0);
        self.fetches.add(ticks, FETCH_SHARE * median_ms, slow, FETCH_SHARE * 320.0);
        let on_time =
            (1.0 - slow) * part_within(DEADLINE_MS, median_ms) + slow * part_within(DEADLINE_MS, 320.0);
        self.misses += ticks * (1.0 - on_time);

        let hit = (0.80 + 0.01 * cache - self.scenario.cache_loss()).clamp(0.0, 1.0);
        self.lookups_hit += 5.0 * ticks * hit;
        self.lookups_missed += 5.0 * ticks * (1.0 - hit);

        self.quote(secs, market);
        self.lag_ms = (95.0 + 18.0 * network.abs()).min(175.0);
        self.memory = MEMORY_BYTES + 1.0e6 * heap + self.leaked_bytes();
    }

    /// Orders, fills, and what they earn.
    fn quote(&mut self, secs: f64, market: f64) {
        let params = self.params;
        let spread = params.base_spread_bps_delta;
        let quoting = self.quoting_share();
        // A wider quote earns more on each fill and is filled less often.
        self.net_bps = EDGE_BPS
            + 0.35 * market
            + 2.0 * (spread - DEFAULTS.base_spread_bps_delta) * (1.0 - spread)
            + 5.0 * (DEFAULTS.impact_cap_ratio - params.impact_cap_ratio)
            - 0.0008 * (params.tail_age_ms - DEFAULTS.tail_age_ms)
            - 0.003 * (params.min_interval_ms - DEFAULTS.min_interval_ms)
            - self.scenario.edge_loss_bps(self.secs);
        if self.warm {
            self.ema_1h += (self.net_bps - self.ema_1h) * secs / (3600.0 + secs);
            self.ema_24h += (self.net_bps - self.ema_24h) * secs / (24.0 * 3600.0 + secs);
        } else {
            self.ema_1h = self.net_bps;
            self.ema_24h = self.net_bps;
            self.warm = true;
        }
        self.maker_share = (0.91 + 0.008 * market + 0.05 * spread).clamp(0.0, 1.0);
        let filled = 0.5 * secs * quoting * (1.0 - 0.8 * spread);
        for (index, part) in [self.maker_share, 1.0 - self.maker_share].into_iter().enumerate() {
            self.fills[index] += filled * part;
            self.volume[index] += filled * part * 50.0;
        }
        let age_ms = 170.0
            + 0.10 * (params.tail_age_ms - DEFAULTS.tail_age_ms)
            + 0.30 * (params.min_interval_ms - DEFAULTS.min_interval_ms)
            + 4.0 * market.abs();
        // Each order is placed and taken back.
        self.requests += 2.0 * 2.0 * secs * quoting;
        self.orders.add(2.0 * secs * quoting, age_ms, 0.0, age_ms);
        let risk = (0.10 + 1.5 * (params.impact_cap_ratio - 0.10) + 0.01 * market).max(0.01);
        let parts = [0.08, 0.14 * params.min_interval_ms / DEFAULTS.min_interval_ms, risk, 0.06];
        for (blocked, part) in self.blocked.iter_mut().zip(parts) {
            *blocked += 2.0 * secs * quoting * part;
        }
    }

    /// Appends the value of every series.
    pub(crate) fn values(&self, out: &mut Vec<f64>) {
        self.ticks.values(out);
        self.fetches.values(out);
        self.orders.values(out);
        let ticks = out[STAGE_BOUNDS_MS.len()];
        out.extend([ticks, self.misses.floor(), self.ema_1h, self.ema_24h, self.net_bps]);
        out.extend([self.lookups_hit.floor(), self.lookups_missed.floor(), self.maker_share, self.lag_ms]);
        out.push(LAG_P95_SHARE * self.lag_ms);
        let circuit = self.circuit();
        let states = [CircuitState::Closed, CircuitState::HalfOpen, CircuitState::Open];
        out.extend(states.map(|state| f64::from(u8::from(state == circuit))));
        out.extend([0.0, 0.0, self.scenario.trips(self.secs)]);
        out.push((8.0 * self.quoting_share()).floor());
        out.extend(self.fills.map(f64::floor));
        out.extend(self.volume.map(f64::floor));
        out.extend(self.blocked.map(f64::floor));
        out.extend([self.requests.floor(), (self.scenario.request_errors() * self.requests).floor()]);
        out.extend(self.params.values().map(|value| *value));
        out.extend([1.0, 1.0, self.memory.floor(), self.started_at_secs]);
    }
}

/// The parameters of an overrides file over those in force: known keys with numbers are taken, others are
/// named in the second value.
pub(crate) fn with_overrides(
    current: &ParameterPoint,
    overrides: &serde_json::Map<String, serde_json::Value>,
) -> (ParameterPoint, Vec<String>) {
    let values = current.values().map(|value| *value);
    let mut refused = Vec::new();
    let next = ParameterPoint::from_fn(|index| match overrides.get(NAMES[index]) {
        None => values[index],
        Some(value) => value.as_f64().unwrap_or_else(|| {
            refused.push(format!("`{}` is not a number", NAMES[index]));
            values[index]
        }),
    });
    let foreign = overrides.keys().filter(|name| !NAMES.contains(&name.as_str()));
    refused.extend(foreign.map(|name| format!("`{name}` is not a run-time parameter")));
    (next, refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum as _;

    fn shown(bot: &SimulatedBot, name: &str) -> f64 {
        let mut values = Vec::new();
        bot.values(&mut values);
        let at = bot.series.iter().position(|series| series.name == name).expect("a series");
        values[at]
    }

    #[test]
    fn there_is_a_value_for_every_series_and_counters_never_fall() {
        for scenario in Scenario::value_variants().iter().copied() {
            let mut bot = SimulatedBot::new(scenario, 3, 0.0);
            let mut before: Vec<f64> = Vec::new();
            for _ in 0..500 {
                bot.step(15.0);
                let mut values = Vec::new();
                bot.values(&mut values);
                assert_eq!(values.len(), bot.series.len());
                for (index, series) in bot.series.iter().enumerate() {
                    let counter =
                        ["_total", "_bucket", "_count"].iter().any(|end| series.name.ends_with(end))
                            && series.name != "mm_active_orders_total";
                    let fell = before.get(index).is_some_and(|before| values[index] < *before);
                    assert!(values[index].is_finite() && !(counter && fell), "{scenario:?} {series:?}");
                }
                before = values;
            }
        }
    }

    #[test]
    fn a_larger_bucket_never_grows_by_less_than_a_smaller_one() {
        let mut bot = SimulatedBot::new(Scenario::LatencyCreep, 3, 0.0);
        let mut before = vec![0.0; STAGE_BOUNDS_MS.len() + 1];
        for _ in 0..50_000 {
            bot.step(0.02);
            let mut values = Vec::new();
            bot.values(&mut values);
            let grown = before.iter().zip(&values).map(|(before, now)| now - before);
            assert!(grown.is_sorted(), "{before:?} then {values:?}");
            before = values[..before.len()].to_vec();
        }
    }

    #[test]
    fn the_parameters_act_on_what_the_bot_shows() {
        let day = |change: fn(&mut ParameterPoint)| {
            let mut params = DEFAULTS;
            change(&mut params);
            let mut bot = SimulatedBot::new(Scenario::Steady, 5, 0.0);
            bot.params = params;
            (0..5760).for_each(|_| bot.step(15.0));
            bot
        };
        let base = day(|_| ());
        let wide = day(|params| params.base_spread_bps_delta = 0.3);
        assert!(shown(&wide, "mm_edge_bps_ema24h") > shown(&base, "mm_edge_bps_ema24h") + 0.1);
        assert!(shown(&wide, "mm_fills_total") < shown(&base, "mm_fills_total"));
        let busy = day(|params| params.replace_rate_per_min = 360.0);
        assert!(shown(&busy, "mm_deadline_miss_total") > shown(&base, "mm_deadline_miss_total"));
        let old = day(|params| params.tail_age_ms = 1000.0);
        assert!(shown(&old, "mm_order_age_ms_sum") > shown(&base, "mm_order_age_ms_sum"));
        assert!(shown(&old, "mm_edge_bps_ema24h") < shown(&base, "mm_edge_bps_ema24h"));
    }

    #[test]
    fn rollback_actions_stop_the_quoting_and_open_the_breaker() {
        let mut bot = SimulatedBot::new(Scenario::Steady, 5, 0.0);
        bot.step(60.0);
        assert!(shown(&bot, "mm_active_orders_total") > 0.0);
        assert_eq!(bot.apply(RollbackAction::ScaleStrategy { factor: 0.5 }), Ok(()));
        for factor in [-7.0, 1.01, f64::NAN, f64::INFINITY] {
            assert!(bot.apply(RollbackAction::ScaleStrategy { factor }).is_err(), "{factor}");
        }
        assert_eq!(shown(&bot, "mm_active_orders_total").to_bits(), 4.0_f64.to_bits());
        assert_eq!(bot.apply(RollbackAction::FreezeOrders), Ok(()));
        assert_eq!(shown(&bot, "mm_active_orders_total").to_bits(), 0.0_f64.to_bits());
        let fills = shown(&bot, "mm_fills_total");
        assert_eq!(bot.apply(RollbackAction::CircuitState { state: CircuitState::Open }), Ok(()));
        bot.step(600.0);
        assert_eq!(bot.circuit(), CircuitState::Open);
        assert_eq!(shown(&bot, "mm_fills_total").to_bits(), fills.to_bits());
    }

    #[test]
    fn overrides_take_known_numbers_and_name_the_rest() {
        let file = serde_json::json!({"tail_age_ms": 700, "max_delta_ratio": "x", "engine": {}});
        let (next, refused) = with_overrides(&DEFAULTS, file.as_object().expect("an object"));
        assert_eq!(next, ParameterPoint { tail_age_ms: 700.0, ..DEFAULTS });
        assert_eq!(refused, ["`max_delta_ratio` is not a number", "`engine` is not a run-time parameter"]);
    }
}
