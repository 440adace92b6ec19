#!/usr/bin/env bash
# A Docker engine of its own for tests: on a socket in a directory that it makes, without networks. Needs root, or sudo.
#   docker.sh start <dir>   prints the address for REEVE_TEST_DOCKER_HOST
#   docker.sh stop <dir>    stops the engine of that directory, and no other, with all it runs, and removes the directory
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

ping='http.get({ socketPath: process.argv[1], path: "/_ping" }, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1))
  .on("error", () => process.exit(1))'

start() {
  local dir=$1
  command -v dockerd >/dev/null || { echo "docker.sh: no dockerd found; install Debian's package docker.io" >&2; exit 1; }
  mkdir -p "$dir"
  chmod 711 "$dir"
  # It takes overlayfs where that works, else copies. In a session of its own it does not hear what a terminal sends.
  as_root setsid dockerd --host="unix://$dir/docker.sock" --data-root="$dir/data" --exec-root="$dir/exec" --pidfile="$dir/pid" \
    --bridge=none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false --group="$(id -gn)" \
    >"$dir/log" 2>&1 </dev/null &
  for _ in $(seq 300); do
    if node -e "$ping" "$dir/docker.sock"; then
      echo "unix://$dir/docker.sock"
      return 0
    fi
    [ -d "/proc/$!" ] || break
    sleep 0.1
  done
  tail -n 20 "$dir/log" >&2
  stop "$dir"
  exit 1
}

stop() {
  local dir=$1 pid
  [ -e "$dir/log" ] || return 0
  pid=$(cat "$dir/pid" 2>/dev/null || true)
  if [ -n "$pid" ] && grep -qsF "$dir/docker.sock" "/proc/$pid/cmdline" && as_root kill "$pid"; then
    for _ in $(seq 300); do [ -d "/proc/$pid" ] || break; sleep 0.1; done
  fi
  # Mounts of containers that were not removed in time.
  awk -v dir="$dir/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | sort -r | while read -r mount; do
    as_root umount -l "$mount"
  done
  as_root rm -rf "$dir"
}

case "${1-} ${2-}" in
  start\ ?*) start "$2" ;;
  stop\ ?*) stop "$2" ;;
  *) sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
