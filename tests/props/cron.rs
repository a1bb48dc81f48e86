//! Due times of random expressions are those of the documented rules; `cargo bench --bench cron_due` has all of them.

use super::cron_rules::{Job, Numbers, ZONES, hold, minutes, stretches, zone};
use mmops::testing::cron::Dialect;

/// 2023 to 2025: Casey was moved by three hours then, and Greenland by a change of its rules.
pub const YEARS_S: (i64, i64) = (1_672_531_200, 1_767_225_600);

#[test]
fn due_times_are_those_of_the_documented_rules() {
    let mut numbers = Numbers::new(20_260_310);
    let mut runs = 0;
    for name in ZONES {
        let zone = zone(name);
        let stretches = stretches(&zone, YEARS_S, &mut numbers);
        let stretches: Vec<_> = stretches.into_iter().map(|(from, to)| minutes(&zone, from, to)).collect();
        for _ in 0..2 {
            for dialect in [Dialect::Vixie, Dialect::Kubernetes] {
                let job = Job::any(&mut numbers, dialect);
                runs += stretches.iter().map(|minutes| hold(&job, name, minutes)).sum::<usize>();
            }
        }
    }
    assert!(runs > 3_000, "{runs}");
}
