#!/usr/bin/env bash
# What "Build a Flask + React app" takes when somebody does it by hand with plain docker: the same
# commands, in the same images, with the same download caches, limits and user, the lanes side by
# side, nothing waited for that is not needed. Its wall time is what codegod is measured against.
#
#   flask-react.sh APP CHECKS
#
#   APP     the app's files, as the playbooks write them
#   CHECKS  packaging.sh, project.sh, check_syntax.py, sample.json: what the goal's checks run
#   WORKBENCH      image that the environments begin in
#   TAG            name of the app's image
#   CACHE_PREFIX   prefix of the download caches' volumes
#   LIMITS         options of docker run: memory, CPUs, processes
#
# Prints a line for each step, with tabs: lane, start and end (Unix milliseconds), what was done.
# Leaves the app's image to its caller; the environments' images and all containers go.
set -euo pipefail

app=$1
checks=$2
: "${WORKBENCH:?}" "${TAG:?}" "${CACHE_PREFIX:?}" "${LIMITS:?}"
run="codegod-bench-$$"
scratch=$(mktemp -d)
read -ra limits <<<"$LIMITS"

cleanup() {
  jobs -p | xargs -r kill 2>/dev/null || true
  docker ps -aq --filter "label=codegod.bench.run=$run" | xargs -r docker rm -f >/dev/null 2>&1 || true
  docker image rm -f "$run-backend" "$run-frontend" >/dev/null 2>&1 || true
  rm -rf "$scratch"
}
trap cleanup EXIT

ms() { printf '%s' "$((${EPOCHREALTIME/[.,]/} / 1000))"; }

# step LANE WHAT COMMAND…: runs a command and reports it; its output is shown only when it fails.
# A function that is run so must say itself where it fails: `set -e` does not reach into it.
step() {
  local lane=$1 what=$2 from log
  shift 2
  log="$scratch/$lane.$BASHPID.$RANDOM"
  from=$(ms)
  if ! "$@" >"$log" 2>&1; then
    printf '%s: %s failed:\n' "$lane" "$what" >&2
    tail -n 40 "$log" >&2
    return 1
  fi
  printf '%s\t%s\t%s\t%s\n' "$lane" "$from" "$(ms)" "$what"
}

# Options of every container: no privileges, limits, and gone when the script is.
box=(--init --cap-drop ALL --security-opt no-new-privileges "${limits[@]}" --label "codegod.bench.run=$run")

# start NAME IMAGE: a container that waits for commands.
start() {
  docker run -d --name "$run-$1" "${box[@]}" --user 10001:10001 --workdir /workspace \
    -v "$CACHE_PREFIX-pip:/cache/pip" -v "$CACHE_PREFIX-npm:/cache/npm" \
    -e HOME=/home/agent -e LANG=C.UTF-8 -e VIRTUAL_ENV=/env/venv -e CI=true \
    -e PATH=/env/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    -e PIP_CACHE_DIR=/cache/pip -e PIP_DISABLE_PIP_VERSION_CHECK=1 -e npm_config_cache=/cache/npm \
    -e HTTP_PROXY -e HTTPS_PROXY -e NO_PROXY -e http_proxy -e https_proxy -e no_proxy \
    "$2" sleep infinity
}

# put NAME TAR-ARGUMENT…: copies files of the app into the workspace, as the agent's user.
put() {
  local name=$1
  shift
  tar -C "$app" --owner=10001 --group=10001 -cf - "$@" | docker cp - "$run-$name:/workspace"
}

# in_box NAME FOLDER COMMAND
in_box() { docker exec -w "/workspace/$2" "$run-$1" sh -c "$3"; }

# run_here NAME SCRIPT: runs a file of CHECKS in the workspace.
run_here() { docker exec -i -w /workspace "$run-$1" "${@:3}" <"$checks/$2"; }

health() {
  in_box "$1" backend "DATABASE_URL=sqlite:// python -c \"from app import create_app; print(create_app().test_client().get('/api/health').text)\"" |
    grep -Eq '"status": ?"ok"'
}

entry_points() { in_box "$1" frontend 'test -f package.json && test -f src/main.jsx && grep -q src/main.jsx index.html'; }

backend_checks() { # NAME
  step "$1" "the app can be made" health "$1"
  step "$1" "syntax" run_here "$1" check_syntax.py python3 - backend
}

backend_tests() { step "$1" "backend tests" in_box "$1" backend 'pytest --junitxml=/tmp/report.xml'; }

frontend_build() { step "$1" "npm run build" in_box "$1" frontend 'rm -rf dist && npm run build && ls -l dist/index.html'; }

frontend_tests() {
  step "$1" "frontend tests" in_box "$1" frontend \
    'npx vitest run --reporter=default --reporter=junit --outputFile.junit=/tmp/report.xml'
}

backend() {
  step backend "start" start backend "$WORKBENCH"
  step backend "copy the manifests" put backend --no-recursion backend backend/requirements.txt backend/requirements-dev.txt
  step backend "venv" in_box backend . 'python3 -m venv /env/venv'
  step backend "pip install" in_box backend . '/env/venv/bin/pip install -r backend/requirements-dev.txt'
  step backend "commit" docker commit "$run-backend" "$run-backend"
  step backend "copy the sources" put backend backend
  step backend "pip check, import" in_box backend . \
    "/env/venv/bin/pip check && /env/venv/bin/python -c 'import flask; import sqlalchemy; import gunicorn; import pytest'"
  backend_checks backend
  step backend "gunicorn --check-config" in_box backend backend \
    "sh -n start.sh && DATABASE_URL=sqlite:// gunicorn --check-config 'app:create_app()'"
  echo backend >&3
  backend_tests backend
}

frontend() {
  step frontend "start" start frontend "$WORKBENCH"
  step frontend "copy the manifests" put frontend --no-recursion frontend frontend/package.json
  step frontend "npm install" in_box frontend frontend 'npm install --no-audit --no-fund --no-update-notifier'
  step frontend "commit" docker commit "$run-frontend" "$run-frontend"
  step frontend "copy the sources" put frontend frontend
  step frontend "npm ls" in_box frontend frontend 'npm ls --depth=0'
  step frontend "entry points" entry_points frontend
  frontend_build frontend
  # The image is built from the lock file that npm made.
  step frontend "copy the lock file" docker cp "$run-frontend:/workspace/frontend/package-lock.json" "$app/frontend/"
  echo frontend >&3
  frontend_tests frontend
}

# packaging LANE: the checks of the files at the top.
packaging() {
  step "$1" "start" start "$1" "$WORKBENCH"
  step "$1" "copy the files" put "$1" .
  step "$1" "packaging is consistent" run_here "$1" packaging.sh sh
}

project() {
  step "$1" "start" start "$1" "$WORKBENCH"
  step "$1" "copy the files" put "$1" .
  step "$1" "project files are right" run_here "$1" project.sh sh
}

build() {
  DOCKER_BUILDKIT=0 docker build --build-arg HTTP_PROXY --build-arg HTTPS_PROXY --build-arg NO_PROXY -t "$TAG" "$app"
}

# expect STATUS PATTERN CURL-OPTION…
expect() {
  local status=$1 pattern=$2 answer
  shift 2
  answer=$(curl -sS --noproxy '*' --max-time 20 -w '\n%{http_code}' "$@")
  [[ ${answer##*$'\n'} == "$status" ]] && grep -q "$pattern" <<<"$answer"
}

probe() { # NAME
  local address
  docker run -d --name "$run-$1" "${box[@]}" -p 127.0.0.1::8000 \
    -e SECRET_KEY=only-for-the-probe-of-this-image-0001 "$TAG" || return 1
  address="http://$(docker port "$run-$1" 8000/tcp)"
  for _ in $(seq 600); do
    curl -sf --noproxy '*' "$address/api/health" >/dev/null && break
    sleep 0.1
  done
  expect 200 '"ok"' "$address/api/health" &&
    expect 200 '<div id=' "$address/" &&
    expect 201 'Sample name' -H 'content-type: application/json' -d @"$checks/sample.json" "$address/api/items" &&
    expect 200 'Sample name' "$address/api/items" &&
    docker rm -f "$run-$1"
}

image() { # LANE
  step "$1" "docker build" build
  step "$1" "run and probe" probe "$1-app"
}

# The closing verification: fresh containers, and nothing in them but environment and sources.
verify_backend() {
  step verify-backend "start" start verify-backend "$run-backend"
  step verify-backend "copy the sources" put verify-backend .
  backend_checks verify-backend
  backend_tests verify-backend
}

verify_frontend() {
  step verify-frontend "start" start verify-frontend "$run-frontend"
  step verify-frontend "copy the sources" put verify-frontend .
  step verify-frontend "entry points" entry_points verify-frontend
  frontend_build verify-frontend
  frontend_tests verify-frontend
}

verify_image() {
  packaging verify-packaging
  image verify-image
}

# side_by_side FUNCTION…: runs them at once and waits for all.
side_by_side() {
  local job jobs=()
  for job in "$@"; do
    ${job//:/ } &
    jobs+=($!)
  done
  for job in "${jobs[@]}"; do wait "$job"; done
}

mkfifo "$scratch/done"
exec 3<>"$scratch/done"
backend &
lanes=($!)
frontend &
lanes+=($!)
{
  packaging packaging
  project project
  echo files >&3
} &
lanes+=($!)
for _ in backend frontend files; do
  # A lane that failed says nothing: look whether one is gone.
  until read -r -t 1 -u 3 _; do
    for lane in "${lanes[@]}"; do kill -0 "$lane" 2>/dev/null || wait "$lane"; done
  done
done
side_by_side image:image
for lane in "${lanes[@]}"; do wait "$lane"; done
side_by_side verify_backend verify_frontend verify_image project:verify-project
