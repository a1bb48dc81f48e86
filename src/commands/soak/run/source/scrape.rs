//! The bot's own `/metrics`, fetched at every interval.

use super::window::{TimeWindow, wait_until};
use crate::commands::soak::plan::{SoakPlan, instance};
use crate::commands::soak::run::recorder::{LabelPairs, Recorder};
use crate::ctx::Ctx;
use crate::evidence::age::CLOCK_TOLERANCE;
use crate::format::exposition::{self, Format, Sample};
use crate::judge::kpi::collector::{Affected, Declared};
use crate::net::http::{HttpClient, Request, Secret, Url};
use crate::net::prometheus::{access, staleness};
use crate::report::exit::Fault;
use std::borrow::Cow;
use std::time::Duration;

pub(crate) struct ScrapeSource {
    targets: Vec<Target>,
    interval_ms: i64,
}

/// An endpoint.
struct Target {
    http: HttpClient,
    url: Url,
    /// The value of its label `instance`, where there are several.
    instance: Option<String>,
}

impl ScrapeSource {
    pub(super) fn open(urls: &[String], plan: &SoakPlan, ctx: &Ctx) -> Result<Self, Fault> {
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
            let instance = (urls.len() > 1).then(|| instance(text).to_owned());
            Ok(Target { http: HttpClient::new(&settings)?, url, instance })
        };
        let targets = urls.iter().map(target).collect::<Result<_, _>>()?;
        Ok(Self { targets, interval_ms: plan.interval_ms() })
    }

    pub(super) fn window(
        &mut self,
        window: TimeWindow,
        recorder: &mut Recorder,
        ctx: &Ctx,
    ) -> Result<(), Fault> {
        for at_ms in window.times(self.interval_ms) {
            wait_until(at_ms, ctx)?;
            // After a pause of this machine the scrapes that were due are lost, not made up for.
            let late = ctx.clock.now().as_millisecond() - at_ms;
            if late < self.interval_ms {
                self.scrape(at_ms, recorder, ctx);
            } else {
                recorder.fail_scrape(Affected::default(), &format!("a scrape was {} s late", late / 1000));
            }
        }
        Ok(())
    }

    /// Fetches every endpoint once.
    pub(super) fn scrape(&mut self, at_ms: i64, recorder: &mut Recorder, ctx: &Ctx) {
        let bodies: Vec<Result<(Vec<u8>, Format), String>> = self.targets.iter().map(Target::fetch).collect();
        let now_ms = ctx.clock.now().as_millisecond();
        let mut samples: Vec<(u32, f64)> = Vec::new();
        for (target, body) in self.targets.iter().zip(&bodies) {
            let parsed = body.as_ref().map_err(Clone::clone).and_then(|(body, format)| {
                exposition::parse(body, *format).map_err(|error| format!("`{}`: {error}", target.url))
            });
            let exposition = match parsed {
                Ok(exposition) => exposition,
                Err(problem) => {
                    let member = target.instance.as_deref();
                    recorder.fail_scrape(Affected { member, ..Affected::default() }, &problem);
                    continue;
                }
            };
            for sample in &exposition.samples {
                let stamp = sample.timestamp_ms;
                let current = stamp.is_none_or(|stamp| is_current(stamp, at_ms, now_ms, self.interval_ms));
                if !current || staleness::is_stale(sample.value) {
                    continue;
                }
                let Some(id) =
                    recorder.series_in_use(sample.name, || target.labels(sample), Declared::default)
                else {
                    continue;
                };
                match samples.last_mut() {
                    // Of several points of one series the last is the newest.
                    Some((last, value)) if *last == id => *value = sample.value,
                    _ => samples.push((id, sample.value)),
                }
            }
        }
        recorder.begin_scrape(at_ms);
        for (id, value) in samples {
            recorder.sample(id, value);
        }
        recorder.end_scrape();
    }
}

/// Whether a sample that says when it was taken is what the bot shows now: not older than two and a half
/// intervals, and not of the future.
fn is_current(stamp_ms: i64, at_ms: i64, now_ms: i64, interval_ms: i64) -> bool {
    let ahead_secs = stamp_ms.saturating_sub(now_ms.max(at_ms)) / 1000;
    at_ms.saturating_sub(stamp_ms) <= 5 * interval_ms / 2 && ahead_secs < CLOCK_TOLERANCE.as_secs()
}

impl Target {
    /// The labels of a sample; ours takes the place of what the endpoint calls its instance.
    fn labels<'a>(&'a self, sample: &Sample<'a>) -> LabelPairs<'a> {
        let Some(instance) = &self.instance else { return sample.labels.iter().collect() };
        let own = sample.labels.iter().filter(|(name, _)| *name != "instance");
        own.chain([("instance", Cow::Borrowed(&instance[..]))]).collect()
    }

    fn fetch(&self) -> Result<(Vec<u8>, Format), String> {
        let response = self.http.send(&self.url, "", Request::Get(""));
        let response = response.map_err(|error| format!("`{}`: {error}", self.url))?;
        if response.status != 200 {
            return Err(format!("`{}` answered {}: {}", self.url, response.status, response.excerpt()));
        }
        let format = Format::of_content_type(response.content_type.as_deref());
        Ok((response.body, format))
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
