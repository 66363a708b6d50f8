//! Seeded disasters: the whole controller over sites that are lost and return, people who go on working, operators whose
//! processes crash at any passage, two controllers, clocks that disagree. After every act a judge looks.
//!
//! | file | what it is |
//! |---|---|
//! | `random_disasters` | as many histories as are asked for, each by its seed, on every core |
//! | `history` | one of them: what happens by chance, then everything heals and production comes home |
//! | `estate`, `people`, `operators` | what there is at first; what people do; what operators do, and how their processes fare |
//! | `chronicle` | what processes sent and woke, and who had the lease, in the order in which it happened |
//! | `survey` | what stands at a site, by name, read without the product |
//! | `judge` | the promises, held against both |
//!
//! The variables are those of `simulation`: `TWINLAKE_SEEDS=20000` for more, `TWINLAKE_SEED=17` for one, told as it goes.
//! Without either, as many of 2,000 run as a CI has time for.

mod chronicle;
mod estate;
mod history;
mod judge;
mod operators;
mod people;
mod random_disasters;
mod survey;
