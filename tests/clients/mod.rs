//! The official SDK for Python, newest and unmodified, against the simulation and the product.
//!
//! | script | what it shows |
//! |---|---|
//! | `operations.py` | every operation of the kinds that stand works against `twinlake sim` |
//! | `build_estate.py`, `change_estate.py` | an estate that the SDK wrote, and what its people change later |
//! | `verify_standby.py` | the SDK finds the standby equal, its references right, and all of it asleep |
//! | `verify_moves.py` | the SDK finds production as it was after a failover, the old site asleep, and home as it was with the edits |
//! | `routes_check.py` | the simulation's routes and our own requests exist in the SDK's source |
//!
//! The environment is made by the tests themselves, under the target folder. A machine on which pip cannot install the
//! SDK fails these tests; it does not skip them.

mod binary;
mod moves;
mod operations;
mod python;
mod recorder;
mod routes;
mod standby;
