//! `mmops bundle`: make an archive whose every byte can be accounted for, check one, build the folder of
//! a release. Bare `mmops bundle` creates.

mod checkout;
pub(crate) mod create;
mod materials;
mod plan;
mod provenance;
pub(crate) mod release;
mod sbom;
mod select;
pub(crate) mod verify;

pub(crate) use plan::BundlePlan;
