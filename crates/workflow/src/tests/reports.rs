//! What a report says.
