//! The nouns of Twinlake. No I/O, no async, no clock: data in, printable value out.
//!
//! Three vocabularies are kept apart, because a failover swaps them:
//! *identity* ([`SiteId`]: east, west; never changes), *role* ([`Role`]: what a site is for a group now) and
//! *direction* (source, target: true for one copy).
//!
//! | term | meaning | a word we did not choose, and why |
//! |---|---|---|
//! | [`SiteId`] | one region's deployment | *region*: two sites may share one |
//! | [`Place`] | one workspace of a set, at a site | *workspace*: the set's name is the same on every site, the workspace is not |
//! | [`AssetId`] | an identity minted once: kind, origin place, origin id | *resource id*: that is what each site calls it, see [`RemoteId`] |
//! | [`RemoteId`] | what one workspace calls the asset | – |
//! | [`Document`] | an asset's JSON, canonical and immutable | *model*, *struct*: we carry what we do not understand |
//! | [`Posture`] | whether it runs | *state*: that is the controller's |
//! | [`Mark`] | what a list row says of an object's version | *etag*: few kinds have one |
//! | [`Version`] | hashes of spec and content, and the posture | *revision*: the service's word for its own history |
//! | [`Base`] | what we sent, and what we then read back | *last applied*: that is only half of it |
//! | [`Plan`] | the ordered changes that take a place from what it has to what it should have | *diff*: that is how it is found |
//! | [`Fence`] | how surely an old primary is kept from processing, and what its unreplicated tail is | *lock*: it holds nothing by itself |
//! | [`SeenRun`] | one run of something at a place, as it was last seen | *execution*: a [`RunId`] is ours, a seen run is theirs |
//! | [`Safety`] | the rules under which a group may be moved, decided before a run begins | *policy*: that is a kind of asset |
//! | [`Verdict`] | what became of an asset in a cycle | *status*: says nothing of why |

mod asset;
mod base;
mod digest;
mod document;
mod equality;
mod fence;
mod group;
mod id_map;
mod ids;
mod intent;
mod ledger;
mod mapping;
mod pattern;
mod plan;
pub mod safety;
mod selection;
mod snapshot;
mod symbol;
mod verdict;

pub use asset::{Key, Mark, Posture, Version};
pub use base::Base;
pub use digest::Digest;
pub use document::{Document, MalformedDocument};
pub use equality::{EqualityProof, Unequal};
pub use fence::{Diverged, Divergence, Fence, FenceLevel, FoundAwake, How, Tail};
pub use group::{
    DEFAULT_DELETION_GRACE, DEFAULT_MAX_DELETED_PERCENT, Estate, FailoverGroup, Guards, Objectives, Role,
    Shares, Tier, WorkspaceSet,
};
pub use id_map::IdMap;
pub use ids::{AssetId, Epoch, GroupName, KindName, MalformedId, Place, RemoteId, RunId, SetName, SiteId};
pub use intent::{Intent, Tombstone};
pub use ledger::SeenRun;
pub use mapping::{MappingTable, Mappings, Piece, Row, StringRow, Vocabulary};
pub use pattern::Pattern;
pub use plan::{Action, Call, CallBody, Change, Method, Plan, Purpose};
pub use safety::Safety;
pub use selection::{MalformedSelector, Selection, Selector};
pub use snapshot::{Entry, Manifest, Snapshot};
pub use symbol::{reference, references_in, symbol};
pub use verdict::{Outcome, Verdict};
