//! The bot's own `/metrics`, fetched at every interval.

use super::{Window, wait_until};
use crate::commands::soak::run::sink::Sink;
use crate::commands::soak::store::Plan;
use crate::ctx::Ctx;
use crate::evidence::age::CLOCK_TOLERANCE;
use crate::format::exposition::{self, Format};
use crate::net::http::{Http, Secret, Send, Url};
use crate::net::prometheus::{access, staleness};
use crate::report::exit::Fault;
use std::time::Duration;

/// Endpoints.
pub(in crate::commands::soak::run) struct Scrape {
    targets: Vec<Target>,
    interval_ms: i64,
    labelled: bool,
}

struct Target {
    http: Http,
    url: Url,
    shown: String,
}

impl Scrape {
    /// Prepares the clients; nothing is fetched yet.
    pub(super) fn open(urls: &[String], plan: &Plan, ctx: &Ctx) -> Result<Self, Fault> {
        let env = |name: &str| ctx.env.get(name).map(str::to_owned);
        let interval = Duration::from_secs(u64::from(plan.interval_secs));
        let target = |text: &String| -> Result<Target, Fault> {
            let (url, mut settings) = access::settings(text, &ctx.root, &env)?;
            // A scrape that takes longer than the interval has missed the next one.
            settings.timeout = interval.min(Duration::from_secs(10));
            settings.connect_timeout = settings.timeout.min(settings.connect_timeout);
            if !settings.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept")) {
                settings.headers.push(("Accept".to_owned(), Secret::new(Format::ACCEPT.to_owned())));
            }
            Ok(Target { http: Http::new(&settings)?, shown: url.shown(""), url })
        };
        let targets: Vec<Target> = urls.iter().map(target).collect::<Result<_, _>>()?;
        let labelled = targets.len() > 1;
        Ok(Self { targets, interval_ms: i64::from(plan.interval_secs) * 1000, labelled })
    }

    /// Lives through a window.
    pub(super) fn window(&mut self, window: Window, sink: &mut Sink, ctx: &Ctx) -> anyhow::Result<()> {
        let mut at_ms = window.from_ms + self.interval_ms;
        while at_ms <= window.to_ms {
            wait_until(at_ms, ctx)?;
            // After a pause of this machine the scrapes that were due are lost, not made up for.
            let late = ctx.clock.now().as_millisecond() - at_ms;
            if late < self.interval_ms {
                self.scrape(at_ms, sink, ctx);
            } else {
                sink.fail_scrape(&format!("a scrape was {} s late", late / 1000));
            }
            at_ms += self.interval_ms;
        }
        Ok(())
    }

    /// Fetches every endpoint once.
    pub(super) fn scrape(&mut self, at_ms: i64, sink: &mut Sink, ctx: &Ctx) {
        let bodies: Vec<Result<(Vec<u8>, Format), String>> = self.targets.iter().map(Target::fetch).collect();
        let now_ms = ctx.clock.now().as_millisecond();
        let mut samples: Vec<(u32, f64)> = Vec::new();
        for (target, body) in self.targets.iter().zip(&bodies) {
            let parsed = body.as_ref().map_err(Clone::clone).and_then(|(body, format)| {
                exposition::parse(body, *format).map_err(|error| format!("`{}`: {error}", target.shown))
            });
            let exposition = match parsed {
                Ok(exposition) => exposition,
                Err(problem) => {
                    sink.fail_scrape(&problem);
                    continue;
                }
            };
            for sample in &exposition.samples {
                let stamp = sample.timestamp_ms;
                let current = stamp.is_none_or(|stamp| is_current(stamp, at_ms, now_ms, self.interval_ms));
                if !current || staleness::is_stale(sample.value) {
                    continue;
                }
                let mut labels = sample.labels.to_map();
                if self.labelled {
                    labels.insert("instance".to_owned(), target.shown.clone());
                }
                let Some(id) = sink.register_used(sample.name, &labels) else { continue };
                match samples.last_mut() {
                    // Of several points of one series the last is the newest.
                    Some((last, value)) if *last == id => *value = sample.value,
                    _ => samples.push((id, sample.value)),
                }
            }
        }
        sink.begin_scrape(at_ms);
        for (id, value) in samples {
            sink.sample(id, value);
        }
        sink.end_scrape();
    }
}

/// Whether a sample that says when it was taken is what the bot shows now: not older than two and a half
/// intervals, and not of the future.
fn is_current(stamp_ms: i64, at_ms: i64, now_ms: i64, interval_ms: i64) -> bool {
    let ahead_secs = stamp_ms.saturating_sub(now_ms.max(at_ms)) / 1000;
    at_ms.saturating_sub(stamp_ms) <= 5 * interval_ms / 2 && ahead_secs < CLOCK_TOLERANCE.as_secs()
}

impl Target {
    fn fetch(&self) -> Result<(Vec<u8>, Format), String> {
        let reply =
            self.http.send(&self.url, "", Send::Get("")).map_err(|why| format!("`{}`: {why}", self.shown))?;
        if reply.status != 200 {
            return Err(format!("`{}` answered {}: {}", self.shown, reply.status, reply.excerpt()));
        }
        let format = Format::of_content_type(reply.content_type.as_deref());
        Ok((reply.body, format))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_of_another_time_is_not_what_the_bot_shows_now() {
        let now = 1_767_225_600_000;
        let table = [
            (now, true),
            (now - 37_500, true),
            (now - 37_501, false),
            (now + 59_999, true),
            (now + 60_001, false),
            (now + 3_600_000, false),
            (i64::MIN, false),
            (i64::MAX, false),
        ];
        for (stamp, current) in table {
            assert_eq!(is_current(stamp, now, now, 15_000), current, "{stamp}");
        }
        // A scrape may come later than it was due.
        assert!(is_current(now + 70_000, now, now + 70_000, 300_000));
    }
}
