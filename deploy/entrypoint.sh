#!/bin/sh
# Starts codegod's processes in their image as a user without rights, who may use the mounted Docker
# socket by the group that owns it there.
set -eu
socket=/var/run/docker.sock
if [ "$(id -u)" -ne 0 ]; then exec "$@"; fi
chown codegod: "$CODEGOD_STATE_DIR"
if [ -S "$socket" ]; then
  exec setpriv --reuid codegod --regid codegod --groups "$(stat -c %g "$socket")" --no-new-privs -- "$@"
fi
exec setpriv --reuid codegod --regid codegod --clear-groups --no-new-privs -- "$@"
