//! The figures that every release rests on: which part of each counts, when a live release goes back for
//! it, and what it must reach until then. The soak, the plans and the checklist are held to this one table.

use super::kpi::Kpi;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    /// Such as `>= 0.83`.
    pub(crate) fn display(self) -> String {
        match self {
            Target::AtLeast(least) => format!(">= {least}"),
            Target::AtMost(most) => format!("<= {most}"),
        }
    }

    /// Whether a value reaches it.
    pub(crate) fn holds(self, value: f64) -> bool {
        match self {
            Target::AtLeast(least) => value >= least,
            Target::AtMost(most) => value <= most,
        }
    }
}

/// When a release must be rolled back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trigger {
    pub(crate) what: &'static str,
    /// Its unit; empty for a ratio.
    pub(crate) unit: &'static str,
    /// What must hold.
    pub(crate) limit: Target,
    /// For how long it must not hold.
    pub(crate) lasting: &'static str,
    /// The figure in `kpis.yaml`: what is asked of a live bot is what was measured of the soaked one.
    pub(crate) kpi: &'static str,
    /// Unit of the figure there.
    pub(crate) kpi_unit: &'static str,
    /// How far a query looks back.
    pub(crate) window: &'static str,
}

impl Trigger {
    pub(crate) fn name(&self) -> String {
        if self.unit.is_empty() { self.what.to_owned() } else { format!("{}, {}", self.what, self.unit) }
    }

    /// When it fires, such as `> 500 ms`.
    pub(crate) fn condition(&self) -> String {
        let (relation, limit) = match self.limit {
            Target::AtLeast(least) => ("<", least),
            Target::AtMost(most) => (">", most),
        };
        let decimals = if limit.fract() == 0.0 { 0 } else { 2 };
        format!("{relation} {limit:.decimals$} {}", self.unit).trim_end().to_owned()
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    Mean,
    Median,
    Max,
}

impl Part {
    /// As a snapshot names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Median => "median",
            Self::Max => "max",
        }
    }
}

/// A figure that every release rests on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figure {
    /// Its name in a snapshot.
    pub(crate) key: &'static str,
    /// Its name in a snapshot of the earlier toolkit.
    pub(crate) earlier: &'static str,
    /// Values that it can have.
    pub(crate) possible: (f64, f64),
    /// Which part counts.
    pub(crate) part: Part,
    /// What the last iterations of a soak must show for a release.
    pub(crate) goal: Target,
    /// The goal's name in `goals_met`, now and in a snapshot of the earlier toolkit.
    pub(crate) goal_names: [&'static str; 2],
    /// When a live release is rolled back for it.
    pub(crate) trigger: Trigger,
    /// What it must reach after an hour.
    pub(crate) hour_1: Option<Target>,
    /// What it must reach after six hours.
    pub(crate) hour_6: Target,
}

impl Figure {
    pub(crate) fn value(&self, kpi: &Kpi) -> f64 {
        match self.part {
            Part::Mean => kpi.mean,
            Part::Median => kpi.median,
            Part::Max => kpi.max,
        }
    }
}

pub(crate) const FIGURES: [Figure; 4] = [
    Figure {
        key: "maker_share_ratio",
        earlier: "maker_taker_ratio",
        possible: (0.0, 1.0),
        part: Part::Mean,
        goal: Target::AtLeast(0.83),
        goal_names: ["maker_share", "maker_taker_ok"],
        trigger: Trigger {
            what: "maker share",
            unit: "",
            limit: Target::AtLeast(0.70),
            lasting: "5 min",
            kpi: "maker_share_ratio",
            kpi_unit: "ratio",
            window: "5m",
        },
        hour_1: Some(Target::AtLeast(0.75)),
        hour_6: Target::AtLeast(0.80),
    },
    Figure {
        key: "order_latency_p95_ms",
        earlier: "p95_latency_ms",
        possible: (0.0, f64::MAX),
        part: Part::Max,
        goal: Target::AtMost(340.0),
        goal_names: ["order_latency_p95", "p95_latency_ok"],
        trigger: Trigger {
            what: "order latency p95",
            unit: "ms",
            limit: Target::AtMost(500.0),
            lasting: "3 min",
            kpi: "order_latency_p95_ms",
            kpi_unit: "ms",
            window: "3m",
        },
        hour_1: Some(Target::AtMost(400.0)),
        hour_6: Target::AtMost(350.0),
    },
    Figure {
        key: "risk_block_ratio",
        earlier: "risk_ratio",
        possible: (0.0, 1.0),
        part: Part::Median,
        goal: Target::AtMost(0.40),
        goal_names: ["risk_blocks", "risk_ok"],
        trigger: Trigger {
            what: "risk block ratio",
            unit: "",
            limit: Target::AtMost(0.60),
            lasting: "2 min",
            kpi: "risk_block_ratio",
            kpi_unit: "ratio",
            window: "2m",
        },
        hour_1: Some(Target::AtMost(0.50)),
        hour_6: Target::AtMost(0.45),
    },
    Figure {
        key: "net_bps",
        earlier: "net_bps",
        possible: (f64::MIN, f64::MAX),
        part: Part::Mean,
        goal: Target::AtLeast(2.5),
        goal_names: ["net_bps", "net_bps_ok"],
        trigger: Trigger {
            what: "net edge",
            unit: "bps",
            limit: Target::AtLeast(0.0),
            lasting: "10 min",
            kpi: "net_bps",
            kpi_unit: "bps",
            window: "10m",
        },
        hour_1: None,
        hour_6: Target::AtLeast(0.0),
    },
];

/// A live release is rolled back for it; snapshots of the earlier toolkit do not have it.
const ERROR_RATIO: Trigger = Trigger {
    what: "error ratio",
    unit: "",
    limit: Target::AtMost(0.05),
    lasting: "1 min",
    kpi: "error_ratio",
    kpi_unit: "ratio",
    window: "1m",
};

pub(crate) fn triggers() -> impl Iterator<Item = Trigger> {
    FIGURES.iter().map(|figure| figure.trigger).chain([ERROR_RATIO])
}
