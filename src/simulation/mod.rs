//! What is simulated, and always stamped so: a market-making bot and the market it trades.

pub(crate) mod bot;
pub(crate) mod market;
pub(crate) mod random;
