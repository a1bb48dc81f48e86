//! Where the limit of a chart is written, so that it covers no value.

use super::Cell;
use super::draw::Chart;
use super::scale::Scale;
use crate::report::page::markup::{Markup, html};

impl Chart<'_> {
    /// Where a line of text at the right end of a small plot covers least of it.
    pub(super) fn free_line(&self, scale: &Scale, top: f64) -> f64 {
        let last = &self.cells[self.cells.len() / 2..];
        let room = 18.0 / self.height * 1000.0;
        let starts = [0.0, 1000.0 - room, 500.0 - room / 2.0];
        let is_free = |start: &f64| !is_taken(last, scale, *start, start + room);
        let free = starts.into_iter().find(is_free).unwrap_or_default();
        top + free / 1000.0 * self.height + 13.0
    }

    /// The limit in words: above its line unless data is there, and away from the worst value; where it is too far to be
    /// drawn, at `off_scale`.
    pub(super) fn limit_label(&self, scale: &Scale, top: f64, off_scale: f64) -> Markup {
        let Some(limit) = self.limits.first().filter(|_| !self.is_empty()) else { return Markup::default() };
        let label = |x: &'static str, y: f64, anchor: &'static str, text: String| {
            html!("<text x=\"{}\" y=\"{}\" text-anchor=\"{}\" class=\"mt hal\">{}</text>", x, y, anchor, text)
        };
        let off = self.limits.iter().find(|limit| !scale.holds(limit.value));
        if let Some(off) = off {
            let arrow = if scale.is_above(off.value) { '\u{2191}' } else { '\u{2193}' };
            return label("100%", off_scale, "end", format!("{}, off the scale {arrow}", self.limit_text));
        }
        let line = scale.y(limit.value);
        let to_pixels = |y: f64| top + y / 1000.0 * self.height;
        let room = 16.0 / self.height * 1000.0;
        let (above, below) = ((line - room, line - 1.0), (line + 1.0, line + room));
        let at_start = &self.cells[..self.cells.len().div_ceil(3)];
        let at_end = &self.cells[self.cells.len() - at_start.len()..];
        let places = [(at_end, above), (at_end, below), (at_start, above), (at_start, below)];
        let is_free = |place: &(&[Cell], (f64, f64))| {
            let (cells, (from, to)) = place;
            *to < 1000.0 && !is_taken(cells, scale, *from, *to)
        };
        let free = places.iter().position(is_free).unwrap_or_default();
        let y = to_pixels(line) + if free % 2 == 1 { 15.0 } else { -6.0 };
        let near_worst = self.worst.as_ref().is_some_and(|(cell, value, _)| {
            self.axis.percent_of(*cell) > 60.0 && (to_pixels(scale.y(*value)) - 8.0 - y).abs() < 18.0
        });
        let (x, anchor) = if near_worst || free > 1 { ("0", "start") } else { ("100%", "end") };
        label(x, y, anchor, self.limit_text.to_owned())
    }
}

/// Whether a value of some cells is drawn between two heights.
fn is_taken(cells: &[Cell], scale: &Scale, from: f64, to: f64) -> bool {
    cells.iter().filter_map(|cell| cell.value()).any(|value| (from..to).contains(&scale.y(value)))
}
