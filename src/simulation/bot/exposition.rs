//! The text in which a bot exposes its series.

use super::contract::METRICS;
use super::model::SimulatedBot;
use crate::format::exposition::{Format, Writer};

/// What a bot answers on `/metrics`.
pub(crate) fn exposition(bot: &SimulatedBot, format: Format) -> String {
    let mut values = Vec::new();
    bot.values(&mut values);
    let mut page = Writer::new(format);
    let mut current = None;
    for (series, value) in bot.series.iter().zip(values) {
        if current != Some(series.metric) {
            current = Some(series.metric);
            let (name, kind, help) = METRICS[series.metric];
            page.family(name, kind, help);
        }
        let labels = series.labels.iter().map(|(key, label)| (&key[..], &label[..]));
        page.sample(&series.name, labels, value);
    }
    page.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::bot::Scenario;

    #[test]
    fn the_exposition_names_the_type_of_every_series_once() {
        let bot = SimulatedBot::new(Scenario::Steady, 1, 0.0);
        let text = exposition(&bot, Format::Text);
        let types: Vec<&str> = text.lines().filter(|line| line.starts_with("# TYPE")).collect();
        assert_eq!(types.len(), METRICS.len());
        assert_eq!(text.lines().filter(|line| !line.starts_with('#')).count(), bot.series.len());
        assert!(text.contains("mm_stage_duration_ms_bucket{le=\"+Inf\",stage=\"tick_total\"} 0\n"), "{text}");
        assert!(text.contains("mm_param{name=\"tail_age_ms\"} 600\n"), "{text}");
        let other = exposition(&bot, Format::OpenMetrics);
        assert!(other.contains("# TYPE mm_tick counter\nmm_tick_total 0\n"), "{other}");
        assert!(other.contains("# TYPE mm_active_orders_total gauge\n"), "{other}");
        assert!(other.ends_with("\n# EOF\n") && !text.contains("# EOF"), "{other}");
    }
}
