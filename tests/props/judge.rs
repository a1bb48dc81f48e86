//! How often the judge of `soak compare` is wrong, on a few seeded pairs; `cargo bench --bench judge` has the tables.

use crate::samples::{Process, Shape, rates};

#[test]
fn equal_runs_are_seldom_worse_and_different_ones_are_found() {
    let shapes = [Shape::Normal, Shape::Heavy, Shape::Counts, Shape::LogNormal, Shape::Noisy, Shape::Trend];
    for shape in shapes {
        let found = rates(Process { shape, ..Process::healthy(0.5, 200) }, 40, 7, 0.0, None);
        assert!(found.worse <= 5.0 && found.location <= 5.0, "{shape:?}: {found:?}");
    }
    let dependent = rates(Process::healthy(0.8, 200), 40, 7, 0.0, None);
    assert!(dependent.worse == 0.0 && dependent.silent > 60.0 && dependent.kayenta > 10.0, "{dependent:?}");
    let shifted = Process { shift: 1.0, ..Process::healthy(0.5, 200) };
    assert!(rates(shifted, 30, 7, 0.0, None).worse >= 90.0);
    assert!(rates(Process { spread: 2.0, ..Process::healthy(0.5, 200) }, 30, 7, 0.0, None).worse >= 90.0);
    assert!(rates(Process::healthy(0.5, 200), 30, 7, 1.0, None).same >= 80.0);
    assert!(rates(shifted, 30, 7, 0.0, Some(2.0)).worse >= 90.0);
    assert!(rates(Process::healthy(0.5, 200), 40, 7, 0.0, Some(2.0)).worse <= 4.0);
}
