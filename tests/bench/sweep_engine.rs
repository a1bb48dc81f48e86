use mmops::domain::tuning::outcome::*;
use mmops::market::{Window, simulate};
fn main() {
    let args: Vec<f64> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let g = |i: usize, d: f64| args.get(i).copied().unwrap_or(d);
    let mut feeds = Vec::new();
    for f in ["binance-usdm-btcusdt-20240808.gz", "binance-spot-ethusdt-20240808.gz"] {
        let p = std::path::Path::new("../shared/data/market").join(f);
        let t = std::time::Instant::now();
        let feed = mmops::market::load(&p, &Default::default()).unwrap();
        println!("{f} load {:?}", t.elapsed());
        feeds.push(feed);
    }
    use mmops::market::{Regime::*, Spec};
    for regime in [Calm, Trend, Jump, Thin] {
        let t = std::time::Instant::now();
        let spec = Spec { seed: 7, minutes: 5, regime, symbol: "BTCUSDT".into() };
        let text = mmops::market::text(&spec);
        let a = t.elapsed();
        feeds.push(mmops::market::generate(&spec));
        let f = feeds.last().unwrap();
        println!(
            "binance {} {a:?} {:?} bytes {} events {} {:?} {:?}",
            f.name,
            t.elapsed() - a,
            text.len(),
            f.events.len(),
            f.quality,
            (f.last_ns - f.first_ns)
        );
    }
    for feed in &feeds {
        println!("binance {}", feed.name);
        for spread in [0.5, 1.0, 2.0] {
            for rate in [300.0] {
                let params = Params {
                    base_spread_bps: spread,
                    min_interval_ms: g(0, 60.0),
                    tail_age_ms: g(1, 600.0),
                    impact_cap_ratio: g(2, 0.08),
                    max_delta_ratio: g(3, 0.12),
                    replace_rate_per_min: rate,
                    max_inventory: g(4, 0.2),
                };
                let t = std::time::Instant::now();
                let o = simulate(
                    feed,
                    Window::Whole,
                    &params,
                    &Fees { maker_bps: 0.0, taker_bps: 0.0 },
                    &Latency { entry_ms: g(5, 10.0), response_ms: g(6, 10.0) },
                )
                .unwrap();
                let e = t.elapsed();
                let mut a = o.order_lives_ms.clone();
                a.sort_by(f64::total_cmp);
                let q = |x: f64| if a.is_empty() { 0.0 } else { a[((a.len() - 1) as f64 * x) as usize] };
                let cash: f64 = o.fills.iter().map(|f| -f.side.sign() * f.price * f.qty).sum();
                let turn: f64 = o.fills.iter().map(|f| f.price * f.qty).sum();
                let edge: f64 =
                    o.fills.iter().map(|f| f.side.sign() * (f.mid - f.price) * f.qty).sum::<f64>() / turn
                        * 1e4;
                let taker = o.fills.iter().filter(|f| !f.maker).count();
                println!(
                    "spread {spread} rate {rate} fills {} taker {taker} placed {} repl {} p50 {:.0} p95 {:.0} maxinv {:.3} final {:.3} net {:.3} edge {edge:.3} {e:?}",
                    o.fills.len(),
                    o.orders_placed,
                    o.replaces,
                    q(0.5),
                    q(0.95),
                    o.max_inventory,
                    o.final_position,
                    (cash + o.final_position * o.final_mid) / turn * 1e4
                );
            }
        }
    }
}
