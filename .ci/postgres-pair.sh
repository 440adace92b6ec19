#!/usr/bin/env bash
# Two PostgreSQL servers for tests, a primary and its synchronous standby, behind HAProxy: on loopback, on free ports, in a directory
# that it makes.
#   postgres-pair.sh start <dir>   prints the URL through HAProxy, which leads to the primary for as long as that answers
#   postgres-pair.sh fail <dir>    kills the primary with SIGKILL, and makes the standby the primary a second later
#   postgres-pair.sh stop <dir>    stops all of that directory, and no other, and removes the directory
set -euo pipefail
PATH=$PATH:/usr/sbin
here=$(dirname "$0")

user=$(id -un)
if [ "$user" = root ]; then user=$(id -un postgres 2>/dev/null || echo nobody); fi
as_user() {
  if [ "$(id -u)" = 0 ]; then (cd / && setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups "$@"); else "$@"; fi
}
free_port() {
  node -e 'const s = net.createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'
}

start() {
  local dir=$1 url programs primary standby front
  command -v haproxy >/dev/null || { echo "postgres-pair.sh: no haproxy found; install Debian's package haproxy" >&2; exit 1; }
  mkdir -p "$dir/standby"
  chmod 711 "$dir"
  url=$("$here/postgres.sh" start "$dir/primary")
  programs=$(cat "$dir/primary/programs")
  primary=$(node -p 'new URL(process.argv[1]).port' "$url")
  PGPASSWORD=$(cat "$dir/primary/password")
  export PGPASSWORD
  standby=$(free_port)
  chmod 700 "$dir/standby"
  if [ "$(id -u)" = 0 ]; then chown "$user": "$dir/standby"; fi
  as_user "$programs/pg_basebackup" --host=127.0.0.1 --port="$primary" --username=postgres --pgdata="$dir/standby/data" \
    --write-recovery-conf --wal-method=stream --checkpoint=fast
  echo "port = $standby" | as_user tee -a "$dir/standby/data/postgresql.conf" >/dev/null
  as_user "$programs/pg_ctl" --pgdata="$dir/standby/data" --log="$dir/standby/log" --wait --timeout=60 start >/dev/null
  local ask=("$programs/psql" --quiet --no-psqlrc --tuples-only --no-align --dbname="postgres://postgres@127.0.0.1:$primary/postgres")
  "${ask[@]}" --command="alter system set synchronous_standby_names = '*'" --command='select pg_reload_conf()' >/dev/null
  until [ "$("${ask[@]}" --command='select sync_state from pg_stat_replication')" = sync ]; do sleep 0.1; done
  front=$(free_port)
  cat >"$dir/haproxy.cfg" <<EOF
defaults
  mode tcp
  timeout connect 2s
  timeout client 1h
  timeout server 1h
listen postgres
  bind 127.0.0.1:$front
  option pgsql-check user reeve_test
  default-server inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
  server primary 127.0.0.1:$primary check
  server standby 127.0.0.1:$standby check backup
EOF
  haproxy -D -f "$dir/haproxy.cfg" -p "$dir/haproxy.pid" >"$dir/haproxy.log" 2>&1 </dev/null || { cat "$dir/haproxy.log" >&2; exit 1; }
  node -p 'Object.assign(new URL(process.argv[1]), { port: process.argv[2] }).href' "$url" "$front"
}

fail() {
  local dir=$1 pid
  pid=$(head -n 1 "$dir/primary/data/postmaster.pid")
  # shellcheck disable=SC2046
  kill -KILL "$pid" $(pgrep -P "$pid") 2>/dev/null || true
  sleep 1
  as_user "$(cat "$dir/primary/programs")/pg_ctl" --pgdata="$dir/standby/data" --wait promote >/dev/null
}

stop() {
  local dir=$1 pid
  [ -d "$dir/primary" ] || return 0
  pid=$(cat "$dir/haproxy.pid" 2>/dev/null || true)
  # Only while it is ours: an id may be another process's by now.
  if [ -n "$pid" ] && grep -qa "$dir/haproxy.cfg" "/proc/$pid/cmdline" 2>/dev/null; then kill -KILL "$pid" || true; fi
  if [ -f "$dir/standby/data/PG_VERSION" ]; then
    as_user "$(cat "$dir/primary/programs")/pg_ctl" --pgdata="$dir/standby/data" --wait --mode=immediate stop >/dev/null 2>&1 || true
  fi
  "$here/postgres.sh" stop "$dir/primary"
  rm -rf "$dir"
}

case "${1-} ${2-}" in
  start\ ?*) start "$2" ;;
  fail\ ?*) fail "$2" ;;
  stop\ ?*) stop "$2" ;;
  *) sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
