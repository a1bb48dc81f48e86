//! What goes wrong with a simulated bot, as a function of the seconds since its start.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What goes wrong; each but the first breaks one limit of the default gates.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, ValueEnum,
)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub(crate) enum Scenario {
    /// Nothing
    #[default]
    Steady,
    /// Ticks take longer by the hour
    LatencyCreep,
    /// The net edge melts away over two days
    EdgeDecay,
    /// The market-data cache misses two times in five
    CacheMiss,
    /// One tick in thirty misses its deadline
    DeadlineStorm,
    /// Resident memory grows by 12 MiB an hour
    Leak,
    /// After 90 seconds no tick any more, while the endpoint still answers
    Hang,
    /// The circuit breaker opens for half an hour, every six hours
    BreakerTrip,
    /// A guard trips and recovers twice a minute
    Flap,
    /// The venue rejects one request in twelve
    RejectStorm,
}

const HOUR: f64 = 3600.0;

impl Scenario {
    /// As on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().expect("no scenario is hidden").get_name().to_owned()
    }

    /// Added to the median tick, milliseconds: 55 to 98 in 28 hours, so that the 95th percentile passes
    /// 150 ms after 24 hours.
    pub(super) fn tick_ms(self, secs: f64) -> f64 {
        if self == Scenario::LatencyCreep { (secs / HOUR * 1.53).min(43.0) } else { 0.0 }
    }

    /// The part of ticks that is far beyond the deadline.
    pub(super) fn slow_ticks(self) -> f64 {
        if self == Scenario::DeadlineStorm { 0.035 } else { 0.0 }
    }

    /// Taken from the net edge, basis points.
    pub(super) fn edge_loss_bps(self, secs: f64) -> f64 {
        if self == Scenario::EdgeDecay { (secs / HOUR * 0.08).min(3.0) } else { 0.0 }
    }

    /// The part of requests to the venue that fails.
    pub(super) fn request_errors(self) -> f64 {
        if self == Scenario::RejectStorm { 1.0 / 12.0 } else { 0.002 }
    }

    /// Taken from the hit ratio.
    pub(super) fn cache_loss(self) -> f64 {
        if self == Scenario::CacheMiss { 0.22 } else { 0.0 }
    }

    pub(super) fn breaker_open(self, secs: f64) -> bool {
        let into = secs % (6.0 * HOUR);
        self == Scenario::BreakerTrip && (60.0..60.0 + 0.5 * HOUR).contains(&into)
    }

    /// How often the guard has tripped.
    pub(super) fn trips(self, secs: f64) -> f64 {
        match self {
            Scenario::Flap => (secs / 30.0).floor(),
            Scenario::BreakerTrip if secs >= 60.0 => 1.0 + ((secs - 60.0) / (6.0 * HOUR)).floor(),
            _ => 0.0,
        }
    }

    pub(super) fn guard_holds(self, secs: f64) -> bool {
        self == Scenario::Flap && secs % 30.0 < 10.0 && secs >= 30.0
    }
}
