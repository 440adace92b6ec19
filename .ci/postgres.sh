#!/usr/bin/env bash
# A PostgreSQL of its own for tests: on loopback, on a free port, in a directory that it makes.
#   postgres.sh start <dir>   prints the URL of a role that may create databases and roles
#   postgres.sh stop <dir>    stops the server of that directory, and no other, and removes the directory
set -euo pipefail

programs=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1 || true)
[ -n "$programs" ] || programs=$(dirname "$(command -v initdb || echo /nowhere/initdb)")

# PostgreSQL refuses to run as root.
as_postgres() {
  if [ "$(id -u)" = 0 ]; then (cd / && setpriv --reuid postgres --regid postgres --init-groups "$@"); else "$@"; fi
}

start() {
  local dir=$1 port password
  [ -x "$programs/initdb" ] || { echo "postgres.sh: no PostgreSQL found; install Debian's package postgresql" >&2; exit 1; }
  mkdir -p "$dir"
  if [ "$(id -u)" = 0 ]; then chown postgres: "$dir"; fi
  chmod 700 "$dir"
  password=$(node -p 'crypto.randomBytes(16).toString("hex")')
  port=$(node -e 'const s = net.createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
  as_postgres tee "$dir/password" <<<"$password" >/dev/null
  as_postgres "$programs/initdb" --pgdata="$dir/data" --username=postgres --pwfile="$dir/password" --auth=scram-sha-256 \
    --encoding=UTF8 --locale=C.UTF-8 >/dev/null
  as_postgres tee -a "$dir/data/postgresql.conf" >/dev/null <<EOF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = ''
max_connections = 200
fsync = on
EOF
  if ! as_postgres "$programs/pg_ctl" --pgdata="$dir/data" --log="$dir/log" --wait --timeout=60 start >/dev/null; then
    cat "$dir/log" >&2
    exit 1
  fi
  PGPASSWORD=$password "$programs/psql" --quiet --no-psqlrc --set=ON_ERROR_STOP=1 \
    --dbname="postgres://postgres@127.0.0.1:$port/postgres" \
    --command="create role reeve_test login createdb createrole password '$password'" \
    --command="create database reeve_test owner reeve_test"
  echo "postgres://reeve_test:$password@127.0.0.1:$port/reeve_test"
}

stop() {
  local dir=$1
  [ -f "$dir/data/PG_VERSION" ] || return 0
  as_postgres "$programs/pg_ctl" --pgdata="$dir/data" --wait --mode=immediate stop >/dev/null || true
  rm -rf "$dir"
}

case "${1-} ${2-}" in
  start\ ?*) start "$2" ;;
  stop\ ?*) stop "$2" ;;
  *) sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
