# Everything there is to run. `just` alone lists it.

_list:
    @just --list

# The first thing to run: two simulated regions, a sync, and the proof that the copy is equal and asleep.
demo *ARGS:
    cargo run --release -- demo {{ARGS}}

# The one test command, as CI runs it.
test:
    tests/run

# What fails fastest: formatting and lints.
check:
    tests/run fmt
    tests/run clippy

# The documentation, with warnings denied.
docs:
    tests/run docs

# Random histories with faults and crashes, by seed; a failing seed is printed and replays exactly.
simulate SEEDS="2000":
    TWINLAKE_SIMULATE=all TWINLAKE_SEEDS={{SEEDS}} cargo test --release -p twinlake-tests simulation:: -- --nocapture

# Replays one seed, with its trace.
replay SEED:
    TWINLAKE_SEED={{SEED}} cargo test --release -p twinlake-tests random_histories -- --nocapture

# What a sync costs, over its floors. docs/performance.md says how to read it.
bench *ARGS:
    cargo run --profile dist -p twinlake-benches -- sync {{ARGS}}
