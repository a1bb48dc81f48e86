//! Cases of the limits and the guards.
