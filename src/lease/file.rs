//! The lease in a directory: `lease`, rewritten under a lock on `lease.lock`, and `token`, the highest
//! fencing token ever issued, which outlives a deleted lease.
//!
//! A lease that cannot be read, is torn or damaged, or claims to be from the future, is a
//! [`StoreOutage`]: nobody is elected over it, and a leader that cannot extend steps down at its own deadline.

use super::cell::{self, damaged};
use super::{Lease, LeaseError, Refusal, StoreOutage, acquire, extend, release};
use crate::report::exit::Fault;
use crate::sys::{clock, fsio, lock};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest wait for another process's step, which takes microseconds.
const LOCK_BUDGET: Duration = Duration::from_millis(100);

const SCHEMA: &str = "mmops.chaos-lease.v1";

/// Where Linux names the current boot; instants of another boot cannot be compared with ours.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

#[derive(Clone, Debug)]
pub(crate) struct LeaseFile {
    dir: PathBuf,
    boot: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    schema: String,
    boot: String,
    lease: Lease,
}

impl LeaseFile {
    /// A store in `dir`, which must exist.
    pub(crate) fn open(dir: &Path) -> Result<Self, Fault> {
        let boot = fsio::read_text(Path::new(BOOT_ID))?.trim().to_owned();
        Ok(Self { dir: dir.to_owned(), boot })
    }

    /// The lease as it is, without keeping anybody out. A record that is just being rewritten looks
    /// damaged; what it really is shows once its writer is done.
    pub(crate) fn peek(&self) -> Result<Option<Lease>, StoreOutage> {
        self.read(clock::boot_us()).or_else(|_| {
            let _lock = self.lock()?;
            self.read(clock::boot_us())
        })
    }

    pub(crate) fn acquire(&self, owner: &str, ttl_us: u64) -> Result<Lease, LeaseError> {
        self.step(|current, issued, now_us| acquire(current, issued, now_us, owner, ttl_us))
    }

    /// Asks for another full TTL.
    pub(crate) fn extend(&self, owner: &str, token: u64, ttl_us: u64) -> Result<Lease, LeaseError> {
        self.step(|current, _, now_us| extend(current, now_us, owner, token, ttl_us))
    }

    pub(crate) fn release(&self, owner: &str, token: u64) -> Result<Lease, LeaseError> {
        self.step(|current, _, now_us| release(current, now_us, owner, token))
    }

    /// The highest token ever issued, 0 before the first election.
    pub(crate) fn issued(&self) -> Result<u64, StoreOutage> {
        let path = self.dir.join("token");
        let token = cell::read(&path)?.unwrap_or(0);
        if token == u64::MAX { Err(damaged(&path, "no token is left")) } else { Ok(token) }
    }

    fn lock(&self) -> Result<File, StoreOutage> {
        lock::hold(&self.dir.join("lease.lock"), LOCK_BUDGET).map_err(StoreOutage::new)
    }

    /// Reads, decides and writes as one step that no other process sees the middle of.
    fn step(
        &self,
        decide: impl FnOnce(Option<&Lease>, u64, u64) -> Result<Lease, Refusal>,
    ) -> Result<Lease, LeaseError> {
        let _lock = self.lock()?;
        let now_us = clock::boot_us();
        let current = self.read(now_us)?;
        let issued = self.issued()?;
        let next = decide(current.as_ref(), issued, now_us)?;
        if next.token > issued {
            // The token first: one that was issued to nobody is harmless, one issued twice is not.
            cell::write(&self.dir.join("token"), &next.token)?;
        }
        let record = Record { schema: SCHEMA.to_owned(), boot: self.boot.clone(), lease: next };
        cell::write(&self.dir.join("lease"), &record)?;
        Ok(record.lease)
    }

    fn read(&self, now_us: u64) -> Result<Option<Lease>, StoreOutage> {
        let path = self.dir.join("lease");
        let Some(record) = cell::read::<Record>(&path)? else { return Ok(None) };
        if record.schema != SCHEMA {
            return Err(damaged(&path, format!("schema `{}`", record.schema)));
        }
        let mut lease = record.lease;
        if lease.token == u64::MAX {
            return Err(damaged(&path, "no token is left"));
        }
        if record.boot != self.boot {
            lease.owner = None;
        } else if lease.renewed_us > now_us {
            return Err(damaged(&path, "the lease was renewed in the future"));
        }
        Ok(Some(lease))
    }
}
