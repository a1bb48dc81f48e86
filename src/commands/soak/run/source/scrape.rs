//! The bot's own `/metrics`, fetched at every interval.

use super::{Window, wait_until};
use crate::commands::soak::run::sink::Sink;
use crate::commands::soak::store::Plan;
use crate::ctx::Ctx;
use crate::exit::Fault;
use crate::prom::text::{self, Format};
use crate::prom::{access, staleness};
use crate::sys::http::{Http, Send, Url};
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
                self.scrape(at_ms, sink);
            } else {
                sink.fail_scrape(&format!("a scrape was {} s late", late / 1000));
            }
            at_ms += self.interval_ms;
        }
        Ok(())
    }

    /// Fetches every endpoint once.
    pub(super) fn scrape(&mut self, at_ms: i64, sink: &mut Sink) {
        let bodies: Vec<Result<(Vec<u8>, Format), String>> = self.targets.iter().map(Target::fetch).collect();
        let mut samples: Vec<(u32, f64)> = Vec::new();
        for (target, body) in self.targets.iter().zip(&bodies) {
            let parsed = body.as_ref().map_err(Clone::clone).and_then(|(body, format)| {
                text::parse(body, *format).map_err(|error| format!("`{}`: {error}", target.shown))
            });
            let exposition = match parsed {
                Ok(exposition) => exposition,
                Err(problem) => {
                    sink.fail_scrape(&problem);
                    continue;
                }
            };
            for sample in &exposition.samples {
                // A sample that says it is old is not what the bot shows now.
                let old = sample.timestamp_ms.is_some_and(|time| at_ms - time > 5 * self.interval_ms / 2);
                if old || staleness::is_stale(sample.value) {
                    continue;
                }
                let mut labels = sample.labels.to_map();
                if self.labelled {
                    labels.insert("instance".to_owned(), target.shown.clone());
                }
                if let Some(id) = sink.register_used(sample.name, &labels) {
                    samples.push((id, sample.value));
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
