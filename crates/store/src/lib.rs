//! State: SQLite. The only crate with SQL.
