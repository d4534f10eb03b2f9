# shellcheck shell=bash
# `start-agents.sh test`: checks and tests of codegod itself, on real Docker and a Redis of the tests'
# own. Sourced.

# Seconds in which all cargo tests have to end; a test that hangs fails the run, not the machine.
readonly TEST_LIMIT=1500 FULL_TEST_LIMIT=3000

PASSED=0 FAILED=0 SKIPPED=0

# run_tests [--full]: the last line on stdout is `N passed, N failed, N skipped`; ends with 1 when
# anything failed. A check that fails (format, lints, a build) counts as one failed test.
run_tests() {
  local full=no argument started=$SECONDS
  for argument in "$@"; do
    case $argument in
      --full) full=yes ;;
      *) die "$EXIT_USAGE" "test knows no $argument" "./start-agents.sh test [--full] [--yes]" ;;
    esac
  done
  ensure_tools git docker redis cc cargo
  ensure_docker
  ensure_base_image
  # The tests start what they need themselves: nothing of a running fleet may reach them.
  unset REDIS_URL CODEGOD_STATE_DIR CODEGOD_PREFIX CODEGOD_BIN_DIR
  clear_leftovers ''
  cd "$REPO" || exit 1
  check "format (cargo fmt)" cargo fmt --all --check
  check "binaries (cargo build)" cargo build --locked --workspace --bins
  check "lints (cargo clippy)" cargo clippy --locked --workspace --all-targets -- -D warnings
  if has shellcheck; then check "lints (shellcheck)" shellcheck --external-sources --check-sourced start-agents.sh .ci/run deploy/entrypoint.sh deploy/demo/record.sh tests/shell/*; fi
  shell_tests
  if has cargo-nextest; then nextest "$full"; else cargo_test "$full"; fi
  say "The tests took $(((SECONDS - started) / 60)) min $(((SECONDS - started) % 60)) s."
  printf '%s passed, %s failed, %s skipped\n' "$PASSED" "$FAILED" "$SKIPPED"
  ((FAILED == 0))
}

# check NAME COMMAND…: a step that must succeed.
check() {
  if ! step "$@"; then FAILED=$((FAILED + 1)); fi
}

# stream NAME LOG COMMAND…: runs a command whose own lines are its progress; a line with the elapsed time
# whenever it is silent for long. Returns its exit code.
stream() {
  local name=$1 log=$2 pid code=0 started=$SECONDS size last=0 quiet=0
  shift 2
  say "… $name"
  (exec > >(tee "$log" >&2) 2>&1 && exec "$@") </dev/null &
  pid=$!
  STEP_PID=$pid
  while kill -0 "$pid" 2>/dev/null; do
    sleep 1
    size=$(stat -c %s "$log" 2>/dev/null || echo 0)
    if ((size != last)); then quiet=0 last=$size; else quiet=$((quiet + 1)); fi
    if ((quiet > 0 && quiet % REPORT_EVERY == 0)); then say "… $name: $((SECONDS - started)) s"; fi
  done
  wait "$pid" || code=$?
  STEP_PID=
  # The last lines may still be on their way through the pipe.
  sleep 0.3
  if ((code == 0)); then say "✓ $name ($((SECONDS - started)) s)"; else say "✗ $name failed after $((SECONDS - started)) s (exit code $code)"; fi
  return "$code"
}

time_limit() { if [[ $1 == yes ]]; then echo "$FULL_TEST_LIMIT"; else echo "$TEST_LIMIT"; fi; }

# nextest FULL
nextest() {
  local log=$STATE/log/test.log code=0 ignored=default
  if [[ $1 == yes ]]; then ignored=all; fi
  stream "tests (cargo nextest)" "$log" timeout -k 30 "$(time_limit "$1")" cargo nextest run --locked --workspace \
    --no-fail-fast --run-ignored "$ignored" --color never --status-level pass --final-status-level fail || code=$?
  count_nextest "$log" "$code"
  cargo_tests_of --doc
}

# count_nextest LOG CODE: sums up its summary; none at all, or one that hides a failure, counts as failed.
count_nextest() {
  local summary failed
  summary=$(grep -E '^ *Summary \[' "$1" | tail -n 1) || summary=
  failed=$(($(number "$summary" failed) + $(number "$summary" 'timed out') + $(number "$summary" 'exec failed')))
  if (($2 != 0 && failed == 0)); then failed=1; fi
  PASSED=$((PASSED + $(number "$summary" passed)))
  FAILED=$((FAILED + failed))
  SKIPPED=$((SKIPPED + $(number "$summary" skipped)))
}

# number LINE WORD: the number before the word; 0 when it is not there.
number() {
  if [[ $1 =~ ([0-9]+)\ $2 ]]; then printf '%s' "${BASH_REMATCH[1]}"; else printf 0; fi
}

# cargo_test FULL: without nextest.
cargo_test() {
  if [[ $1 == yes ]]; then cargo_tests_of --full; else cargo_tests_of --plain; fi
}

# cargo_tests_of --doc|--full|--plain
cargo_tests_of() {
  local log=$STATE/log/test-${1#--}.log code=0 before=$FAILED line arguments=()
  case $1 in
    --doc) arguments=(--doc) ;;
    --full) arguments=(-- --include-ignored) ;;
  esac
  stream "tests (cargo test ${arguments[*]})" "$log" timeout -k 30 "$(time_limit "$([[ $1 == --full ]] && echo yes)")" \
    cargo test --locked --workspace --no-fail-fast --color never "${arguments[@]}" || code=$?
  while read -r line; do
    PASSED=$((PASSED + $(number "$line" 'passed;')))
    FAILED=$((FAILED + $(number "$line" 'failed;')))
    SKIPPED=$((SKIPPED + $(number "$line" 'ignored;')))
  done < <(grep -E '^test result: ' "$log" || true)
  if ((code != 0 && FAILED == before)); then FAILED=$((FAILED + 1)); fi
}

# shell_tests: of this script itself.
shell_tests() {
  local log=$STATE/log/test-shell.log line code=0
  stream "tests of start-agents.sh" "$log" timeout -k 10 300 bash "$REPO/tests/shell/run" || code=$?
  line=$(tail -n 1 "$log")
  PASSED=$((PASSED + $(number "$line" passed)))
  FAILED=$((FAILED + $(number "$line" failed)))
  if ((code != 0 && $(number "$line" failed) == 0)); then FAILED=$((FAILED + 1)); fi
}
