//! What an error means to whoever has to decide what happens next.

/// The decision that an error asks for. Every library error has one; retries, exit codes and colours follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// The same request may succeed later.
    Retryable,
    /// Somebody else changed it first: read again, then decide.
    Conflict,
    /// It is not there.
    Missing,
    /// We may not.
    Denied,
    /// What was asked for is wrong, and will be next time.
    Invalid,
    /// A safety rule of ours says no: a lease, an approval, a guard.
    Refused,
    /// Ours to mend.
    Bug,
}
