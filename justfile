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

# Random histories and disasters, by seed; a failing seed is printed and replays exactly: just simulate --seeds 20000
simulate *ARGS:
    #!/usr/bin/env bash
    set -euo pipefail
    set -- {{ARGS}}
    seeds=2000
    case "${1:-}" in
        --seeds) seeds=${2:?how many seeds} ;;
        --seeds=*) seeds=${1#--seeds=} ;;
        "") ;;
        *) seeds=$1 ;;
    esac
    TWINLAKE_SIMULATE=all TWINLAKE_SEEDS=$seeds cargo test --release -p twinlake-tests --test all -- simulation:: disasters:: --nocapture

# Replays one seed of the random histories of a sync, with its trace.
replay SEED:
    TWINLAKE_SEED={{SEED}} cargo test --release -p twinlake-tests --test all -- random_histories --nocapture

# Replays one seed of the random disasters, told as it goes.
replay-disaster SEED:
    TWINLAKE_SEED={{SEED}} cargo test --release -p twinlake-tests --test all -- random_disasters --nocapture

# What a sync costs, over its floors. docs/performance.md says how to read it.
bench *ARGS:
    cargo run --profile dist -p twinlake-benches -- sync {{ARGS}}

# What a failover of 10,000 jobs takes, in virtual time, over its floor.
bench-failover *ARGS:
    cargo run --profile dist -p twinlake-benches -- failover {{ARGS}}
