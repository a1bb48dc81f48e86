//! A figure of a soak over the iterations that count.

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

/// How far a mean may lie outside of what it is the mean of, for the rounding of sums.
const ROUNDING: f64 = 1e-9;

/// What a trend may be called.
const TRENDS: [&str; 4] = ["up", "down", "flat", "unknown"];

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kpi {
    pub(crate) mean: f64,
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// `up`, `down` or `flat`, where the snapshot says so.
    pub(crate) trend: Option<String>,
}

impl Kpi {
    /// Reads the figure `name` of a snapshot.
    pub(super) fn parse(name: &str, value: &Value) -> anyhow::Result<Self> {
        let fields = value.as_object().with_context(|| format!("kpi_last_n.{name} is not an object"))?;
        let number = |field: &str| {
            let number = fields.get(field).and_then(Value::as_f64).filter(|number| number.is_finite());
            number.with_context(|| format!("kpi_last_n.{name}.{field} is missing or not a number"))
        };
        let trend = fields.get("trend").filter(|trend| !trend.is_null()).map(|trend| {
            let word = trend.as_str().filter(|trend| TRENDS.contains(trend)).map(str::to_owned);
            word.with_context(|| format!("kpi_last_n.{name}.trend is {trend}, not {}", TRENDS.join(", ")))
        });
        let kpi = Self {
            mean: number("mean")?,
            median: number("median")?,
            min: number("min")?,
            max: number("max")?,
            trend: trend.transpose()?,
        };
        let slack = ROUNDING * kpi.min.abs().max(kpi.max.abs());
        for (part, value) in [("mean", kpi.mean), ("median", kpi.median)] {
            if value < kpi.min - slack || value > kpi.max + slack {
                bail!("kpi_last_n.{name}.{part} is {value}, outside of {} to {}", kpi.min, kpi.max);
            }
        }
        ensure!(kpi.min <= kpi.max, "kpi_last_n.{name}.min is larger than its max");
        Ok(kpi)
    }
}
