//! The transcripts, one test each.

use std::collections::BTreeSet;
use std::path::Path;

use crate::script::play;

macro_rules! transcripts {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                play(include_str!(concat!("transcripts/", stringify!($name), ".txt")));
            }
        )*

        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

transcripts! {
    a_first_day,
    a_forced_failover_and_its_return,
    a_login_page_in_place_of_an_answer,
    a_mistyped_command_line,
    a_refused_token,
    a_standby_that_is_the_primary,
    a_state_that_is_damaged,
    a_switchover_and_a_failback,
    approvals_of_two_in_three,
    many_mistakes_at_once,
    no_config_at_all,
    one_standby_of_two_is_down,
    two_groups_that_claim_one_asset,
    who_is_who,
}

#[test]
fn every_transcript_is_played() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/acceptance/transcripts");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(files, NAMES.iter().map(|name| (*name).to_owned()).collect());
}
