//! Two runs of one figure in a row of a table: the values of both, and their difference against what is borne.

use crate::report::page::markup::{Markup, html};

/// Columns of a small chart, in each of which the lowest and the highest value are seen.
const COLUMNS: usize = 72;
/// Least length of a bar in thousandths of the height, so that a constant is seen.
const LEAST: f64 = 18.0;

/// The values of both, each over its own time, on one scale. The first is drawn pale and below the other.
pub(crate) fn both(series: &[Vec<Option<f64>>; 2], name: &str) -> Markup {
    let known = || series.iter().flatten().flatten().copied().filter(|value| value.is_finite());
    let (low, high) = (known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max));
    let arms = series.iter().zip([("b", "#a9c6e2"), ("l", "#12436d")]).map(|(values, (class, colour))| {
        html!(
            "<path class=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\" vector-effect=\"non-scaling-stroke\" \
             d=\"{}\"/>",
            class,
            colour,
            Markup::path(&bars(values, low, high))
        )
    });
    html!(
        "<svg width=\"100%\" height=\"44\" role=\"img\" aria-label=\"{}\"><svg width=\"100%\" height=\"44\" viewBox=\"0 0 \
         {} 1000\" preserveAspectRatio=\"none\">{}</svg></svg>",
        name,
        COLUMNS,
        arms.collect::<Markup>()
    )
}

/// A bar a column, from its lowest to its highest value.
fn bars(values: &[Option<f64>], low: f64, high: f64) -> String {
    let height = |value: f64| {
        let part = if high > low { (value - low) / (high - low) } else { 0.5 };
        (1000.0 - LEAST) * (1.0 - part)
    };
    let step = values.len().div_ceil(COLUMNS).max(1);
    let width = COLUMNS as f64 / values.len().div_ceil(step).max(1) as f64;
    let bar = |(at, column): (usize, &[Option<f64>])| {
        let known = || column.iter().flatten().copied();
        let (least, most) = (known().reduce(f64::min)?, known().reduce(f64::max)?);
        let x = (at as f64 + 0.5) * width;
        Some(format!("M{x:.2} {:.0}V{:.0}", height(most), height(least) + LEAST))
    };
    values.chunks(step).enumerate().filter_map(bar).collect()
}

/// A difference with its interval, against a margin on both sides of 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Difference {
    pub(crate) estimate: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) margin: f64,
    /// Whether it is found to be worse.
    pub(crate) is_worse: bool,
}

/// The band is the margin, the line the interval, the point the estimate.
pub(crate) fn difference(shown: Difference, name: &str) -> Markup {
    let Difference { estimate, low, high, margin, is_worse } = shown;
    let reach = [low.abs(), high.abs(), margin].into_iter().fold(0.0, f64::max) * 1.1;
    let percent = |value: f64| if reach > 0.0 { 50.0 + value / reach * 50.0 } else { 50.0 };
    let (class, colour) = if is_worse { ("x", "#b5310b") } else { ("l", "#12436d") };
    html!(
        "<svg width=\"100%\" height=\"32\" role=\"img\" aria-label=\"{}\"><rect class=\"k\" fill=\"#00665c\" \
         fill-opacity=\"0.2\" x=\"{}%\" y=\"4\" width=\"{}%\" height=\"24\"/><line class=\"gd\" stroke=\"#c9d0d8\" \
         x1=\"50%\" x2=\"50%\" y1=\"0\" y2=\"32\"/><line class=\"{}\" stroke=\"{}\" stroke-width=\"2\" x1=\"{}%\" \
         x2=\"{}%\" y1=\"16\" y2=\"16\"/><circle class=\"ev\" fill=\"#14181d\" cx=\"{}%\" cy=\"16\" r=\"4\"/></svg>",
        name,
        percent(-margin),
        percent(margin) - percent(-margin),
        class,
        colour,
        percent(low),
        percent(high),
        percent(estimate)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_draws_nothing_and_no_extreme_is_left_out() {
        assert_eq!(bars(&[], 0.0, 1.0), "");
        assert_eq!(bars(&[Some(0.0), None, Some(1.0)], 0.0, 1.0), "M12.00 982V1000M60.00 0V18");
        let many: Vec<Option<f64>> = (0..1000).map(|at| Some(f64::from(u8::from(at == 501)))).collect();
        assert_eq!(bars(&many, 0.0, 1.0).matches('M').count(), 72);
        assert_eq!(bars(&many, 0.0, 1.0).matches(" 0V").count(), 1);
        let constant = both(&[vec![Some(2.0)], vec![Some(2.0)]], "k");
        assert!(!constant.as_str().contains("NaN"), "{constant:?}");
        let none = both(&[Vec::new(), vec![None]], "k");
        assert!(!none.as_str().contains("NaN") && !none.as_str().contains("inf"), "{none:?}");
    }

    #[test]
    fn an_interval_beyond_the_margin_is_drawn_beyond_it() {
        let shown = Difference { estimate: 2.0, low: 1.5, high: 2.5, margin: 1.0, is_worse: true };
        let text = difference(shown, "k").as_str().to_owned();
        for part in ["x=\"31.82%\"", "width=\"36.36%\"", "x1=\"77.27%\"", "x2=\"95.45%\"", "class=\"x\""] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let nothing = Difference { estimate: 0.0, low: 0.0, high: 0.0, margin: 0.0, is_worse: false };
        assert!(!difference(nothing, "k").as_str().contains("NaN"));
    }
}
