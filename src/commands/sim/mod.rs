//! `mmops sim ...`: simulated counterparts for rehearsals, each marked as simulated in what it shows.

pub(crate) mod bot;
pub(crate) mod feed;
