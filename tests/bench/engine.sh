#!/usr/bin/env bash
# Measures the engine (queues, leases, publishing, plans) beside what Redis itself can do, on a Redis of its
# own; needs redis-server, and Docker for the resident memory of a real agent. Takes about eight minutes.
#   tests/bench/engine.sh [--quick] [--append-only] [--json FILE] [GROUP...]
#     --quick         one short run: about a minute, rough figures
#     --append-only   Redis writes an append-only file
#     --json FILE     everything measured, as JSON
#     GROUP           only these: throughput, latency, plans, agents, idle
# Ends with 1 when a bar is missed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cargo build --release --quiet -p codegod-worker -p codegod-master
cargo build --release --quiet -p codegod-tests --bin noop-agent --example engine-bench
exec target/release/examples/engine-bench "$@"
