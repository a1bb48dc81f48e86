//! What is simulated, and always stamped so: a market-making bot and the market it trades.

pub mod bot;
pub mod market;
