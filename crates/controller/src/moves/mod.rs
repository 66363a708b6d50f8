//! Moving production: what is asked, what it would do, and the run that does it.
//!
//! | to learn | open |
//! |---|---|
//! | what a run is begun with | `parameters` |
//! | what would happen, shown before anything does | `proposal`, and the loss in [`loss`] |
//! | what the steps of a run act on | `world` |
//! | how a run is begun and gone on with | `drive` |
//! | what was done so far, live and past | `runs` |
//! | which steps there are | [`runbooks`](crate::runbooks) |

pub(crate) mod complete;
pub(crate) mod consent;
pub(crate) mod drive;
pub(crate) mod kept;
pub(crate) mod loss;
pub(crate) mod parameters;
pub(crate) mod permit;
pub(crate) mod proposal;
pub(crate) mod restore;
pub(crate) mod runs;
pub(crate) mod waking;
pub(crate) mod waves;
pub(crate) mod window;
pub(crate) mod world;

pub use consent::Consent;
pub use drive::{Ended, Moved, begin, resume};
pub use loss::{Behind, Loss};
pub use parameters::Parameters;
pub use proposal::{Proposal, Wish, propose};
pub use runs::{RunSummary, approve, report_of, runs, stop_run};
pub use window::Window;
pub use world::Move;
