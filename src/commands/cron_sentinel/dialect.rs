//! What one cron expression means to the schedulers that read it: the same five fields are other runs to another
//! program, and what an expression says of a job is only true for the one that starts it.
#![warn(clippy::wildcard_enum_match_arm)]

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The scheduler whose rules count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// `cron(8)` and `crontab(5)` of Vixie, as Debian and most others have them.
    #[default]
    Vixie,
    /// `CronJob` of Kubernetes, which is the standard parser of `robfig/cron`.
    Kubernetes,
    /// Six or seven fields with seconds in front, as Quartz and its relatives have them.
    QuartzLike,
}

/// Which of the two day fields a day must match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DayRule {
    /// Either of them; both where one begins with `*`.
    BothIfOneBeginsWithStar,
    /// Either of them; both where one has `*` or `?` for itself, which `*/2` is not.
    BothIfOneIsStar,
    /// One is `?` or `*`, and the other decides.
    TheOneThatIsGiven,
}

/// What becomes of a time of day that the clock skips.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum GapRule {
    /// It runs when the clock has moved on.
    Run,
    Skip,
}

/// What becomes of a time of day that comes twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FoldRule {
    /// It runs the first time.
    Once,
    Twice,
}

/// By which rules the runs of a task were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct DialectRules {
    pub(crate) name: Dialect,
    pub(crate) day_rule: DayRule,
    /// Of an expression that names times of day; one with `*` in its hours or minutes follows the clock.
    pub(crate) gap: GapRule,
    pub(crate) fold: FoldRule,
}

impl Dialect {
    pub(crate) fn rules(self) -> DialectRules {
        let (day_rule, gap, fold) = match self {
            Self::Vixie => (DayRule::BothIfOneBeginsWithStar, GapRule::Run, FoldRule::Once),
            Self::Kubernetes => (DayRule::BothIfOneIsStar, GapRule::Skip, FoldRule::Twice),
            Self::QuartzLike => (DayRule::TheOneThatIsGiven, GapRule::Run, FoldRule::Once),
        };
        DialectRules { name: self, day_rule, gap, fold }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Vixie => "vixie",
            Self::Kubernetes => "kubernetes",
            Self::QuartzLike => "quartz-like",
        }
    }
}
