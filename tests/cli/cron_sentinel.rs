//! `mmops cron-sentinel`.
