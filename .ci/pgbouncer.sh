#!/usr/bin/env bash
# A PgBouncer of its own for tests, in transaction mode or another, in front of a PostgreSQL on this machine: on loopback, on a free
# port. It gives its few connections to the server out in turn, so that a process that relies on the state of one soon meets another.
#   pgbouncer.sh start <dir> <url> [mode]   prints the URL through it; it leads to any database of that server
#   pgbouncer.sh stop <dir>                 stops the one of that directory, and no other, and removes the directory
set -euo pipefail
PATH=$PATH:/usr/sbin

# PgBouncer refuses to run as root.
user=$(id -un)
if [ "$user" = root ]; then user=$(id -un postgres 2>/dev/null || echo nobody); fi

start() {
  local dir=$1 url=$2 mode=${3:-transaction} port
  command -v pgbouncer >/dev/null || { echo "pgbouncer.sh: no pgbouncer found; install Debian's package pgbouncer" >&2; exit 1; }
  mkdir -p "$dir"
  port=$(node -e 'const s = net.createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
  node - "$dir" "$url" "$port" "$mode" >"$dir/pgbouncer.ini" <<'EOF'
const [dir, url, port, mode] = process.argv.slice(2);
const { hostname, port: server, username, password } = new URL(url);
const quoted = decodeURIComponent(password).replaceAll("'", "''");
console.log(`[databases]
* = host=${hostname} port=${server || 5432} user=${decodeURIComponent(username)} password='${quoted}'
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = ${mode}
default_pool_size = 8
server_round_robin = 1
max_client_conn = 500
logfile = ${dir}/log
pidfile = ${dir}/pid`);
EOF
  chmod 700 "$dir"
  if [ "$(id -u)" = 0 ]; then chown -R "$user": "$dir"; fi
  # Its output goes to its log, so nothing here waits for it.
  pgbouncer --quiet --daemon --user="$user" "$dir/pgbouncer.ini" >/dev/null 2>&1 || { cat "$dir/log" >&2; exit 1; }
  node -p 'Object.assign(new URL(process.argv[1]), { host: `127.0.0.1:${process.argv[2]}` }).href' "$url" "$port"
}

stop() {
  local dir=$1 pid
  [ -e "$dir/pgbouncer.ini" ] || return 0
  pid=$(cat "$dir/pid" 2>/dev/null || true)
  # Only while it is ours: an id may be another process's by now.
  if [ -n "$pid" ] && grep -qa "$dir/pgbouncer.ini" "/proc/$pid/cmdline" 2>/dev/null; then
    kill -KILL "$pid" || true
    while [ -d "/proc/$pid" ]; do sleep 0.05; done
  fi
  rm -rf "$dir"
}

case "${1-} ${2-} ${3-}" in
  start\ ?*\ ?*) start "$2" "$3" "${4-}" ;;
  stop\ ?*\ ) stop "$2" ;;
  *) sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
