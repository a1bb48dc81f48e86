//! Where our order stands in the queue of its price level.
//!
//! Traded quantity comes off the front. Of a decrease that trades do not explain, a part was ahead of us,
//! by the simulator's own probability (`PowerProbQueueFunc3` with exponent 3: the nearer the front, the
//! more of it happened behind us). The exchange model fills an order whole or not at all, so an order
//! counts as filled only when the quantity that came through has reached its last lot, not its first.

use hftbacktest::backtest::models::{PowerProbQueueFunc3, Probability as _, QueueModel};
use hftbacktest::depth::MarketDepth;
use hftbacktest::types::{AnyClone, Order, Side};
use std::any::Any;

/// Exponent of the probability function; the one of the simulator's own examples.
const EXPONENT: f64 = 3.0;

pub(super) struct WholeOrderQueue {
    probability: PowerProbQueueFunc3,
}

impl WholeOrderQueue {
    pub(super) fn new() -> Self {
        Self { probability: PowerProbQueueFunc3::new(EXPONENT) }
    }
}

/// What is ahead of an order and what was traded since the level last changed.
#[derive(Clone, Debug, Default, PartialEq)]
struct QueuePosition {
    /// Quantity ahead of us; negative once executions have come through to us.
    ahead: f64,
    /// Traded quantity that the displayed level does not reflect yet.
    traded: f64,
}

impl AnyClone for QueuePosition {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

fn position(order: &mut Order) -> &mut QueuePosition {
    order.q.as_any_mut().downcast_mut().expect("every accepted order was given its position by `new_order`")
}

impl<MD: MarketDepth> QueueModel<MD> for WholeOrderQueue {
    fn new_order(&self, order: &mut Order, depth: &MD) {
        let ahead = match order.side {
            Side::Buy => depth.bid_qty_at_tick(order.price_tick),
            _ => depth.ask_qty_at_tick(order.price_tick),
        };
        order.q = Box::new(QueuePosition { ahead, traded: 0.0 });
    }

    fn trade(&self, order: &mut Order, qty: f64, _depth: &MD) {
        let position = position(order);
        position.ahead -= qty;
        position.traded += qty;
    }

    fn depth(&self, order: &mut Order, before: f64, after: f64, _depth: &MD) {
        let position = position(order);
        let cancelled = before - after - position.traded;
        position.traded = 0.0;
        if position.ahead <= 0.0 {
            return;
        }
        if cancelled > 0.0 {
            let behind = (before - position.ahead).max(0.0);
            let share_behind = self.probability.prob(position.ahead, behind);
            // What cannot have been behind us was ahead.
            let overflow = (cancelled * share_behind - behind).max(0.0);
            position.ahead -= cancelled * (1.0 - share_behind) + overflow;
        }
        position.ahead = position.ahead.min(after).max(0.0);
    }

    fn is_filled(&self, order: &mut Order, depth: &MD) -> f64 {
        let half_lot = depth.lot_size() / 2.0;
        let qty = order.leaves_qty;
        if -position(order).ahead > qty - half_lot { qty } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hftbacktest::depth::{HashMapMarketDepth, L2MarketDepth as _};
    use hftbacktest::types::{OrdType, TimeInForce};

    fn market(bid_qty: f64) -> HashMapMarketDepth {
        let mut depth = HashMapMarketDepth::new(0.1, 0.001);
        depth.update_bid_depth(100.0, bid_qty, 0);
        depth
    }

    fn order(qty: f64) -> Order {
        Order::new(1, 1000, 0.1, qty, Side::Buy, OrdType::Limit, TimeInForce::GTC)
    }

    #[test]
    fn an_order_is_filled_when_executions_reach_its_last_lot() {
        let (queue, depth, mut order) = (WholeOrderQueue::new(), market(2.0), order(0.5));
        queue.new_order(&mut order, &depth);
        queue.trade(&mut order, 2.0, &depth);
        assert_eq!(queue.is_filled(&mut order, &depth), 0.0);
        queue.trade(&mut order, 0.499, &depth);
        assert_eq!(queue.is_filled(&mut order, &depth), 0.0);
        queue.trade(&mut order, 0.001, &depth);
        assert_eq!(queue.is_filled(&mut order, &depth), 0.5);
    }

    #[test]
    fn a_traded_decrease_is_not_counted_twice() {
        let (queue, depth, mut order) = (WholeOrderQueue::new(), market(2.0), order(0.5));
        queue.new_order(&mut order, &depth);
        queue.trade(&mut order, 0.8, &depth);
        QueueModel::<HashMapMarketDepth>::depth(&queue, &mut order, 2.0, 1.2, &depth);
        assert_eq!(*position(&mut order), QueuePosition { ahead: 1.2, traded: 0.0 });
    }

    #[test]
    fn cancellations_move_us_forward_but_never_past_what_is_displayed() {
        let (queue, depth, mut order) = (WholeOrderQueue::new(), market(2.0), order(0.5));
        queue.new_order(&mut order, &depth);
        QueueModel::<HashMapMarketDepth>::depth(&queue, &mut order, 2.0, 5.0, &depth);
        assert_eq!(position(&mut order).ahead, 2.0);
        QueueModel::<HashMapMarketDepth>::depth(&queue, &mut order, 5.0, 4.0, &depth);
        let ahead = position(&mut order).ahead;
        assert!(ahead < 2.0 && ahead > 1.9, "most of it was behind: {ahead}");
        QueueModel::<HashMapMarketDepth>::depth(&queue, &mut order, 4.0, 0.3, &depth);
        assert!(position(&mut order).ahead <= 0.3);
    }
}
