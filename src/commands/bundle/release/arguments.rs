//! What bundle release is asked.

use crate::release::policy;
use std::path::PathBuf;

/// Build the folder of a release from a soak run that passed
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Directory of the soak run, which is judged again from what it has kept
    #[arg(long, value_name = "DIR")]
    pub(super) src: PathBuf,
    /// Release on a snapshot alone, of a run that kept nothing to judge again; stamped into the folder
    #[arg(long)]
    pub(super) legacy_snapshot: bool,
    /// Folder of the release, which must not exist
    #[arg(long, value_name = "DIR")]
    pub(super) out: PathBuf,
    /// Version of what is released [default: `MM_VERSION`, else the file VERSION]
    #[arg(long, value_name = "V")]
    pub(super) version: Option<String>,
    /// Limits of the run-time overrides [default: `deploy/tuning/limits.yaml`, else the built-in limits]
    #[arg(long, value_name = "FILE")]
    pub(super) limits: Option<PathBuf>,
    /// Rollback policy that the plan's commands come from
    #[arg(long, value_name = "FILE", default_value = policy::PATH)]
    pub(super) policy: PathBuf,
    /// Sign the manifest with this minisign secret key
    #[arg(long, value_name = "KEY")]
    pub(super) sign: Option<PathBuf>,
    /// Release on a simulated soak; stamped into the folder
    #[arg(long)]
    pub(super) allow_simulated: bool,
}
