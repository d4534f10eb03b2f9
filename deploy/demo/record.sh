#!/usr/bin/env bash
# Records the console at work as an asciicast (`asciinema play FILE`): a goal is handed over and followed to
# its end, an agent's memory is read, a role is scaled, agents are wiped. Everything is real: the fleet, the
# containers, what comes out. The keys are pressed in a tmux of its own, and what the screen shows decides
# when the next comes.
#
#   deploy/demo/record.sh [FILE]      (codegod.cast)
#
# The fleet must be up: ./start-agents.sh up. REDIS_URL, CODEGOD_STATE_DIR and CODEGOD_BIN_DIR are those of
# start-agents.sh. Needs tmux and python3.
set -euo pipefail

HERE=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd -P)
REPO=$(dirname "$(dirname "$HERE")")
CAST=$(realpath -m "${1:-codegod.cast}")
COLUMNS_=100 ROWS_=30
GOAL="Build a Flask + React app with todos"
# Seconds for anything but the goal itself, and for the goal.
PATIENCE=20 GOAL_PATIENCE=900
SOCKET=codegod-demo-$$
# What the console remembers and writes stays out of this folder.
WORK=$(mktemp -d)

mux() { tmux -L "$SOCKET" "$@"; }

finish() {
  mux kill-server 2>/dev/null || true
  rm -rf "$WORK"
}
trap finish EXIT

for tool in tmux python3; do
  command -v "$tool" >/dev/null || {
    echo "error: $tool is needed" >&2
    exit 69
  }
done

screen() { mux capture-pane -p; }

# sees TEXT [SECONDS]: the screen shows it in time.
sees() {
  local until=$((SECONDS + ${2:-$PATIENCE}))
  until screen | grep -qF -- "$1"; do
    if ((SECONDS >= until)); then
      echo "error: the screen does not show: $1" >&2
      screen >&2
      exit 1
    fi
    sleep 0.2
  done
}

# press KEY…: one after the other, with time to look.
press() {
  local key
  for key in "$@"; do
    mux send-keys "$key"
    sleep 0.7
  done
}

# types TEXT: as fast as a person.
types() {
  local i
  for ((i = 0; i < ${#1}; i++)); do
    mux send-keys -l -- "${1:i:1}"
    sleep 0.05
  done
}

rest() { sleep "${1:-2}"; }

# The script that starts the fleet knows where its Redis is; in a narrow window it has nothing to say.
mux -f /dev/null new-session -d -x "$COLUMNS_" -y "$ROWS_" -c "$WORK" \
  python3 "$HERE/cast.py" "$CAST" "$COLUMNS_" "$ROWS_" "$REPO/start-agents.sh" console
mux set-option -g status off

sees "● redis" 60
rest
press b
sees "New goal"
types "$GOAL"
rest 1
press Enter
# The goal's view opens by itself; its plan comes a moment later.
sees "critical path" 60
rest 4
press j j
rest 3
press 1
rest 3
# Who is at work, and what it knows.
press 3
sees ": memory"
rest 2
press m z
rest 2
press PageDown
rest 2
press z l
rest 4
# One agent more, and one less again.
press 7
sees "wanted"
press +
rest 3
press -
rest 3
# A question says exactly what would be done.
press :
types "wipe testing"
press Enter
sees "[ No ]"
rest 2
press y
rest 2
press '?'
rest 3
press Escape 2
press 2
sees "✓ succeeded" "$GOAL_PATIENCE"
rest 3
press 6
rest 3
press 1
rest 3
press q
while mux has-session 2>/dev/null; do sleep 0.2; done
echo "$CAST: $(wc -l <"$CAST") pieces, $(($(wc -c <"$CAST") / 1024)) KiB" >&2
