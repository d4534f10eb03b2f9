#!/usr/bin/env bash
# Measures a whole goal against the same work done by hand, and a second identical goal against the
# first; needs Docker and redis-server, takes about three minutes a run.
#   tests/bench/run.sh [-n RUNS] [--no-warm-up] [--steps]
#   tests/bench/run.sh overheads    what each round trip to a sandbox costs by itself
#     -n RUNS        measure so often and print medians (default 1)
#     --no-warm-up   the download caches are warm already
#     --steps        also where each goal's time went, step by step
# Ends with 1 when a bar is missed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cargo build --release --quiet -p codegod-worker -p codegod-master
exec cargo run --release --quiet -p codegod-tests --example bench -- "$@"
