# shellcheck shell=bash
# Finds what codegod needs on this system and installs what is missing, with consent. Sourced.

# find_tools: puts the usual homes of daemons and of cargo on the PATH.
find_tools() {
  local folder
  for folder in /usr/local/sbin /usr/sbin /sbin "${CARGO_HOME:-${HOME:-}/.cargo}/bin"; do
    [[ ":$PATH:" == *":$folder:"* ]] || PATH=$PATH:$folder
  done
  export PATH
}

# ensure_tools NAME…: docker, redis, git, cc, cargo.
ensure_tools() {
  local name packages=() missing=()
  for name in "$@"; do
    tool_is_there "$name" && continue
    missing+=("$name")
    case $name in
      # Without a registry the base image is made from packages.
      docker) packages+=(docker.io mmdebstrap debian-archive-keyring) ;;
      redis) packages+=(redis-server) ;;
      git) packages+=(git) ;;
      cc) packages+=(gcc libc6-dev) ;;
      mmdebstrap) packages+=(mmdebstrap debian-archive-keyring) ;;
      cargo) ;;
      *) die "$EXIT_USAGE" "start-agents.sh does not know how to find $name" ;;
    esac
  done
  if ((${#packages[@]})); then install_packages "${missing[*]}" "${packages[@]}"; fi
  # Where the docker command is a package apart, the engine may come without it.
  if [[ " ${packages[*]} " == *' docker.io '* ]] && has dockerd && ! has docker; then install_packages "docker (the command)" docker-cli; fi
  for name in "${missing[@]}"; do
    tool_is_there "$name" || die_missing "$name"
  done
}

tool_is_there() {
  case $1 in
    docker) has docker && { [[ -n ${DOCKER_HOST:-} ]] || has dockerd || docker_answers; } ;;
    redis) has redis-server ;;
    *) has "$1" ;;
  esac
}

die_missing() {
  case $1 in
    cargo) die "$EXIT_UNAVAILABLE" "Rust is missing: there is no cargo to build codegod with" \
      "install it with rustup (https://rustup.rs), then call start-agents.sh again" ;;
    docker) die "$EXIT_UNAVAILABLE" "the Docker engine (docker, dockerd) is missing" \
      "install it from your distribution's packages (Debian: docker.io), then call start-agents.sh again" ;;
    redis) die "$EXIT_UNAVAILABLE" "redis-server is missing" \
      "install Redis 7.0 or newer (Debian: redis-server), or set REDIS_URL to one that runs" ;;
    cc) die "$EXIT_UNAVAILABLE" "a C compiler (cc) is missing, which building codegod needs" \
      "install it (Debian: gcc libc6-dev), then call start-agents.sh again" ;;
    *) die "$EXIT_UNAVAILABLE" "$1 is missing" "install $1, then call start-agents.sh again" ;;
  esac
}

# install_packages WHAT PACKAGE…: by apt; elsewhere says what to install.
install_packages() {
  local what=$1 sudo
  shift
  if ! has apt-get; then
    say "Missing: $what."
    die "$EXIT_UNAVAILABLE" "this system has no apt-get, so start-agents.sh can't install what is missing" \
      "install what Debian calls: $* (or set REDIS_URL and DOCKER_HOST to a Redis and a Docker that run)"
  fi
  sudo=$(root_prefix)
  allowed "Missing: $what. To install it, start-agents.sh runs:" \
    "${sudo}apt-get update" "${sudo}apt-get install -y $*"
  need_root "installing packages"
  # Package lists may be stale or absent; an install that still works says so itself.
  step "apt-get update" as_root apt-get -q update || true
  step "apt-get install $*" as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y "$@" ||
    die "$EXIT_UNAVAILABLE" "the packages could not be installed: $*" "install them by hand, then call start-agents.sh again"
  hash -r
}

# ensure_base_image: codegod's images start from a Debian base; where no registry answers, mmdebstrap
# makes it from packages.
ensure_base_image() {
  local base=debian:bookworm-slim
  if has mmdebstrap || has debootstrap || docker image inspect "$base" >/dev/null 2>&1; then return 0; fi
  step "looking for a registry that has $base" timeout 120 docker pull -q "$base" && return 0
  say "No registry answered; the base image is made from Debian packages instead."
  ensure_tools mmdebstrap
}
