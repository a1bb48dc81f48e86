fn main() {
    for f in ["binance-usdm-btcusdt-20240808.gz", "binance-spot-ethusdt-20240808.gz"] {
        let p = std::path::Path::new("../shared/data/market").join(f);
        for _ in 0..3 {
            let t = std::time::Instant::now();
            let feed = mmops::market::load(&p, &Default::default());
            let e = t.elapsed();
            match feed {
                Ok(feed) => println!("{f} {e:?} events {} tick {} lot {} {:?}..{:?} {:#?}", feed.events.len(), feed.tick_size, feed.lot_size, feed.first_ns, feed.last_ns, feed.quality),
                Err(err) => println!("{f} {e:?} {err:#}"),
            }
        }
    }
}
