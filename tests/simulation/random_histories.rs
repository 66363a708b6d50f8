//! Random histories, each by its seed, as many as there is time for.

use std::time::Duration;

use super::dials::{Dials, Stopwatch, in_virtual_time};
use super::history::History;

/// The seeds that a CI begins with; the next ones follow while there is time.
const FIRST_SEED: u64 = 1;

#[test]
fn random_histories_end_in_step_asleep_and_silent() {
    let dials = Dials::read();
    let stopwatch = Stopwatch::of(Duration::from_secs(40));
    let seeds = match (dials.seed, dials.seeds) {
        (Some(seed), _) => seed..seed + 1,
        (None, Some(count)) => FIRST_SEED..FIRST_SEED + count,
        (None, None) => FIRST_SEED..u64::MAX,
    };
    let is_sample = dials.seed.is_none() && dials.seeds.is_none();
    let (mut lived, mut steps, mut failed) = (0, 0, Vec::new());
    for seed in seeds {
        if is_sample && stopwatch.is_over() {
            break;
        }
        let history = in_virtual_time(History::of(seed));
        (lived, steps) = (lived + 1, steps + history.trace.len());
        if !history.broken().is_empty() {
            if dials.seed.is_some() {
                println!("{}", history.trace.join("\n"));
                history.fleet.effects().iter().for_each(|effect| println!("{effect:?}"));
            }
            println!("seed {seed}: {}", history.again());
            history.broken().iter().for_each(|broken| println!("  {broken}"));
            failed.push(seed);
        }
    }
    let seconds = stopwatch.elapsed().as_secs_f64();
    println!("{lived} histories, {steps} steps, {seconds:.1} s");
    assert!(failed.is_empty(), "these seeds broke a promise: {failed:?}");
}
