#!/usr/bin/env bash
# Measures what the console costs on a terminal of its own (80x24) that never answers a question: at rest,
# beside agents, under keys, events and log lines, and how it starts and ends. Needs redis-server and setsid.
# Takes about five minutes, with --long fourteen.
#   tests/bench/console.sh [--quick] [--long] [SCENE...]
#     --quick   shorter windows, rough figures
#     --long    log lines for ten minutes instead of one, too
#     SCENE     only these: start, idle, agents, keys, logs, end
# Ends with 1 when a bar is missed. Others' work on the machine makes every time longer; as root, with
#   chrt --rr 5 target/release/examples/console-bench
# once it is built, the console, its Redis and this program come first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cargo build --release --quiet -p codegod
cargo build --release --quiet -p codegod-tests --example console-bench
exec target/release/examples/console-bench "$@"
