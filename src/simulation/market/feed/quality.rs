//! What is counted while a feed is read, and how much of it is too much.

use crate::report::exit::Fault;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many findings are kept with their line; the counts go on.
const KEPT_FINDINGS: usize = 20;

/// How many defects of each kind a feed may have before it is refused.
///
/// A number that is none, a line that is no message and a stream nobody knows say that the recorder or
/// the file is broken, so one is too many. A lost connection leaves a gap until the next snapshot and a
/// publisher may step back by a millisecond, so a few of those are tolerated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FeedLimits {
    /// Jumps in the chain of update ids: changes of the book that were never received.
    pub gaps: u64,
    /// Messages after which the best bid was at or above the best ask.
    pub crossed_books: u64,
    /// Messages whose receive time, or exchange time within their stream, lies before the previous one.
    pub time_reversals: u64,
    /// Messages with a price, quantity, id or time that is missing, negative or not a number.
    pub bad_numbers: u64,
    /// Lines that are not `<local ns> <JSON>`, or whose JSON is not a market message.
    pub foreign_lines: u64,
    /// Messages of streams the reader does not know, or of another symbol.
    pub unknown_streams: u64,
}

impl Default for FeedLimits {
    fn default() -> Self {
        Self {
            gaps: 3,
            crossed_books: 10,
            time_reversals: 10,
            bad_numbers: 0,
            foreign_lines: 0,
            unknown_streams: 0,
        }
    }
}

/// A way in which a feed can be wrong.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum FeedDefect {
    /// See [`FeedLimits::gaps`].
    Gap,
    /// See [`FeedLimits::crossed_books`].
    CrossedBook,
    /// See [`FeedLimits::time_reversals`].
    TimeReversal,
    /// See [`FeedLimits::bad_numbers`].
    BadNumber,
    /// See [`FeedLimits::foreign_lines`].
    ForeignLine,
    /// See [`FeedLimits::unknown_streams`].
    UnknownStream,
}

impl FeedDefect {
    /// Every kind, in the order in which they are judged.
    pub const ALL: [FeedDefect; 6] = [
        FeedDefect::ForeignLine,
        FeedDefect::BadNumber,
        FeedDefect::UnknownStream,
        FeedDefect::TimeReversal,
        FeedDefect::Gap,
        FeedDefect::CrossedBook,
    ];

    /// The key of its limit.
    pub fn key(self) -> &'static str {
        self.limit(&FeedLimits::default()).0
    }

    /// Its limit with the key.
    fn limit(self, limits: &FeedLimits) -> (&'static str, u64) {
        match self {
            FeedDefect::Gap => ("gaps", limits.gaps),
            FeedDefect::CrossedBook => ("crossed_books", limits.crossed_books),
            FeedDefect::TimeReversal => ("time_reversals", limits.time_reversals),
            FeedDefect::BadNumber => ("bad_numbers", limits.bad_numbers),
            FeedDefect::ForeignLine => ("foreign_lines", limits.foreign_lines),
            FeedDefect::UnknownStream => ("unknown_streams", limits.unknown_streams),
        }
    }
}

/// A defect and the bad datum.
pub(super) type Defect = (FeedDefect, String);

/// One defect and where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DefectFinding {
    /// 1-based line of the file, or row of the array.
    pub line: u64,
    /// What is wrong.
    pub defect: FeedDefect,
    /// The bad datum.
    pub detail: String,
}

/// Everything counted while reading a feed: each line is in exactly one of the counts of its kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedQuality {
    /// Lines of the file, or rows of the array.
    pub lines: u64,
    /// Messages that changed the book by differences.
    pub depth_messages: u64,
    /// Messages with best bid and offer.
    pub ticker_messages: u64,
    /// Executions.
    pub trade_messages: u64,
    /// Whole books.
    pub snapshots: u64,
    /// Executions outside the order book, such as liquidations by the insurance fund: not replayed.
    pub off_book_trades: u64,
    /// Best bids and offers that the book already knew from a later difference: not replayed.
    pub superseded_tickers: u64,
    /// Messages of known streams that carry neither book nor trades, by stream: not replayed.
    pub unused_streams: BTreeMap<String, u64>,
    /// Price levels in depth messages and snapshots.
    pub levels: u64,
    /// Of these, levels so far from every best price and trade that no order can meet them: not replayed.
    pub far_levels: u64,
    /// Messages after which one side of the book was empty.
    pub one_sided_books: u64,
    /// How far the receive times were moved so that no message arrives before it was sent, nanoseconds.
    pub clock_shift_ns: i64,
    /// Defects by the key of their limit. In memory the kinds that did not occur are absent; what is written
    /// has all of them, so that none of a kind reads as 0 and not as unknown.
    #[serde(serialize_with = "every_kind")]
    pub defects: BTreeMap<String, u64>,
    /// The first defects with their lines.
    pub findings: Vec<DefectFinding>,
}

fn every_kind<S: serde::Serializer>(found: &BTreeMap<String, u64>, to: S) -> Result<S::Ok, S::Error> {
    let count = |key: &str| found.get(key).copied().unwrap_or(0);
    to.collect_map(FeedDefect::ALL.map(FeedDefect::key).map(|key| (key, count(key))))
}

impl FeedQuality {
    pub fn count(&self, defect: FeedDefect) -> u64 {
        self.defects.get(defect.key()).copied().unwrap_or(0)
    }

    pub(super) fn note(&mut self, defect: FeedDefect, line: u64, detail: impl Into<String>) {
        *self.defects.entry(defect.key().to_owned()).or_default() += 1;
        if self.findings.len() < KEPT_FINDINGS {
            self.findings.push(DefectFinding { line, defect, detail: detail.into() });
        }
    }

    /// Refuses a feed with more defects of a kind than its limit.
    pub(super) fn check(&self, name: &str, limits: &FeedLimits) -> Result<(), Fault> {
        for defect in FeedDefect::ALL {
            let (count, (key, limit)) = (self.count(defect), defect.limit(limits));
            if count <= limit {
                continue;
            }
            let first = self.findings.iter().find(|finding| finding.defect == defect);
            let first = first.map_or_else(String::new, |finding| {
                format!(", first at line {}: {}", finding.line, finding.detail)
            });
            return Err(Fault::config(format!(
                "refused feed `{name}`: {count} {key} exceed the limit of {limit}{first}"
            ))
            .hint(format!("record the feed again, or raise `feed.{key}` in the limits file knowingly")));
        }
        Ok(())
    }
}
