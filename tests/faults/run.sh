#!/usr/bin/env bash
# Runs a fleet of real processes on a real Redis, hits workers, masters and Redis at random, and checks on
# the event stream that nothing was lost and nothing done twice. Needs redis-server; no Docker, no root.
#   tests/faults/run.sh [OPTION VALUE]…
#     --short            a quarter of a minute: 400 tasks, a lease of 2 s, a trouble every 0.6 s
#     --seed NUMBER      what load and troubles are made from (a random one)
#     --tasks NUMBER     how many tasks (10000)
#     --workers NUMBER   how many agents, the roles in turn (8)
#     --masters NUMBER   how many masters (3)
#     --every SECONDS    the time between two troubles (1)
#     --kinds LIST       of kill (SIGKILL), stop (SIGSTOP, later SIGCONT), cut (network) (all three)
#     --lease SECONDS    the length of a lease (3)
#     --fsync WORD       Redis' appendfsync: everysec, which forgets what it has just answered when it is
#                        killed while the disk is slow (it is told), or always (everysec)
#     --runs NUMBER      so many runs, with one seed after the other (1)
# Ends with 1 when a rule was broken. PROFILE=dev runs debug binaries.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
profile=${PROFILE:-release}
cargo build --profile "$profile" --quiet -p codegod-master
cargo build --profile "$profile" --quiet -p codegod-tests --bin noop-agent
exec cargo run --profile "$profile" --quiet -p codegod-tests --example faults -- "$@"
