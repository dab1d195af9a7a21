#!/usr/bin/env bash
# Installs and starts the engines that tests need, and says in .engines/engines.json where they listen.
#   npm run engines            start (again: a moment)
#   npm run engines -- stop    stop; data stays in .engines/, which may be removed
#
# One file an engine in scripts/engines/, which defines:
#   packages   one Debian package a line, each followed by a file whose presence shows that it is installed
#   start      starts it if it does not run, keeps everything in $ENGINES/<name>/, prints its URL and nothing else
#   stop       stops it if it runs
# A file that only needs packages prints nothing from start.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
ENGINES="$PWD/.engines"
verb="${1:-start}"

say() { echo "engines: $*" >&2; }
fail() {
  say "$*"
  exit 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo -n "$@" || fail "\`$*\` needs root; run it yourself, then \`npm run engines\` again"
  else
    fail "\`$*\` needs root, and there is no sudo; run it as root, then \`npm run engines\` again"
  fi
}

# as_service USER COMMAND…: for servers that refuse to run as root; as ourselves when we are not root.
as_service() {
  local user="$1"
  shift
  if [ "$(id -u)" = 0 ]; then runuser -u "$user" -- "$@"; else "$@"; fi
}

free_port() {
  node -e 'const s = require("net").createServer(); s.listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })'
}

new_password() {
  node -e 'console.log(require("crypto").randomBytes(18).toString("base64url"))'
}

each_engine() {
  for file in scripts/engines/*.sh; do basename "$file" .sh; done
}

# in_engine NAME FUNCTION: the function of an engine's file, in a bash of its own: in a mere subshell under `||` or in
# a condition, bash ignores `set -e`, and a start that failed half-way would look like one that did not.
in_engine() {
  bash scripts/engines.sh in-engine "$1" "$2"
}

install_packages() {
  local missing=() name file
  while read -r name file; do
    # The file may be a pattern.
    compgen -G "$file" >/dev/null || missing+=("$name")
  done < <(for engine in $(each_engine); do in_engine "$engine" packages; done | sort -u)
  [ ${#missing[@]} -eq 0 ] && return
  command -v apt-get >/dev/null ||
    fail "this script installs with apt-get (Debian, Ubuntu); install by other means: ${missing[*]}"
  say "installing ${missing[*]}"
  as_root apt-get update -qq >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    -o Dpkg::Options::=--force-confold "${missing[@]}" </dev/null >&2
}

start_all() {
  install_packages
  local rows="" engine url
  for engine in $(each_engine); do
    url="$(in_engine "$engine" start)" || fail "$engine did not start; its log is in .engines/$engine/"
    [ -z "$url" ] && continue
    rows="$rows${rows:+,
}  \"$engine\": \"$url\""
    say "$engine runs at ${url//:*@/://***@}"
  done
  # The URLs hold passwords.
  (umask 077 && printf '{\n%s\n}\n' "$rows" >"$ENGINES/engines.json.tmp")
  mv "$ENGINES/engines.json.tmp" "$ENGINES/engines.json"
}

stop_all() {
  local engine
  for engine in $(each_engine); do in_engine "$engine" stop; done
  rm -f "$ENGINES/engines.json"
}

if [ "$verb" = in-engine ]; then
  # shellcheck source=/dev/null
  source "scripts/engines/$2.sh"
  "$3"
  exit
fi

mkdir -p "$ENGINES"
exec 9>"$ENGINES/lock"
flock 9
case "$verb" in
  start) start_all 9>&- ;;
  stop) stop_all 9>&- ;;
  *) fail "unknown word \`$verb\`; there are: start, stop" ;;
esac
