//! What became of a state on its way to one location.

use std::fmt;

use crate::VaultError;

/// The report of one location.
#[derive(Debug)]
pub struct Shipment {
    /// The location's name.
    pub location: String,
    /// Whether the state is there.
    pub arrival: Arrival,
    /// What was noticed on the way. None of it kept the state from arriving; some of it people must know.
    pub findings: Vec<Finding>,
}

/// Whether the present state is at a location.
#[derive(Debug)]
pub enum Arrival {
    /// It is, as a new generation.
    Shipped {
        /// Its number.
        generation: u64,
        /// How many bytes were sent.
        size_bytes: u64,
    },
    /// It was already: nothing has changed since.
    Unchanged {
        /// The number of the generation that holds it.
        generation: u64,
    },
    /// It is not, or nobody knows. The other locations are not held up by that.
    Failed(VaultError),
}

/// Something at a location that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// The location holds a state that ours does not continue: another controller has worked apart from this one.
    /// It is left where it is.
    Forked {
        /// Which generation.
        generation: u64,
        /// The row of the audit in which the two differ, or an earlier one does.
        row: u64,
    },
    /// The location holds a state that has gone further than ours. It is left where it is.
    Ahead {
        /// Which generation.
        generation: u64,
        /// How many rows its audit has.
        rows: u64,
        /// How many rows ours has.
        ours: u64,
    },
    /// A generation does not say what it is. It is left where it is.
    Unreadable {
        /// Which generation.
        generation: u64,
        /// What is wrong with it.
        detail: String,
    },
    /// An old generation is still there. It is cleared away the next time.
    NotCleared {
        /// Which generation.
        generation: u64,
        /// Why.
        why: String,
    },
}

impl Arrival {
    /// Whether the present state is there.
    #[must_use]
    pub const fn is_there(&self) -> bool {
        matches!(self, Self::Shipped { .. } | Self::Unchanged { .. })
    }
}

impl Finding {
    /// Whether two controllers disagree, which people have to settle.
    #[must_use]
    pub const fn is_fork(&self) -> bool {
        matches!(self, Self::Forked { .. } | Self::Ahead { .. })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forked { generation, row } => write!(
                f,
                "generation {generation} is another controller's: its audit forks from this one at row {row} or before; \
                 stop one of the two, then run `twinlake recover-state`"
            ),
            Self::Ahead { generation, rows, ours } => write!(
                f,
                "generation {generation} has gone further than this state ({rows} rows of audit, here {ours}): another \
                 controller works, or this state is an old one; run `twinlake recover-state`"
            ),
            Self::Unreadable { generation, detail } => {
                write!(f, "generation {generation} cannot be read: {detail}")
            }
            Self::NotCleared { generation, why } => {
                write!(f, "generation {generation} is old and could not be cleared away: {why}")
            }
        }
    }
}
