//! Deterministic simulation: seeded, in virtual time, without sockets; a failing seed is printed and replays exactly.
//!
//! | file | what it proves |
//! |---|---|
//! | `crash_at_every_effect` | a process that is stopped anywhere goes on where it stood: same end, nothing twice |
//! | `random_histories` | whatever people, weather and crashes do, two or three quiet cycles keep all promises |
//! | `lessons` | what random histories have taught, each in its shortest form |
//! | `replay` | the same seed gives the same requests in the same order, and the same effects |
//!
//! With these: `estate` (what there is at first), `people` (what they do), `weather` (faults and outages), `history`
//! (all of it in steps), `judge` (the promises, read without the product), `dials` (how much of it).
//!
//! Without more, a sample runs that fits into a CI. Variables, also set by `just simulate`:
//!
//! | variable | what it does |
//! |---|---|
//! | `TWINLAKE_SIMULATE=all` | crashes at every passage, of several estates |
//! | `TWINLAKE_SEEDS=1000` | runs that many random histories, however long it takes |
//! | `TWINLAKE_SEED=17` | runs this seed alone; with its trace, if it fails |

mod crash_at_every_effect;
pub(crate) mod dials;
mod estate;
mod history;
mod judge;
mod lessons;
mod people;
mod random_histories;
mod replay;
mod weather;
