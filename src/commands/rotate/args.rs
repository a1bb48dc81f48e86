//! The command line of `rotate`.

use super::facts::Mode;
use super::retention::age::{Age, parse_age};
use super::retention::policy::{By, MOST_DAYS, Size};
use crate::format::size;
use std::path::PathBuf;

/// Remove old artifacts within limits, after archiving them on request
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Args {
    /// Remove files older than N days
    #[arg(long, alias = "keep-days", value_name = "N", value_parser = parse_days, allow_hyphen_values = true)]
    pub(super) days: Option<u32>,
    /// Remove the oldest files until the rest fits; K, M, G, T are 1024-based
    #[arg(long, value_name = "SIZE", value_parser = parse_size, allow_hyphen_values = true)]
    pub(super) max_size: Option<Size>,
    /// Old spelling of --max-size, in gigabytes
    #[arg(long, hide = true, value_name = "F", value_parser = parse_gigabytes, conflicts_with = "max_size",
          allow_hyphen_values = true)]
    pub(super) max_size_gb: Option<Size>,
    /// Remove all but the N newest files
    #[arg(long, value_name = "N", value_parser = parse_count, allow_hyphen_values = true)]
    pub(super) keep: Option<u64>,
    /// Directory to rotate (can be repeated) [default: artifacts]
    #[arg(long, value_name = "DIR")]
    pub(super) base_dir: Vec<PathBuf>,
    /// Old spelling of several --base-dir
    #[arg(long, hide = true, value_name = "DIR", num_args = 1.., conflicts_with = "base_dir")]
    pub(super) roots: Vec<PathBuf>,
    /// Rotate only files that match; without a slash the pattern is compared with the file name
    #[arg(long, value_name = "GLOB")]
    pub(super) pattern: Option<String>,
    /// Never touch files that match (can be repeated)
    #[arg(long, value_name = "GLOB")]
    pub(super) protect: Vec<String>,
    /// Rotate by the rules of a policy file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["days", "keep"])]
    pub(super) policy: Option<PathBuf>,
    /// What dates a file: its last write, its last change of any kind, or the date in its name [default: mtime]
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(super) by: Option<By>,
    /// Count lengths of files towards --max-size instead of the space that they take on the disk
    #[arg(long)]
    pub(super) apparent_size: bool,
    /// Remove what may go although a size or the free space stays out of reach
    #[arg(long)]
    pub(super) best_effort: bool,
    /// Remove even though everything looks old, as it does when a clock has jumped
    #[arg(long)]
    pub(super) allow_large: bool,
    /// Allow patterns of what is to be kept that match nothing
    #[arg(long)]
    pub(super) allow_unmatched: bool,
    /// Archive files into a verified ZIP in this directory before removing them
    #[arg(long, value_name = "DIR")]
    pub(super) archive_dir: Option<PathBuf>,
    /// Remove the oldest files until the disk has this much free space
    #[arg(long, value_name = "SIZE", value_parser = parse_size, allow_hyphen_values = true)]
    pub(super) min_free: Option<Size>,
    /// Keep at least the N newest files, whatever the limits say
    #[arg(long, value_name = "N", value_parser = parse_count, allow_hyphen_values = true)]
    pub(super) min_keep: Option<u64>,
    /// Keep files younger than this, such as 10m, whatever the limits say
    #[arg(long, value_name = "AGE", value_parser = parse_age, allow_hyphen_values = true)]
    pub(super) min_age: Option<Age>,
    /// Allow limits that leave nothing; needs --pattern or --policy
    #[arg(long)]
    pub(super) allow_remove_all: bool,
    /// Remove directories that are empty or become empty
    #[arg(long)]
    pub(super) remove_empty_dirs: bool,
    /// Say why this file stays or goes, and until when (can be repeated)
    #[arg(long, value_name = "PATH", requires = "dry_run")]
    pub(super) explain: Vec<PathBuf>,
    /// Write every file with what becomes of it and why
    #[arg(long, value_name = "FILE")]
    pub(super) plan: Option<PathBuf>,
    /// Carry out a plan, unless anything changed since it was made
    #[arg(long, value_name = "PLAN", conflicts_with_all = [
        "days", "max_size", "max_size_gb", "keep", "base_dir", "roots", "pattern", "protect", "policy",
        "archive_dir", "min_free", "min_keep", "min_age", "allow_remove_all", "remove_empty_dirs", "plan", "by",
        "apparent_size", "best_effort", "allow_large", "allow_unmatched", "explain",
    ])]
    pub(super) apply: Option<PathBuf>,
    /// Say what would be removed and remove nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

fn parse_days(text: &str) -> Result<u32, String> {
    let days = text.parse().ok().filter(|days| *days <= MOST_DAYS);
    days.ok_or_else(|| format!("it must be a whole number of days from 0 to {MOST_DAYS}"))
}

fn parse_count(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "it must be a whole number of files".to_owned())
}

fn parse_size(text: &str) -> anyhow::Result<Size> {
    size::parse(text).map(Size)
}

fn parse_gigabytes(text: &str) -> anyhow::Result<Size> {
    parse_size(&format!("{text}G"))
}

impl Args {
    pub(super) fn mode(&self) -> Mode {
        if self.dry_run { Mode::DryRun } else { Mode::Real }
    }
}
