//! The figures of one candidate, from what the simulator answered on each part of each recording.
//!
//! Parts are pooled as one account in quote units: profits and turnovers are added, counts and
//! durations are added, order lives are put together, the largest position is the largest of any
//! part. Every part starts flat and ends marked at its last mid. A figure that cannot be known is
//! `None` with the reason beside it, never 0.

use super::bootstrap::{self, Account, BootstrapSettings, Interval};
use super::figures::Figures;
use crate::judge::statistics::quantile;
use crate::tuning::trading::{Fees, TradingOutcome};

/// One basis point is this part of the whole.
const BPS: f64 = 1e4;

/// Measures the pooled parts of one candidate.
pub fn measure(parts: &[&TradingOutcome], fees: &Fees, settings: &BootstrapSettings) -> Figures {
    for (part, outcome) in parts.iter().enumerate() {
        if let Err(reason) = check(outcome) {
            return all_unknown(&format!("part {}: {reason}", part + 1));
        }
    }
    if parts.is_empty() {
        return all_unknown("nothing was simulated");
    }
    let mut measured = Figures::default();
    measure_trading(parts, fees, settings, &mut measured);
    measure_orders(parts, &mut measured);
    measured
}

fn all_unknown(reason: &str) -> Figures {
    let mut measured = Figures::default();
    let json = serde_json::to_value(&measured.metrics).expect("plain data serialises");
    let names = json.as_object().expect("a struct is an object").keys().cloned();
    let names = names.chain(["net_interval".to_owned()]);
    measured.unknown = names.map(|name| (name, reason.to_owned())).collect();
    measured
}

/// Refuses an outcome that contradicts itself: figures made of it would only look like figures.
fn check(outcome: &TradingOutcome) -> Result<(), String> {
    let positive = |value: f64| value.is_finite() && value > 0.0;
    let mut last_ns = i64::MIN;
    let mut position = 0.0;
    let mut moved = 0.0;
    for (i, fill) in outcome.fills.iter().enumerate() {
        let later = fill.mid_after_1s.unwrap_or(fill.mid);
        for (what, value) in
            [("price", fill.price), ("quantity", fill.qty), ("mid", fill.mid), ("later mid", later)]
        {
            if !positive(value) {
                return Err(format!("fill {}: {what} is {value}", i + 1));
            }
        }
        if fill.at_ns < last_ns {
            return Err(format!("fill {}: time runs backwards", i + 1));
        }
        last_ns = fill.at_ns;
        position += fill.side.sign() * fill.qty;
        moved += fill.qty;
    }
    let adds_up = (position - outcome.final_position).abs() <= 1e-9 * (1.0 + moved);
    if !adds_up {
        let end = outcome.final_position;
        return Err(format!("the fills add up to position {position}, the simulator ends at {end}"));
    }
    if !outcome.fills.is_empty() && !positive(outcome.final_mid) {
        return Err(format!("the final mid is {}", outcome.final_mid));
    }
    if !positive(outcome.duration_s) {
        return Err(format!("the duration is {} s", outcome.duration_s));
    }
    if !(outcome.max_inventory.is_finite() && outcome.max_inventory >= 0.0) {
        return Err(format!("the largest position is {}", outcome.max_inventory));
    }
    let mut ages = outcome.fills.iter().map(|fill| fill.age_ms);
    if let Some(age) = ages.find(|age| !(age.is_finite() && *age >= 0.0)) {
        return Err(format!("an order was filled {age} ms after it was sent"));
    }
    if let Some(age) = outcome.order_lives_ms.iter().find(|age| !(age.is_finite() && **age >= 0.0)) {
        return Err(format!("an order lived {age} ms"));
    }
    if outcome.orders_filled > outcome.orders_placed {
        let (filled, placed) = (outcome.orders_filled, outcome.orders_placed);
        return Err(format!("{filled} orders were filled and {placed} placed"));
    }
    Ok(())
}

fn measure_trading(
    parts: &[&TradingOutcome],
    fees: &Fees,
    settings: &BootstrapSettings,
    measured: &mut Figures,
) {
    let accounts: Vec<Account> = parts.iter().flat_map(|part| accounts(part, fees)).collect();
    let metrics = &mut measured.metrics;
    metrics.fills = Some(accounts.len() as u64);
    metrics.max_inventory = parts.iter().map(|part| part.max_inventory).reduce(f64::max);
    if accounts.is_empty() {
        let names = [
            "adverse_bps_1s",
            "fees_bps",
            "gross_bps",
            "maker_share",
            "net_bps",
            "net_interval",
            "taker_share_pct",
        ];
        measured.unknown.extend(names.map(|name| (name.to_owned(), "no fills".to_owned())));
        metrics.adverse_fills = Some(0);
        metrics.turnover = Some(0.0);
        return;
    }
    let fills = || parts.iter().flat_map(|part| &part.fills);
    let turnover: f64 = accounts.iter().map(|account| account.turnover).sum();
    let profit: f64 = accounts.iter().map(|account| account.profit).sum();
    // Folded from 0: an empty sum would be -0.
    let traded = |maker: bool| {
        let of_kind = fills().filter(|fill| fill.maker == maker);
        of_kind.fold(0.0, |sum, fill| sum + fill.price * fill.qty)
    };
    let (maker, taker) = (traded(true), traded(false));
    let paid = (maker * fees.maker_bps + taker * fees.taker_bps) / BPS;
    metrics.turnover = Some(turnover);
    metrics.net_bps = Some(BPS * profit / turnover);
    metrics.fees_bps = Some(BPS * paid / turnover);
    metrics.gross_bps = Some(BPS * (profit + paid) / turnover);
    metrics.maker_share = Some(maker / (maker + taker));
    metrics.taker_share_pct = Some(100.0 * taker / (maker + taker));
    let moves = fills().filter_map(|fill| {
        let later = fill.mid_after_1s?;
        Some(BPS * fill.side.sign() * (fill.mid - later) / fill.mid)
    });
    let (sum, count) = moves.fold((0.0, 0_u32), |(sum, count), against| (sum + against, count + 1));
    metrics.adverse_fills = Some(u64::from(count));
    if count == 0 {
        let reason = "the recording ends within 1 s of every fill";
        measured.unknown.insert("adverse_bps_1s".to_owned(), reason.to_owned());
    } else {
        metrics.adverse_bps_1s = Some(sum / f64::from(count));
    }
    match bootstrap::interval(&accounts, settings) {
        Ok(of) => {
            measured.net_interval = Some(Interval { lower: BPS * of.lower, upper: BPS * of.upper });
        }
        Err(reason) => {
            measured.unknown.insert("net_interval".to_owned(), reason);
        }
    }
}

/// Splits the profit of one part over its fills: what the fill won against the mid, its fee, and what
/// the position after it won until the next fill. The sum is cash flow plus inventory at the final mid
/// less fees; unlike marking every fill at the final mid, a fill does not carry the whole day's trend.
fn accounts<'a>(part: &'a TradingOutcome, fees: &'a Fees) -> impl Iterator<Item = Account> + 'a {
    let mut position = 0.0;
    part.fills.iter().enumerate().map(move |(i, fill)| {
        let signed = fill.side.sign() * fill.qty;
        position += signed;
        let next_mid = part.fills.get(i + 1).map_or(part.final_mid, |next| next.mid);
        let turnover = fill.price * fill.qty;
        let rate = if fill.maker { fees.maker_bps } else { fees.taker_bps };
        let profit =
            signed * (fill.mid - fill.price) + position * (next_mid - fill.mid) - turnover * rate / BPS;
        Account { profit, turnover }
    })
}

fn measure_orders(parts: &[&TradingOutcome], measured: &mut Figures) {
    let metrics = &mut measured.metrics;
    let mut unknown = |name: &str, reason: &str| {
        measured.unknown.insert(name.to_owned(), reason.to_owned());
    };
    let ages = parts.iter().flat_map(|part| &part.fills).map(|fill| fill.age_ms);
    metrics.order_age_p95_ms = p95(ages);
    if metrics.order_age_p95_ms.is_none() {
        unknown("order_age_p95_ms", "no fills");
    }
    metrics.order_life_p95_ms = p95(parts.iter().flat_map(|part| &part.order_lives_ms).copied());
    if metrics.order_life_p95_ms.is_none() {
        unknown("order_life_p95_ms", "no order ended");
    }
    let sum = |count: fn(&TradingOutcome) -> u64| parts.iter().map(|part| count(part)).sum::<u64>();
    let (placed, filled) = (sum(|part| part.orders_placed), sum(|part| part.orders_filled));
    metrics.orders_placed = Some(placed);
    if placed == 0 {
        unknown("fill_rate", "no order was placed");
    } else {
        metrics.fill_rate = Some(filled as f64 / placed as f64);
    }
    let duration_s: f64 = parts.iter().map(|part| part.duration_s).sum();
    metrics.duration_s = Some(duration_s);
    let replaces = sum(|part| part.replaces) as f64;
    metrics.replace_rate_per_min = Some(replaces * 60.0 / duration_s);
}

fn p95(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    quantile(&values, 0.95)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tune::choose::figures::Metrics;
    use crate::tuning::trading::{Fill, Side};

    const FEES: Fees = Fees { maker_bps: -2.0, taker_bps: 5.0 };
    const FREE: Fees = Fees { maker_bps: 0.0, taker_bps: 0.0 };
    const SETTINGS: BootstrapSettings = BootstrapSettings { seed: 7, resamples: 200, level: 0.9 };

    fn fill(side: Side, price: f64, qty: f64, mid: f64, after: Option<f64>) -> Fill {
        Fill { at_ns: 0, side, price, qty, age_ms: 100.0, maker: true, mid, mid_after_1s: after }
    }

    fn outcome(fills: Vec<Fill>, final_mid: f64) -> TradingOutcome {
        let final_position = fills.iter().map(|fill| fill.side.sign() * fill.qty).sum();
        TradingOutcome {
            orders_placed: 10,
            orders_filled: 5,
            order_lives_ms: vec![100.0, 200.0],
            max_inventory: 2.0,
            final_position,
            final_mid,
            duration_s: 120.0,
            replaces: 30,
            fills,
        }
    }

    fn close(value: Option<f64>, expected: f64) {
        let value = value.expect("known");
        assert!((value - expected).abs() < 1e-9, "{value} is not {expected}");
    }

    #[test]
    fn profit_by_table() {
        use Side::{Buy, Sell};
        // What was traded, the final mid, the fees, and the net basis points computed by hand.
        let taker = Fill { maker: false, ..fill(Buy, 100.0, 1.0, 100.0, None) };
        let table: [(&str, Vec<Fill>, f64, Fees, f64); 6] = [
            // 1 earned on a turnover of 199.
            (
                "bought at 99, sold at 100, flat",
                vec![fill(Buy, 99.0, 1.0, 99.5, None), fill(Sell, 100.0, 1.0, 99.5, None)],
                50.0,
                FREE,
                1e4 / 199.0,
            ),
            // -200 cash, 2 x 101 inventory: 2 on 200.
            (
                "a long position is marked at the final mid",
                vec![fill(Buy, 100.0, 2.0, 100.0, None)],
                101.0,
                FREE,
                100.0,
            ),
            // +200 cash, -2 x 101: -2 on 200.
            ("a short position too", vec![fill(Sell, 100.0, 2.0, 100.0, None)], 101.0, FREE, -100.0),
            ("a maker rebate is a gain", vec![fill(Buy, 100.0, 1.0, 100.0, None)], 100.0, FEES, 2.0),
            ("a taker fee is a cost", vec![taker], 100.0, FEES, -5.0),
            // Buys 1 @ 100 (mid 101), buys 1 @ 102 (mid 102), sells 2 @ 103 (mid 102.5): +4 on 408.
            (
                "the position between fills earns the drift",
                vec![
                    fill(Buy, 100.0, 1.0, 101.0, None),
                    fill(Buy, 102.0, 1.0, 102.0, None),
                    fill(Sell, 103.0, 2.0, 102.5, None),
                ],
                90.0,
                FREE,
                4e4 / 408.0,
            ),
        ];
        for (what, fills, final_mid, fees, expected) in table {
            let measured = measure(&[&outcome(fills, final_mid)], &fees, &SETTINGS);
            let net = measured.metrics.net_bps.expect(what);
            assert!((net - expected).abs() < 1e-9, "{what}: {net} is not {expected}");
        }
    }

    #[test]
    fn gross_less_fees_is_net_and_shares_go_by_turnover() {
        let mut fills =
            vec![fill(Side::Buy, 100.0, 3.0, 100.5, None), fill(Side::Sell, 101.0, 1.0, 100.5, None)];
        fills[1].maker = false;
        let metrics = measure(&[&outcome(fills, 100.2)], &FEES, &SETTINGS).metrics;
        close(metrics.turnover, 401.0);
        close(metrics.maker_share, 300.0 / 401.0);
        close(metrics.taker_share_pct, 10_100.0 / 401.0);
        close(metrics.fees_bps, (300.0 * -2.0 + 101.0 * 5.0) / 401.0);
        close(metrics.gross_bps, 1e4 * (-300.0 + 101.0 + 2.0 * 100.2) / 401.0);
        close(metrics.net_bps, metrics.gross_bps.unwrap() - metrics.fees_bps.unwrap());
    }

    #[test]
    fn a_share_of_nothing_is_zero_without_a_sign() {
        let fills = vec![fill(Side::Buy, 100.0, 3.0, 100.5, None)];
        let metrics = measure(&[&outcome(fills, 100.2)], &FEES, &SETTINGS).metrics;
        assert_eq!(metrics.taker_share_pct.map(|share| share.to_string()), Some("0".to_owned()));
    }

    #[test]
    fn adverse_selection_is_positive_when_the_price_runs_through_us() {
        // Bought, and the mid fell by 1 %; sold, and it rose by 1 %; one fill without a next second.
        let fills = vec![
            fill(Side::Buy, 100.0, 1.0, 100.0, Some(99.0)),
            fill(Side::Sell, 100.0, 1.0, 100.0, Some(101.0)),
            fill(Side::Buy, 100.0, 1.0, 100.0, None),
        ];
        let metrics = measure(&[&outcome(fills, 100.0)], &FREE, &SETTINGS).metrics;
        close(metrics.adverse_bps_1s, 100.0);
        assert_eq!(metrics.adverse_fills, Some(2));
        let kind = vec![fill(Side::Buy, 100.0, 1.0, 100.0, Some(101.0))];
        close(measure(&[&outcome(kind, 100.0)], &FREE, &SETTINGS).metrics.adverse_bps_1s, -100.0);
    }

    #[test]
    fn the_age_of_orders_is_their_age_when_filled() {
        let aged = |age_ms| Fill { age_ms, ..fill(Side::Buy, 100.0, 1.0, 100.0, None) };
        let filled = outcome(vec![aged(100.0), aged(300.0)], 100.0);
        close(measure(&[&filled], &FREE, &SETTINGS).metrics.order_age_p95_ms, 290.0);
        let wrong = outcome(vec![aged(-1.0)], 100.0);
        assert_eq!(measure(&[&wrong], &FREE, &SETTINGS).metrics.order_age_p95_ms, None);
    }

    #[test]
    fn order_figures_by_hand() {
        let metrics = measure(&[&outcome(Vec::new(), 100.0)], &FREE, &SETTINGS).metrics;
        close(metrics.order_life_p95_ms, 195.0);
        assert_eq!(metrics.order_age_p95_ms, None);
        close(metrics.fill_rate, 0.5);
        close(metrics.replace_rate_per_min, 15.0);
        close(metrics.max_inventory, 2.0);
    }

    #[test]
    fn parts_are_pooled_by_money_time_and_count() {
        // +2 on 200, then -1 on 100, the second part starting flat at its own prices.
        let first = outcome(vec![fill(Side::Buy, 100.0, 2.0, 100.0, None)], 101.0);
        let mut second = outcome(vec![fill(Side::Sell, 10.0, 10.0, 10.0, None)], 10.1);
        second.max_inventory = 10.0;
        second.order_lives_ms = vec![300.0];
        let metrics = measure(&[&first, &second], &FREE, &SETTINGS).metrics;
        close(metrics.net_bps, 1e4 / 300.0);
        close(metrics.max_inventory, 10.0);
        close(metrics.duration_s, 240.0);
        close(metrics.replace_rate_per_min, 15.0);
        close(metrics.order_life_p95_ms, 290.0);
        assert_eq!(metrics.fills, Some(2));
    }

    #[test]
    fn without_fills_the_profit_is_unknown_and_the_reason_is_given() {
        let measured = measure(&[&outcome(Vec::new(), 100.0)], &FREE, &SETTINGS);
        assert_eq!(measured.metrics.net_bps, None);
        assert_eq!(measured.net_interval, None);
        assert_eq!(measured.metrics.fills, Some(0));
        assert_eq!(measured.unknown["net_bps"], "no fills");
        assert_eq!(measured.unknown["net_interval"], "no fills");
    }

    #[test]
    fn every_null_has_its_reason() {
        let idle = TradingOutcome { duration_s: 1.0, final_mid: 1.0, ..TradingOutcome::default() };
        for measured in [measure(&[], &FREE, &SETTINGS), measure(&[&idle], &FREE, &SETTINGS)] {
            let json = serde_json::to_value(&measured.metrics).unwrap();
            for (name, value) in json.as_object().unwrap() {
                assert_eq!(value.is_null(), measured.unknown.contains_key(name), "{name}");
            }
            assert!(measured.unknown.contains_key("net_interval"));
        }
    }

    #[test]
    fn an_outcome_that_contradicts_itself_is_unknown_throughout() {
        let good = outcome(vec![fill(Side::Buy, 100.0, 1.0, 100.0, None); 2], 100.0);
        let breakages: [(&str, fn(&mut TradingOutcome)); 9] = [
            ("fill 2: price is NaN", |o| o.fills[1].price = f64::NAN),
            ("fill 1: quantity is 0", |o| o.fills[0].qty = 0.0),
            ("fill 1: mid is -1", |o| o.fills[0].mid = -1.0),
            ("fill 1: later mid is inf", |o| o.fills[0].mid_after_1s = Some(f64::INFINITY)),
            ("fill 2: time runs backwards", |o| o.fills[1].at_ns = -1),
            ("add up to position 2", |o| o.final_position = 1.0),
            ("the final mid is 0", |o| o.final_mid = 0.0),
            ("the duration is 0 s", |o| o.duration_s = 0.0),
            ("11 orders were filled", |o| o.orders_filled = 11),
        ];
        for (reason, breakage) in breakages {
            let mut bad = good.clone();
            breakage(&mut bad);
            let measured = measure(&[&good, &bad], &FREE, &SETTINGS);
            assert_eq!(measured.metrics, Metrics::default(), "{reason}");
            assert!(measured.unknown["net_bps"].contains(reason), "{:?}", measured.unknown);
            assert!(measured.unknown["net_bps"].starts_with("part 2: "), "{:?}", measured.unknown);
        }
    }
}
