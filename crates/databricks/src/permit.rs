//! The right to change something, asked for at the last moment.
//!
//! A permit is not a flag that was true once. It is asked before each send and each retry whether it holds
//! until the deadline of that very request, because a request that is under way cannot be called back.

use tokio::time::Instant;

/// The right to send requests that change something.
pub trait Permit: Send + Sync {
    /// Whether the right certainly holds up to and including `until`.
    ///
    /// # Errors
    /// [`PermitRefused`]; nothing is sent then.
    fn check(&self, until: Instant) -> Result<(), PermitRefused>;
}

/// Why a permit does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct PermitRefused {
    /// What is wrong, for the operator.
    pub reason: String,
    /// The next command to run, when there is one.
    pub hint: Option<String>,
}

/// A permit that always holds: for tools that write where no lease exists, such as the seeding of rehearsals.
///
/// It must not be used to change a site that belongs to a failover group.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unguarded;

impl Permit for Unguarded {
    fn check(&self, _: Instant) -> Result<(), PermitRefused> {
        Ok(())
    }
}
