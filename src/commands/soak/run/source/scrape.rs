//! The bot's own `/metrics`, fetched at every interval.

use super::window::{TimeWindow, wait_until};
use crate::commands::soak::plan::{SoakPlan, instance};
use crate::commands::soak::run::recorder::{LabelPairs, Recorder};
use crate::ctx::Ctx;
use crate::evidence::age::CLOCK_TOLERANCE;
use crate::format::exposition::{self, Exposition, Format, Sample};
use crate::judge::kpi::Declared;
use crate::judge::kpi::collector::{Affected, FAULTY_FAMILIES, SIMULATED, SeriesId};
use crate::net::http::{HttpClient, Request, Url};
use crate::net::prometheus::{access, staleness};
use crate::report::exit::Fault;
use crate::sys::{clock, work};
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// How long a scrape may take at most, whatever the interval.
const LONGEST: Duration = Duration::from_secs(10);
/// Time between two looks at whether a stop was asked for.
const CANCEL_POLL: Duration = Duration::from_millis(50);
/// What a target's page must not say of itself: it is what the scrape found.
const FOUND: [&str; 2] = ["up", FAULTY_FAMILIES];

pub(crate) struct ScrapeSource {
    targets: Vec<Arc<Target>>,
    interval_ms: i64,
    timeout: Duration,
    /// Pages that were fetched before the run, with which it begins.
    first: Option<Vec<Fetched>>,
}

/// An endpoint.
pub(super) struct Target {
    http: HttpClient,
    url: Url,
    /// The value of its label `instance`, where there are several.
    instance: Option<String>,
}

/// A page as it came, or why there is none.
type Fetched = Result<(Vec<u8>, Format), String>;

impl ScrapeSource {
    pub(super) fn open(urls: &[String], plan: &SoakPlan, ctx: &Ctx) -> Result<Self, Fault> {
        let env = |name: &str| ctx.env.get(name).map(str::to_owned);
        // A scrape that takes as long as the interval has missed the next one.
        let timeout = (Duration::from_secs(u64::from(plan.interval_secs)) * 9 / 10).min(LONGEST);
        let target = |text: &String| -> Result<Arc<Target>, Fault> {
            let (url, mut settings) = access::settings(text, &ctx.root, &env)?;
            settings.timeout = timeout;
            settings.connect_timeout = settings.timeout.min(settings.connect_timeout);
            settings.accept = Some(Format::ACCEPT);
            let instance = (urls.len() > 1).then(|| instance(text).to_owned());
            Ok(Arc::new(Target { http: HttpClient::new(&settings)?, url, instance }))
        };
        let targets = urls.iter().map(target).collect::<Result<_, _>>()?;
        Ok(Self { targets, interval_ms: plan.interval_ms(), timeout, first: None })
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
                self.scrape(at_ms, recorder, ctx)?;
            } else {
                recorder.fail_scrape(Affected::default(), &format!("a scrape was {} s late", late / 1000));
            }
        }
        Ok(())
    }

    /// Fetches every endpoint once.
    pub(super) fn scrape(&mut self, at_ms: i64, recorder: &mut Recorder, ctx: &Ctx) -> Result<(), Fault> {
        let pages = self.first.take().map_or_else(|| self.fetch(ctx), Ok)?;
        let now_ms = ctx.clock.now().as_millisecond();
        let mut samples: Vec<(SeriesId, f64)> = Vec::new();
        for (target, page) in self.targets.iter().zip(&pages) {
            let page =
                page.as_ref().map_err(Clone::clone).and_then(|(body, format)| target.read(body, *format));
            let up = recorder.series("up", target.own_labels(), Declared::default);
            samples.push((up, f64::from(u8::from(page.is_ok()))));
            let member = target.instance.as_deref();
            let page = match page {
                Ok(page) => page,
                Err(problem) => {
                    recorder.fail_scrape(Affected { member, metric: None }, &problem);
                    continue;
                }
            };
            if !page.faults.is_empty() {
                let id = recorder.series(FAULTY_FAMILIES, target.own_labels(), Declared::default);
                samples.push((id, page.faults.len() as f64));
                for (family, fault) in &page.faults {
                    let reason = format!("`{}`: {fault}", target.url);
                    for name in page.names(family) {
                        recorder.fail_scrape(Affected { member, metric: Some(&name) }, &reason);
                    }
                }
            }
            for sample in page.samples.iter().filter(|sample| !FOUND.contains(&sample.name)) {
                let stamp = sample.timestamp_ms;
                let current = stamp.is_none_or(|stamp| is_current(stamp, at_ms, now_ms, self.interval_ms));
                if !current || staleness::is_stale(sample.value) {
                    continue;
                }
                let declared = || Target::declared(&page, sample.name);
                let Some(id) = recorder.series_in_use(sample.name, || target.labels(sample), declared) else {
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
        Ok(())
    }

    /// Every endpoint's page, with its member; the first scrape takes these.
    pub(super) fn first_pages(
        &mut self,
        ctx: &Ctx,
    ) -> Result<Vec<(Option<&str>, Result<Exposition<'_>, String>)>, Fault> {
        let pages = self.fetch(ctx)?;
        let pages = self.first.insert(pages);
        let pages = self.targets.iter().zip(pages.iter()).map(|(target, page)| {
            let page = match page {
                Ok((body, format)) => target.read(body, *format),
                Err(problem) => Err(problem.clone()),
            };
            (target.instance.as_deref(), page)
        });
        Ok(pages.collect())
    }

    /// The pages of all endpoints, each fetched on a thread of its own, so that one that hangs holds up no other
    /// and no stop: its thread is left behind and ends with its deadline.
    fn fetch(&self, ctx: &Ctx) -> Result<Vec<Fetched>, Fault> {
        let (sender, receiver) = mpsc::channel();
        let none = || format!("no answer within {}", humantime::format_duration(self.timeout));
        let mut pages: Vec<Fetched> =
            self.targets.iter().map(|target| Err(format!("`{}`: {}", target.url, none()))).collect();
        for (at, target) in self.targets.iter().enumerate() {
            let (sender, asked) = (sender.clone(), Arc::clone(target));
            // Where nobody listens any more the page is not wanted.
            let fetch = move || drop(sender.send((at, asked.fetch())));
            if let Err(fault) = work::spawn("scrape", fetch) {
                pages[at] = Err(format!("`{}` was not asked: {fault}", target.url));
            }
        }
        drop(sender);
        let started = clock::monotonic();
        // Some moments more than the client's own deadline, which has the better reason.
        let most = self.timeout + self.timeout / 20;
        while started.elapsed() < most {
            match receiver.recv_timeout(CANCEL_POLL) {
                Ok((at, page)) => pages[at] = page,
                Err(RecvTimeoutError::Timeout) => ctx.check_cancelled()?,
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        ctx.check_cancelled()?;
        Ok(pages)
    }
}

/// Whether a sample that says when it was taken is what the bot shows now: not older than two and a half
/// intervals, and not of the future.
fn is_current(stamp_ms: i64, at_ms: i64, now_ms: i64, interval_ms: i64) -> bool {
    let ahead_secs = stamp_ms.saturating_sub(now_ms.max(at_ms)) / 1000;
    at_ms.saturating_sub(stamp_ms) <= 5 * interval_ms / 2 && ahead_secs < CLOCK_TOLERANCE.as_secs()
}

impl Target {
    /// The labels of a series that says something of the endpoint itself.
    fn own_labels(&self) -> LabelPairs<'_> {
        self.instance.iter().map(|instance| ("instance", Cow::Borrowed(&instance[..]))).collect()
    }

    /// The labels of a sample; ours takes the place of what the endpoint calls its instance.
    fn labels<'a>(&'a self, sample: &Sample<'a>) -> LabelPairs<'a> {
        let Some(instance) = &self.instance else { return sample.labels.iter().collect() };
        let own = sample.labels.iter().filter(|(name, _)| *name != "instance");
        own.chain([("instance", Cow::Borrowed(&instance[..]))]).collect()
    }

    /// What the family of a sample says of itself.
    pub(super) fn declared(page: &Exposition<'_>, name: &str) -> Declared {
        let family = page.family(name);
        let unit = family.and_then(|family| family.unit).filter(|unit| !unit.is_empty());
        Declared { kind: family.and_then(|family| family.kind), unit: unit.map(str::to_owned) }
    }

    fn read<'a>(&self, body: &'a [u8], format: Format) -> Result<Exposition<'a>, String> {
        let page = exposition::parse(body, format).map_err(|error| format!("`{}`: {error}", self.url))?;
        match page.faults.iter().find(|(family, _)| *family == SIMULATED) {
            Some((_, fault)) => Err(format!("`{}`: {fault}", self.url)),
            None => Ok(page),
        }
    }

    fn fetch(&self) -> Fetched {
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
