//! The main job: a standby that is empty comes into step, asleep, and stays so without a word.

use super::house::{assert_everything_is_told, assert_in_step, fleet, furnish};

#[tokio::test(start_paused = true)]
async fn a_standby_comes_into_step_asleep_and_then_nothing_is_written() {
    let fleet = fleet(1).await;
    furnish(fleet.east());

    let first = fleet.sync().await;
    assert!(first.is_complete(|_| false), "{:#?}", first.outcomes);
    assert_everything_is_told(&first, fleet.east());
    assert_in_step(&fleet).await;
}
