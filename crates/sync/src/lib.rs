//! Keeping a target in step with a source: inventory → diff → plan → apply.
//!
//! ```text
//! desired(site, role) = localize(latest snapshot of the source, site, role)
//! plan(site)          = diff(desired, observed, base)
//! ```
//!
//! | stage | file | what it is |
//! |---|---|---|
//! | prove our rights | `rights` | a catalog that we may no longer see looks like a deleted one |
//! | crawl | `crawl` | lists every kind to a proven end, reads what changed → [`Inventory`] |
//! | remember | `bases` | what is known of each asset at both places, after swaps of roles too |
//! | settle | `settle` | what an open intent came to, by reading |
//! | confirm | `confirm` | what a list lacks is confirmed by a GET |
//! | read bytes | `content`, `read_ahead` | of what changed, by the marks of the lists; a source's while all else goes on |
//! | pair | `pairing` | which object of the target is the copy of which asset; pure |
//! | desire | `desire` | what the copy should be, in the target's dialect and asleep; pure |
//! | compare | `compare` | desired, observed and base, field by field; pure |
//! | decide | `draft` | what becomes of one asset, from the two before |
//! | fence, wake | `in_place` | the same where a place takes a role of its own: only whether it runs |
//! | refer | `needs` | what must exist first, and what has no counterpart; pure |
//! | mourn | `mourning` | tombstones, grace and the guard on deletions; pure |
//! | delete | `deletions` | what goes, in which order, and what stays for others' sake |
//! | put to sleep | `sleepers` | what must sleep although nothing else of it may be changed now |
//! | ration | `ration` | who gets what a workspace has only so much of; pure |
//! | pass names on | `renames` | which rename must come first; pure |
//! | order | `order` | cycles of references cut by stubs; pure |
//! | plan | `planning` | all of these put together → [`Plan`](twinlake_model::Plan) |
//! | apply | `apply` | a ready-queue: intent, one request, answer |
//! | read back | `read_back` | the other half of the base |
//!
//! Beside them: `divergence` reads what a place did that was never replicated; `equality` proves by a second way, which
//! shares nothing with planning, that two places hold the same.
//!
//! [`Sync`] runs them. Waking and putting to sleep are the same stages with another role; nothing here pauses or starts
//! anything by name.

mod apply;
mod bases;
mod compare;
mod confirm;
mod content;
mod crawl;
mod deletions;
mod desire;
mod divergence;
mod draft;
mod equality;
mod error;
mod in_place;
mod inventory;
mod mourning;
mod needs;
mod order;
mod pairing;
mod planning;
mod progress;
mod ration;
mod read_ahead;
mod read_back;
mod renames;
mod report;
mod rights;
mod route;
mod settle;
mod sleepers;
mod sync;
mod view;

pub use divergence::{Quarantine, Returned, divergence};
pub use equality::{Bytes, Pair, prove_equal};
pub use error::SyncError;
pub use inventory::{Inventory, Item};
pub use progress::{Progress, Silent, Watch};
pub use report::{Report, Tally};
pub use route::{Approval, Route, Side};
pub use sync::Sync;
