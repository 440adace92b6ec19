#!/usr/bin/env bash
# Starts a PostgreSQL for tests, prints how to use it, and stops and removes it on Ctrl-C.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/reeve-postgres-XXXXXX")
waiter=''
trap '[ -z "$waiter" ] || kill "$waiter" 2>/dev/null; "$root/.ci/postgres.sh" stop "$dir"' EXIT
trap 'exit 0' INT TERM

url=$("$root/.ci/postgres.sh" start "$dir")
echo "export REEVE_TEST_DATABASE_URL=$url"
echo "Use it in another terminal: npm test, or npm test -- --both. Ctrl-C here stops it and removes its data." >&2
sleep infinity &
waiter=$!
wait "$waiter"
