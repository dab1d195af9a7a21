# The Rust library evtx, by its Python binding, as a judge of Windows event logs: an environment of its own.
# shellcheck shell=bash

packages() {
  echo 'python3-venv /usr/lib/python3*/ensurepip'
}

# The "URL" of this engine is the Python that has it.
start() {
  local home="$ENGINES/evtx" version=0.14.0
  if ! [ -f "$home/$version" ]; then
    rm -rf "$home"
    python3 -m venv "$home" >&2
    "$home/bin/pip" install --quiet --disable-pip-version-check "evtx==$version" >&2
    touch "$home/$version"
  fi
  echo "$home/bin/python"
}

stop() { :; }
